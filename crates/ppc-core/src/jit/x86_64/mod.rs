//! The emitter for x86-64.
//!
//! | file | idea |
//! |---|---|
//! | `emit`, `memory`, `branch` | registers and calls; the inline TLB; branches and exits |
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
    CodeMode,
    assemble::{Architecture, assemble},
    code::{Fresh, StubCode},
    emitter::Registers,
    offsets::{CIA, CODE_PAGE, ICOUNT, runtime},
    region::Region,
    runtime::{Leave, Runtime},
};
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm, x64::X64Relocation};
use emit::{Emitter, X64};
use std::{io, mem::offset_of};

/// How many guest registers can be mapped to host registers.
pub const MAPPABLE: usize = X64::MAPPABLE.len();

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
        ; add rax, [rbp + CODE_PAGE]
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
        ; add rax, [rbp + CODE_PAGE]
        ; mov [rbp + CIA], rax
        ; shr ecx, 16
        ; sub r15, rcx
        ; mov eax, Leave::Trap as i32
        ; jmp ->leave
    );
    let code = ops.finalize().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(StubCode { code, enter: 0, next, here, unlinked, trap })
}

impl Architecture for X64 {
    fn finish(e: &mut Emitter) {
        e.finish_pool();
    }
}

/// The machine code of a region.
///
/// # Errors
/// None that a region can cause.
pub fn emit(region: &Region, mode: CodeMode) -> io::Result<Fresh> {
    assemble::<X64>(region, mode)
}
