//! The interpreter: runs decoded blocks with exact instruction counts.
//!
//! `icount` counts instructions that were begun: one that ends in an interrupt counts, too, and so does a fetch that
//! does, so that no guest can stand still while interrupts chase each other. It is raised by a whole block before the
//! block runs and lowered again when the block is left early, so that instructions which end a block (reads of time
//! among them) see the count that includes themselves. Between blocks one comparison against `limit` finds budgets, deadlines and everything that asked for
//! attention by [`Cpu::request_event`].

use crate::{
    block::{CodeCache, Link, Op, SELF_BRANCH, decoded, facility_trap, needs_of},
    exit::Exit,
    fields::Word,
    insn::decode,
    jit::{Jit, Leave},
    mmu::Access,
    msr,
    profile::{Profile, Report, Tier, Way},
    state::Cpu,
    time::Clock,
    tlb::{GRAIN, GRAIN_SHIFT, half},
    trap::Trap,
};

/// With the host's clock, deadlines are looked at after this many instructions.
const HOST_CLOCK_SLICE: u64 = 20_000;
/// Sampled instruction address register.
const SIAR: usize = 796;
/// SRR1 of a trace interrupt (3.0B, Book III, "Trace Interrupt").
const SRR1_TRACE: u64 = 0x4000_0000;

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

/// Where instructions were executed, and why compiled code was left.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counters {
    /// Instructions in compiled code.
    pub compiled: u64,
    /// Looks from compiled code for an instruction that it did not know: misses of the table of indirect branches,
    /// budgets, facilities that were off.
    pub lookups: u64,
    /// Branches that were not linked.
    pub unlinked: u64,
    /// Interrupts and the like.
    pub traps: u64,
}

/// A processor and its code.
pub struct Engine {
    /// The processor.
    pub cpu: Box<Cpu>,
    cache: CodeCache,
    jit: Option<Jit>,
    /// Stop at instructions without semantics.
    pub strict: bool,
    /// Blocks are compiled after so many executions.
    pub compile_after: u32,
    /// What was done where.
    pub counters: Counters,
    /// What more is counted, if somebody wants to know.
    pub profile: Option<Box<Profile>>,
    /// The latest instruction did not complete.
    interrupted: bool,
}

impl Engine {
    /// An interpreter for `cpu`.
    pub fn new(cpu: Cpu) -> Self {
        Self::with_kind(cpu, EngineKind::Interp)
    }

    /// An engine for `cpu`. Where there is no compiler, because of the host's processor or because it gives no
    /// executable memory, it is an interpreter: see [`Engine::kind`].
    pub fn with_kind(cpu: Cpu, kind: EngineKind) -> Self {
        let mut engine = Self {
            cpu: Box::new(cpu),
            cache: CodeCache::default(),
            jit: if kind == EngineKind::Jit { Jit::new() } else { None },
            strict: false,
            compile_after: COMPILE_AFTER,
            counters: Counters::default(),
            profile: None,
            interrupted: false,
        };
        engine.attach();
        engine
    }

    /// What this engine is.
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

    /// Begins a profile, or ends it. The guest cannot tell.
    pub fn set_profiling(&mut self, on: bool) {
        self.profile = on.then(|| Box::new(Profile::new(self.cpu.icount, self.counters.compiled)));
    }

    /// What was counted since `set_profiling`; `None` when nothing was to be.
    pub fn report(&self) -> Option<Report> {
        let profile = self.profile.as_ref()?;
        Some(profile.report(self.cpu.icount, self.counters.compiled, self.cpu.cia))
    }

    /// With a profile, host time is spent on `tier` from now on.
    pub fn switch(&mut self, tier: Tier) {
        if let Some(profile) = &mut self.profile {
            profile.switch(tier);
        }
    }

    /// Drops all decoded and compiled code; it is made again when needed.
    pub fn forget_code(&mut self) {
        self.cache.clear(&mut self.cpu);
        if let Some(jit) = &mut self.jit {
            jit.clear();
        }
    }

    fn forget_compiled(&mut self) {
        self.cache.forget_compiled();
        if let Some(jit) = &mut self.jit {
            jit.clear();
        }
    }

    /// Runs until `icount` is `until`, or something needs the caller.
    pub fn run(&mut self, until: u64) -> Exit {
        // Code that was written from outside the processor.
        for grain in self.cpu.ram.take_changed_code() {
            self.drop_code(grain << GRAIN_SHIFT, GRAIN);
        }
        if let Some(jit) = &self.jit {
            jit.come_to_thread();
        }
        loop {
            if self.profile.is_some() {
                self.look_around();
            }
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
            if self.cpu.icount >= until {
                return Exit::Limit;
            }
            if std::mem::take(&mut self.cpu.fetch_flush) {
                self.cache.forget_links();
                if let Some(jit) = &mut self.jit {
                    jit.forget_links();
                }
            }
            if std::mem::take(&mut self.cpu.pages_shrunk) || self.jit.as_ref().is_some_and(Jit::full) {
                self.forget_compiled();
            }
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
        match self.cpu.clock {
            Clock::Virtual => match self.cpu.decrementer_deadline() {
                Some(nanos) => until.min(nanos.saturating_sub(self.cpu.idle_nanos).max(self.cpu.icount + 1)),
                None => until,
            },
            Clock::Host(_) => until.min(self.cpu.icount + HOST_CLOCK_SLICE),
        }
    }

    /// The block at the current instruction.
    fn find(&mut self) -> Result<u32, Trap> {
        let emptied = self.cache.emptied;
        let found = self.cache.find(&mut self.cpu);
        if self.cache.emptied != emptied
            && let Some(jit) = &mut self.jit
        {
            jit.clear();
        }
        found
    }

    /// The `len` bytes at `ra` were written: drops code that was made from them.
    fn drop_code(&mut self, ra: u64, len: u64) {
        for number in self.cache.written(&mut self.cpu, ra, len) {
            let entries = std::mem::take(&mut self.cache.blocks[number as usize].compiled);
            if let Some(jit) = &mut self.jit {
                entries.into_iter().flatten().for_each(|entry| jit.drop_region(entry));
            }
        }
    }

    /// With a profile: compiled code was left with [`Leave::Next`], for block `number` or to look at events.
    #[cold]
    fn left(&mut self, number: Option<u32>) {
        let Some(profile) = &mut self.profile else { return };
        let cpu = &*self.cpu;
        let block = number.map(|number| &self.cache.blocks[number as usize]);
        if cpu.nia == cpu.cia {
            profile.left(Way::World);
        } else if cpu.limit == 0 {
            profile.left(Way::Event);
        } else if cpu.icount + block.map_or(0, |block| u64::from(block.len)) > cpu.limit || block.is_none() {
            // The profile's own stops are no exits of the guest's.
            if cpu.limit != profile.next() {
                profile.left(Way::Limit);
            }
        } else if block.is_some_and(|block| block.needs & !cpu.msr != 0) {
            profile.left(Way::Facility);
        } else {
            profile.left(Way::Missed);
        }
    }

    /// Runs blocks until `limit`. `None`: look at events and go on.
    fn run_blocks<const PROFILED: bool>(&mut self) -> Option<Exit> {
        let mut number = match self.find() {
            Ok(number) => number,
            Err(trap) => return self.fetch_failed(trap),
        };
        // What the branch to `number` came through in compiled code.
        let mut came = Leave::Trap;
        loop {
            let cpu = &mut *self.cpu;
            let block = &mut self.cache.blocks[number as usize];
            let len = u64::from(block.len);
            if cpu.icount + len > cpu.limit {
                if cpu.limit <= cpu.icount {
                    return None;
                }
                let left = (cpu.limit - cpu.icount) as usize;
                return self.run_checked(number, left);
            }
            if block.needs & !cpu.msr != 0 {
                return self.run_checked(number, len as usize);
            }
            if let Some(entry) = block.compiled[half(cpu.cia)]
                && cpu.sf()
                && let Some(jit) = &mut self.jit
            {
                match came {
                    Leave::Unlinked => jit.link(cpu, entry),
                    Leave::Next => jit.remember(cpu, entry),
                    Leave::Trap => {}
                }
                let before = cpu.icount;
                if PROFILED && let Some(profile) = &mut self.profile {
                    profile.switch(Tier::Compiled);
                    // An instruction that changes the context leaves the address at which it goes on here.
                    cpu.nia = !0;
                }
                came = jit.enter(cpu, entry);
                self.counters.compiled += cpu.icount.wrapping_sub(before);
                if PROFILED && let Some(profile) = &mut self.profile {
                    profile.switch(Tier::Between);
                }
                match came {
                    Leave::Next => self.counters.lookups += 1,
                    Leave::Unlinked => {
                        self.counters.unlinked += 1;
                        if PROFILED && let Some(profile) = &mut self.profile {
                            profile.left(Way::Unlinked);
                        }
                        cpu.cia = jit.unlinked_target(cpu);
                    }
                    Leave::Trap => {
                        self.counters.traps += 1;
                        let trap = jit.trap(cpu);
                        return self.trapped(trap, None);
                    }
                }
                // A fetch that faults counts, so there must be room for it.
                if self.cpu.icount >= self.cpu.limit {
                    if PROFILED && came == Leave::Next {
                        self.left(None);
                    }
                    return None;
                }
                let emptied = self.cache.emptied;
                number = match self.find() {
                    Ok(number) => number,
                    Err(trap) => return self.fetch_failed(trap),
                };
                if PROFILED && came == Leave::Next {
                    self.left(Some(number));
                }
                if self.cache.emptied != emptied {
                    came = Leave::Trap;
                }
                continue;
            }
            came = Leave::Trap;
            if let Some(jit) = &mut self.jit {
                block.count += 1;
                if block.count > self.compile_after && block.needs & SELF_BRANCH == 0 && cpu.sf() {
                    if PROFILED && let Some(profile) = &mut self.profile {
                        profile.switch(Tier::Compiling);
                    }
                    jit.compile(&mut self.cache, cpu, number);
                    if PROFILED && let Some(profile) = &mut self.profile {
                        profile.switch(Tier::Between);
                    }
                    if self.cache.blocks[number as usize].compiled[half(cpu.cia)].is_some() {
                        continue;
                    }
                }
            }
            if PROFILED && let Some(profile) = &mut self.profile {
                profile.switch(Tier::Interpreter);
            }
            let block = &self.cache.blocks[number as usize];
            let start = cpu.cia;
            let first = block.first as usize;
            let ops = &self.cache.ops[first..first + len as usize];
            let (last, body) = ops.split_last()?;
            cpu.icount += len;
            for (i, op) in body.iter().enumerate() {
                if let Err(trap) = (op.exec)(cpu, op.word) {
                    cpu.icount -= len - 1 - i as u64;
                    cpu.cia = start.wrapping_add(4 * i as u64);
                    let op = *op;
                    return self.trapped(trap, Some(op));
                }
            }
            let cia = start.wrapping_add(4 * (len - 1));
            cpu.cia = cia;
            cpu.nia = cpu.wrap(cia.wrapping_add(4));
            if let Err(trap) = (last.exec)(cpu, last.word) {
                let last = *last;
                cpu.cia = cia;
                return self.trapped(trap, Some(last));
            }
            cpu.cia = cpu.nia;
            let (ea, context) = (cpu.cia, cpu.fetch_context[half(cpu.cia)]);
            let [a, b] = &block.links;
            if a.ea == ea && a.context == context && !self.cache.is_dropped(a.block) {
                number = a.block;
            } else if b.ea == ea && b.context == context && !self.cache.is_dropped(b.block) {
                number = b.block;
            } else {
                // A fetch that faults counts, so there must be room for it.
                if cpu.icount >= cpu.limit {
                    return None;
                }
                let emptied = self.cache.emptied;
                let next = match self.find() {
                    Ok(next) => next,
                    Err(trap) => return self.fetch_failed(trap),
                };
                // If the cache was emptied to make room, this block is gone.
                if self.cache.emptied == emptied {
                    let links = &mut self.cache.blocks[number as usize].links;
                    links[1] = links[0];
                    links[0] = Link { ea, context, block: next };
                }
                number = next;
            }
        }
    }

    /// Runs at most `count` instructions of a block one by one, with every check.
    fn run_checked(&mut self, number: u32, count: usize) -> Option<Exit> {
        self.switch(Tier::Interpreter);
        let start = self.cpu.cia;
        let block = &self.cache.blocks[number as usize];
        let (first, len, needs) = (block.first as usize, block.len as usize, block.needs);
        for i in 0..count.min(len) {
            let cpu = &mut self.cpu;
            let op = self.cache.ops[first + i];
            let cia = start.wrapping_add(4 * i as u64);
            let missing = needs_of(op.word, cpu.model.isa) & !cpu.msr;
            cpu.cia = cia;
            cpu.nia = cpu.wrap(cia.wrapping_add(4));
            cpu.icount += 1;
            let done = if missing != 0 { Err(facility_trap(missing)) } else { (op.exec)(cpu, op.word) };
            if let Err(trap) = done {
                cpu.cia = cia;
                return self.trapped(trap, Some(op));
            }
            cpu.cia = cpu.nia;
        }
        if needs & SELF_BRANCH != 0 && self.cpu.cia == start && self.cpu.msr & msr::EE == 0 {
            return Some(Exit::Hung);
        }
        None
    }

    /// Runs one instruction with MSR\[SE\] or MSR\[BE\] on and takes the trace interrupt.
    fn trace_one(&mut self) -> Option<Exit> {
        let number = match self.find() {
            Ok(number) => number,
            Err(trap) => return self.fetch_failed(trap),
        };
        let (cia, before) = (self.cpu.cia, self.cpu.msr);
        let word = self.cache.ops[self.cache.blocks[number as usize].first as usize].word;
        let row = decode::decode(word, self.cpu.model.isa);
        self.interrupted = false;
        // A traced branch to itself is interrupted by its trace.
        let exit = self.run_checked(number, 1).filter(|exit| *exit != Exit::Hung);
        let branch = row.is_some_and(|r| r.chapter == crate::insn::Chapter::Branch);
        // Returns from interrupts and system calls are not traced.
        let traced = row.is_some_and(|r| !matches!(r.name, "rfid" | "rfscv" | "sc" | "scv"));
        if exit.is_none() && !self.interrupted && traced && (before & msr::SE != 0 || branch) {
            // SIAR names the traced instruction.
            self.cpu.spr[SIAR] = cia;
            self.cpu.fault.srr1 = SRR1_TRACE;
            self.take_trap(Trap::Trace, self.cpu.cia);
        }
        exit
    }

    /// The next instruction cannot be fetched.
    #[cold]
    fn fetch_failed(&mut self, trap: Trap) -> Option<Exit> {
        self.cpu.icount += 1;
        self.take_trap(trap, self.cpu.cia);
        None
    }

    /// Takes the interrupt that `trap` asks for, and counts it.
    fn take_trap(&mut self, trap: Trap, cia: u64) {
        if let Some(profile) = &mut self.profile {
            profile.trapped(trap);
        }
        self.cpu.take_trap(trap, cia);
    }

    /// The instruction at `cia` did not complete, or leaves the straight path. `op`: what it is, if it was decoded.
    #[cold]
    fn trapped(&mut self, trap: Trap, op: Option<Op>) -> Option<Exit> {
        let cia = self.cpu.cia;
        self.interrupted = trap != Trap::CodeModified;
        match trap {
            Trap::CodeModified => {
                // It was just executed, so it can be read.
                let op = op.or_else(|| self.op_here())?;
                if let Some(profile) = &mut self.profile {
                    profile.trapped(trap);
                }
                self.store_to_code(op)
            }
            Trap::Hypercall => {
                self.cpu.cia = self.cpu.wrap(cia.wrapping_add(4));
                Some(Exit::Hypercall)
            }
            Trap::Illegal if self.strict => {
                let word = op.or_else(|| self.op_here()).map_or(Word(0), |op| op.word);
                if decode::decode(word, self.cpu.model.isa).is_none_or(|row| row.exec_for(word).is_none()) {
                    return Some(Exit::Unimplemented { cia, word: word.0 });
                }
                self.take_trap(trap, cia);
                None
            }
            _ => {
                self.take_trap(trap, cia);
                None
            }
        }
    }

    /// The instruction at `cia`, which was just executed.
    fn op_here(&self) -> Option<Op> {
        let real = self.cpu.peek_translation(self.cpu.cia, Access::Fetch)?;
        Some(decoded(&self.cpu, real).0)
    }

    /// Runs one instruction again that wants to store to a grain with decoded code, then drops that code.
    fn store_to_code(&mut self, op: Op) -> Option<Exit> {
        let cpu = &mut *self.cpu;
        cpu.nia = cpu.wrap(cpu.cia.wrapping_add(4));
        cpu.code_writable = true;
        let done = (op.exec)(cpu, op.word);
        cpu.code_writable = false;
        for (ra, len) in std::mem::take(&mut cpu.changed_code) {
            self.drop_code(ra, len);
        }
        let cpu = &mut *self.cpu;
        match done {
            Ok(()) => {
                cpu.cia = cpu.nia;
                cpu.request_event();
            }
            Err(trap) => {
                let cia = cpu.cia;
                self.interrupted = true;
                self.take_trap(trap, cia);
            }
        }
        None
    }
}
