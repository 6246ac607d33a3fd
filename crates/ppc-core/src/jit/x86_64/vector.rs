//! Lowerings of logic, integer arithmetic and compares on vectors. Elements are numbered from the other end than the
//! host's, which is the same for operations that keep elements apart.
//!
//! A VSR lies in memory as the host's vector registers want it: doubleword 1 first. Nothing stays in XMM registers from
//! one instruction to the next.

use super::super::{
    insn::Insn,
    offsets::{SAT, crf, vsr},
};
use super::emit::{Emitter, asm};
use super::features;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Target and sources of an instruction, as offsets from the processor.
#[derive(Clone, Copy)]
pub struct Operands {
    pub t: i32,
    pub a: i32,
    pub b: i32,
    pub c: i32,
}

/// Of a VMX instruction.
pub fn vmx(i: &Insn) -> Operands {
    let w = i.word;
    let [t, a, b, c] = [w.vrt(), w.vra(), w.vrb(), w.vrc()].map(|n| vsr(32 + n));
    Operands { t, a, b, c }
}

/// Of a VSX instruction.
pub fn vsx(i: &Insn) -> Operands {
    let w = i.word;
    let [t, a, b, c] = [w.xt(), w.xa(), w.xb(), w.xc()].map(vsr);
    Operands { t, a, b, c }
}

/// `$name` is `$operation` of the host, with VRA or XA as its first operand; `level` says what the host must have.
macro_rules! direct {
    ($($name:ident: $operands:ident $operation:ident $level:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !direct!(@ $level) {
                return e.call_exec(i);
            }
            let o = $operands(i);
            asm!(e; movaps xmm0, [rbp + o.a]; $operation xmm0, [rbp + o.b]; movaps [rbp + o.t], xmm0);
        }
    )* };
    (@ sse2) => { true };
    (@ sse4) => { features::sse4() };
    (@ avx2) => { features::avx2() };
}
pub(super) use direct;

direct! {
    vand: vmx pand sse2;
    xxland: vsx pand sse2;
    vaddubm: vmx paddb sse2;
    vadduhm: vmx paddw sse2;
    vadduwm: vmx paddd sse2;
    vaddudm: vmx paddq sse2;
    vsububm: vmx psubb sse2;
    vsubuhm: vmx psubw sse2;
    vsubuwm: vmx psubd sse2;
    vsubudm: vmx psubq sse2;
    vavgub: vmx pavgb sse2;
    vavguh: vmx pavgw sse2;
    vmaxub: vmx pmaxub sse2;
    vmaxsh: vmx pmaxsw sse2;
    vmaxsb: vmx pmaxsb sse4;
    vmaxuh: vmx pmaxuw sse4;
    vmaxuw: vmx pmaxud sse4;
    vmaxsw: vmx pmaxsd sse4;
    vminub: vmx pminub sse2;
    vminsh: vmx pminsw sse2;
    vminsb: vmx pminsb sse4;
    vminuh: vmx pminuw sse4;
    vminuw: vmx pminud sse4;
    vminsw: vmx pminsd sse4;
    vmuluwm: vmx pmulld sse4;
}

/// XMM`n` ← ones.
fn ones(e: &mut Emitter) {
    asm!(e; pcmpeqd xmm1, xmm1);
}

macro_rules! logic {
    ($($vmx:ident $vsx:ident: |$e:ident, $o:ident| $code:expr;)*) => { $(
        pub fn $vmx($e: &mut Emitter, i: &Insn) {
            let $o = vmx(i);
            $code;
            asm!($e; movaps [rbp + $o.t], xmm0);
        }
        pub fn $vsx($e: &mut Emitter, i: &Insn) {
            let $o = vsx(i);
            $code;
            asm!($e; movaps [rbp + $o.t], xmm0);
        }
    )* };
}
logic! {
    vor xxlor: |e, o| {
        asm!(e; movaps xmm0, [rbp + o.a]);
        if o.a != o.b {
            asm!(e; orps xmm0, [rbp + o.b]);
        }
    };
    vxor xxlxor: |e, o| {
        if o.a == o.b {
            asm!(e; xorps xmm0, xmm0);
        } else {
            asm!(e; movaps xmm0, [rbp + o.a]; xorps xmm0, [rbp + o.b]);
        }
    };
    vandc xxlandc: |e, o| asm!(e; movaps xmm0, [rbp + o.b]; andnps xmm0, [rbp + o.a]);
    vnor xxlnor: |e, o| {
        ones(e);
        asm!(e; movaps xmm0, [rbp + o.a]; orps xmm0, [rbp + o.b]; xorps xmm0, xmm1);
    };
    vnand xxlnand: |e, o| {
        ones(e);
        asm!(e; movaps xmm0, [rbp + o.a]; andps xmm0, [rbp + o.b]; xorps xmm0, xmm1);
    };
    veqv xxleqv: |e, o| {
        ones(e);
        asm!(e; movaps xmm0, [rbp + o.a]; xorps xmm0, [rbp + o.b]; xorps xmm0, xmm1);
    };
    vorc xxlorc: |e, o| {
        ones(e);
        asm!(e; movaps xmm0, [rbp + o.b]; xorps xmm0, xmm1; orps xmm0, [rbp + o.a]);
    };
    vsel xxsel: |e, o| asm!(e
        ; movaps xmm1, [rbp + o.c]
        ; movaps xmm0, xmm1
        ; andnps xmm0, [rbp + o.a]
        ; andps xmm1, [rbp + o.b]
        ; orps xmm0, xmm1
    );
}

/// Saturating sums and differences: where they are not those modulo 2^n, VSCR\[SAT\] is set.
macro_rules! saturating {
    ($($name:ident: $saturated:ident $modulo:ident $compare:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let o = vmx(i);
            asm!(e
                ; movaps xmm0, [rbp + o.a]
                ; movaps xmm2, [rbp + o.b]
                ; movaps xmm1, xmm0
                ; $saturated xmm0, xmm2
                ; $modulo xmm1, xmm2
                ; $compare xmm1, xmm0
                ; pmovmskb eax, xmm1
                ; movaps [rbp + o.t], xmm0
                ; cmp eax, 0xffff
                ; setne al
                ; or [rbp + SAT], al
            );
        }
    )* };
}
saturating! {
    vaddubs: paddusb paddb pcmpeqb;
    vadduhs: paddusw paddw pcmpeqw;
    vaddsbs: paddsb paddb pcmpeqb;
    vaddshs: paddsw paddw pcmpeqw;
    vsububs: psubusb psubb pcmpeqb;
    vsubuhs: psubusw psubw pcmpeqw;
    vsubsbs: psubsb psubb pcmpeqb;
    vsubshs: psubsw psubw pcmpeqw;
}

/// Writes a compare's result, which is in XMM0; and for the record form CR field 6: all lanes true, 0, all false, 0.
pub fn finish_compare(e: &mut Emitter, i: &Insn, target: i32) {
    asm!(e; movaps [rbp + target], xmm0);
    if i.word.bit(21) {
        asm!(e
            ; pmovmskb eax, xmm0
            ; xor ecx, ecx
            ; cmp eax, 0xffff
            ; sete cl
            ; shl ecx, 2
            ; test eax, eax
            ; sete al
            ; or al, cl
            ; add al, al
            ; mov [rbp + crf(6)], al
        );
    }
}

/// Compares that the host has, of VRA with VRB.
macro_rules! compares {
    ($($name:ident: $operation:ident $level:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !direct!(@ $level) {
                return e.call_exec(i);
            }
            let o = vmx(i);
            asm!(e; movaps xmm0, [rbp + o.a]; $operation xmm0, [rbp + o.b]);
            finish_compare(e, i, o.t);
        }
    )* };
}
compares! {
    vcmpequb: pcmpeqb sse2;
    vcmpequh: pcmpeqw sse2;
    vcmpequw: pcmpeqd sse2;
    vcmpequd: pcmpeqq sse4;
    vcmpgtsb: pcmpgtb sse2;
    vcmpgtsh: pcmpgtw sse2;
    vcmpgtsw: pcmpgtd sse2;
    vcmpgtsd: pcmpgtq sse4;
}

/// Unsigned compares: signed ones of numbers moved by half the range.
macro_rules! unsigned_compares {
    ($($name:ident: $operation:ident $sign:literal $level:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !direct!(@ $level) {
                return e.call_exec(i);
            }
            let o = vmx(i);
            let sign = e.constant128($sign);
            asm!(e
                ; movaps xmm1, [=>sign]
                ; movaps xmm0, [rbp + o.a]
                ; pxor xmm0, xmm1
                ; pxor xmm1, [rbp + o.b]
                ; $operation xmm0, xmm1
            );
            finish_compare(e, i, o.t);
        }
    )* };
}
unsigned_compares! {
    vcmpgtub: pcmpgtb 0x80808080_80808080_80808080_80808080 sse2;
    vcmpgtuh: pcmpgtw 0x80008000_80008000_80008000_80008000 sse2;
    vcmpgtuw: pcmpgtd 0x80000000_80000000_80000000_80000000 sse2;
    vcmpgtud: pcmpgtq 0x80000000_00000000_80000000_00000000 sse4;
}

/// "Not equal", and "not equal or 0". Where both are 0 they are equal, so one of them is enough to look at.
macro_rules! unequal {
    ($($name:ident $or_zero:ident: $operation:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let o = vmx(i);
            ones(e);
            asm!(e; movaps xmm0, [rbp + o.a]; $operation xmm0, [rbp + o.b]; pxor xmm0, xmm1);
            finish_compare(e, i, o.t);
        }
        pub fn $or_zero(e: &mut Emitter, i: &Insn) {
            let o = vmx(i);
            ones(e);
            asm!(e
                ; movaps xmm0, [rbp + o.a]
                ; pxor xmm2, xmm2
                ; $operation xmm2, xmm0
                ; $operation xmm0, [rbp + o.b]
                ; pxor xmm0, xmm1
                ; por xmm0, xmm2
            );
            finish_compare(e, i, o.t);
        }
    )* };
}
unequal! {
    vcmpneb vcmpnezb: pcmpeqb;
    vcmpneh vcmpnezh: pcmpeqw;
    vcmpnew vcmpnezw: pcmpeqd;
}

/// Absolute differences.
pub fn vabsdub(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e
        ; movaps xmm0, [rbp + o.a]
        ; movaps xmm1, [rbp + o.b]
        ; movaps xmm2, xmm0
        ; psubusb xmm0, xmm1
        ; psubusb xmm1, xmm2
        ; por xmm0, xmm1
        ; movaps [rbp + o.t], xmm0
    );
}
pub fn vabsduh(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e
        ; movaps xmm0, [rbp + o.a]
        ; movaps xmm1, [rbp + o.b]
        ; movaps xmm2, xmm0
        ; psubusw xmm0, xmm1
        ; psubusw xmm1, xmm2
        ; por xmm0, xmm1
        ; movaps [rbp + o.t], xmm0
    );
}
pub fn vnegw(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e; pxor xmm0, xmm0; psubd xmm0, [rbp + o.b]; movaps [rbp + o.t], xmm0);
}
pub fn vnegd(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e; pxor xmm0, xmm0; psubq xmm0, [rbp + o.b]; movaps [rbp + o.t], xmm0);
}
