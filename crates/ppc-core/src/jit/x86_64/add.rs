//! Lowerings of additions and subtractions in 64-bit mode.

use super::super::{
    insn::Insn,
    offsets::{CA, CA32, guest},
};
use super::alu::Alu;
use super::emit::{Emitter, RAX, asm};
use crate::model::Isa;
use dynasmrt::DynasmApi;

pub fn addi(e: &mut Emitter, i: &Insn) {
    add_immediate(e, i, i.word.si());
}
pub fn addis(e: &mut Emitter, i: &Insn) {
    add_immediate(e, i, i.word.si() << 16);
}
fn add_immediate(e: &mut Emitter, i: &Insn, value: i64) {
    let w = i.word;
    let to = e.target(w.rt(), RAX);
    if w.ra() == 0 {
        e.constant(to, value as u64);
    } else {
        match e.mapped(w.ra()) {
            Some(reg) if reg != to => asm!(e; lea Rq(to), [Rq(reg) + value as i32]),
            Some(_) => asm!(e; add Rq(to), value as i32),
            None if e.mapped(w.rt()).is_none() && w.rt() == w.ra() => {
                return asm!(e; add QWORD [rbp + guest(w.rt())], value as i32);
            }
            None => {
                e.get(to, w.ra());
                asm!(e; add Rq(to), value as i32);
            }
        }
    }
    e.put(w.rt(), to);
}

pub fn add(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    if let (Some(to), Some(a), Some(b)) = (e.mapped(w.rt()), e.mapped(w.ra()), e.mapped(w.rb()))
        && to != a
        && to != b
    {
        asm!(e; lea Rq(to), [Rq(a) + Rq(b)]);
        return e.finish(w.rt(), to, w.rc());
    }
    e.binary(Alu::Add, w.rt(), w.ra(), w.rb(), w.rc());
}
pub fn subf(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.binary(Alu::Sub, w.rt(), w.rb(), w.ra(), w.rc());
}
pub fn neg(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let to = e.target(w.rt(), RAX);
    e.get(to, w.ra());
    asm!(e; neg Rq(to));
    e.finish(w.rt(), to, w.rc());
}

fn add_immediate_carrying(e: &mut Emitter, i: &Insn, rc: bool) {
    let (w, value) = (i.word, i.word.si() as i32);
    e.get(RAX, w.ra());
    e.note_constant(value);
    asm!(e; add rax, value);
    e.carry(false);
    e.finish(w.rt(), RAX, rc);
}
pub fn addic(e: &mut Emitter, i: &Insn) {
    add_immediate_carrying(e, i, false);
}
pub fn addic_rc(e: &mut Emitter, i: &Insn) {
    add_immediate_carrying(e, i, true);
}
pub fn subfic(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.constant(RAX, w.si() as u64);
    e.note_operands(w.ra());
    e.alu(Alu::Sub, RAX, w.ra());
    e.carry(true);
    e.finish(w.rt(), RAX, false);
}
pub fn addc(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    e.note_operands(w.rb());
    e.alu(Alu::Add, RAX, w.rb());
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn subfc(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.rb());
    e.note_operands(w.ra());
    e.alu(Alu::Sub, RAX, w.ra());
    e.carry(true);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn adde(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    e.note_operands(w.rb());
    e.get_carry();
    e.alu(Alu::AddCarry, RAX, w.rb());
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn subfe(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    if w.ra() == w.rb() {
        // CA - 1: how compilers turn CA into a mask. It is its own carry, and that of the low word.
        asm!(e; movzx eax, BYTE [rbp + CA]);
        if e.isa >= Isa::V3_0 {
            asm!(e; mov [rbp + CA32], al);
        }
        asm!(e; sub rax, 1);
        return e.finish(w.rt(), RAX, w.rc());
    }
    e.get(RAX, w.ra());
    asm!(e; not rax);
    e.note_operands(w.rb());
    e.get_carry();
    e.alu(Alu::AddCarry, RAX, w.rb());
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}

/// `RT ← (RA) or ¬(RA), + CA + value`.
fn extend_carry(e: &mut Emitter, i: &Insn, not: bool, value: i32) {
    let w = i.word;
    e.get(RAX, w.ra());
    if not {
        asm!(e; not rax);
    }
    e.note_constant(value);
    e.get_carry();
    asm!(e; adc rax, value);
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn addze(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, false, 0);
}
pub fn subfze(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, true, 0);
}
pub fn addme(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, false, -1);
}
pub fn subfme(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, true, -1);
}
