//! The interpreter: runs decoded blocks with exact instruction counts.
//!
//! `icount` counts instructions that were begun: one that ends in an interrupt counts, too, and so does a fetch that
//! does, so that no guest can stand still while interrupts chase each other. It is raised by a whole block before the
//! block runs and lowered again when the block is left early, so that instructions which end a block (reads of time
//! among them) see the count that includes themselves. Between blocks one comparison against `limit` finds budgets, deadlines and everything that asked for
//! attention by [`Cpu::request_event`].

use crate::{
    block::{CodeCache, Link, SELF_BRANCH, facility_trap, needs_of},
    exit::Exit,
    insn::decode,
    msr,
    state::Cpu,
    time::Clock,
    tlb::half,
    trap::Trap,
};

/// With the host's clock, deadlines are looked at after this many instructions.
const HOST_CLOCK_SLICE: u64 = 20_000;
/// Sampled instruction address register.
const SIAR: usize = 796;
/// SRR1 of a trace interrupt (3.0B, Book III, "Trace Interrupt").
const SRR1_TRACE: u64 = 0x4000_0000;

/// How guest code is run. What the guest sees does not depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineKind {
    /// Decoded blocks, interpreted.
    Interp,
    /// What is hot, compiled.
    Jit,
}

/// A processor and its decoded code.
pub struct Engine {
    /// The processor.
    pub cpu: Cpu,
    cache: CodeCache,
    /// Stop at instructions without semantics.
    pub strict: bool,
    /// Executions of a block before it is compiled; 0: at once.
    pub compile_after: u32,
    /// The latest instruction did not complete.
    interrupted: bool,
}

impl Engine {
    /// An engine for `cpu` that interprets.
    pub fn new(cpu: Cpu) -> Self {
        Self::with_kind(cpu, EngineKind::Interp)
    }

    /// An engine of `kind` for `cpu`.
    pub fn with_kind(cpu: Cpu, _kind: EngineKind) -> Self {
        Self { cpu, cache: CodeCache::default(), strict: false, compile_after: 0, interrupted: false }
    }

    /// Drops all decoded code; it is made again when needed.
    pub fn forget_code(&mut self) {
        self.cache.clear(&mut self.cpu);
    }

    /// Runs until `icount` is `until`, or something needs the caller.
    pub fn run(&mut self, until: u64) -> Exit {
        let ram = self.cpu.ram.clone();
        self.cache.drain_outside_writes(&mut self.cpu, &ram);
        loop {
            self.cpu.take_floating_point();
            self.cpu.take_pending();
            if self.cpu.icount >= until {
                return Exit::Limit;
            }
            if std::mem::take(&mut self.cpu.fetch_flush) {
                self.cache.forget_links();
            }
            self.cpu.limit = self.next_stop(until);
            let exit =
                if self.cpu.msr & (msr::SE | msr::BE) != 0 { self.trace_one() } else { self.run_blocks() };
            if let Some(exit) = exit {
                return exit;
            }
        }
    }

    /// The instruction count at which to look around next.
    fn next_stop(&self, until: u64) -> u64 {
        match self.cpu.clock {
            Clock::Virtual => match self.cpu.decrementer_deadline() {
                Some(nanos) => until.min(nanos.saturating_sub(self.cpu.idle_nanos).max(self.cpu.icount + 1)),
                None => until,
            },
            Clock::Host(_) => until.min(self.cpu.icount + HOST_CLOCK_SLICE),
        }
    }

    /// Runs blocks until `limit`. `None`: look at events and go on.
    fn run_blocks(&mut self) -> Option<Exit> {
        let mut number = match self.cache.find(&mut self.cpu) {
            Ok(number) => number,
            Err(trap) => return self.fetch_failed(trap),
        };
        loop {
            let cpu = &mut self.cpu;
            let block = &self.cache.blocks[number as usize];
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
            let start = cpu.cia;
            let first = block.first as usize;
            let ops = &self.cache.ops[first..first + len as usize];
            let (last, body) = ops.split_last()?;
            cpu.icount += len;
            for (i, op) in body.iter().enumerate() {
                if let Err(trap) = (op.exec)(cpu, op.word) {
                    cpu.icount -= len - 1 - i as u64;
                    return self.trapped(trap, number, i, start.wrapping_add(4 * i as u64));
                }
            }
            let cia = start.wrapping_add(4 * (len - 1));
            cpu.cia = cia;
            cpu.nia = cpu.wrap(cia.wrapping_add(4));
            if let Err(trap) = (last.exec)(cpu, last.word) {
                return self.trapped(trap, number, len as usize - 1, cia);
            }
            cpu.cia = cpu.nia;
            let (ea, context) = (cpu.cia, cpu.fetch_context[half(cpu.cia)]);
            let [a, b] = &block.links;
            if a.ea == ea && a.context == context {
                number = a.block;
            } else if b.ea == ea && b.context == context {
                number = b.block;
            } else {
                // A fetch that faults counts, so there must be room for it.
                if cpu.icount >= cpu.limit {
                    return None;
                }
                let blocks = self.cache.blocks.len();
                let next = match self.cache.find(&mut self.cpu) {
                    Ok(next) => next,
                    Err(trap) => return self.fetch_failed(trap),
                };
                // If the cache was emptied to make room, this block is gone.
                if self.cache.blocks.len() >= blocks {
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
                return self.trapped(trap, number, i, cia);
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
        let number = match self.cache.find(&mut self.cpu) {
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
            self.cpu.take_trap(Trap::Trace, self.cpu.cia);
        }
        exit
    }

    /// The next instruction cannot be fetched.
    #[cold]
    fn fetch_failed(&mut self, trap: Trap) -> Option<Exit> {
        self.cpu.icount += 1;
        self.cpu.take_trap(trap, self.cpu.cia);
        None
    }

    /// Instruction `index` of a block did not complete, or leaves the straight path.
    #[cold]
    fn trapped(&mut self, trap: Trap, number: u32, index: usize, cia: u64) -> Option<Exit> {
        self.cpu.cia = cia;
        self.interrupted = trap != Trap::CodeModified;
        match trap {
            Trap::CodeModified => self.store_to_code(number, index),
            Trap::Hypercall => {
                self.cpu.cia = self.cpu.wrap(cia.wrapping_add(4));
                Some(Exit::Hypercall)
            }
            Trap::Illegal if self.strict => {
                let block = &self.cache.blocks[number as usize];
                let word = self.cache.ops[block.first as usize + index].word;
                if decode::decode(word, self.cpu.model.isa).is_none_or(|row| row.exec_for(word).is_none()) {
                    return Some(Exit::Unimplemented { cia, word: word.0 });
                }
                self.cpu.take_trap(trap, cia);
                None
            }
            _ => {
                self.cpu.take_trap(trap, cia);
                None
            }
        }
    }

    /// Runs one instruction again that wants to store to a grain with decoded code, then drops that code.
    fn store_to_code(&mut self, number: u32, index: usize) -> Option<Exit> {
        let cpu = &mut self.cpu;
        let op = self.cache.ops[self.cache.blocks[number as usize].first as usize + index];
        cpu.nia = cpu.wrap(cpu.cia.wrapping_add(4));
        cpu.code_writable = true;
        let done = (op.exec)(cpu, op.word);
        cpu.code_writable = false;
        for (ra, len) in std::mem::take(&mut cpu.changed_code) {
            self.cache.written(cpu, ra, len);
        }
        match done {
            Ok(()) => {
                cpu.cia = cpu.nia;
                cpu.request_event();
            }
            Err(trap) => {
                let cia = cpu.cia;
                self.interrupted = true;
                cpu.take_trap(trap, cia);
            }
        }
        None
    }
}
