//! Lowerings of vector floating-point arithmetic, through routines.

use super::super::insn::Insn;
use super::emit::{Emitter, asm};
use super::features;
use super::routine::{Op, Routine};
use super::vector::{Operands, vsx};
use dynasmrt::{DynasmApi, DynasmLabelApi};

fn arithmetic(e: &mut Emitter, i: &Insn, routine: Routine, o: Operands) {
    if !features::fma() {
        return e.call_exec(i);
    }
    let (slow, done) = e.own_function(i);
    let label = e.routine(routine);
    asm!(e; movaps xmm0, [rbp + o.a]; movaps xmm1, [rbp + o.b]);
    if matches!(routine.op, Op::Mul | Op::MulAdd | Op::MulSub) {
        asm!(e; movaps xmm2, [rbp + o.c]);
    }
    asm!(e; call =>label; jc =>slow; movaps [rbp + o.t], xmm0; =>done);
}

macro_rules! binary {
    ($($double:ident $single:ident: $op:ident;)*) => { $(
        pub fn $double(e: &mut Emitter, i: &Insn) {
            let o = vsx(i);
            arithmetic(e, i, Routine::vector(Op::$op, false, false), Operands { c: o.b, ..o });
        }
        pub fn $single(e: &mut Emitter, i: &Insn) {
            let o = vsx(i);
            arithmetic(e, i, Routine::vector(Op::$op, true, false), Operands { c: o.b, ..o });
        }
    )* };
}
binary! {
    xvadddp xvaddsp: Add;
    xvsubdp xvsubsp: Sub;
    xvmuldp xvmulsp: Mul;
    xvdivdp xvdivsp: Div;
    xvsqrtdp xvsqrtsp: Sqrt;
}

/// XT is the addend of the A forms, a factor of the M forms.
macro_rules! multiply_adds {
    ($($a_form:ident $m_form:ident: $op:ident $single:literal $negate:literal;)*) => { $(
        pub fn $a_form(e: &mut Emitter, i: &Insn) {
            let o = vsx(i);
            arithmetic(e, i, Routine::vector(Op::$op, $single, $negate), Operands { b: o.t, c: o.b, ..o });
        }
        pub fn $m_form(e: &mut Emitter, i: &Insn) {
            let o = vsx(i);
            arithmetic(e, i, Routine::vector(Op::$op, $single, $negate), Operands { c: o.t, ..o });
        }
    )* };
}
multiply_adds! {
    xvmaddadp xvmaddmdp: MulAdd false false;
    xvmsubadp xvmsubmdp: MulSub false false;
    xvnmaddadp xvnmaddmdp: MulAdd false true;
    xvnmsubadp xvnmsubmdp: MulSub false true;
    xvmaddasp xvmaddmsp: MulAdd true false;
    xvmsubasp xvmsubmsp: MulSub true false;
    xvnmaddasp xvnmaddmsp: MulAdd true true;
    xvnmsubasp xvnmsubmsp: MulSub true true;
}
