//! The processors of a machine, together.
//!
//! One processor runs at a time, on the thread that calls [`Partition::run`] or [`Partition::run_all`].
//!
//! Must hold: before a hypercall that takes a translation back returns to the guest, no processor has it any more.

use crate::{
    exit::Exit,
    hypercall::{Handler, Hypercalls},
    schedule::{TURN, Turn},
    space::Space,
    terminal::Terminal,
    vcpu::Vcpu,
};
use hpt::{Hpt, Invalidated, Outcome, VirtualPage, ret::H_PRIVILEGE};
use ppc_core::ram::RealAddr;
use ppc_core::{
    exit::EngineExit,
    msr,
    outside::Question,
    profile::{ExitReason, Tier},
    watch::{Watch, Watches},
};
use std::sync::Arc;

/// The processors of a machine, and their shared state beside memory and hash table.
pub struct Partition {
    /// The processors.
    pub vcpus: Vec<Vcpu>,
    /// The hypercalls that are answered here.
    pub hypercalls: Hypercalls,
    /// The virtual terminal.
    pub terminal: Terminal,
    /// Nanoseconds that virtual time may have skipped at most.
    pub idle_limit: u64,
    /// Nanoseconds of virtual time at which a run ends with [`Exit::Limit`], whether the processor waits or not.
    pub time_limit: u64,
    pub(crate) turn: Turn,
}

impl Partition {
    /// A partition of these processors, which have the same RAM. A kick of any of them ends a run.
    pub fn new(mut vcpus: Vec<Vcpu>) -> Self {
        if let [first, others @ ..] = &mut vcpus[..]
            && !others.is_empty()
        {
            first.engine.share_marks();
            for vcpu in others {
                vcpu.engine.share_marks();
                vcpu.share_kick(first);
            }
        }
        Self {
            turn: Turn { current: 0, ends: vcpus.first().map_or(0, |vcpu| vcpu.engine.cpu.icount + TURN) },
            vcpus,
            hypercalls: Hypercalls::default(),
            terminal: Terminal::default(),
            idle_limit: u64::MAX,
            time_limit: u64::MAX,
        }
    }

    /// Runs processor `index` until its instruction count is `until` or something needs the caller. `look` is called
    /// after each slice: its error ends the run, and so does true, for "now is time for output", if there is some.
    ///
    /// # Errors
    /// Those of `look`.
    pub fn run<E>(
        &mut self,
        index: usize,
        until: u64,
        mut look: impl FnMut() -> Result<bool, E>,
    ) -> Result<Exit, E> {
        let ended = loop {
            if self.vcpus[index].kick().take() {
                // There may be input.
                self.terminal.heard();
                break Ok(Exit::Kicked);
            }
            let end = match self.vcpus[index].next_stop(until) {
                Ok(end) => end,
                Err(exit) => break Ok(exit),
            };
            let before = (end < until).then(|| self.vcpus[index].place());
            let exit = self.slice(index, end);
            let vcpu = &mut self.vcpus[index];
            match exit {
                Some(Exit::Limit) if end < until && vcpu.nanos_to(self.time_limit) > 0 => {}
                Some(Exit::Halted) if vcpu.replaying() => {}
                Some(exit) => break Ok(exit),
                None => {}
            }
            if before.is_some_and(|before| before == vcpu.place()) {
                let pc = vcpu.engine.cpu.cia;
                break Ok(vcpu.diverged(format!("it is at {pc:#x}, where nothing is to be done")));
            }
            match look() {
                Ok(true) if self.terminal.waits() => break Ok(Exit::Output),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        if let Some(profile) = &mut self.vcpus[index].engine.profile {
            match ended {
                Ok(Exit::Halted) => profile.exit("processor that waits"),
                Ok(Exit::Kicked) => profile.exit("kick"),
                _ => {}
            }
            profile.switch(Tier::Outside);
        }
        ended
    }

    /// Runs a processor until something needs the caller. `None`: only the slice is over.
    fn slice(&mut self, index: usize, until: u64) -> Option<Exit> {
        let vcpu = &mut self.vcpus[index];
        let awake = vcpu.awake(self.idle_limit, self.time_limit);
        let left = vcpu.nanos_to(self.time_limit);
        if left == 0 {
            return Some(Exit::Limit);
        }
        if !awake {
            return Some(Exit::Halted);
        }
        let engine = &mut vcpu.engine;
        if engine.was_told() && engine.cpu.icount < until {
            // The caller has seen what was about to happen.
            self.before_execution();
            let stop = self.vcpus[index].engine.answer(0);
            self.after_execution(index);
            return self.stopped(index, stop?);
        }
        let end = until.min(engine.cpu.icount.saturating_add(left.min(engine.slice())));
        self.before_execution();
        let stop = self.vcpus[index].engine.run_a_while(end);
        self.after_execution(index);
        let vcpu = &self.vcpus[index];
        let engine = &vcpu.engine;
        match stop {
            EngineExit::Limit => {
                (engine.cpu.icount >= until || vcpu.nanos_to(self.time_limit) == 0).then_some(Exit::Limit)
            }
            stop => self.stopped(index, stop),
        }
    }

    /// A processor has stopped before its budget ended.
    fn stopped(&mut self, index: usize, stop: EngineExit) -> Option<Exit> {
        match stop {
            EngineExit::Limit => None,
            EngineExit::Hung => Some(Exit::Hung),
            EngineExit::Unimplemented { cia, word } => Some(Exit::Unimplemented { cia, word }),
            EngineExit::Hypercall { sc } => self.called(index, sc),
            EngineExit::Asks(question) => {
                if let (Question::Mmio { .. }, Some(profile)) =
                    (question, &mut self.vcpus[index].engine.profile)
                {
                    profile.exit("access to a device");
                }
                Some(Exit::Asks(question))
            }
        }
    }

    /// Sets what is watched from now on, for every processor: an access to it ends a run with
    /// [`Question::Watched`]. The guest cannot tell. No processor may be in a run.
    pub fn set_watches(&mut self, watches: Vec<Watch>) {
        let watches = Watches::new(&watches);
        for vcpu in &mut self.vcpus {
            vcpu.engine.set_watches(watches.clone());
        }
    }

    /// The device's answer to [`Question::Mmio`] of a processor: what a load reads, or anything for a store. Completes the
    /// instruction, before any interrupt, and counts it. Returns what else needs the caller at once: the next access of an
    /// instruction that has several.
    pub fn answer(&mut self, index: usize, value: u64) -> Option<Exit> {
        self.before_execution();
        let stop = self.vcpus[index].engine.answer(value);
        self.after_execution(index);
        let exit = stop.and_then(|stop| self.stopped(index, stop));
        self.vcpus[index].engine.switch(Tier::Outside);
        exit
    }

    /// A processor has executed the hypercall at `sc`.
    fn called(&mut self, caller: usize, sc: u64) -> Option<Exit> {
        let engine = &mut self.vcpus[caller].engine;
        if engine.cpu.msr & msr::PR != 0 {
            engine.cpu.gpr[3] = H_PRIVILEGE as u64;
            if let Some(profile) = &mut engine.profile {
                profile.left(ExitReason::ProblemHypercall);
            }
            return None;
        }
        engine.switch(Tier::Hypercalls);
        let number = engine.cpu.gpr[3];
        let args = std::array::from_fn(|n| engine.cpu.gpr[4 + n]);
        let handler = self.hypercalls.enabled(number).map(|row| row.handler);
        let native = handler.and_then(|handler| self.native(caller, handler, &args, Vcpu::put)).is_some();
        let vcpu = &mut self.vcpus[caller];
        if let Some(profile) = &mut vcpu.engine.profile {
            profile.hypercall(number, native);
        }
        if native {
            return None;
        }
        vcpu.ask(sc);
        // Whether the terminal is answered natively depends on the host, and the clock log must not.
        if !self.hypercalls.is_shared(number) {
            vcpu.engine.cpu.read_clock();
        }
        Some(Exit::Hypercall)
    }

    /// Does what hypercall `number` of a processor with `args` in R4 to R12 asks for, except for its registers. `None`,
    /// and nothing is done: it has no native answer.
    pub fn hypercall(&mut self, caller: usize, number: u64, args: &[u64; 9]) -> Option<Outcome> {
        let handler = self.hypercalls.enabled(number)?.handler;
        self.native(caller, handler, args, |_, outcome| *outcome)
    }

    /// As [`Partition::hypercall`], also where it is turned off because the caller wants to see it first.
    pub fn hypercall_for_caller(&mut self, caller: usize, number: u64, args: &[u64; 9]) -> Option<Outcome> {
        let handler = self.hypercalls.row(number)?.handler;
        self.native(caller, handler, args, |_, outcome| *outcome)
    }

    /// What `then` makes of the answer, which it sees where it is: to copy it costs more than many a hypercall.
    #[inline]
    fn native<T>(
        &mut self,
        caller: usize,
        handler: Handler,
        args: &[u64; 9],
        then: impl FnOnce(&mut Vcpu, &Outcome) -> T,
    ) -> Option<T> {
        let cpu = &self.vcpus[caller].engine.cpu;
        let outcome = match handler {
            Handler::Table(handler) => {
                handler(&cpu.hpt, args, &Space { ram: &cpu.ram, windows: cpu.windows() })
            }
            Handler::Terminal(handler) => handler(&mut self.terminal, args)?,
        };
        if !outcome.invalidated().is_empty() {
            let hpt = cpu.hpt.clone();
            self.forget(&hpt, outcome.invalidated());
        }
        Some(then(&mut self.vcpus[caller], &outcome))
    }

    /// These entries of `hpt` are no more: every processor that translates by it forgets them.
    fn forget(&mut self, hpt: &Arc<Hpt>, gone: &[Invalidated]) {
        let cpus = self.vcpus.iter_mut().map(|vcpu| &mut vcpu.engine.cpu);
        for cpu in cpus.filter(|cpu| Arc::ptr_eq(&cpu.hpt, hpt)) {
            for gone in gone {
                match VirtualPage::of_entry(hpt.groups(), gone.ptex, gone.entry) {
                    Some(page) => cpu.flush_page(&page, RealAddr(gone.entry.real_page(page.actual_shift))),
                    None => cpu.flush_translations(),
                }
            }
        }
    }
}
