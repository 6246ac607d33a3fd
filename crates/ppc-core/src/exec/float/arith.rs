//! Arithmetic: add to fused multiply-add, root, estimates, rounding, comparison, software-divide tests.

use super::{finish, finish_value, narrowed, operand, round_scalar, trap};
use crate::{
    fields::Word,
    softfp::{
        self, DOUBLE, Env, Format, Num, Raw, Rounding, SINGLE, bits, compare,
        convert::round_to_integral,
        estimate,
        fast::{self, Op},
    },
    state::Cpu,
    trap::Done,
};

/// One rounding to `format`, then the end of the instruction.
#[inline(always)]
fn rounded<const RC: bool>(cpu: &mut Cpu, w: Word, format: Format, env: Env, raw: Raw) -> Done {
    finish::<RC>(cpu, w.frt(), format, round_scalar(format, env, raw))
}

/// The host's arithmetic for the common case of `op`; `negate` changes the sign of the result.
#[inline(always)]
fn quick<const RC: bool>(
    cpu: &mut Cpu,
    w: Word,
    format: Format,
    op: Op,
    abc: [u64; 3],
    negate: bool,
) -> Option<Done> {
    let (result, flags) = fast::scalar(format, cpu.fpscr, op, abc)?;
    let result = result ^ (negate as u64) << 63;
    Some(finish_value::<RC>(cpu, w.frt(), result, Some(fast::fprf(result)), flags))
}

macro_rules! arithmetic {
    ($($(#[$doc:meta])* $name:ident: $format:ident $op:ident, $a:ident $b:ident, |$x:ident, $y:ident, $env:ident| $raw:expr;)*) => {
        $($(#[$doc])*
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b) = (cpu.fpr(w.$a()), cpu.fpr(w.$b()));
            if let Some(done) = quick::<RC>(cpu, w, $format, Op::$op, [a, b, 0], false) {
                return done;
            }
            let ($x, $y, $env) = (DOUBLE.unpack(a as u128), DOUBLE.unpack(b as u128), Env::of(cpu.fpscr));
            rounded::<RC>(cpu, w, $format, $env, $raw)
        })*
    };
}

arithmetic! {
    /// Floating Add.
    fadd: DOUBLE Add, fra frb, |a, b, env| softfp::add(a, b, env.mode);
    /// Floating Add Single.
    fadds: SINGLE Add, fra frb, |a, b, env| softfp::add(a, b, env.mode);
    /// Floating Subtract. A NaN in FRB keeps its sign.
    fsub: DOUBLE Sub, fra frb, |a, b, env| softfp::add(a, b.negate_number(), env.mode);
    /// Floating Subtract Single. A NaN in FRB keeps its sign.
    fsubs: SINGLE Sub, fra frb, |a, b, env| softfp::add(a, b.negate_number(), env.mode);
    /// Floating Multiply.
    fmul: DOUBLE Mul, fra frc, |a, c, env| softfp::mul(a, c);
    /// Floating Multiply Single.
    fmuls: SINGLE Mul, fra frc, |a, c, env| softfp::mul(a, c);
    /// Floating Divide.
    fdiv: DOUBLE Div, fra frb, |a, b, env| softfp::div(a, b);
    /// Floating Divide Single.
    fdivs: SINGLE Div, fra frb, |a, b, env| softfp::div(a, b);
    /// Floating Square Root.
    fsqrt: DOUBLE Sqrt, frb frb, |b, _same, env| softfp::sqrt(b);
    /// Floating Square Root Single.
    fsqrts: SINGLE Sqrt, frb frb, |b, _same, env| softfp::sqrt(b);
}

/// FRA * FRC + FRB or - FRB; with NEG the sign changes after the rounding, except of a NaN.
#[inline(always)]
fn multiply_add<const RC: bool, const NEG: bool, const SUB: bool>(
    cpu: &mut Cpu,
    w: Word,
    format: Format,
) -> Done {
    let abc = [cpu.fpr(w.fra()), cpu.fpr(w.frb()), cpu.fpr(w.frc())];
    let op = if SUB { Op::MulSub } else { Op::MulAdd };
    if let Some(done) = quick::<RC>(cpu, w, format, op, abc, NEG) {
        return done;
    }
    let env = Env::of(cpu.fpscr);
    let [a, b, c] = abc.map(|bits| DOUBLE.unpack(bits as u128));
    let raw = softfp::fma(a, if SUB { b.negate_number() } else { b }, c, env.mode);
    let r = round_scalar(format, env, raw);
    finish::<RC>(cpu, w.frt(), format, if NEG { Raw { num: r.num.negate_number(), ..r } } else { r })
}

macro_rules! multiply_adds {
    ($($(#[$doc:meta])* $name:ident: $format:ident, $neg:literal $sub:literal;)*) => {
        $($(#[$doc])*
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            multiply_add::<RC, $neg, $sub>(cpu, w, $format)
        })*
    };
}

multiply_adds! {
    /// Floating Multiply-Add.
    fmadd: DOUBLE, false false;
    /// Floating Multiply-Add Single.
    fmadds: SINGLE, false false;
    /// Floating Multiply-Subtract.
    fmsub: DOUBLE, false true;
    /// Floating Multiply-Subtract Single.
    fmsubs: SINGLE, false true;
    /// Floating Negative Multiply-Add.
    fnmadd: DOUBLE, true false;
    /// Floating Negative Multiply-Add Single.
    fnmadds: SINGLE, true false;
    /// Floating Negative Multiply-Subtract.
    fnmsub: DOUBLE, true true;
    /// Floating Negative Multiply-Subtract Single.
    fnmsubs: SINGLE, true true;
}

macro_rules! estimates {
    ($($(#[$doc:meta])* $name:ident: $format:ident, $estimate:path;)*) => {
        $($(#[$doc])*
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let env = Env::of(cpu.fpscr);
            let r = $estimate($format, env, operand(cpu, w.frb()));
            finish::<RC>(cpu, w.frt(), $format, narrowed($format, r))
        })*
    };
}

estimates! {
    /// Floating Reciprocal Estimate.
    fre: DOUBLE, estimate::reciprocal;
    /// Floating Reciprocal Estimate Single.
    fres: SINGLE, estimate::reciprocal;
    /// Floating Reciprocal Square Root Estimate.
    frsqrte: DOUBLE, estimate::scalar_reciprocal_sqrt;
    /// Floating Reciprocal Square Root Estimate Single.
    frsqrtes: SINGLE, estimate::scalar_reciprocal_sqrt;
}

macro_rules! round_to_integer {
    ($($(#[$doc:meta])* $name:ident: $mode:expr;)*) => {
        $($(#[$doc])*
        ///
        /// FR and FI are set to 0 and XX is unchanged.
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let r = round_to_integral(operand(cpu, w.frb()), $mode);
            finish::<RC>(cpu, w.frt(), DOUBLE, Raw { num: r.num, flags: r.flags & bits::VXSNAN })
        })*
    };
}

round_to_integer! {
    /// Floating Round to Integer Nearest (ties away from zero).
    frin: Rounding::Away;
    /// Floating Round to Integer Toward Zero.
    friz: Rounding::Zero;
    /// Floating Round to Integer Plus.
    frip: Rounding::Up;
    /// Floating Round to Integer Minus.
    frim: Rounding::Down;
}

/// The exceptions of a comparison: VXSNAN, and for an ordered one VXVC, which an enabled VXSNAN hides.
#[inline]
pub(in crate::exec) fn compare_flags(a: Num, b: Num, ordered: bool, fpscr: u64) -> u64 {
    if a.is_snan() || b.is_snan() {
        bits::VXSNAN | if ordered && fpscr & bits::VE == 0 { bits::VXVC } else { 0 }
    } else if ordered && (a.is_nan() || b.is_nan()) {
        bits::VXVC
    } else {
        0
    }
}

/// Compares `a` with `b` into CR field `bf` and FPCC; FR, FI and C stay.
#[inline]
pub(in crate::exec) fn compare_into(cpu: &mut Cpu, bf: usize, a: Num, b: Num, ordered: bool) -> Done {
    let old = cpu.fpscr;
    let crf = compare::crf(compare::compare(a, b));
    let flags = compare_flags(a, b, ordered, old);
    let kept = old & (bits::FR | bits::FI);
    cpu.fpscr = bits::accrue(old, flags | kept) & !bits::FPCC | (crf as u64) << bits::FPRF_SHIFT;
    cpu.set_crf(bf, crf);
    trap(cpu, bits::enabled(flags, old))
}

/// FRA and FRB.
#[inline(always)]
fn ab(cpu: &Cpu, w: Word) -> (Num, Num) {
    (operand(cpu, w.fra()), operand(cpu, w.frb()))
}

/// Floating Compare Unordered.
pub fn fcmpu(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = ab(cpu, w);
    compare_into(cpu, w.bf(), a, b, false)
}

/// Floating Compare Ordered.
pub fn fcmpo(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = ab(cpu, w);
    compare_into(cpu, w.bf(), a, b, true)
}

/// The exponent field without its bias: what the test instructions look at, so a denormal has emin - 1.
#[inline]
const fn raw_exponent(format: Format, bits: u128) -> i32 {
    ((bits >> format.frac_bits) as i32 & ((1 << format.exp_bits) - 1)) - format.bias()
}

/// fg_flag and fe_flag of the test for software divide, as a CR field (ftdiv, xstdivdp, xvtdiv*).
#[inline]
pub(in crate::exec) fn test_divide(format: Format, a: u128, b: u128) -> u32 {
    let (na, nb) = (format.unpack(a), format.unpack(b));
    let (ea, eb) = (raw_exponent(format, a), raw_exponent(format, b));
    let (emin, emax) = (format.emin(), format.bias());
    let fe = na.is_nan()
        || na.is_inf()
        || nb.is_nan()
        || nb.is_inf()
        || nb.is_zero()
        || eb <= emin
        || eb >= emax - 2
        || !na.is_zero() && (ea - eb >= emax || ea - eb <= emin + 1 || ea <= emin + format.frac_bits as i32);
    let denormal = !nb.is_zero() && eb < emin;
    let fg = na.is_inf() || nb.is_inf() || nb.is_zero() || denormal;
    8 | (fg as u32) << 2 | (fe as u32) << 1
}

/// fg_flag and fe_flag of the test for software square root, as a CR field (ftsqrt, xstsqrtdp, xvtsqrt*).
#[inline]
pub(in crate::exec) fn test_sqrt(format: Format, b: u128) -> u32 {
    let (nb, eb) = (format.unpack(b), raw_exponent(format, b));
    let fe = nb.is_nan()
        || nb.is_inf()
        || nb.is_zero()
        || nb.sign
        || eb <= format.emin() + format.frac_bits as i32;
    let denormal = !nb.is_zero() && eb < format.emin();
    let fg = nb.is_inf() || nb.is_zero() || denormal;
    8 | (fg as u32) << 2 | (fe as u32) << 1
}

/// Floating Test for software Divide.
pub fn ftdiv(cpu: &mut Cpu, w: Word) -> Done {
    let crf = test_divide(DOUBLE, cpu.fpr(w.fra()) as u128, cpu.fpr(w.frb()) as u128);
    cpu.set_crf(w.bf(), crf);
    Ok(())
}

/// Floating Test for software Square Root.
pub fn ftsqrt(cpu: &mut Cpu, w: Word) -> Done {
    let crf = test_sqrt(DOUBLE, cpu.fpr(w.frb()) as u128);
    cpu.set_crf(w.bf(), crf);
    Ok(())
}
