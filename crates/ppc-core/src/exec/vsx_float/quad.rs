//! Quad precision (ISA 3.0, and conversions of quadwords of 3.1): binary128 in VRs.

use super::{finish_scalar, in_dword0, quad};
use crate::{
    fields::Word,
    softfp::{
        self, Class, DOUBLE, Env, Format, Num, QUAD, Raw, Rounding, bits,
        bits::VXSNAN,
        convert::{I32, I64, Int, U32, U64, from_int, round_to_integral, to_int},
        round,
    },
    state::Cpu,
    trap::Done,
};

const SIGN: u128 = 1 << 127;

/// Ends an instruction whose quad result goes to VRT.
#[inline(always)]
fn finish(cpu: &mut Cpu, w: Word, r: Raw) -> Done {
    finish_scalar(cpu, 32 + w.vrt(), QUAD.pack(r.num), Some(QUAD.fprf(r.num)), r.flags)
}

/// The environment of an instruction with RO in bit 31: round to odd instead of by RN.
#[inline(always)]
fn env(cpu: &Cpu, w: Word) -> Env {
    let env = Env::of(cpu.fpscr);
    if w.bit(31) { Env { mode: Rounding::Odd, ..env } } else { env }
}

macro_rules! arithmetic {
    ($($doc:literal, $name:ident: |$a:ident, $b:ident, $env:ident| $raw:expr;)*) => {
        $(#[doc = concat!("VSX Scalar ", $doc, " Quad-Precision [using round to Odd]")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let ($a, $b, $env) = (quad(cpu, w.vra()), quad(cpu, w.vrb()), env(cpu, w));
            finish(cpu, w, round(QUAD, $env, $raw))
        })*
    };
}

arithmetic! {
    "Add", xsaddqp: |a, b, env| softfp::add(a, b, env.mode);
    "Subtract", xssubqp: |a, b, env| softfp::add(a, b.negate_number(), env.mode);
    "Multiply", xsmulqp: |a, b, env| softfp::mul(a, b);
    "Divide", xsdivqp: |a, b, env| softfp::div(a, b);
}

/// VSX Scalar Square Root Quad-Precision [using round to Odd].
pub fn xssqrtqp(cpu: &mut Cpu, w: Word) -> Done {
    let r = round(QUAD, env(cpu, w), softfp::sqrt(quad(cpu, w.vrb())));
    finish(cpu, w, r)
}

/// VRA * VRB ± VRT.
#[inline(always)]
fn multiply_add<const NEG: bool, const SUB: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, c, t, env) = (quad(cpu, w.vra()), quad(cpu, w.vrb()), quad(cpu, w.vrt()), env(cpu, w));
    let r = round(QUAD, env, softfp::fma(a, if SUB { t.negate_number() } else { t }, c, env.mode));
    finish(cpu, w, if NEG { Raw { num: r.num.negate_number(), ..r } } else { r })
}

/// VSX Scalar Multiply-Add Quad-Precision [using round to Odd].
pub fn xsmaddqp(cpu: &mut Cpu, w: Word) -> Done {
    multiply_add::<false, false>(cpu, w)
}

/// VSX Scalar Multiply-Subtract Quad-Precision [using round to Odd].
pub fn xsmsubqp(cpu: &mut Cpu, w: Word) -> Done {
    multiply_add::<false, true>(cpu, w)
}

/// VSX Scalar Negative Multiply-Add Quad-Precision [using round to Odd].
pub fn xsnmaddqp(cpu: &mut Cpu, w: Word) -> Done {
    multiply_add::<true, false>(cpu, w)
}

/// VSX Scalar Negative Multiply-Subtract Quad-Precision [using round to Odd].
pub fn xsnmsubqp(cpu: &mut Cpu, w: Word) -> Done {
    multiply_add::<true, true>(cpu, w)
}

macro_rules! signs {
    ($($doc:literal, $name:ident: |$cpu:ident, $w:ident| $value:expr;)*) => {
        $(#[doc = concat!("VSX Scalar ", $doc, " Quad-Precision")]
        pub fn $name($cpu: &mut Cpu, $w: Word) -> Done {
            let value = $value;
            $cpu.set_vr($w.vrt(), value);
            Ok(())
        })*
    };
}

signs! {
    "Absolute", xsabsqp: |cpu, w| cpu.vr(w.vrb()) & !SIGN;
    "Negative Absolute", xsnabsqp: |cpu, w| cpu.vr(w.vrb()) | SIGN;
    "Negate", xsnegqp: |cpu, w| cpu.vr(w.vrb()) ^ SIGN;
    "Copy Sign", xscpsgnqp: |cpu, w| cpu.vr(w.vra()) & SIGN | cpu.vr(w.vrb()) & !SIGN;
}

/// A NaN made quiet with VXSNAN if it was not; anything else as it is.
#[inline]
fn quieted(b: Num) -> Raw {
    Raw { num: if b.is_nan() { b.quiet() } else { b }, flags: if b.is_snan() { VXSNAN } else { 0 } }
}

/// VSX Scalar Convert Double-Precision to Quad-Precision format: from doubleword 0.
pub fn xscvdpqp(cpu: &mut Cpu, w: Word) -> Done {
    let r = quieted(DOUBLE.unpack(cpu.vr(w.vrb()) >> 64));
    finish(cpu, w, r)
}

/// VSX Scalar Convert with round Quad-Precision to Double-Precision format [using round to Odd]: to doubleword 0.
pub fn xscvqpdp(cpu: &mut Cpu, w: Word) -> Done {
    let r = round(DOUBLE, env(cpu, w), quieted(quad(cpu, w.vrb())));
    // A NaN's payload beyond a double's is lost before it is stored; `pack` drops it.
    finish_scalar(cpu, 32 + w.vrt(), DOUBLE.pack(r.num) << 64, Some(DOUBLE.fprf_of(r, cpu.fpscr)), r.flags)
}

#[inline(always)]
fn to_integer(cpu: &mut Cpu, w: Word, int: Int) -> Done {
    let (value, flags) = to_int(quad(cpu, w.vrb()), int, Rounding::Zero);
    // FPRF is undefined; it stays.
    finish_scalar(cpu, 32 + w.vrt(), in_dword0(value as u64), None, flags)
}

/// VSX Scalar Convert with round to zero Quad-Precision to Signed Doubleword format.
pub fn xscvqpsdz(cpu: &mut Cpu, w: Word) -> Done {
    to_integer(cpu, w, I64)
}

/// VSX Scalar Convert with round to zero Quad-Precision to Unsigned Doubleword format.
pub fn xscvqpudz(cpu: &mut Cpu, w: Word) -> Done {
    to_integer(cpu, w, U64)
}

/// VSX Scalar Convert with round to zero Quad-Precision to Signed Word format, sign-extended.
pub fn xscvqpswz(cpu: &mut Cpu, w: Word) -> Done {
    to_integer(cpu, w, I32)
}

/// VSX Scalar Convert with round to zero Quad-Precision to Unsigned Word format, zero-extended.
pub fn xscvqpuwz(cpu: &mut Cpu, w: Word) -> Done {
    to_integer(cpu, w, U32)
}

/// VSX Scalar Convert Signed Doubleword to Quad-Precision format: exact.
pub fn xscvsdqp(cpu: &mut Cpu, w: Word) -> Done {
    let value = (cpu.vr(w.vrb()) >> 64) as i64;
    finish(cpu, w, Raw::exact(from_int(value as i128)))
}

/// VSX Scalar Convert Unsigned Doubleword to Quad-Precision format: exact.
pub fn xscvudqp(cpu: &mut Cpu, w: Word) -> Done {
    let value = (cpu.vr(w.vrb()) >> 64) as u64;
    finish(cpu, w, Raw::exact(from_int(value as i128)))
}

/// VSX Scalar Convert with round to zero Quad-Precision to Signed Quadword.
pub fn xscvqpsqz(cpu: &mut Cpu, w: Word) -> Done {
    to_quadword(cpu, w, i128::MIN as u128, i128::MAX as u128, |num, magnitude| {
        if num.sign { 0i128.checked_sub_unsigned(magnitude) } else { magnitude.try_into().ok() }
            .map(|v| v as u128)
    })
}

/// VSX Scalar Convert with round to zero Quad-Precision to Unsigned Quadword.
pub fn xscvqpuqz(cpu: &mut Cpu, w: Word) -> Done {
    to_quadword(cpu, w, 0, u128::MAX, |num, magnitude| (!num.sign || magnitude == 0).then_some(magnitude))
}

/// The quad in VRB truncated to an integer of 128 bits, if `fit` has one for it; else the nearest end of the range.
fn to_quadword(cpu: &mut Cpu, w: Word, min: u128, max: u128, fit: fn(Num, u128) -> Option<u128>) -> Done {
    let b = quad(cpu, w.vrb());
    let found = match b.class {
        Class::Zero => Some((0, 0)),
        Class::Finite if b.exp < 128 => {
            let cut = (127 - b.exp) as u32;
            let (magnitude, lost) =
                if cut > 127 { (0, true) } else { (b.sig >> cut, b.sig & ((1 << cut) - 1) != 0) };
            fit(b, magnitude).map(|value| (value, if lost { bits::XX | bits::FI } else { 0 }))
        }
        _ => None,
    };
    let (value, flags) = found.unwrap_or_else(|| {
        let snan = if b.is_snan() { VXSNAN } else { 0 };
        (if b.is_nan() || b.sign { min } else { max }, bits::VXCVI | snan)
    });
    // FPRF is undefined; it stays.
    finish_scalar(cpu, 32 + w.vrt(), value, None, flags)
}

/// VSX Scalar Convert with round Signed Quadword to Quad-Precision.
pub fn xscvsqqp(cpu: &mut Cpu, w: Word) -> Done {
    let r = round(QUAD, Env::of(cpu.fpscr), Raw::exact(from_int(cpu.vr(w.vrb()) as i128)));
    finish(cpu, w, r)
}

/// VSX Scalar Convert with round Unsigned Quadword to Quad-Precision.
pub fn xscvuqqp(cpu: &mut Cpu, w: Word) -> Done {
    let r = round(QUAD, Env::of(cpu.fpscr), Raw::exact(Num::finite(false, 127, cpu.vr(w.vrb()))));
    finish(cpu, w, r)
}

/// The rounding mode R and RMC select. R = 0 with RMC 0b01 or 0b10 is reserved and acts as 0b00.
#[inline]
fn immediate_mode(cpu: &Cpu, w: Word) -> Rounding {
    match (w.bit(15), w.bits(21, 2)) {
        (false, 3) => Rounding::of(cpu.fpscr),
        (false, _) => Rounding::Away,
        (true, 0) => Rounding::Even,
        (true, 1) => Rounding::Zero,
        (true, 2) => Rounding::Up,
        (true, _) => Rounding::Down,
    }
}

/// VSX Scalar Round to Quad-Precision Integer [with Inexact]: without EX (bit 31), inexactness is not reported.
pub fn xsrqpi(cpu: &mut Cpu, w: Word) -> Done {
    let r = round_to_integral(quad(cpu, w.vrb()), immediate_mode(cpu, w));
    let flags = if w.bit(31) { r.flags } else { r.flags & bits::VXSNAN };
    finish(cpu, w, Raw { flags, ..r })
}

/// The x87 double-extended format's precision in a quad's range.
const EXTENDED: Format = Format { exp_bits: QUAD.exp_bits, frac_bits: 63, adjust: QUAD.adjust };

/// VSX Scalar Round Quad-Precision to Double-Extended Precision.
pub fn xsrqpxp(cpu: &mut Cpu, w: Word) -> Done {
    let env = Env { mode: immediate_mode(cpu, w), ..Env::of(cpu.fpscr) };
    let r = round(EXTENDED, env, quieted(quad(cpu, w.vrb())));
    let num = if r.num.is_nan() { Num { sig: r.num.sig & u128::MAX << 64, ..r.num } } else { r.num };
    finish(cpu, w, Raw { num, ..r })
}
