//! Moves between GPRs and VSRs.

use crate::{exec::vector::lanes::Lane, fields::Word, state::Cpu, trap::Done};

/// `mfvsrd`
pub fn mfvsrd(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.ra()] = (cpu.vsr[w.xt()] >> 64) as u64;
    Ok(())
}

/// `mfvsrld`
pub fn mfvsrld(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.ra()] = cpu.vsr[w.xt()] as u64;
    Ok(())
}

/// `mfvsrwz`
pub fn mfvsrwz(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.ra()] = (cpu.vsr[w.xt()] >> 64) as u32 as u64;
    Ok(())
}

/// `mtvsrd`
pub fn mtvsrd(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = (cpu.gpr[w.ra()] as u128) << 64;
    Ok(())
}

/// `mtvsrwa`
pub fn mtvsrwa(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = (cpu.gpr[w.ra()] as i32 as u64 as u128) << 64;
    Ok(())
}

/// `mtvsrwz`
pub fn mtvsrwz(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = (cpu.gpr[w.ra()] as u32 as u128) << 64;
    Ok(())
}

/// `mtvsrdd`: (RA|0) into doubleword 0, RB into doubleword 1.
pub fn mtvsrdd(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = (cpu.ra0(w) as u128) << 64 | cpu.gpr[w.rb()] as u128;
    Ok(())
}

/// `mtvsrws`: the low word of RA into all four words.
pub fn mtvsrws(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = u32::splat(cpu.gpr[w.ra()] as u32);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::vector::testing::cpu;

    #[test]
    fn values_pass_through_the_named_doubleword() {
        let mut cpu = cpu(0, 0, 0);
        // XT = 33, RA = 3, RB = 4.
        let w = Word(1 << 21 | 3 << 16 | 4 << 11 | 1);
        cpu.gpr[3] = 0x1122_3344_8899_aabb;
        cpu.gpr[4] = 5;
        mtvsrdd(&mut cpu, w).unwrap();
        assert_eq!(cpu.vr(1), 0x1122_3344_8899_aabb_0000_0000_0000_0005);
        mfvsrwz(&mut cpu, w).unwrap();
        assert_eq!(cpu.gpr[3], 0x8899_aabb);
        mtvsrwa(&mut cpu, w).unwrap();
        assert_eq!(cpu.vr(1), 0xffff_ffff_8899_aabb << 64);
        mtvsrwz(&mut cpu, w).unwrap();
        assert_eq!(cpu.vr(1), 0x8899_aabb << 64);
        mtvsrws(&mut cpu, w).unwrap();
        mfvsrld(&mut cpu, w).unwrap();
        assert_eq!(cpu.gpr[3], 0x8899_aabb_8899_aabb);
        mtvsrd(&mut cpu, w).unwrap();
        mfvsrd(&mut cpu, w).unwrap();
        assert_eq!(cpu.gpr[3], 0x8899_aabb_8899_aabb);
    }

    #[test]
    fn register_0_reads_as_zero_only_in_mtvsrdd() {
        let mut cpu = cpu(0, 0, 0);
        cpu.gpr[0] = 7;
        mtvsrdd(&mut cpu, Word(0)).unwrap();
        assert_eq!(cpu.vsr[0], 7);
        mtvsrd(&mut cpu, Word(0)).unwrap();
        assert_eq!(cpu.vsr[0], 7 << 64);
    }
}
