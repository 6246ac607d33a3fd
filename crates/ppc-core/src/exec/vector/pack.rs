//! Packs of VRA || VRB into lanes of half the width, unpacks, and the 1-5-5-5 pixel forms.

use super::{
    lanes::{Lane, build, build_saturated, registers_ab, registers_b},
    status::finish_saturated,
};
use crate::{fields::Word, state::Cpu, trap::Done};

/// Lane `i` of `a || b`.
#[inline(always)]
fn lane_of_pair<T: Lane>(a: u128, b: u128, i: usize) -> T {
    T::lane(if i < T::COUNT { a } else { b }, i)
}

registers_ab! {
    vpkuhum: |a, b| build::<u8>(|i| lane_of_pair::<u16>(a, b, i) as u8);
    vpkuwum: |a, b| build::<u16>(|i| lane_of_pair::<u32>(a, b, i) as u16);
    vpkudum: |a, b| build::<u32>(|i| lane_of_pair::<u64>(a, b, i) as u32);
    // Bits 7, 8:12, 16:20 and 24:28 of each word.
    vpkpx: |a, b| build::<u16>(|i| {
        let word = lane_of_pair::<u32>(a, b, i);
        (word >> 9 & 0xfc00 | word >> 6 & 0x03e0 | word >> 3 & 0x001f) as u16
    });
}

macro_rules! saturating_packs {
    ($($name:ident: $from:ty, $to:ty;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b) = (cpu.vr(w.vra()), cpu.vr(w.vrb()));
            let result = build_saturated::<$to>(|i| {
                // A u64 beyond i64 is beyond every target as well.
                i64::try_from(lane_of_pair::<$from>(a, b, i)).unwrap_or(i64::MAX)
            });
            finish_saturated(cpu, w, result)
        }
    )* };
}
saturating_packs! {
    vpkuhus: u16, u8;
    vpkuwus: u32, u16;
    vpkudus: u64, u32;
    vpkshus: i16, u8;
    vpkswus: i32, u16;
    vpksdus: i64, u32;
    vpkshss: i16, i8;
    vpkswss: i32, i16;
    vpksdss: i64, i32;
}

/// A 1-5-5-5 pixel as four bytes: the first bit repeated, the others zero-extended.
#[inline(always)]
fn unpack_pixel(pixel: u16) -> u32 {
    let pixel = pixel as u32;
    let first = if pixel >> 15 != 0 { 0xff00_0000 } else { 0 };
    first | (pixel >> 10 & 31) << 16 | (pixel >> 5 & 31) << 8 | pixel & 31
}

registers_b! {
    vupkhsb: |b| build::<i16>(|i| i8::lane(b, i) as i16);
    vupkhsh: |b| build::<i32>(|i| i16::lane(b, i) as i32);
    vupkhsw: |b| build::<i64>(|i| i32::lane(b, i) as i64);
    vupklsb: |b| build::<i16>(|i| i8::lane(b, 8 + i) as i16);
    vupklsh: |b| build::<i32>(|i| i16::lane(b, 4 + i) as i32);
    vupklsw: |b| build::<i64>(|i| i32::lane(b, 2 + i) as i64);
    vupkhpx: |b| build::<u32>(|i| unpack_pixel(u16::lane(b, i)));
    vupklpx: |b| build::<u32>(|i| unpack_pixel(u16::lane(b, 4 + i)));
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu, run},
        *,
    };

    const A: u128 = 0x0000_0001_007f_0080_00ff_0100_7fff_8000;

    #[test]
    fn packs_take_vra_first() {
        assert_eq!(run!(vpkuhum, A, 0x1234), 0x0001_7f80_ff00_ff00_0000_0000_0000_0034);
        assert_eq!(run!(vpkuhus, A, 0x1234), 0x0001_7f80_ffff_ffff_0000_0000_0000_00ff);
        assert_eq!(run!(vpkshus, A, 0x1234), 0x0001_7f80_ffff_ff00_0000_0000_0000_00ff);
        assert_eq!(run!(vpkshss, A, 0x1234), 0x0001_7f7f_7f7f_7f80_0000_0000_0000_007f);
        assert_eq!(run!(vpkudus, u128::MAX, 5), 0xffff_ffff_ffff_ffff_0000_0000_0000_0005);
        assert_eq!(run!(vpksdus, u128::MAX, 5), 5);
        assert_eq!(run!(vpksdss, u128::MAX, 1 << 31), 0xffff_ffff_ffff_ffff_0000_0000_7fff_ffff);
        let mut cpu = cpu(1, 2, 0);
        vpkuhus(&mut cpu, W).unwrap();
        assert!(!cpu.vscr.sat);
    }

    #[test]
    fn unpacks_extend_the_sign() {
        assert_eq!(run!(vupklsb, 0, 0x807f), 0xff80_007f);
        assert_eq!(run!(vupkhsh, 0, A), 0x0000_0000_0000_0001_0000_007f_0000_0080);
        assert_eq!(run!(vupklsw, 0, 0x8000_0000), 0xffff_ffff_8000_0000);
    }

    #[test]
    fn pixels_survive_unpack_and_shifted_pack() {
        let unpacked = run!(vupklpx, 0, 0x8abc);
        assert_eq!(unpacked, 0xff02_151c);
        assert_eq!(run!(vpkpx, 0, 0x0110_a8e0), 0x8abc);
    }
}
