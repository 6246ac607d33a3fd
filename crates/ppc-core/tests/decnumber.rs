//! Decimal floating point against decNumber itself, in all eight rounding modes: bits of the results and exceptions.
//!
//! QEMU computes with a decNumber of its own and forgets FR, FI and enabled exceptions, so it is no independent witness;
//! `tests/test_decimal.py` compares those with exact arithmetic.

#[expect(dead_code, reason = "shared with tests that need more")]
#[path = "shared/random.rs"]
mod random;

use dec::{Context, Decimal64, Decimal128, Rounding, Status};
use ppc_core::{
    softdfp::{DecimalRounding, EXTENDED, Env, Format, LONG, Num, Raw, arith, convert, quantum},
    softfp::bits::{FR, OX, UX, VX_ALL, XX, ZX},
};
use random::{Flavour, Random, integer, vector};
use std::cmp::Ordering;

/// What a function of `softdfp` computes.
type Ours = fn(Format, Env, Num, Num) -> Raw;

/// decNumber's rounding mode.
fn theirs(mode: DecimalRounding) -> Rounding {
    match mode {
        DecimalRounding::Even => Rounding::HalfEven,
        DecimalRounding::Zero => Rounding::Down,
        DecimalRounding::Up => Rounding::Ceiling,
        DecimalRounding::Down => Rounding::Floor,
        DecimalRounding::TiesAway => Rounding::HalfUp,
        DecimalRounding::TiesZero => Rounding::HalfDown,
        DecimalRounding::Away => Rounding::Up,
        DecimalRounding::Shorter => Rounding::ZeroFiveUp,
    }
}

/// Exceptions as decNumber reports them: invalid operation, division by zero, overflow, underflow, inexact.
fn reported(status: Status) -> [bool; 5] {
    let invalid = status.invalid_operation() || status.division_undefined() || status.division_impossible();
    [invalid, status.division_by_zero(), status.overflow(), status.underflow(), status.inexact()]
}

/// The same of ours.
fn raised(flags: u64) -> [bool; 5] {
    [VX_ALL, ZX, OX, UX, XX].map(|cause| flags & cause != 0)
}

/// A format with decNumber's type for it.
trait Decimal: Copy {
    const FORMAT: Format;
    const FLAVOUR: Flavour;
    fn of(bits: u128) -> Self;
    fn bits(self) -> u128;
    /// Every operation with its name, ours and theirs.
    fn operations() -> [Operation<Self>; 6];
    fn context() -> Context<Self>;
    fn compare(context: &mut Context<Self>, a: Self, b: Self) -> Option<Ordering>;
}

struct Operation<D> {
    name: &'static str,
    ours: Ours,
    theirs: fn(&mut Context<D>, D, D) -> D,
}

macro_rules! decimal {
    ($type:ident, $format:ident, $flavour:ident, $bits:ty) => {
        impl Decimal for $type {
            const FORMAT: Format = $format;
            const FLAVOUR: Flavour = Flavour::$flavour;
            fn of(bits: u128) -> Self {
                Self::from_be_bytes((bits as $bits).to_be_bytes())
            }
            fn bits(self) -> u128 {
                <$bits>::from_be_bytes(self.to_be_bytes()).into()
            }
            fn context() -> Context<Self> {
                Context::<Self>::default()
            }
            fn compare(context: &mut Context<Self>, a: Self, b: Self) -> Option<Ordering> {
                context.partial_cmp(a, b)
            }
            fn operations() -> [Operation<Self>; 6] {
                let operation = |name, ours, theirs| Operation { name, ours, theirs };
                [
                    operation("add", arith::add, |c, a, b| c.add(a, b)),
                    operation("sub", arith::sub, |c, a, b| c.sub(a, b)),
                    operation("mul", arith::mul, |c, a, b| c.mul(a, b)),
                    operation("div", arith::div, |c, a, b| c.div(a, b)),
                    operation(
                        "quantize",
                        |format, env, a, b| quantum::quantize(format, env.mode, a, b),
                        |c, a, b| c.quantize(b, a),
                    ),
                    operation(
                        "integral",
                        |format, env, _, b| quantum::integral(format, env.mode, b),
                        |c, _, b| c.round(b),
                    ),
                ]
            }
        }
    };
}
decimal!(Decimal64, LONG, Dfp, u64);
decimal!(Decimal128, EXTENDED, DfpQuad, u128);

/// Compares every operation on `a` and `b` in every mode.
fn agree<D: Decimal>(a: u128, b: u128) {
    let [x, y] = [a, b].map(|bits| D::FORMAT.unpack(bits));
    for mode in DecimalRounding::ALL {
        let env = Env { mode, oe: false, ue: false };
        for Operation { name, ours, theirs: compute } in D::operations() {
            // Its operands are in the opposite order, and so is the NaN that becomes the result.
            if name == "quantize" && x.is_nan() && y.is_nan() {
                continue;
            }
            let mut context = D::context();
            context.set_rounding(theirs(mode));
            let want = compute(&mut context, D::of(a), D::of(b)).bits();
            let got = ours(D::FORMAT, env, x, y);
            let what = format!("{name} {mode:?} of {x:?} and {y:?}: {got:?}");
            assert_eq!(format!("{:#x}", D::FORMAT.pack(got.num)), format!("{want:#x}"), "{what}");
            assert_eq!(raised(got.flags), reported(context.status()), "{what}");
            assert!(got.flags & FR == 0 || got.flags & XX != 0, "{what}");
        }
    }
    assert_eq!(arith::compare(x, y), D::compare(&mut D::context(), D::of(a), D::of(b)), "{x:?} and {y:?}");
}

/// Zeros, ones, ends of the range, halves, nines, infinities, NaNs with and without digits, of either sign; and encodings
/// that are not canonical.
fn special(format: Format) -> Vec<u128> {
    let nines = 10u128.pow(format.precision()) - 1;
    let (least, most) = (format.exp_min(), format.exp_max());
    let numbers = [
        (0, 0),
        (0, 1),
        (0, 5),
        (-1, 5),
        (-1, 15),
        (0, nines),
        (0, nines / 2),
        (1, nines),
        (-1, nines),
        (least, 0),
        (most, 0),
        (least, 1),
        (least, nines),
        (least + 1, 5),
        (most, 1),
        (most, nines),
        (most - 1, nines - 1),
        (-(format.precision() as i32), nines),
        (least / 2, 3),
        (most / 2, 7),
    ];
    let trailing = 10 * format.declets;
    let nan = |head: u128, payload: u128| head << (format.exp_bits + trailing - 1) | payload;
    let mut bits: Vec<u128> = numbers.map(|(exp, coef)| format.pack(Num::finite(false, exp, coef))).to_vec();
    bits.extend([nan(60, 0), nan(60, 0x123), nan(62, 0), nan(62, 0x3ff), nan(63, 0), nan(63, 0x123)]);
    // A one in a redundant declet.
    bits.push(format.pack(Num::finite(false, 0, 0)) | 0x3ee);
    let sign = 1 << (5 + format.exp_bits + trailing);
    bits.iter().flat_map(|&bits| [bits, bits | sign]).collect()
}

fn specials_agree<D: Decimal>() {
    let values = special(D::FORMAT);
    for &a in &values {
        for &b in &values {
            agree::<D>(a, b);
        }
    }
}

fn random_values_agree<D: Decimal>(seed: u64) {
    let mut random = Random::new(seed);
    let mask = if D::FORMAT == LONG { u64::MAX.into() } else { u128::MAX };
    for _ in 0..20_000 {
        let [a, b] = [(); 2].map(|()| vector(&mut random, D::FLAVOUR) & mask);
        agree::<D>(a, b);
    }
}

#[test]
fn special_values_agree_with_decnumber() {
    specials_agree::<Decimal64>();
    specials_agree::<Decimal128>();
}

#[test]
fn random_values_agree_with_decnumber() {
    random_values_agree::<Decimal64>(64);
    random_values_agree::<Decimal128>(128);
}

#[test]
fn conversions_agree_with_decnumber() {
    let mut random = Random::new(32);
    for _ in 0..20_000 {
        let (wide, n) = (vector(&mut random, Flavour::DfpQuad), integer(&mut random) as i64);
        let num = EXTENDED.unpack(wide);
        for mode in DecimalRounding::ALL {
            let env = Env { mode, oe: false, ue: false };
            let mut context = Decimal64::context();
            context.set_rounding(theirs(mode));
            // There an infinity keeps its digits, and a NaN that is too long loses other ones.
            if num.is_finite() {
                let want = context.from_decimal128(Decimal128::of(wide)).bits();
                let got = convert::narrow(LONG, env, num);
                assert_eq!(
                    (LONG.pack(got.num), raised(got.flags)),
                    (want, reported(context.status())),
                    "{num:?} {mode:?}"
                );
            }
            context.clear_status();
            let want = context.parse(n.to_string()).expect("a number").bits();
            let got = convert::from_integer(LONG, env, n.into());
            assert_eq!(LONG.pack(got.num), want, "{n} {mode:?}");
        }
    }
}
