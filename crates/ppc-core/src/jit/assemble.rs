//! The machine code of a region, block by block.

use super::{
    CodeMode,
    code::Fresh,
    edges::Edges,
    emitter::Emitter,
    lower::Lowered,
    memory::Memory,
    out_of_line::SlowPath,
    region::{Region, ends},
};
use dynasmrt::DynasmApi;
use std::io;

/// A host that code is made for.
pub trait Architecture: Memory + Lowered {
    /// Emits the shared parts of the region's code, behind the rest. Nothing may request more of them afterwards.
    fn finish(e: &mut Emitter<Self>);
}

/// The machine code of a region.
///
/// # Errors
/// None that a region can cause.
pub fn assemble<A: Architecture>(region: &Region, mode: CodeMode) -> io::Result<Fresh> {
    let mut e = Emitter::<A>::new(mode, &region.mapped);
    let mapped = e.mapped_registers();
    let labels: Vec<_> = region.parts.iter().map(|part| (part.place, e.label())).collect();
    // A block that a later one branches back to may be reached with any mapped register dirty.
    let mut dirty: Vec<_> = (0..region.parts.len())
        .map(|n| {
            let back = region.parts[n..].iter().any(|part| part.goes_to(region.parts[n].place));
            if back { mapped } else { 0 }
        })
        .collect();
    let mut exits = Vec::new();
    for (n, part) in region.parts.iter().enumerate() {
        let len = part.insns.len() as u32;
        let refuse = e.label();
        e.dirty = dirty[n];
        e.bind(labels[n].1);
        A::begin(&mut e, len, part.needs, refuse);
        e.push_out_of_line(refuse, e.dirty, SlowPath::Refuse { offset: part.place, len });
        let mut edges = Edges {
            labels: &labels,
            dirty: &mut dirty,
            exits: &mut exits,
            next: region.parts.get(n + 1).map(|part| part.place),
        };
        for (i, (insn, id)) in part.insns.iter().enumerate() {
            if i + 1 < part.insns.len() {
                e.lower(insn, *id);
            } else if ends(insn) && !(insn.is_relative() && e.lowers(*id)) {
                e.terminate(insn, &mut edges);
            } else {
                e.lower(insn, *id);
                e.go(&mut edges, insn.next());
            }
        }
    }
    e.finish_out_of_line();
    A::finish(&mut e);
    let mut entries = Vec::with_capacity(labels.len());
    for &(place, label) in &labels {
        entries.push((place, e.ops.offset().0));
        e.load_mapped(mapped);
        A::jump(&mut e, label);
    }
    let code = e.ops.finalize().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Fresh { code, entries, exits })
}
