//! Addition, subtraction and negation (Book I, "Fixed-Point Arithmetic Instructions").

use super::{put, set_overflow};
use crate::{
    fields::Word,
    state::Cpu,
    trap::{Done, Trap},
};

/// Carry out of bit 0 and of bit 32 of `sum = a + b + carry in`.
#[inline(always)]
fn carries(a: u64, b: u64, sum: u64) -> (bool, bool) {
    let into = a ^ b ^ sum;
    let out = (a & b) | ((a | b) & !sum);
    (out >> 63 != 0, into >> 32 & 1 != 0)
}

/// `RT = a + b + cin`; CA and OV are those of the width of the current mode.
#[inline(always)]
fn sum<const CA: bool, const OE: bool, const RC: bool>(
    cpu: &mut Cpu,
    rt: usize,
    a: u64,
    b: u64,
    cin: bool,
) -> Done {
    let sum = a.wrapping_add(b).wrapping_add(cin as u64);
    if CA {
        let (ca64, ca32) = carries(a, b, sum);
        cpu.xer.ca = if cpu.sf() { ca64 } else { ca32 };
        cpu.xer.ca32 = ca32;
    }
    if OE {
        let over = (a ^ sum) & (b ^ sum);
        let ov32 = over >> 31 & 1 != 0;
        let ov = if cpu.sf() { over >> 63 != 0 } else { ov32 };
        set_overflow(cpu, ov, ov32);
    }
    put::<RC>(cpu, rt, sum);
    Ok(())
}

/// `RT = (RA|0) + SI`.
#[inline]
pub fn addi(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = cpu.ra0(w).wrapping_add(w.si() as u64);
    Ok(())
}

/// `RT = (RA|0) + (SI || 0x0000)`.
#[inline]
pub fn addis(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = cpu.ra0(w).wrapping_add((w.si() << 16) as u64);
    Ok(())
}

/// `RT = NIA + (D || 0x0000)`, D = d0 || d1 || d2.
#[inline]
pub fn addpcis(cpu: &mut Cpu, w: Word) -> Done {
    let d = (w.bits(16, 10) << 6 | w.bits(11, 5) << 1 | w.bits(31, 1)) as i16 as i64;
    cpu.gpr[w.rt()] = cpu.nia.wrapping_add((d << 16) as u64);
    Ok(())
}

/// `RT = RA + RB`.
#[inline]
pub fn add<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<false, OE, RC>(cpu, w.rt(), cpu.gpr[w.ra()], cpu.gpr[w.rb()], false)
}

/// `RT = RB - RA`.
#[inline]
pub fn subf<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<false, OE, RC>(cpu, w.rt(), !cpu.gpr[w.ra()], cpu.gpr[w.rb()], true)
}

/// `RT = RA + SI`, CA.
#[inline]
pub fn addic(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, false, false>(cpu, w.rt(), cpu.gpr[w.ra()], w.si() as u64, false)
}

/// `RT = RA + SI`, CA, CR0.
#[inline]
pub fn addic_rc(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, false, true>(cpu, w.rt(), cpu.gpr[w.ra()], w.si() as u64, false)
}

/// `RT = SI - RA`, CA.
#[inline]
pub fn subfic(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, false, false>(cpu, w.rt(), !cpu.gpr[w.ra()], w.si() as u64, true)
}

/// `RT = RA + RB`, CA.
#[inline]
pub fn addc<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), cpu.gpr[w.ra()], cpu.gpr[w.rb()], false)
}

/// `RT = RB - RA`, CA.
#[inline]
pub fn subfc<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), !cpu.gpr[w.ra()], cpu.gpr[w.rb()], true)
}

/// `RT = RA + RB + CA`, CA.
#[inline]
pub fn adde<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), cpu.gpr[w.ra()], cpu.gpr[w.rb()], cpu.xer.ca)
}

/// `RT = RB - RA - 1 + CA`, CA.
#[inline]
pub fn subfe<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), !cpu.gpr[w.ra()], cpu.gpr[w.rb()], cpu.xer.ca)
}

/// `RT = RA + CA - 1`, CA.
#[inline]
pub fn addme<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), cpu.gpr[w.ra()], !0, cpu.xer.ca)
}

/// `RT = ¬RA + CA - 1`, CA.
#[inline]
pub fn subfme<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), !cpu.gpr[w.ra()], !0, cpu.xer.ca)
}

/// `RT = RA + CA`, CA.
#[inline]
pub fn addze<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), cpu.gpr[w.ra()], 0, cpu.xer.ca)
}

/// `RT = ¬RA + CA`, CA.
#[inline]
pub fn subfze<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<true, OE, RC>(cpu, w.rt(), !cpu.gpr[w.ra()], 0, cpu.xer.ca)
}

/// `RT = -RA`.
#[inline]
pub fn neg<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<false, OE, RC>(cpu, w.rt(), !cpu.gpr[w.ra()], 0, true)
}

/// `RT = RA + RB + OV`, with OV and OV32 as a second carry. The other carries that CY could name are reserved.
#[inline]
pub fn addex(cpu: &mut Cpu, w: Word) -> Done {
    if w.bits(21, 2) != 0 {
        return Err(Trap::Illegal);
    }
    let (a, b) = (cpu.gpr[w.ra()], cpu.gpr[w.rb()]);
    let sum = a.wrapping_add(b).wrapping_add(cpu.xer.ov as u64);
    let (ov64, ov32) = carries(a, b, sum);
    cpu.xer.ov = if cpu.sf() { ov64 } else { ov32 };
    cpu.xer.ov32 = ov32;
    cpu.gpr[w.rt()] = sum;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cpu, xo};
    use super::*;
    use crate::msr;

    #[test]
    fn carry_and_overflow_come_from_bit_0_in_64_bit_mode() {
        let mut c = cpu();
        assert_eq!(xo(&mut c, addc::<true, true>, u64::MAX, 1), 0);
        assert!(c.xer.ca && c.xer.ca32 && !c.xer.ov && !c.xer.so);
        assert_eq!(c.crf(0), 2);
        assert_eq!(xo(&mut c, addc::<true, true>, i64::MAX as u64, 1), 1 << 63);
        assert!(!c.xer.ca && c.xer.ca32 && c.xer.ov && c.xer.so && !c.xer.ov32);
        assert_eq!(c.crf(0), 9);
    }

    #[test]
    fn carry_and_overflow_come_from_bit_32_in_32_bit_mode() {
        let mut c = cpu();
        c.msr &= !msr::SF;
        assert_eq!(xo(&mut c, addc::<true, true>, 0xffff_ffff, 1), 1 << 32);
        assert!(c.xer.ca && !c.xer.ov);
        assert_eq!(c.crf(0), 2);
        xo(&mut c, add::<true, false>, 0x7fff_ffff, 1);
        assert!(c.xer.ov && c.xer.ov32);
    }

    #[test]
    fn subtraction_carries_when_nothing_is_borrowed() {
        let mut c = cpu();
        assert_eq!(xo(&mut c, subfc::<false, false>, 3, 5), 2);
        assert!(c.xer.ca);
        assert_eq!(xo(&mut c, subfc::<false, false>, 5, 3), -2i64 as u64);
        assert!(!c.xer.ca);
        assert_eq!(xo(&mut c, subfe::<false, false>, 5, 8), 2);
        assert!(c.xer.ca);
        assert_eq!(xo(&mut c, subfze::<false, false>, 0, 0), 0);
        assert!(c.xer.ca);
        assert_eq!(xo(&mut c, addme::<false, false>, 0, 0), 0);
        assert!(c.xer.ca);
    }

    #[test]
    fn neg_overflows_for_the_most_negative_number_only() {
        let mut c = cpu();
        assert_eq!(xo(&mut c, neg::<true, false>, 1 << 63, 0), 1 << 63);
        assert!(c.xer.ov);
        assert_eq!(xo(&mut c, neg::<true, false>, 7, 0), -7i64 as u64);
        assert!(!c.xer.ov && c.xer.so);
    }

    #[test]
    fn addex_carries_through_ov_and_leaves_so_and_ca() {
        let mut c = cpu();
        c.xer.ov = true;
        assert_eq!(xo(&mut c, addex, u64::MAX, 0), 0);
        assert!(c.xer.ov && c.xer.ov32 && !c.xer.so && !c.xer.ca);
    }

    #[test]
    fn addpcis_adds_a_split_displacement_to_the_next_address() {
        let mut c = cpu();
        (c.cia, c.nia) = (0x1000_0000, 0x1000_0004);
        addpcis(&mut c, Word(0x4c60_0004 | 0xffc1 | 0x1f << 16)).unwrap();
        assert_eq!(c.gpr[3], 0x1000_0004 - 0x1_0000);
    }
}
