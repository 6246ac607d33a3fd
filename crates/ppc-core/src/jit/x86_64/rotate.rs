//! Lowerings of rotates and shifts in 64-bit mode.

use super::super::{
    insn::{Insn, mask},
    offsets::{CA, CA32},
};
use super::alu::Alu;
use super::emit::{Emitter, RAX, RCX, RDX, asm};
use crate::model::Isa;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// RAX ← RAX & `mask`. Uses RCX.
fn and_mask(e: &mut Emitter, mask: u64) {
    match mask {
        u64::MAX => {}
        0xffff_ffff => asm!(e; mov eax, eax),
        0xffff => asm!(e; movzx eax, ax),
        0xff => asm!(e; movzx eax, al),
        _ if mask <= 0x7fff_ffff => asm!(e; and eax, mask as i32),
        _ if mask <= 0xffff_ffff => asm!(e; and eax, mask as u32 as i32),
        _ => e.alu_constant(Alu::And, RAX, mask),
    }
}

/// `RA ← ROTL64(RS, n) & mask`.
fn rotate_and(e: &mut Emitter, i: &Insn, n: u32, mask: u64) {
    let w = i.word;
    let (mb, me) = (mask.leading_zeros(), 63 - mask.trailing_zeros());
    if n == 0 && mask == 0xffff_ffff {
        let to = e.target(w.ra(), RAX);
        e.get32(to, w.rs());
        return e.finish(w.ra(), to, w.rc());
    }
    let to = e.target(w.ra(), RAX);
    if n != 0 && mask == u64::MAX << n {
        // sldi
        e.get(to, w.rs());
        asm!(e; shl Rq(to), n as i8);
    } else if n != 0 && mask == u64::MAX >> (64 - n) {
        // srdi
        e.get(to, w.rs());
        asm!(e; shr Rq(to), (64 - n) as i8);
    } else if me == 63 && n != 0 && mb >= 64 - n {
        // A field that does not wrap around.
        e.get(RAX, w.rs());
        asm!(e; shr rax, (64 - n) as i8);
        and_mask(e, mask);
        return e.finish(w.ra(), RAX, w.rc());
    } else {
        e.get(RAX, w.rs());
        if n != 0 {
            asm!(e; rol rax, n as i8);
        }
        and_mask(e, mask);
        return e.finish(w.ra(), RAX, w.rc());
    }
    e.finish(w.ra(), to, w.rc());
}

/// `host ← host with its low word in both words`. Uses RCX.
fn double_word(e: &mut Emitter) {
    asm!(e; mov ecx, eax; shl rcx, 32; or rax, rcx);
}

pub fn rlwinm(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (sh, mb, me) = (w.sh5() as u32, w.mb5() as u32, w.me5() as u32);
    let m = mask(mb + 32, me + 32);
    if mb > me {
        e.get32(RAX, w.rs());
        if sh != 0 {
            asm!(e; rol eax, sh as i8);
        }
        double_word(e);
        and_mask(e, m);
        return e.finish(w.ra(), RAX, w.rc());
    }
    let to = e.target(w.ra(), RAX);
    let low = m as u32;
    e.get32(to, w.rs());
    if sh != 0 && low == u32::MAX << sh {
        asm!(e; shl Rd(to), sh as i8);
    } else if sh != 0 && low == u32::MAX >> (32 - sh) {
        asm!(e; shr Rd(to), (32 - sh) as i8);
    } else {
        if sh != 0 {
            asm!(e; rol Rd(to), sh as i8);
        }
        match low {
            u32::MAX => {}
            0xff => asm!(e; movzx Rd(to), Rb(to)),
            0xffff => asm!(e; movzx Rd(to), Rw(to)),
            _ => asm!(e; and Rd(to), low as i32),
        }
    }
    e.finish(w.ra(), to, w.rc());
}

pub fn rlwimi(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (sh, mb, me) = (w.sh5() as u32, w.mb5() as u32, w.me5() as u32);
    let m = mask(mb + 32, me + 32);
    e.get32(RAX, w.rs());
    if sh != 0 {
        asm!(e; rol eax, sh as i8);
    }
    if mb > me {
        double_word(e);
    }
    insert(e, i, m);
}

/// `RA ← RAX where mask, else (RA)`.
fn insert(e: &mut Emitter, i: &Insn, mask: u64) {
    let w = i.word;
    and_mask(e, mask);
    e.get(RDX, w.ra());
    match i32::try_from(!mask as i64) {
        Ok(small) => asm!(e; and rdx, small),
        Err(_) => {
            e.constant(RCX, !mask);
            asm!(e; and rdx, rcx);
        }
    }
    asm!(e; or rax, rdx);
    e.finish(w.ra(), RAX, w.rc());
}

pub fn rldimi(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.rs());
    if w.sh6() != 0 {
        asm!(e; rol rax, w.sh6() as i8);
    }
    insert(e, i, mask(w.mb6(), 63 - w.sh6()));
}

pub fn rldicl(e: &mut Emitter, i: &Insn) {
    rotate_and(e, i, i.word.sh6(), mask(i.word.mb6(), 63));
}
pub fn rldicr(e: &mut Emitter, i: &Insn) {
    rotate_and(e, i, i.word.sh6(), mask(0, i.word.mb6()));
}
pub fn rldic(e: &mut Emitter, i: &Insn) {
    rotate_and(e, i, i.word.sh6(), mask(i.word.mb6(), 63 - i.word.sh6()));
}

pub fn rlwnm(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let m = mask(w.mb5() as u32 + 32, w.me5() as u32 + 32);
    e.get32(RAX, w.rs());
    e.get32(RCX, w.rb());
    asm!(e; rol eax, cl);
    double_word(e);
    and_mask(e, m);
    e.finish(w.ra(), RAX, w.rc());
}

fn rotate_by_register(e: &mut Emitter, i: &Insn, mask: u64) {
    let w = i.word;
    e.get(RAX, w.rs());
    e.get32(RCX, w.rb());
    asm!(e; rol rax, cl);
    and_mask(e, mask);
    e.finish(w.ra(), RAX, w.rc());
}
pub fn rldcl(e: &mut Emitter, i: &Insn) {
    rotate_by_register(e, i, mask(i.word.mb6(), 63));
}
pub fn rldcr(e: &mut Emitter, i: &Insn) {
    rotate_by_register(e, i, mask(0, i.word.mb6()));
}

macro_rules! shifts {
    ($($name:ident: $get:ident, $limit:literal, $shift:ident $reg:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            e.$get(RAX, w.rs());
            e.get32(RCX, w.rb());
            // Counts with the bit above the host's set give 0.
            asm!(e; xor edx, edx; test ecx, $limit; cmovnz rax, rdx; $shift $reg, cl);
            e.finish(w.ra(), RAX, w.rc());
        }
    )* };
}
shifts! {
    slw: get32, 0x20, shl eax;
    srw: get32, 0x20, shr eax;
    sld: get, 0x40, shl rax;
    srd: get, 0x40, shr rax;
}

/// `RA ← RAX >> n` with its sign, CA when a negative value loses one bits.
fn shift_algebraic(e: &mut Emitter, i: &Insn, n: u32) {
    let w = i.word;
    if n == 0 {
        asm!(e; mov BYTE [rbp + CA], 0);
        if e.isa >= Isa::V3_0 {
            asm!(e; mov BYTE [rbp + CA32], 0);
        }
    } else {
        // CA: the sign of the value and of the bits lost, moved up to the top.
        asm!(e
            ; mov rcx, rax
            ; mov rdx, rax
            ; sar rax, n as i8
            ; shl rcx, (64 - n) as i8
            ; neg rcx
            ; sbb rcx, rcx
            ; and rcx, rdx
            ; shr rcx, 63
            ; mov [rbp + CA], cl
        );
        if e.isa >= Isa::V3_0 {
            asm!(e; mov [rbp + CA32], cl);
        }
    }
    e.finish(w.ra(), RAX, w.rc());
}
pub fn srawi(e: &mut Emitter, i: &Insn) {
    e.get_signed32(RAX, i.word.rs());
    shift_algebraic(e, i, i.word.sh5() as u32);
}
pub fn sradi(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.rs());
    shift_algebraic(e, i, i.word.sh6());
}

/// `RA ← RAX >> CL` and CA: a negative value lost ones. Counts are modulo 64, or of a doubleword modulo 128.
fn shift_by_register(e: &mut Emitter, i: &Insn, doubleword: bool) {
    let (long, store) = (e.label(), e.label());
    asm!(e; mov rdx, rax);
    if doubleword {
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
    e.finish(i.word.ra(), RAX, i.word.rc());
}
pub fn srad(e: &mut Emitter, i: &Insn) {
    e.get32(RCX, i.word.rb());
    e.get(RAX, i.word.rs());
    shift_by_register(e, i, true);
}
pub fn sraw(e: &mut Emitter, i: &Insn) {
    e.get32(RCX, i.word.rb());
    e.get_signed32(RAX, i.word.rs());
    shift_by_register(e, i, false);
}

pub fn extswsli(e: &mut Emitter, i: &Insn) {
    e.get_signed32(RAX, i.word.rs());
    if i.word.sh6() != 0 {
        asm!(e; shl rax, i.word.sh6() as i8);
    }
    e.finish(i.word.ra(), RAX, i.word.rc());
}
