//! Semantics: VSX floating point (Power ISA 3.0B, Book I, chapter 7).
//!
//! Scalars (`xs*`) behave like their FPR counterparts on all 64 VSRs: they set FPRF, FR and FI, and an enabled invalid
//! operation or zero divide keeps the target. Doubleword 1 of the target is undefined before ISA 3.1 and becomes zero
//! ("all processors that support this instruction write 0s into doubleword 1 of the result register").
//! Vectors (`xv*`) leave FPRF, FR and FI alone, and any enabled exception in any element keeps the whole target
//! ("if ex_flag=0 then VSR\[32*TX+T\] <- vresult").

use super::float::{record_flags, round_scalar, suppressed, trap};
use crate::{
    softfp::{
        DOUBLE, Format, Num, QUAD, Raw, bits,
        fast::{self, Op},
    },
    state::Cpu,
    trap::Done,
};

mod arith;
mod compare;
mod convert;
mod fields;
mod multiply_add;
mod quad;

pub use arith::*;
pub use compare::*;
pub use convert::*;
pub use fields::*;
pub use multiply_add::*;
pub use quad::*;

#[cfg(test)]
mod tests;

/// Doubleword `i` of a VSR value; 0 is the most significant.
#[inline(always)]
const fn dword(v: u128, i: usize) -> u64 {
    (v >> (64 - 64 * i)) as u64
}

/// Word `i` of a VSR value; 0 is the most significant.
#[inline(always)]
const fn word(v: u128, i: usize) -> u32 {
    (v >> (96 - 32 * i)) as u32
}

/// A VSR value with `value` in doubleword 0.
#[inline(always)]
const fn in_dword0(value: u64) -> u128 {
    (value as u128) << 64
}

/// A doubleword with `value` in both words: where the ISA defines one word and POWER9 writes both.
#[inline(always)]
const fn twice(value: u32) -> u64 {
    (value as u64) << 32 | value as u64
}

/// Width of an element of `format` in bits.
#[inline(always)]
const fn width(format: Format) -> u32 {
    1 + format.exp_bits + format.frac_bits
}

/// Element `i` of a vector of `format`, taken apart; element 0 is the most significant.
#[inline(always)]
const fn lane(format: Format, v: u128, i: u32) -> Num {
    format.unpack(v >> (128 - width(format) * (i + 1)))
}

/// The double in doubleword 0 of VSR `n`, taken apart.
#[inline(always)]
fn scalar(cpu: &Cpu, n: usize) -> Num {
    DOUBLE.unpack(dword(cpu.vsr[n], 0) as u128)
}

/// The quad in VR `n`, taken apart.
#[inline(always)]
fn quad(cpu: &Cpu, n: usize) -> Num {
    QUAD.unpack(cpu.vr(n))
}

/// Ends a scalar instruction: target `xt` receives `value` and FPRF `fprf` unless an enabled exception keeps them.
/// FR and FI are those of `flags`.
#[inline(always)]
fn finish_scalar(cpu: &mut Cpu, xt: usize, value: u128, fprf: Option<u64>, flags: u64) -> Done {
    let old = cpu.fpscr;
    cpu.fpscr = bits::accrue(old, flags);
    if !suppressed(flags, old) {
        cpu.vsr[xt] = value;
        if let Some(fprf) = fprf {
            cpu.fpscr = cpu.fpscr & !bits::FPRF | fprf;
        }
    }
    trap(cpu, bits::enabled(flags, old))
}

/// Ends a scalar arithmetic instruction whose rounded result has the precision of `format` and is kept as a double.
#[inline(always)]
fn finish_double(cpu: &mut Cpu, xt: usize, format: Format, r: Raw) -> Done {
    let fprf = format.fprf_of(r, cpu.fpscr);
    finish_scalar(cpu, xt, in_dword0(DOUBLE.pack(r.num) as u64), Some(fprf), r.flags)
}

/// Ends an instruction that reports only sticky exceptions: every vector instruction, and scalars that leave FR, FI and
/// FPRF alone. Any enabled exception keeps the target.
#[inline(always)]
fn finish_sticky(cpu: &mut Cpu, xt: usize, value: u128, flags: u64) -> Done {
    let enabled = record_flags(cpu, flags);
    if enabled == 0 {
        cpu.vsr[xt] = value;
    }
    trap(cpu, enabled)
}

/// Computes a vector of `format` element by element and ends the instruction.
#[inline(always)]
fn lanes(cpu: &mut Cpu, xt: usize, format: Format, element: impl Fn(&Cpu, u32) -> Raw) -> Done {
    let (value, flags) = collect(cpu, format, element);
    finish_sticky(cpu, xt, value, flags)
}

/// The elements of a vector of `format` and the union of their exceptions.
#[inline(always)]
fn collect(cpu: &Cpu, format: Format, element: impl Fn(&Cpu, u32) -> Raw) -> (u128, u64) {
    let mut value = 0;
    let mut flags = 0;
    for i in 0..128 / width(format) {
        let r = element(cpu, i);
        value = value << width(format) | format.pack(r.num);
        flags |= r.flags;
    }
    (value, flags)
}

/// The sign bits of a vector of `format`.
const fn signs(format: Format) -> u128 {
    let mut mask = 0;
    let mut i = 0;
    while i < 128 / width(format) {
        mask = mask << width(format) | 1 << (width(format) - 1);
        i += 1;
    }
    mask
}

/// The host's arithmetic for the common case of a scalar instruction; `negate` changes the sign of the result.
#[inline(always)]
fn quick_scalar(
    cpu: &mut Cpu,
    xt: usize,
    format: Format,
    op: Op,
    abc: [u64; 3],
    negate: bool,
) -> Option<Done> {
    let (result, flags) = fast::scalar(format, cpu.fpscr, op, abc)?;
    let result = result ^ (negate as u64) << 63;
    Some(finish_scalar(cpu, xt, in_dword0(result), Some(fast::fprf(result)), flags))
}

/// The host's arithmetic for a vector all of whose elements are common cases.
#[inline(always)]
fn quick_vector(
    cpu: &mut Cpu,
    xt: usize,
    format: Format,
    op: Op,
    abc: [u128; 3],
    negate: bool,
) -> Option<Done> {
    if cpu.fpscr & bits::RN != 0 {
        return None;
    }
    let (value, flags) = fast::vector(format, op, abc)?;
    let value = if negate { value ^ signs(format) } else { value };
    Some(finish_sticky(cpu, xt, value, flags))
}
