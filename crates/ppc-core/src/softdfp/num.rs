//! A decimal datum taken apart, and the formats it comes from and goes to.
//!
//! ```text
//!  S | combination: 5 bits | exponent continuation | declets
//!      ab ccc   exponent begins with ab (not 11), first digit is ccc
//!      11 ab c  exponent begins with ab (not 11), first digit is 8 + c
//!      11110    infinity
//!      11111    NaN, signalling if the next bit is 1
//! ```

use super::{dpd, wide};
use crate::softfp::{
    bits::{FPRF_SHIFT, VXSNAN},
    num::class_predicates,
};

/// A decimal interchange format with densely packed digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// Width of the exponent continuation.
    pub exp_bits: u32,
    /// Declets of the trailing significand.
    pub declets: u32,
    /// What is added to the exponent of the last digit.
    pub bias: i32,
    /// What is added to (subtracted from) the exponent on an enabled underflow (overflow).
    pub adjust: i32,
}

/// decimal32, to which `drsp` rounds.
pub const SHORT: Format = Format { exp_bits: 6, declets: 2, bias: 101, adjust: 192 };
/// decimal64.
pub const LONG: Format = Format { exp_bits: 8, declets: 5, bias: 398, adjust: 576 };
/// decimal128.
pub const EXTENDED: Format = Format { exp_bits: 12, declets: 11, bias: 6176, adjust: 9216 };

/// What kind of datum a [`Num`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Zero or a number.
    Finite,
    /// Infinity.
    Inf,
    /// Quiet NaN.
    Qnan,
    /// Signalling NaN.
    Snan,
}

/// A datum without its format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Num {
    /// Kind.
    pub class: Class,
    /// Whether it is negative.
    pub sign: bool,
    /// Exponent of the last digit.
    pub exp: i32,
    /// All digits; for infinities and NaNs those of the trailing significand.
    pub coef: u128,
}

/// A result: the number and the FPSCR bits it causes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Raw {
    /// The number.
    pub num: Num,
    /// Exceptions, FR, FI.
    pub flags: u64,
}

impl Num {
    class_predicates!();

    /// The QNaN of disabled invalid operations.
    pub const DEFAULT_NAN: Num = Num { class: Class::Qnan, sign: false, exp: 0, coef: 0 };

    /// A finite number.
    #[inline]
    pub const fn finite(sign: bool, exp: i32, coef: u128) -> Num {
        Num { class: Class::Finite, sign, exp, coef }
    }

    /// The canonical infinity.
    #[inline]
    pub const fn inf(sign: bool) -> Num {
        Num { class: Class::Inf, sign, exp: 0, coef: 0 }
    }

    /// Whether it is zero or another number.
    #[inline]
    pub const fn is_finite(self) -> bool {
        matches!(self.class, Class::Finite)
    }

    /// Whether it is a zero.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.is_finite() && self.coef == 0
    }

    /// A NaN made quiet.
    #[inline]
    pub const fn quiet(self) -> Num {
        Num { class: Class::Qnan, ..self }
    }

    /// How many digits a finite number has; 0 has none.
    #[inline]
    pub const fn digits(self) -> u32 {
        wide::digits(self.coef)
    }
}

impl Raw {
    /// A result without exceptions.
    #[inline]
    pub const fn exact(num: Num) -> Raw {
        Raw { num, flags: 0 }
    }

    /// The default QNaN with its cause.
    #[inline]
    pub const fn invalid(flags: u64) -> Raw {
        Raw { num: Num::DEFAULT_NAN, flags }
    }
}

/// The result when an operand is a NaN, made quiet: the first signalling one, or else the first.
#[inline]
pub fn propagate(operands: &[Num]) -> Option<Raw> {
    if let Some(nan) = operands.iter().find(|n| n.is_snan()) {
        return Some(Raw { num: nan.quiet(), flags: VXSNAN });
    }
    operands.iter().find(|n| n.is_nan()).map(|&nan| Raw::exact(nan))
}

impl Format {
    /// How many digits a number has at most.
    #[inline]
    pub const fn precision(self) -> u32 {
        3 * self.declets + 1
    }

    /// The least exponent of the last digit.
    #[inline]
    pub const fn exp_min(self) -> i32 {
        -self.bias
    }

    /// The greatest exponent of the last digit.
    #[inline]
    pub const fn exp_max(self) -> i32 {
        (3 << self.exp_bits) - 1 - self.bias
    }

    /// The exponent of the first digit below which a number is subnormal.
    #[inline]
    pub const fn normal_min(self) -> i32 {
        self.exp_min() + self.precision() as i32 - 1
    }

    /// Whether a finite number is not zero, and below the least normal one.
    #[inline]
    pub const fn is_subnormal(self, num: Num) -> bool {
        num.is_finite() && num.coef != 0 && num.exp + (num.digits() as i32) - 1 < self.normal_min()
    }

    /// The digits of the trailing significand.
    #[inline]
    pub const fn trailing(self, coef: u128) -> u128 {
        coef % wide::ten(3 * self.declets)
    }

    /// A coefficient's digits moved left by `n` places; those that leave are lost.
    pub const fn shift_left(self, n: u32, coef: u128) -> u128 {
        if n >= self.precision() {
            return 0;
        }
        coef % wide::ten(self.precision() - n) * wide::ten(n)
    }

    /// A coefficient's digits moved right by `n` places.
    pub const fn shift_right(self, n: u32, coef: u128) -> u128 {
        if n >= self.precision() { 0 } else { coef / wide::ten(n) }
    }

    /// Takes a bit pattern of this format apart.
    #[inline]
    pub fn unpack(self, bits: u128) -> Num {
        let trailing = 10 * self.declets;
        let sign = bits >> (5 + self.exp_bits + trailing) & 1 != 0;
        let combination = (bits >> (self.exp_bits + trailing)) as u32 & 31;
        let coef = dpd::decode(bits, self.declets);
        let (begin, first) = match combination {
            31 => {
                let signalling = bits >> (self.exp_bits + trailing - 1) & 1 != 0;
                let class = if signalling { Class::Snan } else { Class::Qnan };
                return Num { class, sign, exp: 0, coef };
            }
            30 => return Num { class: Class::Inf, sign, exp: 0, coef },
            24.. => (combination >> 1 & 3, 8 | combination & 1),
            _ => (combination >> 3, combination & 7),
        };
        let exponent = begin << self.exp_bits | (bits >> trailing) as u32 & ((1 << self.exp_bits) - 1);
        let coef = coef + u128::from(first) * wide::ten(3 * self.declets);
        Num { class: Class::Finite, sign, exp: exponent as i32 - self.bias, coef }
    }

    /// Puts a datum together. Of an infinity or NaN the leftmost digits that do not fit are dropped. An exponent beyond
    /// the range, possible only after the adjustment of an enabled exception, is taken modulo the number of exponents.
    #[inline]
    pub fn pack(self, num: Num) -> u128 {
        let trailing = 10 * self.declets;
        let power = wide::ten(3 * self.declets);
        let sign = u128::from(num.sign) << (5 + self.exp_bits + trailing);
        let (first, rest) = (num.coef / power, num.coef % power);
        let head = match num.class {
            Class::Finite => {
                let biased = (num.exp + self.bias).rem_euclid(3 << self.exp_bits) as u128;
                let (begin, more) = (biased >> self.exp_bits, biased & ((1 << self.exp_bits) - 1));
                let combination = if first < 8 { begin << 3 | first } else { 24 | begin << 1 | first & 1 };
                combination << self.exp_bits | more
            }
            Class::Inf => 30 << self.exp_bits,
            Class::Qnan => 31 << self.exp_bits,
            Class::Snan => 63 << (self.exp_bits - 1),
        };
        sign | head << trailing | dpd::encode(rest, self.declets)
    }

    /// FPRF: class and sign of a result, in its FPSCR position.
    #[inline]
    pub fn fprf(self, num: Num) -> u64 {
        let code = match (num.class, num.sign) {
            (Class::Snan, _) => 0b00001,
            (Class::Qnan, _) => 0b10001,
            (Class::Inf, false) => 0b00101,
            (Class::Inf, true) => 0b01001,
            (Class::Finite, sign) => match (num.coef == 0, self.is_subnormal(num), sign) {
                (true, _, false) => 0b00010,
                (true, _, true) => 0b10010,
                (_, true, false) => 0b10100,
                (_, true, true) => 0b11000,
                (_, _, false) => 0b00100,
                (_, _, true) => 0b01000,
            },
        };
        code << FPRF_SHIFT
    }
}
