//! 128-bit add and subtract with carry in and out, and multiplication by ten.
//!
//! A carry is bit 127 of a register. Subtraction is `a + !b + 1`, so its carry means "no borrow".

use super::lanes::{registers_ab, registers_abc};
use crate::{fields::Word, state::Cpu, trap::Done};

/// Carry out of `a + b + carry`.
#[inline(always)]
fn carry(a: u128, b: u128, carry: u128) -> u128 {
    let (sum, first) = a.overflowing_add(b);
    (first || sum.overflowing_add(carry).1) as u128
}

registers_ab! {
    vadduqm: |a, b| a.wrapping_add(b);
    vaddcuq: |a, b| carry(a, b, 0);
    vsubuqm: |a, b| a.wrapping_sub(b);
    vsubcuq: |a, b| carry(a, !b, 1);

    // Ten times VRA, plus the decimal digit in VRB bits 124:127: the low quadword and what exceeds it.
    vmul10uq: |a, _| times_ten(a, 0).0;
    vmul10cuq: |a, _| times_ten(a, 0).1;
    vmul10euq: |a, b| times_ten(a, b & 15).0;
    vmul10ecuq: |a, b| times_ten(a, b & 15).1;
}

registers_abc! {
    vaddeuqm: |a, b, c| a.wrapping_add(b).wrapping_add(c & 1);
    vaddecuq: |a, b, c| carry(a, b, c & 1);
    vsubeuqm: |a, b, c| a.wrapping_add(!b).wrapping_add(c & 1);
    vsubecuq: |a, b, c| carry(a, !b, c & 1);
}

/// `a * 10 + digit` as (low quadword, high quadword). A digit above 9 is undefined and simply added.
#[inline(always)]
fn times_ten(a: u128, digit: u128) -> (u128, u128) {
    let low = (a as u64 as u128) * 10 + digit;
    let high = (a >> 64) * 10 + (low >> 64);
    (high << 64 | low as u64 as u128, high >> 64)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::run, *};

    #[test]
    fn carries_chain() {
        let max = u128::MAX;
        assert_eq!(run!(vaddcuq, max, 1), 1);
        assert_eq!(run!(vaddeuqm, max, 0, 1), 0);
        assert_eq!(run!(vaddecuq, max, 0, 1), 1);
        assert_eq!(run!(vaddecuq, max, max, 0xfe), 1);
        assert_eq!(run!(vsubcuq, 5, 5), 1);
        assert_eq!(run!(vsubcuq, 4, 5), 0);
        assert_eq!(run!(vsubeuqm, 5, 5, 0), max);
        assert_eq!(run!(vsubecuq, 5, 5, 0), 0);
        assert_eq!(run!(vsubuqm, 0, 1), max);
    }

    #[test]
    fn times_ten_keeps_what_exceeds_128_bits() {
        assert_eq!(run!(vmul10uq, 1 << 127, 9), 0);
        assert_eq!(run!(vmul10cuq, 1 << 127, 9), 5);
        assert_eq!(run!(vmul10euq, 12, 0xf3), 123);
        assert_eq!(run!(vmul10ecuq, u128::MAX, 9), 9);
        assert_eq!(run!(vmul10ecuq, u128::MAX, 10), 10);
    }
}
