//! Sums and products that are exact, on words of the host: what programs that count money compute most.
//!
//! Enters: encodings of two operands. Leaves: that of the result and its FPRF, or nothing if an operand is special, the
//! result is 0, has too many digits or may be subnormal: `arith` does everything. No exception occurs, whatever the mode.

use super::{
    dpd::{DECLETS, DIGITS},
    num::{EXTENDED, Format, LONG},
};
use crate::softfp::bits::FPRF_SHIFT;

const TEN_9: u64 = 1_000_000_000;
const TEN_15: u64 = 1_000_000_000_000_000;
const TEN_16: u64 = 10 * TEN_15;
const TEN_18: u64 = 1_000_000_000_000_000_000;

/// Powers of ten that a coefficient of a long number may be multiplied by.
const TEN: [u64; 16] = {
    let mut table = [1; 16];
    let mut i = 1;
    while i < 16 {
        table[i] = 10 * table[i - 1];
        i += 1;
    }
    table
};

/// A long or the upper part of an extended number: sign, biased exponent, first digit.
struct Head {
    sign: bool,
    exp: u32,
    first: u64,
}

impl Head {
    /// The head of the upper doubleword of a number of `format`, unless it is special.
    #[inline(always)]
    fn of(format: Format, bits: u64) -> Option<Head> {
        let combination = (bits >> 58) as u32 & 31;
        let (begin, first) = match combination {
            30.. => return None,
            24.. => (combination >> 1 & 3, 8 | combination & 1),
            _ => (combination >> 3, combination & 7),
        };
        let exp_bits = format.exp_bits;
        let exp = begin << exp_bits | (bits >> (58 - exp_bits)) as u32 & ((1 << exp_bits) - 1);
        Some(Head { sign: bits >> 63 != 0, exp, first: first.into() })
    }

    /// Its bits.
    #[inline(always)]
    fn bits(self, format: Format) -> u64 {
        let begin = u64::from(self.exp >> format.exp_bits);
        let more = u64::from(self.exp) & ((1 << format.exp_bits) - 1);
        let combination =
            if self.first < 8 { begin << 3 | self.first } else { 24 | begin << 1 | self.first & 1 };
        u64::from(self.sign) << 63 | combination << 58 | more << (58 - format.exp_bits)
    }

    /// FPRF of a number that is not 0, if it is normal whatever its digits are.
    #[inline(always)]
    fn fprf(&self, format: Format) -> Option<u64> {
        let code = if self.sign { 0b01000 } else { 0b00100 };
        (self.exp >= format.precision() - 1).then_some(code << FPRF_SHIFT)
    }
}

/// The digits of one declet.
#[inline(always)]
fn digits(bits: u64) -> u64 {
    DIGITS[bits as usize & 0x3ff].into()
}

/// The digits of the lowest five declets. Most numbers of programs have nine at most.
#[inline(always)]
fn five(bits: u64) -> u64 {
    let low = digits(bits) + 1000 * digits(bits >> 10) + 1_000_000 * digits(bits >> 20);
    if bits >> 30 & 0xf_ffff == 0 {
        return low;
    }
    low + TEN_9 * digits(bits >> 30) + 1000 * TEN_9 * digits(bits >> 40)
}

/// The declet of a number below 1000.
#[inline(always)]
fn declet(n: u32) -> u64 {
    DECLETS[n as usize].into()
}

/// Three declets of a number below 10^9.
#[inline(always)]
fn three_declets(n: u32) -> u64 {
    declet(n / 1_000_000) << 20 | declet(n / 1000 % 1000) << 10 | declet(n % 1000)
}

/// Five declets of a number below 10^15.
#[inline(always)]
fn five_declets(n: u64) -> u64 {
    if n < TEN_9 {
        return three_declets(n as u32);
    }
    let (high, low) = ((n / TEN_9) as u32, (n % TEN_9) as u32);
    declet(high / 1000) << 40 | declet(high % 1000) << 30 | three_declets(low)
}

/// A long number with a coefficient that is not 0, which must have at most 16 digits; and its FPRF.
#[inline(always)]
fn long(sign: bool, exp: u32, coef: u64) -> Option<(u64, u64)> {
    if coef == 0 || coef >= TEN_16 {
        return None;
    }
    // Most have no first digit.
    let (first, rest) = if coef < TEN_15 { (0, coef) } else { (coef / TEN_15, coef % TEN_15) };
    let head = Head { sign, exp, first };
    let fprf = head.fprf(LONG)?;
    Some((head.bits(LONG) | five_declets(rest), fprf))
}

/// `a + b` of long numbers, `a - b` if `subtract`.
#[inline(always)]
pub fn add_long(a: u64, b: u64, subtract: bool) -> Option<(u64, u64)> {
    let (x, y) = (Head::of(LONG, a)?, Head::of(LONG, b)?);
    let (mut m, mut n) = (x.first * TEN_15 + five(a), y.first * TEN_15 + five(b));
    if x.exp != y.exp {
        // The ideal exponent is the smaller one; a 0 has no digits that could be lost.
        let distance = x.exp.abs_diff(y.exp) as usize;
        let upper = if x.exp > y.exp { &mut m } else { &mut n };
        *upper = upper.checked_mul(*TEN.get(distance)?)?;
        if *upper >= TEN_16 {
            return None;
        }
    }
    let other = y.sign ^ subtract;
    let (sign, coef) = match x.sign == other {
        true => (x.sign, m + n),
        _ if m >= n => (x.sign, m - n),
        _ => (other, n - m),
    };
    long(sign, x.exp.min(y.exp), coef)
}

/// `a * b` of long numbers.
#[inline(always)]
pub fn mul_long(a: u64, b: u64) -> Option<(u64, u64)> {
    let (x, y) = (Head::of(LONG, a)?, Head::of(LONG, b)?);
    let coef = (x.first * TEN_15 + five(a)).checked_mul(y.first * TEN_15 + five(b))?;
    let exp = (x.exp + y.exp).checked_sub(LONG.bias as u32)?;
    if exp >= 3 << LONG.exp_bits {
        return None;
    }
    long(x.sign != y.sign, exp, coef)
}

/// The digits of an extended number in two limbs: 16, and 18.
#[inline(always)]
fn limbs(head: &Head, bits: u128) -> (u64, u64) {
    let low = five(bits as u64) + TEN_15 * digits((bits >> 50) as u64);
    (head.first * TEN_15 + five((bits >> 60) as u64), low)
}

/// `a + b` of extended numbers with one exponent, `a - b` if `subtract`.
#[inline(always)]
pub fn add_extended(a: u128, b: u128, subtract: bool) -> Option<(u128, u64)> {
    let (x, y) = (Head::of(EXTENDED, (a >> 64) as u64)?, Head::of(EXTENDED, (b >> 64) as u64)?);
    if x.exp != y.exp {
        return None;
    }
    let (m, n) = (limbs(&x, a), limbs(&y, b));
    let other = y.sign ^ subtract;
    let (sign, (mut high, mut low)) = if x.sign == other {
        (x.sign, (m.0 + n.0, m.1 + n.1))
    } else {
        let (sign, more, less) = if m >= n { (x.sign, m, n) } else { (other, n, m) };
        let borrow = u64::from(more.1 < less.1);
        (sign, (more.0 - less.0 - borrow, more.1 + borrow * TEN_18 - less.1))
    };
    if low >= TEN_18 {
        (high, low) = (high + 1, low - TEN_18);
    }
    if high >= TEN_16 || high | low == 0 {
        return None;
    }
    let head = Head { sign, exp: x.exp, first: high / TEN_15 };
    let fprf = head.fprf(EXTENDED)?;
    let low = declet((low / TEN_15) as u32) << 50 | five_declets(low % TEN_15);
    let bits = u128::from(head.bits(EXTENDED)) << 64
        | u128::from(five_declets(high % TEN_15)) << 60
        | u128::from(low);
    Some((bits, fprf))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{arith, num::Num, round::*},
        *,
    };

    const ENV: Env = Env { mode: DecimalRounding::Even, oe: true, ue: true };

    /// Numbers whose sums and products are often, but not always, exact and normal.
    fn numbers(format: Format) -> Vec<Num> {
        let nines = 10u128.pow(format.precision()) - 1;
        let coefs =
            [0, 1, 7, 10, 999, 12_345, 99_999_999, 10u128.pow(15), 5 * 10u128.pow(15) + 3, nines / 2, nines];
        let exps =
            [format.exp_min(), format.normal_min(), -20, -3, 0, 1, 5, format.exp_max() - 2, format.exp_max()];
        let signed = |coef| [false, true].map(|sign| (sign, coef));
        coefs
            .into_iter()
            .flat_map(signed)
            .flat_map(|(sign, coef)| exps.map(|exp| Num::finite(sign, exp, coef)))
            .chain([Num::inf(true), Num::DEFAULT_NAN])
            .collect()
    }

    #[test]
    fn what_is_quick_is_what_arithmetic_gives_without_exceptions() {
        let mut quick = 0;
        let mut check = |format: Format, found: Option<(u128, u64)>, want: super::super::Raw| {
            if let Some((bits, fprf)) = found {
                quick += 1;
                assert_eq!(
                    (bits, fprf, want.flags),
                    (format.pack(want.num), format.fprf(want.num), 0),
                    "{want:?}"
                );
            }
        };
        let wide = |(bits, fprf): (u64, u64)| (u128::from(bits), fprf);
        let of = numbers(LONG);
        for (&x, &y) in of.iter().flat_map(|x| of.iter().map(move |y| (x, y))) {
            let (a, b) = (LONG.pack(x) as u64, LONG.pack(y) as u64);
            check(LONG, add_long(a, b, false).map(wide), arith::add(LONG, ENV, x, y));
            check(LONG, add_long(a, b, true).map(wide), arith::sub(LONG, ENV, x, y));
            check(LONG, mul_long(a, b).map(wide), arith::mul(LONG, ENV, x, y));
        }
        let of = numbers(EXTENDED);
        for (&x, &y) in of.iter().flat_map(|x| of.iter().map(move |y| (x, y))) {
            let (a, b) = (EXTENDED.pack(x), EXTENDED.pack(y));
            check(EXTENDED, add_extended(a, b, false), arith::add(EXTENDED, ENV, x, y));
            check(EXTENDED, add_extended(a, b, true), arith::sub(EXTENDED, ENV, x, y));
        }
        assert!(quick > 20_000, "{quick}");
    }
}
