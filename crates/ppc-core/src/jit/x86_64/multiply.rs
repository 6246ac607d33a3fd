//! Lowerings of multiplications in 64-bit mode.

use super::super::{insn::Insn, offsets::guest};
use super::emit::{Emitter, RAX, RCX, RDX, asm};
use dynasmrt::DynasmApi;

pub fn mulli(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let a = e.value(w.ra(), RAX);
    let to = e.target(w.rt(), RAX);
    asm!(e; imul Rq(to), Rq(a), w.si() as i32);
    e.put(w.rt(), to);
}
pub fn mulld(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    match e.mapped(w.rb()) {
        Some(b) => asm!(e; imul rax, Rq(b)),
        None => asm!(e; imul rax, [rbp + guest(w.rb())]),
    }
    e.finish(w.rt(), RAX, w.rc());
}
pub fn mullw(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get_signed32(RAX, w.ra());
    e.get_signed32(RCX, w.rb());
    asm!(e; imul rax, rcx);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn mulhd(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.ra());
    e.get(RCX, i.word.rb());
    asm!(e; imul rcx);
    e.finish_high(i);
}
pub fn mulhdu(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.ra());
    e.get(RCX, i.word.rb());
    asm!(e; mul rcx);
    e.finish_high(i);
}
impl Emitter {
    fn finish_high(&mut self, i: &Insn) {
        asm!(self; mov rax, rdx);
        self.finish(i.word.rt(), RAX, i.word.rc());
    }
}
pub fn mulhw(e: &mut Emitter, i: &Insn) {
    e.get_signed32(RAX, i.word.ra());
    e.get_signed32(RCX, i.word.rb());
    asm!(e; imul rax, rcx; shr rax, 32);
    e.finish(i.word.rt(), RAX, i.word.rc());
}
pub fn mulhwu(e: &mut Emitter, i: &Insn) {
    e.get32(RAX, i.word.ra());
    e.get32(RCX, i.word.rb());
    asm!(e; imul rax, rcx; shr rax, 32);
    e.finish(i.word.rt(), RAX, i.word.rc());
}

pub fn maddld(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    match e.mapped(w.rb()) {
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
