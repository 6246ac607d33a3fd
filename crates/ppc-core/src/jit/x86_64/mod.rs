//! The emitter for x86-64.
//!
//! | file | idea |
//! |---|---|
//! | `emit` | registers, ways out, calls |
//! | `memory`, `branch` | the inline TLB; how blocks end |
//! | `pool`, `routine`, `features` | what a region's code shares; what the host can do |
//! | `lower` | which instructions have a lowering of their own; the other files: a function for each |

#![expect(clippy::useless_conversion, reason = "what dynasm! makes of register numbers")]

mod add;
mod alu;
mod atomic;
mod branch;
mod condition;
mod crypto;
mod divide;
mod emit;
mod features;
mod float;
mod float_move;
mod float_vector;
mod loadstore;
mod logical;
mod lower;
mod memory;
mod multiply;
mod permute;
mod pool;
mod rotate;
mod routine;
mod routine_vector;
mod vector;
mod vector_memory;
mod vector_shift;

use super::{
    Mode,
    code::{Fresh, StubCode},
    edges::Edges,
    offsets::{CIA, ICOUNT, LIMIT, MSR, PAGE, runtime},
    region::{Region, ends},
    runtime::{Leave, Runtime},
};
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm, x64::X64Relocation};
use emit::{Cold, Emitter, asm};
use std::{io, mem::offset_of};

/// How many guest registers may have a pin.
pub const PINS: usize = emit::PINS.len();

/// What enters and leaves compiled code.
///
/// # Errors
/// None that a caller can cause.
pub fn stubs() -> io::Result<StubCode> {
    let mut ops: VecAssembler<X64Relocation> = VecAssembler::new(0);
    // Six registers and the return address are 56 bytes: the stack must be aligned at calls.
    dynasm!(ops ; .arch x64
        ; push rbp
        ; push rbx
        ; push r12
        ; push r13
        ; push r14
        ; push r15
        ; sub rsp, 8
        ; mov rbp, rdi
        ; mov r14, rsi
        ; mov r15, [rbp + ICOUNT]
        ; jmp rdx
    );
    let next = ops.offset().0;
    dynasm!(ops ; .arch x64
        ; add rax, [rbp + PAGE]
        ; mov [rbp + CIA], rax
    );
    let here = ops.offset().0;
    dynasm!(ops ; .arch x64
        ; mov eax, Leave::Next as i32
        ; ->leave:
        ; mov [rbp + ICOUNT], r15
        ; add rsp, 8
        ; pop r15
        ; pop r14
        ; pop r13
        ; pop r12
        ; pop rbx
        ; pop rbp
        ; ret
    );
    let unlinked = ops.offset().0;
    dynasm!(ops ; .arch x64
        ; mov [rbp + runtime(offset_of!(Runtime, slot))], rcx
        ; mov eax, Leave::Unlinked as i32
        ; jmp ->leave
    );
    let trap = ops.offset().0;
    dynasm!(ops ; .arch x64
        ; mov [rbp + runtime(offset_of!(Runtime, trap))], eax
        ; movzx eax, cx
        ; add rax, [rbp + PAGE]
        ; mov [rbp + CIA], rax
        ; shr ecx, 16
        ; sub r15, rcx
        ; mov eax, Leave::Trap as i32
        ; jmp ->leave
    );
    let code = ops.finalize().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(StubCode { code, enter: 0, next, here, unlinked, trap })
}

/// The machine code of a region.
///
/// # Errors
/// None that a region can cause.
pub fn emit(region: &Region, mode: Mode) -> io::Result<Fresh> {
    let mut e = Emitter::new(mode, &region.pins);
    let pinned = e.pinned();
    let labels: Vec<_> = region.parts.iter().map(|part| (part.place, e.label())).collect();
    // A block that a later one branches back to may be reached with any pin dirty.
    let mut dirty: Vec<_> = (0..region.parts.len())
        .map(|n| {
            let back = region.parts[n..].iter().any(|part| part.goes_to(region.parts[n].place));
            if back { pinned } else { 0 }
        })
        .collect();
    let mut exits = Vec::new();
    for (n, part) in region.parts.iter().enumerate() {
        let len = part.insns.len() as u32;
        let refuse = e.label();
        e.dirty = dirty[n];
        asm!(e
            ; =>labels[n].1
            ; add r15, len as i32
            ; cmp r15, [rbp + LIMIT]
            ; ja =>refuse
        );
        if part.needs != 0 {
            let needs = part.needs as i32;
            asm!(e; mov eax, [rbp + MSR]; and eax, needs; cmp eax, needs; jne =>refuse);
        }
        e.push_cold(Cold::Refuse { from: refuse, offset: part.place, len, dirty: e.dirty });
        let mut edges = Edges {
            labels: &labels,
            dirty: &mut dirty,
            exits: &mut exits,
            next: region.parts.get(n + 1).map(|part| part.place),
        };
        for (i, (insn, id)) in part.insns.iter().enumerate() {
            if i + 1 < part.insns.len() {
                lower::lower(&mut e, insn, *id);
            } else if ends(insn) {
                branch::terminate(&mut e, insn, &mut edges);
            } else {
                lower::lower(&mut e, insn, *id);
                e.go(&mut edges, i64::from(insn.offset) + 4);
            }
        }
    }
    e.finish_cold();
    let mut entries = Vec::with_capacity(labels.len());
    for &(place, label) in &labels {
        entries.push((place, e.ops.offset().0));
        e.load_pins(pinned);
        asm!(e; jmp =>label);
    }
    let code = e.ops.finalize().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Fresh { code, entries, exits })
}
