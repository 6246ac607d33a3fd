//! What a region's code shares: constants, routines, and the calls of instructions' own functions off the straight path.

use super::super::insn::{Insn, Set, gprs};
use super::super::{offsets::runtime, runtime::Runtime};
use super::emit::{Cold, Emitter, RAX, asm};
use super::routine::Routine;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::offset_of;

/// Constants and routines that a region uses, by where they will be.
#[derive(Default)]
pub struct Pool {
    constants: Vec<(u128, DynamicLabel)>,
    routines: Vec<(Routine, DynamicLabel)>,
}

impl Emitter {
    /// Where `value` lies, aligned.
    pub fn constant128(&mut self, value: u128) -> DynamicLabel {
        if let Some(&(_, label)) = self.pool.constants.iter().find(|&&(known, _)| known == value) {
            return label;
        }
        let label = self.label();
        self.pool.constants.push((value, label));
        label
    }

    /// Where `routine` begins.
    pub fn routine(&mut self, routine: Routine) -> DynamicLabel {
        if let Some(&(_, label)) = self.pool.routines.iter().find(|(known, _)| *known == routine) {
            return label;
        }
        let label = self.label();
        self.pool.routines.push((routine, label));
        label
    }

    /// Where to go for the instruction's own function, and where that comes back to. Nothing of the instruction may have
    /// been done yet.
    pub fn own_function(&mut self, insn: &Insn) -> (DynamicLabel, DynamicLabel) {
        let (from, done) = (self.label(), self.label());
        self.push_cold(Cold::Exec { from, done, insn: *insn, dirty: self.dirty });
        (from, done)
    }

    pub(super) fn cold_exec(&mut self, insn: &Insn, dirty: Set, volatile: Set) {
        let touched = volatile | insn.row.map_or(0, |row| gprs(row, insn.word));
        self.store_pins(dirty & touched);
        asm!(self
            ; mov rdi, rbp
            ; mov rsi, QWORD insn.exec as usize as i64
            ; mov edx, insn.word.0 as i32
            ; call QWORD [rbp + runtime(offset_of!(Runtime, exec))]
        );
        self.check_helper(RAX, insn.place(), dirty & !touched);
        self.load_pins(touched);
    }

    /// Emits the pool. Nothing may ask for anything afterwards.
    pub(super) fn finish_pool(&mut self) {
        for (routine, label) in std::mem::take(&mut self.pool.routines) {
            asm!(self; .align 16; =>label);
            routine.emit(self);
        }
        for (value, label) in std::mem::take(&mut self.pool.constants) {
            asm!(self; .align 16; =>label; .bytes value.to_le_bytes());
        }
    }
}
