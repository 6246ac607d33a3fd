//! Add, subtract, multiply, divide, square root, estimates, rounding to integers, maximum and minimum, signs.

use super::{
    dword, finish_double, finish_sticky, in_dword0, lane, lanes, quad, quick_scalar, quick_vector,
    round_scalar, scalar, signs,
};
use crate::{
    fields::Word,
    softfp::{
        self, DOUBLE, Env, Num, Raw, Rounding, SINGLE, bits,
        compare::compare,
        convert::round_to_integral,
        estimate::{reciprocal, reciprocal_sqrt, scalar_reciprocal_sqrt},
        fast::Op,
        num::{propagate, snan_flag},
        round,
    },
    state::Cpu,
    trap::Done,
};
use std::cmp::Ordering;

macro_rules! binary {
    ($($doc:literal, $xsdp:ident $xssp:ident $xvdp:ident $xvsp:ident $op:ident: |$a:ident, $b:ident, $env:ident| $raw:expr;)*) => {
        $(
        binary!(scalar $doc " Double-Precision", $xsdp, DOUBLE $op, |$a, $b, $env| $raw);
        binary!(scalar $doc " Single-Precision", $xssp, SINGLE $op, |$a, $b, $env| $raw);
        binary!(vector $doc " Double-Precision", $xvdp, DOUBLE $op, |$a, $b, $env| $raw);
        binary!(vector $doc " Single-Precision", $xvsp, SINGLE $op, |$a, $b, $env| $raw);
        )*
    };
    (scalar $doc:literal $kind:literal, $name:ident, $format:ident $op:ident, |$a:ident, $b:ident, $env:ident| $raw:expr) => {
        #[doc = concat!("VSX Scalar ", $doc, $kind)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let operands = [dword(cpu.vsr[w.xa()], 0), dword(cpu.vsr[w.xb()], 0), 0];
            if let Some(done) = quick_scalar(cpu, w.xt(), $format, Op::$op, operands, false) {
                return done;
            }
            let ($a, $b, $env) = (scalar(cpu, w.xa()), scalar(cpu, w.xb()), Env::of(cpu.fpscr));
            finish_double(cpu, w.xt(), $format, round_scalar($format, $env, $raw))
        }
    };
    (vector $doc:literal $kind:literal, $name:ident, $format:ident $op:ident, |$a:ident, $b:ident, $env:ident| $raw:expr) => {
        #[doc = concat!("VSX Vector ", $doc, $kind)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (va, vb, $env) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()], Env::of(cpu.fpscr));
            if let Some(done) = quick_vector(cpu, w.xt(), $format, Op::$op, [va, vb, 0], false) {
                return done;
            }
            lanes(cpu, w.xt(), $format, |_, i| {
                let ($a, $b) = (lane($format, va, i), lane($format, vb, i));
                round($format, $env, $raw)
            })
        }
    };
}

binary! {
    "Add", xsadddp xsaddsp xvadddp xvaddsp Add: |a, b, env| softfp::add(a, b, env.mode);
    "Subtract", xssubdp xssubsp xvsubdp xvsubsp Sub: |a, b, env| softfp::add(a, b.negate_number(), env.mode);
    "Multiply", xsmuldp xsmulsp xvmuldp xvmulsp Mul: |a, b, env| softfp::mul(a, b);
    "Divide", xsdivdp xsdivsp xvdivdp xvdivsp Div: |a, b, env| softfp::div(a, b);
}

macro_rules! unary {
    ($($doc:literal, $kind:tt $name:ident $format:ident: |$b:ident, $env:ident| $rounded:expr;)*) => {
        $(unary!($kind $doc, $name, $format, |$b, $env| $rounded);)*
    };
    (scalar $doc:literal, $name:ident, $format:ident, |$b:ident, $env:ident| $rounded:expr) => {
        #[doc = concat!("VSX Scalar ", $doc)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let ($b, $env) = (scalar(cpu, w.xb()), Env::of(cpu.fpscr));
            finish_double(cpu, w.xt(), $format, round_scalar($format, $env, $rounded))
        }
    };
    (vector $doc:literal, $name:ident, $format:ident, |$b:ident, $env:ident| $rounded:expr) => {
        #[doc = concat!("VSX Vector ", $doc)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (vb, $env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
            lanes(cpu, w.xt(), $format, |_, i| {
                let $b = lane($format, vb, i);
                $rounded
            })
        }
    };
}

macro_rules! roots {
    ($($doc:literal, $xs:ident $xv:ident: $format:ident;)*) => {
        $(
        #[doc = concat!("VSX Scalar Square Root ", $doc)]
        pub fn $xs(cpu: &mut Cpu, w: Word) -> Done {
            let b = dword(cpu.vsr[w.xb()], 0);
            if let Some(done) = quick_scalar(cpu, w.xt(), $format, Op::Sqrt, [b, 0, 0], false) {
                return done;
            }
            let raw = softfp::sqrt(DOUBLE.unpack(b as u128));
            finish_double(cpu, w.xt(), $format, round_scalar($format, Env::of(cpu.fpscr), raw))
        }
        #[doc = concat!("VSX Vector Square Root ", $doc)]
        pub fn $xv(cpu: &mut Cpu, w: Word) -> Done {
            let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
            if let Some(done) = quick_vector(cpu, w.xt(), $format, Op::Sqrt, [vb, 0, 0], false) {
                return done;
            }
            lanes(cpu, w.xt(), $format, |_, i| round($format, env, softfp::sqrt(lane($format, vb, i))))
        }
        )*
    };
}

roots! {
    "Double-Precision", xssqrtdp xvsqrtdp: DOUBLE;
    "Single-Precision", xssqrtsp xvsqrtsp: SINGLE;
}

/// Rounds to an integral value without reporting that it was inexact.
#[inline]
fn quietly(b: Num, mode: Rounding) -> Raw {
    let r = round_to_integral(b, mode);
    Raw { flags: r.flags & bits::VXSNAN, ..r }
}

unary! {
    "Reciprocal Estimate Double-Precision", scalar xsredp DOUBLE: |b, env| reciprocal(DOUBLE, env, b);
    "Reciprocal Estimate Single-Precision", scalar xsresp SINGLE: |b, env| reciprocal(SINGLE, env, b);
    "Reciprocal Estimate Double-Precision", vector xvredp DOUBLE: |b, env| reciprocal(DOUBLE, env, b);
    "Reciprocal Estimate Single-Precision", vector xvresp SINGLE: |b, env| reciprocal(SINGLE, env, b);
    "Reciprocal Square Root Estimate Double-Precision", scalar xsrsqrtedp DOUBLE:
        |b, env| scalar_reciprocal_sqrt(DOUBLE, env, b);
    "Reciprocal Square Root Estimate Single-Precision", scalar xsrsqrtesp SINGLE:
        |b, env| scalar_reciprocal_sqrt(SINGLE, env, b);
    "Reciprocal Square Root Estimate Double-Precision", vector xvrsqrtedp DOUBLE:
        |b, env| reciprocal_sqrt(DOUBLE, DOUBLE, env, b);
    "Reciprocal Square Root Estimate Single-Precision", vector xvrsqrtesp SINGLE:
        |b, env| reciprocal_sqrt(SINGLE, SINGLE, env, b);
    "Round to Double-Precision Integer using Round to Nearest Away", scalar xsrdpi DOUBLE:
        |b, env| quietly(b, Rounding::Away);
    "Round to Double-Precision Integer Exact using Current rounding mode", scalar xsrdpic DOUBLE:
        |b, env| round_to_integral(b, env.mode);
    "Round to Double-Precision Integer using Round toward -Infinity", scalar xsrdpim DOUBLE:
        |b, env| quietly(b, Rounding::Down);
    "Round to Double-Precision Integer using Round toward +Infinity", scalar xsrdpip DOUBLE:
        |b, env| quietly(b, Rounding::Up);
    "Round to Double-Precision Integer using Round toward Zero", scalar xsrdpiz DOUBLE:
        |b, env| quietly(b, Rounding::Zero);
    "Round to Double-Precision Integer using Round to Nearest Away", vector xvrdpi DOUBLE:
        |b, _env| quietly(b, Rounding::Away);
    "Round to Double-Precision Integer Exact using Current rounding mode", vector xvrdpic DOUBLE:
        |b, env| round_to_integral(b, env.mode);
    "Round to Double-Precision Integer using Round toward -Infinity", vector xvrdpim DOUBLE:
        |b, _env| quietly(b, Rounding::Down);
    "Round to Double-Precision Integer using Round toward +Infinity", vector xvrdpip DOUBLE:
        |b, _env| quietly(b, Rounding::Up);
    "Round to Double-Precision Integer using Round toward Zero", vector xvrdpiz DOUBLE:
        |b, _env| quietly(b, Rounding::Zero);
    "Round to Single-Precision Integer using Round to Nearest Away", vector xvrspi SINGLE:
        |b, _env| quietly(b, Rounding::Away);
    "Round to Single-Precision Integer Exact using Current rounding mode", vector xvrspic SINGLE:
        |b, env| round_to_integral(b, env.mode);
    "Round to Single-Precision Integer using Round toward -Infinity", vector xvrspim SINGLE:
        |b, _env| quietly(b, Rounding::Down);
    "Round to Single-Precision Integer using Round toward +Infinity", vector xvrspip SINGLE:
        |b, _env| quietly(b, Rounding::Up);
    "Round to Single-Precision Integer using Round toward Zero", vector xvrspiz SINGLE:
        |b, _env| quietly(b, Rounding::Zero);
}

/// Whether `a` is the larger one; +0 is larger than -0. Neither is a NaN.
#[inline]
fn larger(a: Num, b: Num) -> bool {
    match compare(a, b) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => !a.sign || b.sign,
        _ => false,
    }
}

/// Maximum or minimum as IEEE 754-2008 maxNum has it: a number beats a quiet NaN.
#[inline]
pub(in crate::exec) fn max_min(a: Num, b: Num, max: bool) -> Raw {
    if a.is_snan() || b.is_snan() || a.is_nan() && b.is_nan() {
        return propagate(&[a, b]).unwrap_or(Raw::exact(a));
    }
    let first = if a.is_nan() {
        false
    } else if b.is_nan() {
        true
    } else {
        larger(a, b) == max || a == b
    };
    Raw::exact(if first { a } else { b })
}

macro_rules! maxima {
    ($($doc:literal, $xsdp:ident $xvdp:ident $xvsp:ident: $max:literal;)*) => {
        $(
        #[doc = concat!("VSX Scalar ", $doc, " Double-Precision")]
        pub fn $xsdp(cpu: &mut Cpu, w: Word) -> Done {
            let r = max_min(scalar(cpu, w.xa()), scalar(cpu, w.xb()), $max);
            finish_sticky(cpu, w.xt(), in_dword0(DOUBLE.pack(r.num) as u64), r.flags)
        }
        maxima!(vector $doc " Double-Precision", $xvdp, DOUBLE, $max);
        maxima!(vector $doc " Single-Precision", $xvsp, SINGLE, $max);
        )*
    };
    (vector $doc:literal $kind:literal, $name:ident, $format:ident, $max:literal) => {
        #[doc = concat!("VSX Vector ", $doc, $kind)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (va, vb) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()]);
            lanes(cpu, w.xt(), $format, |_, i| max_min(lane($format, va, i), lane($format, vb, i), $max))
        }
    };
}

maxima! {
    "Maximum", xsmaxdp xvmaxdp xvmaxsp: true;
    "Minimum", xsmindp xvmindp xvminsp: false;
}

/// Ends a Type-C or Type-J maximum: an operand is copied as it is.
#[inline]
fn select(cpu: &mut Cpu, w: Word, first: bool, flags: u64) -> Done {
    let from = if first { w.xa() } else { w.xb() };
    let value = cpu.vsr[from] & !(u64::MAX as u128);
    finish_sticky(cpu, w.xt(), value, flags)
}

/// VSX Scalar Maximum Type-C Double-Precision: XA if XA >= XB, else XB, a NaN making the comparison false.
pub fn xsmaxcdp(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (scalar(cpu, w.xa()), scalar(cpu, w.xb()));
    let first = matches!(compare(a, b), Some(Ordering::Greater | Ordering::Equal));
    select(cpu, w, first, snan_flag(&[a, b]))
}

/// VSX Scalar Minimum Type-C Double-Precision: XA if XA < XB, else XB, a NaN making the comparison false.
pub fn xsmincdp(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (scalar(cpu, w.xa()), scalar(cpu, w.xb()));
    let first = matches!(compare(a, b), Some(Ordering::Less));
    select(cpu, w, first, snan_flag(&[a, b]))
}

/// VSX Scalar Maximum Type-C Quad-Precision, as for doubles.
pub fn xsmaxcqp(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (quad(cpu, w.vra()), quad(cpu, w.vrb()));
    let first = matches!(compare(a, b), Some(Ordering::Greater | Ordering::Equal));
    let value = cpu.vr(if first { w.vra() } else { w.vrb() });
    finish_sticky(cpu, 32 + w.vrt(), value, snan_flag(&[a, b]))
}

/// VSX Scalar Minimum Type-C Quad-Precision, as for doubles.
pub fn xsmincqp(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (quad(cpu, w.vra()), quad(cpu, w.vrb()));
    let first = matches!(compare(a, b), Some(Ordering::Less));
    let value = cpu.vr(if first { w.vra() } else { w.vrb() });
    finish_sticky(cpu, 32 + w.vrt(), value, snan_flag(&[a, b]))
}

/// Type-J: a NaN wins, the first before the second; -0 is less than +0.
#[inline]
fn type_j(cpu: &mut Cpu, w: Word, max: bool) -> Done {
    let (a, b) = (scalar(cpu, w.xa()), scalar(cpu, w.xb()));
    let first = a.is_nan() || !b.is_nan() && (larger(a, b) == max || a == b);
    select(cpu, w, first, snan_flag(&[a, b]))
}

/// VSX Scalar Maximum Type-J Double-Precision.
pub fn xsmaxjdp(cpu: &mut Cpu, w: Word) -> Done {
    type_j(cpu, w, true)
}

/// VSX Scalar Minimum Type-J Double-Precision.
pub fn xsminjdp(cpu: &mut Cpu, w: Word) -> Done {
    type_j(cpu, w, false)
}

macro_rules! signs {
    ($($doc:literal, $xsdp:ident $xvdp:ident $xvsp:ident: |$cpu:ident, $w:ident, $sign:ident| $value:expr;)*) => {
        $(
        signs!(one "VSX Scalar " $doc " Double-Precision", $xsdp, 1 << 127, !(u64::MAX as u128), |$cpu, $w, $sign| $value);
        signs!(one "VSX Vector " $doc " Double-Precision", $xvdp, signs(DOUBLE), u128::MAX, |$cpu, $w, $sign| $value);
        signs!(one "VSX Vector " $doc " Single-Precision", $xvsp, signs(SINGLE), u128::MAX, |$cpu, $w, $sign| $value);
        )*
    };
    (one $what:literal $doc:literal $kind:literal, $name:ident, $signs:expr, $kept:expr, |$cpu:ident, $w:ident, $sign:ident| $value:expr) => {
        #[doc = concat!($what, $doc, $kind)]
        pub fn $name($cpu: &mut Cpu, $w: Word) -> Done {
            let $sign: u128 = $signs;
            $cpu.vsr[$w.xt()] = $value & $kept;
            Ok(())
        }
    };
}

signs! {
    "Absolute", xsabsdp xvabsdp xvabssp: |cpu, w, sign| cpu.vsr[w.xb()] & !sign;
    "Negative Absolute", xsnabsdp xvnabsdp xvnabssp: |cpu, w, sign| (cpu.vsr[w.xb()] | sign);
    "Negate", xsnegdp xvnegdp xvnegsp: |cpu, w, sign| (cpu.vsr[w.xb()] ^ sign);
    "Copy Sign", xscpsgndp xvcpsgndp xvcpsgnsp:
        |cpu, w, sign| (cpu.vsr[w.xa()] & sign | cpu.vsr[w.xb()] & !sign);
}
