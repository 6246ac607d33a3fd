//! Running blocks, by machine code where they have it and else instruction by instruction, with exact counts: see
//! `engine`.

use crate::{
    block::{Link, NEVER_COMPILED, SELF_BRANCH, WATCHED},
    engine::Engine,
    exit::EngineExit,
    fields::Word,
    host_float::DefaultEnvironment,
    insn::{Effect, decode, storage::Storage},
    interrupt::{SRR1_TRACE, SRR1_TRACE_LOAD, SRR1_TRACE_STORE},
    jit::Leave,
    mmu::Access,
    msr,
    needs::needs_of,
    op::{Op, decoded},
    profile::{ExitReason, Tier},
    ram::{PAGE, RealAddr},
    spr::number::{SDAR, SIAR},
    tlb::half,
    trap::{Done, Trap},
    watch::Kind,
};

impl Engine {
    /// Runs blocks until `limit`. `None`: check for events and continue.
    pub(crate) fn run_blocks<const PROFILED: bool>(&mut self) -> Option<EngineExit> {
        let mut number = match self.find() {
            Ok(number) => number,
            Err(trap) => return self.fetch_failed(trap),
        };
        // How compiled code reached the branch to `number`.
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
            if block.needs & !cpu.msr != 0 && cpu.missing(block.needs) != 0 {
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
                    // An instruction that changes the context leaves its next address here.
                    cpu.nia = !0;
                }
                cpu.spend(1);
                came = jit.enter(cpu, entry);
                self.compiled += cpu.icount.wrapping_sub(before);
                if PROFILED && let Some(profile) = &mut self.profile {
                    profile.switch(Tier::Between);
                }
                match came {
                    Leave::Next => {}
                    Leave::Unlinked => {
                        if PROFILED && let Some(profile) = &mut self.profile {
                            profile.left(ExitReason::Unlinked);
                        }
                        cpu.cia = jit.unlinked_target(cpu);
                    }
                    Leave::Trap => {
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
                cpu.spend(block.len);
                block.count += 1;
                if block.count > self.compile_after && block.needs & NEVER_COMPILED == 0 && cpu.sf() {
                    if jit.full() {
                        return None;
                    }
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
                    return self.trapped_within(trap, number, i, start);
                }
            }
            let cia = start.wrapping_add(block.last.into());
            cpu.cia = cia;
            cpu.nia = cpu.wrap(start.wrapping_add(block.bytes.into()));
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

    /// Instruction `n` of block `number`, which is at `start` and was begun as a whole, has trapped.
    #[cold]
    fn trapped_within(&mut self, trap: Trap, number: u32, n: usize, start: u64) -> Option<EngineExit> {
        let block = &self.cache.blocks[number as usize];
        let ops = &self.cache.ops[block.first as usize..][..block.len as usize];
        let before: u64 = ops[..n].iter().map(|op| u64::from(op.word.bytes())).sum();
        self.cpu.icount -= (ops.len() - 1 - n) as u64;
        self.cpu.cia = start.wrapping_add(before);
        let op = ops[n];
        self.trapped(trap, Some(op))
    }

    /// Runs at most `count` instructions of a block one by one, with every check.
    fn run_checked(&mut self, number: u32, count: usize) -> Option<EngineExit> {
        self.switch(Tier::Interpreter);
        let start = self.cpu.cia;
        let block = &self.cache.blocks[number as usize];
        let (first, len, needs) = (block.first as usize, block.len as usize, block.needs);
        let real = RealAddr(block.key & !3);
        if needs & WATCHED != 0
            && let Err(trap) = self.tell_of_execution(real, first)
        {
            return self.trapped(trap, None);
        }
        let mut cia = start;
        for i in 0..count.min(len) {
            let cpu = &mut self.cpu;
            let op = self.cache.ops[first + i];
            let next = cia.wrapping_add(op.word.bytes().into());
            let missing =
                cpu.missing(decode::decode(op.word, cpu.model.isa).map_or(0, |row| needs_of(op.word, row)));
            cpu.cia = cia;
            cpu.nia = cpu.wrap(next);
            cpu.icount += 1;
            let done = if missing != 0 { Err(cpu.unavailable(missing)) } else { (op.exec)(cpu, op.word) };
            if let Err(trap) = done {
                cpu.cia = cia;
                return self.trapped(trap, Some(op));
            }
            cpu.cia = cpu.nia;
            cia = next;
        }
        if needs & SELF_BRANCH != 0 && self.cpu.cia == start && self.cpu.msr & msr::EE == 0 {
            return Some(EngineExit::Hung);
        }
        None
    }

    /// The instruction at `real`, which is alone in its block, is about to be executed: who watches it is told first.
    #[cold]
    fn tell_of_execution(&mut self, real: RealAddr, op: usize) -> Done {
        let cpu = &mut *self.cpu;
        let len = u64::from(self.cache.ops[op].word.bytes()).min(PAGE - real.0 % PAGE);
        // As for every instruction that was begun.
        cpu.icount += 1;
        cpu.tell_owners(Kind::Execute, cpu.cia, real, len, None)?;
        cpu.icount -= 1;
        cpu.outside.begin();
        Ok(())
    }

    /// Runs one instruction with MSR\[SE\] or MSR\[BE\] on and takes the trace interrupt.
    pub(crate) fn trace_one(&mut self) -> Option<EngineExit> {
        let number = match self.find() {
            Ok(number) => number,
            Err(trap) => return self.fetch_failed(trap),
        };
        let (cia, before) = (self.cpu.cia, self.cpu.msr);
        let word = self.cache.ops[self.cache.blocks[number as usize].first as usize].word;
        let row = decode::decode(word, self.cpu.model.isa);
        // Its registers may not be the same afterwards.
        let operand = row.and_then(|row| Some((row.storage()?, row.operand_address(&self.cpu, word))));
        self.interrupted = false;
        // A traced branch to itself is interrupted by its trace.
        let exit = self.run_checked(number, 1).filter(|exit| *exit != EngineExit::Hung);
        let branch = row.is_some_and(|r| r.chapter == crate::insn::Chapter::Branch);
        // Returns from interrupts and system calls are not traced.
        let traced = row.is_some_and(|r| !matches!(r.effect, Effect::Returns | Effect::SystemCall));
        if exit.is_none() && !self.interrupted && traced && (before & msr::SE != 0 || branch) {
            // SIAR names the traced instruction, SDAR its storage operand if it has one.
            self.cpu.spr[SIAR] = cia;
            let kind = operand.map_or(0, |(storage, ea)| {
                self.cpu.spr[SDAR] = ea;
                match storage {
                    Storage::Load => SRR1_TRACE_LOAD,
                    Storage::Store => SRR1_TRACE_STORE,
                }
            });
            self.cpu.fault.srr1 = SRR1_TRACE | kind;
            self.cpu.fault.prefixed = word.prefix() != 0;
            self.take_trap(Trap::Trace, self.cpu.cia);
        }
        exit
    }

    /// The next instruction cannot be fetched.
    #[cold]
    fn fetch_failed(&mut self, trap: Trap) -> Option<EngineExit> {
        self.cpu.icount += 1;
        // What cannot be fetched is not known to have a prefix.
        self.cpu.fault.prefixed = false;
        self.take_trap(trap, self.cpu.cia);
        None
    }

    /// Takes the interrupt for `trap`, and counts it.
    fn take_trap(&mut self, trap: Trap, cia: u64) {
        if let Some(profile) = &mut self.profile {
            profile.trapped(trap);
        }
        self.cpu.take_trap(trap, cia);
    }

    /// The instruction at `cia` did not complete, or leaves the straight path. `op`: what it is, if it was decoded.
    #[cold]
    fn trapped(&mut self, trap: Trap, op: Option<Op>) -> Option<EngineExit> {
        let cia = self.cpu.cia;
        self.interrupted = trap != Trap::CodeModified;
        if self.cpu.model.isa.has_prefixes() {
            self.cpu.fault.prefixed = op.or_else(|| self.op_here()).is_some_and(|op| op.word.prefix() != 0);
        }
        match trap {
            Trap::CodeModified => {
                // It was just executed, so it can be read.
                let op = op.or_else(|| self.op_here())?;
                if let Some(profile) = &mut self.profile {
                    profile.trapped(trap);
                }
                self.store_to_code(op)
            }
            Trap::Asks => {
                // It counts when it has got its answer.
                self.cpu.icount -= 1;
                let cpu = &mut *self.cpu;
                cpu.outside.wait_at((cpu.icount, cia)).map(EngineExit::Asks)
            }
            Trap::Hypercall => {
                // `sc` ends its block, so that its function finds the next instruction's address.
                self.cpu.cia = self.cpu.nia;
                Some(EngineExit::Hypercall { sc: cia })
            }
            Trap::Illegal if self.strict => {
                let word = op.or_else(|| self.op_here()).map_or(Word(0), |op| op.word);
                if decode::decode(word, self.cpu.model.isa).is_none_or(|row| row.exec_for(word).is_none()) {
                    return Some(EngineExit::Unimplemented { cia, word: word.0 });
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

    /// Runs one instruction again that wants to store to a page with decoded code, then drops that code.
    fn store_to_code(&mut self, op: Op) -> Option<EngineExit> {
        let cpu = &mut *self.cpu;
        cpu.nia = cpu.wrap(cpu.cia.wrapping_add(op.word.bytes().into()));
        cpu.code_writable = true;
        cpu.outside.begin_again();
        let done = (op.exec)(cpu, op.word);
        cpu.code_writable = false;
        for (ra, len) in std::mem::take(&mut cpu.changed_code) {
            self.drop_code(ra, len);
            if self.cache.shared {
                self.note_code_written(ra, len);
            }
        }
        let cpu = &mut *self.cpu;
        match done {
            Ok(()) => {
                cpu.cia = cpu.nia;
                cpu.request_event();
            }
            Err(trap) => {
                let op = Some(op);
                return self.trapped(trap, op);
            }
        }
        None
    }

    /// Executes the instruction that waits for `answer`, which [`Engine::run`] returned [`EngineExit::Asks`] for. `None`: it is
    /// done, or ended in an interrupt. Nothing happens, either, if the processor is no longer where it asked.
    pub fn answer(&mut self, answer: u64) -> Option<EngineExit> {
        let place = (self.cpu.icount, self.cpu.cia);
        if !self.cpu.outside.tell(place, answer) {
            return None;
        }
        let _environment = DefaultEnvironment::enter();
        self.keep_up();
        let exit = if self.cpu.msr & (msr::SE | msr::BE) != 0 {
            self.trace_one()
        } else {
            match self.find() {
                Ok(number) => self.run_checked(number, 1),
                Err(trap) => self.fetch_failed(trap),
            }
        };
        if !matches!(exit, Some(EngineExit::Asks(_))) {
            self.cpu.outside.forget();
        }
        exit
    }
}
