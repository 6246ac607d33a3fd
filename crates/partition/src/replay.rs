//! Recorded and replayed runs: a processor's position between two instructions, and whether it follows the recording.
//!
//! With the host's clock, readings are in the clock log ([`ppc_core::host_clock`]). The caller keeps the log and what
//! it does itself between two instructions, each at its [`Place`].

use crate::{exit::Exit, vcpu::Vcpu};
use ppc_core::time::Clock;

/// Bytes of a recording that are kept before the caller takes them.
const RECORDING: usize = 1 << 20;

/// Between two instructions. At one count of instructions there may be several places, since interrupts and readings of
/// the clock are no instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The count of instructions.
    pub instructions: u64,
    /// entries of the clock log, replayed or written.
    pub entries: u64,
    /// The address of the next instruction.
    pub pc: u64,
}

/// The state of one processor's replay.
#[derive(Default)]
pub(crate) struct Replay {
    /// Where the caller has something to do between two instructions.
    stop: Option<Place>,
    /// How it differs from the recording.
    astray: String,
}

impl Vcpu {
    /// The processor's position.
    pub fn place(&self) -> Place {
        let cpu = &self.engine.cpu;
        let entries = match &cpu.clock {
            Clock::Virtual => 0,
            Clock::Host(host) => host.entries(),
        };
        Place { instructions: cpu.icount, entries, pc: cpu.cia }
    }

    /// Has a run end with [`Exit::Place`] there, once.
    pub fn stop_at(&mut self, place: Place) {
        self.replay.stop = Some(place);
    }

    /// No run ends at the place of [`Vcpu::stop_at`].
    pub fn forget_place(&mut self) {
        self.replay.stop = None;
    }

    /// How the processor differs from the recording, after [`Exit::Diverged`].
    pub fn astray(&self) -> &str {
        &self.replay.astray
    }

    /// From now on readings of the host's clock are written, or come from a log. False if the clock was read already.
    pub fn start_clock_log(&mut self, replay: bool) -> bool {
        let cpu = &mut self.engine.cpu;
        match &mut cpu.clock {
            Clock::Virtual => true,
            Clock::Host(host) if replay => host.replay(cpu.icount),
            Clock::Host(host) => host.record(cpu.icount),
        }
    }

    /// The clock is the host's again.
    pub fn end_clock_log(&mut self) {
        self.forget_place();
        if let Clock::Host(host) = &mut self.engine.cpu.clock {
            host.end();
        }
    }

    /// Readings that were written since the last call.
    pub fn take_clock_log(&mut self) -> Vec<u8> {
        match &mut self.engine.cpu.clock {
            Clock::Virtual => Vec::new(),
            Clock::Host(host) => host.take(),
        }
    }

    /// Appends what [`Vcpu::take_clock_log`] gave to the log. False if it is damaged.
    pub fn feed_clock_log(&mut self, data: &[u8]) -> bool {
        match &mut self.engine.cpu.clock {
            Clock::Virtual => data.is_empty(),
            Clock::Host(host) => host.feed(data),
        }
    }

    /// Whether readings of the clock come from a log.
    pub(crate) fn replaying(&self) -> bool {
        matches!(&self.engine.cpu.clock, Clock::Host(host) if host.replaying())
    }

    /// Notes how the processor differs from the recording.
    pub(crate) fn diverged(&mut self, astray: String) -> Exit {
        self.replay.astray = astray;
        Exit::Diverged
    }

    /// Between two slices: how far the next may go at most, or why none may.
    pub(crate) fn next_stop(&mut self, end: u64) -> Result<u64, Exit> {
        let here = self.place();
        let Clock::Host(host) = &self.engine.cpu.clock else { return self.until_place(here, end) };
        if host.written() >= RECORDING {
            return Err(Exit::ClockLog);
        }
        if !host.replaying() {
            return Ok(end);
        }
        if let Some(count) = host.missed() {
            return Err(self.diverged(format!("it asks for the time at instruction {count}")));
        }
        if let Some(count) = host.due_at()
            && count < here.instructions
        {
            return Err(self.diverged(format!("it did not ask for the time at instruction {count}")));
        }
        if host.due_at().is_none() && self.replay.stop.is_none() {
            return Err(Exit::ClockLog);
        }
        let end = if self.replay.stop.is_none() { end.min(host.ends_at()) } else { end };
        self.until_place(here, end)
    }

    fn until_place(&mut self, here: Place, end: u64) -> Result<u64, Exit> {
        let Some(place) = self.replay.stop else { return Ok(end) };
        if here == place {
            self.forget_place();
            return Err(Exit::Place);
        }
        if here.instructions > place.instructions {
            let Place { instructions, pc, .. } = place;
            return Err(self.diverged(format!("it was not at {pc:#x} after instruction {instructions}")));
        }
        Ok(end.min(place.instructions))
    }
}
