//! Branches, and exits from compiled code.

use super::super::{
    emitter::Host,
    flow::{Condition, Flow},
    insn::{CTR, Insn},
    offsets::{CIA, CODE_PAGE, FETCH_CONTEXT, ICOUNT, LIMIT, MSR, NIA, SLOT_SIZE, SPRS, crf, guest, runtime},
    runtime::{JUMP_SLOTS, Jump, Runtime, Slot},
};
use super::emit::{Emitter, RAX, X64, asm};
use crate::{
    msr,
    needs::PREFIX,
    ram::PAGE,
    spr::{FSCR_PREFIX, number::FSCR},
    trap::Trap,
};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::offset_of;

impl Flow for X64 {
    const ADDRESS: Host = RAX;

    fn begin(e: &mut Emitter, len: u32, needs: u64, refuse: DynamicLabel) {
        asm!(e; add r15, len as i32; cmp r15, [rbp + LIMIT]; ja =>refuse);
        let bits = (needs & !PREFIX) as i32;
        if bits != 0 {
            asm!(e; mov eax, [rbp + MSR]; and eax, bits; cmp eax, bits; jne =>refuse);
        }
        if needs & PREFIX != 0 {
            let available = e.label();
            asm!(e
                ; test DWORD [rbp + MSR], msr::PR as i32
                ; jz =>available
                ; mov rax, [rbp + SPRS]
                ; test DWORD [rax + 8 * FSCR as i32], FSCR_PREFIX as i32
                ; jz =>refuse
                ; =>available
            );
        }
    }

    fn take_back(e: &mut Emitter, len: u32) {
        asm!(e; sub r15, len as i32);
    }

    fn jump(e: &mut Emitter, to: DynamicLabel) {
        asm!(e; jmp =>to);
    }

    fn jump_if(e: &mut Emitter, condition: Condition, wanted: bool, to: DynamicLabel) {
        use Condition::*;
        match (condition, wanted) {
            (Less, true) => asm!(e; jl =>to),
            (Less, false) => asm!(e; jge =>to),
            (Greater, true) => asm!(e; jg =>to),
            (Greater, false) => asm!(e; jle =>to),
            (Equal, true) => asm!(e; je =>to),
            (Equal, false) => asm!(e; jne =>to),
            (Below, true) => asm!(e; jb =>to),
            (Below, false) => asm!(e; jae =>to),
            (Above, true) => asm!(e; ja =>to),
            (Above, false) => asm!(e; jbe =>to),
        }
    }

    fn test_cr(e: &mut Emitter, field: usize, mask: u8) {
        asm!(e; test BYTE [rbp + crf(field)], mask as i8);
    }

    fn count(e: &mut Emitter) {
        match e.mapped(CTR) {
            Some(reg) => {
                asm!(e; sub Rq(reg), 1);
                e.dirty |= 1 << CTR;
            }
            None => asm!(e; sub QWORD [rbp + guest(CTR)], 1),
        }
    }

    fn address(e: &mut Emitter, host: Host, offset: u32) {
        asm!(e; mov Rq(host), [rbp + CODE_PAGE]; add Rq(host), offset as i32);
    }

    fn leave_through(e: &mut Emitter, number: usize, other: Option<(i32, DynamicLabel)>) {
        asm!(e; lea rcx, [r14 + number as i32 * SLOT_SIZE]);
        if let Some((page, stale)) = other {
            asm!(e
                ; mov rax, [rbp + CODE_PAGE]
                ; add rax, page
                ; mov [rbp + CODE_PAGE], rax
                ; cmp rax, [rcx + offset_of!(Slot, page) as i32]
                ; jne =>stale
                ; mov eax, [rbp + FETCH_CONTEXT + 4 * e.half as i32]
                ; cmp eax, [rcx + offset_of!(Slot, context) as i32]
                ; jne =>stale
            );
        }
        asm!(e
            ; mov r14, [rcx + offset_of!(Slot, slots) as i32]
            ; jmp QWORD [rcx + offset_of!(Slot, code) as i32]
        );
    }

    fn indirect(e: &mut Emitter, miss: DynamicLabel) {
        asm!(e
            ; and rax, BYTE -4
            ; mov ecx, eax
            ; and ecx, (JUMP_SLOTS as i32 - 1) << 2
            ; mov rdx, [rbp + runtime(offset_of!(Runtime, jumps))]
            ; lea rcx, [rdx + rcx * 8]
            ; cmp rax, [rcx + offset_of!(Jump, ea) as i32]
            ; jne =>miss
            ; mov edx, [rbp + FETCH_CONTEXT]
            ; test rax, rax
            ; cmovs edx, [rbp + FETCH_CONTEXT + 4]
            ; cmp edx, [rcx + offset_of!(Jump, context) as i32]
            ; jne =>miss
            ; and rax, -(PAGE as i64) as i32
            ; mov [rbp + CODE_PAGE], rax
            ; mov r14, [rcx + offset_of!(Jump, slots) as i32]
            ; jmp QWORD [rcx + offset_of!(Jump, code) as i32]
        );
    }

    fn show_place(e: &mut Emitter, insn: &Insn) {
        asm!(e
            ; mov rax, [rbp + CODE_PAGE]
            ; add rax, insn.offset as i32
            ; mov [rbp + CIA], rax
            ; add rax, BYTE insn.word.bytes() as i8
            ; mov [rbp + NIA], rax
            ; mov [rbp + ICOUNT], r15
        );
    }

    fn leave_at_nia(e: &mut Emitter) {
        asm!(e; mov rax, [rbp + NIA]);
        Self::leave_miss(e);
    }

    fn leave_next(e: &mut Emitter, offset: u32) {
        asm!(e; mov eax, offset as i32; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_next))]);
    }

    fn leave_miss(e: &mut Emitter) {
        asm!(e; mov [rbp + CIA], rax; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_here))]);
    }

    fn leave_stale(e: &mut Emitter) {
        asm!(e; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_unlinked))]);
    }

    fn trap(e: &mut Emitter, trap: Trap) {
        asm!(e; mov eax, trap as i32);
    }

    fn leave_trap(e: &mut Emitter, place: i32) {
        asm!(e; mov ecx, place; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_trap))]);
    }
}
