//! Timebase, decrementer and the processor's clock.
//!
//! Time is counted in nanoseconds: with [`Clock::Virtual`] one retired instruction takes one, and an idle
//! processor skips to its next deadline; with [`Clock::Host`] they are the host's. The timebase runs at
//! [`TIMEBASE_HZ`] in both.

use crate::state::Cpu;
use std::time::Instant;

/// Ticks of the timebase in a second, as POWER8 and POWER9 have it.
pub const TIMEBASE_HZ: u64 = 512_000_000;

/// Where nanoseconds come from.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Retired instructions, plus what an idle processor skipped.
    Virtual,
    /// The host's monotonic clock since this instant.
    Host(Instant),
}

/// 512 MHz over 1 GHz, in lowest terms.
const TICKS: u64 = 64;
const NANOS: u64 = 125;

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
        match self.clock {
            Clock::Virtual => self.icount.wrapping_add(self.idle_nanos),
            Clock::Host(start) => start.elapsed().as_nanos() as u64,
        }
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

    /// Lets an idle processor's virtual time jump to `nanos`.
    pub fn skip_to(&mut self, nanos: u64) {
        let now = self.nanos();
        if nanos > now && matches!(self.clock, Clock::Virtual) {
            self.idle_nanos += nanos - now;
        }
        self.request_event();
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
