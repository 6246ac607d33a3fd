//! Integers to numbers, numbers to integers, and numbers to integral numbers.

use super::{
    bits::{FI, FR, VXCVI, VXSNAN, XX},
    num::{Class, Num, Raw},
    round::{Rest, Rounding},
};

/// An integer target of a conversion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Int {
    /// Width in bits, at most 64.
    pub bits: u32,
    /// Whether it is signed.
    pub signed: bool,
}

/// Signed word.
pub const I32: Int = Int { bits: 32, signed: true };
/// Unsigned word.
pub const U32: Int = Int { bits: 32, signed: false };
/// Signed doubleword.
pub const I64: Int = Int { bits: 64, signed: true };
/// Unsigned doubleword.
pub const U64: Int = Int { bits: 64, signed: false };

impl Int {
    /// Smallest value.
    pub const fn min(self) -> i128 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }
    /// Largest value.
    pub const fn max(self) -> i128 {
        if self.signed { (1 << (self.bits - 1)) - 1 } else { (1 << self.bits) - 1 }
    }
}

/// A signed or unsigned integer as a number, exactly.
#[inline]
pub const fn from_int(value: i128) -> Num {
    Num::finite(value < 0, 127, value.unsigned_abs())
}

/// Magnitude rounded to an integer, whether it was cut, whether it grew. `exp < 127`.
#[inline]
fn integral(num: Num, mode: Rounding) -> (u128, bool, bool) {
    let (kept, rest) = if num.exp < -1 {
        (0, Rest::Less)
    } else {
        let cut = (127 - num.exp) as u32;
        (if cut == 128 { 0 } else { num.sig >> cut }, Rest::of(num.sig, cut))
    };
    let inc = mode.increments(num.sign, kept & 1 != 0, rest);
    (kept + inc as u128, rest != Rest::Nothing, inc)
}

/// Converts to an integer. Out of range: VXCVI and the nearest end of the range; a NaN: VXCVI (and VXSNAN) and the
/// smallest value (ISA 4.6.7.2 "Floating-Point Convert To Integer", Appendix "Convert to Integer Model").
#[inline]
pub fn to_int(num: Num, int: Int, mode: Rounding) -> (i128, u64) {
    match num.class {
        Class::Zero => return (0, 0),
        Class::Qnan => return (int.min(), VXCVI),
        Class::Snan => return (int.min(), VXCVI | VXSNAN),
        Class::Finite if num.exp < 66 => {
            let (magnitude, inexact, inc) = integral(num, mode);
            let value = if num.sign { -(magnitude as i128) } else { magnitude as i128 };
            if (int.min()..=int.max()).contains(&value) {
                let fr = if inc { FR } else { 0 };
                return (value, if inexact { XX | FI | fr } else { 0 });
            }
        }
        _ => {}
    }
    (if num.sign { int.min() } else { int.max() }, VXCVI)
}

/// Rounds to an integral value, which is exact in the operand's own format. The flags tell XX, FI and FR; the
/// instructions that don't report inexactness mask them.
#[inline]
pub fn round_to_integral(num: Num, mode: Rounding) -> Raw {
    match num.class {
        Class::Qnan | Class::Snan => {
            return Raw { num: num.quiet(), flags: if num.is_snan() { VXSNAN } else { 0 } };
        }
        Class::Finite if num.exp < 127 => {}
        _ => return Raw::exact(num),
    }
    let (magnitude, inexact, inc) = integral(num, mode);
    let fr = if inc { FR } else { 0 };
    Raw { num: Num::finite(num.sign, 127, magnitude), flags: if inexact { XX | FI | fr } else { 0 } }
}

/// `DOUBLE(WORD)` of the ISA (4.6.2 "Floating-Point Load Instructions"): single to double without arithmetic, NaNs as they are.
#[inline]
pub const fn double(word: u32) -> u64 {
    let sign = (word as u64 & 0x8000_0000) << 32;
    let magnitude = word & 0x7fff_ffff;
    if magnitude >= 0x7f80_0000 {
        return sign | 0x7ff0_0000_0000_0000 | (magnitude as u64 & 0x007f_ffff) << 29;
    }
    if magnitude >= 0x0080_0000 {
        return sign | (((magnitude as u64) << 29) + ((1023 - 127) << 52));
    }
    if magnitude == 0 {
        return sign;
    }
    // value = magnitude * 2^-149
    let top = 31 - magnitude.leading_zeros();
    let fraction = (magnitude as u64) << (52 - top) & ((1 << 52) - 1);
    sign | (top as u64 + 1023 - 149) << 52 | fraction
}

/// `SINGLE(DWORD)` of the ISA (4.6.3 "Floating-Point Store Instructions"): double to single without rounding. Values too
/// small for a denormalised single are undefined there; they become zero here.
#[inline]
pub const fn single(dword: u64) -> u32 {
    let exp = (dword >> 52) as u32 & 0x7ff;
    let sign = (dword >> 32) as u32 & 0x8000_0000;
    if exp > 896 {
        // No denormalisation: bits 0:1 and 5:34. Infinities and NaNs are in here.
        return (dword >> 32) as u32 & 0xc000_0000 | (dword >> 29) as u32 & 0x3fff_ffff;
    }
    if exp < 874 {
        return sign;
    }
    let significand = 1 << 52 | dword & ((1 << 52) - 1);
    sign | (significand >> (896 + 30 - exp)) as u32
}

#[cfg(test)]
mod tests {
    use super::{super::num::DOUBLE, *};

    #[test]
    fn every_kind_of_single_survives_a_load_and_a_store() {
        for word in
            [0, 1, 2, 0x7f_ffff, 0x80_0000, 0x3f80_0001, 0x7f7f_ffff, 0x7f80_0000, 0x7f80_0001, 0x7fc1_2345]
        {
            for word in [word, word | 0x8000_0000] {
                assert_eq!(single(double(word)), word);
                let f = f32::from_bits(word);
                if !f.is_nan() {
                    assert_eq!(double(word), (f as f64).to_bits());
                }
            }
        }
        assert_eq!(double(0x7fa0_0000), 0x7ff4_0000_0000_0000);
        assert_eq!(single(0x3680_0000_0000_0000), 0, "half the smallest denormal");
    }

    #[test]
    fn conversions_saturate_and_say_why() {
        let d = |x: f64| DOUBLE.unpack(x.to_bits() as u128);
        assert_eq!(to_int(d(2147483647.5), I32, Rounding::Even), (2147483647, VXCVI));
        assert_eq!(to_int(d(2147483647.5), I32, Rounding::Zero), (2147483647, XX | FI));
        assert_eq!(to_int(d(-0.5), U32, Rounding::Even), (0, XX | FI));
        assert_eq!(to_int(d(-0.75), U32, Rounding::Even), (0, VXCVI));
        assert_eq!(to_int(d(2.5), I64, Rounding::Even), (2, XX | FI));
        assert_eq!(to_int(d(3.5), I64, Rounding::Even), (4, XX | FI | FR));
        assert_eq!(to_int(d(f64::NAN), I64, Rounding::Even), (i64::MIN as i128, VXCVI));
        assert_eq!(to_int(d(1e300), U64, Rounding::Zero), (u64::MAX as i128, VXCVI));
    }
}
