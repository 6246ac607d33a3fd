//! The host's clock, as a guest sees it: read at certain points, constant between them.
//!
//! Must hold: time never goes back, and at one count of instructions it is read once, so that what the guest sees is a
//! function of the counts and of what was read.

use rustix::time::{ClockId, clock_gettime};

/// Goes on while the host is suspended, as the guest's time of day has to.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

fn host_nanos() -> i128 {
    let time = clock_gettime(CLOCK);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// A clock that began at 0.
#[derive(Debug)]
pub struct HostClock {
    /// What the host's clock showed at 0.
    start: i128,
    /// What was read last.
    nanos: u64,
    /// The count of instructions at which it was read.
    read_at: Option<u64>,
}

impl Default for HostClock {
    fn default() -> Self {
        Self { start: host_nanos(), nanos: 0, read_at: None }
    }
}

impl HostClock {
    /// What was read last.
    pub fn nanos(&self) -> u64 {
        self.nanos
    }

    /// Reads the clock, unless that was done at this count of instructions.
    pub fn read(&mut self, icount: u64) {
        if self.read_at != Some(icount) {
            self.read_again(icount);
        }
    }

    /// Reads the clock at a count where it may have been read already: the processor waits, or did not run.
    pub fn read_again(&mut self, icount: u64) {
        self.nanos = self.nanos.max(self.now());
        self.read_at = Some(icount);
    }

    /// What a reading would give.
    pub fn now(&self) -> u64 {
        (host_nanos() - self.start).try_into().unwrap_or(self.nanos)
    }

    /// The clock was read last this many nanoseconds ago: for a guest that was elsewhere, or nowhere, meanwhile.
    pub fn set_age(&mut self, nanos: u64) {
        self.start = host_nanos() - i128::from(self.nanos) - i128::from(nanos);
    }
}
