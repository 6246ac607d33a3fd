//! Multiplies, multiply-sums, sums across, and the carry-less products.

use super::{
    lanes::{Lane, build, build_saturated, lanes_ab, map2, registers_ab, registers_abc},
    status::finish_saturated,
};
use crate::{fields::Word, state::Cpu, trap::Done};

macro_rules! products {
    ($($even:ident, $odd:ident: $narrow:ty, $wide:ty;)*) => {
        registers_ab! { $(
            $even: |a, b| build::<$wide>(|i| {
                <$narrow>::lane(a, 2 * i) as $wide * <$narrow>::lane(b, 2 * i) as $wide
            });
            $odd: |a, b| build::<$wide>(|i| {
                <$narrow>::lane(a, 2 * i + 1) as $wide * <$narrow>::lane(b, 2 * i + 1) as $wide
            });
        )* }
    };
}
products! {
    vmuleub, vmuloub: u8, u16;
    vmuleuh, vmulouh: u16, u32;
    vmuleuw, vmulouw: u32, u64;
    vmulesb, vmulosb: i8, i16;
    vmulesh, vmulosh: i16, i32;
    vmulesw, vmulosw: i32, i64;
}

lanes_ab! {
    vmuluwm: u32, |a, b| a.wrapping_mul(b);
    vmulld: u64, |a, b| a.wrapping_mul(b);
    vmulhuw: u32, |a, b| ((u64::from(a) * u64::from(b)) >> 32) as u32;
    vmulhsw: i32, |a, b| ((i64::from(a) * i64::from(b)) >> 32) as i32;
    vmulhud: u64, |a, b| ((u128::from(a) * u128::from(b)) >> 64) as u64;
    vmulhsd: i64, |a, b| ((i128::from(a) * i128::from(b)) >> 64) as i64;
}

registers_ab! {
    vmuleud: |a, b| (a >> 64) * (b >> 64);
    vmuloud: |a, b| u128::from(a as u64) * u128::from(b as u64);
    vmulesd: |a, b| ((a as i128 >> 64) * (b as i128 >> 64)) as u128;
    vmulosd: |a, b| (i128::from(a as i64) * i128::from(b as i64)) as u128;
}

/// Sum of `n` products of the lanes that lie inside word `i`.
macro_rules! dot {
    ($ta:ty, $tb:ty, $n:literal, $a:expr, $b:expr, $i:expr) => {
        (0..$n)
            .map(|j| <$ta>::lane($a, $n * $i + j) as i64 * <$tb>::lane($b, $n * $i + j) as i64)
            .sum::<i64>()
    };
}

registers_abc! {
    vmladduhm: |a, b, c| {
        build::<u16>(|i| u16::lane(a, i).wrapping_mul(u16::lane(b, i)).wrapping_add(u16::lane(c, i)))
    };
    vmsumubm: |a, b, c| build::<u32>(|i| (dot!(u8, u8, 4, a, b, i) as u32).wrapping_add(u32::lane(c, i)));
    vmsummbm: |a, b, c| build::<u32>(|i| (dot!(i8, u8, 4, a, b, i) as u32).wrapping_add(u32::lane(c, i)));
    vmsumuhm: |a, b, c| build::<u32>(|i| (dot!(u16, u16, 2, a, b, i) as u32).wrapping_add(u32::lane(c, i)));
    vmsumshm: |a, b, c| build::<u32>(|i| (dot!(i16, i16, 2, a, b, i) as u32).wrapping_add(u32::lane(c, i)));
    vmsumudm: |a, b, c| {
        let high = (a >> 64) * (b >> 64);
        let low = (a as u64 as u128) * (b as u64 as u128);
        high.wrapping_add(low).wrapping_add(c)
    };
    // What the same sum has above 128 bits: 0, 1 or 2.
    vmsumcud: |a, b, c| {
        let (sum, first) = ((a >> 64) * (b >> 64)).overflowing_add(u128::from(a as u64) * u128::from(b as u64));
        u128::from(first) + u128::from(sum.overflowing_add(c).1)
    };
}

/// Defines saturating instructions `name: lane type, |a, b, c, i| exact value of lane i;`.
macro_rules! saturating {
    ($($name:ident: $t:ty, $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(u128, u128, u128, usize) -> i64 = $f;
            let (a, b, c) = (cpu.vr(w.vra()), cpu.vr(w.vrb()), cpu.vr(w.vrc()));
            finish_saturated(cpu, w, build_saturated::<$t>(|i| f(a, b, c, i)))
        }
    )* };
}
saturating! {
    vmhaddshs: i16, |a, b, c, i| {
        ((i16::lane(a, i) as i64 * i16::lane(b, i) as i64) >> 15) + i16::lane(c, i) as i64
    };
    vmhraddshs: i16, |a, b, c, i| {
        ((i16::lane(a, i) as i64 * i16::lane(b, i) as i64 + 0x4000) >> 15) + i16::lane(c, i) as i64
    };
    vmsumuhs: u32, |a, b, c, i| dot!(u16, u16, 2, a, b, i) + u32::lane(c, i) as i64;
    vmsumshs: i32, |a, b, c, i| dot!(i16, i16, 2, a, b, i) + i32::lane(c, i) as i64;
    vsum4ubs: u32, |a, b, _, i| (0..4).map(|j| u8::lane(a, 4 * i + j) as i64).sum::<i64>() + u32::lane(b, i) as i64;
    vsum4sbs: i32, |a, b, _, i| (0..4).map(|j| i8::lane(a, 4 * i + j) as i64).sum::<i64>() + i32::lane(b, i) as i64;
    vsum4shs: i32, |a, b, _, i| (0..2).map(|j| i16::lane(a, 2 * i + j) as i64).sum::<i64>() + i32::lane(b, i) as i64;
    // Words 1 and 3 hold the sums, words 0 and 2 are 0.
    vsum2sws: i32, |a, b, _, i| match i % 2 {
        0 => 0,
        _ => i32::lane(a, i - 1) as i64 + i32::lane(a, i) as i64 + i32::lane(b, i) as i64,
    };
    // Word 3 holds the sum, the others are 0.
    vsumsws: i32, |a, b, _, i| match i {
        3 => (0..4).map(|j| i32::lane(a, j) as i64).sum::<i64>() + i32::lane(b, 3) as i64,
        _ => 0,
    };
}

/// The product of polynomials over GF(2).
#[inline]
fn carryless(a: u64, b: u64) -> u128 {
    let mut product = 0;
    let mut rest = a;
    while rest != 0 {
        product ^= (b as u128) << rest.trailing_zeros();
        rest &= rest - 1;
    }
    product
}

macro_rules! polynomial_sums {
    ($($name:ident: $narrow:ty, $wide:ty;)*) => {
        registers_ab! { $(
            $name: |a, b| build::<$wide>(|i| {
                let product =
                    |j| carryless(<$narrow>::lane(a, j) as u64, <$narrow>::lane(b, j) as u64) as $wide;
                product(2 * i) ^ product(2 * i + 1)
            });
        )* }
    };
}
polynomial_sums! {
    vpmsumb: u8, u16;
    vpmsumh: u16, u32;
    vpmsumw: u32, u64;
}
registers_ab! {
    vpmsumd: |a, b| carryless((a >> 64) as u64, (b >> 64) as u64) ^ carryless(a as u64, b as u64);
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu, run},
        *,
    };

    #[test]
    fn even_lanes_are_the_left_ones() {
        assert_eq!(run!(vmuleub, 0xff02, 0xff03), 0xfe01);
        assert_eq!(run!(vmuloub, 0xff02, 0xff03), 6);
        assert_eq!(run!(vmulosb, 0x80, 0x80), 0x4000);
        assert_eq!(run!(vmulesw, 0xffff_ffff_0000_0000, 0x2_0000_0000), 0xffff_ffff_ffff_fffe);
        assert_eq!(run!(vmuluwm, 0x1_0000_0003, 0x8000_0001), 0x8000_0003);
    }

    #[test]
    fn doublewords_have_products_of_a_quadword() {
        let (a, b) = (-3i128 as u128, 5 << 64 | 7);
        assert_eq!(run!(vmulesd, a, b), -5i128 as u128);
        assert_eq!(run!(vmulosd, a, b), -21i128 as u128);
        assert_eq!(run!(vmuleud, a, b), 0xffff_ffff_ffff_ffff * 5);
        assert_eq!(run!(vmuloud, a, b), 0xffff_ffff_ffff_fffd * 7);
        assert_eq!(run!(vmulld, a, b), 0xffff_ffff_ffff_fffb << 64 | 0xffff_ffff_ffff_ffeb);
        assert_eq!(run!(vmulhsd, a, b), u128::MAX);
        assert_eq!(run!(vmulhud, a, b), 4 << 64 | 6);
        assert_eq!(run!(vmulhsw, 0xffff_ffff, 0x7fff_ffff), 0xffff_ffff);
        assert_eq!(run!(vmulhuw, 0xffff_ffff, 0x7fff_ffff), 0x7fff_fffe);
        assert_eq!(run!(vmsumcud, u128::MAX, u128::MAX, u128::MAX), 2);
        assert_eq!(run!(vmsumcud, 1, 1, u128::MAX), 1);
    }

    #[test]
    fn multiply_sums_add_inside_words() {
        assert_eq!(run!(vmsumubm, 0x0102_0304, 0x0506_0708, 1), 5 + 12 + 21 + 32 + 1);
        assert_eq!(run!(vmsummbm, 0xff, 0xff, 0), 0xffff_ff01);
        assert_eq!(run!(vmsumshs, 0x8000_8000, 0x8000_8000, 0), 0x7fff_ffff);
        assert_eq!(run!(vmsumshm, 0x8000_8000, 0x8000_8000, 0), 0x8000_0000);
        assert_eq!(run!(vmsumuhs, 0xffff_ffff, 0xffff_ffff, 0), 0xffff_ffff);
        assert_eq!(run!(vmsumudm, 3 << 64 | 2, 5 << 64 | 7, 1), 30);
        assert_eq!(run!(vmladduhm, 0x100, 0x100, 5), 5);
        assert_eq!(run!(vmhaddshs, 0x8000, 0x8000, 0), 0x7fff);
        assert_eq!(run!(vmhaddshs, 3, 0x4000, 0), 1);
        assert_eq!(run!(vmhraddshs, 3, 0x4000, 0), 2);
    }

    #[test]
    fn sums_across_land_in_the_rightmost_word_of_their_group() {
        let a = 0x0000_0001_0000_0002_0000_0003_0000_0004;
        assert_eq!(run!(vsumsws, a, 10), 20);
        assert_eq!(run!(vsum2sws, a, 10), 3 << 64 | 17);
        assert_eq!(run!(vsum4ubs, 0x01ff_0101, 1), 0x103);
        assert_eq!(run!(vsum4sbs, 0x01ff_0101, 1), 3);
        assert_eq!(run!(vsum4shs, 0xffff_0003, 1), 3);
        let mut cpu = cpu(0x7fff_ffff, 1, 0);
        vsumsws(&mut cpu, W).unwrap();
        assert_eq!((cpu.vr(0), cpu.vscr.sat), (0x7fff_ffff, true));
    }

    #[test]
    fn polynomial_products_have_no_carries() {
        assert_eq!(run!(vpmsumb, 0x0003, 0x0003), 5);
        assert_eq!(run!(vpmsumb, 0xff01, 0xff01), 0x5555 ^ 1);
        assert_eq!(run!(vpmsumd, 1 << 127, 1 << 127), 1 << 126);
        assert_eq!(run!(vpmsumw, 0xffff_ffff, 0xffff_ffff), 0x5555_5555_5555_5555);
    }
}
