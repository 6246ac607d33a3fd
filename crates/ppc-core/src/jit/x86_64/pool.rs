//! What a region's code shares: constants, routines, and the calls of instructions' own functions out of line.

use super::super::{insn::Insn, out_of_line::SlowPath};
use super::emit::{Emitter, asm};
use super::routine::Routine;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};

/// Constants and routines that a region uses, by where they will be.
#[derive(Default)]
pub struct Pool {
    constants: Vec<(u128, DynamicLabel)>,
    routines: Vec<(Routine, DynamicLabel)>,
}

impl Emitter {
    /// Where `value` lies, aligned.
    pub fn constant128(&mut self, value: u128) -> DynamicLabel {
        if let Some(&(_, label)) = self.extra.constants.iter().find(|&&(known, _)| known == value) {
            return label;
        }
        let label = self.label();
        self.extra.constants.push((value, label));
        label
    }

    /// Where `routine` begins.
    pub fn routine(&mut self, routine: Routine) -> DynamicLabel {
        if let Some(&(_, label)) = self.extra.routines.iter().find(|(known, _)| *known == routine) {
            return label;
        }
        let label = self.label();
        self.extra.routines.push((routine, label));
        label
    }

    /// Where to go for the instruction's own function, and where that comes back to. Nothing of the instruction may have
    /// been done yet.
    pub fn own_function(&mut self, insn: &Insn) -> (DynamicLabel, DynamicLabel) {
        let (from, done) = (self.label(), self.label());
        self.push_out_of_line(from, self.dirty, SlowPath::Exec { done, insn: *insn });
        (from, done)
    }

    /// Emits the pool.
    pub(super) fn finish_pool(&mut self) {
        for (routine, label) in std::mem::take(&mut self.extra.routines) {
            asm!(self; .align 16; =>label);
            routine.emit(self);
        }
        for (value, label) in std::mem::take(&mut self.extra.constants) {
            asm!(self; .align 16; =>label; .bytes value.to_le_bytes());
        }
    }
}
