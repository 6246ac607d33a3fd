//! The guest's memory: an inline look into the TLB, loads, stores, and calls of their helpers.

use super::super::{
    access::{Extend, Load, Quad, Store},
    emitter::Host,
    insn::Insn,
    memory::Memory,
    offsets::{CODE_PAGE, DATA_CONTEXT, SAVED_EA, TLB_READ, TLB_WRITE, guest, runtime, vsr},
    runtime::Runtime,
};
use super::emit::{Emitter, RAX, RCX, RDX, X64, asm};
use crate::ram::PAGE_SHIFT;
use crate::tlb::{READ_ENTRIES, WRITE_ENTRIES};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::offset_of;

impl Memory for X64 {
    const VALUE: Host = RCX;

    fn ea_displaced(e: &mut Emitter, ra: usize, displacement: i64) {
        if ra == 0 {
            return e.constant(RAX, displacement as u64);
        }
        let Ok(displacement) = i32::try_from(displacement) else {
            e.constant(RCX, displacement as u64);
            let base = e.value(ra, RAX);
            return asm!(e; lea rax, [Rq(base) + rcx]);
        };
        match (e.mapped(ra), displacement) {
            (Some(reg), 0) => asm!(e; mov rax, Rq(reg)),
            (Some(reg), d) => asm!(e; lea rax, [Rq(reg) + d]),
            (None, d) => {
                e.get(RAX, ra);
                if d != 0 {
                    asm!(e; add rax, d);
                }
            }
        }
    }

    fn ea_relative(e: &mut Emitter, offset: u32, displacement: i64) {
        let sum = displacement + i64::from(offset);
        if let Ok(sum) = i32::try_from(sum) {
            asm!(e; mov rax, [rbp + CODE_PAGE]; add rax, sum);
        } else {
            e.constant(RAX, sum as u64);
            asm!(e; add rax, [rbp + CODE_PAGE]);
        }
    }

    fn ea_indexed(e: &mut Emitter, ra: usize, rb: usize) {
        if ra == 0 {
            e.get(RAX, rb);
            return;
        }
        match (e.mapped(ra), e.mapped(rb)) {
            (Some(a), Some(b)) => asm!(e; lea rax, [Rq(a) + Rq(b)]),
            _ => {
                e.get(RAX, ra);
                match e.mapped(rb) {
                    Some(b) => asm!(e; add rax, Rq(b)),
                    None => asm!(e; add rax, [rbp + guest(rb)]),
                }
            }
        }
    }

    fn align(e: &mut Emitter) {
        asm!(e; and rax, BYTE -16);
    }

    /// RDX makes a host address of RAX by addition. Uses RCX.
    fn lookup(e: &mut Emitter, size: u32, write: bool, miss: DynamicLabel) {
        let (shift, entries, array) = if write {
            (PAGE_SHIFT, WRITE_ENTRIES, TLB_WRITE)
        } else {
            (e.read_shift, READ_ENTRIES, TLB_READ)
        };
        // An entry has 16 bytes.
        asm!(e
            ; mov ecx, eax
            ; shr ecx, (shift - 4) as i8
            ; and ecx, (entries as i32 - 1) << 4
        );
        if size == 0 {
            asm!(e; mov rdx, rax);
        } else {
            asm!(e; lea rdx, [rax + (1i32 << size) - 1]);
        }
        asm!(e
            ; and rdx, -1i32 << shift
            ; or rdx, [rbp + DATA_CONTEXT]
            ; cmp rdx, [rbp + rcx + array]
            ; jne =>miss
            ; mov rdx, [rbp + rcx + array + 8]
        );
    }

    fn load(e: &mut Emitter, to: Host, access: &Load) {
        let swap = (access.extend == Extend::Reverse) == e.little_endian;
        let sign = access.extend == Extend::Sign;
        match (access.size, sign, swap) {
            (0, ..) => asm!(e; movzx Rd(to), BYTE [rax + rdx]),
            (1, false, false) => asm!(e; movzx Rd(to), WORD [rax + rdx]),
            (1, true, false) => asm!(e; movsx Rq(to), WORD [rax + rdx]),
            (1, _, true) => {
                asm!(e; movzx Rd(to), WORD [rax + rdx]; rol Rw(to), 8);
                if sign {
                    asm!(e; movsx Rq(to), Rw(to));
                }
            }
            (2, false, false) => asm!(e; mov Rd(to), [rax + rdx]),
            (2, true, false) => asm!(e; movsxd Rq(to), DWORD [rax + rdx]),
            (2, _, true) => {
                asm!(e; mov Rd(to), [rax + rdx]; bswap Rd(to));
                if sign {
                    asm!(e; movsxd Rq(to), Rd(to));
                }
            }
            (_, _, swap) => {
                asm!(e; mov Rq(to), [rax + rdx]);
                if swap {
                    asm!(e; bswap Rq(to));
                }
            }
        }
    }

    fn store(e: &mut Emitter, value: Host, access: &Store) {
        let swap = access.size != 0 && access.reverse == e.little_endian;
        let value = if swap {
            e.copy(RCX, value);
            RCX
        } else {
            value
        };
        match (access.size, swap) {
            (0, _) => asm!(e; mov [rax + rdx], Rb(value)),
            (1, false) => asm!(e; mov [rax + rdx], Rw(value)),
            (1, true) => asm!(e; rol Rw(value), 8; mov [rax + rdx], Rw(value)),
            (2, false) => asm!(e; mov [rax + rdx], Rd(value)),
            (2, true) => asm!(e; bswap Rd(value); mov [rax + rdx], Rd(value)),
            (_, false) => asm!(e; mov [rax + rdx], Rq(value)),
            (_, true) => asm!(e; bswap Rq(value); mov [rax + rdx], Rq(value)),
        }
    }

    fn quad(e: &mut Emitter, access: &Quad) {
        let n = vsr(access.vsr);
        match (access.store, access.swap) {
            (false, false) => asm!(e; movups xmm0, [rax + rdx]; movups [rbp + n], xmm0),
            (false, true) => {
                asm!(e; movups xmm0, [rax + rdx]; pshufd xmm0, xmm0, 0x4e; movups [rbp + n], xmm0)
            }
            (true, false) => asm!(e; movups xmm0, [rbp + n]; movups [rax + rdx], xmm0),
            (true, true) => {
                asm!(e; movups xmm0, [rbp + n]; pshufd xmm0, xmm0, 0x4e; movups [rax + rdx], xmm0)
            }
        }
    }

    fn call_load(e: &mut Emitter, access: &Load, trapped: DynamicLabel) {
        let helper = runtime(offset_of!(Runtime, load)) + 8 * access.size as i32;
        asm!(e; mov [rbp + SAVED_EA], rax; mov rsi, rax; mov rdi, rbp; call QWORD [rbp + helper]);
        // The status is in EDX, and callers expect it in EAX.
        let fine = e.label();
        asm!(e; cmp edx, BYTE -1; je =>fine; mov eax, edx; jmp =>trapped; =>fine);
        match (access.extend, access.size) {
            (Extend::Sign, 1) => asm!(e; movsx rax, ax),
            (Extend::Sign, 2) => asm!(e; movsxd rax, eax),
            (Extend::Reverse, 1) => asm!(e; rol ax, 8),
            (Extend::Reverse, 2) => asm!(e; bswap eax),
            (Extend::Reverse, 3) => asm!(e; bswap rax),
            _ => {}
        }
    }

    fn call_store(e: &mut Emitter, value: Host, access: &Store, trapped: DynamicLabel) {
        let helper = runtime(offset_of!(Runtime, store)) + 8 * access.size as i32;
        e.copy(RDX, value);
        if access.reverse {
            match access.size {
                1 => asm!(e; rol dx, 8),
                2 => asm!(e; bswap edx),
                _ => asm!(e; bswap rdx),
            }
        }
        asm!(e
            ; mov [rbp + SAVED_EA], rax
            ; mov rsi, rax
            ; mov rdi, rbp
            ; call QWORD [rbp + helper]
            ; cmp eax, BYTE -1
            ; jne =>trapped
        );
    }

    fn call_quad(e: &mut Emitter, access: &Quad, trapped: DynamicLabel) {
        let helper = if access.store { offset_of!(Runtime, store) } else { offset_of!(Runtime, load) } + 32;
        asm!(e
            ; mov rsi, rax
            ; mov edx, access.vsr as i32
            ; mov ecx, i32::from(access.swap)
            ; mov rdi, rbp
            ; call QWORD [rbp + runtime(helper)]
            ; cmp eax, BYTE -1
            ; jne =>trapped
        );
    }

    fn saved_address(e: &mut Emitter, host: Host) {
        asm!(e; mov Rq(host), [rbp + SAVED_EA]);
    }

    fn get_vsr(e: &mut Emitter, host: Host, n: usize) {
        asm!(e; mov Rq(host), [rbp + vsr(n) + 8]);
    }

    fn put_vsr(e: &mut Emitter, n: usize, host: Host) {
        asm!(e; mov [rbp + vsr(n) + 8], Rq(host); mov QWORD [rbp + vsr(n)], 0);
    }

    fn order(e: &mut Emitter, insn: &Insn, all: bool) {
        // The host orders everything but a load after a store by itself, as lwsync and eieio do.
        if all && insn.word.bits(9, 2) != 1 {
            asm!(e; lock or DWORD [rsp], 0);
        }
    }
}
