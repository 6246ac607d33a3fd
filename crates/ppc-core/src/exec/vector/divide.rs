//! Division and remainder of words, doublewords and quadwords (ISA 3.1).
//!
//! A quotient that cannot be represented, and the remainder that goes with it, are undefined. Here, as in the fixed-point
//! divisions, the plain quotients then are the dividend, the extended ones and the remainders 0.

use super::lanes::{lanes_ab, map2, registers_ab};
use crate::{fields::Word, softdfp::wide::Wide, state::Cpu, trap::Done};

lanes_ab! {
    vdivsw: i32, |a, b| a.checked_div(b).unwrap_or(a);
    vdivuw: u32, |a, b| a.checked_div(b).unwrap_or(a);
    vdivsd: i64, |a, b| a.checked_div(b).unwrap_or(a);
    vdivud: u64, |a, b| a.checked_div(b).unwrap_or(a);
    vmodsw: i32, |a, b| a.checked_rem(b).unwrap_or(0);
    vmoduw: u32, |a, b| a.checked_rem(b).unwrap_or(0);
    vmodsd: i64, |a, b| a.checked_rem(b).unwrap_or(0);
    vmodud: u64, |a, b| a.checked_rem(b).unwrap_or(0);

    // The dividend is the lane of VRA with as many zeros behind it.
    vdivesw: i32, |a, b| (i64::from(a) << 32).checked_div(i64::from(b)).and_then(|q| q.try_into().ok()).unwrap_or(0);
    vdiveuw: u32, |a, b| (u64::from(a) << 32).checked_div(u64::from(b)).and_then(|q| q.try_into().ok()).unwrap_or(0);
    vdivesd: i64, |a, b| (i128::from(a) << 64).checked_div(i128::from(b)).and_then(|q| q.try_into().ok()).unwrap_or(0);
    vdiveud: u64, |a, b| (u128::from(a) << 64).checked_div(u128::from(b)).and_then(|q| q.try_into().ok()).unwrap_or(0);
}

registers_ab! {
    vdivsq: |a, b| (a as i128).checked_div(b as i128).map_or(a, |q| q as u128);
    vdivuq: |a, b| a.checked_div(b).unwrap_or(a);
    vmodsq: |a, b| (a as i128).checked_rem(b as i128).unwrap_or(0) as u128;
    vmoduq: |a, b| a.checked_rem(b).unwrap_or(0);
    vdivesq: |a, b| extended_signed(a as i128, b as i128).unwrap_or(0) as u128;
    vdiveuq: |a, b| extended(a, b).unwrap_or(0);
}

/// `a * 2^128 / b`, if it fits.
fn extended(a: u128, b: u128) -> Option<u128> {
    (a < b).then(|| Wide { high: a, low: 0 }.quotient(b).0)
}

/// `a * 2^128 / b`, truncated toward zero, if it fits.
fn extended_signed(a: i128, b: i128) -> Option<i128> {
    let magnitude = extended(a.unsigned_abs(), b.unsigned_abs())?;
    if (a < 0) == (b < 0) { magnitude.try_into().ok() } else { 0i128.checked_sub_unsigned(magnitude) }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::run, *};

    #[test]
    fn quotients_truncate_and_impossible_ones_never_trap_the_host() {
        assert_eq!(run!(vdivsw, 0xffff_fff9, 2), 0xffff_fffd);
        assert_eq!(run!(vmodsw, 0xffff_fff9, 2), 0xffff_ffff);
        let (least, minus_one) = (1 << 127, u128::MAX);
        for f in [vdivsw, vdivsd, vdivsq, vdivesw, vdivesd, vdivesq, vmodsw, vmodsd, vmodsq] {
            run!(f, least, minus_one);
            run!(f, least, 0);
        }
        assert_eq!(run!(vdivsq, least, minus_one), least);
        assert_eq!(run!(vmoduq, 7, 0), 0);
    }

    #[test]
    fn extended_quadwords_are_divided_by_256_bits() {
        assert_eq!(run!(vdiveuq, 1, 3), u128::MAX / 3);
        assert_eq!(run!(vdiveuq, u128::MAX - 1, u128::MAX), u128::MAX - 1);
        assert_eq!(run!(vdiveuq, 3, 3), 0, "2^128 does not fit");
        assert_eq!(run!(vdivesq, -1i128 as u128, 4), (-1i128 << 126) as u128);
        assert_eq!(run!(vdivesq, -1i128 as u128, 2), (-1i128 << 127) as u128, "the least number fits");
        assert_eq!(run!(vdivesq, 1, 2), 0, "2^127 does not");
        assert_eq!(run!(vdivesd, 3 << 64 | 1, 8 << 64 | 4), 0x6000_0000_0000_0000 << 64 | 1 << 62);
    }
}
