//! Conversions between the decimal formats, and to and from signed integers.

use super::{
    num::{Class, Format, Num, Raw, propagate},
    round::{DecimalRounding, Env, Exact, round, rounded},
    wide::{Wide, ten},
};
use crate::softfp::bits::{VXCVI, VXSNAN};

/// `b` in a narrower format; its exponent is the ideal one. A NaN keeps its kind and as many digits as fit.
pub fn narrow(format: Format, env: Env, b: Num) -> Raw {
    match b.class {
        Class::Finite => {
            let coef = Wide::new(b.coef);
            round(format, env, Exact { sign: b.sign, exp: b.exp, coef, sticky: false, ideal: b.exp })
        }
        Class::Inf => Raw::exact(Num::inf(b.sign)),
        _ => Raw::exact(Num { coef: b.coef % ten(format.precision() - 1), ..b }),
    }
}

/// `b` as it is, made quiet if it is a signalling NaN; infinities become canonical.
pub fn widen(b: Num) -> Raw {
    match b.class {
        Class::Finite => Raw::exact(b),
        Class::Inf => Raw::exact(Num::inf(b.sign)),
        _ => propagate(&[b]).unwrap_or(Raw::exact(b)),
    }
}

/// A signed integer, with the ideal exponent 0.
pub fn from_integer(format: Format, env: Env, n: i128) -> Raw {
    let coef = Wide::new(n.unsigned_abs());
    round(format, env, Exact { sign: n < 0, exp: 0, coef, sticky: false, ideal: 0 })
}

/// `b` as a signed integer of `bits` bits, and the FPSCR bits.
pub fn to_integer(mode: DecimalRounding, bits: u32, b: Num) -> (i128, u64) {
    let least = i128::MIN >> (128 - bits);
    let invalid = |sign: bool, flags| (if sign { least } else { !least }, flags);
    match b.class {
        Class::Finite => {}
        Class::Inf => return invalid(b.sign, VXCVI),
        Class::Qnan => return invalid(true, VXCVI),
        Class::Snan => return invalid(true, VXCVI | VXSNAN),
    }
    if b.coef == 0 {
        return (0, 0);
    }
    // 10^39 exceeds every signed integer of 128 bits.
    if b.exp + b.digits() as i32 > 39 {
        return invalid(b.sign, VXCVI);
    }
    let (magnitude, flags) = match b.exp {
        0.. => {
            let shifted = Wide::new(b.coef).shifted(b.exp as u32);
            if shifted.high != 0 {
                return invalid(b.sign, VXCVI);
            }
            (shifted.low, 0)
        }
        exp => rounded(mode, b.sign, Wide::new(b.coef), exp.unsigned_abs(), false),
    };
    let limit = least.unsigned_abs() - u128::from(!b.sign);
    if magnitude > limit {
        return invalid(b.sign, VXCVI);
    }
    let value = magnitude as i128;
    (if b.sign { value.wrapping_neg() } else { value }, flags)
}
