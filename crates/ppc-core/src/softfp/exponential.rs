//! 2 to a power and the binary logarithm of singles, for the estimates of VMX.
//!
//! The ISA asks for 1/16 (`vexptefp`) and 1/32 (`vlogefp`) of error; these are good to about a unit in the last place. Only additions,
//! multiplications and divisions of doubles are used, in a fixed order, so every host computes the same bits.

use super::{
    num::{Class, DOUBLE, Num, Raw, SINGLE},
    round::{Env, round},
};

fn single(value: f64) -> Num {
    round(SINGLE, Env::DEFAULT, Raw::exact(DOUBLE.unpack(value.to_bits() as u128))).num
}

/// A single as a double, exactly.
fn exactly(n: Num) -> f64 {
    f64::from_bits(DOUBLE.pack(n) as u64)
}

/// 2^n for -1022 <= n <= 1023.
fn power(n: i32) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// 2^b rounded to single. `b` is a single.
pub fn exp2(b: Num) -> Num {
    match b.class {
        Class::Qnan | Class::Snan => return b.quiet(),
        Class::Zero => return single(1.0),
        Class::Inf => return if b.sign { Num::zero(false) } else { b },
        Class::Finite => {}
    }
    let x = exactly(b).clamp(-200.0, 200.0);
    // n + f = x with |f| <= 1/2.
    let n = (x + if b.sign { -0.5 } else { 0.5 }) as i32;
    let t = (x - n as f64) * std::f64::consts::LN_2;
    // e^t by Horner's rule; the first omitted term is below 2^-60.
    let series = (1..=15).rev().fold(1.0, |sum, k| 1.0 + t * sum / k as f64);
    single(series * power(n))
}

/// The binary logarithm of `b` rounded to single. `b` is a single.
pub fn log2(b: Num) -> Num {
    match b.class {
        Class::Qnan | Class::Snan => return b.quiet(),
        Class::Zero => return Num::inf(true),
        _ if b.sign => return Num::DEFAULT_NAN,
        Class::Inf => return b,
        Class::Finite => {}
    }
    // b = m * 2^n with 1/sqrt(2) <= m < sqrt(2).
    let (mut m, mut n) = (exactly(Num { exp: 0, ..b }), b.exp);
    if m > std::f64::consts::SQRT_2 {
        m /= 2.0;
        n += 1;
    }
    // ln m = 2 artanh s, a series in s^2 <= 0.0295.
    let s = (m - 1.0) / (m + 1.0);
    let series = (0..=12).rev().fold(0.0, |sum, k| 1.0 / (2 * k + 1) as f64 + s * s * sum);
    single(n as f64 + 2.0 * s * series / std::f64::consts::LN_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: fn(Num) -> Num, x: f32) -> f32 {
        f32::from_bits(SINGLE.pack(f(SINGLE.unpack(x.to_bits() as u128))) as u32)
    }

    #[test]
    fn whole_powers_are_exact_both_ways() {
        for n in -149..=127 {
            assert_eq!(of(exp2, n as f32), 2f64.powi(n) as f32);
            assert_eq!(of(log2, 2f64.powi(n) as f32), n as f32);
        }
        assert_eq!((of(exp2, 128.0), of(exp2, -151.0)), (f32::INFINITY, 0.0));
        assert_eq!((of(log2, -0.0), of(exp2, f32::NEG_INFINITY)), (f32::NEG_INFINITY, 0.0));
        assert!(of(log2, -1.0).is_nan());
    }

    #[test]
    fn estimates_are_within_a_unit_of_the_last_place() {
        for i in 1..20_000u32 {
            let x = (i as f32 - 10_000.0) * 0.0123;
            let (got, want) = (of(exp2, x), (x as f64).exp2() as f32);
            assert!(got.to_bits().abs_diff(want.to_bits()) <= 1, "2^{x}: {got} {want}");
            let y = i as f32 * 0.37;
            let (got, want) = (of(log2, y), (y as f64).log2() as f32);
            assert!(got.to_bits().abs_diff(want.to_bits()) <= 1, "log2 {y}: {got} {want}");
        }
    }
}
