//! Machine code for aarch64: registers and calls, as the lowerings of single instructions use them.
//!
//! | host register | holds |
//! |---|---|
//! | X19 | the processor |
//! | X20 | the slots of the running region |
//! | X21 | instructions begun |
//! | X22, X23 | where the TLB's entries for reads and for writes begin |
//! | X0, X1, X2, X16, V0 | nothing from one guest instruction to the next |
//! | X17 | nothing from one *host* instruction to the next: what does not fit into one |
//! | X30 | nothing |
//! | all others but X18 and SP | one mapped guest register each, for a whole region |
//!
//! X18 belongs to the platform.

use super::super::{
    emitter::{Emitter as Common, Registers},
    insn::{Guest, Insn},
    offsets::{ORDER, crf, guest, runtime},
    runtime::Runtime,
};
use dynasmrt::{
    DynamicLabel, DynasmApi, DynasmLabelApi,
    aarch64::{Aarch64Relocation, encode_logical_immediate_64bit},
};
use std::mem::offset_of;

pub use super::super::emitter::Host;
/// Addresses and results.
pub const X0: Host = 0;
pub const X1: Host = 1;
pub const X2: Host = 2;
pub const X16: Host = 16;
/// Reads as 0.
pub const ZERO: Host = 31;

macro_rules! asm {
    ($e:expr ; $($t:tt)*) => { dynasmrt::dynasm!($e.ops ; .arch aarch64 ; $($t)*) };
}
pub(super) use asm;

/// The architecture.
pub struct A64;

/// The emitter of one region.
pub type Emitter = Common<A64>;

impl Registers for A64 {
    type Relocation = Aarch64Relocation;
    type Extra = ();
    const MAPPABLE: &'static [Host] = &[24, 25, 26, 27, 28, 29, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const KEPT: usize = 6;
    const SCRATCH: Host = X1;

    fn copy(e: &mut Emitter, to: Host, from: Host) {
        asm!(e; mov X(to), X(from));
    }

    fn read(e: &mut Emitter, host: Host, n: Guest) {
        e.load(host, guest(n));
    }

    fn write(e: &mut Emitter, n: Guest, host: Host) {
        e.save(host, guest(n));
    }

    fn exec(e: &mut Emitter, insn: &Insn) {
        e.constant(X1, insn.exec as usize as u64);
        e.constant(X2, insn.word.0);
        e.call(offset_of!(Runtime, exec));
    }

    fn on_trap(e: &mut Emitter, to: DynamicLabel) {
        asm!(e; cmn w0, 1; b.ne =>to);
    }
}

/// Loads and stores of the processor's fields. Offsets that the instruction cannot hold go through X17.
macro_rules! fields {
    ($($name:ident: $instruction:ident $class:ident, $shift:literal, $doc:literal;)*) => { $(
        #[doc = $doc]
        pub fn $name(&mut self, host: Host, offset: i32) {
            let (base, offset) = self.field(offset, $shift);
            asm!(self; $instruction $class(host), [XSP(base), offset]);
        }
    )* };
}

impl Emitter {
    /// How a load or store of `1 << shift` bytes reaches a field of the processor: a register and an offset.
    fn field(&mut self, offset: i32, shift: u32) -> (Host, u32) {
        let short = offset as u32;
        if offset >= 0 && short.trailing_zeros() >= shift && short >> shift < 4096 {
            return (19, short);
        }
        self.constant(17, offset as i64 as u64);
        asm!(self; add x17, x19, x17);
        (17, 0)
    }

    fields! {
        load: ldr X, 3, "`host` ← the doubleword at `offset`.";
        load32: ldr W, 2, "`host` ← the word at `offset`, zero-extended.";
        load_signed32: ldrsw X, 2, "`host` ← the word at `offset`, sign-extended.";
        load8: ldrb W, 0, "`host` ← the byte at `offset`, zero-extended.";
        load_vector: ldr Q, 4, "Vector register `host` ← the quadword at `offset`.";
        save: str X, 3, "The doubleword at `offset` ← `host`.";
        save32: str W, 2, "The word at `offset` ← `host`.";
        save8: strb W, 0, "The byte at `offset` ← `host`.";
        save_vector: str Q, 4, "The quadword at `offset` ← vector register `host`.";
    }

    /// The low word of `n`, zero-extended.
    pub fn get32(&mut self, host: Host, n: Guest) {
        match self.mapped(n) {
            Some(reg) => asm!(self; mov W(host), W(reg)),
            None => self.load32(host, guest(n)),
        }
    }

    /// The low word of `n`, sign-extended.
    pub fn get_signed32(&mut self, host: Host, n: Guest) {
        match self.mapped(n) {
            Some(reg) => asm!(self; sxtw X(host), W(reg)),
            None => self.load_signed32(host, guest(n)),
        }
    }

    /// `host ← value`.
    pub fn constant(&mut self, host: Host, value: u64) {
        if let Some(_bits) = encode_logical_immediate_64bit(value) {
            return asm!(self; orr XSP(host), xzr, value);
        }
        let part = |n: u32| (value >> (16 * n)) as u32 & 0xffff;
        // Start from all zeros or all ones, whichever leaves less to be said.
        let ones = (0..4).filter(|&n| part(n) == 0xffff).count() > (0..4).filter(|&n| part(n) == 0).count();
        let rest = if ones { 0xffff } else { 0 };
        let first = (0..4).find(|&n| part(n) != rest).unwrap_or(0);
        match (first, ones) {
            (0, false) => asm!(self; movz X(host), part(0)),
            (1, false) => asm!(self; movz X(host), part(1), lsl 16),
            (2, false) => asm!(self; movz X(host), part(2), lsl 32),
            (_, false) => asm!(self; movz X(host), part(3), lsl 48),
            (0, true) => asm!(self; movn X(host), part(0) ^ 0xffff),
            (1, true) => asm!(self; movn X(host), part(1) ^ 0xffff, lsl 16),
            (2, true) => asm!(self; movn X(host), part(2) ^ 0xffff, lsl 32),
            (_, true) => asm!(self; movn X(host), part(3) ^ 0xffff, lsl 48),
        }
        for n in (first + 1..4).filter(|&n| part(n) != rest) {
            match n {
                1 => asm!(self; movk X(host), part(1), lsl 16),
                2 => asm!(self; movk X(host), part(2), lsl 32),
                _ => asm!(self; movk X(host), part(3), lsl 48),
            }
        }
    }

    /// `to ← from + value`. Keeps the flags.
    pub fn add_constant(&mut self, to: Host, from: Host, value: i64) {
        let size = value.unsigned_abs();
        let (high, low) = ((size >> 12) as u32, size as u32 & 0xfff);
        match (value, size) {
            (0, _) => self.copy(to, from),
            (1.., ..0x1000) => asm!(self; add XSP(to), XSP(from), low),
            (_, ..0x1000) => asm!(self; sub XSP(to), XSP(from), low),
            (1.., ..0x100_0000) => {
                asm!(self; add XSP(to), XSP(from), high, lsl 12);
                if low != 0 {
                    asm!(self; add XSP(to), XSP(to), low);
                }
            }
            (_, ..0x100_0000) => {
                asm!(self; sub XSP(to), XSP(from), high, lsl 12);
                if low != 0 {
                    asm!(self; sub XSP(to), XSP(to), low);
                }
            }
            _ => {
                self.constant(17, value as u64);
                asm!(self; add X(to), X(from), x17);
            }
        }
    }

    /// CR field `field` ← the order that the flags of a comparison tell. Keeps the flags; uses X2 and X16.
    pub fn order(&mut self, field: usize, unsigned: bool) {
        self.load32(X2, ORDER + 8);
        self.load32(X16, ORDER);
        if unsigned {
            asm!(self; csel w2, w16, w2, lo);
        } else {
            asm!(self; csel w2, w16, w2, lt);
        }
        self.load32(X16, ORDER + 4);
        if unsigned {
            asm!(self; csel w2, w16, w2, hi);
        } else {
            asm!(self; csel w2, w16, w2, gt);
        }
        self.save8(X2, crf(field));
        self.note_flags(field, unsigned);
    }

    /// CR field 0 ← `host` compared with 0.
    pub fn record(&mut self, host: Host) {
        asm!(self; cmp XSP(host), 0);
        self.order(0, false);
    }

    /// Calls what [`Runtime`] has at `offset`, with the processor as first argument.
    pub fn call(&mut self, offset: usize) {
        self.load(X16, runtime(offset));
        asm!(self; mov x0, x19; blr x16);
    }

    /// Jumps to what [`Runtime`] has at `offset`.
    pub fn jump(&mut self, offset: usize) {
        self.load(X16, runtime(offset));
        asm!(self; br x16);
    }
}
