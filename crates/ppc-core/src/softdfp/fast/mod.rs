//! Sums and products on words of the host, if nothing is special: what programs that count money compute most.
//!
//! Enters: encodings of two operands. Leaves: an exact result at once, or one that is yet to be rounded, or nothing if an
//! operand is special, the result is 0, out of range or may be subnormal, or an operand is a 0 that the other is not
//! aligned with: `arith` does everything. What is yet to be rounded is a value of its own, so that exact results, which
//! are the most, cost nothing for the others.

use super::{num::Format, round::DecimalRounding};
use crate::softfp::bits::FPRF_SHIFT;

mod digits;
mod extended;
mod long;

pub use extended::{add_extended, mul_extended};
pub use long::{add_long, mul_long};

/// What an operation makes of two operands.
#[derive(Clone, Copy)]
pub enum Quick<P> {
    /// An exact result.
    Exact(Rounded),
    /// One that has too many digits, or may have.
    Pending(P),
    /// `arith` knows.
    Unknown,
}

/// What is yet to be rounded.
pub trait Pending {
    /// The result, unless `arith` has to find it.
    fn rounded(self, mode: DecimalRounding) -> Option<Rounded>;
}

/// A result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rounded {
    /// Its encoding.
    pub value: u128,
    /// Class and sign.
    pub fprf: u64,
    /// XX, FI and FR.
    pub flags: u64,
}

impl<P> Quick<P> {
    /// An exact result, if it is one.
    #[inline(always)]
    fn exact(result: Option<Rounded>) -> Quick<P> {
        result.map_or(Quick::Unknown, Quick::Exact)
    }
}

/// A long or the upper part of an extended number: sign, biased exponent, first digit.
#[derive(Clone, Copy)]
pub struct Head {
    sign: bool,
    exp: u32,
    first: u64,
}

impl Head {
    /// The head of the upper doubleword of a number of `format`, unless it is special.
    #[inline(always)]
    fn of(format: Format, bits: u64) -> Option<Head> {
        let combination = (bits >> 58) as u32 & 31;
        let (begin, first) = match combination {
            30.. => return None,
            24.. => (combination >> 1 & 3, 8 | combination & 1),
            _ => (combination >> 3, combination & 7),
        };
        let exp_bits = format.exp_bits;
        let exp = begin << exp_bits | (bits >> (58 - exp_bits)) as u32 & ((1 << exp_bits) - 1);
        Some(Head { sign: bits >> 63 != 0, exp, first: first.into() })
    }

    /// Its bits.
    #[inline(always)]
    fn bits(self, format: Format) -> u64 {
        let begin = u64::from(self.exp >> format.exp_bits);
        let more = u64::from(self.exp) & ((1 << format.exp_bits) - 1);
        let combination =
            if self.first < 8 { begin << 3 | self.first } else { 24 | begin << 1 | self.first & 1 };
        u64::from(self.sign) << 63 | combination << 58 | more << (58 - format.exp_bits)
    }

    /// FPRF of a number that is not 0, if it is normal whatever its digits are.
    #[inline(always)]
    fn fprf(&self, format: Format) -> Option<u64> {
        let code = if self.sign { 0b01000 } else { 0b00100 };
        (self.exp >= format.precision() - 1).then_some(code << FPRF_SHIFT)
    }
}

#[cfg(test)]
mod tests;
