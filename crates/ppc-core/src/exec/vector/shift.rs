//! Shifts and rotates, of lanes and of the whole register.

use super::lanes::{Lane, build, lanes_ab, map2, registers_ab};
use crate::{fields::Word, state::Cpu, trap::Done};

lanes_ab! {
    vslb: u8, |a, b| a << (b & 7);
    vslh: u16, |a, b| a << (b & 15);
    vslw: u32, |a, b| a << (b & 31);
    vsld: u64, |a, b| a << (b & 63);
    vsrb: u8, |a, b| a >> (b & 7);
    vsrh: u16, |a, b| a >> (b & 15);
    vsrw: u32, |a, b| a >> (b & 31);
    vsrd: u64, |a, b| a >> (b & 63);
    vsrab: i8, |a, b| a >> (b & 7);
    vsrah: i16, |a, b| a >> (b & 15);
    vsraw: i32, |a, b| a >> (b & 31);
    vsrad: i64, |a, b| a >> (b & 63);
    vrlb: u8, |a, b| a.rotate_left(b as u32 & 7);
    vrlh: u16, |a, b| a.rotate_left(b as u32 & 15);
    vrlw: u32, |a, b| a.rotate_left(b & 31);
    vrld: u64, |a, b| a.rotate_left(b as u32 & 63);
}

registers_ab! {
    // The ISA wants the same count in all bytes of VRB and leaves the rest undefined: the last byte counts.
    vsl: |a, b| a << (b & 7);
    vsr: |a, b| a >> (b & 7);
    // Bits 121:124 count octets.
    vslo: |a, b| a << (b & 0x78);
    vsro: |a, b| a >> (b & 0x78);
    // The count of a quadword stands in bits 57:63 of VRB, at the end of doubleword 0.
    vslq: |a, b| a << (b >> 64 & 127);
    vsrq: |a, b| a >> (b >> 64 & 127);
    vsraq: |a, b| (a as i128 >> (b >> 64 & 127)) as u128;
    vrlq: |a, b| a.rotate_left((b >> 64) as u32 & 127);
    // Each byte has its own count and takes its neighbour's bits.
    vslv: |a, b| build::<u8>(|i| {
        let pair = (u8::lane(a, i) as u16) << 8 | if i == 15 { 0 } else { u8::lane(a, i + 1) as u16 };
        (pair << (u8::lane(b, i) & 7) >> 8) as u8
    });
    vsrv: |a, b| build::<u8>(|i| {
        let pair = if i == 0 { 0 } else { (u8::lane(a, i - 1) as u16) << 8 } | u8::lane(a, i) as u16;
        (pair >> (u8::lane(b, i) & 7)) as u8
    });
}

/// `a || b` shifted by SH, bits 23:25.
#[inline(always)]
fn shifted_pair(cpu: &mut Cpu, w: Word, shift: impl Fn(u128, u128, u32) -> u128) -> Done {
    let (a, b) = (cpu.vr(w.vra()), cpu.vr(w.vrb()));
    cpu.set_vr(w.vrt(), shift(a, b, w.bits(23, 3)));
    Ok(())
}

/// `vsldbi`: the left half of VRA || VRB, shifted left.
pub fn vsldbi(cpu: &mut Cpu, w: Word) -> Done {
    shifted_pair(cpu, w, |a, b, n| if n == 0 { a } else { a << n | b >> (128 - n) })
}

/// `vsrdbi`: the right half of VRA || VRB, shifted right.
pub fn vsrdbi(cpu: &mut Cpu, w: Word) -> Done {
    shifted_pair(cpu, w, |a, b, n| if n == 0 { b } else { a << (128 - n) | b >> n })
}

/// Rotates quadword VRA and gives it with its mask: mb, me and sh stand in bits 41:47, 49:55 and 57:63 of VRB.
#[inline(always)]
fn rotated_quadword(cpu: &Cpu, w: Word) -> (u128, u128) {
    let control = (cpu.vr(w.vrb()) >> 64) as u64;
    let field = |shift: u32| (control >> shift & 127) as u32;
    let (mb, me) = (field(16), field(8));
    let (from, to) = (u128::MAX >> mb, u128::MAX << (127 - me));
    (cpu.vr(w.vra()).rotate_left(field(0)), if mb <= me { from & to } else { from | to })
}

/// `vrlqmi`: rotate VRA as VRB says, insert under the mask into VRT.
pub fn vrlqmi(cpu: &mut Cpu, w: Word) -> Done {
    let (rotated, mask) = rotated_quadword(cpu, w);
    cpu.set_vr(w.vrt(), rotated & mask | cpu.vr(w.vrt()) & !mask);
    Ok(())
}

/// `vrlqnm`: rotate VRA as VRB says, AND with the mask.
pub fn vrlqnm(cpu: &mut Cpu, w: Word) -> Done {
    let (rotated, mask) = rotated_quadword(cpu, w);
    cpu.set_vr(w.vrt(), rotated & mask);
    Ok(())
}

/// MASK(mb, me) of a `bits`-wide lane: ones from bit `mb` to bit `me`, round the end if `mb > me`.
#[inline(always)]
fn mask(mb: u64, me: u64, bits: u64) -> u64 {
    let ones = u64::MAX >> (64 - bits);
    let from = ones >> mb;
    let to = (ones << (bits - 1 - me)) & ones;
    if mb <= me { from & to } else { from | to }
}

/// Rotates `a` as `b` says and returns it with the mask of `b`: mb, me and sh stand in bytes 1, 2 and 3 from the right.
macro_rules! rotate_and_mask {
    ($t:ty, $bits:literal, $a:expr, $b:expr) => {{
        let field = |shift: u32| ($b >> shift) as u64 & ($bits - 1);
        ($a.rotate_left(field(0) as u32), mask(field(16), field(8), $bits) as $t)
    }};
}

macro_rules! rotates_with_mask {
    ($($insert:ident, $and:ident: $t:ty, $bits:literal;)*) => { $(
        #[doc = concat!("`", stringify!($insert), "`: rotate VRA as VRB says, insert under the mask into VRT.")]
        pub fn $insert(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b, t) = (cpu.vr(w.vra()), cpu.vr(w.vrb()), cpu.vr(w.vrt()));
            let value = build::<$t>(|i| {
                let (rotated, mask) = rotate_and_mask!($t, $bits, <$t>::lane(a, i), <$t>::lane(b, i));
                rotated & mask | <$t>::lane(t, i) & !mask
            });
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
        #[doc = concat!("`", stringify!($and), "`: rotate VRA as VRB says, AND with the mask.")]
        pub fn $and(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b) = (cpu.vr(w.vra()), cpu.vr(w.vrb()));
            let value = build::<$t>(|i| {
                let (rotated, mask) = rotate_and_mask!($t, $bits, <$t>::lane(a, i), <$t>::lane(b, i));
                rotated & mask
            });
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
    )* };
}
rotates_with_mask! {
    vrlwmi, vrlwnm: u32, 32;
    vrldmi, vrldnm: u64, 64;
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu, run},
        *,
    };

    #[test]
    fn counts_are_taken_modulo_the_lane() {
        assert_eq!(run!(vslb, 0x81, 0xf9), 0x02);
        assert_eq!(run!(vsraw, 0x8000_0000, 33), 0xc000_0000);
        assert_eq!(run!(vrlh, 0x8001, 1), 0x0003);
        assert_eq!(run!(vsrd, 1 << 63, 63), 1);
    }

    #[test]
    fn whole_register_shifts_cross_lanes() {
        let a = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10u128;
        assert_eq!(run!(vslo, a, 3 << 3 | 7), a << 24);
        assert_eq!(run!(vsro, a, 15 << 3), a >> 120);
        assert_eq!(run!(vsl, a, <u8 as Lane>::splat(3)), a << 3);
        assert_eq!(run!(vsr, a, <u8 as Lane>::splat(7)), a >> 7);
        assert_eq!(run!(vslv, a, <u8 as Lane>::splat(5)), a << 5);
        assert_eq!(run!(vsrv, a, <u8 as Lane>::splat(5)), a >> 5);
        assert_eq!(run!(vslv, 0x8180, 0x0102), 0x0300);
        assert_eq!(run!(vsrv, 0x0181, 0x0001), 0x01c0);
    }

    #[test]
    fn masks_wrap_round() {
        assert_eq!(mask(4, 7, 32), 0x0f00_0000);
        assert_eq!(mask(28, 3, 32), 0xf000_000f);
        assert_eq!(mask(0, 63, 64), u64::MAX);
        // mb = 24, me = 31, sh = 8.
        assert_eq!(run!(vrlwnm, 0x1234_5678, 0x18_1f08), 0x12);
        assert_eq!(run!(vrldnm, 0x1234_5678 << 32, 0x38_3f08), 0x12);
        let mut cpu = cpu(0x1234_5678, 0x18_1f08, 0);
        cpu.set_vr(0, u128::MAX);
        vrlwmi(&mut cpu, W).unwrap();
        assert_eq!(cpu.vr(0) as u32, 0xffff_ff12);
    }

    #[test]
    fn quadwords_shift_by_the_end_of_doubleword_0() {
        let (a, by) = (1u128 << 127 | 6, |n: u128| (0x80 | n) << 64 | 0x7f);
        assert_eq!(run!(vslq, a, by(1)), 12);
        assert_eq!(run!(vsrq, a, by(126)), 2);
        assert_eq!(run!(vsraq, a, by(126)), u128::MAX << 1);
        assert_eq!(run!(vrlq, a, by(4)), 0x68);
        // mb = 120, me = 7, sh = 4: both ends.
        assert_eq!(run!(vrlqnm, a, 0x78_0704 << 64), 0x68);
        let mut cpu = cpu(u128::MAX, 0x78_0704 << 64, 0);
        vrlqmi(&mut cpu, W).unwrap();
        assert_eq!(cpu.vr(0), 0xff << 120 | 0xff);
    }

    #[test]
    fn pairs_shift_by_bits() {
        let w = |sh: u32| Word::from(1 << 16 | 2 << 11 | sh << 6);
        let mut cpu = cpu(1, 0xe0 << 120 | 3, 0);
        for (sh, left, right) in [(0, 1, 0xe0 << 120 | 3), (3, 0xf, 0x3c << 120), (7, 0xf0, 0x03c0 << 112)] {
            vsldbi(&mut cpu, w(sh)).unwrap();
            assert_eq!(cpu.vr(0), left);
            vsrdbi(&mut cpu, w(sh)).unwrap();
            assert_eq!(cpu.vr(0), right);
        }
    }
}
