//! Conversions between packed decimal and national, zoned and binary integers (ISA 3.0).
//!
//! National is UTF-16: seven digit halfwords (0x0030 + digit), then a plus (0x002B) or minus (0x002D).
//! Zoned is one digit in the low nibble of each byte; the zone nibbles above are 3 (PS = 0) or F (PS = 1), and that of
//! the last byte carries the sign.

use super::{
    decimal::{LIMIT, Packed, are_digits, finish, ps, sign_code, to_digits},
    lanes::Lane,
};
use crate::{fields::Word, state::Cpu, trap::Done};

const NATIONAL_PLUS: u16 = 0x2b;
const NATIONAL_MINUS: u16 = 0x2d;

/// The low nibble of each of the 16 bytes, right-aligned.
fn low_nibbles(bytes: u128) -> u128 {
    (0..16).fold(0, |digits, i| digits | (bytes >> (8 * i) & 15) << (4 * i))
}

/// The low 16 nibbles, each in the low half of a byte.
fn spread(digits: u128) -> u128 {
    (0..16).fold(0, |bytes, i| bytes | (digits >> (4 * i) & 15) << (8 * i))
}

/// A packed number from national decimal.
fn from_national(register: u128) -> Option<Packed> {
    let halfwords = u16::split(register);
    let negative = match halfwords[7] {
        NATIONAL_PLUS => false,
        NATIONAL_MINUS => true,
        _ => return None,
    };
    let mut digits = 0;
    for halfword in &halfwords[..7] {
        match halfword {
            0x30..=0x39 => digits = digits << 4 | (halfword & 15) as u128,
            _ => return None,
        }
    }
    Some(Packed { negative, digits })
}

/// A packed number from zoned decimal.
fn from_zoned(register: u128, alternate: bool) -> Option<Packed> {
    let sign = register >> 4 & 15;
    let zones = low_nibbles(register >> 4) >> 4;
    let zone = if alternate { 0xfff_ffff_ffff_ffff } else { 0x333_3333_3333_3333 };
    let digits = low_nibbles(register);
    if zones != zone || !are_digits(digits) || alternate && sign < 10 {
        return None;
    }
    let negative = if alternate { sign == 0xb || sign == 0xd } else { sign & 4 != 0 };
    Some(Packed { negative, digits })
}

/// `bcdcfn.`
pub fn bcdcfn_rc(cpu: &mut Cpu, w: Word) -> Done {
    let b = from_national(cpu.vr(w.vrb()));
    finish(cpu, w, b.map(|b| (b.register(ps(w)), b.order(), false)))
}

/// `bcdctn.`: the low seven digits.
pub fn bcdctn_rc(cpu: &mut Cpu, w: Word) -> Done {
    let b = Packed::new(cpu.vr(w.vrb()));
    let outcome = b.map(|b| {
        let mut halfwords: [u16; 8] =
            std::array::from_fn(|i| 0x30 | (b.digits >> (4 * (6 - i.min(6)))) as u16 & 15);
        halfwords[7] = if b.negative { NATIONAL_MINUS } else { NATIONAL_PLUS };
        (u16::join(halfwords), b.order(), b.digits >> 28 != 0)
    });
    finish(cpu, w, outcome)
}

/// `bcdcfz.`: the sign code of the result is the preferred one whatever PS is; PS names the zones.
pub fn bcdcfz_rc(cpu: &mut Cpu, w: Word) -> Done {
    let b = from_zoned(cpu.vr(w.vrb()), ps(w));
    finish(cpu, w, b.map(|b| (b.register(false), b.order(), false)))
}

/// `bcdctz.`: the low sixteen digits.
pub fn bcdctz_rc(cpu: &mut Cpu, w: Word) -> Done {
    let b = Packed::new(cpu.vr(w.vrb()));
    let outcome = b.map(|b| {
        let (zones, sign) = match (ps(w), b.negative) {
            (false, false) => (u8::splat(0x30), 0x3),
            (false, true) => (u8::splat(0x30), 0x7),
            (true, negative) => (u8::splat(0xf0), sign_code(negative, false)),
        };
        (spread(b.digits) | zones & !0xf0 | sign << 4, b.order(), b.digits >> 64 != 0)
    });
    finish(cpu, w, outcome)
}

/// `bcdcfsq.`: from a signed quadword. Out of range VRT is undefined; here it stays as it was.
pub fn bcdcfsq_rc(cpu: &mut Cpu, w: Word) -> Done {
    let value = cpu.vr(w.vrb()) as i128;
    let magnitude = value.unsigned_abs();
    let register = if magnitude < LIMIT {
        Packed { negative: value < 0, digits: to_digits(magnitude) }.register(ps(w))
    } else {
        cpu.vr(w.vrt())
    };
    finish(cpu, w, Some((register, value.cmp(&0), magnitude >= LIMIT)))
}

/// `bcdctsq.`: to a signed quadword.
pub fn bcdctsq_rc(cpu: &mut Cpu, w: Word) -> Done {
    let b = Packed::new(cpu.vr(w.vrb()));
    finish(cpu, w, b.map(|b| (b.value() as u128, b.order(), false)))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::cpu, *};

    /// VRT and CR field 6 for VRB = `b`.
    fn run(f: crate::exec::ExecFn, b: u128, ps: bool) -> (u128, u32) {
        let mut cpu = cpu(0, b, 0);
        f(&mut cpu, Word::from(2 << 11 | (ps as u32) << 9)).unwrap();
        (cpu.vr(0), cpu.crf(6))
    }

    #[test]
    fn national_has_seven_digits() {
        let national = 0x0030_0031_0032_0033_0034_0035_0036_002d;
        assert_eq!(run(bcdcfn_rc, national, true), (0x123456d, 8));
        assert_eq!(run(bcdctn_rc, 0x123456b, false), (national, 8));
        assert_eq!(run(bcdctn_rc, 0x2_0123_456b, false), (national, 9));
        assert_eq!(run(bcdcfn_rc, national ^ 1, true), (0, 1));
        assert_eq!(run(bcdcfn_rc, 0x0030_0030_0030_0030_0030_0030_0030_002b, true), (0xf, 2));
    }

    #[test]
    fn zoned_has_sixteen_digits() {
        let zoned = 0x3030_3030_3030_3030_3030_3030_3031_3275;
        assert_eq!(run(bcdcfz_rc, zoned, false), (0x125d, 8));
        assert_eq!(run(bcdctz_rc, 0x125d, false), (zoned, 8));
        let zoned = 0xf9f0_f0f0_f0f0_f0f0_f0f0_f0f0_f0f1_f2c5;
        assert_eq!(run(bcdcfz_rc, zoned, true), (0x9_0000_0000_0000_125c, 4));
        assert_eq!(run(bcdctz_rc, 0x9_0000_0000_0000_125f, true), (zoned, 4));
        assert_eq!(run(bcdctz_rc, 0x19_0000_0000_0000_125f, true), (zoned, 5));
        assert_eq!(run(bcdcfz_rc, zoned, false), (0, 1));
    }

    #[test]
    fn binary_values_convert_both_ways() {
        for value in [0, 1, -1, 1234567890123456789, LIMIT as i128 - 1, 1 - LIMIT as i128] {
            let (packed, order) = run(bcdcfsq_rc, value as u128, false);
            assert_eq!(run(bcdctsq_rc, packed, false), (value as u128, order));
        }
        assert_eq!(run(bcdcfsq_rc, LIMIT, false).1, 5);
        assert_eq!(run(bcdcfsq_rc, 1 << 127, false).1, 9);
        assert_eq!(run(bcdctsq_rc, 5, false), (0, 1));
    }
}
