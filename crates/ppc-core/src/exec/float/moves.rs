//! Moves of bit patterns: no exceptions, FPSCR untouched, signalling NaNs pass.

use super::{operand, record};
use crate::{fields::Word, state::Cpu, trap::Done};

const SIGN: u64 = 1 << 63;

macro_rules! moves {
    ($($(#[$doc:meta])* $name:ident: |$cpu:ident, $w:ident| $value:expr;)*) => {
        $($(#[$doc])*
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let value = {
                let ($cpu, $w) = (&*cpu, w);
                $value
            };
            cpu.set_fpr(w.frt(), value);
            if RC {
                record(cpu);
            }
            Ok(())
        })*
    };
}

moves! {
    /// Floating Move Register.
    fmr: |cpu, w| cpu.fpr(w.frb());
    /// Floating Negate.
    fneg: |cpu, w| cpu.fpr(w.frb()) ^ SIGN;
    /// Floating Absolute Value.
    fabs: |cpu, w| cpu.fpr(w.frb()) & !SIGN;
    /// Floating Negative Absolute Value.
    fnabs: |cpu, w| cpu.fpr(w.frb()) | SIGN;
    /// Floating Copy Sign: FRB with the sign of FRA.
    fcpsgn: |cpu, w| cpu.fpr(w.frb()) & !SIGN | cpu.fpr(w.fra()) & SIGN;
    /// Floating Select: FRC if FRA >= 0 (-0 included), else FRB (a NaN included).
    fsel: |cpu, w| {
        let a = operand(cpu, w.fra());
        cpu.fpr(if !a.is_nan() && (!a.sign || a.is_zero()) { w.frc() } else { w.frb() })
    };
}

/// Floating Merge Even Word: the upper words of FRA and FRB.
pub fn fmrgew(cpu: &mut Cpu, w: Word) -> Done {
    let value = cpu.fpr(w.fra()) & !0xffff_ffff | cpu.fpr(w.frb()) >> 32;
    cpu.set_fpr(w.frt(), value);
    Ok(())
}

/// Floating Merge Odd Word: the lower words of FRA and FRB.
pub fn fmrgow(cpu: &mut Cpu, w: Word) -> Done {
    let value = cpu.fpr(w.fra()) << 32 | cpu.fpr(w.frb()) & 0xffff_ffff;
    cpu.set_fpr(w.frt(), value);
    Ok(())
}
