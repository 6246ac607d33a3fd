//! Bits under a mask, by doublewords (ISA 3.1): centrifuge, deposit, extract, zeros counted.
//!
//! The functions on a doubleword are those of the fixed-point instructions as well.

use super::lanes::{lanes_ab, map2};
use crate::{fields::Word, state::Cpu, trap::Done};

/// The bits of `source` where `mask` is 1, in their order, at the right; zeros at the left.
#[inline]
pub const fn extract(source: u64, mask: u64) -> u64 {
    let (mut bits, mut rest, mut n) = (0, mask, 0);
    while rest != 0 {
        bits |= (source >> rest.trailing_zeros() & 1) << n;
        rest &= rest - 1;
        n += 1;
    }
    bits
}

/// The rightmost bits of `source`, in their order, where `mask` is 1; zeros elsewhere.
#[inline]
pub const fn deposit(source: u64, mask: u64) -> u64 {
    let (mut bits, mut rest, mut n) = (0, mask, 0);
    while rest != 0 {
        bits |= (source >> n & 1) << rest.trailing_zeros();
        rest &= rest - 1;
        n += 1;
    }
    bits
}

/// The bits of `source` where `mask` is 0 at the left, the others at the right, both in their order.
#[inline]
pub const fn centrifuge(source: u64, mask: u64) -> u64 {
    match mask.count_ones() {
        64 => source,
        ones => extract(source, !mask) << ones | extract(source, mask),
    }
}

/// How many zeros there are, from the left, among the bits of `source` where `mask` is 1.
#[inline]
pub const fn leading_zeros(source: u64, mask: u64) -> u64 {
    match source & mask {
        0 => mask.count_ones() as u64,
        found => (mask.count_ones() - (mask & u64::MAX >> found.leading_zeros()).count_ones()) as u64,
    }
}

/// How many zeros there are, from the right, among the bits of `source` where `mask` is 1.
#[inline]
pub const fn trailing_zeros(source: u64, mask: u64) -> u64 {
    match source & mask {
        0 => mask.count_ones() as u64,
        found => (mask & !(u64::MAX << found.trailing_zeros())).count_ones() as u64,
    }
}

lanes_ab! {
    vcfuged: u64, centrifuge;
    vpdepd: u64, deposit;
    vpextd: u64, extract;
    vclzdm: u64, leading_zeros;
    vctzdm: u64, trailing_zeros;
}

#[cfg(test)]
mod tests {
    use super::{super::testing::run, *};

    #[test]
    fn bits_move_by_the_mask_and_keep_their_order() {
        assert_eq!(extract(0b1010_1100, 0b1111_0000), 0b1010);
        assert_eq!(deposit(0b1010, 0b1111_0000), 0b1010_0000);
        assert_eq!(centrifuge(0xaaaa_aaaa_aaaa_aaaa, 0xaaaa_aaaa_aaaa_aaaa), 0xffff_ffff);
        assert_eq!((centrifuge(5, 0), centrifuge(5, u64::MAX)), (5, 5));
        for mask in [0, 1, 0x8000_0000_0000_0001, 0x0ff0_1234_5678_9abc, u64::MAX] {
            let source = 0x0123_4567_89ab_cdef;
            assert_eq!(extract(deposit(source, mask), mask).count_ones(), deposit(source, mask).count_ones());
            assert_eq!(deposit(extract(source, mask), mask), source & mask);
        }
        assert_eq!(run!(vcfuged, 5 << 64 | 6, 1 << 64 | 4), (2 << 1 | 1) << 64 | (2 << 1 | 1));
    }

    #[test]
    fn zeros_count_only_under_the_mask() {
        assert_eq!((leading_zeros(0, 0), trailing_zeros(0, 0)), (0, 0));
        assert_eq!((leading_zeros(0, u64::MAX), trailing_zeros(0, 0xf)), (64, 4));
        assert_eq!((leading_zeros(0b0100, 0b1110), trailing_zeros(0b0100, 0b1110)), (1, 1));
        assert_eq!((leading_zeros(1 << 63, 1 << 63), trailing_zeros(1 << 63, u64::MAX)), (0, 63));
        assert_eq!(leading_zeros(0b1001, 0b0111), 2);
    }
}
