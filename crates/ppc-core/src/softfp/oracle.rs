//! The soft float against an independent one (`rustc_apfloat`) and, for roots, against the host and by squaring.
//!
//! Results are compared bit for bit in every rounding mode the oracle has, and so are overflow and inexactness;
//! NaN payloads, which are the Power ISA's own, have tests in `num`.

use super::{bits::*, convert::*, *};
use rustc_apfloat::{Float, Round, Status, ieee};

/// xorshift64*.
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A pattern of `format` of an interesting kind: special values, runs of ones and zeros, close exponents.
    pub fn operand(&mut self, format: Format) -> u128 {
        let width = format.exp_bits + format.frac_bits + 1;
        let all = u128::MAX >> (128 - width);
        let raw = ((self.next() as u128) << 64 | self.next() as u128) & all;
        let fraction = (1u128 << format.frac_bits) - 1;
        let max = (1u128 << format.exp_bits) - 1;
        let bias = format.bias() as u128;
        let sign = raw & 1 << (width - 1);
        let choice = self.next();
        let exponent = match choice & 7 {
            0 => 0,
            1 => max - 1,
            2 => bias.wrapping_add((choice >> 8 & 7) as u128),
            3 => (choice >> 8 & 3) as u128,
            4 => bias - (choice >> 8) as u128 % bias,
            5 => bias + (choice >> 8) as u128 % (format.frac_bits as u128).min(bias),
            6 => return [0, 1, max << format.frac_bits, fraction][(choice >> 8 & 3) as usize] | sign,
            _ => return raw,
        };
        let run = (choice >> 16) as u32 % (format.frac_bits + 1);
        let fraction = match choice >> 24 & 7 {
            0 => 0,
            1 => fraction,
            2 => fraction & u128::MAX << run,
            3 => fraction & !(u128::MAX << run),
            4 => 1 << run & fraction,
            5 => fraction & (u128::MAX << run) | 1,
            _ => raw & fraction,
        };
        sign | exponent << format.frac_bits | fraction
    }
}

const MODES: [(Rounding, Round); 5] = [
    (Rounding::Even, Round::NearestTiesToEven),
    (Rounding::Zero, Round::TowardZero),
    (Rounding::Up, Round::TowardPositive),
    (Rounding::Down, Round::TowardNegative),
    (Rounding::Away, Round::NearestTiesToAway),
];

fn check(
    format: Format,
    what: &str,
    operands: &[u128],
    mode: Rounding,
    got: Raw,
    want: u128,
    status: Status,
) {
    let got_bits = format.pack(got.num);
    let context = format!("{what} {operands:x?} {mode:?}: got {got_bits:x} want {want:x} {status:?}");
    if format.unpack(want).is_nan() {
        assert!(got.num.is_nan(), "{context}");
        assert_eq!(got.flags & VX_ALL != 0, status.contains(Status::INVALID_OP), "{context}");
        return;
    }
    assert_eq!(got_bits, want, "{context}");
    for (flag, bit) in [
        (XX, Status::INEXACT),
        (FI, Status::INEXACT),
        (ZX, Status::DIV_BY_ZERO),
        (VX_ALL, Status::INVALID_OP),
    ] {
        assert_eq!(got.flags & flag != 0, status.contains(bit), "{context}");
    }
    // The oracle reports an overflow only when it ends in infinity.
    assert!(got.flags & OX != 0 || !status.contains(Status::OVERFLOW), "{context}");
    if got.flags & OX != 0 && !status.contains(Status::OVERFLOW) {
        let largest = (1 << (format.exp_bits + format.frac_bits)) - (1 << format.frac_bits) - 1;
        assert_eq!(want & !(1 << (format.exp_bits + format.frac_bits)), largest, "{context}");
    }
}

fn arithmetic_agrees<F: Float>(format: Format, rounds: u32) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ format.frac_bits as u64);
    for _ in 0..rounds {
        let (a, b, c) = (random.operand(format), random.operand(format), random.operand(format));
        let (na, nb, nc) = (format.unpack(a), format.unpack(b), format.unpack(c));
        let (fa, fb, fc) = (F::from_bits(a), F::from_bits(b), F::from_bits(c));
        for (mode, oracle) in MODES {
            let env = Env { mode, oe: false, ue: false };
            let r = fa.add_r(fb, oracle);
            check(
                format,
                "add",
                &[a, b],
                mode,
                round(format, env, add(na, nb, mode)),
                r.value.to_bits(),
                r.status,
            );
            let r = fa.mul_r(fb, oracle);
            check(format, "mul", &[a, b], mode, round(format, env, mul(na, nb)), r.value.to_bits(), r.status);
            let r = fa.div_r(fb, oracle);
            check(format, "div", &[a, b], mode, round(format, env, div(na, nb)), r.value.to_bits(), r.status);
            let r = fa.mul_add_r(fc, fb, oracle);
            let got = round(format, env, fma(na, nb, nc, mode));
            // The oracle forgets inf * 0 when the addend is a NaN; the tests of NaNs cover it.
            if !nb.is_nan() {
                check(format, "fma", &[a, b, c], mode, got, r.value.to_bits(), r.status);
            }
            let r = fa.round_to_integral(oracle);
            let got = round_to_integral(na, mode);
            if !na.is_nan() {
                assert_eq!(format.pack(got.num), r.value.to_bits(), "rint {a:x} {mode:?}");
            }
        }
        let order = fa.partial_cmp(&fb);
        assert_eq!(compare::compare(na, nb), order, "{a:x} {b:x}");
    }
}

#[test]
fn half_precision_agrees_with_the_oracle() {
    arithmetic_agrees::<ieee::Half>(HALF, 20_000);
}

#[test]
fn single_precision_agrees_with_the_oracle() {
    arithmetic_agrees::<ieee::Single>(SINGLE, 20_000);
}

#[test]
fn double_precision_agrees_with_the_oracle() {
    arithmetic_agrees::<ieee::Double>(DOUBLE, 20_000);
}

#[test]
fn quad_precision_agrees_with_the_oracle() {
    arithmetic_agrees::<ieee::Quad>(QUAD, 10_000);
}

#[test]
fn integer_conversions_agree_with_the_oracle() {
    let mut random = Random(7);
    for _ in 0..50_000 {
        let a = random.operand(DOUBLE);
        let (num, oracle) = (DOUBLE.unpack(a), ieee::Double::from_bits(a));
        for (mode, oracle_mode) in MODES {
            for (int, width, signed) in [(I32, 32, true), (U32, 32, false), (I64, 64, true), (U64, 64, false)]
            {
                let (value, flags) = to_int(num, int, mode);
                let (want, status) = if signed {
                    let r = oracle.to_i128_r(width, oracle_mode, &mut true);
                    (r.value, r.status)
                } else {
                    let r = oracle.to_u128_r(width, oracle_mode, &mut true);
                    (r.value as i128, r.status)
                };
                let invalid = status.contains(Status::INVALID_OP);
                assert_eq!(flags & VXCVI != 0, invalid, "{a:x} {mode:?} {int:?}");
                // The oracle's value for a NaN is 0.
                if !num.is_nan() {
                    assert_eq!(value, want, "{a:x} {mode:?} {int:?}");
                }
                assert_eq!(flags & XX != 0, status.contains(Status::INEXACT), "{a:x} {mode:?} {int:?}");
            }
        }
        let value = random.next() as i64 >> (random.next() & 63);
        let r = round(SINGLE, Env::DEFAULT, Raw::exact(from_int(value as i128)));
        assert_eq!(SINGLE.pack(r.num) as u32, (value as f32).to_bits());
        let r = round(DOUBLE, Env::DEFAULT, Raw::exact(from_int(value as u64 as i128)));
        assert_eq!(DOUBLE.pack(r.num) as u64, (value as u64 as f64).to_bits());
    }
}

#[test]
fn formats_convert_as_the_oracle_does() {
    use rustc_apfloat::FloatConvert;
    let mut random = Random(11);
    for _ in 0..50_000 {
        let q = random.operand(QUAD);
        let d = random.operand(DOUBLE);
        for (mode, oracle) in MODES {
            let env = Env { mode, oe: false, ue: false };
            let r: rustc_apfloat::StatusAnd<ieee::Double> =
                ieee::Quad::from_bits(q).convert_r(oracle, &mut false);
            let raw = Raw::exact(QUAD.unpack(q));
            if !raw.num.is_nan() {
                check(DOUBLE, "qpdp", &[q], mode, round(DOUBLE, env, raw), r.value.to_bits(), r.status);
            }
            let r: rustc_apfloat::StatusAnd<ieee::Half> =
                ieee::Double::from_bits(d).convert_r(oracle, &mut false);
            let raw = Raw::exact(DOUBLE.unpack(d));
            if !raw.num.is_nan() {
                check(HALF, "dphp", &[d], mode, round(HALF, env, raw), r.value.to_bits(), r.status);
            }
        }
    }
}

#[test]
fn double_roots_are_the_hosts_roots() {
    let mut random = Random(13);
    for _ in 0..50_000 {
        let a = random.operand(DOUBLE);
        let r = round(DOUBLE, Env::DEFAULT, sqrt(DOUBLE.unpack(a)));
        let want = f64::from_bits(a as u64).sqrt();
        if !want.is_nan() {
            assert_eq!(DOUBLE.pack(r.num) as u64, want.to_bits(), "{a:x}");
        }
        let s = random.operand(SINGLE);
        let r = round(SINGLE, Env::DEFAULT, sqrt(SINGLE.unpack(s)));
        let want = f32::from_bits(s as u32).sqrt();
        if !want.is_nan() {
            assert_eq!(SINGLE.pack(r.num) as u32, want.to_bits(), "{s:x}");
        }
    }
}

#[test]
fn quad_roots_enclose_their_operands() {
    let mut random = Random(17);
    for _ in 0..20_000 {
        let a = random.operand(QUAD) & u128::MAX >> 1;
        let num = QUAD.unpack(a);
        if num.class != Class::Finite {
            continue;
        }
        let root = |mode| {
            let r = round(QUAD, Env { mode, oe: false, ue: false }, sqrt(num));
            (ieee::Quad::from_bits(QUAD.pack(r.num)), r.flags & XX != 0)
        };
        let minus_a = -ieee::Quad::from_bits(a);
        // root^2 - a, in a mode that keeps its sign even if tiny.
        let excess = |r: ieee::Quad| r.mul_add_r(r, minus_a, Round::TowardNegative).value;
        let (below, inexact) = root(Rounding::Down);
        let (above, _) = root(Rounding::Up);
        if inexact {
            assert!(excess(below) < ieee::Quad::ZERO && excess(above) >= ieee::Quad::ZERO, "{a:x}");
            assert_eq!(above.to_bits(), below.to_bits() + 1, "{a:x}");
        } else {
            assert!(excess(below).is_zero() && above == below, "{a:x}");
        }
    }
}
