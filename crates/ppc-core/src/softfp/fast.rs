//! The common case on the host's own arithmetic: round to nearest even, ordinary numbers in, an ordinary number out.
//!
//! Rust's `+ - * /`, `sqrt` and `mul_add` are IEEE 754 operations on every host. What the host doesn't tell, whether the
//! result is exact and whether rounding incremented the magnitude (FI, FR), follows from the rounding error: by
//! error-free transformations of sums, by comparing integer products otherwise. Exponents are confined to a range in
//! which no intermediate step can overflow, underflow or be denormal; everything else is left to the soft float,
//! which stays the reference (tests compare the two).

use super::{
    bits::{FI, FPRF_SHIFT, FR, RN, XX},
    num::{DOUBLE, Format},
};

/// An operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// a + b.
    Add,
    /// a - b.
    Sub,
    /// a * b.
    Mul,
    /// a / b.
    Div,
    /// The square root of a.
    Sqrt,
    /// a * c + b.
    MulAdd,
    /// a * c - b.
    MulSub,
}

/// XX, FI and FR of a rounding error: `inexact`, and whether the magnitude grew.
#[inline(always)]
fn flags(inexact: bool, grew: bool) -> u64 {
    if !inexact {
        0
    } else if grew {
        XX | FI | FR
    } else {
        XX | FI
    }
}

macro_rules! host {
    ($name:ident, $f:ty, $u:ty, $wide:ty, $frac:literal, $exp:literal, $least:literal, $most:literal) => {
        mod $name {
            use super::{Op, flags};

            const MASK: $u = (1 << $exp) - 1;

            /// The biased exponent, if it is moderate.
            #[inline(always)]
            fn exponent(x: $u) -> Option<i32> {
                let e = (x >> $frac & MASK) as i32;
                ($least..=$most).contains(&e).then_some(e)
            }

            /// A moderate number, or a zero, which no sum mistreats.
            #[inline(always)]
            fn term(x: $u) -> Option<$f> {
                if x << 1 != 0 {
                    exponent(x)?;
                }
                Some(<$f>::from_bits(x))
            }

            #[inline(always)]
            fn significand(x: $u) -> $wide {
                (x & ((1 << $frac) - 1) | 1 << $frac) as $wide
            }

            /// Sum and error, exactly (Knuth).
            #[inline(always)]
            fn two_sum(a: $f, b: $f) -> ($f, $f) {
                let sum = a + b;
                let part = sum - a;
                (sum, (a - (sum - part)) + (b - part))
            }

            /// A result and the sign of (exact value - result).
            #[inline(always)]
            fn by_error(result: $f, error: $f) -> Option<($u, u64)> {
                exponent(result.to_bits())?;
                Some((result.to_bits(), flags(error != 0.0, (error < 0.0) != result.is_sign_negative())))
            }

            #[inline(always)]
            fn add(a: $u, b: $u) -> Option<($u, u64)> {
                let (sum, error) = two_sum(term(a)?, term(b)?);
                by_error(sum, error)
            }

            #[inline(always)]
            fn mul(a: $u, b: $u) -> Option<($u, u64)> {
                let (ea, eb) = (exponent(a)?, exponent(b)?);
                let result = (<$f>::from_bits(a) * <$f>::from_bits(b)).to_bits();
                let er = exponent(result)?;
                let bias = (MASK >> 1) as i32;
                let exact = significand(a) * significand(b);
                let got = significand(result) << ($frac + er + bias - ea - eb);
                Some((result, flags(got != exact, got > exact)))
            }

            #[inline(always)]
            fn div(a: $u, b: $u) -> Option<($u, u64)> {
                let (ea, eb) = (exponent(a)?, exponent(b)?);
                let result = (<$f>::from_bits(a) / <$f>::from_bits(b)).to_bits();
                let er = exponent(result)?;
                let bias = (MASK >> 1) as i32;
                let exact = significand(a) << ($frac + ea - eb - er + bias);
                let got = significand(result) * significand(b);
                Some((result, flags(got != exact, got > exact)))
            }

            #[inline(always)]
            fn sqrt(a: $u) -> Option<($u, u64)> {
                let ea = exponent(a)?;
                if a >> ($frac + $exp) != 0 {
                    return None;
                }
                let result = <$f>::from_bits(a).sqrt().to_bits();
                let er = exponent(result)?;
                let bias = (MASK >> 1) as i32;
                let exact = significand(a) << ($frac + ea + bias - 2 * er);
                let got = significand(result) * significand(result);
                Some((result, flags(got != exact, got > exact)))
            }

            /// The error of a fused multiply-add is the sum of two numbers (Boldo and Muller).
            #[inline(always)]
            fn fma(a: $u, b: $u, c: $u) -> Option<($u, u64)> {
                exponent(a)?;
                exponent(c)?;
                let (a, b, c) = (<$f>::from_bits(a), term(b)?, <$f>::from_bits(c));
                let result = a.mul_add(c, b);
                let high = a * c;
                exponent(high.to_bits())?;
                let low = a.mul_add(c, -high);
                let (sum, rest) = two_sum(b, low);
                let (top, middle) = two_sum(high, sum);
                by_error(result, ((top - result) + middle) + rest)
            }

            #[inline(always)]
            pub fn run(op: Op, [a, b, c]: [$u; 3]) -> Option<($u, u64)> {
                const SIGN: $u = 1 << ($frac + $exp);
                match op {
                    Op::Add => add(a, b),
                    Op::Sub => add(a, b ^ SIGN),
                    Op::Mul => mul(a, b),
                    Op::Div => div(a, b),
                    Op::Sqrt => sqrt(a),
                    Op::MulAdd => fma(a, b, c),
                    Op::MulSub => fma(a, b ^ SIGN, c),
                }
            }
        }
    };
}

// Errors of products reach 2 * 53 (24) places below their result; sums of moderate numbers stay moderate.
host!(double, f64, u64, u128, 52, 11, 400, 1600);
host!(single, f32, u32, u64, 23, 8, 80, 200);

/// `op` on elements of `format`, single or double, if it is a common case: the result and XX, FI, FR.
#[inline(always)]
pub fn element(format: Format, op: Op, abc: [u128; 3]) -> Option<(u128, u64)> {
    if format.frac_bits == DOUBLE.frac_bits {
        double::run(op, abc.map(|x| x as u64)).map(|(r, flags)| (r as u128, flags))
    } else {
        single::run(op, abc.map(|x| x as u32)).map(|(r, flags)| (r as u128, flags))
    }
}

/// `op` of a scalar instruction on doubles, rounded to `format`: the result as a double and XX, FI, FR. `None` unless FPSCR\[RN\]
/// asks for nearest even and the case is common.
#[inline(always)]
pub fn scalar(format: Format, fpscr: u64, op: Op, abc: [u64; 3]) -> Option<(u64, u64)> {
    if fpscr & RN != 0 {
        return None;
    }
    if format.frac_bits == DOUBLE.frac_bits {
        return double::run(op, abc);
    }
    // Every operand must be a single already.
    if (abc[0] | abc[1] | abc[2]) & 0x1fff_ffff != 0 {
        return None;
    }
    let narrow = |x: u64| {
        let e = (x >> 52) as u32 & 0x7ff;
        let normal = (897..=1150).contains(&e);
        (normal || x << 1 == 0).then_some((x >> 32) as u32 & 0xc000_0000 | (x >> 29) as u32 & 0x3fff_ffff)
    };
    let (r, flags) = single::run(op, [narrow(abc[0])?, narrow(abc[1])?, narrow(abc[2])?])?;
    Some(((f32::from_bits(r) as f64).to_bits(), flags))
}

/// `op` on vectors of `format`: the result and the union of the flags, if every element is a common case.
#[inline(always)]
pub fn vector(format: Format, op: Op, [a, b, c]: [u128; 3]) -> Option<(u128, u64)> {
    let width = 1 + format.exp_bits + format.frac_bits;
    let all = u128::MAX >> (128 - width);
    let (mut value, mut flags) = (0, 0);
    let mut shift = 0;
    while shift < 128 {
        let (r, f) = element(format, op, [a >> shift & all, b >> shift & all, c >> shift & all])?;
        value |= r << shift;
        flags |= f;
        shift += width;
    }
    Some((value, flags))
}

/// FPRF of a result of [`scalar`], which is always normalised.
#[inline(always)]
pub fn fprf(result: u64) -> u64 {
    (if result >> 63 != 0 { 0b01000 } else { 0b00100 }) << FPRF_SHIFT
}

#[cfg(test)]
mod tests {
    use super::{super::oracle::Random, super::*, *};

    fn reference(format: Format, op: Op, [a, b, c]: [u128; 3], from: Format) -> Raw {
        let (a, b, c) = (from.unpack(a), from.unpack(b), from.unpack(c));
        let raw = match op {
            Op::Add => add(a, b, Rounding::Even),
            Op::Sub => add(a, b.negate_number(), Rounding::Even),
            Op::Mul => mul(a, b),
            Op::Div => div(a, b),
            Op::Sqrt => sqrt(a),
            Op::MulAdd => super::super::fma(a, b, c, Rounding::Even),
            Op::MulSub => super::super::fma(a, b.negate_number(), c, Rounding::Even),
        };
        round(format, Env::DEFAULT, raw)
    }

    /// Mostly moderate operands: close exponents, so that sums cancel, and short significands, so that results are exact.
    fn operand(random: &mut Random, format: Format) -> u128 {
        let choice = random.next();
        if choice & 15 == 0 {
            return random.operand(format);
        }
        let fraction = (random.next() as u128) & ((1 << format.frac_bits) - 1);
        let fraction = fraction & u128::MAX << ((choice >> 8) as u32 % (format.frac_bits + 1));
        let spread = if choice & 16 == 0 { 3 } else { 70 };
        let exponent = format.bias() as u128 + (choice >> 16) as u128 % spread;
        exponent << format.frac_bits
            | fraction
            | ((choice >> 5 & 1) as u128) << (format.frac_bits + format.exp_bits)
    }

    const OPS: [Op; 7] = [Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Sqrt, Op::MulAdd, Op::MulSub];

    #[test]
    fn the_hosts_arithmetic_agrees_with_the_soft_float() {
        let mut random = Random(0xfa57);
        for format in [SINGLE, DOUBLE] {
            let mut taken = 0;
            for _ in 0..60_000 {
                let abc = [0; 3].map(|_| operand(&mut random, format));
                for op in OPS {
                    let Some((value, flags)) = element(format, op, abc) else { continue };
                    let want = reference(format, op, abc, format);
                    assert_eq!((value, flags), (format.pack(want.num), want.flags), "{op:?} {abc:x?}");
                    taken += 1;
                }
            }
            assert!(taken > 200_000, "the fast path is taken: {taken}");
        }
    }

    #[test]
    fn scalar_results_agree_in_class_and_precision() {
        let mut random = Random(0x51d);
        for _ in 0..60_000 {
            let single = [0; 3].map(|_| convert::double(operand(&mut random, SINGLE) as u32));
            for op in OPS {
                let Some((value, flags)) = scalar(SINGLE, 0, op, single) else { continue };
                let want = reference(SINGLE, op, single.map(u128::from), DOUBLE);
                assert_eq!((value, flags), (DOUBLE.pack(want.num) as u64, want.flags), "{op:?} {single:x?}");
                assert_eq!(fprf(value), SINGLE.fprf(want.num));
            }
        }
        assert!(
            scalar(DOUBLE, 1, Op::Add, [1f64.to_bits(); 3]).is_none(),
            "other rounding modes are not the host's"
        );
        assert!(
            scalar(SINGLE, 0, Op::Add, [1.1f64.to_bits(); 3]).is_none(),
            "a double operand is rounded once"
        );
    }
}
