//! Lowerings of logical instructions, counts, parity and sign extension.

use super::super::insn::Insn;
use super::alu::Alu;
use super::emit::{Emitter, RAX, RCX, RDX, asm};
use super::features;
use dynasmrt::DynasmApi;

macro_rules! logical {
    ($($name:ident: $how:ident $op:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            e.$how(Alu::$op, w.ra(), w.rs(), w.rb(), w.rc());
        }
    )* };
}
logical! {
    and: binary And;
    xor: binary Xor;
    andc: binary_not And;
    orc: binary_not Or;
    nand: not_binary And;
    nor: not_binary Or;
    eqv: not_binary Xor;
}

pub fn or(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    if w.rs() != w.rb() {
        return e.binary(Alu::Or, w.ra(), w.rs(), w.rb(), w.rc());
    }
    // mr
    if w.ra() == w.rs() && !w.rc() {
        return;
    }
    let host = match e.mapped(w.ra()) {
        Some(to) => {
            e.get(to, w.rs());
            to
        }
        None => e.value(w.rs(), RAX),
    };
    e.finish(w.ra(), host, w.rc());
}

macro_rules! logical_immediate {
    ($($name:ident: $op:ident, $shift:literal, $rc:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            if w.ui() == 0 && w.ra() == w.rs() && !$rc {
                return;
            }
            e.binary_constant(Alu::$op, w.ra(), w.rs(), w.ui() << $shift, $rc);
        }
    )* };
}
logical_immediate! {
    ori: Or, 0, false;
    oris: Or, 16, false;
    xori: Xor, 0, false;
    xoris: Xor, 16, false;
    andi_rc: And, 0, true;
    andis_rc: And, 16, true;
}

macro_rules! extends {
    ($($name:ident: $instruction:ident $part:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let from = e.value(w.rs(), RAX);
            let to = e.target(w.ra(), RAX);
            asm!(e; $instruction Rq(to), $part(from));
            e.finish(w.ra(), to, w.rc());
        }
    )* };
}
extends! {
    extsb: movsx Rb;
    extsh: movsx Rw;
    extsw: movsxd Rd;
}

// BSR and not LZCNT, which not every host has; BSR leaves a zero to the second move.
pub fn cntlzd(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RCX, w.rs());
    asm!(e; mov eax, 127; bsr rcx, rcx; cmovnz rax, rcx; xor eax, 63);
    e.finish(w.ra(), RAX, w.rc());
}
pub fn cntlzw(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get32(RCX, w.rs());
    asm!(e; mov eax, 63; bsr ecx, ecx; cmovnz eax, ecx; xor eax, 31);
    e.finish(w.ra(), RAX, w.rc());
}

// BSF leaves a zero to the second move.
pub fn cnttzd(e: &mut Emitter, i: &Insn) {
    e.get(RCX, i.word.rs());
    asm!(e; mov eax, 64; bsf rcx, rcx; cmovnz rax, rcx);
    e.finish(i.word.ra(), RAX, i.word.rc());
}
pub fn cnttzw(e: &mut Emitter, i: &Insn) {
    e.get32(RCX, i.word.rs());
    asm!(e; mov eax, 32; bsf ecx, ecx; cmovnz eax, ecx);
    e.finish(i.word.ra(), RAX, i.word.rc());
}

pub fn brd(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.rs());
    asm!(e; bswap rax);
    e.put(i.word.ra(), RAX);
}
pub fn brw(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.rs());
    asm!(e; bswap rax; rol rax, 32);
    e.put(i.word.ra(), RAX);
}
pub fn brh(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.rs());
    e.constant(RDX, 0x00ff_00ff_00ff_00ff);
    asm!(e; mov rcx, rax; shr rcx, 8; and rcx, rdx; and rax, rdx; shl rax, 8; or rax, rcx);
    e.put(i.word.ra(), RAX);
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
