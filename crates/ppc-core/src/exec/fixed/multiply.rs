//! Multiplication (Book I, "Fixed-Point Arithmetic Instructions").

use super::{put, set_overflow};
use crate::{fields::Word, state::Cpu, trap::Done};

/// `RT = RA * SI`.
#[inline]
pub fn mulli(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = cpu.gpr[w.ra()].wrapping_mul(w.si() as u64);
    Ok(())
}

/// `RT = RA[32:63] * RB[32:63]`; overflow when the product needs more than 32 bits.
#[inline]
pub fn mullw<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let product = i64::from(cpu.gpr[w.ra()] as i32) * i64::from(cpu.gpr[w.rb()] as i32);
    if OE {
        let over = product != i64::from(product as i32);
        set_overflow(cpu, over, over);
    }
    put::<RC>(cpu, w.rt(), product as u64);
    Ok(())
}

/// `RT = RA * RB`; overflow when the product needs more than 64 bits.
#[inline]
pub fn mulld<const OE: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (product, over) = (cpu.gpr[w.ra()] as i64).overflowing_mul(cpu.gpr[w.rb()] as i64);
    if OE {
        set_overflow(cpu, over, over);
    }
    put::<RC>(cpu, w.rt(), product as u64);
    Ok(())
}

/// High word of the signed product; RT\[0:31\] is undefined, here 0.
#[inline]
pub fn mulhw<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let product = i64::from(cpu.gpr[w.ra()] as i32) * i64::from(cpu.gpr[w.rb()] as i32);
    put::<RC>(cpu, w.rt(), product as u64 >> 32);
    Ok(())
}

/// High word of the unsigned product; RT\[0:31\] is undefined, here 0.
#[inline]
pub fn mulhwu<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let product = u64::from(cpu.gpr[w.ra()] as u32) * u64::from(cpu.gpr[w.rb()] as u32);
    put::<RC>(cpu, w.rt(), product >> 32);
    Ok(())
}

/// High doubleword of the signed product.
#[inline]
pub fn mulhd<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let product = i128::from(cpu.gpr[w.ra()] as i64) * i128::from(cpu.gpr[w.rb()] as i64);
    put::<RC>(cpu, w.rt(), (product >> 64) as u64);
    Ok(())
}

/// High doubleword of the unsigned product.
#[inline]
pub fn mulhdu<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let product = u128::from(cpu.gpr[w.ra()]) * u128::from(cpu.gpr[w.rb()]);
    put::<RC>(cpu, w.rt(), (product >> 64) as u64);
    Ok(())
}

/// High doubleword of `RA * RB + RC`, signed.
#[inline]
pub fn maddhd(cpu: &mut Cpu, w: Word) -> Done {
    let product = i128::from(cpu.gpr[w.ra()] as i64) * i128::from(cpu.gpr[w.rb()] as i64);
    cpu.gpr[w.rt()] = ((product + i128::from(cpu.gpr[w.rc_reg()] as i64)) >> 64) as u64;
    Ok(())
}

/// High doubleword of `RA * RB + RC`, unsigned.
#[inline]
pub fn maddhdu(cpu: &mut Cpu, w: Word) -> Done {
    let product = u128::from(cpu.gpr[w.ra()]) * u128::from(cpu.gpr[w.rb()]);
    cpu.gpr[w.rt()] = ((product + u128::from(cpu.gpr[w.rc_reg()])) >> 64) as u64;
    Ok(())
}

/// Low doubleword of `RA * RB + RC`.
#[inline]
pub fn maddld(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = cpu.gpr[w.ra()].wrapping_mul(cpu.gpr[w.rb()]).wrapping_add(cpu.gpr[w.rc_reg()]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cpu, xo};
    use super::*;

    #[test]
    fn products_are_signed_or_unsigned_as_named() {
        let mut c = cpu();
        assert_eq!(xo(&mut c, mulhd::<false>, u64::MAX, 2), u64::MAX);
        assert_eq!(xo(&mut c, mulhdu::<false>, u64::MAX, 2), 1);
        assert_eq!(xo(&mut c, mulhw::<false>, 0xffff_ffff, 2), 0xffff_ffff);
        assert_eq!(xo(&mut c, mulhwu::<false>, 0xffff_ffff, 2), 1);
        assert_eq!(xo(&mut c, mullw::<true, false>, 0x8000_0000, 2), 0xffff_ffff_0000_0000);
        assert!(c.xer.ov && c.xer.ov32 && c.xer.so);
        assert_eq!(xo(&mut c, mulld::<true, false>, u64::MAX, 5), -5i64 as u64);
        assert!(!c.xer.ov);
    }

    #[test]
    fn multiply_add_keeps_all_128_bits_of_the_sum() {
        let mut c = cpu();
        c.gpr[6] = u64::MAX;
        let w = Word(3 << 21 | 4 << 16 | 5 << 11 | 6 << 6);
        (c.gpr[4], c.gpr[5]) = (u64::MAX, u64::MAX);
        maddhdu(&mut c, w).unwrap();
        assert_eq!(c.gpr[3], u64::MAX);
        maddhd(&mut c, w).unwrap();
        assert_eq!(c.gpr[3], 0);
        maddld(&mut c, w).unwrap();
        assert_eq!(c.gpr[3], 0);
    }
}
