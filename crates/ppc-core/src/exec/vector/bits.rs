//! Counts, parities, gathers and permutes of bits.

use super::lanes::{Lane, build, lanes_b, map1, registers_ab, registers_b};
use crate::{fields::Word, state::Cpu, trap::Done};

lanes_b! {
    vpopcntb: u8, |b| b.count_ones() as u8;
    vpopcnth: u16, |b| b.count_ones() as u16;
    vpopcntw: u32, |b| b.count_ones();
    vpopcntd: u64, |b| b.count_ones() as u64;
    vclzb: u8, |b| b.leading_zeros() as u8;
    vclzh: u16, |b| b.leading_zeros() as u16;
    vclzw: u32, |b| b.leading_zeros();
    vclzd: u64, |b| b.leading_zeros() as u64;
    vctzb: u8, |b| b.trailing_zeros() as u8;
    vctzh: u16, |b| b.trailing_zeros() as u16;
    vctzw: u32, |b| b.trailing_zeros();
    vctzd: u64, |b| b.trailing_zeros() as u64;

    // The parity of the least significant bits of the bytes.
    vprtybw: u32, |b| (b & 0x0101_0101).count_ones() & 1;
    vprtybd: u64, |b| ((b & 0x0101_0101_0101_0101).count_ones() & 1) as u64;

    // The 8 by 8 bits of each doubleword, mirrored at the diagonal.
    vgbbd: u64, |b| {
        // Swap 1-bit, 2-bit and 4-bit blocks across the diagonal of ever larger squares.
        let t = (b ^ b >> 7) & 0x00aa_00aa_00aa_00aa;
        let b = b ^ t ^ t << 7;
        let t = (b ^ b >> 14) & 0x0000_cccc_0000_cccc;
        let b = b ^ t ^ t << 14;
        let t = (b ^ b >> 28) & 0x0000_0000_f0f0_f0f0;
        b ^ t ^ t << 28
    };
}

registers_b! {
    vprtybq: |b| ((b & <u8 as Lane>::splat(1)).count_ones() & 1) as u128;
}

registers_ab! {
    // Sixteen bits of VRA, named by the bytes of VRB, into bits 48:63.
    vbpermq: |a, b| {
        let mut bits = 0u128;
        for index in b.to_be_bytes() {
            bits = bits << 1 | if index < 128 { a >> (127 - index) & 1 } else { 0 };
        }
        bits << 64
    };
    // Eight bits of each doubleword of VRA, named by the bytes of the same doubleword of VRB.
    vbpermd: |a, b| build::<u64>(|i| {
        let source = u64::lane(a, i);
        let mut bits = 0;
        for index in u64::lane(b, i).to_be_bytes() {
            bits = bits << 1 | if index < 64 { source >> (63 - index) & 1 } else { 0 };
        }
        bits
    });
}

/// `vclzlsbb`: how many bytes of VRB, from the left, have a 0 in their last bit.
pub fn vclzlsbb(cpu: &mut Cpu, w: Word) -> Done {
    let ones = cpu.vr(w.vrb()) & <u8 as Lane>::splat(1);
    cpu.gpr[w.rt()] = ones.leading_zeros() as u64 / 8;
    Ok(())
}

/// `vctzlsbb`: how many bytes of VRB, from the right, have a 0 in their last bit.
pub fn vctzlsbb(cpu: &mut Cpu, w: Word) -> Done {
    let ones = cpu.vr(w.vrb()) & <u8 as Lane>::splat(1);
    cpu.gpr[w.rt()] = ones.trailing_zeros() as u64 / 8;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu, run},
        *,
    };

    #[test]
    fn counts_cover_the_empty_lane() {
        assert_eq!(run!(vclzh, 0, 0x0010), <u16 as Lane>::splat(16) - 5);
        assert_eq!(run!(vctzd, 0, 0x0010), 64 << 64 | 4);
        assert_eq!(run!(vpopcntb, 0, 0xff03), 0x0802);
        assert_eq!(run!(vprtybw, 0, 0x0101_0100), 1);
        assert_eq!(run!(vprtybq, 0, 1 << 120 | 1), 0);
        for (b, left, right) in [(0u128, 16, 16), (1 << 112, 1, 14), (0xfe01 << 16, 13, 2)] {
            let mut cpu = cpu(0, b, 0);
            vclzlsbb(&mut cpu, W).unwrap();
            assert_eq!(cpu.gpr[0], left);
            vctzlsbb(&mut cpu, W).unwrap();
            assert_eq!(cpu.gpr[0], right);
        }
    }

    #[test]
    fn gathering_bits_by_bytes_mirrors_the_diagonal() {
        let mut want = 0u64;
        let b = 0x8040_2113_0804_02f1u64;
        for row in 0..8 {
            for column in 0..8 {
                want |= (b >> (63 - 8 * column - row) & 1) << (63 - 8 * row - column);
            }
        }
        assert_eq!(run!(vgbbd, 0, b as u128), want as u128);
    }

    #[test]
    fn bit_permutes_read_zero_beyond_the_source() {
        let a = 1u128 << 127 | 1;
        assert_eq!(run!(vbpermq, a, 0x00ff_7f80_0101_0101_0101_0101_0101_017f), 0b1010_0000_0000_0001 << 64);
        assert_eq!(run!(vbpermd, a, 0x003f_4001_0101_0100_3f00_0000_0000_003f), 0x81 << 64 | 0x81);
    }
}
