//! Densely packed decimal: three digits in ten bits, a declet.

/// The three digits of every declet, the 24 redundant ones included.
pub(super) static DIGITS: [u16; 1024] = {
    let mut table = [0; 1024];
    let mut declet = 0;
    while declet < 1024 {
        table[declet] = digits_of(declet as u16);
        declet += 1;
    }
    table
};

/// The preferred declet of every three digits.
pub(super) static DECLETS: [u16; 1000] = {
    let mut table = [0; 1000];
    // Of several declets for the same digits the preferred one has zeros in its first two bits: the smallest number.
    let mut declet = 1024;
    while declet > 0 {
        declet -= 1;
        table[DIGITS[declet] as usize] = declet as u16;
    }
    table
};

/// The number from 0 to 999 that a declet `pqr stu v wxy` means.
const fn digits_of(declet: u16) -> u16 {
    let (pqr, stu, wxy) = (declet >> 7 & 7, declet >> 4 & 7, declet & 7);
    let (r, u, y) = (pqr & 1, stu & 1, wxy & 1);
    let (pq, st) = (pqr & 6, stu & 6);
    let (a, b, c) = match (declet >> 3 & 1, wxy >> 1, st >> 1) {
        (0, _, _) => (pqr, stu, wxy),
        (_, 0, _) => (pqr, stu, 8 | y),
        (_, 1, _) => (pqr, 8 | u, st | y),
        (_, 2, _) => (8 | r, stu, pq | y),
        (_, _, 0) => (8 | r, 8 | u, pq | y),
        (_, _, 1) => (8 | r, pq | u, 8 | y),
        (_, _, 2) => (pqr, 8 | u, 8 | y),
        _ => (8 | r, 8 | u, 8 | y),
    };
    100 * a + 10 * b + c
}

/// The number that the `count` declets of `bits` mean, of which the last is in the low bits.
#[inline]
pub fn decode(bits: u128, count: u32) -> u128 {
    // Six declets are 18 digits, which a doubleword holds.
    let group = |from: u32, to: u32| {
        (from..to).rev().fold(0u64, |n, i| n * 1000 + u64::from(DIGITS[(bits >> (10 * i)) as usize & 0x3ff]))
    };
    if count <= 6 {
        return group(0, count).into();
    }
    u128::from(group(6, count)) * 1_000_000_000_000_000_000 + u128::from(group(0, 6))
}

/// `number`, which has no more than `3 * count` digits, in `count` declets.
#[inline]
pub fn encode(number: u128, count: u32) -> u128 {
    const SIX: u128 = 1_000_000_000_000_000_000;
    let group = |mut n: u64, count: u32| {
        let mut bits = 0u64;
        for i in 0..count {
            bits |= u64::from(DECLETS[(n % 1000) as usize]) << (10 * i);
            n /= 1000;
        }
        u128::from(bits)
    };
    if count <= 6 {
        return group(number as u64, count);
    }
    group((number / SIX) as u64, count - 6) << 60 | group((number % SIX) as u64, 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_declet_and_24_declets_are_redundant() {
        for n in 0..1000 {
            assert_eq!(decode(encode(n, 1), 1), n);
        }
        let redundant = (0..1024).filter(|&declet| encode(decode(declet, 1), 1) != declet).count();
        assert_eq!(redundant, 24);
        // Of the ISA's table: 005, 079, 888 and 999.
        assert_eq!([5, 79, 888, 999].map(|n| encode(n, 1)), [0x005, 0x079, 0x06e, 0x0ff]);
    }

    #[test]
    fn eleven_declets_hold_33_digits() {
        let n = 123_456_789_012_345_678_901_234_567_890_123u128;
        assert_eq!(decode(encode(n, 11), 11), n);
    }
}
