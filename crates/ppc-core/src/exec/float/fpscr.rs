//! Moves to and from the FPSCR. FEX and VX can't be written: they always follow the bits they summarise.

use super::{record, trap};
use crate::{
    fields::Word,
    softfp::bits::{self, DRN, ENABLES, EXCEPTIONS, FEX, FI, FPRF, FR, FX, IMPLEMENTED, NI, RN, VX},
    state::Cpu,
    trap::Done,
};

/// Control bits the lightweight forms return.
const CONTROL: u64 = DRN | ENABLES | NI | RN;

/// Writes the FPSCR and ends an instruction that set it explicitly; FEX then counts as an occurrence.
#[inline]
fn write<const RC: bool>(cpu: &mut Cpu, value: u64) -> Done {
    cpu.fpscr = bits::summarise(value & IMPLEMENTED);
    if RC {
        record(cpu);
    }
    trap(cpu, cpu.fpscr & FEX)
}

/// Move From FPSCR.
pub fn mffs<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    cpu.set_fpr(w.frt(), cpu.fpscr);
    if RC {
        record(cpu);
    }
    Ok(())
}

/// Returns the FPSCR bits of `mask` in FRT and replaces `change` by `value`; nothing can trap.
#[inline]
fn exchange(cpu: &mut Cpu, w: Word, mask: u64, change: u64, value: u64) -> Done {
    let old = cpu.fpscr;
    cpu.fpscr = bits::summarise(old & !change | value & change);
    cpu.set_fpr(w.frt(), old & mask);
    Ok(())
}

/// Move From FPSCR & Clear Enables.
pub fn mffsce(cpu: &mut Cpu, w: Word) -> Done {
    exchange(cpu, w, u64::MAX, ENABLES, 0)
}

/// Move From FPSCR Control & Set DRN, from FRB bits 29:31.
pub fn mffscdrn(cpu: &mut Cpu, w: Word) -> Done {
    exchange(cpu, w, CONTROL, DRN, cpu.fpr(w.frb()))
}

/// Move From FPSCR Control & Set DRN Immediate.
pub fn mffscdrni(cpu: &mut Cpu, w: Word) -> Done {
    exchange(cpu, w, CONTROL, DRN, (w.bits(18, 3) as u64) << 32)
}

/// Move From FPSCR Control & Set RN, from FRB bits 62:63.
pub fn mffscrn(cpu: &mut Cpu, w: Word) -> Done {
    exchange(cpu, w, CONTROL, RN, cpu.fpr(w.frb()))
}

/// Move From FPSCR Control & Set RN Immediate.
pub fn mffscrni(cpu: &mut Cpu, w: Word) -> Done {
    exchange(cpu, w, CONTROL, RN, w.bits(19, 2) as u64)
}

/// Move From FPSCR Lightweight: control and non-sticky status bits.
pub fn mffsl(cpu: &mut Cpu, w: Word) -> Done {
    exchange(cpu, w, CONTROL | FR | FI | FPRF, 0, 0)
}

/// Move to Condition Register from FPSCR: copies field BFA and clears the exception bits in it.
pub fn mcrfs(cpu: &mut Cpu, w: Word) -> Done {
    let shift = 28 - 4 * w.bfa();
    let field = (cpu.fpscr >> shift) & 0xf;
    cpu.fpscr = bits::summarise(cpu.fpscr & !((EXCEPTIONS | FX) & 0xf << shift));
    cpu.set_crf(w.bf(), field as u32);
    Ok(())
}

/// Move To FPSCR Fields: the fields FLM names of the word W names, or with L all 64 bits.
pub fn mtfsf<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let mask = if w.bit(6) {
        u64::MAX
    } else {
        let flm = w.bits(7, 8) as u64;
        let fields = (0..8).filter(|i| flm >> i & 1 != 0).fold(0u64, |mask, i| mask | 0xf << (4 * i));
        if w.bit(15) { fields << 32 } else { fields }
    };
    write::<RC>(cpu, cpu.fpscr & !mask | cpu.fpr(w.frb()) & mask)
}

/// Move To FPSCR Field Immediate.
pub fn mtfsfi<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let shift = 28 - 4 * w.bf() + if w.bit(15) { 32 } else { 0 };
    let u = w.bits(16, 4) as u64;
    write::<RC>(cpu, cpu.fpscr & !(0xf << shift) | u << shift)
}

/// Move To FPSCR Bit 0.
pub fn mtfsb0<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let bit = 0x8000_0000u64 >> w.bt();
    write::<RC>(cpu, cpu.fpscr & !(bit & !(FEX | VX)))
}

/// Move To FPSCR Bit 1. An exception bit that rises takes FX with it.
pub fn mtfsb1<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let bit = (0x8000_0000u64 >> w.bt()) & !(FEX | VX);
    let fx = if bit & EXCEPTIONS & !cpu.fpscr != 0 { FX } else { 0 };
    write::<RC>(cpu, cpu.fpscr | bit | fx)
}
