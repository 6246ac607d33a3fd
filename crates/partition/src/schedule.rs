//! Several processors on one host thread, in turns.
//!
//! A turn is an exact number of instructions; it ends sooner where the processor waits, stops or confers. The next one
//! that is not waiting, in the order of their numbers, has the turn after. The machine has one clock: it goes on with
//! the processor that has the turn, and another one's stands until it gets the turn or is looked at, so that no
//! processor sees time go back. With virtual time the clock is the sum of all instructions and of skipped idle time.
//!
//! Must hold: who runs when follows from [`Turn`] and from what a migration transfers of the processors, and not from
//! where runs are cut. A processor that loses its turn to another loses its reservation, as on every dispatch by a
//! hypervisor (Power ISA, Book II, "Storage Access Ordering and reservations" allows it), so no store of another has to
//! look for reservations.

use crate::{exit::Exit, partition::Partition, vcpu::Vcpu};
use ppc_core::{code_sharing, engine::Engine, ram::RealAddr, state::Reservation, time::Clock};

/// Instructions of a turn. A processor that spins until another does something spins for up to a turn of each other.
pub const TURN: u64 = 10_000;

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The processor.
    pub current: usize,
    /// Its count of instructions at which the turn ends.
    pub ends: u64,
}

/// Real addresses of what a processor has registered with H_REGISTER_VPA; 0: nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Areas {
    /// The virtual processor area.
    pub vpa: u64,
    /// The dispatch trace log.
    pub log: u64,
    /// Its length in bytes.
    pub log_len: u64,
}

/// Where things are in a virtual processor area (PAPR, "Virtual Processor Area").
const VPA_LOG_MASK: u64 = 0xb8;
const VPA_YIELD_COUNT: u64 = 0x100;
const VPA_LOG_INDEX: u64 = 0x218;
/// Bytes of an entry of the log.
const LOG_ENTRY: u64 = 48;
/// In the mask: dispatches after H_CEDE, and after the end of a turn.
const LOG_CEDE: u8 = 1;
const LOG_PREEMPT: u8 = 2;
/// Reasons in an entry of the log (PAPR, "Dispatch Trace Log Buffer"): why it is dispatched, and why it was not.
const DISPATCHED: [u8; 2] = [7, 0];
const PREEMPTED: [u8; 2] = [4, 2];

impl Partition {
    /// Instructions that all processors have executed.
    pub fn instructions(&self) -> u64 {
        self.vcpus.iter().fold(0, |sum, vcpu| sum.saturating_add(vcpu.engine.cpu.icount))
    }

    /// Nanoseconds of the machine's clock.
    pub fn nanos(&self) -> u64 {
        self.vcpus.iter().map(|vcpu| vcpu.engine.cpu.nanos()).max().unwrap_or(0)
    }

    /// Nanoseconds of virtual time in which nobody executed an instruction.
    pub fn idle_nanos(&self) -> u64 {
        match &self.vcpus[..] {
            [vcpu] => vcpu.engine.cpu.idle_nanos,
            _ => self.nanos().saturating_sub(self.instructions()),
        }
    }

    /// Whose turn it is.
    pub fn turn(&self) -> Turn {
        self.turn
    }

    /// Another's turn, as [`Partition::turn`] gave it in another machine, after the processors' counts. False if there
    /// is no such processor, or if its turn would be longer than turns are: the others would never run.
    pub fn set_turn(&mut self, turn: Turn) -> bool {
        let longest = |vcpu: &Vcpu| vcpu.engine.cpu.icount.saturating_add(TURN);
        let valid = self.vcpus.get(turn.current).is_some_and(|vcpu| turn.ends <= longest(vcpu));
        if valid {
            self.turn = turn;
        }
        valid
    }

    /// Runs the processors until all together have executed `until` instructions, or something needs the caller, for the
    /// processor of [`Partition::turn`]. `look` is as for [`Partition::run`].
    ///
    /// # Errors
    /// Those of `look`.
    pub fn run_all<E>(&mut self, until: u64, mut look: impl FnMut() -> Result<bool, E>) -> Result<Exit, E> {
        if self.vcpus.len() == 1 {
            return self.run(0, until, look);
        }
        loop {
            if self.vcpus[self.turn.current].kick().take() {
                self.terminal.heard();
                return Ok(Exit::Kicked);
            }
            let dispatched = self.dispatch();
            if self.nanos_left() == 0 {
                return Ok(Exit::Limit);
            }
            if !dispatched {
                return Ok(Exit::Halted);
            }
            let index = self.turn.current;
            let count = self.vcpus[index].engine.cpu.icount;
            let left = until.saturating_sub(self.instructions());
            let end = self.turn.ends.min(count.saturating_add(left));
            match self.run(index, end, &mut look)? {
                Exit::Limit => {
                    self.vcpus[index].hung &= self.vcpus[index].engine.cpu.icount == count;
                    if self.instructions() >= until || self.nanos_left() == 0 {
                        return Ok(Exit::Limit);
                    }
                }
                Exit::Hung => {
                    if self.hangs(index) {
                        return Ok(Exit::Hung);
                    }
                }
                exit => {
                    self.vcpus[index].hung = false;
                    return Ok(exit);
                }
            }
            if look()? && self.terminal.waits() {
                return Ok(Exit::Output);
            }
        }
    }

    /// Nanoseconds until a run ends by its limit of virtual time.
    fn nanos_left(&self) -> u64 {
        self.vcpus.iter().map(|vcpu| vcpu.nanos_to(self.time_limit)).min().unwrap_or(0)
    }

    /// A processor branches to itself for the rest of its turn, which costs time. True: so does every other that is not
    /// stopped.
    fn hangs(&mut self, index: usize) -> bool {
        let vcpu = &mut self.vcpus[index];
        vcpu.hung = true;
        let cpu = &mut vcpu.engine.cpu;
        cpu.skip_to(cpu.nanos() + self.turn.ends.saturating_sub(cpu.icount));
        self.turn.ends = cpu.icount;
        self.vcpus.iter().all(|vcpu| vcpu.stopped || vcpu.hung && !vcpu.halted)
    }

    /// Sees to it that the processor that has the turn executes instructions. False: all wait, and nothing has come that
    /// one of them waits for.
    fn dispatch(&mut self) -> bool {
        let vcpu = &self.vcpus[self.turn.current];
        if !vcpu.waits() && vcpu.engine.cpu.icount < self.turn.ends || self.pass_turn() {
            return true;
        }
        let deadline = self.sleepers().filter_map(|vcpu| vcpu.engine.cpu.decrementer_deadline()).min();
        let cpu = &self.vcpus[self.turn.current].engine.cpu;
        if let (Clock::Virtual, Some(deadline)) = (&cpu.clock, deadline) {
            let nanos = deadline.min(self.time_limit);
            let skipped = self.idle_nanos().saturating_add(nanos.saturating_sub(self.nanos()));
            if skipped <= self.idle_limit {
                self.vcpus[self.turn.current].engine.cpu.skip_to(nanos);
            }
        }
        self.pass_turn()
    }

    /// The next processor that is not waiting gets the turn, the present one last.
    fn pass_turn(&mut self) -> bool {
        let (first, count) = (self.turn.current + 1, self.vcpus.len());
        (first..first + count).any(|index| self.give_turn(index % count))
    }

    /// Gives the turn to a processor, if it is not waiting.
    fn give_turn(&mut self, index: usize) -> bool {
        let before = self.turn.current;
        if self.vcpus[index].stopped {
            return false;
        }
        self.bring_clock(index);
        let vcpu = &mut self.vcpus[index];
        let waited = vcpu.halted;
        if waited && !vcpu.wakes() {
            return false;
        }
        vcpu.halted = false;
        if index != before {
            vcpu.engine.cpu.reservation = Reservation::default();
        }
        if index != before || waited {
            self.vcpus[before].undispatched();
            self.vcpus[index].dispatched(waited);
        }
        self.turn = Turn { current: index, ends: self.vcpus[index].engine.cpu.icount.saturating_add(TURN) };
        true
    }

    /// A processor's clock shows the machine's time.
    fn bring_clock(&mut self, index: usize) {
        let current = self.turn.current;
        match self.vcpus.get_disjoint_mut([index, current]) {
            Ok([vcpu, before]) => vcpu.engine.cpu.take_over_clock(&mut before.engine.cpu),
            Err(_) => self.vcpus[index].engine.cpu.read_clock_again(),
        }
    }

    /// Processors that may be woken by their decrementer.
    fn sleepers(&self) -> impl Iterator<Item = &Vcpu> {
        let one = self.vcpus.len() == 1;
        self.vcpus.iter().filter(move |vcpu| one || vcpu.cedes())
    }

    /// Nanoseconds until the decrementer of a processor that waits asks for an interrupt; 0 if one already does.
    pub fn nanos_to_deadline(&self) -> u64 {
        self.sleepers().map(Vcpu::nanos_to_deadline).min().unwrap_or(u64::MAX)
    }

    /// Virtual time skips to the next deadline of a processor that waits.
    pub fn skip_to_deadline(&mut self) {
        let deadline = self.sleepers().filter_map(|vcpu| vcpu.engine.cpu.decrementer_deadline()).min();
        if let Some(nanos) = deadline {
            self.vcpus[self.turn.current].engine.cpu.skip_to(nanos);
        }
    }

    /// H_CONFER: the turn is over; `target`'s is next, if it does not wait.
    pub fn confer(&mut self, target: Option<usize>) {
        if self.vcpus.len() > 1 {
            self.turn.ends = 0;
            if let Some(target) = target.filter(|target| *target < self.vcpus.len()) {
                self.give_turn(target);
            }
        }
    }

    /// A stopped processor starts at `pc` with R3 to R7 (PAPR, "start-cpu"), when it gets its turn.
    pub fn start(&mut self, index: usize, pc: u64, arguments: [u64; 5], msr: u64) {
        if index != self.turn.current {
            self.bring_clock(index);
        }
        self.vcpus[index].reset(pc, arguments, msr);
    }

    /// The machine starts: the first processor enters an operating system, every other is stopped.
    pub fn start_first(&mut self, pc: u64, arguments: [u64; 5], msr: u64) {
        self.start(0, pc, arguments, msr);
        self.turn = Turn { current: 0, ends: self.vcpus[0].engine.cpu.icount.saturating_add(TURN) };
        for index in 1..self.vcpus.len() {
            self.start(index, 0, [0; 5], msr);
            self.vcpus[index].stopped = true;
        }
    }

    fn engines(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.vcpus.iter_mut().map(|vcpu| &mut vcpu.engine)
    }

    /// Before a processor executes anything.
    pub(crate) fn before_execution(&mut self) {
        if self.vcpus.len() > 1 {
            let ram = self.vcpus[0].engine.cpu.ram.clone();
            code_sharing::drop_written_from_outside(&ram, self.engines());
        }
    }

    /// After a processor has executed something.
    pub(crate) fn after_execution(&mut self, index: usize) {
        if self.vcpus.len() > 1 {
            code_sharing::pass_on(self.engines(), index);
            self.ring(index);
        }
    }

    /// Doorbells that a processor has rung for other threads of its core.
    fn ring(&mut self, index: usize) {
        let cpu = &mut self.vcpus[index].engine.cpu;
        let rung = std::mem::take(&mut cpu.rung);
        if rung == 0 {
            return;
        }
        let [own, threads] = cpu.thread.map(|number| number as usize);
        let core = index - own.min(index);
        for (thread, vcpu) in self.vcpus[core..].iter_mut().take(threads).enumerate() {
            if rung >> thread & 1 != 0 {
                vcpu.engine.cpu.doorbell = true;
                vcpu.engine.cpu.request_event();
            }
        }
    }
}

impl Vcpu {
    /// Whether it waits for an interrupt, as after H_CEDE. Without MSR\[EE\] it has joined: see [`Vcpu::wakes`].
    fn cedes(&self) -> bool {
        self.halted && !self.stopped && self.engine.cpu.msr & ppc_core::msr::EE != 0
    }

    /// Whether it executes no instructions.
    fn waits(&self) -> bool {
        self.halted || self.stopped
    }

    /// Whether what it waits for has come. One that has joined, or conferred to itself, waits for H_PROD and for a system
    /// reset.
    fn wakes(&self) -> bool {
        let cpu = &self.engine.cpu;
        if self.cedes() { cpu.wakeup_pending() } else { cpu.system_reset }
    }

    fn area(&self, offset: u64, len: u64) -> Option<RealAddr> {
        let address = RealAddr(self.areas.vpa.checked_add(offset)?);
        (self.areas.vpa != 0 && self.engine.cpu.ram.contains(address, len)).then_some(address)
    }

    /// Changes the yield count in its area.
    fn count_yield(&self, next: impl FnOnce(u32) -> u32) {
        let ram = &self.engine.cpu.ram;
        if let Some(address) = self.area(VPA_YIELD_COUNT, 4)
            && let Some(count) = ram.read::<u32>(address)
        {
            // Within RAM, as was just read.
            let _ = ram.write_bytes(address, &next(count.swap_bytes()).to_be_bytes());
        }
    }

    /// It has lost its turn: the count is odd.
    fn undispatched(&self) {
        self.count_yield(|count| count.wrapping_add(1) | 1);
    }

    /// It has got its turn: the count is even, and the log has an entry if the guest wants one.
    fn dispatched(&self, waited: bool) {
        self.count_yield(|count| count.wrapping_add(1) & !1);
        let cpu = &self.engine.cpu;
        let wanted = if waited { LOG_CEDE } else { LOG_PREEMPT };
        let entries = self.areas.log_len / LOG_ENTRY;
        if let Some(mask) = self.area(VPA_LOG_MASK, 1)
            && let Some(place) = self.area(VPA_LOG_INDEX, 8)
            && self.areas.log != 0
            && entries != 0
            && cpu.ram.read::<u8>(mask).is_some_and(|mask| mask & wanted != 0)
            && let Some(index) = cpu.ram.read::<u64>(place).map(u64::swap_bytes)
        {
            let mut entry = [0; LOG_ENTRY as usize];
            entry[0] = DISPATCHED[usize::from(waited)];
            entry[1] = PREEMPTED[usize::from(waited)];
            entry[2..4].copy_from_slice(&(cpu.index as u16).to_be_bytes());
            for (slot, value) in [(16, cpu.timebase()), (32, cpu.cia), (40, cpu.msr)] {
                entry[slot..slot + 8].copy_from_slice(&value.to_be_bytes());
            }
            let at = self.areas.log.wrapping_add(index % entries * LOG_ENTRY);
            // A log beyond the end of RAM is not written.
            let _ = cpu.ram.write_bytes(RealAddr(at), &entry);
            let _ = cpu.ram.write_bytes(place, &index.wrapping_add(1).to_be_bytes());
        }
    }
}
