//! The multiply-adds. XT is an operand: the addend of the A forms, a factor of the M forms.

use super::{dword, finish_double, lane, lanes, quick_scalar, quick_vector, round_scalar};
use crate::{
    fields::Word,
    softfp::{DOUBLE, Env, Num, Raw, SINGLE, fast::Op, fma, round},
    state::Cpu,
    trap::Done,
};

/// `a * c ± b`; NaNs in the order XA, addend, other factor (ISA Table "Actions for xsmadda", Part 1 and 2).
#[inline(always)]
fn fused<const SUB: bool>(a: Num, b: Num, c: Num, env: Env) -> Raw {
    fma(a, if SUB { b.negate_number() } else { b }, c, env.mode)
}

/// The operation of the fast path.
#[inline(always)]
const fn op(sub: bool) -> Op {
    if sub { Op::MulSub } else { Op::MulAdd }
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
            let [a, b, t] = [w.xa(), w.xb(), w.xt()].map(|n| dword(cpu.vsr[n], 0));
            let operands = if $type_a { [a, t, b] } else { [a, b, t] };
            if let Some(done) = quick_scalar(cpu, w.xt(), $format, op($sub), operands, $neg) {
                return done;
            }
            let [a, addend, factor] = operands.map(|bits| DOUBLE.unpack(bits as u128));
            let raw = fused::<$sub>(a, addend, factor, env);
            finish_double(cpu, w.xt(), $format, negated::<$neg>(round_scalar($format, env, raw)))
        }
    };
    (vector $doc:literal $kind:literal, $name:ident, $format:ident, $neg:literal, $sub:literal, $type_a:literal) => {
        #[doc = concat!("VSX Vector ", $doc, $kind)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let env = Env::of(cpu.fpscr);
            let (va, vb, vt) = (cpu.vsr[w.xa()], cpu.vsr[w.xb()], cpu.vsr[w.xt()]);
            let (addend, factor) = if $type_a { (vt, vb) } else { (vb, vt) };
            if let Some(done) = quick_vector(cpu, w.xt(), $format, op($sub), [va, addend, factor], $neg) {
                return done;
            }
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
