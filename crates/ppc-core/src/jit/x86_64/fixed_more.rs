//! Lowerings of less common fixed-point instructions, among them what ISA 3.0 added.

use super::super::{
    insn::Insn,
    offsets::{CA, CA32, OV, OV32, crf, guest},
};
use super::emit::{Emitter, RAX, RCX, RDX, asm};
use super::features;
use crate::model::Isa;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// `RA ← RAX`, and CR field 0 if the instruction says so.
fn finish_recorded(e: &mut Emitter, i: &Insn) {
    e.put(i.word.ra(), RAX);
    if i.word.rc() {
        e.record(RAX);
    }
}

/// `RA ← RAX >> CL`, counts modulo 64, and CA: a negative value lost ones.
fn shift_algebraic(e: &mut Emitter, i: &Insn) {
    let (long, store) = (e.label(), e.label());
    asm!(e; mov rdx, rax);
    if i.row.is_some_and(|row| row.name == "srad") {
        asm!(e; test cl, 0x40; jnz =>long);
    }
    asm!(e
        ; sar rax, cl
        ; movq xmm0, rax
        ; shl rax, cl
        ; cmp rax, rdx
        ; setne cl
        ; shr rdx, 63
        ; and ecx, edx
        ; movq rax, xmm0
        ; jmp =>store
        ; =>long
        ; sar rax, 63
        ; mov ecx, eax
        ; and ecx, 1
        ; =>store
        ; mov [rbp + CA], cl
    );
    if e.isa >= Isa::V3_0 {
        asm!(e; mov [rbp + CA32], cl);
    }
    finish_recorded(e, i);
}
pub fn srad(e: &mut Emitter, i: &Insn) {
    e.get32(RCX, i.word.rb());
    e.get(RAX, i.word.rs());
    shift_algebraic(e, i);
}
pub fn sraw(e: &mut Emitter, i: &Insn) {
    e.get32(RCX, i.word.rb());
    e.get_signed32(RAX, i.word.rs());
    shift_algebraic(e, i);
}

pub fn extswsli(e: &mut Emitter, i: &Insn) {
    e.get_signed32(RAX, i.word.rs());
    if i.word.sh6() != 0 {
        asm!(e; shl rax, i.word.sh6() as i8);
    }
    finish_recorded(e, i);
}

// BSF leaves a zero to the second move.
pub fn cnttzd(e: &mut Emitter, i: &Insn) {
    e.get(RCX, i.word.rs());
    asm!(e; mov eax, 64; bsf rcx, rcx; cmovnz rax, rcx);
    finish_recorded(e, i);
}
pub fn cnttzw(e: &mut Emitter, i: &Insn) {
    e.get32(RCX, i.word.rs());
    asm!(e; mov eax, 32; bsf ecx, ecx; cmovnz eax, ecx);
    finish_recorded(e, i);
}

pub fn popcntd(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let from = e.value(i.word.rs(), RAX);
    asm!(e; popcnt rax, Rq(from));
    e.put(i.word.ra(), RAX);
}
pub fn popcntw(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    e.get(RCX, i.word.rs());
    asm!(e; popcnt eax, ecx; shr rcx, 32; popcnt ecx, ecx; shl rcx, 32; or rax, rcx);
    e.put(i.word.ra(), RAX);
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;

pub fn prtyd(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    e.constant(RAX, LOW_BITS);
    e.get(RCX, i.word.rs());
    asm!(e; and rax, rcx; popcnt rax, rax; and eax, 1);
    e.put(i.word.ra(), RAX);
}
pub fn prtyw(e: &mut Emitter, i: &Insn) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    e.constant(RAX, LOW_BITS);
    e.get(RCX, i.word.rs());
    asm!(e
        ; and rcx, rax
        ; popcnt eax, ecx
        ; and eax, 1
        ; shr rcx, 32
        ; popcnt ecx, ecx
        ; and ecx, 1
        ; shl rcx, 32
        ; or rax, rcx
    );
    e.put(i.word.ra(), RAX);
}

pub fn cmpb(e: &mut Emitter, i: &Insn) {
    let a = e.value(i.word.rs(), RAX);
    let b = e.value(i.word.rb(), RCX);
    asm!(e; movq xmm0, Rq(a); movq xmm1, Rq(b); pcmpeqb xmm0, xmm1; movq rax, xmm0);
    e.put(i.word.ra(), RAX);
}

/// Remainders: 0 where the quotient cannot be represented, as in `exec::fixed`.
fn modulo(e: &mut Emitter, i: &Insn, long: bool, signed: bool) {
    let w = i.word;
    let done = e.label();
    if long {
        e.get(RCX, w.rb());
        e.get(RAX, w.ra());
    } else {
        e.get32(RCX, w.rb());
        e.get32(RAX, w.ra());
    }
    // Divisors 0 and -1.
    match (long, signed) {
        (true, true) => asm!(e; lea rdx, [rcx + 1]; cmp rdx, 1; mov edx, 0; jbe =>done; cqo; idiv rcx),
        (true, false) => asm!(e; xor edx, edx; test rcx, rcx; jz =>done; div rcx),
        (false, true) => asm!(e; lea edx, [rcx + 1]; cmp edx, 1; mov edx, 0; jbe =>done; cdq; idiv ecx),
        (false, false) => asm!(e; xor edx, edx; test ecx, ecx; jz =>done; div ecx),
    }
    asm!(e; =>done);
    match (long, signed) {
        (true, _) => asm!(e; mov rax, rdx),
        (false, true) => asm!(e; movsxd rax, edx),
        (false, false) => asm!(e; mov eax, edx),
    }
    e.put(w.rt(), RAX);
}
pub fn modsd(e: &mut Emitter, i: &Insn) {
    modulo(e, i, true, true);
}
pub fn modud(e: &mut Emitter, i: &Insn) {
    modulo(e, i, true, false);
}
pub fn modsw(e: &mut Emitter, i: &Insn) {
    modulo(e, i, false, true);
}
pub fn moduw(e: &mut Emitter, i: &Insn) {
    modulo(e, i, false, false);
}

pub fn maddld(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    match e.pin(w.rb()) {
        Some(b) => asm!(e; imul rax, Rq(b)),
        None => asm!(e; imul rax, [rbp + guest(w.rb())]),
    }
    let c = e.value(w.rc_reg(), RCX);
    asm!(e; add rax, Rq(c));
    e.put(w.rt(), RAX);
}
pub fn maddhd(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    e.get(RCX, w.rb());
    asm!(e; imul rcx);
    e.get(RCX, w.rc_reg());
    asm!(e; add rax, rcx; adc rdx, 0; sar rcx, 63; add rdx, rcx);
    e.put(w.rt(), RDX);
}
pub fn maddhdu(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    e.get(RCX, w.rb());
    asm!(e; mul rcx);
    let c = e.value(w.rc_reg(), RCX);
    asm!(e; add rax, Rq(c); adc rdx, 0);
    e.put(w.rt(), RDX);
}

pub fn setb(e: &mut Emitter, i: &Insn) {
    asm!(e
        ; movzx eax, BYTE [rbp + crf(i.word.bfa())]
        ; xor ecx, ecx
        ; test al, 4
        ; setnz cl
        ; test al, 8
        ; mov rax, -1
        ; cmovz rax, rcx
    );
    e.put(i.word.rt(), RAX);
}

pub fn mcrxrx(e: &mut Emitter, i: &Insn) {
    asm!(e; movzx eax, BYTE [rbp + OV]);
    for bit in [OV32, CA, CA32] {
        asm!(e; add eax, eax; or al, [rbp + bit]);
    }
    asm!(e; mov [rbp + crf(i.word.bf())], al);
}
