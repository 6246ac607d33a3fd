//! A floating-point datum taken apart, and the formats it comes from and goes to.

use super::bits::{FPRF_SHIFT, UE, UX, VXSNAN};

/// A binary interchange format of IEEE 754.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// Width of the biased exponent.
    pub exp_bits: u32,
    /// Width of the stored fraction.
    pub frac_bits: u32,
    /// What is added to (subtracted from) the exponent on an enabled underflow (overflow).
    pub adjust: i32,
}

/// binary16.
pub const HALF: Format = Format { exp_bits: 5, frac_bits: 10, adjust: 24 };
/// bfloat16: a binary32 with a shorter fraction.
pub const BFLOAT16: Format = Format { exp_bits: 8, frac_bits: 7, adjust: 192 };
/// binary32.
pub const SINGLE: Format = Format { exp_bits: 8, frac_bits: 23, adjust: 192 };
/// binary64.
pub const DOUBLE: Format = Format { exp_bits: 11, frac_bits: 52, adjust: 1536 };
/// binary128.
pub const QUAD: Format = Format { exp_bits: 15, frac_bits: 112, adjust: 24576 };

/// What kind of datum a [`Num`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Zero of either sign.
    Zero,
    /// A non-zero number.
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
    /// For [`Class::Finite`]: the value is `sig / 2^127 * 2^exp`.
    pub exp: i32,
    /// For [`Class::Finite`]: bit 127 is set; bit 0 may be sticky. For a NaN: the fraction below bit 127, so
    /// that the quiet bit is bit 126.
    pub sig: u128,
}

/// A result before rounding: the number and the exceptions met so far (FPSCR positions).
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    /// Exact but for the sticky bit 0 of its significand.
    pub num: Num,
    /// VX*, ZX.
    pub flags: u64,
}

/// The quiet bit of an unpacked NaN.
const QUIET: u128 = 1 << 126;

/// The questions that numbers of either base answer by their class alone.
macro_rules! class_predicates {
    () => {
        /// Whether it is a NaN of either kind.
        #[inline]
        pub const fn is_nan(self) -> bool {
            matches!(self.class, Class::Qnan | Class::Snan)
        }

        /// Whether it is a signalling NaN.
        #[inline]
        pub const fn is_snan(self) -> bool {
            matches!(self.class, Class::Snan)
        }

        /// Whether it is an infinity.
        #[inline]
        pub const fn is_inf(self) -> bool {
            matches!(self.class, Class::Inf)
        }
    };
}
pub(crate) use class_predicates;

impl Num {
    class_predicates!();

    /// The QNaN of disabled invalid operations.
    pub const DEFAULT_NAN: Num = Num { class: Class::Qnan, sign: false, exp: 0, sig: QUIET };

    /// A zero.
    #[inline]
    pub const fn zero(sign: bool) -> Num {
        Num { class: Class::Zero, sign, exp: 0, sig: 0 }
    }

    /// An infinity.
    #[inline]
    pub const fn inf(sign: bool) -> Num {
        Num { class: Class::Inf, sign, exp: 0, sig: 0 }
    }

    /// `sig / 2^127 * 2^exp`, normalised; zero when `sig` is 0.
    #[inline]
    pub const fn finite(sign: bool, exp: i32, sig: u128) -> Num {
        if sig == 0 {
            return Num::zero(sign);
        }
        let lead = sig.leading_zeros();
        Num { class: Class::Finite, sign, exp: exp - lead as i32, sig: sig << lead }
    }

    /// Whether it is a zero.
    #[inline]
    pub const fn is_zero(self) -> bool {
        matches!(self.class, Class::Zero)
    }

    /// A NaN made quiet.
    #[inline]
    pub const fn quiet(self) -> Num {
        Num { class: Class::Qnan, sig: self.sig | QUIET, ..self }
    }

    /// The same magnitude with the other sign, whatever it is.
    #[inline]
    pub const fn negate(self) -> Num {
        Num { sign: !self.sign, ..self }
    }

    /// The other sign unless it is a NaN (the last step of the negative multiply-add instructions).
    #[inline]
    pub const fn negate_number(self) -> Num {
        if self.is_nan() { self } else { self.negate() }
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

/// VXSNAN if any operand is a signalling NaN.
#[inline]
pub fn snan_flag(operands: &[Num]) -> u64 {
    if operands.iter().any(|n| n.is_snan()) { VXSNAN } else { 0 }
}

/// The result when an operand is a NaN: the first NaN of the list, made quiet (ISA 4.3.2 "Not a Numbers").
#[inline]
pub fn propagate(operands: &[Num]) -> Option<Raw> {
    let nan = operands.iter().find(|n| n.is_nan())?;
    Some(Raw { num: nan.quiet(), flags: snan_flag(operands) })
}

impl Format {
    /// Exponent bias, which is also the largest exponent.
    #[inline]
    pub const fn bias(self) -> i32 {
        (1 << (self.exp_bits - 1)) - 1
    }

    /// Smallest exponent of a normalised number.
    #[inline]
    pub const fn emin(self) -> i32 {
        1 - self.bias()
    }

    /// Bits of the significand, the implicit one included.
    #[inline]
    pub const fn precision(self) -> u32 {
        self.frac_bits + 1
    }

    /// Takes a bit pattern of this format apart.
    #[inline]
    pub const fn unpack(self, bits: u128) -> Num {
        let sign = bits >> (self.exp_bits + self.frac_bits) & 1 != 0;
        let max = (1u32 << self.exp_bits) - 1;
        let biased = (bits >> self.frac_bits) as u32 & max;
        let sig = bits << (127 - self.frac_bits) & (u128::MAX >> 1);
        if biased == max {
            if sig == 0 {
                return Num::inf(sign);
            }
            let class = if sig & QUIET != 0 { Class::Qnan } else { Class::Snan };
            return Num { class, sign, exp: 0, sig };
        }
        if biased == 0 {
            return Num::finite(sign, self.emin(), sig);
        }
        Num { class: Class::Finite, sign, exp: biased as i32 - self.bias(), sig: sig | 1 << 127 }
    }

    /// Puts a number together that already fits this format: bits beyond the fraction are dropped, and so is the
    /// payload of a NaN beyond it. An exponent beyond the range, possible only after the adjustment of an enabled
    /// exception whose result the ISA leaves undefined, is taken modulo the field.
    #[inline]
    pub const fn pack(self, num: Num) -> u128 {
        let max = (1u32 << self.exp_bits) - 1;
        let fraction = (1u128 << self.frac_bits) - 1;
        let sign = (num.sign as u128) << (self.exp_bits + self.frac_bits);
        let (biased, sig) = match num.class {
            Class::Zero => (0, 0),
            Class::Inf => (max, 0),
            Class::Qnan | Class::Snan => (max, num.sig >> (127 - self.frac_bits)),
            Class::Finite if num.exp >= self.emin() || num.exp < self.emin() - self.frac_bits as i32 => {
                ((num.exp + self.bias()) as u32 & max, num.sig >> (127 - self.frac_bits))
            }
            Class::Finite => (0, num.sig >> (127 - self.frac_bits) >> (self.emin() - num.exp) as u32),
        };
        sign | (biased as u128) << self.frac_bits | sig & fraction
    }

    /// FPRF (in its FPSCR position) of a result in this format (ISA Figure "Floating-Point Result Flags").
    #[inline]
    pub const fn fprf(self, num: Num) -> u64 {
        let (positive, negative) = match num.class {
            Class::Zero => (0b00010, 0b10010),
            Class::Inf => (0b00101, 0b01001),
            Class::Qnan => (0b10001, 0b10001),
            // The ISA has no descriptor for a signalling NaN; no arithmetic result is one.
            Class::Snan => (0b00000, 0b00000),
            Class::Finite if num.exp < self.emin() => (0b10100, 0b11000),
            Class::Finite => (0b00100, 0b01000),
        };
        (if num.sign { negative } else { positive }) << FPRF_SHIFT
    }

    /// FPRF of a rounded result under the enables of `fpscr`. An enabled underflow gives a normalized number, also where
    /// its adjusted exponent still is below this format's (ISA, "Underflow Exception": "FPRF is set to indicate the
    /// class and sign of the result (Normalized Number)").
    #[inline]
    pub const fn fprf_of(self, r: Raw, fpscr: u64) -> u64 {
        if r.flags & UX != 0 && fpscr & UE != 0 {
            return (if r.num.sign { 0b01000 } else { 0b00100 }) << FPRF_SHIFT;
        }
        self.fprf(r.num)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_survive_unpacking_and_packing() {
        for hi in 0..=0xffff_u128 {
            assert_eq!(HALF.pack(HALF.unpack(hi)), hi);
            for low in [0, 1, 0x1234, 0xffff] {
                let s = hi << 16 | low;
                assert_eq!(SINGLE.pack(SINGLE.unpack(s)), s);
                let d = hi << 48 | low;
                assert_eq!(DOUBLE.pack(DOUBLE.unpack(d)), d);
                let q = hi << 112 | low;
                assert_eq!(QUAD.pack(QUAD.unpack(q)), q);
            }
        }
    }

    #[test]
    fn the_first_nan_is_propagated_quietly() {
        let snan = DOUBLE.unpack(0x7ff4_0000_0000_0001);
        let qnan = DOUBLE.unpack(0xfff8_0000_0000_0002);
        let one = DOUBLE.unpack(0x3ff0_0000_0000_0000);
        let raw = propagate(&[one, qnan, snan]).unwrap();
        assert_eq!((DOUBLE.pack(raw.num), raw.flags), (0xfff8_0000_0000_0002, VXSNAN));
        let raw = propagate(&[snan, qnan]).unwrap();
        assert_eq!((DOUBLE.pack(raw.num), raw.flags), (0x7ffc_0000_0000_0001, VXSNAN));
        assert!(propagate(&[one, one]).is_none());
    }
}
