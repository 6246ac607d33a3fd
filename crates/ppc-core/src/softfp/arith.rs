//! Add, multiply, divide and square root of unpacked numbers; results are exact but for a sticky last bit.
//!
//! Operands have at most 113 significant bits at the top of `sig`, so there are at least 15 guard bits.

use super::{
    bits::{VXIDI, VXIMZ, VXISI, VXSQRT, VXZDZ, ZX},
    num::{Class, Num, Raw, propagate},
    round::{Rounding, shift_jam},
};

/// Full 256-bit product as (high, low).
#[inline]
pub(super) const fn widening_mul(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let (ll, lh, hl, hh) = (a0 * b0, a0 * b1, a1 * b0, a1 * b1);
    let mid = (ll >> 64) + (lh & LOW) + (hl & LOW);
    (hh + (lh >> 64) + (hl >> 64) + (mid >> 64), mid << 64 | ll & LOW)
}

/// The sign of an exact zero sum of operands with different signs.
#[inline]
pub(super) const fn zero_sum_sign(mode: Rounding) -> bool {
    matches!(mode, Rounding::Down)
}

/// `a + b`.
#[inline]
pub fn add(a: Num, b: Num, mode: Rounding) -> Raw {
    match (a.class, b.class) {
        (Class::Finite, Class::Finite) => Raw::exact(add_finite(a, b, mode)),
        (Class::Finite, Class::Zero) => Raw::exact(a),
        (Class::Zero, Class::Finite) => Raw::exact(b),
        _ => add_special(a, b, mode),
    }
}

#[cold]
fn add_special(a: Num, b: Num, mode: Rounding) -> Raw {
    if let Some(nan) = propagate(&[a, b]) {
        return nan;
    }
    match (a.class, b.class) {
        (Class::Inf, Class::Inf) if a.sign != b.sign => Raw::invalid(VXISI),
        (Class::Inf, _) => Raw::exact(a),
        (_, Class::Inf) => Raw::exact(b),
        // Both are zero.
        _ if a.sign == b.sign => Raw::exact(a),
        _ => Raw::exact(Num::zero(zero_sum_sign(mode))),
    }
}

#[inline]
fn add_finite(a: Num, b: Num, mode: Rounding) -> Num {
    let (big, small) = if (a.exp, a.sig) >= (b.exp, b.sig) { (a, b) } else { (b, a) };
    let far = shift_jam(small.sig, (big.exp - small.exp) as u32);
    if a.sign == b.sign {
        let (sum, carry) = big.sig.overflowing_add(far);
        if carry {
            return Num { exp: big.exp + 1, sig: 1 << 127 | sum >> 1 | sum & 1, ..big };
        }
        return Num { sig: sum, ..big };
    }
    let difference = big.sig - far;
    if difference == 0 { Num::zero(zero_sum_sign(mode)) } else { Num::finite(big.sign, big.exp, difference) }
}

/// `a * b`.
#[inline]
pub fn mul(a: Num, b: Num) -> Raw {
    let sign = a.sign != b.sign;
    if a.class != Class::Finite || b.class != Class::Finite {
        return mul_special(a, b, sign);
    }
    let (high, low) = widening_mul(a.sig, b.sig);
    // The product of two numbers in [1,2) is in [1,4): bit 127 of `high` stands for 2.
    Raw::exact(Num::finite(sign, a.exp + b.exp + 1, high | (low != 0) as u128))
}

#[cold]
fn mul_special(a: Num, b: Num, sign: bool) -> Raw {
    if let Some(nan) = propagate(&[a, b]) {
        return nan;
    }
    match (a.class, b.class) {
        (Class::Inf, Class::Zero) | (Class::Zero, Class::Inf) => Raw::invalid(VXIMZ),
        (Class::Inf, _) | (_, Class::Inf) => Raw::exact(Num::inf(sign)),
        _ => Raw::exact(Num::zero(sign)),
    }
}

/// `a / b`.
#[inline]
pub fn div(a: Num, b: Num) -> Raw {
    let sign = a.sign != b.sign;
    if a.class != Class::Finite || b.class != Class::Finite {
        return div_special(a, b, sign);
    }
    // Significands of up to 64 bits: 127 bits of quotient from two divisions, and whether something remains.
    if (a.sig | b.sig) as u64 == 0 {
        let (dividend, divisor) = (a.sig >> 1, b.sig >> 64);
        let (high, rest) = (dividend / divisor, dividend % divisor);
        let (low, rest) = ((rest << 64) / divisor, (rest << 64) % divisor);
        return Raw::exact(Num::finite(sign, a.exp - b.exp, high << 64 | low | (rest != 0) as u128));
    }
    // Quotient bits one at a time, at least 115 of them; short operands stop early when nothing remains.
    let (mut rest, mut exp) = (a.sig, a.exp - b.exp);
    let mut carry = false;
    if rest < b.sig {
        carry = true;
        rest <<= 1;
        exp -= 1;
    }
    let mut quotient = 0u128;
    let mut bit = 127;
    loop {
        if carry || rest >= b.sig {
            rest = rest.wrapping_sub(b.sig);
            quotient |= 1 << bit;
        }
        if rest == 0 || bit == 8 {
            break;
        }
        carry = rest >> 127 != 0;
        rest <<= 1;
        bit -= 1;
    }
    Raw::exact(Num { class: Class::Finite, sign, exp, sig: quotient | (rest != 0) as u128 })
}

#[cold]
fn div_special(a: Num, b: Num, sign: bool) -> Raw {
    if let Some(nan) = propagate(&[a, b]) {
        return nan;
    }
    match (a.class, b.class) {
        (Class::Inf, Class::Inf) => Raw::invalid(VXIDI),
        (Class::Zero, Class::Zero) => Raw::invalid(VXZDZ),
        (Class::Inf, _) => Raw::exact(Num::inf(sign)),
        (Class::Finite, Class::Zero) => Raw { num: Num::inf(sign), flags: ZX },
        _ => Raw::exact(Num::zero(sign)),
    }
}

/// The square root of `a`.
#[inline]
pub fn sqrt(a: Num) -> Raw {
    match a.class {
        Class::Qnan | Class::Snan => propagate(&[a]).unwrap_or(Raw::exact(a)),
        Class::Zero => Raw::exact(a),
        _ if a.sign => Raw::invalid(VXSQRT),
        Class::Inf => Raw::exact(a),
        Class::Finite => Raw::exact(sqrt_finite(a)),
    }
}

/// Digit by digit: `root` grows by one bit a step while `rest` stays below `2 * root`.
fn sqrt_finite(a: Num) -> Num {
    // value = sig * 2^(exp - 127) with an even exponent; the radicand's bits enter in pairs from the top.
    let odd = a.exp & 1 != 0;
    let (mut radicand, exp) = (a.sig, a.exp >> 1);
    let mut rest: u128;
    // The first pair is 0b01 (even exponent: the leading one alone) or 0b1x.
    if odd {
        rest = radicand >> 126;
        radicand <<= 2;
    } else {
        rest = radicand >> 127;
        radicand <<= 1;
    }
    let mut root = 1u128;
    rest -= 1;
    // 119 more bits: 120 in all, above the 113 + 2 a quad needs; `rest` stays within 122 bits.
    for _ in 0..119 {
        rest = rest << 2 | radicand >> 126;
        radicand <<= 2;
        let trial = root << 2 | 1;
        root <<= 1;
        if rest >= trial {
            rest -= trial;
            root |= 1;
        }
    }
    Num { class: Class::Finite, sign: false, exp, sig: root << 8 | (rest != 0 || radicand != 0) as u128 }
}
