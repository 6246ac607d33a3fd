//! Conversions between coefficients and binary coded decimal.

use super::{num::Num, wide::ten};

/// The last `count` digits of `number`, four bits each.
fn pack(mut number: u128, count: u32) -> u128 {
    let mut bits = 0;
    for i in 0..count {
        bits |= (number % 10) << (4 * i);
        number /= 10;
    }
    bits
}

/// The last `nibbles` digits of a coefficient; with a sign, one digit less and a sign code: D, or for positive numbers
/// `plus`.
pub fn from_num(b: Num, nibbles: u32, plus: Option<u128>) -> u128 {
    match plus {
        None => pack(b.coef, nibbles),
        Some(plus) => pack(b.coef, nibbles - 1) << 4 | if b.sign { 0xd } else { plus },
    }
}

/// The number that `nibbles` digits mean, the last of which is a sign code if `signed`; `None` if one is neither.
pub fn to_num(mut bits: u128, mut nibbles: u32, signed: bool) -> Option<Num> {
    let mut sign = false;
    if signed {
        sign = match bits & 15 {
            0xb | 0xd => true,
            0xa | 0xc | 0xe | 0xf => false,
            _ => return None,
        };
        bits >>= 4;
        nibbles -= 1;
    }
    let mut coef = 0;
    for i in 0..nibbles {
        let digit = bits >> (4 * i) & 15;
        if digit > 9 {
            return None;
        }
        coef += digit * ten(i);
    }
    Some(Num::finite(sign, 0, coef))
}
