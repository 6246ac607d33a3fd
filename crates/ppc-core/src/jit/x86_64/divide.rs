//! Lowerings of divisions and remainders in 64-bit mode.

use super::super::insn::Insn;
use super::emit::{Emitter, RAX, RCX, asm};
use dynasmrt::{DynasmApi, DynasmLabelApi};

macro_rules! divisions {
    ($($name:ident: $long:literal, $signed:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            divide(e, i, $long, $signed);
        }
    )* };
}
divisions! {
    divd: true, true;
    divdu: true, false;
    divw: false, true;
    divwu: false, false;
}

/// Division. A quotient that cannot be represented is the dividend, as in `exec::fixed`: the host must not divide then.
fn divide(e: &mut Emitter, i: &Insn, long: bool, signed: bool) {
    let w = i.word;
    let (plain, done) = (e.label(), e.label());
    if long {
        e.get(RCX, w.rb());
        e.get(RAX, w.ra());
        asm!(e; test rcx, rcx; jz =>done);
    } else {
        e.get32(RCX, w.rb());
        e.get32(RAX, w.ra());
        asm!(e; test ecx, ecx; jz =>done);
    }
    match (long, signed) {
        (true, true) => asm!(e; cmp rcx, BYTE -1; jne =>plain; neg rax; jmp =>done; =>plain; cqo; idiv rcx),
        (true, false) => asm!(e; xor edx, edx; div rcx),
        (false, true) => asm!(e; cmp ecx, BYTE -1; jne =>plain; neg eax; jmp =>done; =>plain; cdq; idiv ecx),
        (false, false) => asm!(e; xor edx, edx; div ecx),
    }
    asm!(e; =>done);
    e.finish(w.rt(), RAX, w.rc());
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
