//! The host's clock, as a guest sees it: read at certain points, constant between them, recorded and replayed.
//!
//! Must hold: time never goes back, and at one count of instructions it is read once while the processor runs. So what
//! the guest sees is a function of the counts and of what was read: a log of both, replayed to the same guest, makes the
//! same run. An entry is two numbers, LEB128: instructions and nanoseconds since the entry before.

use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;

/// Advances while the host is suspended, as the guest's time of day must.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

fn host_nanos() -> i128 {
    let time = clock_gettime(CLOCK);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// What becomes of readings.
#[derive(Debug)]
enum Log {
    /// Nothing.
    None,
    /// They are written here.
    Record(Vec<u8>),
    /// They come from here: counts and nanoseconds.
    Replay(VecDeque<(u64, u64)>),
}

/// A clock that began at 0.
#[derive(Debug)]
pub struct HostClock {
    /// The host's clock at time 0.
    start: i128,
    /// What was read last.
    nanos: u64,
    /// The count of instructions at which it was read.
    read_at: Option<u64>,
    log: Log,
    /// Count and nanoseconds of the latest entry that was written to the log, or read into it.
    latest: (u64, u64),
    /// Entries written, or replayed.
    entries: u64,
    /// The count at which an entry was wanted and there was none.
    missed: Option<u64>,
}

impl Default for HostClock {
    fn default() -> Self {
        Self {
            start: host_nanos(),
            nanos: 0,
            read_at: None,
            log: Log::None,
            latest: (0, 0),
            entries: 0,
            missed: None,
        }
    }
}

impl HostClock {
    /// The same clock, whose readings go to no log and come from none.
    pub fn without_log(&self) -> Self {
        let Self { start, nanos, read_at, log: _, latest: _, entries: _, missed: _ } = *self;
        Self { start, nanos, read_at, ..Self::default() }
    }

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

    /// As `read`, between two instructions of which neither asks for the time: the log has an entry where the recorded
    /// run did so.
    pub fn read_between(&mut self, icount: u64) {
        if !self.replaying() || self.due_at() == Some(icount) {
            self.read(icount);
        }
    }

    /// Reads the clock at a count where it may have been read already: the processor waits, or did not run.
    pub fn read_again(&mut self, icount: u64) {
        self.read_at = Some(icount);
        match &mut self.log {
            Log::None => self.nanos = self.nanos.max(self.now()),
            Log::Record(_) => {
                self.nanos = self.nanos.max(self.now());
                self.write(icount);
            }
            Log::Replay(entries) => match entries.front() {
                Some(&(count, nanos)) if count == icount => {
                    entries.pop_front();
                    self.nanos = nanos;
                    self.entries += 1;
                }
                _ => self.missed = self.missed.or(Some(icount)),
            },
        }
    }

    /// Whether it was read at this count of instructions.
    pub fn was_read_at(&self, icount: u64) -> bool {
        self.read_at == Some(icount)
    }

    /// What a reading of the host's clock would give.
    pub fn now(&self) -> u64 {
        (host_nanos() - self.start).try_into().unwrap_or(self.nanos)
    }

    /// Goes on as `other`, which has just been read.
    pub(crate) fn follow(&mut self, other: &Self) {
        (self.start, self.nanos, self.read_at) = (other.start, other.nanos, None);
    }

    /// The clock was read last this many nanoseconds ago: for a guest that was elsewhere, or nowhere, meanwhile.
    pub fn set_age(&mut self, nanos: u64) {
        self.start = host_nanos() - i128::from(self.nanos) - i128::from(nanos);
    }

    // The log.

    /// From now on readings are written. False if the clock was read already: a replay could not begin there.
    pub fn record(&mut self, icount: u64) -> bool {
        self.begin(Log::Record(Vec::new()), icount)
    }

    /// From now on readings come from a log, which is empty yet. False as for `record`.
    pub fn replay(&mut self, icount: u64) -> bool {
        self.begin(Log::Replay(VecDeque::new()), icount)
    }

    fn begin(&mut self, log: Log, icount: u64) -> bool {
        let fresh = self.read_at.is_none() && matches!(self.log, Log::None);
        if fresh {
            (self.log, self.latest) = (log, (icount, self.nanos));
        }
        fresh
    }

    /// Readings are the host's again, and not written.
    pub fn end(&mut self) {
        if self.replaying() {
            self.set_age(0);
        }
        self.log = Log::None;
    }

    fn write(&mut self, icount: u64) {
        let (count, nanos) = std::mem::replace(&mut self.latest, (icount, self.nanos));
        self.entries += 1;
        if let Log::Record(log) = &mut self.log {
            for mut value in [icount.wrapping_sub(count), self.nanos - nanos] {
                while value >= 0x80 {
                    log.push(value as u8 | 0x80);
                    value >>= 7;
                }
                log.push(value as u8);
            }
        }
    }

    /// The entries that were written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        match &mut self.log {
            Log::Record(log) => std::mem::take(log),
            _ => Vec::new(),
        }
    }

    /// Bytes that `take` would give.
    pub fn written(&self) -> usize {
        match &self.log {
            Log::Record(log) => log.len(),
            _ => 0,
        }
    }

    /// Appends what `take` gave to the log. False if it is damaged.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        let Log::Replay(entries) = &mut self.log else { return false };
        let mut rest = bytes;
        let mut latest = self.latest;
        let mut left = Vec::new();
        while !rest.is_empty() {
            let (Some(count), Some(nanos)) = (number(&mut rest), number(&mut rest)) else { return false };
            let (Some(count), Some(nanos)) = (latest.0.checked_add(count), latest.1.checked_add(nanos))
            else {
                return false;
            };
            latest = (count, nanos);
            left.push(latest);
        }
        entries.extend(left);
        self.latest = latest;
        true
    }

    /// Whether readings come from a log.
    pub fn replaying(&self) -> bool {
        matches!(self.log, Log::Replay(_))
    }

    /// The count of the next entry in the log.
    pub fn due_at(&self) -> Option<u64> {
        match &self.log {
            Log::Replay(entries) => entries.front().map(|entry| entry.0),
            _ => None,
        }
    }

    /// The count of the last known entry: the next may come right behind it.
    pub fn ends_at(&self) -> u64 {
        self.latest.0
    }

    /// Entries written, or replayed.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Where the guest asked for the time and the log has none: it is not the run that was recorded.
    pub fn missed(&self) -> Option<u64> {
        self.missed
    }
}

/// A LEB128 number of 64 bits; `None` if there is none.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_gives_what_was_read_where_it_was_read() {
        let (mut one, mut two) = (HostClock::default(), HostClock::default());
        assert!(one.record(5) && two.replay(5));
        let mut read = Vec::new();
        for count in [5, 5, 300, 1 << 40] {
            one.read_again(count);
            read.push(one.nanos());
        }
        assert!(two.feed(&one.take()));
        for (count, nanos) in [5, 5, 300, 1 << 40].into_iter().zip(read) {
            two.read_again(count);
            assert_eq!((two.nanos(), two.missed()), (nanos, None));
        }
        two.read(1 << 41);
        assert_eq!(two.missed(), Some(1 << 41));
    }

    #[test]
    fn a_damaged_log_is_refused_whole() {
        let mut clock = HostClock::default();
        assert!(clock.replay(0));
        for bytes in [&[0x80][..], &[1], &[1, 0x80], &[0xff; 40], &[1, 1, 0xff, 0xff]] {
            assert!(!clock.feed(bytes), "{bytes:?}");
        }
        assert_eq!(clock.due_at(), None);
    }

    #[test]
    fn a_clock_that_was_read_begins_no_log() {
        let mut clock = HostClock::default();
        clock.read(0);
        assert!(!clock.record(0));
    }
}
