//! Blends, extended permutes, evaluation of truth tables, control vectors from masks, tests of masks (ISA 3.1).

use crate::{
    exec::vector::{
        lanes::{Lane, build},
        permute,
    },
    fields::Word,
    insn::Operand,
    state::Cpu,
    trap::{Done, Trap},
};

macro_rules! blends {
    ($($name:ident: $t:ty;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`: the element of XB where that of XC has a 1 in bit 0, else that of XA.")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b, c) = (<$t>::split(cpu.vsr[w.xa()]), <$t>::split(cpu.vsr[w.xb()]), <$t>::split(cpu.vsr[w.xc()]));
            cpu.vsr[w.xt()] = build::<$t>(|i| if c[i] < 0 { b[i] } else { a[i] });
            Ok(())
        }
    )* };
}
blends! {
    xxblendvb: i8;
    xxblendvh: i16;
    xxblendvw: i32;
    xxblendvd: i64;
}

/// `xxpermx`: bytes of XA || XB by bits 3:7 of the bytes of XC; 0 where their bits 0:2 are not UIM.
pub fn xxpermx(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b, c) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()], cpu.vsr[w.xc()]);
    let section = Operand::UIM_P.value(w) as u8;
    let chosen = build::<u8>(|i| if u8::lane(c, i) >> 5 == section { 0xff } else { 0 });
    cpu.vsr[w.xt()] = permute(a, b, c) & chosen;
    Ok(())
}

/// `xxeval`: each bit is the bit of IMM that the bits of XA, XB and XC name, bit 0 on the left.
pub fn xxeval(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b, c) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()], cpu.vsr[w.xc()]);
    let table = Operand::IMM_P.value(w);
    let mut value = 0;
    for n in (0..8).filter(|n| table & 0x80 >> n != 0) {
        let side = |register: u128, bit: i64| if n & bit != 0 { register } else { !register };
        value |= side(a, 4) & side(b, 2) & side(c, 1);
    }
    cpu.vsr[w.xt()] = value;
    Ok(())
}

/// The control vector of a mask for elements of `bytes` bytes. To expand: elements with a mask bit take the next of the
/// first source, others keep theirs, of the second source. To compress: the elements with a mask bit, and behind them what is
/// undefined, here 0. `little` counts elements and bytes from the right.
fn control_vector(mask: u128, bytes: usize, compress: bool, little: bool) -> u128 {
    let mask = mask.to_be_bytes();
    // The leftmost byte of element `i`, in the order of the operation.
    let at = |i: usize| if little { 16 - bytes * (i + 1) } else { bytes * i };
    let mut control = [0u8; 16];
    let mut put = |to: usize, first: usize| {
        for k in 0..bytes {
            control[at(to) + if little { bytes - 1 - k } else { k }] = (first + k) as u8;
        }
    };
    let mut next = 0;
    for i in 0..16 / bytes {
        if mask[at(i)] & 0x80 == 0 {
            if !compress {
                put(i, 16 + bytes * i);
            }
            continue;
        }
        if compress {
            put(next, bytes * i);
        } else {
            put(i, bytes * next);
        }
        next += 1;
    }
    u128::from_be_bytes(control)
}

macro_rules! control_vectors {
    ($($name:ident: $bytes:literal;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`: IMM says whether to compress (bit 4) and to count from the right (bit 3).")]
        ///
        /// Other values of IMM are reserved, and the instruction an invalid form.
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let imm = Operand::IMM.value(w);
            if imm > 3 {
                return Err(Trap::Illegal);
            }
            cpu.vsr[w.xt()] = control_vector(cpu.vr(w.vrb()), $bytes, imm & 1 != 0, imm & 2 != 0);
            Ok(())
        }
    )* };
}
control_vectors! {
    xxgenpcvbm: 1;
    xxgenpcvhm: 2;
    xxgenpcvwm: 4;
    xxgenpcvdm: 8;
}

/// `xvtlsbb`: CR field BF tells whether the last bits of the bytes are all 1, and whether they are all 0.
pub fn xvtlsbb(cpu: &mut Cpu, w: Word) -> Done {
    let ones = cpu.vsr[w.xb()] & u8::splat(1);
    cpu.set_crf(w.bf(), u32::from(ones == u8::splat(1)) << 3 | u32::from(ones == 0) << 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::vector::testing::cpu;

    const A: u128 = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f;
    const B: u128 = 0x1011_1213_1415_1617_1819_1a1b_1c1d_1e1f;
    /// XT = 32, XA = 33, XB = 34, XC = 35.
    const W: u32 = 1 << 16 | 2 << 11 | 3 << 6 | 0b1111;

    fn w(low: u32) -> Word {
        Word::prefixed(1 << 26 | low, W)
    }

    #[test]
    fn blends_look_at_the_sign_of_each_element() {
        let mut cpu = cpu(A, B, 0x8000_0000_0000_0080_7fff_ffff_ffff_ff80);
        xxblendvb(&mut cpu, w(0)).unwrap();
        assert_eq!(cpu.vr(0), 0x1001_0203_0405_0617_0819_1a1b_1c1d_1e1f);
        xxblendvd(&mut cpu, w(0)).unwrap();
        assert_eq!(cpu.vr(0), 0x1011_1213_1415_1617_0809_0a0b_0c0d_0e0f);
    }

    #[test]
    fn only_the_named_section_is_permuted() {
        let mut cpu = cpu(A, B, 0x1f21_3f20_0000_0000_0000_0000_0000_0000);
        xxpermx(&mut cpu, w(1)).unwrap();
        assert_eq!(cpu.vr(0), 0x0001_1f00 << 96);
    }

    #[test]
    fn every_truth_table_is_evaluated() {
        let mut cpu = cpu(0b0000_1111, 0b0011_0011, 0b0101_0101);
        for table in 0..256 {
            xxeval(&mut cpu, w(table)).unwrap();
            assert_eq!(cpu.vr(0) & 0xff, table.into());
        }
    }

    #[test]
    fn control_vectors_expand_and_compress_in_either_order() {
        let mask = 0x80 << 112 | 0x80 << 64;
        assert_eq!(control_vector(mask, 1, false, false), 0x1000_1213_1415_1601_1819_1a1b_1c1d_1e1f);
        assert_eq!(control_vector(mask, 1, true, false), 0x0107 << 112);
        assert_eq!(control_vector(mask, 1, false, true), 0x1f01_1d1c_1b1a_1900_1716_1514_1312_1110);
        assert_eq!(control_vector(mask, 1, true, true), 0x0e08);
        assert_eq!(control_vector(1 << 127, 8, false, true), 0x0706_0504_0302_0100_1716_1514_1312_1110);
        assert_eq!(control_vector(1 << 127, 8, true, false), 0x0001_0203_0405_0607 << 64);
    }

    #[test]
    fn last_bits_are_tested_together() {
        let mut cpu = cpu(0, 0, 0);
        for (b, want) in [(0, 2), (u8::splat(1), 8), (1, 0)] {
            cpu.set_vr(2, b);
            xvtlsbb(&mut cpu, Word::from(W)).unwrap();
            assert_eq!(cpu.crf(0), want);
        }
    }
}
