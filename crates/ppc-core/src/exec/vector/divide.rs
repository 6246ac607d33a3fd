//! Division and remainder of words, doublewords and quadwords (ISA 3.1).
//!
//! A quotient that cannot be represented, and the remainder that goes with it, are undefined. Here, as in the fixed-point
//! divisions, the plain quotients then are the dividend and the remainders 0; of an extended quotient the low bits are left
//! ("CHOP"), and a division by 0 gives the dividend.

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
    vdivesw: i32, |a, b| (i64::from(a) << 32).checked_div(i64::from(b)).map_or(a, |q| q as i32);
    vdiveuw: u32, |a, b| (u64::from(a) << 32).checked_div(u64::from(b)).map_or(a, |q| q as u32);
    vdivesd: i64, |a, b| (i128::from(a) << 64).checked_div(i128::from(b)).map_or(a, |q| q as i64);
    vdiveud: u64, |a, b| (u128::from(a) << 64).checked_div(u128::from(b)).map_or(a, |q| q as u64);
}

registers_ab! {
    vdivsq: |a, b| (a as i128).checked_div(b as i128).map_or(a, |q| q as u128);
    vdivuq: |a, b| a.checked_div(b).unwrap_or(a);
    vmodsq: |a, b| (a as i128).checked_rem(b as i128).unwrap_or(0) as u128;
    vmoduq: |a, b| a.checked_rem(b).unwrap_or(0);
    vdivesq: extended_signed;
    vdiveuq: extended;
}

/// The low bits of `a * 2^128 / b`, or `a` if `b` is 0.
fn extended(a: u128, b: u128) -> u128 {
    // What `a / b` is in whole has its bits above those.
    a.checked_rem(b).map_or(a, |high| Wide { high, low: 0 }.quotient(b).0)
}

/// The low bits of `a * 2^128 / b`, truncated toward zero.
fn extended_signed(a: u128, b: u128) -> u128 {
    let [first, second] = [a, b].map(|n| (n as i128).unsigned_abs());
    let magnitude = extended(first, second);
    match second {
        0 => a,
        _ if (a as i128 ^ b as i128) < 0 => magnitude.wrapping_neg(),
        _ => magnitude,
    }
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
        assert_eq!(run!(vdiveuq, 4, 3), u128::MAX / 3, "what does not fit is cut");
        assert_eq!(run!(vdivesq, -1i128 as u128, 4), (-1i128 << 126) as u128);
        assert_eq!(run!(vdivesq, -1i128 as u128, 2), (-1i128 << 127) as u128, "the least number fits");
        assert_eq!(run!(vdivesq, 7, 0), 7);
        assert_eq!(run!(vdivesd, 3 << 64 | 1, 8 << 64 | 4), 0x6000_0000_0000_0000 << 64 | 1 << 62);
    }
}
