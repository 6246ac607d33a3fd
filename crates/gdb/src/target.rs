//! A machine as `gdbstub` sees one: its processors are threads, numbered from 1.

use crate::{
    arch::{Number, Power64, Registers},
    registers::ROWS,
    session::PACKET,
};
use gdbstub::{
    common::{Signal, Tid},
    target::{
        Target, TargetError, TargetResult,
        ext::{
            base::{
                BaseOps,
                multithread::{
                    MultiThreadBase, MultiThreadResume, MultiThreadResumeOps, MultiThreadSchedulerLocking,
                    MultiThreadSchedulerLockingOps, MultiThreadSingleStep, MultiThreadSingleStepOps,
                },
                reverse_exec::{ReverseCont, ReverseContOps, ReverseStep, ReverseStepOps},
                single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps},
            },
            breakpoints::{
                Breakpoints, BreakpointsOps, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps,
                SwBreakpoint, SwBreakpointOps, WatchKind,
            },
            monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps},
            thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps},
        },
    },
};
use std::fmt::Display;

/// What a point stops the guest for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PointKind {
    /// An instruction is about to be executed: Z0.
    Software,
    /// Likewise: Z1. Guest memory is not written for either.
    Hardware,
    /// A store: Z2.
    Write,
    /// A load: Z3.
    Read,
    /// Either: Z4.
    Access,
}

/// A breakpoint or a watchpoint, by effective address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Point {
    /// What it stops the guest for.
    pub kind: PointKind,
    /// The first byte.
    pub address: u64,
    /// Bytes: 1 or more.
    pub len: u64,
}

/// How the guest goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// Every processor, until something stops the guest.
    Continue,
    /// One instruction of this processor.
    Step(usize),
    /// Backwards, to the latest stop.
    Back,
    /// Backwards, by one instruction, whichever processor has executed it.
    StepBack,
}

/// Why the guest has stopped, and which processor it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// It has executed the instruction.
    Step(usize),
    /// It is about to execute an instruction with a breakpoint, of this kind.
    Break(usize, PointKind),
    /// It is about to access this watched byte.
    Watch(usize, PointKind, u64),
    /// Somebody stopped it.
    Interrupt(usize),
    /// Its history begins here.
    Begin(usize),
    /// Its history ends here.
    End(usize),
    /// There is no guest any more; the status, as of a program.
    Exited(u8),
}

/// What a debugger works with. Processors count from 0. `None` and `false` mean that it cannot be done, which is the debugger's
/// problem; an error ends the session.
pub trait Machine {
    /// An error of the machine itself.
    type Error: Display;

    /// How many processors there are.
    fn processors(&self) -> Result<usize, Self::Error>;
    /// A register by the machine's name of it.
    fn register(&self, cpu: usize, name: &str) -> Result<Option<u128>, Self::Error>;
    /// Writes a register.
    fn set_register(&self, cpu: usize, name: &str, value: u128) -> Result<bool, Self::Error>;
    /// Bytes from effective address `address` on, as far as they are mapped, and `len` at most.
    fn read(&self, cpu: usize, address: u64, len: usize) -> Result<Vec<u8>, Self::Error>;
    /// Writes all of `data`, or nothing.
    fn write(&self, cpu: usize, address: u64, data: &[u8]) -> Result<bool, Self::Error>;
    /// Sets a point.
    fn insert(&self, point: Point) -> Result<bool, Self::Error>;
    /// Removes a point.
    fn remove(&self, point: Point) -> Result<bool, Self::Error>;
    /// Lets the guest go on; whoever owns the session reports when it stops.
    fn resume(&self, how: Resume) -> Result<(), Self::Error>;
    /// What a user has typed behind `monitor`, and what to say.
    fn monitor(&self, command: &str) -> Result<String, Self::Error>;
    /// A few words on what a processor is doing.
    fn describe(&self, cpu: usize) -> Result<String, Self::Error>;
    /// Whether the guest can go back.
    fn goes_back(&self) -> bool;
}

/// Of one session.
pub struct Debugged<M> {
    pub machine: M,
    /// The byte order of registers.
    pub little_endian: bool,
    /// Bytes of memory that the present packet has asked for.
    pub asked: usize,
    resume: Resume,
}

impl<M: Machine> Debugged<M> {
    pub fn new(machine: M, little_endian: bool) -> Self {
        Self { machine, little_endian, asked: 0, resume: Resume::Continue }
    }

    fn cpu(&self, tid: Tid) -> TargetResult<usize, Self> {
        let count = self.machine.processors().map_err(TargetError::Fatal)?;
        let cpu = tid.get() - 1;
        if cpu < count { Ok(cpu) } else { Err(TargetError::NonFatal) }
    }

    fn bytes(&self, cpu: usize, number: usize) -> TargetResult<Option<Vec<u8>>, Self> {
        let row = &ROWS[number];
        let value = self.machine.register(cpu, &row.source).map_err(TargetError::Fatal)?;
        Ok(value.map(|value| row.bytes(value, self.little_endian)))
    }

    fn put(&self, cpu: usize, number: usize, bytes: &[u8]) -> TargetResult<(), Self> {
        let row = &ROWS[number];
        let before = self.machine.register(cpu, &row.source).map_err(TargetError::Fatal)?;
        let value = row
            .changed(before.unwrap_or_default(), bytes, self.little_endian)
            .ok_or(TargetError::NonFatal)?;
        Self::done(self.machine.set_register(cpu, &row.source, value))
    }

    fn done(done: Result<bool, M::Error>) -> TargetResult<(), Self> {
        if done.map_err(TargetError::Fatal)? { Ok(()) } else { Err(TargetError::NonFatal) }
    }

    fn insert(&self, kind: PointKind, address: u64, len: u64) -> TargetResult<bool, Self> {
        self.machine.insert(Point { kind, address, len }).map_err(TargetError::Fatal)
    }

    fn remove(&self, kind: PointKind, address: u64, len: u64) -> TargetResult<bool, Self> {
        self.machine.remove(Point { kind, address, len }).map_err(TargetError::Fatal)
    }
}

impl<M: Machine> Target for Debugged<M> {
    type Arch = Power64;
    type Error = M::Error;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::MultiThread(self)
    }

    fn guard_rail_implicit_sw_breakpoints(&self) -> bool {
        true
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }
}

impl<M: Machine> MultiThreadBase for Debugged<M> {
    fn read_registers(&mut self, registers: &mut Registers, tid: Tid) -> TargetResult<(), Self> {
        let cpu = self.cpu(tid)?;
        for (number, row) in ROWS.iter().enumerate() {
            if let Some(bytes) = self.bytes(cpu, number)? {
                registers.0[row.offset..][..row.len()].copy_from_slice(&bytes);
            }
        }
        Ok(())
    }

    /// Writes those that differ: some registers change by being written.
    fn write_registers(&mut self, registers: &Registers, tid: Tid) -> TargetResult<(), Self> {
        let cpu = self.cpu(tid)?;
        for (number, row) in ROWS.iter().enumerate() {
            let bytes = &registers.0[row.offset..][..row.len()];
            if self.bytes(cpu, number)?.is_some_and(|before| before != bytes) {
                self.put(cpu, number, bytes)?;
            }
        }
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, Tid, Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, address: u64, data: &mut [u8], tid: Tid) -> TargetResult<usize, Self> {
        let cpu = self.cpu(tid)?;
        // `gdbstub` reads any length in pieces and keeps them all.
        self.asked = self.asked.saturating_add(data.len());
        if self.asked > PACKET {
            return Err(TargetError::NonFatal);
        }
        let found = self.machine.read(cpu, address, data.len()).map_err(TargetError::Fatal)?;
        if found.is_empty() && !data.is_empty() || found.len() > data.len() {
            return Err(TargetError::NonFatal);
        }
        data[..found.len()].copy_from_slice(&found);
        Ok(found.len())
    }

    fn write_addrs(&mut self, address: u64, data: &[u8], tid: Tid) -> TargetResult<(), Self> {
        let cpu = self.cpu(tid)?;
        Self::done(self.machine.write(cpu, address, data))
    }

    fn list_active_threads(&mut self, thread_is_active: &mut dyn FnMut(Tid)) -> Result<(), M::Error> {
        (1..=self.machine.processors()?).filter_map(Tid::new).for_each(thread_is_active);
        Ok(())
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }

    fn support_thread_extra_info(&mut self) -> Option<ThreadExtraInfoOps<'_, Self>> {
        Some(self)
    }
}

impl<M: Machine> SingleRegisterAccess<Tid> for Debugged<M> {
    fn read_register(
        &mut self,
        tid: Tid,
        Number(number): Number,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let cpu = self.cpu(tid)?;
        let Some(bytes) = self.bytes(cpu, number)? else { return Ok(0) };
        buf.get_mut(..bytes.len()).ok_or(TargetError::NonFatal)?.copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn write_register(&mut self, tid: Tid, Number(number): Number, value: &[u8]) -> TargetResult<(), Self> {
        let cpu = self.cpu(tid)?;
        self.put(cpu, number, value)
    }
}

impl<M: Machine> ThreadExtraInfo for Debugged<M> {
    fn thread_extra_info(&self, tid: Tid, buf: &mut [u8]) -> Result<usize, M::Error> {
        if tid.get() > self.machine.processors()? {
            return Ok(0);
        }
        let text = self.machine.describe(tid.get() - 1)?;
        let len = text.len().min(buf.len());
        buf[..len].copy_from_slice(&text.as_bytes()[..len]);
        Ok(len)
    }
}

impl<M: Machine> MultiThreadResume for Debugged<M> {
    fn resume(&mut self) -> Result<(), M::Error> {
        self.machine.resume(self.resume)
    }

    fn clear_resume_actions(&mut self) -> Result<(), M::Error> {
        self.resume = Resume::Continue;
        Ok(())
    }

    /// Signals mean nothing to a machine.
    fn set_resume_action_continue(&mut self, _tid: Tid, _signal: Option<Signal>) -> Result<(), M::Error> {
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_reverse_step(&mut self) -> Option<ReverseStepOps<'_, Tid, Self>> {
        if self.machine.goes_back() { Some(self) } else { None }
    }

    fn support_reverse_cont(&mut self) -> Option<ReverseContOps<'_, Tid, Self>> {
        if self.machine.goes_back() { Some(self) } else { None }
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl<M: Machine> MultiThreadSingleStep for Debugged<M> {
    fn set_resume_action_step(&mut self, tid: Tid, _signal: Option<Signal>) -> Result<(), M::Error> {
        // A thread that is not there cannot be stepped; the others go on.
        if tid.get() <= self.machine.processors()? {
            self.resume = Resume::Step(tid.get() - 1);
        }
        Ok(())
    }
}

/// The other processors go on: none can be held without changing what the guest does.
impl<M: Machine> MultiThreadSchedulerLocking for Debugged<M> {
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), M::Error> {
        Ok(())
    }
}

impl<M: Machine> ReverseStep<Tid> for Debugged<M> {
    fn reverse_step(&mut self, _tid: Tid) -> Result<(), M::Error> {
        self.machine.resume(Resume::StepBack)
    }
}

impl<M: Machine> ReverseCont<Tid> for Debugged<M> {
    fn reverse_cont(&mut self) -> Result<(), M::Error> {
        self.machine.resume(Resume::Back)
    }
}

impl<M: Machine> Breakpoints for Debugged<M> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

/// Bytes of the word at which an instruction begins. The kind of a breakpoint says how a trap would be put there.
const WORD: u64 = 4;

impl<M: Machine> SwBreakpoint for Debugged<M> {
    fn add_sw_breakpoint(&mut self, address: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.insert(PointKind::Software, address, WORD)
    }

    fn remove_sw_breakpoint(&mut self, address: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.remove(PointKind::Software, address, WORD)
    }
}

impl<M: Machine> HwBreakpoint for Debugged<M> {
    fn add_hw_breakpoint(&mut self, address: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.insert(PointKind::Hardware, address, WORD)
    }

    fn remove_hw_breakpoint(&mut self, address: u64, _kind: usize) -> TargetResult<bool, Self> {
        self.remove(PointKind::Hardware, address, WORD)
    }
}

impl<M: Machine> HwWatchpoint for Debugged<M> {
    fn add_hw_watchpoint(&mut self, address: u64, len: u64, kind: WatchKind) -> TargetResult<bool, Self> {
        self.insert(point_kind(kind), address, len)
    }

    fn remove_hw_watchpoint(&mut self, address: u64, len: u64, kind: WatchKind) -> TargetResult<bool, Self> {
        self.remove(point_kind(kind), address, len)
    }
}

fn point_kind(kind: WatchKind) -> PointKind {
    match kind {
        WatchKind::Write => PointKind::Write,
        WatchKind::Read => PointKind::Read,
        WatchKind::ReadWrite => PointKind::Access,
    }
}

impl<M: Machine> MonitorCmd for Debugged<M> {
    fn handle_monitor_cmd(&mut self, command: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), M::Error> {
        let answer = self.machine.monitor(&String::from_utf8_lossy(command))?;
        // GDB takes packets of some thousand bytes, of any number.
        for piece in answer.as_bytes().chunks(1024) {
            out.write_raw(piece);
            out.flush();
        }
        Ok(())
    }
}
