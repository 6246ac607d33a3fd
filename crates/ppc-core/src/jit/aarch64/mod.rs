//! The emitter for aarch64.
//!
//! | file | idea |
//! |---|---|
//! | `emit` | registers, ways out, calls |
//! | `memory`, `branch` | the inline TLB; how blocks end |
//! | `lower`, `fixed`, `rotate`, `condition`, `loadstore` | one function for each instruction that has a lowering of its own |
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
mod loadstore;
mod lower;
mod memory;
mod rotate;
#[cfg(test)]
mod tests;

use super::{
    Mode,
    code::{Fresh, StubCode},
    edges::Edges,
    offsets::{CIA, ICOUNT, LIMIT, MSR, PAGE, TLB_READ, TLB_WRITE, runtime},
    region::{Region, ends},
    runtime::{Leave, Runtime},
};
use dynasmrt::{DynasmApi, DynasmLabelApi};
use emit::{Cold, Emitter, X0, X1, X2, asm};
use std::{io, mem::offset_of};

/// How many guest registers may have a pin.
pub const PINS: usize = emit::PINS.len();

/// What enters and leaves compiled code.
///
/// # Errors
/// None that a caller can cause.
pub fn stubs() -> io::Result<StubCode> {
    let mode = Mode { isa: crate::model::Isa::V3_0, little_endian: true, half: 0, read_shift: 0 };
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
    e.load(X2, PAGE);
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
    e.load(X2, PAGE);
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
        asm!(e; =>labels[n].1; add x21, x21, len);
        e.load(X0, LIMIT);
        asm!(e; cmp x21, x0; b.hi =>refuse);
        if part.needs != 0 {
            e.load(X0, MSR);
            e.constant(X1, part.needs);
            asm!(e; bics xzr, x1, x0; b.ne =>refuse);
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
        asm!(e; b =>label);
    }
    let code = e.ops.finalize().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Fresh { code, entries, exits })
}
