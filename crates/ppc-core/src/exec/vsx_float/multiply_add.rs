//! The multiply-adds. XT is an operand: the addend of the A forms, a factor of the M forms.

use super::{finish_double, lane, lanes, round_scalar, scalar};
use crate::{
    fields::Word,
    softfp::{DOUBLE, Env, Num, Raw, SINGLE, fma, round},
    state::Cpu,
    trap::Done,
};

/// `a * c ± b`; NaNs in the order XA, addend, other factor (ISA Table "Actions for xsmadda", Part 1 and 2).
#[inline(always)]
fn fused<const SUB: bool>(a: Num, b: Num, c: Num, env: Env) -> Raw {
    fma(a, if SUB { b.negate_number() } else { b }, c, env.mode)
}

/// The negative forms change the sign after rounding, except of a NaN.
#[inline(always)]
fn negated<const NEG: bool>(r: Raw) -> Raw {
    if NEG { Raw { num: r.num.negate_number(), ..r } } else { r }
}

macro_rules! multiply_adds {
    ($($doc:literal, $neg:literal $sub:literal:
       $xsadp:ident $xsmdp:ident $xsasp:ident $xsmsp:ident $xvadp:ident $xvmdp:ident $xvasp:ident $xvmsp:ident;)*) => {
        $(
        multiply_adds!(scalar $doc " Type-A Double-Precision", $xsadp, DOUBLE, $neg, $sub, true);
        multiply_adds!(scalar $doc " Type-M Double-Precision", $xsmdp, DOUBLE, $neg, $sub, false);
        multiply_adds!(scalar $doc " Type-A Single-Precision", $xsasp, SINGLE, $neg, $sub, true);
        multiply_adds!(scalar $doc " Type-M Single-Precision", $xsmsp, SINGLE, $neg, $sub, false);
        multiply_adds!(vector $doc " Type-A Double-Precision", $xvadp, DOUBLE, $neg, $sub, true);
        multiply_adds!(vector $doc " Type-M Double-Precision", $xvmdp, DOUBLE, $neg, $sub, false);
        multiply_adds!(vector $doc " Type-A Single-Precision", $xvasp, SINGLE, $neg, $sub, true);
        multiply_adds!(vector $doc " Type-M Single-Precision", $xvmsp, SINGLE, $neg, $sub, false);
        )*
    };
    (scalar $doc:literal $kind:literal, $name:ident, $format:ident, $neg:literal, $sub:literal, $type_a:literal) => {
        #[doc = concat!("VSX Scalar ", $doc, $kind)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let env = Env::of(cpu.fpscr);
            let (t, b) = (scalar(cpu, w.xt()), scalar(cpu, w.xb()));
            let (addend, factor) = if $type_a { (t, b) } else { (b, t) };
            let raw = fused::<$sub>(scalar(cpu, w.xa()), addend, factor, env);
            finish_double(cpu, w.xt(), $format, negated::<$neg>(round_scalar($format, env, raw)))
        }
    };
    (vector $doc:literal $kind:literal, $name:ident, $format:ident, $neg:literal, $sub:literal, $type_a:literal) => {
        #[doc = concat!("VSX Vector ", $doc, $kind)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let env = Env::of(cpu.fpscr);
            let (va, vb, vt) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()], cpu.vsr[w.xt()]);
            let (addend, factor) = if $type_a { (vt, vb) } else { (vb, vt) };
            lanes(cpu, w.xt(), $format, |_, i| {
                let (a, b, c) = (lane($format, va, i), lane($format, addend, i), lane($format, factor, i));
                negated::<$neg>(round($format, env, fused::<$sub>(a, b, c, env)))
            })
        }
    };
}

multiply_adds! {
    "Multiply-Add", false false:
        xsmaddadp xsmaddmdp xsmaddasp xsmaddmsp xvmaddadp xvmaddmdp xvmaddasp xvmaddmsp;
    "Multiply-Subtract", false true:
        xsmsubadp xsmsubmdp xsmsubasp xsmsubmsp xvmsubadp xvmsubmdp xvmsubasp xvmsubmsp;
    "Negative Multiply-Add", true false:
        xsnmaddadp xsnmaddmdp xsnmaddasp xsnmaddmsp xvnmaddadp xvnmaddmdp xvnmaddasp xvnmaddmsp;
    "Negative Multiply-Subtract", true true:
        xsnmsubadp xsnmsubmdp xsnmsubasp xsnmsubmsp xvnmsubadp xvnmsubmdp xvnmsubasp xvnmsubmsp;
}
