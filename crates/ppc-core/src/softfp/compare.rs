//! Ordering of unpacked numbers.

use super::num::{Class, Num};
use std::cmp::Ordering;

/// The order of `a` and `b`; `None` when either is a NaN. The two zeros are equal.
#[inline]
pub fn compare(a: Num, b: Num) -> Option<Ordering> {
    if a.is_nan() || b.is_nan() {
        return None;
    }
    Some(match (a.is_zero(), b.is_zero()) {
        (true, true) => Ordering::Equal,
        (true, false) => side(b.sign),
        (false, true) => side(!a.sign),
        _ if a.sign != b.sign => side(!a.sign),
        _ => {
            let rank = |n: Num| (n.class == Class::Inf, n.exp, n.sig);
            let order = rank(a).cmp(&rank(b));
            if a.sign { order.reverse() } else { order }
        }
    })
}

fn side(greater: bool) -> Ordering {
    if greater { Ordering::Greater } else { Ordering::Less }
}

/// An ordering as a CR or FPCC field: LT, GT, EQ, unordered.
#[inline]
pub const fn crf(order: Option<Ordering>) -> u32 {
    match order {
        Some(Ordering::Less) => 8,
        Some(Ordering::Greater) => 4,
        Some(Ordering::Equal) => 2,
        None => 1,
    }
}
