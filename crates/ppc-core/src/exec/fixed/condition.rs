//! Moves between GPRs, XER and the condition register (Book I, "Move To/From System Register Instructions").

use crate::{fields::Word, state::Cpu, trap::Done};

/// One bit of FXM for each CR field, widened to the 32 bits of CR.
#[inline(always)]
fn field_mask(fxm: usize) -> u32 {
    (0..8).filter(|i| fxm >> i & 1 != 0).fold(0, |mask, i| mask | 0xf << (4 * i))
}

/// `RT = CR`.
#[inline]
pub fn mfcr(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = u64::from(cpu.cr());
    Ok(())
}

/// One CR field into its place in RT, the rest 0. RT is undefined, here kept, unless FXM names exactly one field.
#[inline]
pub fn mfocrf(cpu: &mut Cpu, w: Word) -> Done {
    if w.fxm().is_power_of_two() {
        cpu.gpr[w.rt()] = u64::from(cpu.cr() & field_mask(w.fxm()));
    }
    Ok(())
}

/// RS into the CR fields that FXM names.
#[inline]
pub fn mtcrf(cpu: &mut Cpu, w: Word) -> Done {
    let mask = field_mask(w.fxm());
    cpu.set_cr(cpu.cr() & !mask | cpu.gpr[w.rs()] as u32 & mask);
    Ok(())
}

/// RS into one CR field. CR is undefined, here kept, unless FXM names exactly one field.
#[inline]
pub fn mtocrf(cpu: &mut Cpu, w: Word) -> Done {
    if w.fxm().is_power_of_two() { mtcrf(cpu, w) } else { Ok(()) }
}

/// `CR[BF] = OV || OV32 || CA || CA32`.
#[inline]
pub fn mcrxrx(cpu: &mut Cpu, w: Word) -> Done {
    let x = cpu.xer;
    let bits = u32::from(x.ov) << 3 | u32::from(x.ov32) << 2 | u32::from(x.ca) << 1 | u32::from(x.ca32);
    cpu.set_crf(w.bf(), bits);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpu;
    use super::*;

    #[test]
    fn fxm_selects_fields_from_the_left() {
        let mut c = cpu();
        c.gpr[3] = 0x1234_5678;
        mtcrf(&mut c, Word(3 << 21 | 0x81 << 12)).unwrap();
        assert_eq!(c.cr(), 0x1000_0008);
        mtocrf(&mut c, Word(3 << 21 | 0x40 << 12)).unwrap();
        assert_eq!(c.cr(), 0x1200_0008);
        mfocrf(&mut c, Word(3 << 21 | 0x01 << 12)).unwrap();
        assert_eq!(c.gpr[3], 8);
        mfcr(&mut c, Word(3 << 21)).unwrap();
        assert_eq!(c.gpr[3], 0x1200_0008);
        c.xer.ov32 = true;
        c.xer.ca = true;
        mcrxrx(&mut c, Word(2 << 23)).unwrap();
        assert_eq!(c.crf(2), 6);
    }
}
