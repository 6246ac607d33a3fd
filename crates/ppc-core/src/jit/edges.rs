//! Where the blocks of a region end: within the region, or through slots to others.

use super::{code::RegionExit, insn::Set};
use crate::ram::PAGE;
use dynasmrt::DynamicLabel;

/// A region's state for terminators.
pub struct Edges<'a> {
    /// Blocks by their place in the page.
    pub labels: &'a [(u32, DynamicLabel)],
    /// Registers that may be dirty where a block begins, in the order of `labels`.
    pub dirty: &'a mut [Set],
    /// Branches out of the region.
    pub exits: &'a mut Vec<RegionExit>,
    /// The block that is emitted next, by its place.
    pub next: Option<u32>,
}

impl Edges<'_> {
    /// Which block of the region is at `target`.
    pub fn inside(&self, target: i64) -> Option<usize> {
        let target = u32::try_from(target).ok()?;
        self.labels.iter().position(|&(place, _)| place == target)
    }

    /// The slot of the branch to `target`.
    pub fn exit(&mut self, target: i64) -> (usize, RegionExit) {
        let offset = target.rem_euclid(PAGE as i64);
        // Displacements have 26 bits at most.
        let exit = RegionExit { page: (target - offset) as i32, offset: offset as u32 };
        let known = self.exits.iter().position(|known| *known == exit);
        let number = known.unwrap_or_else(|| {
            self.exits.push(exit);
            self.exits.len() - 1
        });
        (number, exit)
    }
}
