//! Comparisons and tests.

use super::{finish_sticky, lane, quad, scalar, width};
use crate::{
    exec::float::{compare_flags, compare_into, test_divide, test_sqrt},
    fields::Word,
    softfp::{
        DOUBLE, Format, Num, QUAD, SINGLE,
        bits::{FPCC, FPRF_SHIFT},
        compare::{compare, crf},
        num::Raw,
        round::{Env, round},
    },
    state::Cpu,
    trap::Done,
};
use std::cmp::Ordering;

macro_rules! into_cr {
    ($($doc:literal, $name:ident: $operand:ident $a:ident $b:ident, $ordered:literal;)*) => {
        $(#[doc = $doc]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b) = ($operand(cpu, w.$a()), $operand(cpu, w.$b()));
            compare_into(cpu, w.bf(), a, b, $ordered)
        })*
    };
}

into_cr! {
    "VSX Scalar Compare Ordered Double-Precision", xscmpodp: scalar xa xb, true;
    "VSX Scalar Compare Unordered Double-Precision", xscmpudp: scalar xa xb, false;
    "VSX Scalar Compare Ordered Quad-Precision", xscmpoqp: quad vra vrb, true;
    "VSX Scalar Compare Unordered Quad-Precision", xscmpuqp: quad vra vrb, false;
}

/// A predicate of a comparison into a mask.
type Predicate = fn(Option<Ordering>) -> bool;

const EQ: Predicate = |order| order == Some(Ordering::Equal);
const GT: Predicate = |order| order == Some(Ordering::Greater);
const GE: Predicate = |order| matches!(order, Some(Ordering::Greater | Ordering::Equal));

macro_rules! masks {
    ($($doc:literal, $xsdp:ident $xvdp:ident $xvsp:ident: $predicate:ident, $ordered:literal;)*) => {
        $(
        #[doc = concat!("VSX Scalar Compare ", $doc, " Double-Precision")]
        pub fn $xsdp(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b) = (scalar(cpu, w.xa()), scalar(cpu, w.xb()));
            let flags = compare_flags(a, b, $ordered, cpu.fpscr);
            let value = if $predicate(compare(a, b)) { !(u64::MAX as u128) } else { 0 };
            finish_sticky(cpu, w.xt(), value, flags)
        }
        masks!(vector $doc " Double-Precision", $xvdp, DOUBLE, $predicate, $ordered);
        masks!(vector $doc " Single-Precision", $xvsp, SINGLE, $predicate, $ordered);
        )*
    };
    (vector $doc:literal $kind:literal, $name:ident, $format:ident, $predicate:ident, $ordered:literal) => {
        #[doc = concat!("VSX Vector Compare ", $doc, $kind)]
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            vector_mask::<RC>(cpu, w, $format, $predicate, $ordered)
        }
    };
}

masks! {
    "Equal", xscmpeqdp xvcmpeqdp xvcmpeqsp: EQ, false;
    "Greater Than", xscmpgtdp xvcmpgtdp xvcmpgtsp: GT, true;
    "Greater Than or Equal", xscmpgedp xvcmpgedp xvcmpgesp: GE, true;
}

macro_rules! quad_masks {
    ($($doc:literal, $name:ident: $predicate:ident, $ordered:literal;)*) => { $(
        #[doc = concat!("VSX Scalar Compare ", $doc, " Quad-Precision")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (a, b) = (quad(cpu, w.vra()), quad(cpu, w.vrb()));
            let flags = compare_flags(a, b, $ordered, cpu.fpscr);
            let value = if $predicate(compare(a, b)) { u128::MAX } else { 0 };
            finish_sticky(cpu, 32 + w.vrt(), value, flags)
        }
    )* };
}

quad_masks! {
    "Equal", xscmpeqqp: EQ, false;
    "Greater Than", xscmpgtqp: GT, true;
    "Greater Than or Equal", xscmpgeqp: GE, true;
}

/// A mask for each element; with RC, CR field 6 tells whether all or none hold.
#[inline(always)]
fn vector_mask<const RC: bool>(
    cpu: &mut Cpu,
    w: Word,
    format: Format,
    predicate: Predicate,
    ordered: bool,
) -> Done {
    let (va, vb) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()]);
    let ones = u128::MAX >> (128 - width(format));
    let (mut value, mut flags) = (0, 0);
    for i in 0..128 / width(format) {
        let (a, b) = (lane(format, va, i), lane(format, vb, i));
        flags |= compare_flags(a, b, ordered, cpu.fpscr);
        value = value << width(format) | if predicate(compare(a, b)) { ones } else { 0 };
    }
    if RC {
        cpu.set_crf(6, ((value == u128::MAX) as u32) << 3 | ((value == 0) as u32) << 1);
    }
    finish_sticky(cpu, w.xt(), value, flags)
}

/// VSX Scalar Test for software Divide Double-Precision.
pub fn xstdivdp(cpu: &mut Cpu, w: Word) -> Done {
    let crf = test_divide(DOUBLE, cpu.vsr[w.xa()] >> 64, cpu.vsr[w.xb()] >> 64);
    cpu.set_crf(w.bf(), crf);
    Ok(())
}

/// VSX Scalar Test for software Square Root Double-Precision.
pub fn xstsqrtdp(cpu: &mut Cpu, w: Word) -> Done {
    let crf = test_sqrt(DOUBLE, cpu.vsr[w.xb()] >> 64);
    cpu.set_crf(w.bf(), crf);
    Ok(())
}

/// A flag of the vector forms is set if it is for any element.
#[inline(always)]
fn any_lane(cpu: &mut Cpu, w: Word, format: Format, test: impl Fn(u128, u128) -> u32) -> Done {
    let (va, vb) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()]);
    let element = |v: u128, i: u32| v >> (width(format) * i) & u128::MAX >> (128 - width(format));
    let crf = (0..128 / width(format)).fold(0, |crf, i| crf | test(element(va, i), element(vb, i)));
    cpu.set_crf(w.bf(), crf);
    Ok(())
}

macro_rules! software_tests {
    ($($doc:literal, $name:ident: $format:ident, |$a:ident, $b:ident| $test:expr;)*) => {
        $(#[doc = $doc]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            any_lane(cpu, w, $format, |$a, $b| $test)
        })*
    };
}

software_tests! {
    "VSX Vector Test for software Divide Double-Precision", xvtdivdp: DOUBLE, |a, b| test_divide(DOUBLE, a, b);
    "VSX Vector Test for software Divide Single-Precision", xvtdivsp: SINGLE, |a, b| test_divide(SINGLE, a, b);
    "VSX Vector Test for software Square Root Double-Precision", xvtsqrtdp: DOUBLE, |_a, b| test_sqrt(DOUBLE, b);
    "VSX Vector Test for software Square Root Single-Precision", xvtsqrtsp: SINGLE, |_a, b| test_sqrt(SINGLE, b);
}

/// Sets CR field BF and FPCC; no exception.
#[inline]
fn set_condition(cpu: &mut Cpu, bf: usize, crf: u32) -> Done {
    cpu.set_crf(bf, crf);
    cpu.fpscr = cpu.fpscr & !FPCC | (crf as u64) << FPRF_SHIFT;
    Ok(())
}

/// Compares biased exponents; a NaN is unordered with everything.
#[inline]
fn compare_exponents(cpu: &mut Cpu, w: Word, format: Format, a: u128, b: u128) -> Done {
    let exponent = |v: u128| v >> format.frac_bits & ((1 << format.exp_bits) - 1);
    let nan = format.unpack(a).is_nan() || format.unpack(b).is_nan();
    let order = if nan { None } else { Some(exponent(a).cmp(&exponent(b))) };
    set_condition(cpu, w.bf(), crf(order))
}

/// VSX Scalar Compare Exponents Double-Precision.
pub fn xscmpexpdp(cpu: &mut Cpu, w: Word) -> Done {
    compare_exponents(cpu, w, DOUBLE, cpu.vsr[w.xa()] >> 64, cpu.vsr[w.xb()] >> 64)
}

/// VSX Scalar Compare Exponents Quad-Precision.
pub fn xscmpexpqp(cpu: &mut Cpu, w: Word) -> Done {
    compare_exponents(cpu, w, QUAD, cpu.vr(w.vra()), cpu.vr(w.vrb()))
}

/// Whether a datum is of a class DCMX names: NaN, +Inf, -Inf, +Zero, -Zero, +Denormal, -Denormal from its most
/// significant bit. `emin` is the exponent below which a number counts as denormal.
#[inline]
fn in_class(n: Num, dcmx: u32, emin: i32) -> bool {
    let sign = n.sign as u32;
    let bit = if n.is_nan() {
        6
    } else if n.is_inf() {
        5 - sign
    } else if n.is_zero() {
        3 - sign
    } else if n.exp < emin {
        1 - sign
    } else {
        return false;
    };
    dcmx >> bit & 1 != 0
}

/// DCMX of the scalar forms, bits 9:15.
#[inline]
fn dcmx(w: Word) -> u32 {
    w.bits(9, 7)
}

/// VSX Scalar Test Data Class Double-Precision.
pub fn xststdcdp(cpu: &mut Cpu, w: Word) -> Done {
    let b = scalar(cpu, w.xb());
    let found = in_class(b, dcmx(w), DOUBLE.emin());
    set_condition(cpu, w.bf(), (b.sign as u32) << 3 | (found as u32) << 1)
}

/// VSX Scalar Test Data Class Single-Precision: the double as a single, whose last condition bit tells that it is none.
/// A NaN is one when its fraction fits. ISA 3.1: "class.Denormal <- (exponent = 0x000) & (fraction != 0) |
/// (exponent > 0x000) & (exponent < 0x381)", "CR.bit\[4*BF+3\] <- FPSCR.FU <- not_SP_value".
pub fn xststdcsp(cpu: &mut Cpu, w: Word) -> Done {
    let b = scalar(cpu, w.xb());
    let found = in_class(b, dcmx(w), SINGLE.emin());
    let not_single = if b.is_nan() {
        (cpu.vsr[w.xb()] >> 64) as u64 & 0x1fff_ffff != 0
    } else {
        round(SINGLE, Env::DEFAULT, Raw::exact(b)).num != b
    };
    set_condition(cpu, w.bf(), (b.sign as u32) << 3 | (found as u32) << 1 | not_single as u32)
}

/// VSX Scalar Test Data Class Quad-Precision.
pub fn xststdcqp(cpu: &mut Cpu, w: Word) -> Done {
    let b = quad(cpu, w.vrb());
    let found = in_class(b, dcmx(w), QUAD.emin());
    set_condition(cpu, w.bf(), (b.sign as u32) << 3 | (found as u32) << 1)
}

#[inline]
fn vector_class(cpu: &mut Cpu, w: Word, format: Format) -> Done {
    // dc || dm || dx
    let dcmx = w.bits(25, 1) << 6 | w.bits(29, 1) << 5 | w.bits(11, 5);
    let vb = cpu.vsr[w.xb()];
    let ones = u128::MAX >> (128 - width(format));
    cpu.vsr[w.xt()] = (0..128 / width(format)).fold(0, |value, i| {
        let found = in_class(lane(format, vb, i), dcmx, format.emin());
        value << width(format) | if found { ones } else { 0 }
    });
    Ok(())
}

/// VSX Vector Test Data Class Double-Precision.
pub fn xvtstdcdp(cpu: &mut Cpu, w: Word) -> Done {
    vector_class(cpu, w, DOUBLE)
}

/// VSX Vector Test Data Class Single-Precision.
pub fn xvtstdcsp(cpu: &mut Cpu, w: Word) -> Done {
    vector_class(cpu, w, SINGLE)
}
