//! Lowerings of shifts, rotates, products, packs and counts on vectors.

use super::super::insn::Insn;
use super::emit::{Emitter, asm};
use super::features;
use super::vector::{direct, vmx};
use dynasmrt::{DynasmApi, DynasmLabelApi};

const WORDS_31: u128 = 0x1f_0000001f_0000001f_0000001f;
const DOUBLEWORDS_63: u128 = 0x3f_00000000_0000003f;

/// Each element by its own count, modulo its width.
macro_rules! shifts {
    ($($name:ident: $operation:ident $mask:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !features::avx2() {
                return e.call_exec(i);
            }
            let o = vmx(i);
            let mask = e.constant128($mask);
            asm!(e
                ; movaps xmm1, [rbp + o.b]
                ; pand xmm1, [=>mask]
                ; movaps xmm0, [rbp + o.a]
                ; $operation xmm0, xmm0, xmm1
                ; movaps [rbp + o.t], xmm0
            );
        }
    )* };
}
shifts! {
    vslw: vpsllvd WORDS_31;
    vsrw: vpsrlvd WORDS_31;
    vsraw: vpsravd WORDS_31;
    vsld: vpsllvq DOUBLEWORDS_63;
    vsrd: vpsrlvq DOUBLEWORDS_63;
}

/// Rotates: a shift by the width gives 0.
macro_rules! rotates {
    ($($name:ident: $left:ident $right:ident $subtract:ident $mask:ident $width:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !features::avx2() {
                return e.call_exec(i);
            }
            let o = vmx(i);
            let (mask, width) = (e.constant128($mask), e.constant128($width));
            asm!(e
                ; movaps xmm1, [rbp + o.b]
                ; pand xmm1, [=>mask]
                ; movaps xmm2, [=>width]
                ; $subtract xmm2, xmm1
                ; movaps xmm0, [rbp + o.a]
                ; $left xmm1, xmm0, xmm1
                ; $right xmm0, xmm0, xmm2
                ; por xmm0, xmm1
                ; movaps [rbp + o.t], xmm0
            );
        }
    )* };
}
rotates! {
    vrlw: vpsllvd vpsrlvd psubd WORDS_31 0x20_00000020_00000020_00000020;
    vrld: vpsllvq vpsrlvq psubq DOUBLEWORDS_63 0x40_00000000_00000040;
}

/// The whole register by up to seven bits.
pub fn vsl(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e
        ; mov ecx, [rbp + o.b]
        ; and ecx, 7
        ; mov rax, [rbp + o.a]
        ; mov rdx, [rbp + o.a + 8]
        ; shld rdx, rax, cl
        ; shl rax, cl
        ; mov [rbp + o.t], rax
        ; mov [rbp + o.t + 8], rdx
    );
}
pub fn vsr(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e
        ; mov ecx, [rbp + o.b]
        ; and ecx, 7
        ; mov rax, [rbp + o.a]
        ; mov rdx, [rbp + o.a + 8]
        ; shrd rax, rdx, cl
        ; shr rdx, cl
        ; mov [rbp + o.t], rax
        ; mov [rbp + o.t + 8], rdx
    );
}

/// XMM1 ← the octet count of VRB in every byte.
fn octets(e: &mut Emitter, b: i32) {
    asm!(e
        ; movzx eax, BYTE [rbp + b]
        ; shr eax, 3
        ; and eax, 15
        ; imul eax, eax, 0x0101_0101
        ; movd xmm1, eax
        ; pshufd xmm1, xmm1, 0
    );
}
// PSHUFB gives 0 for numbers with bit 7 set: those below 0, and those above 15 when 0x70 is added.
pub fn vslo(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    octets(e, o.b);
    let numbers = e.constant128(0x0f0e0d0c_0b0a0908_07060504_03020100);
    asm!(e
        ; movaps xmm2, [=>numbers]
        ; psubb xmm2, xmm1
        ; movaps xmm0, [rbp + o.a]
        ; pshufb xmm0, xmm2
        ; movaps [rbp + o.t], xmm0
    );
}
pub fn vsro(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    octets(e, o.b);
    let numbers = e.constant128(0x7f7e7d7c_7b7a7978_77767574_73727170);
    asm!(e
        ; paddb xmm1, [=>numbers]
        ; movaps xmm0, [rbp + o.a]
        ; pshufb xmm0, xmm1
        ; movaps [rbp + o.t], xmm0
    );
}

// Odd words of the ISA are the even ones of the host, which its products take.
direct! {
    vmulouw: vmx pmuludq sse2;
    vmulosw: vmx pmuldq sse4;
}
macro_rules! even_products {
    ($($name:ident: $operation:ident $level:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !direct!(@ $level) {
                return e.call_exec(i);
            }
            let o = vmx(i);
            asm!(e
                ; movaps xmm0, [rbp + o.a]
                ; movaps xmm1, [rbp + o.b]
                ; psrlq xmm0, 32
                ; psrlq xmm1, 32
                ; $operation xmm0, xmm1
                ; movaps [rbp + o.t], xmm0
            );
        }
    )* };
}
even_products! {
    vmuleuw: pmuludq sse2;
    vmulesw: pmuldq sse4;
}
pub fn vmladduhm(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e
        ; movaps xmm0, [rbp + o.a]
        ; pmullw xmm0, [rbp + o.b]
        ; paddw xmm0, [rbp + o.c]
        ; movaps [rbp + o.t], xmm0
    );
}

/// Packs of the low halves: cut to what a saturating pack of the host leaves alone.
macro_rules! packs {
    ($($name:ident: $operation:ident $mask:literal $level:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !direct!(@ $level) {
                return e.call_exec(i);
            }
            let o = vmx(i);
            let mask = e.constant128($mask);
            asm!(e
                ; movaps xmm2, [=>mask]
                ; movaps xmm0, [rbp + o.b]
                ; movaps xmm1, [rbp + o.a]
                ; pand xmm0, xmm2
                ; pand xmm1, xmm2
                ; $operation xmm0, xmm1
                ; movaps [rbp + o.t], xmm0
            );
        }
    )* };
}
packs! {
    vpkuhum: packuswb 0x00ff00ff_00ff00ff_00ff00ff_00ff00ff sse2;
    vpkuwum: packusdw 0x0000ffff_0000ffff_0000ffff_0000ffff sse4;
}
pub fn vpkudum(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    asm!(e
        ; movaps xmm0, [rbp + o.b]
        ; shufps xmm0, [rbp + o.a], 0b10_00_10_00u8 as i8
        ; movaps [rbp + o.t], xmm0
    );
}

/// Unpacks: each element twice, then shifted down with its sign.
macro_rules! unpacks {
    ($($name:ident: $double:ident $shift:ident $bits:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let o = vmx(i);
            asm!(e
                ; movaps xmm0, [rbp + o.b]
                ; $double xmm0, xmm0
                ; $shift xmm0, $bits
                ; movaps [rbp + o.t], xmm0
            );
        }
    )* };
}
unpacks! {
    vupkhsb: punpckhbw psraw 8;
    vupklsb: punpcklbw psraw 8;
    vupkhsh: punpckhwd psrad 16;
    vupklsh: punpcklwd psrad 16;
}
/// The words of VRB in `order` extended to doublewords.
fn extend_words(e: &mut Emitter, i: &Insn, order: i8) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    asm!(e; pshufd xmm0, [rbp + o.b], order; pmovsxdq xmm0, xmm0; movaps [rbp + o.t], xmm0);
}
pub fn vupkhsw(e: &mut Emitter, i: &Insn) {
    extend_words(e, i, 0b11_10_11_10u8 as i8);
}
pub fn vupklsw(e: &mut Emitter, i: &Insn) {
    extend_words(e, i, 0b01_00_01_00);
}
pub fn vextsw2d(e: &mut Emitter, i: &Insn) {
    extend_words(e, i, 0b10_00_10_00u8 as i8);
}

pub fn vpopcntd(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    asm!(e
        ; popcnt rax, [rbp + o.b]
        ; popcnt rcx, [rbp + o.b + 8]
        ; mov [rbp + o.t], rax
        ; mov [rbp + o.t + 8], rcx
    );
}
/// By a table of the ones in four bits.
pub fn vpopcntb(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    let low = e.constant128(0x0f0f0f0f_0f0f0f0f_0f0f0f0f_0f0f0f0f);
    let table = e.constant128(0x04030302_03020201_03020201_02010100);
    asm!(e
        ; movaps xmm4, [=>low]
        ; movaps xmm0, [=>table]
        ; movaps xmm1, xmm0
        ; movaps xmm2, [rbp + o.b]
        ; movaps xmm3, xmm2
        ; psrlw xmm3, 4
        ; pand xmm2, xmm4
        ; pand xmm3, xmm4
        ; pshufb xmm0, xmm2
        ; pshufb xmm1, xmm3
        ; paddb xmm0, xmm1
        ; movaps [rbp + o.t], xmm0
    );
}
