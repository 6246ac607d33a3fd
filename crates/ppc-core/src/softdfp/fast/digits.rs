//! Declets, powers of ten, and quotients by them, on words of the host.

use super::super::{
    dpd::{DECLETS, DIGITS},
    round::{DecimalRounding, Rest},
};
use crate::softfp::bits::{FI, FR, XX};

/// 10^9.
pub const TEN_9: u64 = TEN[9];
/// 10^15: five declets.
pub const TEN_15: u64 = TEN[15];
/// 10^16: a first digit and five declets.
pub const TEN_16: u64 = TEN[16];
/// 10^17.
pub const TEN_17: u64 = TEN[17];
/// 10^18: six declets.
pub const TEN_18: u64 = TEN[18];

/// Powers of ten that a doubleword holds.
pub const TEN: [u64; 20] = {
    let mut table = [1; 20];
    let mut i = 1;
    while i < 20 {
        table[i] = 10 * table[i - 1];
        i += 1;
    }
    table
};

/// The reciprocal of a power of ten, times a power of two.
struct Reciprocal {
    factor: u64,
    shift: u32,
}

/// 2^(63 + shift) over the power, rounded up, of 10^0 to 10^18.
const RECIPROCALS: [Reciprocal; 19] = {
    let mut table = [const { Reciprocal { factor: 1 << 63, shift: 0 } }; 19];
    let mut i = 1;
    while i < 19 {
        let shift = TEN[i].ilog2();
        let factor = (1u128 << (63 + shift)).div_ceil(TEN[i] as u128) as u64;
        table[i] = Reciprocal { factor, shift };
        i += 1;
    }
    table
};

/// Quotient and remainder of `n`, which is less than 2^62, by `10^power`, at most 10^18. The factor exceeds the reciprocal
/// by less than `10^power / 2^(63 + shift)`, of `10^power < 2^(shift + 1)`: `n` times that is less than 1 over the power.
#[inline(always)]
pub fn by_ten(n: u64, power: usize) -> (u64, u64) {
    let Reciprocal { factor, shift } = RECIPROCALS[power];
    let quotient = ((u128::from(2 * n) * u128::from(factor)) >> 64) as u64 >> shift;
    (quotient, n - quotient * TEN[power])
}

/// How many digits `n` has; 0 has none.
#[inline(always)]
pub fn count(n: u64) -> usize {
    // 1233 / 4096 is a little more than log10(2): one too many at most.
    let guess = ((64 - n.leading_zeros()) as usize * 1233) >> 12;
    guess + usize::from(n >= TEN[guess])
}

/// Quotient and remainder by 10^18; `n` is at most 10^36 + 10^19.
#[inline(always)]
pub fn by_ten_18(n: u128) -> (u64, u64) {
    const SHIFT: u32 = 59;
    const FACTOR: u64 = ((1u128 << (64 + SHIFT)) / TEN_18 as u128) as u64;
    estimated(n, (n >> SHIFT) as u64, FACTOR, TEN_18)
}

/// Quotient, which is less than 10^18, and remainder by `10^power`, 10 to 10^14.
#[inline(always)]
pub fn wide_by_ten(n: u128, power: usize) -> (u64, u64) {
    let Reciprocal { factor, shift } = WIDE_RECIPROCALS[power];
    // The shift is between 1 and 63.
    let shifted = (n as u64) >> shift | ((n >> 64) as u64) << (64 - shift);
    estimated(n, shifted, factor, TEN[power])
}

/// 2^(64 + shift) over the power, rounded down, of 10^1 to 10^14; 2^shift is at most half of the power.
const WIDE_RECIPROCALS: [Reciprocal; 15] = {
    let mut table = [const { Reciprocal { factor: 0, shift: 1 } }; 15];
    let mut i = 1;
    while i < 15 {
        let shift = TEN[i].ilog2() - 1;
        table[i] = Reciprocal { factor: ((1u128 << (64 + shift)) / TEN[i] as u128) as u64, shift };
        i += 1;
    }
    table
};

/// `n / by` from `shifted = n >> shift`, which is less than 2^62, and the reciprocal. What the shift, the reciprocal and the
/// product drop is less than one quotient together, so the estimate is one too small at most.
#[inline(always)]
fn estimated(n: u128, shifted: u64, factor: u64, by: u64) -> (u64, u64) {
    let quotient = ((u128::from(shifted) * u128::from(factor)) >> 64) as u64;
    let rest = (n as u64).wrapping_sub(quotient.wrapping_mul(by));
    if rest >= by { (quotient + 1, rest - by) } else { (quotient, rest) }
}

/// Whether a number with last digit `last` is incremented, and FR, FI and XX, when `rest` of `power` and, if `sticky`,
/// something behind it are cut off.
#[inline(always)]
pub fn rounding(
    mode: DecimalRounding,
    sign: bool,
    last: u64,
    rest: u64,
    power: u64,
    sticky: bool,
) -> (u64, u64) {
    if rest == 0 && !sticky {
        return (0, 0);
    }
    if mode.increments(sign, last, Rest::of(rest, power / 2, sticky)) {
        (1, XX | FI | FR)
    } else {
        (0, XX | FI)
    }
}

/// The digits of one declet.
#[inline(always)]
pub fn digits(bits: u64) -> u64 {
    DIGITS[bits as usize & 0x3ff].into()
}

/// The digits of the lowest five declets. Most numbers of programs have nine at most.
#[inline(always)]
pub fn five(bits: u64) -> u64 {
    if bits & 0x3_ffff_ffff_ffff == 0 {
        return 0;
    }
    let low = digits(bits) + 1000 * digits(bits >> 10) + 1_000_000 * digits(bits >> 20);
    if bits >> 30 & 0xf_ffff == 0 {
        return low;
    }
    low + TEN_9 * digits(bits >> 30) + 1000 * TEN_9 * digits(bits >> 40)
}

/// The declet of a number below 1000.
#[inline(always)]
pub fn declet(n: u32) -> u64 {
    DECLETS[n as usize].into()
}

/// Three declets of a number below 10^9.
#[inline(always)]
fn three_declets(n: u32) -> u64 {
    declet(n / 1_000_000) << 20 | declet(n / 1000 % 1000) << 10 | declet(n % 1000)
}

/// Five declets of a number below 10^15.
#[inline(always)]
pub fn five_declets(n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    if n < TEN_9 {
        return three_declets(n as u32);
    }
    let (high, low) = ((n / TEN_9) as u32, (n % TEN_9) as u32);
    declet(high / 1000) << 40 | declet(high % 1000) << 30 | three_declets(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_division() {
        let whole = |n: u128, by: u128| ((n / by) as u64, (n % by) as u64);
        let eighteen = u128::from(TEN_18);
        for k in 0..1_000_000 {
            // At multiples and just below, where an estimate that is too small shows.
            let multiple = k * 999_983_000_007 % eighteen;
            for n in [multiple * eighteen, multiple * eighteen + eighteen - 1, multiple * multiple] {
                assert_eq!(by_ten_18(n), whole(n, eighteen), "{n}");
            }
            let power = 1 + k as usize % 14;
            let by = u128::from(TEN[power]);
            for n in [multiple * by, multiple * by + by - 1, multiple * by + multiple % by] {
                assert_eq!(wide_by_ten(n, power), whole(n, by), "{n} / {by}");
            }
        }
    }

    #[test]
    fn quotients_by_reciprocals_are_those_of_division() {
        for (power, &by) in TEN[..19].iter().enumerate() {
            let most = (1 << 62) - 1;
            let multiples = [0, 1, 2, most / by / 3, most / by / 2, most / by - 1];
            let near = multiples.into_iter().flat_map(|k| [k * by, k * by + by / 2, k * by + by - 1]);
            for n in near.chain([most, most - 1, TEN_18, TEN_18 - 1]).chain((1..60).map(|bits| most >> bits))
            {
                assert_eq!(by_ten(n, power), (n / by, n % by), "{n} / {by}");
            }
        }
    }

    #[test]
    fn digits_are_counted() {
        assert_eq!(count(0), 0);
        for (n, &power) in TEN.iter().enumerate() {
            assert_eq!((count(power), count(power - 1)), (n + 1, n));
        }
        assert_eq!(count(u64::MAX), 20);
    }
}
