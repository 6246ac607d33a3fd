//! Division and remainder (Book I, "Fixed-Point Arithmetic Instructions").
//!
//! A quotient that cannot be represented is undefined. Here, as in QEMU, the plain divisions then give the
//! dividend, the extended ones and the remainders 0; OV reports it.

use super::{put, set_overflow};
use crate::{fields::Word, state::Cpu, trap::Done};

#[inline(always)]
fn quotient<const OE: bool, const RC: bool>(
    cpu: &mut Cpu,
    w: Word,
    value: Option<u64>,
    undefined: u64,
) -> Done {
    if OE {
        set_overflow(cpu, value.is_none(), value.is_none());
    }
    put::<RC>(cpu, w.rt(), value.unwrap_or(undefined));
    Ok(())
}

/// `RT = RA / RB`, signed doublewords.
#[inline]
pub fn divd<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()], cpu.gpr[w.rb()]);
    quotient::<OE, RC>(cpu, w, (a as i64).checked_div(b as i64).map(|q| q as u64), a)
}

/// `RT = RA / RB`, unsigned doublewords.
#[inline]
pub fn divdu<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()], cpu.gpr[w.rb()]);
    quotient::<OE, RC>(cpu, w, a.checked_div(b), a)
}

/// `RT = RA[32:63] / RB[32:63]`, signed words; RT\[0:31\] is undefined, here 0.
#[inline]
pub fn divw<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()] as i32, cpu.gpr[w.rb()] as i32);
    quotient::<OE, RC>(cpu, w, a.checked_div(b).map(|q| u64::from(q as u32)), u64::from(a as u32))
}

/// `RT = RA[32:63] / RB[32:63]`, unsigned words; RT\[0:31\] is undefined, here 0.
#[inline]
pub fn divwu<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()] as u32, cpu.gpr[w.rb()] as u32);
    quotient::<OE, RC>(cpu, w, a.checked_div(b).map(u64::from), u64::from(a))
}

/// `RT = (RA || 64 zeros) / RB`, signed. A quotient that only fits without its sign overflows, which QEMU misses.
pub fn divde<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()] as i64, cpu.gpr[w.rb()] as i64);
    let value = (i128::from(a) << 64).checked_div(i128::from(b)).and_then(|q| i64::try_from(q).ok());
    quotient::<OE, RC>(cpu, w, value.map(|q| q as u64), 0)
}

/// `RT = (RA || 64 zeros) / RB`, unsigned.
pub fn divdeu<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()], cpu.gpr[w.rb()]);
    let value = (u128::from(a) << 64).checked_div(u128::from(b)).and_then(|q| u64::try_from(q).ok());
    quotient::<OE, RC>(cpu, w, value, 0)
}

/// `RT = (RA[32:63] || 32 zeros) / RB[32:63]`, signed; RT\[0:31\] is undefined, here the sign.
pub fn divwe<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()] as i32, cpu.gpr[w.rb()] as i32);
    let value = (i64::from(a) << 32).checked_div(i64::from(b)).filter(|&q| i32::try_from(q).is_ok());
    quotient::<OE, RC>(cpu, w, value.map(|q| q as u64), 0)
}

/// `RT = (RA[32:63] || 32 zeros) / RB[32:63]`, unsigned; RT\[0:31\] is undefined, here 0.
pub fn divweu<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()] as u32, cpu.gpr[w.rb()] as u32);
    let value = (u64::from(a) << 32).checked_div(u64::from(b)).filter(|&q| u32::try_from(q).is_ok());
    quotient::<OE, RC>(cpu, w, value, 0)
}

/// `RT = RA % RB`, signed doublewords.
#[inline]
pub fn modsd(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = (cpu.gpr[w.ra()] as i64).checked_rem(cpu.gpr[w.rb()] as i64).unwrap_or(0) as u64;
    Ok(())
}

/// `RT = RA % RB`, unsigned doublewords.
#[inline]
pub fn modud(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = cpu.gpr[w.ra()].checked_rem(cpu.gpr[w.rb()]).unwrap_or(0);
    Ok(())
}

/// `RT = RA[32:63] % RB[32:63]`, signed words; RT\[0:31\] is undefined, here the sign.
#[inline]
pub fn modsw(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()] as i32, cpu.gpr[w.rb()] as i32);
    cpu.gpr[w.rt()] = a.checked_rem(b).unwrap_or(0) as i64 as u64;
    Ok(())
}

/// `RT = RA[32:63] % RB[32:63]`, unsigned words; RT\[0:31\] is undefined, here 0.
#[inline]
pub fn moduw(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()] as u32, cpu.gpr[w.rb()] as u32);
    cpu.gpr[w.rt()] = a.checked_rem(b).map_or(0, u64::from);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cpu, xo};
    use super::*;

    #[test]
    fn impossible_quotients_set_overflow_and_never_trap_the_host() {
        let mut c = cpu();
        for (a, b) in [(1, 0), (0, 0), (1 << 63, u64::MAX), (0x8000_0000, 0xffff_ffff)] {
            for f in [divd::<true, true>, divdu::<true, true>, divde::<true, true>, divdeu::<true, true>] {
                xo(&mut c, f, a, b);
            }
            for f in [divw::<true, true>, divwu::<true, true>, divwe::<true, true>, divweu::<true, true>] {
                xo(&mut c, f, a, b);
            }
            for f in [modsd, modud, modsw, moduw] {
                xo(&mut c, f, a, b);
            }
        }
        xo(&mut c, divw::<true, false>, 0x8000_0000, 0xffff_ffff);
        assert!(c.xer.ov && c.xer.so);
        xo(&mut c, divd::<true, false>, -7i64 as u64, 2);
        assert!(!c.xer.ov && c.xer.so);
    }

    #[test]
    fn quotients_round_towards_zero_and_remainders_follow_the_dividend() {
        let mut c = cpu();
        assert_eq!(xo(&mut c, divd::<false, false>, -7i64 as u64, 2), -3i64 as u64);
        assert_eq!(xo(&mut c, modsd, -7i64 as u64, 2), -1i64 as u64);
        assert_eq!(xo(&mut c, divw::<false, false>, -7i64 as u64, 2), 0xffff_fffd);
        assert_eq!(xo(&mut c, modsw, -7i64 as u64, 2), -1i64 as u64);
    }

    #[test]
    fn extended_division_overflows_when_the_quotient_needs_another_bit() {
        let mut c = cpu();
        assert_eq!(xo(&mut c, divdeu::<true, false>, 1, 2), 1 << 63);
        assert!(!c.xer.ov);
        assert_eq!(xo(&mut c, divde::<true, false>, 1, 2), 0);
        assert!(c.xer.ov);
        assert_eq!(xo(&mut c, divde::<true, false>, -1i64 as u64, 2), 1 << 63);
        assert!(!c.xer.ov);
        assert_eq!(xo(&mut c, divweu::<true, false>, 1, 3), 0x5555_5555);
        assert_eq!(xo(&mut c, divwe::<true, false>, -1i64 as u64, 4), -0x4000_0000i64 as u64);
    }
}
