//! Timebase, decrementer and the processor's clock.
//!
//! Time is counted in nanoseconds: with [`Clock::Virtual`] one retired instruction takes one, and an idle
//! processor skips to its next deadline; with [`Clock::Host`] they are the host's. The timebase runs at
//! [`TIMEBASE_HZ`] in both.
//!
//! The host's clock is read by [`Cpu::read_clock`] alone; everything else sees what it read last. It is called where
//! the guest can tell: by instructions that read or set a time, between blocks where the decrementer may interrupt,
//! when a processor that waits may wake, and for hypercalls that are answered outside.

use crate::{host_clock::HostClock, msr, state::Cpu};

/// What [`Cpu::spend`] may count between two checks for the caller's requests: 25 ms at most.
pub(crate) const MOST_SPENT: u32 = 25_000;

/// Ticks of the timebase in a second, as POWER8 and POWER9 have it.
pub const TIMEBASE_HZ: u64 = 512_000_000;

/// Where nanoseconds come from.
#[derive(Debug)]
pub enum Clock {
    /// Retired instructions, plus what an idle processor skipped.
    Virtual,
    /// The host's.
    Host(HostClock),
}

/// Where virtual time ends, in nanoseconds (146 years), and how many instructions there can be at most. An idle processor
/// skips no further, and nothing that is loaded or set lies beyond, so that no sum of counts and times overflows.
pub const END: u64 = 1 << 62;

/// Nanoseconds in a second.
const NANOS_HZ: u64 = 1_000_000_000;
/// [`TIMEBASE_HZ`] over [`NANOS_HZ`] in lowest terms: so many ticks take so many nanoseconds.
const TICKS: u64 = TIMEBASE_HZ / gcd(TIMEBASE_HZ, NANOS_HZ);
const NANOS: u64 = NANOS_HZ / gcd(TIMEBASE_HZ, NANOS_HZ);

/// The greatest common divisor.
const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Ticks of the timebase in `nanos`, rounded down. In two parts, because a product of 128 bits would have to be divided
/// by a function: the engine asks for the time at each interrupt.
fn ticks_in(nanos: u64) -> u64 {
    nanos / NANOS * TICKS + nanos % NANOS * TICKS / NANOS
}

/// The decrementer: its value at one moment of the timebase, from which it counts down.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Decrementer {
    /// The value last written, sign-extended.
    pub value: i64,
    /// The timebase when it was written.
    pub at: u64,
}

impl Cpu {
    /// Nanoseconds of this processor's clock.
    pub fn nanos(&self) -> u64 {
        match &self.clock {
            Clock::Virtual => self.icount.wrapping_add(self.idle_nanos),
            Clock::Host(host) => host.nanos(),
        }
    }

    /// Reads the host's clock, if time is the host's.
    #[inline]
    pub fn read_clock(&mut self) {
        if let Clock::Host(host) = &mut self.clock {
            host.read(self.icount);
        }
    }

    /// For an instruction that asks for the time. If that makes the decrementer due, it interrupts right behind, and not
    /// wherever the engine happens to look next.
    pub(crate) fn read_clock_here(&mut self) {
        self.read_clock();
        if matches!(self.clock, Clock::Host(_)) && self.decrementer_pending() {
            self.request_event();
        }
    }

    /// Whether the decrementer interrupts between these two instructions. With the host's clock only where that was read:
    /// then every place is in the log.
    pub(crate) fn decrementer_interrupts(&self) -> bool {
        let read = match &self.clock {
            Clock::Virtual => true,
            Clock::Host(host) => host.was_read_at(self.icount),
        };
        read && self.decrementer_pending()
    }

    /// As `read_clock`, where it may have been read at this count of instructions already.
    pub fn read_clock_again(&mut self) {
        if let Clock::Host(host) = &mut self.clock {
            host.read_again(self.icount);
        }
    }

    /// Between blocks: time matters now if the decrementer may interrupt.
    pub(crate) fn read_clock_for_interrupts(&mut self) {
        if self.msr & msr::EE != 0
            && !self.external
            && !self.system_reset
            && let Clock::Host(host) = &mut self.clock
        {
            host.read_between(self.icount);
        }
    }

    /// The stopped guest is about to run. The host's time that has passed since its clock was read last
    /// counts in TB and the decrementer, so that it knows the time of day, and not in VTB, PURR and SPURR, by which it
    /// judges what its programs had. A decrementer that has run out meanwhile asks for its interrupt, however often its
    /// 32 bits would have wrapped.
    pub fn go_on(&mut self) {
        let (before, left) = (self.timebase(), self.decrementer());
        self.read_clock_again();
        let passed = self.timebase().wrapping_sub(before);
        self.stood = self.stood.wrapping_add(passed);
        if u64::try_from(left).is_ok_and(|left| left < passed) {
            self.set_decrementer(-1);
        }
        self.request_event();
    }

    /// The time for which the processor was dispatched, in ticks: VTB, PURR and SPURR.
    pub fn dispatched_time(&self) -> u64 {
        self.timebase().wrapping_sub(self.stood)
    }

    /// TB.
    pub fn timebase(&self) -> u64 {
        self.tb_offset.wrapping_add(ticks_in(self.nanos()))
    }

    /// Sets TB; the decrementer keeps its value.
    pub fn set_timebase(&mut self, value: u64) {
        let dec = self.decrementer();
        self.tb_offset = 0;
        self.tb_offset = value.wrapping_sub(self.timebase());
        self.set_decrementer(dec);
    }

    /// DEC, sign-extended from the width that the model and LPCR\[LD\] give it.
    pub fn decrementer(&self) -> i64 {
        let elapsed = self.timebase().wrapping_sub(self.dec.at) as i64;
        self.dec_extend(self.dec.value.wrapping_sub(elapsed) as u64)
    }

    /// Writes DEC.
    pub fn set_decrementer(&mut self, value: i64) {
        self.dec = Decrementer { value: self.dec_extend(value as u64), at: self.timebase() };
        self.request_event();
    }

    fn dec_extend(&self, value: u64) -> i64 {
        let bits = if self.lpcr & crate::spr::LPCR_LD != 0 { self.model.decrementer_bits } else { 32 };
        let unused = 64 - bits;
        ((value << unused) as i64) >> unused
    }

    /// Whether the decrementer asks for an interrupt: its sign bit is 1 (ISA 2.07 Book III-S, "Decrementer").
    pub fn decrementer_pending(&self) -> bool {
        self.decrementer() < 0
    }

    /// Nanoseconds of this clock at which the decrementer will ask for an interrupt; `None` when it already does.
    pub fn decrementer_deadline(&self) -> Option<u64> {
        let now = self.timebase();
        let left = self.decrementer();
        if left < 0 {
            return None;
        }
        let ticks = now.wrapping_add(left as u64 + 1).wrapping_sub(self.tb_offset);
        Some((u128::from(ticks) * u128::from(NANOS)).div_ceil(u128::from(TICKS)) as u64)
    }

    /// Lets an idle processor's virtual time jump to `nanos`, or to [`END`].
    pub fn skip_to(&mut self, nanos: u64) {
        if matches!(self.clock, Clock::Virtual) {
            self.idle_nanos += nanos.min(END).saturating_sub(self.nanos());
        }
        self.request_event();
    }

    /// Counts what may take up to a microsecond, `cost` times: an instruction that compiled code calls a function for or
    /// that is interpreted instead, a way out of compiled code. After [`MOST_SPENT`] the caller looks around.
    #[inline(always)]
    pub(crate) fn spend(&mut self, cost: u32) {
        self.spent = self.spent.saturating_add(cost);
        if self.spent >= MOST_SPENT {
            self.request_event();
        }
    }

    /// Of several processors that take turns: the machine's clock goes on here, where `before` has left it.
    pub fn take_over_clock(&mut self, before: &mut Self) {
        before.read_clock_again();
        match (&mut self.clock, &before.clock) {
            (Clock::Host(mine), Clock::Host(theirs)) => {
                mine.follow(theirs);
                self.tb_offset = before.tb_offset;
                self.request_event();
            }
            _ => self.skip_to(before.nanos()),
        }
    }

    /// Makes the engine look for interrupts and deadlines before the next block.
    #[inline(always)]
    pub fn request_event(&mut self) {
        self.limit = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ticks_are_those_of_the_exact_quotient(nanos in prop_oneof![any::<u64>(), 0..1000u64, u64::MAX - 1000..]) {
            let exact = u128::from(nanos) * u128::from(TICKS) / u128::from(NANOS);
            prop_assert_eq!(u128::from(ticks_in(nanos)), exact);
        }
    }
}
