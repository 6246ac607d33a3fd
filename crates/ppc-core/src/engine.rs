//! The engine: a processor, its code, and the loop that runs it until something needs the caller.
//!
//! `icount` counts instructions that were begun: one that ends in an interrupt counts, too, and so does a fetch that
//! does, so that a guest cannot loop in interrupts without progress of the count. It is raised by a whole block before
//! the block runs and lowered again when the block is left early, so that instructions which end a block (reads of
//! time among them) see the count that includes themselves. Between blocks one comparison against `limit` finds
//! budgets, deadlines and everything that asked for attention by [`Cpu::request_event`].

use crate::{
    block::CodeCache,
    exit::EngineExit,
    host_float::DefaultEnvironment,
    jit::{Jit, budget},
    msr,
    outside::Question,
    profile::{ExitReason, Profile, Report, Tier},
    ram::{PAGE, PAGE_SHIFT, RealAddr},
    state::Cpu,
    time::{Clock, MOST_SPENT},
    trap::Trap,
    warm::Warm,
    watch::Watches,
};

use std::sync::Arc;

/// With the host's clock, deadlines are checked after this many instructions.
const HOST_CLOCK_SLICE: u64 = 20_000;

/// How instructions are executed. Nothing that a guest or a caller can see depends on it but speed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineKind {
    /// Decoded blocks, one function call for each instruction.
    Interp,
    /// Machine code for blocks that were interpreted often.
    Jit,
}

/// Blocks are compiled after so many executions.
pub const COMPILE_AFTER: u32 = 16;

/// Bytes that decoded code of a machine with `ram` bytes of RAM may take, and compiled code, each.
pub fn code_share(ram: u64) -> usize {
    budget::share(ram)
}

/// A processor and its code.
pub struct Engine {
    /// The processor.
    pub cpu: Box<Cpu>,
    pub(crate) cache: CodeCache,
    pub(crate) jit: Option<Jit>,
    /// Stop at instructions without semantics.
    pub strict: bool,
    /// Blocks are compiled after so many executions.
    pub compile_after: u32,
    /// Instructions that were executed in compiled code.
    pub compiled: u64,
    /// The profile, if one was requested.
    pub profile: Option<Box<Profile>>,
    /// The latest instruction did not complete.
    pub(crate) interrupted: bool,
    /// With shared code: stores to pages with code that other processors have not heard of.
    pub(crate) code_written: Vec<(RealAddr, u64)>,
}

impl Engine {
    /// An interpreter for `cpu`.
    pub fn new(cpu: Cpu) -> Self {
        Self::with_kind(cpu, EngineKind::Interp)
    }

    /// An engine for `cpu`. Where there is no compiler, because of the host's processor or because it gives no
    /// executable memory, it is an interpreter: see [`Engine::kind`].
    pub fn with_kind(cpu: Cpu, kind: EngineKind) -> Self {
        Self::with_kind_among(cpu, kind, 1)
    }

    /// As [`Engine::with_kind`], for one of `processors` that divide what code may take.
    pub fn with_kind_among(cpu: Cpu, kind: EngineKind, processors: u32) -> Self {
        let ram = cpu.ram.size() / u64::from(processors.max(1));
        let mut engine = Self {
            cpu: Box::new(cpu),
            cache: CodeCache::new(code_share(ram)),
            jit: if kind == EngineKind::Jit { Jit::new(ram) } else { None },
            strict: false,
            compile_after: COMPILE_AFTER,
            compiled: 0,
            profile: None,
            interrupted: false,
            code_written: Vec::new(),
        };
        engine.attach();
        engine
    }

    /// Instructions that [`Engine::run_a_while`] may be asked for at most where the caller wants to look around within 50
    /// ms. Interpreted ones take up to a microsecond each (software floating point), compiled ones up to a tenth of that;
    /// those that compiled code cannot do itself are counted by `Cpu::spend`.
    pub fn slice(&self) -> u64 {
        if self.jit.is_some() { 500_000 } else { MOST_SPENT.into() }
    }

    /// The kind of this engine.
    pub fn kind(&self) -> EngineKind {
        if self.jit.is_some() { EngineKind::Jit } else { EngineKind::Interp }
    }

    /// Replaces the processor.
    pub fn set_cpu(&mut self, cpu: Cpu) {
        self.forget_code();
        *self.cpu = cpu;
        self.attach();
    }

    fn attach(&mut self) {
        if let Some(jit) = &self.jit {
            jit.attach(&mut self.cpu);
        }
    }

    /// Bytes of memory that decoded code takes, and compiled code.
    pub fn code_bytes(&self) -> (usize, usize) {
        (self.cache.bytes(), self.jit.as_ref().map_or(0, Jit::bytes))
    }

    /// What each of these may be at most, but for what one block or region takes.
    pub fn most_code_bytes(&self) -> usize {
        self.cache.most()
    }

    /// Begins or ends a profile. The guest cannot tell.
    pub fn set_profiling(&mut self, on: bool) {
        self.profile = on.then(|| Box::new(Profile::new(self.cpu.icount, self.compiled)));
    }

    /// The profile since `set_profiling`; `None` when there is none.
    pub fn report(&self) -> Option<Report> {
        let profile = self.profile.as_ref()?;
        Some(profile.report(self.cpu.icount, self.compiled, self.cpu.cia))
    }

    /// With a profile, host time is spent on `tier` from now on.
    pub fn switch(&mut self, tier: Tier) {
        if let Some(profile) = &mut self.profile {
            profile.switch(tier);
        }
    }

    /// Whether nothing was decoded or compiled yet.
    pub fn is_fresh(&self) -> bool {
        self.cache.blocks.is_empty() && self.jit.as_ref().is_none_or(|jit| jit.bytes() == 0)
    }

    /// The code that this engine has made, for others: see [`Engine::take_over_code`].
    pub fn share_code(&mut self) -> Option<Arc<Warm>> {
        self.forget_stale_code();
        if let Some(jit) = &mut self.jit
            && self.cache.warm.as_ref().is_some_and(|warm| warm.is_long())
        {
            jit.forget_shared();
            self.cache.warm = None;
        }
        Warm::of(&mut self.cache, self.jit.as_ref(), self.cpu.tlb.read_shift())
    }

    /// Blocks and regions that are in `warm` are taken from there when the processor comes to them, if memory still has the
    /// instructions that they were made from. What this engine has made itself stays.
    pub fn take_over_code(&mut self, warm: Option<Arc<Warm>>) {
        if self.cache.warm.as_ref().map(Arc::as_ptr) == warm.as_ref().map(Arc::as_ptr) {
            return;
        }
        for block in &mut self.cache.blocks {
            block.shared = false;
        }
        if let Some(jit) = &mut self.jit {
            jit.forget_shared();
        }
        self.cache.warm = warm;
    }

    /// Drops all decoded and compiled code; it is made again when needed.
    pub fn forget_code(&mut self) {
        self.cache.clear(&mut self.cpu);
        self.search_dropped();
    }

    fn forget_compiled(&mut self) {
        self.cache.forget_compiled();
        if let Some(jit) = &mut self.jit {
            jit.clear();
        }
    }

    /// Sets what is watched from now on; the guest cannot tell. Code stays, except in pages of which another instruction
    /// is watched than before.
    pub fn set_watches(&mut self, watches: Watches) {
        let old = self.cpu.watches().clone();
        let dropped = self.cache.watch(&mut self.cpu, &old, &watches);
        self.dropped(dropped);
        self.cpu.set_watches(watches);
    }

    /// Whether the processor stands before something that somebody watches and has been told of: [`Engine::answer`]
    /// continues over it.
    pub fn was_told(&self) -> bool {
        let place = (self.cpu.icount, self.cpu.cia);
        matches!(self.cpu.outside.asked_at(place), Some(Question::Watched { .. }))
    }

    /// Runs until `icount` is `until`, or something needs the caller.
    pub fn run(&mut self, until: u64) -> EngineExit {
        loop {
            match self.run_a_while(until) {
                EngineExit::Limit if self.cpu.icount < until => {}
                exit => return exit,
            }
        }
    }

    /// As `run`, but `EngineExit::Limit` comes sooner where instructions take long (`Cpu::spend`): what the caller looks
    /// for between two calls must not wait for that.
    pub fn run_a_while(&mut self, until: u64) -> EngineExit {
        let _environment = DefaultEnvironment::enter();
        self.cpu.spent = 0;
        self.drop_changed_code();
        if let Some(jit) = &self.jit {
            jit.come_to_thread();
        }
        loop {
            self.cpu.spend(1);
            if self.profile.is_some() {
                self.look_around();
            }
            self.cpu.read_clock_for_interrupts();
            let floating_point = self.cpu.take_floating_point();
            let pending = self.cpu.take_pending();
            if let Some(profile) = &mut self.profile {
                if floating_point {
                    profile.trapped(Trap::FpEnabled);
                }
                if let Some(vector) = pending {
                    profile.interrupted(vector);
                }
            }
            if self.cpu.icount >= until || self.cpu.spent >= MOST_SPENT {
                return EngineExit::Limit;
            }
            if self.cpu.outside.is_busy() {
                // Nobody has answered, and somebody may have changed what the instruction does: it asks again.
                self.cpu.outside.forget();
            }
            self.forget_stale_code();
            self.cpu.limit = self.next_stop(until);
            let exit = if self.cpu.msr & (msr::SE | msr::BE) != 0 {
                self.trace_one()
            } else if self.profile.is_some() {
                self.run_blocks::<true>()
            } else {
                self.run_blocks::<false>()
            };
            if let Some(exit) = exit {
                return exit;
            }
        }
    }

    /// Drops code that was written from outside the processor. Of shared code `code_sharing` does that.
    fn drop_changed_code(&mut self) {
        if self.cache.shared {
            return;
        }
        for page in self.cpu.ram.take_changed_code() {
            self.drop_code(RealAddr(page << PAGE_SHIFT), PAGE);
        }
    }

    /// Forgets links between blocks, and compiled code, that the processor has made stale.
    fn forget_stale_code(&mut self) {
        if std::mem::take(&mut self.cpu.fetch_flush) {
            self.cache.forget_links();
            if let Some(jit) = &mut self.jit {
                jit.forget_links();
            }
        }
        if std::mem::take(&mut self.cpu.pages_shrunk) || self.jit.as_ref().is_some_and(Jit::full) {
            self.forget_compiled();
        }
    }

    /// Before instructions are executed: whatever was changed since the last ones is no longer in decoded code.
    pub(crate) fn keep_up(&mut self) {
        self.drop_changed_code();
        self.forget_stale_code();
    }

    /// Between blocks, with a profile: takes the sample that is due.
    #[cold]
    fn look_around(&mut self) {
        let Some(profile) = &mut self.profile else { return };
        profile.switch(Tier::Between);
        if self.cpu.icount >= profile.next() {
            profile.sample(self.cpu.icount, self.cpu.cia);
        }
    }

    /// The instruction count at which to look around next.
    fn next_stop(&self, until: u64) -> u64 {
        let until = self.profile.as_ref().map_or(until, |profile| until.min(profile.next()));
        match &self.cpu.clock {
            Clock::Virtual => match self.cpu.decrementer_deadline() {
                Some(nanos) => until.min(nanos.saturating_sub(self.cpu.idle_nanos).max(self.cpu.icount + 1)),
                None => until,
            },
            Clock::Host(host) if host.replaying() => host.due_at().map_or(until, |count| until.min(count)),
            Clock::Host(_) => until.min(self.cpu.icount + HOST_CLOCK_SLICE),
        }
    }

    /// The block at the current instruction.
    pub(crate) fn find(&mut self) -> Result<u32, Trap> {
        let upheavals = self.cache.upheavals;
        let found = self.cache.find(&mut self.cpu);
        if self.cache.upheavals != upheavals {
            self.search_dropped();
        }
        found
    }

    /// A search has dropped blocks: machine code is told.
    #[cold]
    fn search_dropped(&mut self) {
        if self.cache.take_cleared()
            && let Some(jit) = &mut self.jit
        {
            jit.clear();
        }
        let split = self.cache.take_split();
        self.dropped(split);
    }

    /// The `len` bytes at `ra` were written: drops code that was made from them.
    pub(crate) fn drop_code(&mut self, ra: RealAddr, len: u64) {
        let dropped = self.cache.written(&mut self.cpu, ra, len);
        self.dropped(dropped);
    }

    /// Nothing leads to the machine code of these blocks any more.
    fn dropped(&mut self, blocks: Vec<u32>) {
        for number in blocks {
            let entries = std::mem::take(&mut self.cache.blocks[number as usize].compiled);
            if let Some(jit) = &mut self.jit {
                entries.into_iter().flatten().for_each(|entry| jit.drop_region(entry));
            }
        }
    }

    /// With a profile: compiled code was left with `Leave::Next`, for block `number` or to look at events.
    #[cold]
    pub(crate) fn left(&mut self, number: Option<u32>) {
        let Some(profile) = &mut self.profile else { return };
        let cpu = &*self.cpu;
        let block = number.map(|number| &self.cache.blocks[number as usize]);
        if cpu.nia == cpu.cia {
            profile.left(ExitReason::ContextSynchronising);
        } else if cpu.limit == 0 {
            profile.left(ExitReason::Event);
        } else if cpu.icount + block.map_or(0, |block| u64::from(block.len)) > cpu.limit || block.is_none() {
            // The profile's own stops are no exits of the guest's.
            if cpu.limit != profile.next() {
                profile.left(ExitReason::Limit);
            }
        } else if block.is_some_and(|block| cpu.missing(block.needs) != 0) {
            profile.left(ExitReason::Facility);
        } else {
            profile.left(ExitReason::Missed);
        }
    }
}
