//! Lowerings of rotates and shifts in 64-bit mode.

use super::super::{
    insn::{Insn, mask},
    offsets::{CA, CA32},
};
use super::emit::{Emitter, Host, X0, X1, X2, ZERO, asm};
use crate::model::Isa;
use dynasmrt::DynasmApi;

/// Where the one bits of a mask begin and how many there are, if they are one run that does not wrap around.
fn field(mask: u64) -> Option<(u32, u32)> {
    let (lowest, count) = (mask.trailing_zeros(), mask.count_ones());
    (mask != 0 && mask >> lowest == u64::MAX >> (64 - count)).then_some((lowest, count))
}

/// `to ← from & mask`, the mask one run of bits that may wrap around.
fn and_mask(e: &mut Emitter, to: Host, from: Host, mask: u64) {
    match mask {
        u64::MAX => e.copy(to, from),
        _ => asm!(e; and XSP(to), X(from), mask),
    }
}

/// `RA ← ROTL64(RS, n) & mask`.
fn rotate_and(e: &mut Emitter, i: &Insn, n: u32, mask: u64) {
    let w = i.word;
    let from = e.value(w.rs(), X0);
    let to = e.target(w.ra(), X0);
    match field(mask) {
        _ if n == 0 => and_mask(e, to, from, mask),
        // A field that goes up, or comes down, and does not wrap around.
        Some((lowest, count)) if lowest == n && n + count <= 64 => {
            asm!(e; ubfiz X(to), X(from), n, count);
        }
        Some((0, count)) if count <= n => {
            // A name, since the assembler puts the operand into its range checks without parentheses.
            let lowest = 64 - n;
            asm!(e; ubfx X(to), X(from), lowest, count);
        }
        _ => {
            asm!(e; ror X(to), X(from), 64 - n);
            and_mask(e, to, to, mask);
        }
    }
    e.finish(w.ra(), to, w.rc());
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

/// X0 ← ROTL32(low word of `from`, n) in both words if `both`, otherwise in the low one.
fn rotate_word(e: &mut Emitter, from: Host, n: u32, both: bool) {
    match n {
        0 => asm!(e; mov w0, W(from)),
        _ => asm!(e; ror w0, W(from), 32 - n),
    }
    if both {
        asm!(e; bfi x0, x0, 32, 32);
    }
}

pub fn extswsli(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let from = e.value(w.rs(), X0);
    let to = e.target(w.ra(), X0);
    let shift = w.sh6();
    asm!(e; sxtw X(to), W(from));
    if shift != 0 {
        asm!(e; lsl X(to), X(to), shift);
    }
    e.finish(w.ra(), to, w.rc());
}

pub fn rlwinm(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (sh, mb, me) = (w.sh5() as u32, w.mb5() as u32, w.me5() as u32);
    let m = mask(mb + 32, me + 32);
    let from = e.value(w.rs(), X0);
    let to = e.target(w.ra(), X0);
    match field(m) {
        Some((lowest, count)) if mb <= me && lowest == sh && sh + count <= 32 => {
            asm!(e; ubfiz W(to), W(from), sh, count);
        }
        Some((0, count)) if mb <= me && sh != 0 && count <= sh => {
            let lowest = 32 - sh;
            asm!(e; ubfx W(to), W(from), lowest, count);
        }
        // The mask takes what is above the word away.
        Some(_) if sh == 0 && mb <= me => and_mask(e, to, from, m),
        _ => {
            rotate_word(e, from, sh, mb > me);
            and_mask(e, to, X0, m);
        }
    }
    e.finish(w.ra(), to, w.rc());
}

pub fn rlwimi(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (sh, mb, me) = (w.sh5() as u32, w.mb5() as u32, w.me5() as u32);
    let m = mask(mb + 32, me + 32);
    let from = e.value(w.rs(), X0);
    match field(m) {
        Some((lowest, count)) if mb <= me => {
            // The field's lowest bit to bit 0.
            rotate_word(e, from, (sh + 32 - lowest) % 32, false);
            insert_field(e, i, X0, lowest, count);
        }
        _ => {
            rotate_word(e, from, sh, true);
            insert(e, i, m);
        }
    }
}

pub fn rldimi(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let m = mask(w.mb6(), 63 - w.sh6());
    let from = e.value(w.rs(), X0);
    match field(m) {
        Some((lowest, count)) if lowest == w.sh6() => insert_field(e, i, from, lowest, count),
        _ => {
            match w.sh6() {
                0 => e.copy(X0, from),
                n => asm!(e; ror x0, X(from), 64 - n),
            }
            insert(e, i, m);
        }
    }
}

/// `RA ← the lowest bits of `from` at `lowest`, else (RA)`.
fn insert_field(e: &mut Emitter, i: &Insn, from: Host, lowest: u32, count: u32) {
    let w = i.word;
    let to = e.value(w.ra(), X2);
    if count == 64 {
        e.copy(to, from);
    } else {
        asm!(e; bfi X(to), X(from), lowest, count);
    }
    e.finish(w.ra(), to, w.rc());
}

/// `RA ← X0 where mask, else (RA)`.
fn insert(e: &mut Emitter, i: &Insn, mask: u64) {
    let w = i.word;
    if mask != u64::MAX {
        let old = e.value(w.ra(), X2);
        asm!(e; and x0, x0, mask; and x2, X(old), !mask; orr x0, x0, x2);
    }
    e.finish(w.ra(), X0, w.rc());
}

pub fn rlwnm(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (from, count) = (e.value(w.rs(), X0), e.value(w.rb(), X1));
    let (mb, me) = (w.mb5() as u32, w.me5() as u32);
    asm!(e; neg w1, W(count); ror w0, W(from), w1);
    if mb > me {
        asm!(e; bfi x0, x0, 32, 32);
    }
    let to = e.target(w.ra(), X0);
    and_mask(e, to, X0, mask(mb + 32, me + 32));
    e.finish(w.ra(), to, w.rc());
}

fn rotate_by_register(e: &mut Emitter, i: &Insn, mask: u64) {
    let w = i.word;
    let (from, count) = (e.value(w.rs(), X0), e.value(w.rb(), X1));
    asm!(e; neg w1, W(count); ror x0, X(from), x1);
    let to = e.target(w.ra(), X0);
    and_mask(e, to, X0, mask);
    e.finish(w.ra(), to, w.rc());
}
pub fn rldcl(e: &mut Emitter, i: &Insn) {
    rotate_by_register(e, i, mask(i.word.mb6(), 63));
}
pub fn rldcr(e: &mut Emitter, i: &Insn) {
    rotate_by_register(e, i, mask(0, i.word.mb6()));
}

/// Shifts of words: the host's shift of a doubleword has the six bits of the count that count.
pub fn slw(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (from, count) = (e.value(w.rs(), X0), e.value(w.rb(), X1));
    let to = e.target(w.ra(), X0);
    asm!(e; lsl x0, X(from), X(count); mov W(to), w0);
    e.finish(w.ra(), to, w.rc());
}
pub fn srw(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get32(X0, w.rs());
    let count = e.value(w.rb(), X1);
    let to = e.target(w.ra(), X0);
    asm!(e; lsr X(to), x0, X(count));
    e.finish(w.ra(), to, w.rc());
}

macro_rules! shifts {
    ($($name:ident: $shift:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let (from, count) = (e.value(w.rs(), X0), e.value(w.rb(), X1));
            let to = e.target(w.ra(), X0);
            // Counts with the bit above the host's set give 0.
            asm!(e
                ; tst X(count), 0x40
                ; $shift x0, X(from), X(count)
                ; csel X(to), x0, X(ZERO), eq
            );
            e.finish(w.ra(), to, w.rc());
        }
    )* };
}
shifts! {
    sld: lsl;
    srd: lsr;
}

/// `RA ← X0 >> n` with its sign, CA when a negative value loses one bits.
fn shift_algebraic(e: &mut Emitter, i: &Insn, n: u32) {
    let w = i.word;
    let mut ca = ZERO;
    if n != 0 {
        asm!(e; tst x0, (1u64 << n) - 1; cset w1, ne; and x1, x1, x0, lsr 63; asr x0, x0, n);
        ca = X1;
    }
    e.save8(ca, CA);
    if e.isa >= Isa::V3_0 {
        e.save8(ca, CA32);
    }
    e.finish(w.ra(), X0, w.rc());
}
pub fn srawi(e: &mut Emitter, i: &Insn) {
    e.get_signed32(X0, i.word.rs());
    shift_algebraic(e, i, i.word.sh5() as u32);
}
pub fn sradi(e: &mut Emitter, i: &Insn) {
    e.get(X0, i.word.rs());
    shift_algebraic(e, i, i.word.sh6());
}
