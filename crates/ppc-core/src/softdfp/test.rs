//! Test data class, group, exponent and significance. Each answers with a CR field.

use super::num::{Class, Format, Num};
use std::cmp::Ordering;

/// CR field of "less than".
pub const LESS: u32 = 8;
/// CR field of "greater than".
pub const GREATER: u32 = 4;
/// CR field of "equal".
pub const EQUAL: u32 = 2;
/// CR field of "unordered".
pub const UNORDERED: u32 = 1;

/// The CR field of a comparison.
#[inline]
pub const fn crf(order: Option<Ordering>) -> u32 {
    match order {
        Some(Ordering::Less) => LESS,
        Some(Ordering::Greater) => GREATER,
        Some(Ordering::Equal) => EQUAL,
        None => UNORDERED,
    }
}

fn matched(a: Num, kind: u32, mask: u32) -> u32 {
    u32::from(a.sign) << 3 | u32::from(mask & 0x20 >> kind != 0) << 1
}

/// Whether the class of `a` is in DCM: zero, subnormal, normal, infinity, QNaN, SNaN.
pub fn class(format: Format, a: Num, mask: u32) -> u32 {
    let kind = match a.class {
        Class::Finite if a.coef == 0 => 0,
        Class::Finite if format.is_subnormal(a) => 1,
        Class::Finite => 2,
        Class::Inf => 3,
        Class::Qnan => 4,
        Class::Snan => 5,
    };
    matched(a, kind, mask)
}

/// Whether the group of `a` is in DGM: zero, zero with an extreme exponent, subnormal or with an extreme exponent, first
/// digit zero, first digit not zero, special.
pub fn group(format: Format, a: Num, mask: u32) -> u32 {
    let extreme = a.exp == format.exp_min() || a.exp == format.exp_max();
    let kind = match a.class {
        Class::Finite if a.coef == 0 => u32::from(extreme),
        Class::Finite if extreme || format.is_subnormal(a) => 2,
        Class::Finite if a.digits() < format.precision() => 3,
        Class::Finite => 4,
        _ => 5,
    };
    matched(a, kind, mask)
}

/// The exponents compared; two NaNs and two infinities are equal.
pub fn exponent(a: Num, b: Num) -> u32 {
    match (a.class, b.class) {
        (Class::Finite, Class::Finite) => crf(Some(a.exp.cmp(&b.exp))),
        (Class::Inf, Class::Inf) => EQUAL,
        _ if a.is_nan() && b.is_nan() => EQUAL,
        _ => UNORDERED,
    }
}

/// A number of digits compared with those of `b`; 0 is greater than any.
pub fn significance(count: u32, b: Num) -> u32 {
    if !b.is_finite() {
        return UNORDERED;
    }
    if count == 0 { GREATER } else { crf(Some(count.cmp(&b.digits()))) }
}
