//! Permutes, merges and splats.

use super::lanes::{Lane, build, lanes_b, map1, registers_ab, registers_abc, registers_b};
use crate::{fields::Word, state::Cpu, trap::Done};

/// Byte `n` (0 to 31) of `a || b`.
#[inline(always)]
pub fn byte_of_pair(a: u128, b: u128, n: usize) -> u8 {
    let half = if n & 16 == 0 { a } else { b };
    (half >> (8 * (15 - (n & 15)))) as u8
}

/// For each byte of `control`, the byte of `a || b` it names.
#[inline(always)]
pub fn permute(a: u128, b: u128, control: u128) -> u128 {
    let mut table = [0u8; 32];
    table[..16].copy_from_slice(&a.to_be_bytes());
    table[16..].copy_from_slice(&b.to_be_bytes());
    u128::from_be_bytes(control.to_be_bytes().map(|n| table[n as usize & 31]))
}

registers_abc! {
    vperm: permute;
    vpermr: |a, b, c| permute(a, b, !c);
}

/// `a.lane[first], b.lane[first], a.lane[first + step], b.lane[first + step]`, and so on.
#[inline(always)]
pub fn merge<T: Lane>(a: u128, b: u128, first: usize, step: usize) -> u128 {
    let (a, b) = (T::split(a), T::split(b));
    build::<T>(|i| (if i % 2 == 0 { a } else { b }).as_ref()[first + i / 2 * step])
}

registers_ab! {
    vmrghb: |a, b| merge::<u8>(a, b, 0, 1);
    vmrghh: |a, b| merge::<u16>(a, b, 0, 1);
    vmrghw: |a, b| merge::<u32>(a, b, 0, 1);
    vmrglb: |a, b| merge::<u8>(a, b, 8, 1);
    vmrglh: |a, b| merge::<u16>(a, b, 4, 1);
    vmrglw: |a, b| merge::<u32>(a, b, 2, 1);
    vmrgew: |a, b| merge::<u32>(a, b, 0, 2);
    vmrgow: |a, b| merge::<u32>(a, b, 1, 2);
}

macro_rules! splats {
    ($($name:ident, $immediate:ident: $u:ty, $i:ty;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`: the low bits of UIM name the lane.")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let value = <$u>::splat(<$u>::lane(cpu.vr(w.vrb()), w.uim5()));
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
        #[doc = concat!("`", stringify!($immediate), "`")]
        pub fn $immediate(cpu: &mut Cpu, w: Word) -> Done {
            let sim = ((w.uim5() as i8) << 3) >> 3;
            cpu.set_vr(w.vrt(), <$i>::splat(sim as $i));
            Ok(())
        }
    )* };
}
splats! {
    vspltb, vspltisb: u8, i8;
    vsplth, vspltish: u16, i16;
    vspltw, vspltisw: u32, i32;
}

/// `vsldoi`: the 16 bytes of VRA || VRB that start at byte SHB (bits 22:25).
pub fn vsldoi(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.vr(w.vra()), cpu.vr(w.vrb()));
    let bits = 8 * w.bits(22, 4);
    cpu.set_vr(w.vrt(), if bits == 0 { a } else { a << bits | b >> (128 - bits) });
    Ok(())
}

registers_abc! {
    vpermxor: |a, b, c| {
        build::<u8>(|i| {
            let select = u8::lane(c, i) as usize;
            u8::lane(a, select >> 4) ^ u8::lane(b, select & 15)
        })
    };
}

lanes_b! {
    vextsb2w: i32, |b| b as i8 as i32;
    vextsh2w: i32, |b| b as i16 as i32;
    vextsb2d: i64, |b| b as i8 as i64;
    vextsh2d: i64, |b| b as i16 as i64;
    vextsw2d: i64, |b| b as i32 as i64;
}

registers_b! {
    vextsd2q: |b| i128::from(b as i64) as u128;
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu, run},
        *,
    };

    const A: u128 = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f;
    const B: u128 = 0x1011_1213_1415_1617_1819_1a1b_1c1d_1e1f;

    #[test]
    fn permutes_index_both_registers_from_either_end() {
        let c = 0x0010_1f0f_e001_0203_0405_0607_0809_0a0b;
        assert_eq!(run!(vperm, A, B, c), 0x0010_1f0f_0001_0203_0405_0607_0809_0a0b);
        assert_eq!(run!(vpermr, A, B, c), 0x1f0f_0010_1f1e_1d1c_1b1a_1918_1716_1514);
        assert_eq!(run!(vpermxor, A, B, 0x12 << 120) >> 120, 0x01 ^ 0x12);
    }

    #[test]
    fn merges_interleave() {
        assert_eq!(run!(vmrghb, A, B), 0x0010_0111_0212_0313_0414_0515_0616_0717);
        assert_eq!(run!(vmrglh, A, B), 0x0809_1819_0a0b_1a1b_0c0d_1c1d_0e0f_1e1f);
        assert_eq!(run!(vmrgew, A, B), 0x0001_0203_1011_1213_0809_0a0b_1819_1a1b);
        assert_eq!(run!(vmrgow, A, B), 0x0405_0607_1415_1617_0c0d_0e0f_1c1d_1e1f);
    }

    #[test]
    fn splats_repeat_a_lane_or_an_immediate() {
        let mut cpu = cpu(0, B, 0);
        vsplth(&mut cpu, Word(2 << 16 | 2 << 11)).unwrap();
        assert_eq!(cpu.vr(0), <u16 as Lane>::splat(0x1415));
        vspltisw(&mut cpu, Word(0x1f << 16)).unwrap();
        assert_eq!(cpu.vr(0), u128::MAX);
        vspltish(&mut cpu, Word(0x0f << 16)).unwrap();
        assert_eq!(cpu.vr(0), <u16 as Lane>::splat(15));
    }

    #[test]
    fn shift_by_octet_immediate_takes_bytes_of_the_pair() {
        let mut cpu = cpu(A, B, 0);
        vsldoi(&mut cpu, Word(W.0 & !(31 << 6) | 3 << 6)).unwrap();
        assert_eq!(cpu.vr(0), 0x0304_0506_0708_090a_0b0c_0d0e_0f10_1112);
        vsldoi(&mut cpu, Word(W.0 & !(31 << 6))).unwrap();
        assert_eq!(cpu.vr(0), A);
        assert_eq!(byte_of_pair(A, B, 17), 0x11);
    }

    #[test]
    fn sign_extension_takes_the_low_part_of_each_lane() {
        assert_eq!(run!(vextsb2d, 0, 0x80 << 64 | 0x17f), (0xffff_ffff_ffff_ff80 << 64) | 0x7f);
        assert_eq!(run!(vextsd2q, 0, 5 << 64 | 1 << 63), u128::MAX << 63);
    }
}
