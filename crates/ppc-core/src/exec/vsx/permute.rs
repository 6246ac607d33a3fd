//! Permutes, merges, splats, byte reversals, word extract and insert.

use crate::{
    exec::vector::{
        lanes::{Lane, map1},
        merge, permute,
    },
    fields::Word,
    state::Cpu,
    trap::Done,
};

macro_rules! from_ab {
    ($($name:ident: $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(u128, u128, Word) -> u128 = $f;
            let value = f(cpu.vsr[w.xa()], cpu.vsr[w.xb()], w);
            cpu.vsr[w.xt()] = value;
            Ok(())
        }
    )* };
}
from_ab! {
    xxmrghw: |a, b, _| merge::<u32>(a, b, 0, 1);
    xxmrglw: |a, b, _| merge::<u32>(a, b, 2, 1);
    xxpermdi: |a, b, w| {
        // DM, bits 22:23, names a doubleword of each source.
        (u64::lane(a, w.bit(22) as usize) as u128) << 64 | u64::lane(b, w.bit(23) as usize) as u128
    };
    xxsldwi: |a, b, w| match w.bits(22, 2) {
        0 => a,
        shift => a << (32 * shift) | b >> (128 - 32 * shift),
    };
}

/// `xxperm`: the table is XA || XT, the control is XB.
pub fn xxperm(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = permute(cpu.vsr[w.xa()], cpu.vsr[w.xt()], cpu.vsr[w.xb()]);
    Ok(())
}

/// `xxpermr`: `xxperm` that counts from the right.
pub fn xxpermr(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = permute(cpu.vsr[w.xa()], cpu.vsr[w.xt()], !cpu.vsr[w.xb()]);
    Ok(())
}

/// `xxspltw`: UIM, bits 14:15, names the word.
pub fn xxspltw(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = u32::splat(u32::lane(cpu.vsr[w.xb()], w.uim5()));
    Ok(())
}

/// `xxspltib`: IMM8, bits 13:20.
pub fn xxspltib(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = u8::splat(w.bits(13, 8) as u8);
    Ok(())
}

macro_rules! from_b {
    ($($name:ident: $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(u128) -> u128 = $f;
            let value = f(cpu.vsr[w.xb()]);
            cpu.vsr[w.xt()] = value;
            Ok(())
        }
    )* };
}
from_b! {
    xxbrh: |b| map1(b, u16::swap_bytes);
    xxbrw: |b| map1(b, u32::swap_bytes);
    xxbrd: |b| map1(b, u64::swap_bytes);
    xxbrq: |b| b.swap_bytes();
}

/// UIM of `xxextractuw` and `xxinsertw`, bits 12:15: a byte number. Above 12 the result is undefined.
#[inline(always)]
fn uim4(w: Word) -> u32 {
    w.bits(12, 4)
}

/// `xxextractuw`: the word at byte UIM into doubleword 0. A word that runs over the end goes on at byte 0.
pub fn xxextractuw(cpu: &mut Cpu, w: Word) -> Done {
    let word = (cpu.vsr[w.xb()].rotate_left(8 * uim4(w)) >> 96) as u32;
    cpu.vsr[w.xt()] = (word as u128) << 64;
    Ok(())
}

/// `xxinsertw`: word 1 of XB to byte UIM of XT. What runs over the end is dropped.
pub fn xxinsertw(cpu: &mut Cpu, w: Word) -> Done {
    let word = u32::lane(cpu.vsr[w.xb()], 1) as u128;
    let shift = 8 * uim4(w);
    let mask = (u32::MAX as u128) << 96 >> shift;
    let t = &mut cpu.vsr[w.xt()];
    *t = *t & !mask | word << 96 >> shift;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::vector::testing::cpu;

    const A: u128 = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f;
    const B: u128 = 0x1011_1213_1415_1617_1819_1a1b_1c1d_1e1f;
    /// XT = 32, XA = 33, XB = 34.
    const W: u32 = 1 << 16 | 2 << 11 | 0b111;

    fn run(f: crate::exec::ExecFn, extra: u32) -> u128 {
        let mut cpu = cpu(A, B, 0);
        f(&mut cpu, Word::from(W | extra)).unwrap();
        cpu.vr(0)
    }

    #[test]
    fn doublewords_and_words_are_picked_by_number() {
        assert_eq!(run(xxpermdi, 0), 0x0001_0203_0405_0607_1011_1213_1415_1617);
        assert_eq!(run(xxpermdi, 0b10 << 8), 0x0809_0a0b_0c0d_0e0f_1011_1213_1415_1617);
        assert_eq!(run(xxpermdi, 0b01 << 8), 0x0001_0203_0405_0607_1819_1a1b_1c1d_1e1f);
        assert_eq!(run(xxsldwi, 0), A);
        assert_eq!(run(xxsldwi, 3 << 8), 0x0c0d_0e0f_1011_1213_1415_1617_1819_1a1b);
        assert_eq!(run(xxspltw, 0), u32::splat(0x1415_1617));
        assert_eq!(run(xxmrghw, 0), 0x0001_0203_1011_1213_0405_0607_1415_1617);
        assert_eq!(run(xxmrglw, 0), 0x0809_0a0b_1819_1a1b_0c0d_0e0f_1c1d_1e1f);
    }

    #[test]
    fn byte_reversal_stays_inside_elements() {
        assert_eq!(run(xxbrh, 0), 0x1110_1312_1514_1716_1918_1b1a_1d1c_1f1e);
        assert_eq!(run(xxbrw, 0), 0x1312_1110_1716_1514_1b1a_1918_1f1e_1d1c);
        assert_eq!(run(xxbrd, 0), 0x1716_1514_1312_1110_1f1e_1d1c_1b1a_1918);
        assert_eq!(run(xxbrq, 0), B.swap_bytes());
    }

    #[test]
    fn the_permute_table_is_xa_and_the_old_xt() {
        let mut cpu = cpu(A, 0x0010_0111_0212_1f0f_0000_0000_0000_0000, 0);
        cpu.set_vr(0, B);
        xxperm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.vr(0), 0x0010_0111_0212_1f0f_0000_0000_0000_0000);
        cpu.set_vr(0, B);
        xxpermr(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.vr(0), 0x1f0f_1e0e_1d0d_0010_1f1f_1f1f_1f1f_1f1f);
    }

    #[test]
    fn words_are_extracted_and_inserted_at_bytes() {
        let mut cpu = cpu(A, B, 0);
        let w = |uim: u32| Word::from(W & !(31 << 16) | uim << 16);
        xxextractuw(&mut cpu, w(5)).unwrap();
        assert_eq!(cpu.vr(0), 0x1516_1718 << 64);
        xxinsertw(&mut cpu, w(12)).unwrap();
        assert_eq!(cpu.vr(0), 0x1516_1718 << 64 | 0x1415_1617);
        xxspltib(&mut cpu, Word(0xa5 << 11 | 1)).unwrap();
        assert_eq!(cpu.vr(0), u8::splat(0xa5));
    }
}
