//! One processor while it does not run.
//!
//! Must hold: a migration transfers `engine.cpu`, `halted` and `stopped` of a processor; a hypercall that has got no
//! answer is made again before either is saved.

use crate::{replay::Replay, schedule::Areas};
use hpt::{Hpt, Outcome};
use ppc_core::{
    engine::Engine,
    frozen::State,
    interrupt::Vector,
    model::Model,
    slb::SlbEntry,
    spr::number::{DAR, DSISR},
    state::Cpu,
    time::Clock,
    warm::Warm,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::*},
};

/// Asks for the end of a processor's run, from any thread.
#[derive(Clone, Default)]
pub struct Kick(Arc<AtomicBool>);

impl Kick {
    /// Ends the run after its present slice; where there is no run, the next one ends before it begins.
    pub fn kick(&self) {
        self.0.store(true, Release);
    }

    /// Whether a kick came since the last call.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, AcqRel)
    }
}

/// The state of a processor at some moment.
pub struct Frozen {
    state: State,
    halted: bool,
    stopped: bool,
    code: Option<Arc<Warm>>,
}

impl Frozen {
    /// Which processor it is the state of.
    pub fn model(&self) -> &'static Model {
        self.state.model()
    }
}

/// One processor.
pub struct Vcpu {
    /// What executes its instructions.
    pub engine: Engine,
    /// It waits for an interrupt, as after H_CEDE.
    pub halted: bool,
    /// It waits to be started, as after RTAS's stop-self.
    pub stopped: bool,
    /// It was last seen branching to itself with interrupts masked.
    pub(crate) hung: bool,
    /// What it has registered. With several processors its yield count is kept, and its dispatch trace log.
    pub areas: Areas,
    /// The address of the `sc` whose hypercall the caller has not answered yet.
    unanswered: Option<u64>,
    kick: Kick,
    pub(crate) replay: Replay,
}

impl Vcpu {
    /// A processor that does not wait.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            halted: false,
            stopped: false,
            hung: false,
            areas: Areas::default(),
            unanswered: None,
            kick: Kick::default(),
            replay: Replay::default(),
        }
    }

    /// What ends its runs.
    pub fn kick(&self) -> &Kick {
        &self.kick
    }

    pub(crate) fn share_kick(&mut self, other: &Self) {
        self.kick = other.kick.clone();
    }

    /// The state in which a processor enters an operating system: registers are 0, but for these from R3 on.
    pub fn reset(&mut self, pc: u64, arguments: [u64; 5], msr: u64) {
        let old = &mut self.engine.cpu;
        let mut cpu = Cpu::new(old.model, old.ram.clone(), old.hpt.clone());
        (cpu.index, cpu.thread) = (old.index, old.thread);
        cpu.succeed(old);
        cpu.clock = std::mem::replace(&mut old.clock, Clock::Virtual);
        cpu.random_state = old.random_state;
        cpu.icount = old.icount;
        cpu.idle_nanos = old.idle_nanos;
        cpu.tb_offset = old.tb_offset;
        cpu.cia = pc & !3;
        cpu.gpr[3..8].copy_from_slice(&arguments);
        cpu.set_decrementer(i64::from(i32::MAX));
        cpu.set_msr(msr);
        self.engine.set_cpu(cpu);
        (self.halted, self.stopped, self.hung) = (false, false, false);
        self.unanswered = None;
    }

    /// Whether it executes instructions now. One that waits is woken by what it waits for; virtual time skips to the
    /// decrementer's deadline if it has not skipped more than `idle_limit` nanoseconds then, and no further than
    /// `time_limit`.
    pub(crate) fn awake(&mut self, idle_limit: u64, time_limit: u64) -> bool {
        if !self.halted {
            return true;
        }
        let cpu = &mut self.engine.cpu;
        if !cpu.wakeup_pending() {
            match (&cpu.clock, cpu.decrementer_deadline()) {
                (Clock::Virtual, Some(deadline)) => {
                    let nanos = deadline.min(time_limit);
                    let skipped = cpu.idle_nanos.saturating_add(nanos.saturating_sub(cpu.nanos()));
                    if skipped <= idle_limit {
                        cpu.skip_to(nanos);
                    }
                }
                _ => cpu.read_clock_again(),
            }
        }
        self.halted = !cpu.wakeup_pending();
        !self.halted
    }

    /// Nanoseconds until virtual time is `limit`; endless where time is the host's.
    pub(crate) fn nanos_to(&self, limit: u64) -> u64 {
        match self.engine.cpu.clock {
            Clock::Virtual => limit.saturating_sub(self.engine.cpu.nanos()),
            Clock::Host(_) => u64::MAX,
        }
    }

    /// Virtual time skips to the decrementer's next deadline.
    pub fn skip_to_deadline(&mut self) {
        let cpu = &mut self.engine.cpu;
        if let Some(nanos) = cpu.decrementer_deadline() {
            cpu.skip_to(nanos);
        }
    }

    /// Nanoseconds until the decrementer asks for an interrupt; 0 if it already does.
    pub fn nanos_to_deadline(&self) -> u64 {
        let cpu = &self.engine.cpu;
        let now = match &cpu.clock {
            Clock::Virtual => cpu.nanos(),
            Clock::Host(host) => host.now(),
        };
        cpu.decrementer_deadline().map_or(0, |at| at.saturating_sub(now))
    }

    /// Nanoseconds of the host's time since the guest's clock was read last; 0 with virtual time.
    pub fn clock_age(&self) -> u64 {
        match &self.engine.cpu.clock {
            Clock::Virtual => 0,
            Clock::Host(host) => host.now().saturating_sub(host.nanos()),
        }
    }

    /// What [`Vcpu::clock_age`] is from now on; nothing with virtual time.
    pub fn set_clock_age(&mut self, nanos: u64) {
        if let Clock::Host(host) = &mut self.engine.cpu.clock {
            host.set_age(nanos);
        }
    }

    /// For a run that begins, and a guest that resumes after a pause: the host's time that passed meanwhile counts in
    /// TB and not in VTB. With virtual time none did. `launched` is whether the guest has run since its start.
    pub fn go_on(&mut self, launched: bool) {
        if launched {
            self.engine.cpu.go_on();
        } else {
            self.engine.cpu.read_clock_again();
        }
    }

    /// The external interrupt line.
    pub fn set_external(&mut self, level: bool) {
        self.engine.cpu.external = level;
        self.engine.cpu.request_event();
    }

    /// Makes a system reset interrupt pending.
    pub fn system_reset(&mut self) {
        self.engine.cpu.system_reset = true;
        self.engine.cpu.request_event();
    }

    /// Takes a machine check interrupt that no instruction has caused. One that waits is awake then.
    pub fn machine_check(&mut self, dar: u64, dsisr: u32, srr1: u64) {
        let cpu = &mut self.engine.cpu;
        cpu.spr[DAR] = dar;
        cpu.spr[DSISR] = dsisr.into();
        cpu.interrupt(Vector::MachineCheck, cpu.cia, srr1);
        self.halted = false;
    }

    /// Has translations come from another table from now on.
    pub fn set_hpt(&mut self, hpt: Arc<Hpt>) {
        self.engine.cpu.hpt = hpt;
        self.engine.cpu.flush_translations();
    }

    /// Writes SLB entry `index`.
    pub fn set_slb(&mut self, index: usize, entry: SlbEntry) {
        self.engine.cpu.slb.set(index, entry);
        self.engine.cpu.flush_translations();
    }

    /// R3 to R12: number and arguments of the hypercall that the run ended at.
    pub fn arguments(&self) -> &[u64] {
        &self.engine.cpu.gpr[3..13]
    }

    /// The hypercall that the run ended at is done: its return code and results go to R3 and on.
    pub fn answer(&mut self, results: impl IntoIterator<Item = u64>) {
        for (gpr, value) in self.engine.cpu.gpr[3..13].iter_mut().zip(results) {
            *gpr = value;
        }
        self.unanswered = None;
    }

    /// The caller has to answer the hypercall at `sc`.
    pub(crate) fn ask(&mut self, sc: u64) {
        self.unanswered = Some(sc);
    }

    /// A native hypercall is done.
    pub(crate) fn put(&mut self, outcome: &Outcome) {
        let gpr = &mut self.engine.cpu.gpr;
        gpr[3] = outcome.rc as u64;
        gpr[4..][..outcome.out().len()].copy_from_slice(outcome.out());
    }

    /// Repeats a hypercall without an answer: the processor is put before it, awake.
    pub fn call_again(&mut self) {
        if let Some(sc) = self.unanswered.take() {
            self.engine.cpu.cia = sc;
            self.halted = false;
        }
    }

    /// The present state, for [`Vcpu::thaw`]. Pages that are written from now on are marked again.
    pub fn freeze(&mut self) -> Frozen {
        self.engine.cpu.protect_writes();
        let code = self.engine.share_code();
        Frozen { state: self.engine.cpu.state(), halted: self.halted, stopped: self.stopped, code }
    }

    /// Takes over the state of a processor of the same model, and what it has decoded and compiled. Code of its own, kicks,
    /// windows and watched ranges stay.
    pub fn thaw(&mut self, frozen: &Frozen) {
        self.engine.take_over_code(frozen.code.clone());
        let fresh = self.engine.is_fresh();
        self.engine.cpu.set_state(&frozen.state, fresh);
        (self.halted, self.stopped, self.hung) = (frozen.halted, frozen.stopped, false);
        self.unanswered = None;
        self.replay = Replay::default();
        self.state_loaded();
    }

    /// The instruction count has become another without instructions: a state was loaded.
    pub fn state_loaded(&mut self) {
        let count = self.engine.cpu.icount;
        if let Some(profile) = &mut self.engine.profile {
            profile.restart_at(count);
        }
    }
}
