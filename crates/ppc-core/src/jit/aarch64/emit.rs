//! Machine code for aarch64: registers, ways out, and calls, as the lowerings of single instructions use them.
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
//! | all others but X18 and SP | a guest register each, for a whole region: its *pin* |
//!
//! X18 belongs to the platform. A pin is *dirty* while memory does not hold its value. The emitter knows at each point
//! which pins may be; every way out stores those. A guest register without a pin lives in memory.

use super::super::{
    Mode, access,
    code::Exit,
    insn::{GUESTS, Guest, Insn, Set, gprs},
    offsets::{CIA, ORDER, crf, guest, runtime},
    runtime::Runtime,
};
use crate::{model::Isa, trap::Trap};
use dynasmrt::{
    DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler,
    aarch64::{Aarch64Relocation, encode_logical_immediate_64bit},
};
use std::mem::offset_of;

/// Number of a host register.
pub type Host = u8;
/// Addresses and results.
pub const X0: Host = 0;
pub const X1: Host = 1;
pub const X2: Host = 2;
pub const X16: Host = 16;
/// Reads as 0.
pub const ZERO: Host = 31;

/// Host registers for pins. Functions keep the first six.
pub const PINS: [Host; 19] = [24, 25, 26, 27, 28, 29, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const KEPT: usize = 6;
const NONE: Host = Host::MAX;

macro_rules! asm {
    ($e:expr ; $($t:tt)*) => { dynasmrt::dynasm!($e.ops ; .arch aarch64 ; $($t)*) };
}
pub(super) use asm;

/// Code off the straight path, emitted behind the region.
pub enum Cold {
    /// The helper's status in W0 is a trap.
    Failed { from: DynamicLabel, place: i32, dirty: Set },
    /// The instruction traps.
    Trap { from: DynamicLabel, place: i32, dirty: Set, trap: Trap },
    /// The budget does not cover the block, or a facility is off: the interpreter shall see.
    Refuse { from: DynamicLabel, offset: u32, len: u32, dirty: Set },
    /// A load that misses.
    Load { from: DynamicLabel, done: DynamicLabel, place: i32, dirty: Set, access: access::Load },
    /// A store that misses.
    Store { from: DynamicLabel, done: DynamicLabel, place: i32, dirty: Set, access: access::Store },
    /// A quadword load or store that misses.
    Quad { from: DynamicLabel, done: DynamicLabel, place: i32, dirty: Set, access: access::Quad },
    /// A branch out of the region, through a slot by number.
    Exit { from: DynamicLabel, dirty: Set, exit: (usize, Exit) },
    /// An indirect branch, target in X0, that is not in the table.
    Miss { from: DynamicLabel },
    /// A branch to another page in another context; slot in X1.
    Stale { from: DynamicLabel },
}

/// The emitter of one region.
pub struct Emitter {
    pub ops: VecAssembler<Aarch64Relocation>,
    pins: [Host; GUESTS],
    /// Pins that memory may not hold.
    pub dirty: Set,
    pub cold: Vec<Cold>,
    pub isa: Isa,
    pub little_endian: bool,
    /// Which half of the address space the region runs in.
    pub half: usize,
    /// Size of a read entry of the TLB, as a shift.
    pub read_shift: u32,
    /// Where code ended after an instruction left host flags of a comparison: CR field, and whether it was unsigned.
    flags: Option<(usize, usize, bool)>,
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
    pub fn new(mode: Mode, pinned: &[Guest]) -> Self {
        let mut pins = [NONE; GUESTS];
        for (&guest, &host) in pinned.iter().zip(&PINS) {
            pins[guest] = host;
        }
        Self {
            ops: VecAssembler::new(0),
            pins,
            dirty: 0,
            cold: Vec::new(),
            isa: mode.isa,
            little_endian: mode.little_endian,
            half: mode.half,
            read_shift: mode.read_shift,
            flags: None,
        }
    }

    pub fn label(&mut self) -> DynamicLabel {
        self.ops.new_dynamic_label()
    }

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

    /// The pin of `n`, if it has one.
    pub fn pin(&self, n: Guest) -> Option<Host> {
        (self.pins[n] != NONE).then_some(self.pins[n])
    }

    /// Every guest register with a pin.
    pub fn pinned(&self) -> Set {
        (0..GUESTS).filter(|&n| self.pins[n] != NONE).fold(0, |set, n| set | 1 << n)
    }

    fn volatile(&self) -> Set {
        let kept = &PINS[..KEPT];
        (0..GUESTS)
            .filter(|&n| self.pins[n] != NONE && !kept.contains(&self.pins[n]))
            .fold(0, |set, n| set | 1 << n)
    }

    /// `to ← from`.
    pub fn copy(&mut self, to: Host, from: Host) {
        if to != from {
            asm!(self; mov X(to), X(from));
        }
    }

    /// `host ← n`.
    pub fn get(&mut self, host: Host, n: Guest) {
        match self.pin(n) {
            Some(pin) => self.copy(host, pin),
            None => self.load(host, guest(n)),
        }
    }

    /// The low word of `n`, zero-extended.
    pub fn get32(&mut self, host: Host, n: Guest) {
        match self.pin(n) {
            Some(pin) => asm!(self; mov W(host), W(pin)),
            None => self.load32(host, guest(n)),
        }
    }

    /// The low word of `n`, sign-extended.
    pub fn get_signed32(&mut self, host: Host, n: Guest) {
        match self.pin(n) {
            Some(pin) => asm!(self; sxtw X(host), W(pin)),
            None => self.load_signed32(host, guest(n)),
        }
    }

    /// A host register with the value of `n`: its pin, or `scratch`. Not to be written.
    pub fn value(&mut self, n: Guest, scratch: Host) -> Host {
        self.pin(n).unwrap_or_else(|| {
            self.get(scratch, n);
            scratch
        })
    }

    /// `n ← host`.
    pub fn put(&mut self, n: Guest, host: Host) {
        match self.pin(n) {
            Some(pin) => {
                self.copy(pin, host);
                self.dirty |= 1 << n;
            }
            None => self.save(host, guest(n)),
        }
    }

    /// Where to compute a value for `n`: its pin, or `scratch`; [`Emitter::put`] must follow.
    pub fn target(&self, n: Guest, scratch: Host) -> Host {
        self.pin(n).unwrap_or(scratch)
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

    /// Stores the pins in `set`.
    pub fn store_pins(&mut self, set: Set) {
        for n in 0..GUESTS {
            if set >> n & 1 != 0 && self.pins[n] != NONE {
                self.save(self.pins[n], guest(n));
            }
        }
    }

    /// Loads the pins in `set`.
    pub fn load_pins(&mut self, set: Set) {
        for n in 0..GUESTS {
            if set >> n & 1 != 0 && self.pins[n] != NONE {
                self.load(self.pins[n], guest(n));
            }
        }
    }

    /// Whether the flags tell the order of CR field `field`; whether it is an unsigned one.
    pub fn flags_of(&self, field: usize) -> Option<bool> {
        self.flags
            .filter(|&(end, known, _)| end == self.ops.offset().0 && known == field)
            .map(|(_, _, unsigned)| unsigned)
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
        self.flags = Some((self.ops.offset().0, field, unsigned));
    }

    /// CR field 0 ← `host` compared with 0.
    pub fn record(&mut self, host: Host) {
        asm!(self; cmp XSP(host), 0);
        self.order(0, false);
    }

    /// Goes off the straight path.
    pub fn push_cold(&mut self, cold: Cold) {
        self.cold.push(cold);
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

    /// Calls the instruction's own function.
    pub fn call_exec(&mut self, insn: &Insn) {
        let touched = insn.row.map_or(0, |row| gprs(row, insn.word));
        let volatile = self.volatile();
        let before = if touched != 0 { self.dirty } else { self.dirty & volatile };
        self.store_pins(before);
        self.dirty &= !before;
        self.constant(X1, insn.exec as usize as u64);
        self.constant(X2, insn.word.0.into());
        self.call(offset_of!(Runtime, exec));
        let from = self.label();
        asm!(self; cmn w0, 1; b.ne =>from);
        self.cold.push(Cold::Failed { from, place: insn.place(), dirty: self.dirty });
        self.load_pins(volatile | touched);
    }

    /// Traps with `trap` where `jump` goes.
    pub fn trap_label(&mut self, insn: &Insn, trap: Trap) -> DynamicLabel {
        let from = self.label();
        self.cold.push(Cold::Trap { from, place: insn.place(), dirty: self.dirty, trap });
        from
    }

    /// What a cold access needs to come back: where from, where to, place, dirty pins.
    pub fn cold_access(&mut self, insn: &Insn) -> (DynamicLabel, DynamicLabel, i32, Set) {
        (self.label(), self.label(), insn.place(), self.dirty)
    }

    /// Emits what was put off.
    pub fn finish_cold(&mut self) {
        let volatile = self.volatile();
        // An exit off the path may itself have something to put off.
        while let Some(cold) = self.cold.pop() {
            match cold {
                Cold::Exit { from, dirty, exit } => {
                    asm!(self; =>from);
                    self.leave_through(exit, dirty);
                }
                Cold::Failed { from, place, dirty } => {
                    asm!(self; =>from);
                    self.fail(place, dirty);
                }
                Cold::Trap { from, place, dirty, trap } => {
                    asm!(self; =>from; movz w0, trap as u32);
                    self.fail(place, dirty);
                }
                Cold::Refuse { from, offset, len, dirty } => {
                    asm!(self; =>from; sub x21, x21, len);
                    self.store_pins(dirty);
                    asm!(self; movz w0, offset);
                    self.jump(offset_of!(Runtime, leave_next));
                }
                Cold::Load { from, done, place, dirty, access } => {
                    asm!(self; =>from);
                    self.store_pins(dirty & volatile);
                    self.cold_load(&access, place, dirty & !volatile, volatile);
                    asm!(self; b =>done);
                }
                Cold::Store { from, done, place, dirty, access } => {
                    asm!(self; =>from);
                    self.store_pins(dirty & volatile);
                    self.cold_store(&access, place, dirty & !volatile, volatile);
                    asm!(self; b =>done);
                }
                Cold::Quad { from, done, place, dirty, access } => {
                    asm!(self; =>from);
                    self.store_pins(dirty & volatile);
                    self.cold_quad(&access, place, dirty & !volatile, volatile);
                    asm!(self; b =>done);
                }
                Cold::Miss { from } => {
                    asm!(self; =>from);
                    self.save(X0, CIA);
                    self.jump(offset_of!(Runtime, leave_here));
                }
                Cold::Stale { from } => {
                    asm!(self; =>from);
                    self.jump(offset_of!(Runtime, leave_unlinked));
                }
            }
        }
    }

    /// Leaves with the trap in W0.
    pub fn fail(&mut self, place: i32, dirty: Set) {
        self.store_pins(dirty);
        self.constant(X1, place as u32 as u64);
        self.jump(offset_of!(Runtime, leave_trap));
    }
}
