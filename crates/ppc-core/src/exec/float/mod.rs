//! Semantics: scalar binary floating point (Power ISA 3.0B, Book I, chapter 4).
//!
//! Every arithmetic instruction ends in `finish`: it decides whether an enabled exception keeps the target, writes
//! FPR, FPRF, exception bits and CR field 1, and reports `Err(FpEnabled)` only after all of that is architected.

use crate::{
    msr,
    softfp::{DOUBLE, Env, Format, Num, Raw, bits, round},
    state::Cpu,
    trap::{Done, Trap},
};

mod arith;
mod convert;
mod fpscr;
mod memory;
mod moves;

pub use arith::*;
pub use convert::*;
pub use fpscr::*;
pub use memory::*;
pub use moves::*;

/// FPR `n` taken apart.
#[inline(always)]
fn operand(cpu: &Cpu, n: usize) -> Num {
    DOUBLE.unpack(cpu.fpr(n) as u128)
}

/// Copies FX, FEX, VX, OX to CR field 1.
#[inline(always)]
pub(super) fn record(cpu: &mut Cpu) {
    cpu.set_crf(1, (cpu.fpscr >> 28) as u32 & 0xf);
}

/// `Err(FpEnabled)` when an enabled exception has occurred and MSR\[FE0,FE1\] don't ignore it. Both imprecise modes
/// are precise here, as the ISA permits.
#[inline(always)]
pub(super) fn trap(cpu: &Cpu, enabled: u64) -> Done {
    if enabled != 0 && cpu.msr & (msr::FE0 | msr::FE1) != 0 { Err(Trap::FpEnabled) } else { Ok(()) }
}

/// Accumulates the sticky exceptions of an instruction that leaves FR, FI and FPRF alone; returns the enabled ones.
#[inline(always)]
pub(super) fn record_flags(cpu: &mut Cpu, flags: u64) -> u64 {
    let old = cpu.fpscr;
    let flags = flags & bits::EXCEPTIONS;
    cpu.fpscr = bits::accrue(old, flags | old & (bits::FR | bits::FI));
    bits::enabled(flags, old)
}

/// Whether the exceptions in `flags` keep an instruction from writing its target: enabled invalid operation and
/// enabled zero divide.
#[inline(always)]
pub(super) fn suppressed(flags: u64, fpscr: u64) -> bool {
    bits::enabled(flags, fpscr) & (bits::VX | bits::ZX) != 0
}

/// Ends an arithmetic instruction whose rounded result `r` has the precision of `format`.
#[inline(always)]
fn finish<const RC: bool>(cpu: &mut Cpu, frt: usize, format: Format, r: Raw) -> Done {
    let fprf = format.fprf_of(r, cpu.fpscr);
    finish_value::<RC>(cpu, frt, DOUBLE.pack(r.num) as u64, Some(fprf), r.flags)
}

/// Ends an instruction whose result is `value`; FPRF changes when `fprf` is given.
#[inline(always)]
fn finish_value<const RC: bool>(
    cpu: &mut Cpu,
    frt: usize,
    value: u64,
    fprf: Option<u64>,
    flags: u64,
) -> Done {
    let old = cpu.fpscr;
    cpu.fpscr = bits::accrue(old, flags);
    if !suppressed(flags, old) {
        cpu.set_fpr(frt, value);
        if let Some(fprf) = fprf {
            cpu.fpscr = cpu.fpscr & !bits::FPRF | fprf;
        }
    }
    if RC {
        record(cpu);
    }
    trap(cpu, bits::enabled(flags, old))
}

/// Rounds to `format`; a NaN in single precision keeps only a single's payload. The ISA leaves the result undefined if an
/// operand has more ("all input values must be representable in single format", Book I, 4.2.1); processors cut it.
#[inline(always)]
pub(super) fn round_scalar(format: Format, env: Env, raw: Raw) -> Raw {
    narrowed(format, round(format, env, raw))
}

/// A result of `format`, a NaN with no more payload than that has.
#[inline(always)]
fn narrowed(format: Format, r: Raw) -> Raw {
    if format.frac_bits < DOUBLE.frac_bits && r.num.is_nan() {
        return Raw { num: single_nan(r.num), ..r };
    }
    r
}

#[cfg(test)]
mod tests;
