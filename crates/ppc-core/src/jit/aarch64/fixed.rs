//! Lowerings of fixed-point arithmetic and logic in 64-bit mode. Each must leave what its function in `exec::fixed`
//! leaves; an instruction that is not here or in `rotate` is a call of that function.

use super::super::{
    insn::{Guest, Insn},
    offsets::{CA, CA32},
};
use super::emit::{Emitter, Host, X0, X1, X2, X16, ZERO, asm};
use crate::model::Isa;
use dynasmrt::{DynasmApi, aarch64::encode_logical_immediate_64bit};

impl Emitter {
    /// `to ← host`, and CR field 0 if `rc`.
    pub(super) fn finish(&mut self, to: Guest, host: Host, rc: bool) {
        self.put(to, host);
        if rc {
            self.record(host);
        }
    }

    /// CA ← the host's carry, which after a subtraction is what the guest wants, too; CA32 where the guest can see it. X0
    /// is the result, X2 what [`Emitter::note_operands`] left.
    fn carry(&mut self, subtraction: bool) {
        asm!(self; cset w16, cs);
        self.save8(X16, CA);
        if self.isa >= Isa::V3_0 {
            asm!(self; eor x2, x2, x0; ubfx x2, x2, 32, 1);
            if subtraction {
                asm!(self; eor w2, w2, 1);
            }
            self.save8(X2, CA32);
        }
    }

    /// X2 ← `a ⊕ b`, for CA32: bit 32 of it and of the result tell the carry into that bit.
    fn note_operands(&mut self, a: Host, b: Host) {
        if self.isa >= Isa::V3_0 {
            asm!(self; eor x2, X(a), X(b));
        }
    }

    /// The host's carry ← CA. Uses X16.
    fn get_carry(&mut self) {
        self.load8(X16, CA);
        asm!(self; cmp w16, 1);
    }
}

macro_rules! binary {
    ($($name:ident: $instruction:ident, $a:ident, $b:ident, $to:ident, $not:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let (a, b) = (e.value(w.$a(), X0), e.value(w.$b(), X1));
            let to = e.target(w.$to(), X0);
            asm!(e; $instruction X(to), X(a), X(b));
            if $not {
                asm!(e; mvn X(to), X(to));
            }
            e.finish(w.$to(), to, w.rc());
        }
    )* };
}
binary! {
    add: add, ra, rb, rt, false;
    subf: sub, rb, ra, rt, false;
    mulld: mul, ra, rb, rt, false;
    mulhd: smulh, ra, rb, rt, false;
    mulhdu: umulh, ra, rb, rt, false;
    and: and, rs, rb, ra, false;
    andc: bic, rs, rb, ra, false;
    nand: and, rs, rb, ra, true;
    nor: orr, rs, rb, ra, true;
    orc: orn, rs, rb, ra, false;
    xor: eor, rs, rb, ra, false;
    eqv: eon, rs, rb, ra, false;
}

pub fn or(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    // mr
    if w.rs() == w.rb() {
        if w.ra() != w.rs() || w.rc() {
            let host = e.value(w.rs(), X0);
            e.finish(w.ra(), host, w.rc());
        }
        return;
    }
    let a = e.value(w.rs(), X0);
    let b = e.value(w.rb(), X1);
    let to = e.target(w.ra(), X0);
    asm!(e; orr X(to), X(a), X(b));
    e.finish(w.ra(), to, w.rc());
}

pub fn neg(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let a = e.value(w.ra(), X0);
    let to = e.target(w.rt(), X0);
    asm!(e; neg X(to), X(a));
    e.finish(w.rt(), to, w.rc());
}

pub fn addi(e: &mut Emitter, i: &Insn) {
    add_immediate(e, i, i.word.si());
}
pub fn addis(e: &mut Emitter, i: &Insn) {
    add_immediate(e, i, i.word.si() << 16);
}
fn add_immediate(e: &mut Emitter, i: &Insn, value: i64) {
    let w = i.word;
    let to = e.target(w.rt(), X0);
    if w.ra() == 0 {
        e.constant(to, value as u64);
    } else {
        let a = e.value(w.ra(), X0);
        e.add_constant(to, a, value);
    }
    e.put(w.rt(), to);
}

macro_rules! carrying {
    ($($name:ident: $instruction:ident $a:ident $b:ident, $extended:literal, $subtraction:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let (a, b) = (e.value(w.$a(), X0), e.value(w.$b(), X1));
            e.note_operands(a, b);
            if $extended {
                e.get_carry();
            }
            asm!(e; $instruction x0, X(a), X(b));
            e.carry($subtraction);
            e.finish(w.rt(), X0, w.rc());
        }
    )* };
}
carrying! {
    addc: adds ra rb, false, false;
    subfc: subs rb ra, false, true;
    adde: adcs ra rb, true, false;
    subfe: sbcs rb ra, true, true;
}

fn add_immediate_carrying(e: &mut Emitter, i: &Insn, rc: bool) {
    let w = i.word;
    let a = e.value(w.ra(), X0);
    e.constant(X1, w.si() as u64);
    e.note_operands(a, X1);
    asm!(e; adds x0, X(a), x1);
    e.carry(false);
    e.finish(w.rt(), X0, rc);
}
pub fn addic(e: &mut Emitter, i: &Insn) {
    add_immediate_carrying(e, i, false);
}
pub fn addic_rc(e: &mut Emitter, i: &Insn) {
    add_immediate_carrying(e, i, true);
}
pub fn subfic(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let a = e.value(w.ra(), X0);
    e.constant(X1, w.si() as u64);
    e.note_operands(a, X1);
    asm!(e; subs x0, x1, X(a));
    e.carry(true);
    e.finish(w.rt(), X0, false);
}

/// `RT ← (RA) or ¬(RA), + CA + value`.
fn extend_carry(e: &mut Emitter, i: &Insn, not: bool, value: i64) {
    let w = i.word;
    let mut a = e.value(w.ra(), X0);
    if not {
        asm!(e; mvn x0, X(a));
        a = X0;
    }
    e.constant(X1, value as u64);
    e.note_operands(a, X1);
    e.get_carry();
    asm!(e; adcs x0, X(a), x1);
    e.carry(false);
    e.finish(w.rt(), X0, w.rc());
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

pub fn mulli(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let a = e.value(w.ra(), X0);
    e.constant(X1, w.si() as u64);
    let to = e.target(w.rt(), X0);
    asm!(e; mul X(to), X(a), x1);
    e.put(w.rt(), to);
}

macro_rules! word_products {
    ($($name:ident: $instruction:ident, $high:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let (a, b) = (e.value(w.ra(), X0), e.value(w.rb(), X1));
            let to = e.target(w.rt(), X0);
            asm!(e; $instruction X(to), W(a), W(b));
            if $high {
                asm!(e; lsr X(to), X(to), 32);
            }
            e.finish(w.rt(), to, w.rc());
        }
    )* };
}
word_products! {
    mullw: smull, false;
    mulhw: smull, true;
    mulhwu: umull, true;
}

macro_rules! divisions {
    ($($name:ident: $instruction:ident $class:ident;)*) => { $(
        /// Division. A quotient that cannot be represented is the dividend, as in `exec::fixed`; the host's is, too, but
        /// for a division by 0.
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let (a, b) = (e.value(w.ra(), X0), e.value(w.rb(), X1));
            let to = e.target(w.rt(), X0);
            asm!(e
                ; $instruction $class(X2), $class(a), $class(b)
                ; tst $class(b), $class(b)
                ; csel $class(to), $class(a), $class(X2), eq
            );
            e.finish(w.rt(), to, w.rc());
        }
    )* };
}
divisions! {
    divd: sdiv X;
    divdu: udiv X;
    divw: sdiv W;
    divwu: udiv W;
}

macro_rules! remainders {
    ($($name:ident: $instruction:ident $class:ident $signed:literal;)*) => { $(
        /// Remainder: 0 where the quotient cannot be represented, as in `exec::fixed`; the host's is, too, but for a
        /// division by 0.
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let (a, b) = (e.value(w.ra(), X0), e.value(w.rb(), X1));
            let to = e.target(w.rt(), X0);
            asm!(e
                ; $instruction $class(X2), $class(a), $class(b)
                ; msub $class(X2), $class(X2), $class(b), $class(a)
                ; tst $class(b), $class(b)
                ; csel $class(to), $class(ZERO), $class(X2), eq
            );
            if $signed {
                asm!(e; sxtw X(to), W(to));
            }
            e.put(w.rt(), to);
        }
    )* };
}
remainders! {
    modsd: sdiv X false;
    modud: udiv X false;
    modsw: sdiv W true;
    moduw: udiv W false;
}

pub fn maddld(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (a, b, c) = (e.value(w.ra(), X0), e.value(w.rb(), X1), e.value(w.rc_reg(), X2));
    let to = e.target(w.rt(), X0);
    asm!(e; madd X(to), X(a), X(b), X(c));
    e.put(w.rt(), to);
}
pub fn maddhd(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (a, b, c) = (e.value(w.ra(), X0), e.value(w.rb(), X1), e.value(w.rc_reg(), X2));
    asm!(e
        ; mul x16, X(a), X(b)
        ; smulh x0, X(a), X(b)
        ; adds x16, x16, X(c)
        ; adc x0, x0, xzr
        ; add x0, x0, X(c), asr 63
    );
    e.put(w.rt(), X0);
}
pub fn maddhdu(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (a, b, c) = (e.value(w.ra(), X0), e.value(w.rb(), X1), e.value(w.rc_reg(), X2));
    asm!(e
        ; mul x16, X(a), X(b)
        ; umulh x0, X(a), X(b)
        ; adds x16, x16, X(c)
        ; adc x0, x0, xzr
    );
    e.put(w.rt(), X0);
}

macro_rules! logical_immediate {
    ($($name:ident: $op:ident, $shift:literal, $rc:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let value = w.ui() << $shift;
            if value == 0 && w.ra() == w.rs() && !$rc {
                return;
            }
            let a = e.value(w.rs(), X0);
            if value == 0 && !$rc {
                return e.put(w.ra(), a);
            }
            let to = e.target(w.ra(), X0);
            if encode_logical_immediate_64bit(value).is_some() {
                asm!(e; $op XSP(to), X(a), value);
            } else {
                e.constant(X1, value);
                asm!(e; $op X(to), X(a), x1);
            }
            e.finish(w.ra(), to, $rc);
        }
    )* };
}
logical_immediate! {
    ori: orr, 0, false;
    oris: orr, 16, false;
    xori: eor, 0, false;
    xoris: eor, 16, false;
    andi_rc: and, 0, true;
    andis_rc: and, 16, true;
}

macro_rules! unary {
    ($($name:ident: $instruction:ident $to:ident $from:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let from = e.value(w.rs(), X0);
            let to = e.target(w.ra(), X0);
            asm!(e; $instruction $to(to), $from(from));
            e.finish(w.ra(), to, w.rc());
        }
    )* };
}
unary! {
    extsb: sxtb X W;
    extsh: sxth X W;
    extsw: sxtw X W;
    cntlzd: clz X X;
    cntlzw: clz W W;
}

macro_rules! trailing_zeros {
    ($($name:ident: $class:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let from = e.value(w.rs(), X0);
            let to = e.target(w.ra(), X0);
            asm!(e; rbit $class(to), $class(from); clz $class(to), $class(to));
            e.finish(w.ra(), to, w.rc());
        }
    )* };
}
trailing_zeros! {
    cnttzd: X;
    cnttzw: W;
}

/// As the unary ones, without a record form.
macro_rules! reversals {
    ($($name:ident: $instruction:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let from = e.value(w.rs(), X0);
            let to = e.target(w.ra(), X0);
            asm!(e; $instruction X(to), X(from));
            e.put(w.ra(), to);
        }
    )* };
}
reversals! {
    brh: rev16;
    brw: rev32;
    brd: rev;
}
