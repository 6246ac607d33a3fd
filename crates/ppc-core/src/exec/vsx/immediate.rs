//! Constants in registers (ISA 3.1): immediates of prefixed instructions, and special quadwords.

use crate::{
    exec::vector::lanes::Lane,
    fields::Word,
    insn::Operand,
    softfp::convert::double,
    state::Cpu,
    trap::{Done, Trap},
};

/// XT of these instructions: TX is bit 15.
#[inline(always)]
fn target(w: Word) -> usize {
    Operand::XT15.value(w) as usize
}

/// The 32 bits that prefix and suffix hold.
#[inline(always)]
fn imm32(w: Word) -> u32 {
    Operand::IMM32.value(w) as u32
}

/// `xxspltiw`: into each word.
pub fn xxspltiw(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[target(w)] = u32::splat(imm32(w));
    Ok(())
}

/// `xxspltidp`: a single as a double, into both doublewords. A denormal one is undefined; here it is converted as well.
pub fn xxspltidp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[target(w)] = u64::splat(double(imm32(w)));
    Ok(())
}

/// `xxsplti32dx`: into word IX of each doubleword.
pub fn xxsplti32dx(cpu: &mut Cpu, w: Word) -> Done {
    let shift = if w.bit(14) { 0 } else { 32 };
    let kept = cpu.vsr[target(w)] & !u64::splat(0xffff_ffff << shift);
    cpu.vsr[target(w)] = kept | u64::splat(u64::from(imm32(w)) << shift);
    Ok(())
}

/// `lxvkq`: the quad-precision number that UIM names; other values of UIM are invalid forms.
pub fn lxvkq(cpu: &mut Cpu, w: Word) -> Done {
    // Sign, exponent and the start of the fraction: 1 to 7, infinity, and the default NaN.
    const HIGH: [u16; 8] = [0, 0x3fff, 0x4000, 0x4000, 0x4001, 0x4001, 0x4001, 0x4001];
    const FRACTION: [u16; 8] = [0, 0, 0, 0x8000, 0, 0x4000, 0x8000, 0xc000];
    let (high, fraction) = match Operand::UIM16.value(w) as usize {
        n @ 1..=7 => (HIGH[n], FRACTION[n]),
        n @ 17..=23 => (HIGH[n - 16] | 0x8000, FRACTION[n - 16]),
        8 => (0x7fff, 0),
        9 => (0x7fff, 0x8000),
        16 => (0x8000, 0),
        24 => (0xffff, 0),
        _ => return Err(Trap::Illegal),
    };
    cpu.vsr[w.xt()] = u128::from(high) << 112 | u128::from(fraction) << 96;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::vector::testing::cpu;

    /// XT = 33, IMM32 = `imm`, IX = `ix`.
    fn w(imm: u32, ix: u32) -> Word {
        Word::prefixed(1 << 26 | 1 << 24 | imm >> 16, 32 << 26 | 1 << 21 | ix << 17 | 1 << 16 | imm & 0xffff)
    }

    #[test]
    fn immediates_have_both_halves() {
        let mut cpu = cpu(0, 0, 0);
        xxspltiw(&mut cpu, w(0x8123_4567, 0)).unwrap();
        assert_eq!(cpu.vr(1), u32::splat(0x8123_4567));
        xxsplti32dx(&mut cpu, w(0x89ab_cdef, 1)).unwrap();
        assert_eq!(cpu.vr(1), u64::splat(0x8123_4567_89ab_cdef));
        xxsplti32dx(&mut cpu, w(0, 0)).unwrap();
        assert_eq!(cpu.vr(1), u64::splat(0x89ab_cdef));
        xxspltidp(&mut cpu, w(2.5f32.to_bits(), 0)).unwrap();
        assert_eq!(cpu.vr(1), u64::splat(2.5f64.to_bits()));
    }

    #[test]
    fn special_quadwords_are_the_numbers_they_are_called() {
        let mut cpu = cpu(0, 0, 0);
        for (uim, want) in
            [(1, 0x3fffu128 << 112), (3, 0x4000_8000 << 96), (23, 0xc001_c000 << 96), (9, 0x7fff_8000 << 96)]
        {
            lxvkq(&mut cpu, Word::from(uim << 11)).unwrap();
            assert_eq!(cpu.vsr[0], want);
        }
        for uim in [0, 10, 15, 25, 31] {
            assert_eq!(lxvkq(&mut cpu, Word::from(uim << 11)), Err(Trap::Illegal));
        }
    }
}
