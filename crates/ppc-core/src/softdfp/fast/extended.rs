//! Sums and products of extended numbers: coefficients are limbs of 18 digits, which six declets are. Two hold a number
//! (16 digits and 18) and a sum before it is rounded, four a product. So nothing is divided that is longer than a
//! doubleword.

use super::{
    super::{num::EXTENDED, round::DecimalRounding},
    Head, Pending, Quick, Rounded,
    digits::{
        TEN, TEN_15, TEN_16, TEN_17, TEN_18, by_ten, by_ten_18, count, declet, digits, five, five_declets,
        rounding,
    },
};

/// The digits of a sum before it is rounded, without a carry: if more were lost it has one at least that is cut off, so
/// that of what was lost only counts whether it was 0.
const ROOM: usize = 36;

/// The digits of a number.
#[inline(always)]
fn limbs(head: &Head, bits: u128) -> (u64, u64) {
    let low = five(bits as u64) + TEN_15 * digits((bits >> 50) as u64);
    (head.first * TEN_15 + five((bits >> 60) as u64), low)
}

/// The number with a coefficient that is not 0 and has at most 34 digits.
#[inline(always)]
fn packed(sign: bool, exp: u32, high: u64, low: u64, flags: u64) -> Option<Rounded> {
    if high | low == 0 || exp >= 3 << EXTENDED.exp_bits {
        return None;
    }
    let (first, rest) = if high < TEN_15 { (0, high) } else { (high / TEN_15, high % TEN_15) };
    let head = Head { sign, exp, first };
    let fprf = head.fprf(EXTENDED)?;
    let low = if low < TEN_15 {
        five_declets(low)
    } else {
        declet((low / TEN_15) as u32) << 50 | five_declets(low % TEN_15)
    };
    let value =
        u128::from(head.bits(EXTENDED)) << 64 | u128::from(five_declets(rest)) << 60 | u128::from(low);
    Some(Rounded { value, fprf, flags })
}

/// How many digits a number that is not 0 has.
#[inline(always)]
fn count_limbs((high, low): (u64, u64)) -> usize {
    if high == 0 { count(low) } else { 18 + count(high) }
}

/// `limbs`, the least first, of which the last `cut` digits, 18 at most, are rounded away; then `exp` is the biased exponent
/// of the last digit. If `sticky`, there is more behind them, and `cut` is not 0.
#[inline(always)]
fn rounded(
    mode: DecimalRounding,
    sign: bool,
    exp: i32,
    limbs: [u64; 3],
    cut: usize,
    sticky: bool,
) -> Option<Rounded> {
    let (power, up) = (TEN[cut], TEN[18 - cut]);
    let ((upper, middle), (lower, rest)) = (by_ten(limbs[1], cut), by_ten(limbs[0], cut));
    let (mut high, mut low, mut exp) = (limbs[2] * up + upper, middle * up + lower, exp);
    let (increment, flags) = rounding(mode, sign, low % 10, rest, power, sticky);
    low += increment;
    if low == TEN_18 {
        (high, low) = (high + 1, 0);
        if high == TEN_16 {
            (high, exp) = (TEN_15, exp + 1);
        }
    }
    // A negative exponent is a large number.
    packed(sign, exp as u32, high, low, flags)
}

/// A sum, of which the exponent of the last digit is `exp`, rounded to 34 digits.
#[inline(always)]
fn rounded_sum(
    mode: DecimalRounding,
    sign: bool,
    exp: i32,
    (high, low): (u64, u64),
    sticky: bool,
) -> Option<Rounded> {
    let cut = usize::from(high >= TEN_16) + usize::from(high >= TEN_17) + usize::from(high >= TEN_18);
    rounded(mode, sign, exp + cut as i32, [low, high, 0], cut, sticky)
}

/// Numbers that have, aligned, more than 34 digits, or may have: heads and coefficients, that with the greater exponent
/// first.
#[derive(Clone, Copy)]
pub struct Sum {
    upper: Head,
    m: (u64, u64),
    lower: Head,
    n: (u64, u64),
}

/// `a + b`, `a - b` if `subtract`.
#[inline(always)]
pub fn add_extended(a: u128, b: u128, subtract: bool) -> Quick<Sum> {
    let heads = (Head::of(EXTENDED, (a >> 64) as u64), Head::of(EXTENDED, (b >> 64) as u64));
    let (Some(x), Some(mut y)) = heads else { return Quick::Unknown };
    y.sign ^= subtract;
    let (m, n) = (limbs(&x, a), limbs(&y, b));
    let ((upper, mut m), (lower, n)) = if x.exp >= y.exp { ((x, m), (y, n)) } else { ((y, n), (x, m)) };
    if upper.exp != lower.exp {
        let power = TEN.get((upper.exp - lower.exp) as usize);
        match power.and_then(|&power| m.1.checked_mul(power)) {
            Some(low) if m.0 == 0 && low < TEN_18 => m.1 = low,
            _ => return Quick::Pending(Sum { upper, m, lower, n }),
        }
    }
    let (sign, (mut high, mut low)) = if upper.sign == lower.sign {
        (upper.sign, (m.0 + n.0, m.1 + n.1))
    } else {
        let (sign, more, less) = if m >= n { (upper.sign, m, n) } else { (lower.sign, n, m) };
        let borrow = u64::from(more.1 < less.1);
        (sign, (more.0 - less.0 - borrow, more.1 + borrow * TEN_18 - less.1))
    };
    if low >= TEN_18 {
        (high, low) = (high + 1, low - TEN_18);
    }
    if high < TEN_16 {
        return Quick::exact(packed(sign, lower.exp, high, low, 0));
    }
    Quick::Pending(Sum { upper: lower, m, lower, n })
}

impl Pending for Sum {
    #[inline(always)]
    fn rounded(self, mode: DecimalRounding) -> Option<Rounded> {
        let Sum { upper, m, lower, n } = self;
        if m == (0, 0) {
            return None;
        }
        let distance = (upper.exp - lower.exp) as usize;
        let shift = distance.min(ROOM - count_limbs(m));
        let high = if shift < 18 {
            let (carry, low) = by_ten_18(u128::from(m.1) * u128::from(TEN[shift]));
            (m.0 * TEN[shift] + carry, low)
        } else {
            (m.1 * TEN[shift - 18], 0)
        };
        let (low, sticky) = shortened(n, distance - shift);
        let exp = upper.exp as i32 - shift as i32;
        if upper.sign == lower.sign {
            let (carry, sum) = carried(high.1 + low.1);
            return rounded_sum(mode, upper.sign, exp, (high.0 + low.0 + carry, sum), sticky);
        }
        // Where digits were lost the upper number is the greater one; the difference is between this and the next number.
        let (sign, more, less) = if high >= low { (upper.sign, high, low) } else { (lower.sign, low, high) };
        let less = (less.0, less.1 + u64::from(sticky));
        let borrow = u64::from(more.1 < less.1);
        let difference = (more.0 - less.0 - borrow, more.1 + borrow * TEN_18 - less.1);
        rounded_sum(mode, sign, exp, difference, sticky)
    }
}

/// A coefficient without its last `cut` digits, and whether others than 0 were lost.
#[inline(always)]
fn shortened((high, low): (u64, u64), cut: usize) -> ((u64, u64), bool) {
    if cut < 18 {
        let ((upper, middle), (lower, rest)) = (by_ten(high, cut), by_ten(low, cut));
        ((upper, middle * TEN[18 - cut] + lower), rest != 0)
    } else {
        let (upper, rest) = by_ten(high, (cut - 18).min(18));
        ((0, upper), low | rest != 0)
    }
}

/// A limb of a sum of two: the carry, 0 or 1, and what remains.
#[inline(always)]
fn carried(sum: u64) -> (u64, u64) {
    if sum >= TEN_18 { (1, sum - TEN_18) } else { (0, sum) }
}

/// A product of more than 18 digits.
#[derive(Clone, Copy)]
pub struct Product {
    sign: bool,
    exp: i32,
    m: (u64, u64),
    n: (u64, u64),
}

/// `a * b`.
#[inline(always)]
pub fn mul_extended(a: u128, b: u128) -> Quick<Product> {
    let heads = (Head::of(EXTENDED, (a >> 64) as u64), Head::of(EXTENDED, (b >> 64) as u64));
    let (Some(x), Some(y)) = heads else { return Quick::Unknown };
    let (m, n) = (limbs(&x, a), limbs(&y, b));
    let (sign, exp) = (x.sign != y.sign, (x.exp + y.exp) as i32 - EXTENDED.bias);
    match m.1.checked_mul(n.1) {
        // A negative exponent is a large number.
        Some(low) if m.0 | n.0 == 0 && low < TEN_18 => Quick::exact(packed(sign, exp as u32, 0, low, 0)),
        _ => Quick::Pending(Product { sign, exp, m, n }),
    }
}

impl Pending for Product {
    #[inline(always)]
    fn rounded(self, mode: DecimalRounding) -> Option<Rounded> {
        let Product { sign, exp, m, n } = self;
        if m == (0, 0) || n == (0, 0) {
            return None;
        }
        // The product has as many digits, or one fewer.
        let many = count_limbs(m) + count_limbs(n);
        let (top, least) = ((many - 1) / 18, TEN[(many - 1) % 18]);
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        // Three quotients that do not wait for one another; then their carries.
        let (carry0, l0) = by_ten_18(product(m.1, n.1));
        let (carry1, l1) = by_ten_18(product(m.0, n.1) + product(m.1, n.0));
        let (carry2, l2) = by_ten_18(product(m.0, n.0));
        let (carry, l1) = carried(l1 + carry0);
        let (carry, l2) = carried(l2 + carry1 + carry);
        let l3 = carry2 + carry;
        let limbs = [l0, l1, l2, l3];
        let cut = (many - usize::from(limbs[top] < least)).saturating_sub(34);
        let exp = exp + cut as i32;
        // The last limb of which something is kept, and how many digits of it are not.
        if cut <= 18 {
            rounded(mode, sign, exp, [l0, l1, l2], cut, false)
        } else {
            rounded(mode, sign, exp, [l1, l2, l3], cut - 18, l0 != 0)
        }
    }
}
