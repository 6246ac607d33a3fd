//! Rounding to a given exponent, number of digits, or an integer.

use super::{
    num::{Format, Num, Raw, propagate},
    round::{DecimalRounding, rounded},
    wide::{Wide, ten},
};
use crate::softfp::bits::VXCVI;

/// `b`, finite, with the exponent `exp`; `None` if it has too many digits then.
fn with_exponent(format: Format, mode: DecimalRounding, exp: i32, b: Num) -> Option<Raw> {
    if b.coef == 0 || exp == b.exp {
        return Some(Raw::exact(Num { exp, ..b }));
    }
    if exp < b.exp {
        let shift = (b.exp - exp) as u32;
        return (b.digits() + shift <= format.precision())
            .then(|| Raw::exact(Num { exp, coef: b.coef * ten(shift), ..b }));
    }
    let (coef, flags) = rounded(mode, b.sign, Wide::new(b.coef), (exp - b.exp) as u32, false);
    Some(Raw { num: Num { exp, coef, ..b }, flags })
}

/// Quantize: `b` with the exponent of `a`.
pub fn quantize(format: Format, mode: DecimalRounding, a: Num, b: Num) -> Raw {
    if let Some(nan) = propagate(&[a, b]) {
        return nan;
    }
    match (a.is_inf(), b.is_inf()) {
        (true, true) => Raw::exact(Num::inf(b.sign)),
        (false, false) => with_exponent(format, mode, a.exp, b).unwrap_or_else(|| Raw::invalid(VXCVI)),
        _ => Raw::invalid(VXCVI),
    }
}

/// Reround: `b` with no more than `count` digits; 0 is as many as it has.
pub fn reround(format: Format, mode: DecimalRounding, count: u32, b: Num) -> Raw {
    if let Some(nan) = propagate(&[b]) {
        return nan;
    }
    if b.is_inf() {
        return Raw::exact(Num::inf(b.sign));
    }
    let digits = b.digits();
    if count == 0 || digits <= count {
        return Raw::exact(b);
    }
    let cut = digits - count;
    let (mut coef, flags) = rounded(mode, b.sign, Wide::new(b.coef), cut, false);
    let mut exp = b.exp + cut as i32;
    if coef == ten(count) {
        coef /= 10;
        exp += 1;
    }
    if exp > format.exp_max() {
        return Raw::invalid(VXCVI);
    }
    Raw { num: Num { exp, coef, ..b }, flags }
}

/// Round to an integer: exponents from 0 on stay.
pub fn integral(format: Format, mode: DecimalRounding, b: Num) -> Raw {
    if let Some(nan) = propagate(&[b]) {
        return nan;
    }
    if b.is_inf() {
        return Raw::exact(Num::inf(b.sign));
    }
    with_exponent(format, mode, b.exp.max(0), b).unwrap_or_else(|| Raw::invalid(VXCVI))
}
