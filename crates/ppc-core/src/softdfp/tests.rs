//! Vectors for what comparisons with decNumber do not show: FR, enabled exceptions, forms at the ends of the range.

use super::{arith, convert, num::*, quantum, round::*};
use crate::softfp::bits::*;

fn env(mode: DecimalRounding) -> Env {
    Env { mode, oe: false, ue: false }
}

fn n(exp: i32, coef: u128) -> Num {
    Num::finite(false, exp, coef)
}

const NINES: u128 = 9_999_999_999_999_999;

#[test]
fn encodings_are_those_of_the_standard() {
    // 1, -1, the largest number, infinity, as decNumber's published tests have them.
    for (num, bits) in [
        (n(0, 1), 0x2238_0000_0000_0001),
        (Num::finite(true, 0, 1), 0xa238_0000_0000_0001),
        (n(369, NINES), 0x77fc_ff3f_cff3_fcff),
        (Num::inf(false), 0x7800_0000_0000_0000),
        (n(-398, 0), 0),
    ] {
        assert_eq!((LONG.pack(num), LONG.unpack(bits)), (bits, num));
    }
    assert_eq!(EXTENDED.pack(n(0, 1)), 0x2208 << 112 | 1);
    assert_eq!(SHORT.pack(n(0, 1)), 0x2250_0001);
    // Reserved bits of a NaN and redundant declets are accepted.
    assert_eq!(LONG.unpack(0x7dfc_0000_0000_03ff), Num { coef: 999, ..Num::DEFAULT_NAN });
}

#[test]
fn every_mode_rounds_as_its_name_says() {
    // 1 + tail * 10^-17, of which 16 digits stay: the tail is less than, exactly, more than half.
    let cases: [(u128, u128, [u128; 8]); 4] = [
        (1_000_000_000_000_000, 4, [0, 0, 1, 0, 0, 0, 1, 1]),
        (1_000_000_000_000_000, 5, [0, 0, 1, 0, 1, 0, 1, 1]),
        (1_000_000_000_000_001, 5, [1, 0, 1, 0, 1, 0, 1, 0]),
        (1_000_000_000_000_005, 6, [1, 0, 1, 0, 1, 1, 1, 1]),
    ];
    for (head, tail, up) in cases {
        for (mode, up) in DecimalRounding::ALL.into_iter().zip(up) {
            let r = arith::add(LONG, env(mode), n(0, head), n(-1, tail));
            let flags = XX | FI | if up == 1 { FR } else { 0 };
            assert_eq!(r, Raw { num: n(0, head + up), flags }, "{mode:?} {tail}");
            let negative = |num: Num| Num { sign: true, ..num };
            let r = arith::add(LONG, env(mode), negative(n(0, head)), negative(n(-1, tail)));
            let up = match mode {
                DecimalRounding::Up => 0,
                DecimalRounding::Down => 1,
                _ => up,
            };
            assert_eq!(r.num, negative(n(0, head + up)), "{mode:?} -{tail}");
        }
    }
}

#[test]
fn exact_results_have_the_exponent_nearest_to_the_ideal_one() {
    let even = env(DecimalRounding::Even);
    assert_eq!(arith::add(LONG, even, n(0, 1), n(-2, 100)).num, n(-2, 200));
    assert_eq!(arith::mul(LONG, even, n(2, 20), n(-3, 50)).num, n(-1, 1000));
    assert_eq!(arith::div(LONG, even, n(0, 24), n(0, 3)).num, n(0, 8));
    assert_eq!(arith::div(LONG, even, n(0, 1), n(0, 8)).num, n(-3, 125));
    assert_eq!(arith::div(LONG, even, n(2, 10), n(-1, 5)).num, n(3, 2));
    // 10^15 + 0 * 10^-5: as many zeros as fit.
    assert_eq!(arith::add(LONG, even, n(15, 1), n(-5, 0)).num, n(0, 1_000_000_000_000_000));
    // Beyond the greatest exponent zeros are appended, a zero is clamped.
    assert_eq!(arith::mul(LONG, even, n(300, 3), n(75, 2)).num, n(369, 6_000_000));
    assert_eq!(arith::mul(LONG, even, n(300, 0), n(300, 2)).num, n(369, 0));
}

#[test]
fn a_far_smaller_operand_tells_on_which_side_the_sum_is() {
    let tiny = Num::finite(true, -390, 1);
    let r = arith::add(LONG, env(DecimalRounding::Zero), n(0, 1), tiny);
    assert_eq!(r, Raw { num: n(-16, NINES), flags: XX | FI });
    let r = arith::add(LONG, env(DecimalRounding::Even), n(0, 1), tiny);
    assert_eq!(r, Raw { num: n(-15, 1_000_000_000_000_000), flags: XX | FI | FR });
    let quad = 10u128.pow(34) - 1;
    let r = arith::add(EXTENDED, env(DecimalRounding::Zero), n(6000, 1), Num::finite(true, -6000, quad));
    assert_eq!(r.num, n(5966, quad));
}

#[test]
fn exact_cancellation_is_positive_unless_rounding_goes_down() {
    for mode in DecimalRounding::ALL {
        let r = arith::sub(LONG, env(mode), n(0, 7), n(-1, 70));
        assert_eq!(r, Raw::exact(Num::finite(mode == DecimalRounding::Down, -1, 0)), "{mode:?}");
    }
}

#[test]
fn disabled_overflow_depends_on_the_mode_and_underflow_is_seen_before_rounding() {
    for mode in DecimalRounding::ALL {
        let r = arith::mul(LONG, env(mode), n(369, NINES), n(0, 10));
        let finite = matches!(mode, DecimalRounding::Zero | DecimalRounding::Down | DecimalRounding::Shorter);
        let (num, fr) = if finite { (n(369, NINES), 0) } else { (Num::inf(false), FR) };
        assert_eq!(r, Raw { num, flags: OX | XX | FI | fr }, "{mode:?}");
    }
    // Just below the least normal number rounds to it.
    let r = arith::mul(LONG, env(DecimalRounding::Even), n(-398, NINES), n(-1, 1));
    assert_eq!(r, Raw { num: n(-398, 1_000_000_000_000_000), flags: UX | XX | FI | FR });
    // A subnormal result that is exact is no underflow.
    assert_eq!(arith::mul(LONG, env(DecimalRounding::Even), n(-398, 70), n(0, 1)).flags, 0);
}

#[test]
fn enabled_overflow_and_underflow_adjust_the_exponent() {
    let both = Env { mode: DecimalRounding::Even, oe: true, ue: true };
    let r = arith::mul(LONG, both, n(369, 3), n(369, 2));
    assert_eq!(r, Raw { num: n(738 - 576, 6), flags: OX });
    let r = arith::mul(LONG, both, n(369, NINES), n(369, NINES));
    assert_eq!(r, Raw { num: n(738 + 16 - 576, NINES - 1), flags: OX | XX | FI });
    let r = arith::mul(LONG, both, n(-398, 3), n(-398, 2));
    assert_eq!(r, Raw { num: n(-796 + 576, 6), flags: UX });
    let r = arith::mul(EXTENDED, both, n(6111, 3), n(6111, 2));
    assert_eq!(r, Raw { num: n(12222 - 9216, 6), flags: OX });
    let r = arith::mul(EXTENDED, both, n(-6176, 3), n(-6176, 2));
    assert_eq!(r, Raw { num: n(-12352 + 9216, 6), flags: UX });
}

#[test]
fn every_invalid_operation_has_its_own_bit() {
    let (e, inf, zero) = (env(DecimalRounding::Even), Num::inf(false), n(0, 0));
    assert_eq!(arith::sub(LONG, e, inf, inf), Raw::invalid(VXISI));
    assert_eq!(arith::mul(LONG, e, inf, zero), Raw::invalid(VXIMZ));
    assert_eq!(arith::div(LONG, e, inf, inf), Raw::invalid(VXIDI));
    assert_eq!(arith::div(LONG, e, zero, zero), Raw::invalid(VXZDZ));
    assert_eq!(arith::div(LONG, e, n(0, 1), zero), Raw { num: inf, flags: ZX });
    assert_eq!(quantum::quantize(LONG, DecimalRounding::Even, n(0, 1), inf), Raw::invalid(VXCVI));
    assert_eq!(quantum::quantize(LONG, DecimalRounding::Even, n(0, 1), n(1, NINES)), Raw::invalid(VXCVI));
    let snan = Num { class: Class::Snan, sign: true, exp: 0, coef: 5 };
    let qnan = Num { coef: 4, ..Num::DEFAULT_NAN };
    assert_eq!(arith::add(LONG, e, qnan, snan), Raw { num: snan.quiet(), flags: VXSNAN });
    assert_eq!(arith::sub(LONG, e, inf, qnan), Raw::exact(qnan));
}

#[test]
fn quantize_and_reround_count_digits() {
    let q = |exp, coef| quantum::quantize(LONG, DecimalRounding::Even, n(-2, 1), n(exp, coef));
    assert_eq!(q(-3, 1235), Raw { num: n(-2, 124), flags: XX | FI | FR });
    assert_eq!(q(1, 7), Raw::exact(n(-2, 7000)));
    let r = |count, coef| quantum::reround(LONG, DecimalRounding::Even, count, n(0, coef));
    assert_eq!(r(2, 9951), Raw { num: n(3, 10), flags: XX | FI | FR });
    assert_eq!(r(2, 12), Raw::exact(n(0, 12)));
    assert_eq!(quantum::reround(LONG, DecimalRounding::Even, 1, n(369, 95)), Raw::invalid(VXCVI));
}

#[test]
fn integers_saturate_at_their_limits() {
    let to = |num| convert::to_integer(DecimalRounding::Even, 64, num);
    assert_eq!(to(n(-1, 25)), (2, XX | FI));
    assert_eq!(to(Num::finite(true, 0, 1 << 63)), (i128::from(i64::MIN), 0));
    assert_eq!(to(n(0, 1 << 63)), (i128::from(i64::MAX), VXCVI));
    assert_eq!(to(n(6000, 1)), (i128::from(i64::MAX), VXCVI));
    assert_eq!(to(Num { class: Class::Snan, ..Num::DEFAULT_NAN }), (i128::from(i64::MIN), VXCVI | VXSNAN));
    let least = convert::from_integer(EXTENDED, env(DecimalRounding::Zero), i128::MIN);
    assert_eq!(least.num, Num::finite(true, 5, (1u128 << 127) / 100_000));
    assert_eq!(convert::to_integer(DecimalRounding::Even, 128, n(39, 1)).1, VXCVI);
}
