//! Semantics: branches and condition register logic (Book I, chapter 2).
//!
//! `cpu.cia` and `cpu.nia` are those of this and of the next instruction on entry; a taken branch writes `cpu.nia`. In
//! 32-bit mode targets and the link register have 32 bits, and CTR is tested by its low word.

use crate::{fields::Word, spr::number::TAR, state::Cpu, trap::Done};

#[inline(always)]
fn condition_holds(cpu: &Cpu, w: Word) -> bool {
    w.bit(6) || cpu.cr_bit(w.bi()) == w.bit(7)
}

/// Whether `ctr` satisfies BO: equal to 0 or not, in the width of the current mode.
#[inline(always)]
fn count_holds(cpu: &Cpu, w: Word, ctr: u64) -> bool {
    (cpu.wrap(ctr) == 0) == w.bit(9)
}

/// Decrements CTR if BO asks for it, and tells whether the branch is taken.
#[inline(always)]
fn taken(cpu: &mut Cpu, w: Word) -> bool {
    if !w.bit(8) {
        cpu.ctr = cpu.ctr.wrapping_sub(1);
        if !count_holds(cpu, w, cpu.ctr) {
            return false;
        }
    }
    condition_holds(cpu, w)
}

/// `b`, `ba`, `bl`, `bla`.
#[inline]
pub fn b(cpu: &mut Cpu, w: Word) -> Done {
    let base = if w.aa() { 0 } else { cpu.cia };
    if w.lk() {
        cpu.lr = cpu.nia;
    }
    cpu.nia = cpu.wrap(base.wrapping_add(w.li() as u64));
    Ok(())
}

/// `bc`, `bca`, `bcl`, `bcla`.
#[inline]
pub fn bc(cpu: &mut Cpu, w: Word) -> Done {
    let next = cpu.nia;
    if taken(cpu, w) {
        let base = if w.aa() { 0 } else { cpu.cia };
        cpu.nia = cpu.wrap(base.wrapping_add(w.bd() as u64));
    }
    if w.lk() {
        cpu.lr = next;
    }
    Ok(())
}

#[inline(always)]
fn to_register<const LK: bool>(cpu: &mut Cpu, taken: bool, target: u64) -> Done {
    let next = cpu.nia;
    if taken {
        cpu.nia = cpu.wrap(target & !3);
    }
    if LK {
        cpu.lr = next;
    }
    Ok(())
}

/// Branch conditional to LR.
#[inline]
pub fn bclr<const LK: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let target = cpu.lr;
    let taken = taken(cpu, w);
    to_register::<LK>(cpu, taken, target)
}

/// Branch conditional to TAR.
#[inline]
pub fn bctar<const LK: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let target = cpu.spr[TAR];
    let taken = taken(cpu, w);
    to_register::<LK>(cpu, taken, target)
}

/// Branch conditional to CTR.
///
/// With BO\[2\] = 0 the form is invalid. Linux uses it to flush the processor's link and count caches; processors and
/// QEMU test CTR first and decrement it only when the test holds.
#[inline]
pub fn bcctr<const LK: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let target = cpu.ctr;
    let mut counted = true;
    if !w.bit(8) {
        counted = count_holds(cpu, w, target);
        cpu.ctr = target.wrapping_sub(u64::from(counted));
    }
    let taken = counted && condition_holds(cpu, w);
    to_register::<LK>(cpu, taken, target)
}

macro_rules! cr_logical {
    ($($(#[$doc:meta])* $name:ident: |$a:ident, $b:ident| $value:expr;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let ($a, $b) = (cpu.cr_bit(w.ba()), cpu.cr_bit(w.bb()));
            cpu.set_cr_bit(w.bt(), $value);
            Ok(())
        }
    )* };
}

cr_logical! {
    /// `BT = BA & BB`.
    crand: |a, b| a & b;
    /// `BT = BA & ¬BB`.
    crandc: |a, b| a & !b;
    /// `BT = BA | BB`.
    cror: |a, b| a | b;
    /// `BT = BA | ¬BB`.
    crorc: |a, b| a | !b;
    /// `BT = BA ^ BB`.
    crxor: |a, b| a ^ b;
    /// `BT = ¬(BA & BB)`.
    crnand: |a, b| !(a & b);
    /// `BT = ¬(BA | BB)`.
    crnor: |a, b| !(a | b);
    /// `BT = ¬(BA ^ BB)`.
    creqv: |a, b| a == b;
}

/// `CR[BF] = CR[BFA]`.
#[inline]
pub fn mcrf(cpu: &mut Cpu, w: Word) -> Done {
    cpu.set_crf(w.bf(), cpu.crf(w.bfa()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixed::tests::cpu;
    use super::*;
    use crate::msr;

    fn at(cia: u64) -> Cpu {
        let mut c = cpu();
        stand(&mut c, cia);
        c
    }

    fn stand(c: &mut Cpu, cia: u64) {
        (c.cia, c.nia) = (cia, c.wrap(cia.wrapping_add(4)));
    }

    fn bo_bi(bo: u32, bi: u32) -> u32 {
        bo << 21 | bi << 16
    }

    #[test]
    fn branches_are_relative_or_absolute_and_link() {
        let mut c = at(0x1000);
        b(&mut c, Word(0x4bff_fffd)).unwrap();
        assert_eq!((c.nia, c.lr), (0xffc, 0x1004));
        b(&mut c, Word(0x4800_0102)).unwrap();
        assert_eq!(c.nia, 0x100);
        c.msr &= !msr::SF;
        stand(&mut c, 0xffff_fffc);
        b(&mut c, Word(0x4800_0009)).unwrap();
        assert_eq!((c.nia, c.lr), (4, 0));
    }

    #[test]
    fn conditions_and_counts_must_both_hold() {
        let mut c = at(0x1000);
        c.ctr = 2;
        // bdnz
        bc(&mut c, Word::from(0x4000_0010 | bo_bi(0b10000, 0))).unwrap();
        assert_eq!((c.nia, c.ctr), (0x1010, 1));
        c.nia = 0x1004;
        bc(&mut c, Word::from(0x4000_0011 | bo_bi(0b10000, 0))).unwrap();
        assert_eq!((c.nia, c.ctr, c.lr), (0x1004, 0, 0x1004));
        // beq cr1
        c.set_crf(1, 2);
        bc(&mut c, Word::from(0x4000_0010 | bo_bi(0b01100, 6))).unwrap();
        assert_eq!(c.nia, 0x1010);
        c.nia = 0x1004;
        bc(&mut c, Word::from(0x4000_0010 | bo_bi(0b00100, 6))).unwrap();
        assert_eq!(c.nia, 0x1004);
        // In 32-bit mode only the low word of CTR counts.
        c.msr &= !msr::SF;
        c.ctr = 1 << 32 | 1;
        bc(&mut c, Word::from(0x4000_0010 | bo_bi(0b10010, 0))).unwrap();
        assert_eq!((c.nia, c.ctr), (0x1010, 1 << 32));
    }

    #[test]
    fn register_branches_drop_the_low_bits_and_read_lr_before_linking() {
        let mut c = at(0x1000);
        c.lr = 0x2003;
        bclr::<true>(&mut c, Word::from(bo_bi(0b10100, 0))).unwrap();
        assert_eq!((c.nia, c.lr), (0x2000, 0x1004));
        c.ctr = 0x3000;
        bcctr::<false>(&mut c, Word::from(bo_bi(0b10100, 0))).unwrap();
        assert_eq!((c.nia, c.ctr), (0x3000, 0x3000));
        c.spr[TAR] = 0x4000;
        bctar::<false>(&mut c, Word::from(bo_bi(0b10100, 0))).unwrap();
        assert_eq!(c.nia, 0x4000);
    }

    #[test]
    fn the_link_cache_flush_of_linux_falls_through() {
        let mut c = at(0x1000);
        c.ctr = 0x7fff;
        bcctr::<false>(&mut c, Word::from(bo_bi(2, 0))).unwrap();
        assert_eq!((c.nia, c.ctr), (0x1004, 0x7fff));
    }

    #[test]
    fn cr_logic_writes_one_bit() {
        let mut c = cpu();
        c.set_cr(0x8000_0000);
        crorc(&mut c, Word(31 << 21 | 1 << 16 | 2 << 11)).unwrap();
        assert_eq!(c.cr(), 0x8000_0001);
        mcrf(&mut c, Word(1 << 23)).unwrap();
        assert_eq!(c.cr(), 0x8800_0001);
    }
}
