//! What instructions need beside their operands: bits of the MSR, and prefixed instructions themselves.

use crate::{
    fields::Word,
    insn::{Facility, Row},
    msr,
    spr::{FSCR_PREFIX, IC_PREFIX},
    state::Cpu,
    trap::Trap,
};

/// Among the MSR bits of a need: prefixed instructions, which problem state has where FSCR says so. No MSR has this bit.
pub const PREFIX: u64 = 1 << 59;

/// What `word`, which is of `row`, needs.
pub fn needs_of(word: Word, row: &Row) -> u64 {
    row.facility.of(word, row.form).msr_bits() | if word.prefix() == 0 { 0 } else { PREFIX }
}

impl Cpu {
    /// Which of `needs` the processor lacks as it stands.
    #[inline(always)]
    pub fn missing(&self, needs: u64) -> u64 {
        let missing = needs & !self.msr;
        if missing & PREFIX != 0 && self.has_prefixes() { missing & !PREFIX } else { missing }
    }

    /// Whether prefixed instructions are available.
    fn has_prefixes(&self) -> bool {
        self.msr & msr::PR == 0 || self.fscr() & FSCR_PREFIX != 0
    }

    /// The trap for what is missing.
    pub fn unavailable(&mut self, missing: u64) -> Trap {
        if missing & PREFIX == 0 {
            return Facility::unavailable(missing);
        }
        self.fault.ic = IC_PREFIX;
        Trap::FacilityUnavailable
    }
}
