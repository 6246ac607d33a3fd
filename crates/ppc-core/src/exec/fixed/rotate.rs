//! Rotates and shifts (Book I, "Fixed-Point Rotate and Shift Instructions").

use super::put;
use crate::{fields::Word, state::Cpu, trap::Done};

/// MASK(mb, me): ones from bit `mb` to bit `me`, around the end when `mb > me`.
#[inline(always)]
const fn mask(mb: u32, me: u32) -> u64 {
    let (from, to) = (u64::MAX >> mb, u64::MAX << (63 - me));
    if mb <= me { from & to } else { from | to }
}

/// ROTL32: the low word rotated, in both words of the result.
#[inline(always)]
const fn rotl32(value: u64, n: u32) -> u64 {
    let word = (value as u32).rotate_left(n) as u64;
    word << 32 | word
}

#[inline(always)]
fn mask_m(w: Word) -> u64 {
    mask(w.mb5() as u32 + 32, w.me5() as u32 + 32)
}

/// Rotate left word immediate, AND with mask.
#[inline]
pub fn rlwinm<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    put::<RC>(cpu, w.ra(), rotl32(cpu.gpr[w.rs()], w.sh5() as u32) & mask_m(w));
    Ok(())
}

/// Rotate left word, AND with mask.
#[inline]
pub fn rlwnm<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    put::<RC>(cpu, w.ra(), rotl32(cpu.gpr[w.rs()], cpu.gpr[w.rb()] as u32 & 31) & mask_m(w));
    Ok(())
}

/// Rotate left word immediate, insert under mask.
#[inline]
pub fn rlwimi<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let m = mask_m(w);
    put::<RC>(cpu, w.ra(), rotl32(cpu.gpr[w.rs()], w.sh5() as u32) & m | cpu.gpr[w.ra()] & !m);
    Ok(())
}

macro_rules! rotate_doubleword {
    ($($(#[$doc:meta])* $name:ident: |$cpu:ident, $w:ident| $n:expr, $mask:expr;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $name<const RC: bool>($cpu: &mut Cpu, $w: Word) -> Done {
            put::<RC>($cpu, $w.ra(), $cpu.gpr[$w.rs()].rotate_left($n) & $mask);
            Ok(())
        }
    )* };
}

rotate_doubleword! {
    /// Rotate left doubleword immediate, clear left.
    rldicl: |cpu, w| w.sh6(), mask(w.mb6(), 63);
    /// Rotate left doubleword immediate, clear right.
    rldicr: |cpu, w| w.sh6(), mask(0, w.mb6());
    /// Rotate left doubleword immediate, clear both sides.
    rldic: |cpu, w| w.sh6(), mask(w.mb6(), 63 - w.sh6());
    /// Rotate left doubleword, clear left.
    rldcl: |cpu, w| cpu.gpr[w.rb()] as u32 & 63, mask(w.mb6(), 63);
    /// Rotate left doubleword, clear right.
    rldcr: |cpu, w| cpu.gpr[w.rb()] as u32 & 63, mask(0, w.mb6());
}

/// Rotate left doubleword immediate, insert under mask.
#[inline]
pub fn rldimi<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let m = mask(w.mb6(), 63 - w.sh6());
    put::<RC>(cpu, w.ra(), cpu.gpr[w.rs()].rotate_left(w.sh6()) & m | cpu.gpr[w.ra()] & !m);
    Ok(())
}

/// Shift left word; counts of 32 to 63 give 0.
#[inline]
pub fn slw<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let n = cpu.gpr[w.rb()] as u32 & 63;
    put::<RC>(cpu, w.ra(), u64::from((cpu.gpr[w.rs()] as u32).checked_shl(n).unwrap_or(0)));
    Ok(())
}

/// Shift right word; counts of 32 to 63 give 0.
#[inline]
pub fn srw<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let n = cpu.gpr[w.rb()] as u32 & 63;
    put::<RC>(cpu, w.ra(), u64::from((cpu.gpr[w.rs()] as u32).checked_shr(n).unwrap_or(0)));
    Ok(())
}

/// Shift left doubleword; counts of 64 to 127 give 0.
#[inline]
pub fn sld<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let n = cpu.gpr[w.rb()] as u32 & 127;
    put::<RC>(cpu, w.ra(), cpu.gpr[w.rs()].checked_shl(n).unwrap_or(0));
    Ok(())
}

/// Shift right doubleword; counts of 64 to 127 give 0.
#[inline]
pub fn srd<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let n = cpu.gpr[w.rb()] as u32 & 127;
    put::<RC>(cpu, w.ra(), cpu.gpr[w.rs()].checked_shr(n).unwrap_or(0));
    Ok(())
}

/// `value >> n` with the sign; CA when a negative value lost one bits. `n` is at most 127.
#[inline(always)]
fn shift_algebraic<const RC: bool>(cpu: &mut Cpu, ra: usize, value: i64, n: u32) -> Done {
    let shifted = value >> n.min(63);
    let lost = if n > 63 { value } else { value & !(-1i64 << n) };
    let ca = value < 0 && lost != 0;
    cpu.xer.ca = ca;
    cpu.xer.ca32 = ca;
    put::<RC>(cpu, ra, shifted as u64);
    Ok(())
}

/// Shift right algebraic word; counts of 32 to 63 give the sign.
#[inline]
pub fn sraw<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let n = cpu.gpr[w.rb()] as u32 & 63;
    shift_algebraic::<RC>(cpu, w.ra(), i64::from(cpu.gpr[w.rs()] as i32), n)
}

/// Shift right algebraic word immediate.
#[inline]
pub fn srawi<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    shift_algebraic::<RC>(cpu, w.ra(), i64::from(cpu.gpr[w.rs()] as i32), w.sh5() as u32)
}

/// Shift right algebraic doubleword; counts of 64 to 127 give the sign.
#[inline]
pub fn srad<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let n = cpu.gpr[w.rb()] as u32 & 127;
    shift_algebraic::<RC>(cpu, w.ra(), cpu.gpr[w.rs()] as i64, n)
}

/// Shift right algebraic doubleword immediate.
#[inline]
pub fn sradi<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    shift_algebraic::<RC>(cpu, w.ra(), cpu.gpr[w.rs()] as i64, w.sh6())
}

/// Sign-extends a word and shifts it left.
#[inline]
pub fn extswsli<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    put::<RC>(cpu, w.ra(), (i64::from(cpu.gpr[w.rs()] as i32) << w.sh6()) as u64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpu;
    use super::*;

    fn run(c: &mut Cpu, f: fn(&mut Cpu, Word) -> Done, s: u64, b: u64, low: u32) -> u64 {
        (c.gpr[3], c.gpr[5]) = (s, b);
        assert_eq!(f(c, Word::from(3 << 21 | 4 << 16 | low)), Ok(()));
        c.gpr[4]
    }

    #[test]
    fn masks_wrap_around_the_end() {
        assert_eq!(mask(0, 63), u64::MAX);
        assert_eq!(mask(32, 63), 0xffff_ffff);
        assert_eq!(mask(63, 0), 1 << 63 | 1);
        assert_eq!(mask(40, 39), u64::MAX);
        let mut c = cpu();
        // A wrapped word mask reaches into the high word (rlwinm RA,RS,0,31,0).
        assert_eq!(run(&mut c, rlwinm::<false>, 0x8000_0001, 0, 31 << 6), 0x8000_0001_8000_0001);
        assert_eq!(run(&mut c, rlwinm::<false>, 0x1234_5678, 0, 8 << 11 | 24 << 6 | 31 << 1), 0x12);
    }

    #[test]
    fn inserts_keep_what_the_mask_leaves_out() {
        let mut c = cpu();
        c.gpr[4] = u64::MAX;
        assert_eq!(run(&mut c, rlwimi::<false>, 0, 0, 16 << 6 | 31 << 1), 0xffff_ffff_ffff_0000);
        c.gpr[4] = u64::MAX;
        // rldimi RA,RS,8,48
        assert_eq!(run(&mut c, rldimi::<false>, 0x55, 0, 8 << 11 | 16 << 6 | 32), 0xffff_ffff_ffff_55ff);
    }

    #[test]
    fn long_shifts_leave_nothing_or_the_sign() {
        let mut c = cpu();
        let rb = 5 << 11;
        assert_eq!(run(&mut c, slw::<false>, u64::MAX, 32, rb), 0);
        assert_eq!(run(&mut c, srw::<false>, u64::MAX, 4, rb), 0x0fff_ffff);
        assert_eq!(run(&mut c, sld::<false>, u64::MAX, 64, rb), 0);
        assert_eq!(run(&mut c, srd::<false>, u64::MAX, 128, rb), u64::MAX);
        assert_eq!(run(&mut c, sraw::<false>, 0x8000_0000, 63, rb), u64::MAX);
        assert!(c.xer.ca);
        assert_eq!(run(&mut c, srad::<false>, 1 << 63, 64, rb), u64::MAX);
        assert!(c.xer.ca);
        assert_eq!(run(&mut c, srad::<false>, 1 << 62, 64, rb), 0);
        assert!(!c.xer.ca);
    }

    #[test]
    fn carry_tells_that_a_negative_value_lost_ones() {
        let mut c = cpu();
        assert_eq!(run(&mut c, srawi::<false>, -7i64 as u64, 0, 1 << 11), -4i64 as u64);
        assert!(c.xer.ca && c.xer.ca32);
        assert_eq!(run(&mut c, srawi::<false>, -8i64 as u64, 0, 1 << 11), -4i64 as u64);
        assert!(!c.xer.ca && !c.xer.ca32);
        assert_eq!(run(&mut c, sradi::<false>, -1i64 as u64, 0, 63 << 11 & 0xf800 | 2), u64::MAX);
        assert!(c.xer.ca);
    }
}
