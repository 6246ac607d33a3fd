//! Lowerings of compares, traps, selections and moves to and from the condition register.

use super::super::{
    insn::{CTR, Guest, Insn, LR, cr_bit},
    offsets::{CA, CA32, OV, OV32, crf},
};
use super::emit::{Emitter, Host, X0, X1, X2, ZERO, asm};
use crate::{spr::number, trap::Trap};
use dynasmrt::{DynasmApi, DynasmLabelApi};

impl Emitter {
    /// Compares the doublewords or words `a` and `b`.
    fn compare(&mut self, a: Guest, b: Guest, long: bool) {
        let (a, b) = (self.value(a, X0), self.value(b, X1));
        if long {
            asm!(self; cmp X(a), X(b));
        } else {
            asm!(self; cmp W(a), W(b));
        }
    }

    fn compare_constant(&mut self, a: Guest, value: i32, long: bool) {
        let a = self.value(a, X0);
        match (value, long) {
            (0..0x1000, true) => asm!(self; cmp XSP(a), value as u32),
            (0..0x1000, false) => asm!(self; cmp WSP(a), value as u32),
            (-0xfff..0, true) => asm!(self; cmn XSP(a), value.unsigned_abs()),
            (-0xfff..0, false) => asm!(self; cmn WSP(a), value.unsigned_abs()),
            (_, true) => {
                self.constant(X1, i64::from(value) as u64);
                asm!(self; cmp X(a), x1);
            }
            (_, false) => {
                self.constant(X1, u64::from(value as u32));
                asm!(self; cmp W(a), w1);
            }
        }
    }

    /// Bit 0 of `host` ← bit `n` of the condition register, with junk above.
    fn get_cr_bit(&mut self, host: Host, n: usize) {
        let (field, _) = cr_bit(n);
        self.load8(host, crf(field));
        if n & 3 != 3 {
            let shift = 3 - (n as u32 & 3);
            asm!(self; lsr W(host), W(host), shift);
        }
    }

    /// Bit `n` of the condition register ← bit 0 of W0.
    fn put_cr_bit(&mut self, n: usize) {
        let (field, _) = cr_bit(n);
        self.load8(X1, crf(field));
        let shift = 3 - (n as u32 & 3);
        asm!(self; bfi w1, w0, shift, 1);
        self.save8(X1, crf(field));
    }
}

fn long(i: &Insn) -> bool {
    i.word.bit(10)
}

pub fn cmp(e: &mut Emitter, i: &Insn) {
    e.compare(i.word.ra(), i.word.rb(), long(i));
    e.order(i.word.bf(), false);
}
pub fn cmpl(e: &mut Emitter, i: &Insn) {
    e.compare(i.word.ra(), i.word.rb(), long(i));
    e.order(i.word.bf(), true);
}
pub fn cmpi(e: &mut Emitter, i: &Insn) {
    e.compare_constant(i.word.ra(), i.word.si() as i32, long(i));
    e.order(i.word.bf(), false);
}
pub fn cmpli(e: &mut Emitter, i: &Insn) {
    e.compare_constant(i.word.ra(), i.word.ui() as i32, long(i));
    e.order(i.word.bf(), true);
}

/// After a comparison: traps if a condition of TO holds.
fn trap(e: &mut Emitter, i: &Insn) {
    let to = e.trap_label(i, Trap::TrapInstruction);
    let bits = i.word.to();
    if bits & 0x10 != 0 {
        asm!(e; b.lt =>to);
    }
    if bits & 0x08 != 0 {
        asm!(e; b.gt =>to);
    }
    if bits & 0x04 != 0 {
        asm!(e; b.eq =>to);
    }
    if bits & 0x02 != 0 {
        asm!(e; b.lo =>to);
    }
    if bits & 0x01 != 0 {
        asm!(e; b.hi =>to);
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
    let a = if w.ra() == 0 { ZERO } else { e.value(w.ra(), X0) };
    let b = e.value(w.rb(), X1);
    let to = e.target(w.rt(), X0);
    e.load8(X2, crf(field));
    asm!(e; tst w2, u32::from(mask); csel X(to), X(a), X(b), ne);
    e.put(w.rt(), to);
}

pub fn mcrf(e: &mut Emitter, i: &Insn) {
    e.load8(X0, crf(i.word.bfa()));
    e.save8(X0, crf(i.word.bf()));
}

pub fn mcrxrx(e: &mut Emitter, i: &Insn) {
    e.load8(X0, OV);
    for bit in [OV32, CA, CA32] {
        e.load8(X1, bit);
        asm!(e; orr w0, w1, w0, lsl 1);
    }
    e.save8(X0, crf(i.word.bf()));
}

/// RT ← -1 if the field's first bit is set, 1 if the second is, else 0.
pub fn setb(e: &mut Emitter, i: &Insn) {
    e.load8(X0, crf(i.word.bfa()));
    let to = e.target(i.word.rt(), X2);
    asm!(e; ubfx w1, w0, 2, 1; tst w0, 8; csinv X(to), x1, xzr, eq);
    e.put(i.word.rt(), to);
}

macro_rules! set_conditions {
    ($($name:ident: $instruction:ident $when:ident;)*) => { $(
        /// By a bit of the condition register.
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let (field, mask) = cr_bit(i.word.bi());
            e.load8(X0, crf(field));
            let to = e.target(i.word.rt(), X1);
            asm!(e; tst w0, u32::from(mask); $instruction X(to), $when);
            e.put(i.word.rt(), to);
        }
    )* };
}
set_conditions! {
    setbc: cset ne;
    setbcr: cset eq;
    setnbc: csetm ne;
    setnbcr: csetm eq;
}

/// Packs the eight fields, one in a byte, first field lowest, into a word with the first field highest.
pub fn mfcr(e: &mut Emitter, i: &Insn) {
    e.load(X0, crf(0));
    let to = e.target(i.word.rt(), X0);
    asm!(e
        ; rev x0, x0
        ; orr x0, x0, x0, lsr 4
        ; and x0, x0, 0x00ff_00ff_00ff_00ff
        ; orr x0, x0, x0, lsr 8
        ; and x0, x0, 0x0000_ffff_0000_ffff
        ; orr x0, x0, x0, lsr 16
        ; mov W(to), w0
    );
    e.put(i.word.rt(), to);
}

pub fn mfocrf(e: &mut Emitter, i: &Insn) {
    let fxm = i.word.fxm();
    if !fxm.is_power_of_two() {
        return;
    }
    let field = 7 - fxm.trailing_zeros();
    let to = e.target(i.word.rt(), X0);
    e.load8(to, crf(field as usize));
    if field != 7 {
        let shift = 28 - 4 * field;
        asm!(e; lsl W(to), W(to), shift);
    }
    e.put(i.word.rt(), to);
}

pub fn mtcrf(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let from = e.value(w.rs(), X0);
    for field in (0..8).filter(|field| w.fxm() >> (7 - field) & 1 != 0) {
        // A name, since the assembler puts the operand into its range checks without parentheses.
        let shift = 28 - 4 * field;
        asm!(e; ubfx w1, W(from), shift, 4);
        e.save8(X1, crf(field as usize));
    }
}
pub fn mtocrf(e: &mut Emitter, i: &Insn) {
    if i.word.fxm().is_power_of_two() {
        mtcrf(e, i);
    }
}

macro_rules! cr_logic {
    ($($name:ident: $operation:ident, $not:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            e.get_cr_bit(X0, w.ba());
            e.get_cr_bit(X1, w.bb());
            asm!(e; $operation w0, w0, w1);
            if $not {
                asm!(e; mvn w0, w0);
            }
            e.put_cr_bit(w.bt());
        }
    )* };
}
cr_logic! {
    crand: and, false;
    crandc: bic, false;
    cror: orr, false;
    crorc: orn, false;
    crxor: eor, false;
    crnand: and, true;
    crnor: orr, true;
    creqv: eon, false;
}

/// `mflr` and `mfctr`; other registers have functions.
pub fn mfspr(e: &mut Emitter, i: &Insn) {
    match special(i) {
        Some(from) => {
            let to = e.target(i.word.rt(), X0);
            let host = e.value(from, to);
            e.put(i.word.rt(), host);
        }
        None => e.call_exec(i),
    }
}

/// `mtlr` and `mtctr`; other registers have functions.
pub fn mtspr(e: &mut Emitter, i: &Insn) {
    match special(i) {
        Some(to) => {
            let reg = e.target(to, X0);
            let host = e.value(i.word.rs(), reg);
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
