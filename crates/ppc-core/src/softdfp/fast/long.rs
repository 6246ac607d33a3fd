//! Sums and products of long numbers: coefficients, and what of them is rounded, are doublewords.

use super::{
    super::{num::LONG, round::DecimalRounding},
    Head, Pending, Quick, Rounded,
    digits::{TEN, TEN_15, TEN_16, TEN_17, TEN_18, by_ten, count, five, five_declets, rounding, wide_by_ten},
};

/// The digits of a result before it is rounded, without a carry: if more were lost it has one at least that is cut off, so
/// that of what was lost only counts whether it was 0.
const ROOM: usize = 18;

/// The number with a coefficient that is not 0 and has at most 16 digits.
#[inline(always)]
fn packed(sign: bool, exp: u32, coef: u64, flags: u64) -> Option<Rounded> {
    if coef == 0 || exp >= 3 << LONG.exp_bits {
        return None;
    }
    // Most have no first digit.
    let (first, rest) = if coef < TEN_15 { (0, coef) } else { (coef / TEN_15, coef % TEN_15) };
    let head = Head { sign, exp, first };
    let fprf = head.fprf(LONG)?;
    Some(Rounded { value: (head.bits(LONG) | five_declets(rest)).into(), fprf, flags })
}

/// `coef` rounded to 16 digits; `exp` is the biased exponent of its last digit. If `sticky`, a fraction follows, and there
/// are 17 digits at least.
#[inline(always)]
fn rounded(mode: DecimalRounding, sign: bool, exp: i32, coef: u64, sticky: bool) -> Option<Rounded> {
    let cut = usize::from(coef >= TEN_16) + usize::from(coef >= TEN_17) + usize::from(coef >= TEN_18);
    let (mut kept, rest) = by_ten(coef, cut);
    let (increment, flags) = rounding(mode, sign, kept % 10, rest, TEN[cut], sticky);
    let mut exp = exp + cut as i32;
    kept += increment;
    if kept == TEN_16 {
        (kept, exp) = (TEN_15, exp + 1);
    }
    // A negative exponent is a large number.
    packed(sign, exp as u32, kept, flags)
}

/// Numbers that have, aligned, more than 16 digits: heads and coefficients, that with the greater exponent first.
#[derive(Clone, Copy)]
pub struct Sum {
    upper: Head,
    m: u64,
    lower: Head,
    n: u64,
}

/// `a + b`, `a - b` if `subtract`.
#[inline(always)]
pub fn add_long(a: u64, b: u64, subtract: bool) -> Quick<Sum> {
    let (Some(x), Some(mut y)) = (Head::of(LONG, a), Head::of(LONG, b)) else { return Quick::Unknown };
    y.sign ^= subtract;
    let (m, n) = (x.first * TEN_15 + five(a), y.first * TEN_15 + five(b));
    let ((upper, m), (lower, n)) = if x.exp >= y.exp { ((x, m), (y, n)) } else { ((y, n), (x, m)) };
    let distance = (upper.exp - lower.exp) as usize;
    // The ideal exponent is the smaller one; a 0 has no digits that could be lost.
    if let Some(m) = TEN.get(distance).and_then(|&power| m.checked_mul(power)).filter(|&m| m < TEN_16) {
        let (sign, coef) = match upper.sign == lower.sign {
            true => (upper.sign, m + n),
            _ if m >= n => (upper.sign, m - n),
            _ => (lower.sign, n - m),
        };
        if coef < TEN_16 {
            return Quick::exact(packed(sign, lower.exp, coef, 0));
        }
    }
    Quick::Pending(Sum { upper, m, lower, n })
}

impl Pending for Sum {
    #[inline(always)]
    fn rounded(self, mode: DecimalRounding) -> Option<Rounded> {
        let Sum { upper, m, lower, n } = self;
        if m == 0 {
            return None;
        }
        let distance = (upper.exp - lower.exp) as usize;
        let shift = distance.min(ROOM - count(m));
        let high = m * TEN[shift];
        let (low, rest) = by_ten(n, (distance - shift).min(18));
        let (sticky, exp) = (rest != 0, upper.exp as i32 - shift as i32);
        if upper.sign == lower.sign {
            return rounded(mode, upper.sign, exp, high + low, sticky);
        }
        // Where digits were lost the upper number is the greater one; the difference is between this and the next number.
        let (sign, coef) =
            if high >= low { (upper.sign, high - low - u64::from(sticky)) } else { (lower.sign, low - high) };
        rounded(mode, sign, exp, coef, sticky)
    }
}

/// A product of more than 16 digits.
#[derive(Clone, Copy)]
pub struct Product {
    sign: bool,
    exp: i32,
    m: u64,
    n: u64,
}

/// `a * b`.
#[inline(always)]
pub fn mul_long(a: u64, b: u64) -> Quick<Product> {
    let (Some(x), Some(y)) = (Head::of(LONG, a), Head::of(LONG, b)) else { return Quick::Unknown };
    let (m, n) = (x.first * TEN_15 + five(a), y.first * TEN_15 + five(b));
    let (sign, exp) = (x.sign != y.sign, (x.exp + y.exp) as i32 - LONG.bias);
    match m.checked_mul(n) {
        Some(coef) if coef < TEN_16 => Quick::exact(packed(sign, exp as u32, coef, 0)),
        _ => Quick::Pending(Product { sign, exp, m, n }),
    }
}

impl Pending for Product {
    #[inline(always)]
    fn rounded(self, mode: DecimalRounding) -> Option<Rounded> {
        let Product { sign, exp, m, n } = self;
        // The product has as many digits, or one fewer.
        let many = count(m) + count(n);
        if many <= ROOM {
            return rounded(mode, sign, exp, m * n, false);
        }
        let cut = many - ROOM;
        let (coef, rest) = wide_by_ten(u128::from(m) * u128::from(n), cut);
        rounded(mode, sign, exp + cut as i32, coef, rest != 0)
    }
}
