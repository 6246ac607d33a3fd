//! What is quick equals what `arith` gives, in every rounding mode.

use super::{
    super::{
        arith,
        num::{EXTENDED, LONG, Num, Raw},
        round::{DecimalRounding, Env},
    },
    *,
};

/// How many operations were quick, of how many.
#[derive(Default)]
struct Count {
    quick: usize,
    all: usize,
}

impl Count {
    fn check(&mut self, format: Format, found: Option<Rounded>, want: Raw, of: (Num, Num)) {
        self.all += 1;
        if let Some(Rounded { value, fprf, flags }) = found {
            self.quick += 1;
            let want = (format.pack(want.num), format.fprf(want.num), want.flags);
            assert_eq!((value, fprf, flags), want, "{of:?}");
        }
    }

    /// The sums and the product of two numbers.
    fn both(&mut self, format: Format, mode: DecimalRounding, x: Num, y: Num) {
        let env = Env { mode, oe: true, ue: true };
        let (a, b) = (format.pack(x), format.pack(y));
        let [add, sub, mul] = if format == LONG {
            let (a, b) = (a as u64, b as u64);
            let [add, sub] = [false, true].map(|subtract| result(add_long(a, b, subtract), mode));
            [add, sub, result(mul_long(a, b), mode)]
        } else {
            let [add, sub] = [false, true].map(|subtract| result(add_extended(a, b, subtract), mode));
            [add, sub, result(mul_extended(a, b), mode)]
        };
        self.check(format, add, arith::add(format, env, x, y), (x, y));
        self.check(format, sub, arith::sub(format, env, x, y), (x, y));
        self.check(format, mul, arith::mul(format, env, x, y), (x, y));
    }
}

fn result<P: Pending>(quick: Quick<P>, mode: DecimalRounding) -> Option<Rounded> {
    match quick {
        Quick::Exact(result) => Some(result),
        Quick::Pending(pending) => pending.rounded(mode),
        Quick::Unknown => None,
    }
}

#[test]
fn what_is_quick_is_what_arithmetic_gives() {
    for format in [LONG, EXTENDED] {
        let power = 10u128.pow(format.precision());
        let coefs =
            [0, 1, 7, 10, 999, 99_999_999, 10u128.pow(15), 5 * 10u128.pow(15) + 3, power / 2 - 1, power - 1];
        let exps =
            [format.exp_min(), format.normal_min(), -20, -3, 0, 1, 5, format.exp_max() - 2, format.exp_max()];
        let numbers: Vec<Num> = coefs
            .into_iter()
            .flat_map(|coef| exps.map(|exp| Num::finite(coef % 2 == 0, exp, coef)))
            .chain([Num::inf(true), Num::DEFAULT_NAN])
            .collect();
        let mut count = Count::default();
        for mode in DecimalRounding::ALL {
            for (&x, &y) in numbers.iter().flat_map(|x| numbers.iter().map(move |y| (x, y))) {
                count.both(format, mode, x, y);
            }
        }
        assert!(count.quick * 3 > count.all, "{} of {}", count.quick, count.all);
    }
}

#[test]
fn what_is_rounded_quickly_is_what_arithmetic_gives() {
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for format in [LONG, EXTENDED] {
        let mut count = Count::default();
        let precision = format.precision() as u64;
        for _ in 0..200_000 {
            let mut number = || {
                let digits = match next() % 4 {
                    0 => 1 + next() % 3,
                    1 => 1 + next() % precision,
                    _ => precision,
                };
                // Mostly digits at which ties, carries and cancellation occur.
                let kind = next() % 4;
                let coef = (0..digits).fold(0u128, |n, at| {
                    let digit = match kind {
                        0 => next() % 10,
                        1 => [0, 0, 0, 5][(next() % 4) as usize],
                        2 => 9,
                        _ => u64::from(at == 0) + 4 * u64::from(at == digits / 2),
                    };
                    n * 10 + u128::from(digit)
                });
                Num::finite(next() % 2 == 0, (next() % (3 * precision)) as i32, coef)
            };
            let (x, y) = (number(), number());
            count.both(format, DecimalRounding::ALL[(next() % 8) as usize], x, y);
        }
        assert!(count.quick * 10 > count.all * 9, "{} of {}", count.quick, count.all);
    }
}
