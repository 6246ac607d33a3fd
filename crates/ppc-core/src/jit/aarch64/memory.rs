//! The guest's memory: an inline look into the TLB, loads, stores, and calls of their helpers.

use super::super::{
    access::{Extend, Load, Quad, Store},
    emitter::Host,
    insn::Insn,
    memory::Memory,
    offsets::{CODE_PAGE, DATA_CONTEXT, SAVED_EA, vsr},
    runtime::Runtime,
};
use super::emit::{A64, Emitter, X0, X1, X2, X16, ZERO, asm};
use crate::ram::PAGE_SHIFT;
use crate::tlb::{READ_ENTRIES, TlbEntry, WRITE_ENTRIES};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::{offset_of, size_of};

// The look into the TLB loads an entry as a pair.
const _: () = assert!(
    size_of::<TlbEntry>() == 16 && offset_of!(TlbEntry, tag) == 0 && offset_of!(TlbEntry, delta) == 8
);

impl Memory for A64 {
    const VALUE: Host = X2;

    fn ea_displaced(e: &mut Emitter, ra: usize, displacement: i64) {
        if ra == 0 {
            e.constant(X0, displacement as u64);
            return;
        }
        let base = e.value(ra, X0);
        e.add_constant(X0, base, displacement);
    }

    fn ea_relative(e: &mut Emitter, offset: u32, displacement: i64) {
        e.load(X0, CODE_PAGE);
        e.add_constant(X0, X0, displacement + i64::from(offset));
    }

    fn ea_indexed(e: &mut Emitter, ra: usize, rb: usize) {
        if ra == 0 {
            e.get(X0, rb);
            return;
        }
        let (a, b) = (e.value(ra, X0), e.value(rb, X1));
        asm!(e; add x0, X(a), X(b));
    }

    fn align(e: &mut Emitter) {
        asm!(e; and x0, x0, u64::MAX << 4);
    }

    /// X1 makes a host address of X0 by addition. Uses X2 and X16.
    fn lookup(e: &mut Emitter, size: u32, write: bool, miss: DynamicLabel) {
        let (shift, entries) = if write { (PAGE_SHIFT, WRITE_ENTRIES) } else { (e.read_shift, READ_ENTRIES) };
        asm!(e; ubfx x1, x0, shift, entries.ilog2());
        if write {
            asm!(e; add x1, x23, x1, lsl 4);
        } else {
            asm!(e; add x1, x22, x1, lsl 4);
        }
        e.load(X16, DATA_CONTEXT);
        let mut last = X0;
        if size != 0 {
            asm!(e; add x2, x0, (1 << size) - 1);
            last = X2;
        }
        asm!(e
            ; and x2, X(last), u64::MAX << shift
            ; orr x2, x2, x16
            ; ldp x16, x1, [x1]
            ; cmp x2, x16
            ; b.ne =>miss
        );
    }

    fn load(e: &mut Emitter, to: Host, access: &Load) {
        let swap = (access.extend == Extend::Reverse) == e.little_endian;
        let sign = access.extend == Extend::Sign;
        match (access.size, sign, swap) {
            (0, ..) => asm!(e; ldrb W(to), [x0, x1]),
            (1, false, false) => asm!(e; ldrh W(to), [x0, x1]),
            (1, true, false) => asm!(e; ldrsh X(to), [x0, x1]),
            (2, false, false) => asm!(e; ldr W(to), [x0, x1]),
            (2, true, false) => asm!(e; ldrsw X(to), [x0, x1]),
            (_, _, false) => asm!(e; ldr X(to), [x0, x1]),
            (1, _, true) => asm!(e; ldrh W(to), [x0, x1]),
            (2, _, true) => asm!(e; ldr W(to), [x0, x1]),
            (_, _, true) => asm!(e; ldr X(to), [x0, x1]),
        }
        if swap {
            e.reverse(to, to, access.size);
            if sign {
                e.sign_extend(to, access.size);
            }
        }
    }

    fn store(e: &mut Emitter, mut value: Host, access: &Store) {
        if access.size != 0 && access.reverse == e.little_endian {
            e.reverse(X2, value, access.size);
            value = X2;
        }
        match access.size {
            0 => asm!(e; strb W(value), [x0, x1]),
            1 => asm!(e; strh W(value), [x0, x1]),
            2 => asm!(e; str W(value), [x0, x1]),
            _ => asm!(e; str X(value), [x0, x1]),
        }
    }

    fn quad(e: &mut Emitter, access: &Quad) {
        let n = vsr(access.vsr);
        if access.store {
            e.load_vector(0, n);
        } else {
            asm!(e; ldr q0, [x0, x1]);
        }
        if access.swap {
            asm!(e; ext v0.b16, v0.b16, v0.b16, 8);
        }
        if access.store {
            asm!(e; str q0, [x0, x1]);
        } else {
            e.save_vector(0, n);
        }
    }

    fn call_load(e: &mut Emitter, access: &Load, trapped: DynamicLabel) {
        e.save(X0, SAVED_EA);
        asm!(e; mov x1, x0);
        e.call(offset_of!(Runtime, load) + 8 * access.size as usize);
        // The status is in W1, and callers expect it in W0.
        let fine = e.label();
        asm!(e; cmn w1, 1; b.eq =>fine; mov w0, w1; b =>trapped; =>fine);
        match access.extend {
            Extend::Zero => {}
            Extend::Sign => e.sign_extend(X0, access.size),
            Extend::Reverse => e.reverse(X0, X0, access.size),
        }
    }

    fn call_store(e: &mut Emitter, value: Host, access: &Store, trapped: DynamicLabel) {
        if access.reverse {
            e.reverse(X2, value, access.size);
        } else {
            e.copy(X2, value);
        }
        e.save(X0, SAVED_EA);
        asm!(e; mov x1, x0);
        e.call(offset_of!(Runtime, store) + 8 * access.size as usize);
        asm!(e; cmn w0, 1; b.ne =>trapped);
    }

    fn call_quad(e: &mut Emitter, access: &Quad, trapped: DynamicLabel) {
        let table = if access.store { offset_of!(Runtime, store) } else { offset_of!(Runtime, load) };
        // X3 may hold a mapped register, but it has been stored by now.
        asm!(e; mov x1, x0; movz w2, access.vsr as u32; movz w3, u32::from(access.swap));
        e.call(table + 32);
        asm!(e; cmn w0, 1; b.ne =>trapped);
    }

    fn saved_address(e: &mut Emitter, host: Host) {
        e.load(host, SAVED_EA);
    }

    fn get_vsr(e: &mut Emitter, host: Host, n: usize) {
        e.load(host, vsr(n) + 8);
    }

    fn put_vsr(e: &mut Emitter, n: usize, host: Host) {
        e.save(host, vsr(n) + 8);
        e.save(ZERO, vsr(n));
    }

    fn order(e: &mut Emitter, _: &Insn, all: bool) {
        // For lwsync, too: no weaker barrier of the host leaves only a load after a store unordered (Arm ARM, Memory
        // barriers).
        if all {
            asm!(e; dmb ish);
        } else {
            asm!(e; dmb ishst);
        }
    }
}

impl Emitter {
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
}
