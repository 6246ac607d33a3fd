//! The emitter for aarch64.
//!
//! | file | idea |
//! |---|---|
//! | `emit`, `memory`, `branch` | registers and calls; the inline TLB; branches and ways out |
//! | `lower` | which instructions have a lowering of their own; `fixed`, `rotate`, `condition`: a function for each |
//!
//! Other hosts build this for the tests, which run it without running what it makes.

#![expect(
    clippy::useless_conversion,
    clippy::absurd_extreme_comparisons,
    clippy::eq_op,
    reason = "what dynasm! makes of register numbers and of the ranges of immediates"
)]

mod branch;
mod condition;
mod emit;
mod fixed;
mod lower;
mod memory;
mod rotate;
#[cfg(test)]
mod tests;

use super::{
    CodeMode,
    assemble::{Architecture, assemble},
    code::{Fresh, StubCode},
    emitter::Registers,
    offsets::{CIA, CODE_PAGE, ICOUNT, TLB_READ, TLB_WRITE, runtime},
    region::Region,
    runtime::{Leave, Runtime},
};
use dynasmrt::{DynasmApi, DynasmLabelApi};
use emit::{A64, Emitter, X0, X1, X2, asm};
use std::{io, mem::offset_of};

/// How many guest registers can be mapped to host registers.
pub const MAPPABLE: usize = A64::MAPPABLE.len();

/// What enters and leaves compiled code.
///
/// # Errors
/// None that a caller can cause.
pub fn stubs() -> io::Result<StubCode> {
    let mode = CodeMode { isa: crate::model::Isa::V3_0, little_endian: true, half: 0, read_shift: 0 };
    let mut e = Emitter::new(mode, &[]);
    asm!(e
        ; stp x29, x30, [sp, -96]!
        ; stp x19, x20, [sp, 16]
        ; stp x21, x22, [sp, 32]
        ; stp x23, x24, [sp, 48]
        ; stp x25, x26, [sp, 64]
        ; stp x27, x28, [sp, 80]
        ; mov x19, x0
        ; mov x20, x1
        ; mov x16, x2
    );
    e.load(21, ICOUNT);
    e.add_constant(22, 19, TLB_READ.into());
    e.add_constant(23, 19, TLB_WRITE.into());
    asm!(e; br x16);
    let next = e.ops.offset().0;
    e.load(X2, CODE_PAGE);
    asm!(e; add x0, x0, x2);
    e.save(X0, CIA);
    let here = e.ops.offset().0;
    let leave = e.label();
    asm!(e; movz w0, Leave::Next as u32; =>leave);
    e.save(21, ICOUNT);
    asm!(e
        ; ldp x19, x20, [sp, 16]
        ; ldp x21, x22, [sp, 32]
        ; ldp x23, x24, [sp, 48]
        ; ldp x25, x26, [sp, 64]
        ; ldp x27, x28, [sp, 80]
        ; ldp x29, x30, [sp], 96
        ; ret
    );
    let unlinked = e.ops.offset().0;
    e.save(X1, runtime(offset_of!(Runtime, slot)));
    asm!(e; movz w0, Leave::Unlinked as u32; b =>leave);
    let trap = e.ops.offset().0;
    e.save32(X0, runtime(offset_of!(Runtime, trap)));
    e.load(X2, CODE_PAGE);
    asm!(e; and x0, x1, 0xffff; add x0, x0, x2);
    e.save(X0, CIA);
    asm!(e
        ; lsr w1, w1, 16
        ; sub x21, x21, x1
        ; movz w0, Leave::Trap as u32
        ; b =>leave
    );
    let code = e.ops.finalize().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(StubCode { code, enter: 0, next, here, unlinked, trap })
}

impl Architecture for A64 {
    fn finish(_: &mut Emitter) {}
}

/// The machine code of a region.
///
/// # Errors
/// None that a region can cause.
pub fn emit(region: &Region, mode: CodeMode) -> io::Result<Fresh> {
    assemble::<A64>(region, mode)
}
