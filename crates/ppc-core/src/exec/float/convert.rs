//! Conversions: to single precision, to integers, from integers.

use super::{finish, finish_value, operand};
use crate::{
    fields::Word,
    softfp::{
        DOUBLE, Env, Num, Raw, Rounding, SINGLE, bits,
        convert::{I32, I64, Int, U32, U64, from_int, to_int},
        round,
    },
    state::Cpu,
    trap::Done,
};

/// Floating Round to Single-Precision. A NaN loses bits 35:63.
pub fn frsp<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let b = operand(cpu, w.frb());
    let num = if b.is_nan() { single_nan(b) } else { b };
    let flags = if b.is_snan() { bits::VXSNAN } else { 0 };
    let r = round(SINGLE, Env::of(cpu.fpscr), Raw { num, flags });
    finish::<RC>(cpu, w.frt(), SINGLE, r)
}

/// A quiet NaN with no more payload than a single has.
#[inline]
pub(in crate::exec) fn single_nan(nan: Num) -> Num {
    let quiet = nan.quiet();
    Num { sig: quiet.sig & u128::MAX << (127 - SINGLE.frac_bits), ..quiet }
}

/// The image of a converted integer in a doubleword. The upper word of a word conversion is undefined; it is the
/// extension of the lower one, except for a NaN, where it is zero, as in QEMU.
#[inline]
fn image(value: i128, int: Int, b: Num) -> u64 {
    if int.bits == 32 && b.is_nan() { value as u32 as u64 } else { value as u64 }
}

#[inline(always)]
fn to_integer<const RC: bool>(cpu: &mut Cpu, w: Word, int: Int, mode: Rounding) -> Done {
    let b = operand(cpu, w.frb());
    let (value, flags) = to_int(b, int, mode);
    // FPRF is undefined; QEMU marks invalid conversions as it marks NaNs and leaves it alone otherwise.
    let fprf = if flags & bits::VXCVI != 0 { Some(0b10001 << bits::FPRF_SHIFT) } else { None };
    finish_value::<RC>(cpu, w.frt(), image(value, int, b), fprf, flags)
}

macro_rules! to_integer {
    ($($(#[$doc:meta])* $name:ident: $int:ident, $mode:expr;)*) => {
        $($(#[$doc])*
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let mode: fn(u64) -> Rounding = $mode;
            let mode = mode(cpu.fpscr);
            to_integer::<RC>(cpu, w, $int, mode)
        })*
    };
}

to_integer! {
    /// Floating Convert with round to Signed Doubleword.
    fctid: I64, Rounding::of;
    /// Floating Convert with truncate to Signed Doubleword.
    fctidz: I64, |_| Rounding::Zero;
    /// Floating Convert with round to Unsigned Doubleword.
    fctidu: U64, Rounding::of;
    /// Floating Convert with truncate to Unsigned Doubleword.
    fctiduz: U64, |_| Rounding::Zero;
    /// Floating Convert with round to Signed Word.
    fctiw: I32, Rounding::of;
    /// Floating Convert with truncate to Signed Word.
    fctiwz: I32, |_| Rounding::Zero;
    /// Floating Convert with round to Unsigned Word.
    fctiwu: U32, Rounding::of;
    /// Floating Convert with truncate to Unsigned Word.
    fctiwuz: U32, |_| Rounding::Zero;
}

macro_rules! from_integer {
    ($($(#[$doc:meta])* $name:ident: $format:ident, $int:ty;)*) => {
        $($(#[$doc])*
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let num = from_int(cpu.fpr(w.frb()) as $int as i128);
            let r = round($format, Env::of(cpu.fpscr), Raw::exact(num));
            finish::<RC>(cpu, w.frt(), $format, r)
        })*
    };
}

from_integer! {
    /// Floating Convert from Signed Doubleword.
    fcfid: DOUBLE, i64;
    /// Floating Convert from Unsigned Doubleword.
    fcfidu: DOUBLE, u64;
    /// Floating Convert from Signed Doubleword to Single-Precision.
    fcfids: SINGLE, i64;
    /// Floating Convert from Unsigned Doubleword to Single-Precision.
    fcfidus: SINGLE, u64;
}
