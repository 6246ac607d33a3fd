//! Lowerings of scalar floating point: arithmetic through routines, moves, compares, conversions. NaNs, exceptions that
//! are enabled or new, and other rare things go to the instruction's own function.

use super::super::{
    insn::Insn,
    offsets::{FPSCR, crf, vsr},
};
use super::emit::{Emitter, asm};
use super::features;
use super::routine::{Op, Routine};
use crate::softfp::bits::{ENABLES, FI, FPCC, FPRF, FPRF_SHIFT, FR, XX};
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Copies FX, FEX, VX, OX to CR field 1 if the instruction says so. Not for VSX, which has other uses for that bit.
fn record(e: &mut Emitter, rc: bool) {
    if rc {
        asm!(e; mov eax, [rbp + FPSCR]; shr eax, 28; mov [rbp + crf(1)], al);
    }
}

/// One scalar operation: target and sources are VSRs by number, and whether CR field 1 is set.
struct Scalar {
    routine: Routine,
    t: usize,
    a: usize,
    b: usize,
    c: usize,
    rc: bool,
}

fn scalar(e: &mut Emitter, i: &Insn, s: &Scalar) {
    if !features::fma() {
        return e.call_exec(i);
    }
    let (slow, done) = e.own_function(i);
    let routine = e.routine(s.routine);
    let op = s.routine.op;
    if !matches!(op, Op::Sqrt | Op::Round) {
        asm!(e; movsd xmm0, [rbp + vsr(s.a) + 8]);
    }
    if op != Op::Mul {
        asm!(e; movsd xmm1, [rbp + vsr(s.b) + 8]);
    }
    if matches!(op, Op::Mul | Op::MulAdd | Op::MulSub) {
        asm!(e; movsd xmm2, [rbp + vsr(s.c) + 8]);
    }
    asm!(e; call =>routine; jc =>slow; pslldq xmm0, 8; movaps [rbp + vsr(s.t)], xmm0);
    record(e, s.rc);
    asm!(e; =>done);
}

macro_rules! fprs {
    ($($name:ident: $op:ident $single:literal $negate:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let routine = Routine::scalar(Op::$op, $single, $negate);
            scalar(e, i, &Scalar { routine, t: w.frt(), a: w.fra(), b: w.frb(), c: w.frc(), rc: w.rc() });
        }
    )* };
}
fprs! {
    fadd: Add false false;
    fadds: Add true false;
    fsub: Sub false false;
    fsubs: Sub true false;
    fmul: Mul false false;
    fmuls: Mul true false;
    fdiv: Div false false;
    fdivs: Div true false;
    fsqrt: Sqrt false false;
    fsqrts: Sqrt true false;
    fmadd: MulAdd false false;
    fmadds: MulAdd true false;
    fmsub: MulSub false false;
    fmsubs: MulSub true false;
    fnmadd: MulAdd false true;
    fnmadds: MulAdd true true;
    fnmsub: MulSub false true;
    fnmsubs: MulSub true true;
    frsp: Round true false;
}

macro_rules! vsrs {
    ($($name:ident: $op:ident $single:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let routine = Routine::scalar(Op::$op, $single, false);
            scalar(e, i, &Scalar { routine, t: w.xt(), a: w.xa(), b: w.xb(), c: w.xb(), rc: false });
        }
    )* };
}
vsrs! {
    xsadddp: Add false;
    xsaddsp: Add true;
    xssubdp: Sub false;
    xssubsp: Sub true;
    xsmuldp: Mul false;
    xsmulsp: Mul true;
    xsdivdp: Div false;
    xsdivsp: Div true;
    xssqrtdp: Sqrt false;
    xssqrtsp: Sqrt true;
    xsrsp: Round true;
}

/// XT is the addend of the A forms, a factor of the M forms.
macro_rules! multiply_adds {
    ($($a_form:ident $m_form:ident: $op:ident $single:literal $negate:literal;)*) => { $(
        pub fn $a_form(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let routine = Routine::scalar(Op::$op, $single, $negate);
            scalar(e, i, &Scalar { routine, t: w.xt(), a: w.xa(), b: w.xt(), c: w.xb(), rc: false });
        }
        pub fn $m_form(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let routine = Routine::scalar(Op::$op, $single, $negate);
            scalar(e, i, &Scalar { routine, t: w.xt(), a: w.xa(), b: w.xb(), c: w.xt(), rc: false });
        }
    )* };
}
multiply_adds! {
    xsmaddadp xsmaddmdp: MulAdd false false;
    xsmsubadp xsmsubmdp: MulSub false false;
    xsnmaddadp xsnmaddmdp: MulAdd false true;
    xsnmsubadp xsnmsubmdp: MulSub false true;
    xsmaddasp xsmaddmsp: MulAdd true false;
    xsmsubasp xsmsubmsp: MulSub true false;
    xsnmaddasp xsnmaddmsp: MulAdd true true;
    xsnmsubasp xsnmsubmsp: MulSub true true;
}

/// Compares doubleword 0 of VSRs `a` and `b` into a CR field and FPCC.
fn compare(e: &mut Emitter, i: &Insn, a: usize, b: usize) {
    let (slow, done) = e.own_function(i);
    let differ = e.label();
    let (a, b) = (vsr(a) + 8, vsr(b) + 8);
    asm!(e
        ; movsd xmm0, [rbp + a]
        ; ucomisd xmm0, [rbp + b]
        ; jp =>slow
        ; mov eax, 4
        ; mov ecx, 8
        ; cmovb eax, ecx
        ; jne =>differ
        ; mov eax, 2
        // Some libraries make the host take denormals for zeros.
        ; mov rcx, [rbp + a]
        ; cmp rcx, [rbp + b]
        ; je =>differ
        ; or rcx, [rbp + b]
        ; add rcx, rcx
        ; jnz =>slow
        ; =>differ
        ; mov [rbp + crf(i.word.bf())], al
        ; shl eax, FPRF_SHIFT as i8
        ; mov ecx, [rbp + FPSCR]
        ; and ecx, !FPCC as i32
        ; or ecx, eax
        ; mov [rbp + FPSCR], ecx
        ; =>done
    );
}
pub fn fcmpu(e: &mut Emitter, i: &Insn) {
    compare(e, i, i.word.fra(), i.word.frb());
}
pub fn fcmpo(e: &mut Emitter, i: &Insn) {
    compare(e, i, i.word.fra(), i.word.frb());
}
pub fn xscmpudp(e: &mut Emitter, i: &Insn) {
    compare(e, i, i.word.xa(), i.word.xb());
}
pub fn xscmpodp(e: &mut Emitter, i: &Insn) {
    compare(e, i, i.word.xa(), i.word.xb());
}

/// The double of an integer which has one, in doubleword 0 of VSR `b`; `bits` of significand.
fn from_integer(e: &mut Emitter, i: &Insn, [t, b]: [usize; 2], signed: bool, bits: u32, rc: bool) {
    let (slow, done) = e.own_function(i);
    asm!(e; mov rax, [rbp + vsr(b) + 8]; mov rcx, QWORD 1i64 << bits);
    if signed {
        asm!(e; lea rdx, [rax + rcx]; add rcx, rcx; cmp rdx, rcx; ja =>slow);
    } else {
        asm!(e; cmp rax, rcx; ja =>slow);
    }
    asm!(e
        ; xorps xmm0, xmm0
        ; cvtsi2sd xmm0, rax
        ; test rax, rax
        ; mov edx, 0b00100 << FPRF_SHIFT
        ; mov ecx, 0b01000 << FPRF_SHIFT
        ; cmovs edx, ecx
        ; mov ecx, 0b00010 << FPRF_SHIFT
        ; cmovz edx, ecx
        ; mov ecx, [rbp + FPSCR]
        ; and ecx, !(FR | FI | FPRF) as i32
        ; or ecx, edx
        ; mov [rbp + FPSCR], ecx
        ; pslldq xmm0, 8
        ; movaps [rbp + vsr(t)], xmm0
    );
    record(e, rc);
    asm!(e; =>done);
}

macro_rules! from_integers {
    ($($fpr:ident $vsr:ident: $signed:literal $bits:literal;)*) => { $(
        pub fn $fpr(e: &mut Emitter, i: &Insn) {
            from_integer(e, i, [i.word.frt(), i.word.frb()], $signed, $bits, i.word.rc());
        }
        pub fn $vsr(e: &mut Emitter, i: &Insn) {
            from_integer(e, i, [i.word.xt(), i.word.xb()], $signed, $bits, false);
        }
    )* };
}
from_integers! {
    fcfid xscvsxddp: true 53;
    fcfids xscvsxdsp: true 24;
    fcfidu xscvuxddp: false 53;
    fcfidus xscvuxdsp: false 24;
}

/// Integers by size and sign.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Int {
    I32,
    U32,
    I64,
    U64,
}

/// The double in doubleword 0 of VSR `b` truncated to an integer, in both words if `twice`. FPRF stays.
fn to_integer(e: &mut Emitter, i: &Insn, [t, b]: [usize; 2], int: Int, twice: bool, rc: bool) {
    let (slow, done) = e.own_function(i);
    let (inexact, exact) = (e.label(), e.label());
    asm!(e; movsd xmm0, [rbp + vsr(b) + 8]; cvttsd2si rax, xmm0);
    // What the host cannot represent is its least number.
    match int {
        Int::I32 => asm!(e; movsxd rcx, eax; cmp rcx, rax; jne =>slow),
        Int::U32 => asm!(e; mov ecx, eax; cmp rcx, rax; jne =>slow),
        Int::I64 => asm!(e; mov rcx, QWORD i64::MIN; cmp rcx, rax; je =>slow),
        Int::U64 => asm!(e; test rax, rax; js =>slow),
    }
    asm!(e
        ; xor edx, edx
        ; xorps xmm1, xmm1
        ; cvtsi2sd xmm1, rax
        ; ucomisd xmm0, xmm1
        ; jne =>inexact
        // A denormal may pass for a zero, if the host has been told so.
        ; test rax, rax
        ; jnz =>exact
        ; mov rcx, [rbp + vsr(b) + 8]
        ; add rcx, rcx
        ; jz =>exact
        ; =>inexact
        ; mov ecx, [rbp + FPSCR]
        ; test ecx, ENABLES as i32
        ; jnz =>slow
        ; test ecx, XX as i32
        ; jz =>slow
        ; mov edx, FI as i32
        ; =>exact
        ; mov ecx, [rbp + FPSCR]
        ; and ecx, !(FR | FI) as i32
        ; or ecx, edx
        ; mov [rbp + FPSCR], ecx
    );
    if twice {
        asm!(e; mov ecx, eax; shl rax, 32; or rax, rcx);
    }
    asm!(e; mov [rbp + vsr(t) + 8], rax; mov QWORD [rbp + vsr(t)], 0);
    record(e, rc);
    asm!(e; =>done);
}

macro_rules! to_integers {
    ($($fpr:ident $vsr:ident: $int:ident $twice:literal;)*) => { $(
        pub fn $fpr(e: &mut Emitter, i: &Insn) {
            to_integer(e, i, [i.word.frt(), i.word.frb()], Int::$int, false, i.word.rc());
        }
        pub fn $vsr(e: &mut Emitter, i: &Insn) {
            to_integer(e, i, [i.word.xt(), i.word.xb()], Int::$int, $twice, false);
        }
    )* };
}
to_integers! {
    fctidz xscvdpsxds: I64 false;
    fctiduz xscvdpuxds: U64 false;
    fctiwz xscvdpsxws: I32 true;
    fctiwuz xscvdpuxws: U32 true;
}
