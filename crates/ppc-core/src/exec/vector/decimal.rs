//! Packed decimal arithmetic, signs, shifts and truncation (Book I, "Decimal Integer Instructions").
//!
//! A packed decimal number is 31 digits, most significant first, and a sign nibble at the right end: A, C, E, F
//! are plus, B and D minus. `bcdus.` and `bcdutrunc.` use 32 digits without a sign.
//! All of these set CR field 6: less than, greater than, equal to zero, and overflow or invalid operand. Additions tell
//! the order of the unbounded sum, every other instruction that of its source, not of what a shift or a truncation
//! left of it ("eq_flag <- (VSR\[VRB+32\].nibble\[0:30\] = 0)", ISA 3.1, Book I, "Decimal Shift", "Decimal Truncate").

use crate::{fields::Word, state::Cpu, trap::Done};
use std::cmp::Ordering;

/// 10^31: the first magnitude that does not fit.
pub(super) const LIMIT: u128 = 10u128.pow(31);
/// Preferred sign codes.
pub(super) const PLUS: u128 = 0xc;
pub(super) const PLUS_ALTERNATE: u128 = 0xf;
pub(super) const MINUS: u128 = 0xd;

/// A valid packed decimal number.
#[derive(Clone, Copy)]
pub(super) struct Packed {
    /// Whether the sign code is a minus; zero can have one.
    pub negative: bool,
    /// The 31 digits as nibbles, right-aligned.
    pub digits: u128,
}

impl Packed {
    /// `None` if a digit is above 9 or the sign code below 10.
    pub fn new(register: u128) -> Option<Packed> {
        let sign = register & 15;
        let digits = register >> 4;
        (sign > 9 && are_digits(digits)).then_some(Packed { negative: sign == 0xb || sign == 0xd, digits })
    }

    /// The value.
    pub fn value(self) -> i128 {
        let magnitude = to_binary(self.digits) as i128;
        if self.negative { -magnitude } else { magnitude }
    }

    /// The value compared with 0.
    pub fn order(self) -> Ordering {
        match (self.digits, self.negative) {
            (0, _) => Ordering::Equal,
            (_, true) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }

    /// With the preferred sign code; `alternate` is the PS field.
    pub fn register(self, alternate: bool) -> u128 {
        self.digits << 4 | sign_code(self.negative, alternate)
    }
}

/// The preferred sign code; `alternate` is the PS field.
pub(super) fn sign_code(negative: bool, alternate: bool) -> u128 {
    match (negative, alternate) {
        (true, _) => MINUS,
        (false, false) => PLUS,
        (false, true) => PLUS_ALTERNATE,
    }
}

/// Whether every nibble is at most 9.
pub(super) fn are_digits(nibbles: u128) -> bool {
    nibbles >> 3 & (nibbles >> 2 | nibbles >> 1) & (u128::MAX / 15) == 0
}

/// The binary value of decimal digits.
pub(super) fn to_binary(digits: u128) -> u128 {
    (0..32).rev().fold(0, |value, i| value * 10 + (digits >> (4 * i) & 15))
}

/// The low 32 decimal digits of a binary value.
pub(super) fn to_digits(mut value: u128) -> u128 {
    let mut digits = 0;
    for i in 0..32 {
        digits |= (value % 10) << (4 * i);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    digits
}

/// What an instruction writes: VRT, the order to 0 (see above), and whether digits were lost.
pub(super) type Outcome = Option<(u128, Ordering, bool)>;

/// Writes VRT and CR field 6. Without an outcome an operand was invalid: VRT is undefined and stays as it was.
pub(super) fn finish(cpu: &mut Cpu, w: Word, outcome: Outcome) -> Done {
    let field = match outcome {
        None => 1,
        Some((register, order, overflow)) => {
            cpu.set_vr(w.vrt(), register);
            let order = match order {
                Ordering::Less => 8,
                Ordering::Greater => 4,
                Ordering::Equal => 2,
            };
            order | overflow as u32
        }
    };
    cpu.set_crf(6, field);
    Ok(())
}

/// PS, bit 22.
pub(super) fn ps(w: Word) -> bool {
    w.bit(22)
}

/// The sum of two packed numbers; digits beyond 31 are lost, the order is that of the exact sum.
fn sum(a: Option<Packed>, b: Option<Packed>, alternate: bool) -> Outcome {
    let exact = a?.value() + b?.value();
    let magnitude = exact.unsigned_abs();
    let result = Packed { negative: exact < 0, digits: to_digits(magnitude % LIMIT) };
    Some((result.register(alternate), exact.cmp(&0), magnitude >= LIMIT))
}

/// `bcdadd.`
pub fn bcdadd_rc(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (Packed::new(cpu.vr(w.vra())), Packed::new(cpu.vr(w.vrb())));
    finish(cpu, w, sum(a, b, ps(w)))
}

/// `bcdsub.`
pub fn bcdsub_rc(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (Packed::new(cpu.vr(w.vra())), Packed::new(cpu.vr(w.vrb())));
    let negated = b.map(|b| Packed { negative: !b.negative, ..b });
    finish(cpu, w, sum(a, negated, ps(w)))
}

/// `bcdcpsgn.`: the digits of VRA, the sign code of VRB as it is.
pub fn bcdcpsgn_rc(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.vr(w.vra()), cpu.vr(w.vrb()));
    let register = a & !15 | b & 15;
    let valid = Packed::new(a).and(Packed::new(b)).and(Packed::new(register));
    finish(cpu, w, valid.map(|result| (register, result.order(), false)))
}

/// `bcdsetsgn.`: VRB with the preferred sign code.
pub fn bcdsetsgn_rc(cpu: &mut Cpu, w: Word) -> Done {
    let b = Packed::new(cpu.vr(w.vrb()));
    finish(cpu, w, b.map(|b| (b.register(ps(w)), b.order(), false)))
}

/// The shift count: byte 7 of VRA, signed, limited to `-limit..=limit` digits. Positive is to the left.
fn shift_count(cpu: &Cpu, w: Word, limit: i32) -> i32 {
    ((cpu.vr(w.vra()) >> 64) as i8 as i32).clamp(-limit, limit)
}

/// `digits` shifted by `count` digits inside `width` digits, and whether any but zeros were lost to the left.
fn shifted(digits: u128, count: i32, width: u32) -> (u128, bool) {
    let all = u128::MAX >> (128 - 4 * width);
    let by = count.unsigned_abs();
    if count < 0 {
        (digits.checked_shr(4 * by).unwrap_or(0), false)
    } else {
        let result = digits.checked_shl(4 * by).unwrap_or(0) & all;
        (result, result.checked_shr(4 * by).unwrap_or(0) != digits)
    }
}

/// `bcds.`: shift by digits, in VRA, the number in VRB.
pub fn bcds_rc(cpu: &mut Cpu, w: Word) -> Done {
    let count = shift_count(cpu, w, 31);
    let b = Packed::new(cpu.vr(w.vrb()));
    let outcome = b.map(|b| {
        let (digits, lost) = shifted(b.digits, count, 31);
        (Packed { digits, ..b }.register(ps(w)), b.order(), lost)
    });
    finish(cpu, w, outcome)
}

/// `bcdsr.`: `bcds.` that rounds half away from zero when it shifts to the right.
pub fn bcdsr_rc(cpu: &mut Cpu, w: Word) -> Done {
    let count = shift_count(cpu, w, 31);
    let b = Packed::new(cpu.vr(w.vrb()));
    let outcome = b.map(|b| {
        let (mut digits, lost) = shifted(b.digits, count, 31);
        if count < 0 && b.digits >> (4 * (-count - 1)) & 15 >= 5 {
            digits = to_digits(to_binary(digits) + 1);
        }
        (Packed { digits, ..b }.register(ps(w)), b.order(), lost)
    });
    finish(cpu, w, outcome)
}

/// `bcdus.`: shift 32 unsigned digits.
pub fn bcdus_rc(cpu: &mut Cpu, w: Word) -> Done {
    let count = shift_count(cpu, w, 32);
    let b = cpu.vr(w.vrb());
    let outcome = are_digits(b).then(|| {
        let (result, lost) = shifted(b, count, 32);
        (result, b.cmp(&0), lost)
    });
    finish(cpu, w, outcome)
}

/// The number of digits to keep: halfword 3 of VRA.
fn kept(cpu: &Cpu, w: Word) -> u32 {
    (cpu.vr(w.vra()) >> 64) as u16 as u32
}

/// Ones in the low `count` nibbles.
fn nibbles(count: u32) -> u128 {
    if count >= 32 { u128::MAX } else { (1 << (4 * count)) - 1 }
}

/// `bcdtrunc.`: keep the rightmost digits.
pub fn bcdtrunc_rc(cpu: &mut Cpu, w: Word) -> Done {
    let mask = nibbles(kept(cpu, w));
    let b = Packed::new(cpu.vr(w.vrb()));
    let outcome = b.map(|b| {
        let result = Packed { digits: b.digits & mask, ..b };
        (result.register(ps(w)), b.order(), b.digits & !mask != 0)
    });
    finish(cpu, w, outcome)
}

/// `bcdutrunc.`: keep the rightmost of 32 unsigned digits.
pub fn bcdutrunc_rc(cpu: &mut Cpu, w: Word) -> Done {
    let mask = nibbles(kept(cpu, w));
    let b = cpu.vr(w.vrb());
    finish(cpu, w, are_digits(b).then(|| (b & mask, b.cmp(&0), b & !mask != 0)))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::cpu, *};

    const W: u32 = 1 << 16 | 2 << 11;
    const PS: u32 = 1 << 9;

    /// VRT and CR field 6.
    fn run(f: crate::exec::ExecFn, a: u128, b: u128, extra: u32) -> (u128, u32) {
        let mut cpu = cpu(a, b, 0);
        f(&mut cpu, Word::from(W | extra)).unwrap();
        (cpu.vr(0), cpu.crf(6))
    }

    #[test]
    fn sums_and_differences_have_preferred_signs() {
        assert_eq!(run(bcdadd_rc, 0x123a, 0x877e, 0), (0x1000c, 4));
        assert_eq!(run(bcdadd_rc, 0x5f, 0x7b, PS), (0x2d, 8));
        assert_eq!(run(bcdsub_rc, 0x5d, 0x5d, 0), (0xc, 2));
        assert_eq!(run(bcdsub_rc, 0x5d, 0x5d, PS), (0xf, 2));
        let nines = to_digits(LIMIT - 1) << 4;
        assert_eq!(run(bcdadd_rc, nines | 0xd, 0x3d, 0), (0x2d, 9));
        assert_eq!(run(bcdadd_rc, 0xac, 0xc, 0), (0, 1));
        assert_eq!(run(bcdadd_rc, 0x12, 0xc, 0), (0, 1));
    }

    #[test]
    fn signs_are_copied_or_normalised() {
        assert_eq!(run(bcdcpsgn_rc, 0x12c, 0x0b, 0), (0x12b, 8));
        assert_eq!(run(bcdcpsgn_rc, 0x12c, 0x05, 0), (0, 1));
        assert_eq!(run(bcdsetsgn_rc, 0, 0x12a, PS), (0x12f, 4));
        assert_eq!(run(bcdsetsgn_rc, 0, 0x0b, 0), (0x0d, 2));
    }

    #[test]
    fn shifts_count_in_byte_7_and_tell_the_order_of_the_source() {
        let count = |n: i8| (n as u8 as u128) << 64;
        assert_eq!(run(bcds_rc, count(2), 0x12f, 0), (0x1200c, 4));
        assert_eq!(run(bcds_rc, count(-1), 0x15d, 0), (0x1d, 8));
        assert_eq!(run(bcdsr_rc, count(-1), 0x15d, 0), (0x2d, 8));
        assert_eq!(run(bcdsr_rc, count(-1), 0x99f, 0), (0x10c, 4));
        assert_eq!(run(bcdsr_rc, count(-128), 0x99f, 0), (0xc, 4));
        assert_eq!(run(bcds_rc, count(30), 0x12c, 0), (0x2 << 124 | 0xc, 5));
        assert_eq!(run(bcds_rc, count(127), 0x12c, 0), (0xc, 5));
        assert_eq!(run(bcdus_rc, count(1), 0x12, 0), (0x120, 4));
        assert_eq!(run(bcdus_rc, count(-128), 0x12, 0), (0, 4));
        assert_eq!(run(bcds_rc, count(-128), 0x0d, 0), (0xd, 2));
        assert_eq!(run(bcdus_rc, count(127), 0x12, 0), (0, 5));
        assert_eq!(run(bcdus_rc, count(0), 0x1c, 0), (0, 1));
    }

    #[test]
    fn truncation_keeps_the_right_digits_and_tells_the_order_of_the_source() {
        assert_eq!(run(bcdtrunc_rc, 2 << 64, 0x1234d, 0), (0x34d, 9));
        assert_eq!(run(bcdtrunc_rc, 40 << 64, 0x1234d, 0), (0x1234d, 8));
        assert_eq!(run(bcdutrunc_rc, 0, 0x1234, 0), (0, 5));
        assert_eq!(run(bcdtrunc_rc, 0, 0x1234d, 0), (0xd, 9));
        assert_eq!(run(bcdutrunc_rc, 32 << 64, 0x1234, 0), (0x1234, 4));
    }
}
