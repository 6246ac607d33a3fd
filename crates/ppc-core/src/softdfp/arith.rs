//! Addition, subtraction, multiplication, division, comparison.

use super::{
    num::{Class, Format, Num, Raw, propagate},
    round::{DecimalRounding, Env, Exact, round},
    wide::{Wide, digits},
};
use crate::softfp::bits::{VXIDI, VXIMZ, VXISI, VXZDZ, ZX};
use std::cmp::Ordering;

/// Digits that a [`Wide`] holds with room for a carry.
const ROOM: u32 = 76;

/// `a + b`.
#[inline]
pub fn add(format: Format, env: Env, a: Num, b: Num) -> Raw {
    if a.is_finite() && b.is_finite() {
        return round(format, env, sum(env.mode, a, b));
    }
    if let Some(nan) = propagate(&[a, b]) {
        return nan;
    }
    match (a.class, b.class) {
        (Class::Inf, Class::Inf) if a.sign != b.sign => Raw::invalid(VXISI),
        (Class::Inf, _) => Raw::exact(Num::inf(a.sign)),
        _ => Raw::exact(Num::inf(b.sign)),
    }
}

/// `a - b`; a NaN keeps its sign.
#[inline]
pub fn sub(format: Format, env: Env, a: Num, b: Num) -> Raw {
    add(format, env, a, if b.is_nan() { b } else { Num { sign: !b.sign, ..b } })
}

/// The sum of finite numbers. Its ideal exponent is the smaller one.
#[inline]
fn sum(mode: DecimalRounding, a: Num, b: Num) -> Exact {
    let (upper, lower) = if a.exp >= b.exp { (a, b) } else { (b, a) };
    let ideal = lower.exp;
    let zero = |sign| Exact { sign, exp: ideal, coef: Wide::new(0), sticky: false, ideal };
    if upper.coef == 0 && lower.coef == 0 {
        let sign = if a.sign == b.sign { a.sign } else { mode == DecimalRounding::Down };
        return zero(sign);
    }
    if upper.coef == 0 {
        return Exact { sign: lower.sign, exp: ideal, coef: Wide::new(lower.coef), sticky: false, ideal };
    }
    if lower.coef == 0 {
        return Exact { sign: upper.sign, exp: upper.exp, coef: Wide::new(upper.coef), sticky: false, ideal };
    }
    let distance = (upper.exp - lower.exp) as u32;
    let shift = distance.min(ROOM - upper.digits());
    let high = Wide::new(upper.coef).shifted(shift);
    let (low, sticky) = Wide::new(lower.coef).cut(distance - shift);
    let exp = upper.exp - shift as i32;
    if a.sign == b.sign {
        return Exact { sign: a.sign, exp, coef: high.plus(low), sticky, ideal };
    }
    match high.cmp(&low) {
        Ordering::Equal if !sticky => zero(mode == DecimalRounding::Down),
        Ordering::Less => Exact { sign: lower.sign, exp, coef: low.minus(high), sticky, ideal },
        // With digits cut off, `high` is far greater than `low`.
        _ => {
            let coef = high.minus(low).minus(Wide::new(sticky.into()));
            Exact { sign: upper.sign, exp, coef, sticky, ideal }
        }
    }
}

/// `a * b`. The ideal exponent is the sum of the exponents.
#[inline]
pub fn mul(format: Format, env: Env, a: Num, b: Num) -> Raw {
    let sign = a.sign != b.sign;
    if a.is_finite() && b.is_finite() {
        let exp = a.exp + b.exp;
        let coef = Wide::product(a.coef, b.coef);
        return round(format, env, Exact { sign, exp, coef, sticky: false, ideal: exp });
    }
    if let Some(nan) = propagate(&[a, b]) {
        return nan;
    }
    if a.is_zero() || b.is_zero() { Raw::invalid(VXIMZ) } else { Raw::exact(Num::inf(sign)) }
}

/// `a / b`. The ideal exponent is the difference of the exponents.
#[inline]
pub fn div(format: Format, env: Env, a: Num, b: Num) -> Raw {
    let sign = a.sign != b.sign;
    if let Some(nan) = propagate(&[a, b]) {
        return nan;
    }
    match (a.class, b.class) {
        (Class::Inf, Class::Inf) => return Raw::invalid(VXIDI),
        (Class::Inf, _) => return Raw::exact(Num::inf(sign)),
        (_, Class::Inf) => return Raw::exact(Num::finite(sign, format.exp_min(), 0)),
        _ if b.coef == 0 && a.coef == 0 => return Raw::invalid(VXZDZ),
        _ if b.coef == 0 => return Raw { num: Num::inf(sign), flags: ZX },
        _ => {}
    }
    let ideal = a.exp - b.exp;
    // Two digits more than the precision: an exact quotient that fits ends in zeros, any other is cut.
    let shift = (format.precision() + 2 + digits(b.coef)).saturating_sub(digits(a.coef));
    let (quotient, rest) = Wide::new(a.coef).shifted(shift).quotient(b.coef);
    let coef = Wide::new(quotient);
    round(format, env, Exact { sign, exp: ideal - shift as i32, coef, sticky: rest != 0, ideal })
}

/// How finite or infinite values compare; `None` if one is a NaN.
#[inline]
pub fn compare(a: Num, b: Num) -> Option<Ordering> {
    if a.is_nan() || b.is_nan() {
        return None;
    }
    let signed = |sign: bool, order: Ordering| if sign { order.reverse() } else { order };
    if a.is_zero() && b.is_zero() {
        return Some(Ordering::Equal);
    }
    if a.is_zero() {
        return Some(signed(b.sign, Ordering::Less));
    }
    if b.is_zero() || a.sign != b.sign {
        return Some(signed(a.sign, Ordering::Greater));
    }
    let magnitude = match (a.is_inf(), b.is_inf()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => {
            let first = |n: Num| n.exp + n.digits() as i32;
            first(a).cmp(&first(b)).then_with(|| {
                // The first digits have the same weight, so the exponents differ by less than the precision.
                let least = a.exp.min(b.exp);
                let aligned = |n: Num| Wide::new(n.coef).shifted((n.exp - least) as u32);
                aligned(a).cmp(&aligned(b))
            })
        }
    };
    Some(signed(a.sign, magnitude))
}
