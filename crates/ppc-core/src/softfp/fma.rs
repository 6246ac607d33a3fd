//! Fused multiply-add: the product enters the sum with all its bits.

use super::{
    arith::{add, widening_mul, zero_sum_sign},
    bits::{VXIMZ, VXISI},
    num::{Class, Num, Raw, propagate, snan_flag},
    round::Rounding,
};

/// `a * c + b`, named as in `fmadd FRT,FRA,FRC,FRB`. NaNs are propagated in the order a, b, c.
#[inline]
pub fn fma(a: Num, b: Num, c: Num, mode: Rounding) -> Raw {
    let sign = a.sign != c.sign;
    if a.class != Class::Finite || c.class != Class::Finite {
        return product_special(a, b, c, sign, mode);
    }
    let (high, low) = widening_mul(a.sig, c.sig);
    let mut exp = a.exp + c.exp + 1;
    // Normalise the 256-bit product.
    let (high, low) = if high >> 127 == 0 {
        exp -= 1;
        (high << 1 | low >> 127, low << 1)
    } else {
        (high, low)
    };
    match b.class {
        Class::Finite => {}
        // The sticky bit is good enough for a sum with nothing.
        Class::Zero => {
            return Raw::exact(Num { class: Class::Finite, sign, exp, sig: high | (low != 0) as u128 });
        }
        _ => return add(Num { class: Class::Finite, sign, exp, sig: high }, b, mode),
    }
    // A 128-bit sum must not lose the last bit of a product shifted by one place.
    if low == 0 && high & 1 == 0 {
        return add(Num { class: Class::Finite, sign, exp, sig: high }, b, mode);
    }
    Raw::exact(add_wide(
        Wide { sign, exp, high, low },
        Wide { sign: b.sign, exp: b.exp, high: b.sig, low: 0 },
        mode,
    ))
}

/// The product is not finite.
#[cold]
fn product_special(a: Num, b: Num, c: Num, sign: bool, mode: Rounding) -> Raw {
    let vximz = match (a.class, c.class) {
        (Class::Inf, Class::Zero) | (Class::Zero, Class::Inf) => VXIMZ,
        _ => 0,
    };
    if let Some(nan) = propagate(&[a, b, c]) {
        return Raw { num: nan.num, flags: snan_flag(&[a, b, c]) | vximz };
    }
    if vximz != 0 {
        return Raw::invalid(vximz);
    }
    if a.is_inf() || c.is_inf() {
        if b.is_inf() && b.sign != sign {
            return Raw::invalid(VXISI);
        }
        return Raw::exact(Num::inf(sign));
    }
    add(Num::zero(sign), b, mode)
}

/// A number of 256 bits: `high:low / 2^255 * 2^exp`.
#[derive(Clone, Copy)]
struct Wide {
    sign: bool,
    exp: i32,
    high: u128,
    low: u128,
}

impl Wide {
    /// Shifted right by `n`, lost bits ORed into the last.
    fn shift_jam(self, n: u32) -> (u128, u128) {
        match n {
            0 => (self.high, self.low),
            1..=127 => {
                let lost = self.low << (128 - n) != 0;
                (self.high >> n, self.high << (128 - n) | self.low >> n | lost as u128)
            }
            128..=255 => {
                let n = n - 128;
                let lost = self.low != 0 || n != 0 && self.high << (128 - n) != 0;
                (0, self.high >> n | lost as u128)
            }
            _ => (0, 1),
        }
    }
}

fn add_wide(a: Wide, b: Wide, mode: Rounding) -> Num {
    let (big, small) = if (a.exp, a.high, a.low) >= (b.exp, b.high, b.low) { (a, b) } else { (b, a) };
    let (high, low) = small.shift_jam((big.exp - small.exp) as u32);
    let sign = big.sign;
    if a.sign == b.sign {
        let (sum_low, c0) = big.low.overflowing_add(low);
        let (sum, c1) = big.high.overflowing_add(high);
        let (sum, c2) = sum.overflowing_add(c0 as u128);
        if c1 || c2 {
            let sticky = sum & 1 | (sum_low != 0) as u128;
            return Num { class: Class::Finite, sign, exp: big.exp + 1, sig: 1 << 127 | sum >> 1 | sticky };
        }
        return Num { class: Class::Finite, sign, exp: big.exp, sig: sum | (sum_low != 0) as u128 };
    }
    let (low, borrow) = big.low.overflowing_sub(low);
    let high = big.high - high - borrow as u128;
    if high == 0 {
        return if low == 0 { Num::zero(zero_sum_sign(mode)) } else { Num::finite(sign, big.exp - 128, low) };
    }
    let lead = high.leading_zeros();
    let (high, low) = if lead == 0 { (high, low) } else { (high << lead | low >> (128 - lead), low << lead) };
    Num { class: Class::Finite, sign, exp: big.exp - lead as i32, sig: high | (low != 0) as u128 }
}
