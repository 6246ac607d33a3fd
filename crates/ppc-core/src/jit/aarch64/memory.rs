//! Loads and stores: an inline look into the TLB, a helper when it misses.

use super::super::{
    access::{Extend, Load, Place, Quad, Store},
    insn::{Insn, Set},
    offsets::{DATA_CONTEXT, SAVED_EA, vsr},
    runtime::Runtime,
};
use super::emit::{Cold, Emitter, Host, X0, X1, X2, X16, ZERO, asm};
use crate::tlb::{Entry, GRAIN_SHIFT, READ_ENTRIES, WRITE_ENTRIES};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::{offset_of, size_of};

// The look into the TLB loads an entry as a pair.
const _: () =
    assert!(size_of::<Entry>() == 16 && offset_of!(Entry, tag) == 0 && offset_of!(Entry, delta) == 8);

impl Emitter {
    /// X0 ← (RA|0) + `displacement`.
    pub fn ea_displaced(&mut self, ra: usize, displacement: i64) {
        if ra == 0 {
            self.constant(X0, displacement as u64);
            return;
        }
        let base = self.value(ra, X0);
        self.add_constant(X0, base, displacement);
    }

    /// X0 ← (RA|0) + (RB).
    pub fn ea_indexed(&mut self, ra: usize, rb: usize) {
        if ra == 0 {
            self.get(X0, rb);
            return;
        }
        let (a, b) = (self.value(ra, X0), self.value(rb, X1));
        asm!(self; add x0, X(a), X(b));
    }

    /// Looks up the page of the `1 << size` bytes at X0: X1 ← what makes a host address of X0 by addition, or goes to
    /// `miss`. Uses X2 and X16.
    fn lookup(&mut self, size: u32, write: bool, miss: DynamicLabel) {
        let (shift, entries) =
            if write { (GRAIN_SHIFT, WRITE_ENTRIES) } else { (self.read_shift, READ_ENTRIES) };
        asm!(self; ubfx x1, x0, shift, entries.ilog2());
        if write {
            asm!(self; add x1, x23, x1, lsl 4);
        } else {
            asm!(self; add x1, x22, x1, lsl 4);
        }
        self.load(X16, DATA_CONTEXT);
        let mut last = X0;
        if size != 0 {
            asm!(self; add x2, x0, (1 << size) - 1);
            last = X2;
        }
        asm!(self
            ; and x2, X(last), u64::MAX << shift
            ; orr x2, x2, x16
            ; ldp x16, x1, [x1]
            ; cmp x2, x16
            ; b.ne =>miss
        );
    }

    /// Loads from the address in X0.
    pub fn load_guest(&mut self, insn: &Insn, access: Load) {
        let (from, done, place, dirty) = self.cold_access(insn);
        self.lookup(access.size, false, from);
        let to = match access.to {
            // The address must survive for the update.
            Place::Gpr(n) => self.target(n, X2),
            Place::Fpr(_) => X2,
        };
        let swap = (access.extend == Extend::Reverse) == self.little_endian;
        let sign = access.extend == Extend::Sign;
        match (access.size, sign, swap) {
            (0, ..) => asm!(self; ldrb W(to), [x0, x1]),
            (1, false, false) => asm!(self; ldrh W(to), [x0, x1]),
            (1, true, false) => asm!(self; ldrsh X(to), [x0, x1]),
            (2, false, false) => asm!(self; ldr W(to), [x0, x1]),
            (2, true, false) => asm!(self; ldrsw X(to), [x0, x1]),
            (_, _, false) => asm!(self; ldr X(to), [x0, x1]),
            (1, _, true) => asm!(self; ldrh W(to), [x0, x1]),
            (2, _, true) => asm!(self; ldr W(to), [x0, x1]),
            (_, _, true) => asm!(self; ldr X(to), [x0, x1]),
        }
        if swap {
            self.reverse(to, to, access.size);
            if sign {
                self.sign_extend(to, access.size);
            }
        }
        if let Some(ra) = access.update {
            self.put(ra, X0);
        }
        self.put_loaded(access.to, to);
        asm!(self; =>done);
        self.push_cold(Cold::Load { from, done, place, dirty, access });
    }

    /// `to ← from` with its `1 << size` bytes in the opposite order, zero-extended if `from` is.
    fn reverse(&mut self, to: Host, from: Host, size: u32) {
        match size {
            0 => self.copy(to, from),
            1 => asm!(self; rev16 W(to), W(from)),
            2 => asm!(self; rev W(to), W(from)),
            _ => asm!(self; rev X(to), X(from)),
        }
    }

    /// Extends the halfword or word in `host` with its sign.
    fn sign_extend(&mut self, host: Host, size: u32) {
        match size {
            1 => asm!(self; sxth X(host), W(host)),
            2 => asm!(self; sxtw X(host), W(host)),
            _ => {}
        }
    }

    fn put_loaded(&mut self, to: Place, host: Host) {
        match to {
            Place::Gpr(n) => self.put(n, host),
            Place::Fpr(n) => {
                self.save(host, vsr(n) + 8);
                self.save(ZERO, vsr(n));
            }
        }
    }

    /// After a helper: goes to a trap unless `status` says that there is none.
    fn check_helper(&mut self, status: Host, place: i32, dirty: Set) {
        let fine = self.label();
        asm!(self; cmn WSP(status), 1; b.eq =>fine);
        self.copy(X0, status);
        self.fail(place, dirty);
        asm!(self; =>fine);
    }

    pub(super) fn cold_load(&mut self, access: &Load, place: i32, dirty: Set, volatile: Set) {
        self.save(X0, SAVED_EA);
        asm!(self; mov x1, x0);
        self.call(offset_of!(Runtime, load) + 8 * access.size as usize);
        self.check_helper(X1, place, dirty);
        match access.extend {
            Extend::Zero => {}
            Extend::Sign => self.sign_extend(X0, access.size),
            Extend::Reverse => self.reverse(X0, X0, access.size),
        }
        self.load_pins(volatile);
        if let Some(ra) = access.update {
            self.load(X1, SAVED_EA);
            self.put(ra, X1);
        }
        self.put_loaded(access.to, X0);
    }

    /// A host register with what is to be stored.
    fn stored(&mut self, from: Place) -> Host {
        match from {
            Place::Gpr(n) => self.value(n, X2),
            Place::Fpr(n) => {
                self.load(X2, vsr(n) + 8);
                X2
            }
        }
    }

    /// Stores to the address in X0.
    pub fn store_guest(&mut self, insn: &Insn, access: Store) {
        let (from, done, place, dirty) = self.cold_access(insn);
        self.lookup(access.size, true, from);
        let mut value = self.stored(access.from);
        if access.size != 0 && access.reverse == self.little_endian {
            self.reverse(X2, value, access.size);
            value = X2;
        }
        match access.size {
            0 => asm!(self; strb W(value), [x0, x1]),
            1 => asm!(self; strh W(value), [x0, x1]),
            2 => asm!(self; str W(value), [x0, x1]),
            _ => asm!(self; str X(value), [x0, x1]),
        }
        if let Some(ra) = access.update {
            self.put(ra, X0);
        }
        asm!(self; =>done);
        self.push_cold(Cold::Store { from, done, place, dirty, access });
    }

    pub(super) fn cold_store(&mut self, access: &Store, place: i32, dirty: Set, volatile: Set) {
        let value = self.stored(access.from);
        if access.reverse {
            self.reverse(X2, value, access.size);
        } else {
            self.copy(X2, value);
        }
        self.save(X0, SAVED_EA);
        asm!(self; mov x1, x0);
        self.call(offset_of!(Runtime, store) + 8 * access.size as usize);
        self.check_helper(X0, place, dirty);
        self.load_pins(volatile);
        if let Some(ra) = access.update {
            self.load(X1, SAVED_EA);
            self.put(ra, X1);
        }
    }

    /// Loads or stores a VSR at the address in X0, in little-endian mode.
    pub fn quad(&mut self, insn: &Insn, access: Quad) {
        let (from, done, place, dirty) = self.cold_access(insn);
        self.lookup(4, access.store, from);
        let n = vsr(access.vsr);
        if access.store {
            self.load_vector(0, n);
        } else {
            asm!(self; ldr q0, [x0, x1]);
        }
        if access.swap {
            asm!(self; ext v0.b16, v0.b16, v0.b16, 8);
        }
        if access.store {
            asm!(self; str q0, [x0, x1]);
        } else {
            self.save_vector(0, n);
        }
        asm!(self; =>done);
        self.push_cold(Cold::Quad { from, done, place, dirty, access });
    }

    pub(super) fn cold_quad(&mut self, access: &Quad, place: i32, dirty: Set, volatile: Set) {
        let table = if access.store { offset_of!(Runtime, store) } else { offset_of!(Runtime, load) };
        // X3 may be a pin, but one that is in memory by now.
        asm!(self
            ; mov x1, x0
            ; movz w2, access.vsr as u32
            ; movz w3, u32::from(access.swap)
        );
        self.call(table + 32);
        self.check_helper(X0, place, dirty);
        self.load_pins(volatile);
    }
}
