//! The vector status and control register.

use crate::{fields::Word, state::Cpu, trap::Done};

/// VSCR\[NJ\], bit 111 of a VR that holds the VSCR.
const NJ: u128 = 1 << 16;
/// VSCR\[SAT\], bit 127.
const SAT: u128 = 1;

/// `mfvscr`
pub fn mfvscr(cpu: &mut Cpu, w: Word) -> Done {
    let value = (if cpu.vscr.nj { NJ } else { 0 }) | (if cpu.vscr.sat { SAT } else { 0 });
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// `mtvscr`
pub fn mtvscr(cpu: &mut Cpu, w: Word) -> Done {
    let value = cpu.vr(w.vrb());
    cpu.vscr.nj = value & NJ != 0;
    cpu.vscr.sat = value & SAT != 0;
    Ok(())
}

/// Writes VRT and adds to VSCR\[SAT\], which stays set until `mtvscr`.
#[inline(always)]
pub(super) fn finish_saturated(cpu: &mut Cpu, w: Word, (value, saturated): (u128, bool)) -> Done {
    cpu.set_vr(w.vrt(), value);
    cpu.vscr.sat |= saturated;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu},
        *,
    };

    #[test]
    fn only_the_two_bits_are_kept() {
        let mut cpu = cpu(0, u128::MAX, 0);
        mtvscr(&mut cpu, W).unwrap();
        mfvscr(&mut cpu, W).unwrap();
        assert_eq!(cpu.vr(0), 0x1_0001);
    }
}
