//! Semantics: decimal floating point (Power ISA, Book I, "Decimal Floating-Point Facility").
//!
//! A long operand is an FPR, an extended one an even-odd pair of FPRs; an odd number of a pair is an invalid form and
//! names the pair it is in. Every instruction that sets FPRF ends in `finish`.

use super::float::{record, record_flags, suppressed, trap};
use crate::{
    softdfp::{EXTENDED, Format, LONG, Num, Raw},
    softfp::bits::{self, FPCC, FPRF, FPRF_SHIFT},
    state::Cpu,
    trap::Done,
};

mod arith;
mod convert;
mod fields;
mod quantum;
mod test;

pub use arith::*;
pub use convert::*;
pub use fields::*;
pub use quantum::*;
pub use test::*;

/// The format of the quad (`Q`) or the other instruction.
const fn format<const Q: bool>() -> Format {
    if Q { EXTENDED } else { LONG }
}

/// The bits of FPR or pair `n`.
#[inline(always)]
fn bits_of<const Q: bool>(cpu: &Cpu, n: usize) -> u128 {
    if Q { u128::from(cpu.fpr(n & !1)) << 64 | u128::from(cpu.fpr(n | 1)) } else { cpu.fpr(n).into() }
}

/// Writes FPR or pair `n`.
#[inline(always)]
fn set_bits<const Q: bool>(cpu: &mut Cpu, n: usize, value: u128) {
    if Q {
        cpu.set_fpr(n & !1, (value >> 64) as u64);
        cpu.set_fpr(n | 1, value as u64);
    } else {
        cpu.set_fpr(n, value as u64);
    }
}

/// The operand in FPR or pair `n`.
#[inline(always)]
fn operand<const Q: bool>(cpu: &Cpu, n: usize) -> Num {
    format::<Q>().unpack(bits_of::<Q>(cpu, n))
}

/// Ends an instruction whose result is `r`, by default in the format of the target.
#[inline(always)]
fn finish<const Q: bool, const RC: bool>(cpu: &mut Cpu, n: usize, r: Raw) -> Done {
    let format = format::<Q>();
    finish_value::<Q, RC>(cpu, n, format.pack(r.num), Some(format.fprf(r.num)), r.flags)
}

/// Ends an instruction that leaves `value` in FPR or pair `n`, unless an enabled exception keeps it from that; FPRF
/// changes when `fprf` is given.
#[inline(always)]
fn finish_value<const Q: bool, const RC: bool>(
    cpu: &mut Cpu,
    n: usize,
    value: u128,
    fprf: Option<u64>,
    flags: u64,
) -> Done {
    let old = cpu.fpscr;
    cpu.fpscr = bits::accrue(old, flags);
    if !suppressed(flags, old) {
        set_bits::<Q>(cpu, n, value);
        if let Some(fprf) = fprf {
            cpu.fpscr = cpu.fpscr & !FPRF | fprf;
        }
    }
    if RC {
        record(cpu);
    }
    trap(cpu, bits::enabled(flags, old))
}

/// Ends an instruction that leaves the FPSCR alone.
#[inline(always)]
fn finish_quiet<const Q: bool, const RC: bool>(cpu: &mut Cpu, n: usize, value: u128) -> Done {
    set_bits::<Q>(cpu, n, value);
    if RC {
        record(cpu);
    }
    Ok(())
}

/// Ends a comparison or test: its answer goes to CR field `bf` and FPCC; C, FR and FI stay.
#[inline(always)]
fn answer(cpu: &mut Cpu, bf: usize, crf: u32, flags: u64) -> Done {
    let enabled = record_flags(cpu, flags);
    cpu.fpscr = cpu.fpscr & !FPCC | u64::from(crf) << FPRF_SHIFT;
    cpu.set_crf(bf, crf);
    trap(cpu, enabled)
}

/// Defines the instruction for FPRs and the one for pairs, by their common body.
macro_rules! both {
    ($($(#[$doc:meta])* $name:ident $quad:ident = $body:ident;)*) => {
        $($(#[$doc])*
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            $body::<false, RC>(cpu, w)
        }
        /// The same, extended.
        pub fn $quad<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            $body::<true, RC>(cpu, w)
        })*
    };
}

use both;

#[cfg(test)]
mod tests;
