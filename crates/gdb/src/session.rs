//! One debugger: from its first byte until it is gone.

use crate::target::{Debugged, Machine, PointKind, Stopped};
use gdbstub::{
    common::{Signal, Tid},
    conn::Connection,
    stub::{
        DisconnectReason, GdbStub, GdbStubBuilder, MultiThreadStopReason, state_machine::GdbStubStateMachine,
    },
    target::ext::{base::reverse_exec::ReplayLogPosition, breakpoints::WatchKind},
};
use std::{convert::Infallible, fmt, mem};

/// Bytes of the longest packet, in either direction but for answers of `monitor`.
pub const PACKET: usize = 0x4000;

/// GDB sends `bs` for every thread, and `gdbstub` wants it for one: this comes before it.
const BACK: (&[u8], &[u8]) = (b"$bs#d5", b"$Hcp1.1#ab");

/// How a session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The guest stands still and the debugger's requests are answered.
    Idle,
    /// The guest runs, as far as the debugger knows.
    Running,
    /// The debugger wants the guest to stop. Call [`Session::stopped`].
    Interrupting,
    /// The debugger has gone: the guest goes on.
    Detached,
    /// The debugger has gone and wants the guest to end.
    Killed,
    /// The debugger was told that there is no guest any more.
    Over,
}

/// What waits to be sent.
#[derive(Default)]
struct Answers(Vec<u8>);

impl Connection for Answers {
    type Error = Infallible;

    fn write(&mut self, byte: u8) -> Result<(), Infallible> {
        self.0.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Why a session has ended early.
#[derive(Debug)]
pub enum Error<E> {
    /// The machine could not do what was asked.
    Machine(E),
    /// What the debugger sent makes no sense.
    Protocol(String),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(error) => error.fmt(f),
            Self::Protocol(what) => {
                write!(f, "the debugger sent what is no packet of GDB's remote protocol: {what}")
            }
        }
    }
}

type Stub<M> = GdbStubStateMachine<'static, Debugged<M>, Answers>;
type Step<M> = Result<Stub<M>, gdbstub::stub::GdbStubError<<M as Machine>::Error, Infallible>>;

/// A debugger's session with a machine.
pub struct Session<M: Machine> {
    target: Debugged<M>,
    /// None once an error has ended it.
    stub: Option<Stub<M>>,
    answers: Vec<u8>,
    /// Bytes that came last and may be the beginning of [`BACK`].
    seen: usize,
    /// Bytes of the packet that comes, and of its checksum with the `#`. `gdbstub`'s buffer grows without a limit.
    coming: usize,
    checksum: usize,
}

impl<M: Machine> Session<M> {
    /// A debugger has connected. `little_endian` is the byte order in which it gets registers.
    pub fn new(machine: M, little_endian: bool) -> Self {
        let mut target = Debugged::new(machine, little_endian);
        let stub = GdbStubBuilder::new(Answers::default())
            .packet_buffer_size(PACKET)
            .build()
            .ok()
            .and_then(|stub: GdbStub<'_, _, _>| stub.run_state_machine(&mut target).ok());
        Self { target, stub, answers: Vec::new(), seen: 0, coming: 0, checksum: 0 }
    }

    /// The byte order in which registers are sent.
    pub fn little_endian(&self) -> bool {
        self.target.little_endian
    }

    /// Registers are sent in this byte order from now on.
    pub fn set_little_endian(&mut self, little_endian: bool) {
        self.target.little_endian = little_endian;
    }

    /// How it stands.
    pub fn state(&self) -> State {
        match &self.stub {
            None => State::Detached,
            Some(GdbStubStateMachine::Idle(_)) => State::Idle,
            Some(GdbStubStateMachine::Running(_)) => State::Running,
            Some(GdbStubStateMachine::CtrlCInterrupt(_)) => State::Interrupting,
            Some(GdbStubStateMachine::Disconnected(gone)) => match gone.get_reason() {
                DisconnectReason::Disconnect => State::Detached,
                DisconnectReason::Kill => State::Killed,
                DisconnectReason::TargetExited(_) | DisconnectReason::TargetTerminated(_) => State::Over,
            },
        }
    }

    /// Bytes for the debugger since the last call.
    pub fn take_answers(&mut self) -> Vec<u8> {
        mem::take(&mut self.answers)
    }

    /// The debugger has sent these bytes. Returns how many were looked at: none after the one that interrupts or ends.
    ///
    /// # Errors
    /// The session is over: see [`Error`].
    pub fn receive(&mut self, bytes: &[u8]) -> Result<usize, Error<M::Error>> {
        for (n, &byte) in bytes.iter().enumerate() {
            if !matches!(self.state(), State::Idle | State::Running) {
                return Ok(n);
            }
            self.receive_one(byte)?;
        }
        Ok(bytes.len())
    }

    fn receive_one(&mut self, byte: u8) -> Result<(), Error<M::Error>> {
        // A packet is held back while it may be the one that needs another before it.
        let (packet, before) = BACK;
        if byte == packet[self.seen] {
            self.seen += 1;
            if self.seen < packet.len() {
                return Ok(());
            }
            self.seen = 0;
            let waiting = mem::take(&mut self.answers);
            before.iter().try_for_each(|&byte| self.pump(byte))?;
            // Nobody waits for the answer to it.
            self.answers = waiting;
            return packet.iter().try_for_each(|&byte| self.pump(byte));
        }
        let held = mem::take(&mut self.seen);
        packet[..held].iter().try_for_each(|&byte| self.pump(byte))?;
        if held > 0 && byte == packet[0] {
            self.seen = 1;
            return Ok(());
        }
        self.pump(byte)
    }

    fn pump(&mut self, byte: u8) -> Result<(), Error<M::Error>> {
        if self.coming == 0 {
            self.target.asked = 0;
        }
        if self.coming > 0 || byte == b'$' {
            self.coming += 1;
            self.checksum += usize::from(byte == b'#' || self.checksum > 0);
            if self.checksum > 2 {
                (self.coming, self.checksum) = (0, 0);
            } else if self.coming > PACKET {
                self.stub = None;
                return Err(Error::Protocol(format!("it is longer than {PACKET} bytes")));
            }
        }
        let next = match self.stub.take() {
            Some(GdbStubStateMachine::Idle(idle)) => match idle.incoming_data(&mut self.target, byte) {
                // The guest stopped while the interrupt came: there is nothing to interrupt.
                Ok(GdbStubStateMachine::CtrlCInterrupt(interrupt)) => {
                    interrupt.interrupt_handled(&mut self.target, None::<MultiThreadStopReason<u64>>)
                }
                next => next,
            },
            Some(GdbStubStateMachine::Running(running)) => running.incoming_data(&mut self.target, byte),
            other => {
                self.stub = other;
                return Ok(());
            }
        };
        if self.target.asked > PACKET {
            return Err(Error::Protocol(format!("it asks for more than {PACKET} bytes of memory")));
        }
        self.go(next)
    }

    /// The guest has stopped. Nothing happens where the debugger does not wait for that.
    ///
    /// # Errors
    /// The session is over: see [`Error`].
    pub fn stopped(&mut self, why: Stopped) -> Result<(), Error<M::Error>> {
        let why = reason(why);
        let next = match self.stub.take() {
            Some(GdbStubStateMachine::Running(running)) => running.report_stop(&mut self.target, why),
            Some(GdbStubStateMachine::CtrlCInterrupt(interrupt)) => {
                interrupt.interrupt_handled(&mut self.target, Some(why))
            }
            other => {
                self.stub = other;
                return Ok(());
            }
        };
        self.go(next)
    }

    fn go(&mut self, next: Step<M>) -> Result<(), Error<M::Error>> {
        let mut stub = next.map_err(|error| {
            let text = error.to_string();
            match error.into_target_error() {
                Some(error) => Error::Machine(error),
                None => Error::Protocol(text),
            }
        })?;
        let answers = match &mut stub {
            GdbStubStateMachine::Idle(one) => one.borrow_conn(),
            GdbStubStateMachine::Running(one) => one.borrow_conn(),
            GdbStubStateMachine::CtrlCInterrupt(one) => one.borrow_conn(),
            GdbStubStateMachine::Disconnected(one) => one.borrow_conn(),
        };
        self.answers.append(&mut answers.0);
        self.stub = Some(stub);
        Ok(())
    }
}

fn reason(why: Stopped) -> MultiThreadStopReason<u64> {
    let thread = |cpu: usize| Tid::MIN.saturating_add(cpu);
    match why {
        Stopped::Step(cpu) => {
            MultiThreadStopReason::SignalWithThread { tid: thread(cpu), signal: Signal::SIGTRAP }
        }
        Stopped::Interrupt(cpu) => {
            MultiThreadStopReason::SignalWithThread { tid: thread(cpu), signal: Signal::SIGINT }
        }
        Stopped::Break(cpu, PointKind::Hardware) => MultiThreadStopReason::HwBreak(thread(cpu)),
        Stopped::Break(cpu, _) => MultiThreadStopReason::SwBreak(thread(cpu)),
        Stopped::Watch(cpu, kind, addr) => {
            let kind = match kind {
                PointKind::Read => WatchKind::Read,
                PointKind::Access => WatchKind::ReadWrite,
                _ => WatchKind::Write,
            };
            MultiThreadStopReason::Watch { tid: thread(cpu), kind, addr }
        }
        Stopped::Begin(cpu) => {
            MultiThreadStopReason::ReplayLog { tid: Some(thread(cpu)), pos: ReplayLogPosition::Begin }
        }
        Stopped::End(cpu) => {
            MultiThreadStopReason::ReplayLog { tid: Some(thread(cpu)), pos: ReplayLogPosition::End }
        }
        Stopped::Exited(status) => MultiThreadStopReason::Exited(status),
    }
}
