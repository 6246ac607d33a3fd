//! Bytes and halfwords up to the first zero, and bytes cleared from either end (ISA 3.1).

use super::lanes::Lane;
use crate::{fields::Word, state::Cpu, trap::Done};

/// A register's leftmost `bytes` bytes as ones, at most all.
#[inline(always)]
fn leftmost(bytes: u64) -> u128 {
    if bytes >= 16 { u128::MAX } else { !(u128::MAX >> (8 * bytes)) }
}

/// A register's rightmost `bytes` bytes as ones, at most all.
#[inline(always)]
fn rightmost(bytes: u64) -> u128 {
    if bytes >= 16 { u128::MAX } else { !(u128::MAX << (8 * bytes)) }
}

/// `vclrlb`: the rightmost (RB) bytes of VRA.
pub fn vclrlb(cpu: &mut Cpu, w: Word) -> Done {
    cpu.set_vr(w.vrt(), cpu.vr(w.vra()) & rightmost(cpu.gpr[w.rb()]));
    Ok(())
}

/// `vclrrb`: the leftmost (RB) bytes of VRA.
pub fn vclrrb(cpu: &mut Cpu, w: Word) -> Done {
    cpu.set_vr(w.vrt(), cpu.vr(w.vra()) & leftmost(cpu.gpr[w.rb()]));
    Ok(())
}

/// Writes VRT; the record form tells in bit 2 of CR field 6 whether there was a zero.
#[inline(always)]
fn finish<const RC: bool>(cpu: &mut Cpu, w: Word, kept: u128, zero: bool) -> Done {
    cpu.set_vr(w.vrt(), cpu.vr(w.vrb()) & kept);
    if RC {
        cpu.set_crf(6, u32::from(zero) << 1);
    }
    Ok(())
}

macro_rules! isolates {
    ($($left:ident, $right:ident: $t:ty, $bytes:literal;)*) => { $(
        #[doc = concat!("`", stringify!($left), "`: the elements left of the leftmost zero.")]
        pub fn $left<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let lanes = <$t>::split(cpu.vr(w.vrb()));
            let zero = lanes.iter().position(|&lane| lane == 0);
            finish::<RC>(cpu, w, leftmost(zero.map_or(16, |n| $bytes * n as u64)), zero.is_some())
        }
        #[doc = concat!("`", stringify!($right), "`: the elements right of the rightmost zero.")]
        pub fn $right<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let lanes = <$t>::split(cpu.vr(w.vrb()));
            let zero = lanes.iter().rev().position(|&lane| lane == 0);
            finish::<RC>(cpu, w, rightmost(zero.map_or(16, |n| $bytes * n as u64)), zero.is_some())
        }
    )* };
}
isolates! {
    vstribl, vstribr: u8, 1;
    vstrihl, vstrihr: u16, 2;
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu},
        *,
    };

    #[test]
    fn strings_end_before_the_zero() {
        let b = 0x0102_0003_0405_0607_0809_0a0b_0c00_0d0e;
        let mut cpu = cpu(0, b, 0);
        vstribl::<true>(&mut cpu, W).unwrap();
        assert_eq!((cpu.vr(0), cpu.crf(6)), (0x0102 << 112, 2));
        vstribr::<false>(&mut cpu, W).unwrap();
        assert_eq!(cpu.vr(0), 0x0d0e);
        vstrihl::<true>(&mut cpu, W).unwrap();
        assert_eq!((cpu.vr(0), cpu.crf(6)), (b, 0));
        cpu.set_vr(2, 0);
        vstrihr::<true>(&mut cpu, W).unwrap();
        assert_eq!((cpu.vr(0), cpu.crf(6)), (0, 2));
    }

    #[test]
    fn counts_beyond_the_register_clear_nothing() {
        let mut cpu = cpu(u128::MAX, 0, 0);
        for (count, left) in [(0, 0), (1, 0xff), (15, u128::MAX >> 8), (16, u128::MAX), (1 << 40, u128::MAX)]
        {
            cpu.gpr[2] = count;
            vclrlb(&mut cpu, W).unwrap();
            assert_eq!(cpu.vr(0), left);
            vclrrb(&mut cpu, W).unwrap();
            assert_eq!(cpu.vr(0), left.reverse_bits());
        }
    }
}
