//! Loads and stores: an inline look into the TLB, a helper when it misses.

use super::super::{
    access::{Extend, Load, Place, Quad, Store},
    insn::{Insn, Set},
    offsets::{DATA_CONTEXT, SAVED_EA, TLB_READ, TLB_WRITE, guest, runtime, vsr},
    runtime::Runtime,
};
use super::emit::{Cold, Emitter, Host, RAX, RCX, RDX, asm};
use crate::tlb::{GRAIN_SHIFT, READ_ENTRIES, WRITE_ENTRIES};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::offset_of;

impl Emitter {
    /// RAX ← (RA|0) + `displacement`.
    pub fn ea_displaced(&mut self, ra: usize, displacement: i64) {
        let displacement = displacement as i32;
        if ra == 0 {
            asm!(self; mov rax, displacement);
            return;
        }
        match (self.pin(ra), displacement) {
            (Some(pin), 0) => asm!(self; mov rax, Rq(pin)),
            (Some(pin), d) => asm!(self; lea rax, [Rq(pin) + d]),
            (None, d) => {
                self.get(RAX, ra);
                if d != 0 {
                    asm!(self; add rax, d);
                }
            }
        }
    }

    /// RAX ← (RA|0) + (RB).
    pub fn ea_indexed(&mut self, ra: usize, rb: usize) {
        if ra == 0 {
            self.get(RAX, rb);
            return;
        }
        match (self.pin(ra), self.pin(rb)) {
            (Some(a), Some(b)) => asm!(self; lea rax, [Rq(a) + Rq(b)]),
            _ => {
                self.get(RAX, ra);
                match self.pin(rb) {
                    Some(b) => asm!(self; add rax, Rq(b)),
                    None => asm!(self; add rax, [rbp + guest(rb)]),
                }
            }
        }
    }

    /// Looks up the page of the `1 << size` bytes at RAX: RDX ← what makes a host address of RAX by addition, or
    /// goes to `miss`. Uses RCX.
    pub(super) fn lookup(&mut self, size: u32, write: bool, miss: DynamicLabel) {
        let (shift, entries, array) = if write {
            (GRAIN_SHIFT, WRITE_ENTRIES, TLB_WRITE)
        } else {
            (self.read_shift, READ_ENTRIES, TLB_READ)
        };
        // An entry has 16 bytes.
        asm!(self
            ; mov ecx, eax
            ; shr ecx, (shift - 4) as i8
            ; and ecx, (entries as i32 - 1) << 4
        );
        if size == 0 {
            asm!(self; mov rdx, rax);
        } else {
            asm!(self; lea rdx, [rax + (1i32 << size) - 1]);
        }
        asm!(self
            ; and rdx, -1i32 << shift
            ; or rdx, [rbp + DATA_CONTEXT]
            ; cmp rdx, [rbp + rcx + array]
            ; jne =>miss
            ; mov rdx, [rbp + rcx + array + 8]
        );
    }

    /// Loads from the address in RAX.
    pub fn load(&mut self, insn: &Insn, access: Load) {
        let (from, done, place, dirty) = self.cold_access(insn);
        self.lookup(access.size, false, from);
        let to = match access.to {
            // The address must survive for the update.
            Place::Gpr(n) => self.target(n, RCX),
            Place::Fpr(_) => RCX,
        };
        let swap = (access.extend == Extend::Reverse) == self.little_endian;
        let sign = access.extend == Extend::Sign;
        match (access.size, sign, swap) {
            (0, ..) => asm!(self; movzx Rd(to), BYTE [rax + rdx]),
            (1, false, false) => asm!(self; movzx Rd(to), WORD [rax + rdx]),
            (1, true, false) => asm!(self; movsx Rq(to), WORD [rax + rdx]),
            (1, _, true) => {
                asm!(self; movzx Rd(to), WORD [rax + rdx]; rol Rw(to), 8);
                if sign {
                    asm!(self; movsx Rq(to), Rw(to));
                }
            }
            (2, false, false) => asm!(self; mov Rd(to), [rax + rdx]),
            (2, true, false) => asm!(self; movsxd Rq(to), DWORD [rax + rdx]),
            (2, _, true) => {
                asm!(self; mov Rd(to), [rax + rdx]; bswap Rd(to));
                if sign {
                    asm!(self; movsxd Rq(to), Rd(to));
                }
            }
            (_, _, swap) => {
                asm!(self; mov Rq(to), [rax + rdx]);
                if swap {
                    asm!(self; bswap Rq(to));
                }
            }
        }
        if let Some(ra) = access.update {
            self.put(ra, RAX);
        }
        self.put_loaded(access.to, to);
        asm!(self; =>done);
        self.push_cold(Cold::Load { from, done, place, dirty, access });
    }

    fn put_loaded(&mut self, to: Place, host: Host) {
        match to {
            Place::Gpr(n) => self.put(n, host),
            Place::Fpr(n) => asm!(self; mov [rbp + vsr(n) + 8], Rq(host); mov QWORD [rbp + vsr(n)], 0),
        }
    }

    /// After a helper: goes to a trap unless `status` says that there is none.
    pub(super) fn check_helper(&mut self, status: Host, place: i32, dirty: Set) {
        let fine = self.label();
        asm!(self; cmp Rd(status), BYTE -1; je =>fine);
        if status != RAX {
            asm!(self; mov eax, Rd(status));
        }
        self.fail(place, dirty);
        asm!(self; =>fine);
    }

    pub(super) fn cold_load(&mut self, access: &Load, place: i32, dirty: Set, volatile: Set) {
        let helper = runtime(offset_of!(Runtime, load)) + 8 * access.size as i32;
        asm!(self; mov [rbp + SAVED_EA], rax; mov rsi, rax; mov rdi, rbp; call QWORD [rbp + helper]);
        self.check_helper(RDX, place, dirty);
        match (access.extend, access.size) {
            (Extend::Sign, 1) => asm!(self; movsx rax, ax),
            (Extend::Sign, 2) => asm!(self; movsxd rax, eax),
            (Extend::Reverse, 1) => asm!(self; rol ax, 8),
            (Extend::Reverse, 2) => asm!(self; bswap eax),
            (Extend::Reverse, 3) => asm!(self; bswap rax),
            _ => {}
        }
        self.load_pins(volatile);
        if let Some(ra) = access.update {
            asm!(self; mov rcx, [rbp + SAVED_EA]);
            self.put(ra, RCX);
        }
        self.put_loaded(access.to, RAX);
    }

    /// Stores to the address in RAX.
    pub fn store(&mut self, insn: &Insn, access: Store) {
        let (from, done, place, dirty) = self.cold_access(insn);
        self.lookup(access.size, true, from);
        let swap = access.size != 0 && access.reverse == self.little_endian;
        let value = match access.from {
            Place::Gpr(n) if swap => {
                self.get(RCX, n);
                RCX
            }
            Place::Gpr(n) => self.value(n, RCX),
            Place::Fpr(n) => {
                asm!(self; mov rcx, [rbp + vsr(n) + 8]);
                RCX
            }
        };
        match (access.size, swap) {
            (0, _) => asm!(self; mov [rax + rdx], Rb(value)),
            (1, false) => asm!(self; mov [rax + rdx], Rw(value)),
            (1, true) => asm!(self; rol Rw(value), 8; mov [rax + rdx], Rw(value)),
            (2, false) => asm!(self; mov [rax + rdx], Rd(value)),
            (2, true) => asm!(self; bswap Rd(value); mov [rax + rdx], Rd(value)),
            (_, false) => asm!(self; mov [rax + rdx], Rq(value)),
            (_, true) => asm!(self; bswap Rq(value); mov [rax + rdx], Rq(value)),
        }
        if let Some(ra) = access.update {
            self.put(ra, RAX);
        }
        asm!(self; =>done);
        self.push_cold(Cold::Store { from, done, place, dirty, access });
    }

    pub(super) fn cold_store(&mut self, access: &Store, place: i32, dirty: Set, volatile: Set) {
        let helper = runtime(offset_of!(Runtime, store)) + 8 * access.size as i32;
        match access.from {
            Place::Gpr(n) => self.get(RDX, n),
            Place::Fpr(n) => asm!(self; mov rdx, [rbp + vsr(n) + 8]),
        }
        if access.reverse {
            match access.size {
                1 => asm!(self; rol dx, 8),
                2 => asm!(self; bswap edx),
                _ => asm!(self; bswap rdx),
            }
        }
        asm!(self; mov [rbp + SAVED_EA], rax; mov rsi, rax; mov rdi, rbp; call QWORD [rbp + helper]);
        self.check_helper(RAX, place, dirty);
        self.load_pins(volatile);
        if let Some(ra) = access.update {
            asm!(self; mov rcx, [rbp + SAVED_EA]);
            self.put(ra, RCX);
        }
    }

    /// Loads or stores a VSR at the address in RAX, in little-endian mode.
    pub fn quad(&mut self, insn: &Insn, access: Quad) {
        let (from, done, place, dirty) = self.cold_access(insn);
        self.lookup(4, access.store, from);
        let n = vsr(access.vsr);
        match (access.store, access.swap) {
            (false, false) => asm!(self; movups xmm0, [rax + rdx]; movups [rbp + n], xmm0),
            (false, true) => {
                asm!(self; movups xmm0, [rax + rdx]; pshufd xmm0, xmm0, 0x4e; movups [rbp + n], xmm0)
            }
            (true, false) => asm!(self; movups xmm0, [rbp + n]; movups [rax + rdx], xmm0),
            (true, true) => {
                asm!(self; movups xmm0, [rbp + n]; pshufd xmm0, xmm0, 0x4e; movups [rax + rdx], xmm0)
            }
        }
        asm!(self; =>done);
        self.push_cold(Cold::Quad { from, done, place, dirty, access });
    }

    pub(super) fn cold_quad(&mut self, access: &Quad, place: i32, dirty: Set, volatile: Set) {
        let helper = if access.store { offset_of!(Runtime, store) } else { offset_of!(Runtime, load) } + 32;
        asm!(self
            ; mov rsi, rax
            ; mov edx, access.vsr as i32
            ; mov ecx, i32::from(access.swap)
            ; mov rdi, rbp
            ; call QWORD [rbp + runtime(helper)]
        );
        self.check_helper(RAX, place, dirty);
        self.load_pins(volatile);
    }
}
