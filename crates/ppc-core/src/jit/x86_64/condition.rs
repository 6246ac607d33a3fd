//! Lowerings of compares, traps, selections and moves to and from the condition register.

use super::super::{
    insn::{CTR, Guest, Insn, LR, cr_bit},
    offsets::{CA, CA32, OV, OV32, crf, guest},
};
use super::emit::{Emitter, Host, RAX, RCX, RDX, asm};
use crate::{spr::number, trap::Trap};
use dynasmrt::{DynasmApi, DynasmLabelApi};

impl Emitter {
    /// Compares the doublewords or words `a` and `b`.
    fn compare(&mut self, a: Guest, b: Guest, long: bool) {
        let a = self.value(a, RAX);
        match (self.mapped(b), long) {
            (Some(b), true) => asm!(self; cmp Rq(a), Rq(b)),
            (Some(b), false) => asm!(self; cmp Rd(a), Rd(b)),
            (None, true) => asm!(self; cmp Rq(a), [rbp + guest(b)]),
            (None, false) => asm!(self; cmp Rd(a), [rbp + guest(b)]),
        }
    }

    fn compare_constant(&mut self, a: Guest, value: i32, long: bool) {
        match (self.mapped(a), long, value) {
            (Some(a), true, 0) => asm!(self; test Rq(a), Rq(a)),
            (Some(a), false, 0) => asm!(self; test Rd(a), Rd(a)),
            (Some(a), true, _) => asm!(self; cmp Rq(a), value),
            (Some(a), false, _) => asm!(self; cmp Rd(a), value),
            (None, true, _) => asm!(self; cmp QWORD [rbp + guest(a)], value),
            (None, false, _) => asm!(self; cmp DWORD [rbp + guest(a)], value),
        }
    }

    /// RAX ← bit `n` of the condition register, in bit 0 of `host` with junk above.
    fn get_cr_bit(&mut self, host: Host, n: usize) {
        let (field, _) = cr_bit(n);
        asm!(self; movzx Rd(host), BYTE [rbp + crf(field)]);
        if n & 3 != 3 {
            asm!(self; shr Rd(host), (3 - (n & 3)) as i8);
        }
    }

    /// Bit `n` of the condition register ← bit 0 of EAX.
    fn put_cr_bit(&mut self, n: usize) {
        let (field, mask) = cr_bit(n);
        asm!(self; and eax, 1);
        if n & 3 != 3 {
            asm!(self; shl eax, (3 - (n & 3)) as i8);
        }
        asm!(self
            ; mov cl, [rbp + crf(field)]
            ; and cl, !mask as i8
            ; or cl, al
            ; mov [rbp + crf(field)], cl
        );
    }
}

fn long(i: &Insn) -> bool {
    i.word.bit(10)
}

pub fn cmp(e: &mut Emitter, i: &Insn) {
    e.prepare_order(RDX);
    e.compare(i.word.ra(), i.word.rb(), long(i));
    e.order(i.word.bf(), false, RDX);
}
pub fn cmpl(e: &mut Emitter, i: &Insn) {
    e.prepare_order(RDX);
    e.compare(i.word.ra(), i.word.rb(), long(i));
    e.order(i.word.bf(), true, RDX);
}
pub fn cmpi(e: &mut Emitter, i: &Insn) {
    e.prepare_order(RDX);
    e.compare_constant(i.word.ra(), i.word.si() as i32, long(i));
    e.order(i.word.bf(), false, RDX);
}
pub fn cmpli(e: &mut Emitter, i: &Insn) {
    e.prepare_order(RDX);
    e.compare_constant(i.word.ra(), i.word.ui() as i32, long(i));
    e.order(i.word.bf(), true, RDX);
}

/// After a comparison: traps if a condition of TO holds.
fn trap(e: &mut Emitter, i: &Insn) {
    let to = e.trap_label(i, Trap::TrapInstruction);
    let bits = i.word.to();
    if bits & 0x10 != 0 {
        asm!(e; jl =>to);
    }
    if bits & 0x08 != 0 {
        asm!(e; jg =>to);
    }
    if bits & 0x04 != 0 {
        asm!(e; je =>to);
    }
    if bits & 0x02 != 0 {
        asm!(e; jb =>to);
    }
    if bits & 0x01 != 0 {
        asm!(e; ja =>to);
    }
}
pub fn tw(e: &mut Emitter, i: &Insn) {
    e.compare(i.word.ra(), i.word.rb(), false);
    trap(e, i);
}
pub fn td(e: &mut Emitter, i: &Insn) {
    e.compare(i.word.ra(), i.word.rb(), true);
    trap(e, i);
}
pub fn twi(e: &mut Emitter, i: &Insn) {
    e.compare_constant(i.word.ra(), i.word.si() as i32, false);
    trap(e, i);
}
pub fn tdi(e: &mut Emitter, i: &Insn) {
    e.compare_constant(i.word.ra(), i.word.si() as i32, true);
    trap(e, i);
}

pub fn isel(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (field, mask) = cr_bit(w.rc_reg());
    e.get(RAX, w.rb());
    if w.ra() == 0 {
        asm!(e; xor ecx, ecx);
    } else {
        e.get(RCX, w.ra());
    }
    asm!(e; test BYTE [rbp + crf(field)], mask as i8; cmovnz rax, rcx);
    e.put(w.rt(), RAX);
}

pub fn mcrf(e: &mut Emitter, i: &Insn) {
    asm!(e; mov al, [rbp + crf(i.word.bfa())]; mov [rbp + crf(i.word.bf())], al);
}

/// Packs the eight fields, one in a byte, first field lowest, into a word with the first field highest.
pub fn mfcr(e: &mut Emitter, i: &Insn) {
    asm!(e; mov rax, [rbp + crf(0)]; bswap rax);
    for (shift, mask) in [(4, 0x00ff_00ff_00ff_00ffu64), (8, 0x0000_ffff_0000_ffff), (16, 0xffff_ffff)] {
        asm!(e; mov rcx, rax; shr rcx, shift; or rax, rcx);
        e.constant(RCX, mask);
        asm!(e; and rax, rcx);
    }
    e.put(i.word.rt(), RAX);
}

pub fn mfocrf(e: &mut Emitter, i: &Insn) {
    let fxm = i.word.fxm();
    if !fxm.is_power_of_two() {
        return;
    }
    let field = 7 - fxm.trailing_zeros() as usize;
    asm!(e; movzx eax, BYTE [rbp + crf(field)]);
    if field != 7 {
        asm!(e; shl eax, (28 - 4 * field) as i8);
    }
    e.put(i.word.rt(), RAX);
}

pub fn mtcrf(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    for field in (0..8).filter(|field| w.fxm() >> (7 - field) & 1 != 0) {
        e.get32(RAX, w.rs());
        if field != 7 {
            asm!(e; shr eax, (28 - 4 * field) as i8);
        }
        asm!(e; and eax, 15; mov [rbp + crf(field)], al);
    }
}
pub fn mtocrf(e: &mut Emitter, i: &Insn) {
    if i.word.fxm().is_power_of_two() {
        mtcrf(e, i);
    }
}

macro_rules! cr_logic {
    ($($name:ident: $operation:ident, $not_b:literal, $not:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            e.get_cr_bit(RAX, w.ba());
            e.get_cr_bit(RCX, w.bb());
            if $not_b {
                asm!(e; not ecx);
            }
            asm!(e; $operation eax, ecx);
            if $not {
                asm!(e; not eax);
            }
            e.put_cr_bit(w.bt());
        }
    )* };
}
cr_logic! {
    crand: and, false, false;
    crandc: and, true, false;
    cror: or, false, false;
    crorc: or, true, false;
    crxor: xor, false, false;
    crnand: and, false, true;
    crnor: or, false, true;
    creqv: xor, false, true;
}

/// `mflr` and `mfctr`; other registers have functions.
pub fn mfspr(e: &mut Emitter, i: &Insn) {
    match special(i) {
        Some(from) => {
            let host = match e.mapped(i.word.rt()) {
                Some(to) => {
                    e.get(to, from);
                    to
                }
                None => e.value(from, RAX),
            };
            e.put(i.word.rt(), host);
        }
        None => e.call_exec(i),
    }
}

/// `mtlr` and `mtctr`; other registers have functions.
pub fn mtspr(e: &mut Emitter, i: &Insn) {
    match special(i) {
        Some(to) => {
            let host = match e.mapped(to) {
                Some(reg) => {
                    e.get(reg, i.word.rs());
                    reg
                }
                None => e.value(i.word.rs(), RAX),
            };
            e.put(to, host);
        }
        None => e.call_exec(i),
    }
}

fn special(i: &Insn) -> Option<Guest> {
    match i.word.spr() {
        number::LR => Some(LR),
        number::CTR => Some(CTR),
        _ => None,
    }
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

/// RT ← 1, or -1 if `negative`, if bit BI of the condition register is not `reverse`, else 0.
fn set_condition(e: &mut Emitter, i: &Insn, reverse: bool, negative: bool) {
    let (field, mask) = cr_bit(i.word.bi());
    asm!(e; xor eax, eax; test BYTE [rbp + crf(field)], mask as i8);
    if reverse {
        asm!(e; setz al);
    } else {
        asm!(e; setnz al);
    }
    if negative {
        asm!(e; neg rax);
    }
    e.put(i.word.rt(), RAX);
}
pub fn setbc(e: &mut Emitter, i: &Insn) {
    set_condition(e, i, false, false);
}
pub fn setbcr(e: &mut Emitter, i: &Insn) {
    set_condition(e, i, true, false);
}
pub fn setnbc(e: &mut Emitter, i: &Insn) {
    set_condition(e, i, false, true);
}
pub fn setnbcr(e: &mut Emitter, i: &Insn) {
    set_condition(e, i, true, true);
}

pub fn mcrxrx(e: &mut Emitter, i: &Insn) {
    asm!(e; movzx eax, BYTE [rbp + OV]);
    for bit in [OV32, CA, CA32] {
        asm!(e; add eax, eax; or al, [rbp + bit]);
    }
    asm!(e; mov [rbp + crf(i.word.bf())], al);
}
