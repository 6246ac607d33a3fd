//! The performance monitor, as far as there is one (Power ISA 3.0B, Book III, "Performance Monitor Facility").
//!
//! Its registers hold what is written. Nothing counts and nothing is sampled, so no alert ever occurs by itself; a
//! guest that sets MMCR0\[PMAO\] gets the interrupt that belongs to it, but no event-based branch. What enters here is
//! an access in problem state; what leaves is whether MMCR0 lets it through.

use crate::{
    model::Isa,
    msr,
    spr::number::{MMCR0, MMCR2},
    state::Cpu,
    trap::{Done, Trap},
};

/// MMCR0: counters are frozen.
const MMCR0_FC: u64 = 1 << 31;
/// MMCR0: alerts are enabled.
const MMCR0_PMAE: u64 = 1 << 26;
/// MMCR0: problem state may read the branch history.
const MMCR0_BHRBA: u64 = 1 << 21;
/// MMCR0: alerts are event-based branches of problem state, and no interrupts.
const MMCR0_EBE: u64 = 1 << 20;
/// Position of MMCR0\[PMCC\], two bits.
const MMCR0_PMCC_SHIFT: u32 = 18;
/// MMCR0: where PMCC lets problem state only read, it does not read group B (since 3.1).
const MMCR0_PMCCEXT: u64 = 1 << 9;
/// MMCR0: an alert has occurred.
const MMCR0_PMAO: u64 = 1 << 7;

/// What problem state sees of MMCR0 and may change.
const MMCR0_PROBLEM: u64 = MMCR0_FC | MMCR0_PMAE | MMCR0_PMAO;
/// The same of MMCR2: for each of the six counters the bit that freezes it in problem state.
const MMCR2_PROBLEM: u64 = 0x4020_1008_0402_0000;

/// FSCR interrupt cause: a register of the performance monitor.
const IC_PMU: u8 = 3;
/// FSCR interrupt cause: the branch history rolling buffer.
const IC_BHRB: u8 = 4;

/// How MMCR0\[PMCC\] guards a register's number that is open to problem state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Group A: MMCR0, MMCR2, MMCR3, MMCRA and PMCs 1 to 4.
    A,
    /// PMCs 5 and 6: of group A unless PMCC takes them out of the performance monitor.
    Counters5And6,
    /// Group B: SIER, SIER2, SIER3, SIAR, SDAR and MMCR1. They are written under other numbers.
    B,
}

impl Cpu {
    /// Whether problem state may access a register of `group` now.
    ///
    /// As the sources of Linux and QEMU tell PMCC; the book was not at hand. Group B with PMCC = 01 is derived: it is
    /// the one value that closes the facility.
    ///
    /// | PMCC | group A | PMCs 5 and 6 | group B |
    /// |---|---|---|---|
    /// | 00 | reads; a write is an unimplemented instruction | as group A | reads; with PMCCEXT facility unavailable |
    /// | 01 | facility unavailable | facility unavailable | facility unavailable |
    /// | 10 | reads, writes | reads, writes | reads |
    /// | 11 | reads, writes | facility unavailable | reads |
    pub fn performance_monitor(&mut self, group: Group, writes: bool) -> Done {
        let extended = self.model.isa >= Isa::V3_1 && self.spr[MMCR0] & MMCR0_PMCCEXT != 0;
        match (self.spr[MMCR0] >> MMCR0_PMCC_SHIFT & 3, group) {
            (0, _) if writes => Err(Trap::Illegal),
            (0, Group::B) if extended => self.facility_unavailable(IC_PMU),
            (1, _) | (3, Group::Counters5And6) => self.facility_unavailable(IC_PMU),
            _ => Ok(()),
        }
    }

    /// The check of the instructions that read the branch history.
    pub fn branch_history(&mut self) -> Done {
        if self.msr & msr::PR != 0 && self.spr[MMCR0] & MMCR0_BHRBA == 0 {
            return self.facility_unavailable(IC_BHRB);
        }
        Ok(())
    }

    /// Whether the performance monitor asks for its interrupt. Like the decrementer's, the request stays pending.
    pub fn performance_monitor_pending(&self) -> bool {
        self.spr[MMCR0] & (MMCR0_PMAO | MMCR0_EBE) == MMCR0_PMAO
    }
}

/// `mtspr MMCR0`.
pub fn write_mmcr0(cpu: &mut Cpu, value: u64) {
    cpu.spr[MMCR0] = value & 0xffff_ffff;
    cpu.request_event();
}

/// MMCR0 under the number that problem state may use.
///
/// The ISA hides the other bits where PMCC lets problem state write (10 and 11). Where it only reads they are hidden
/// too, as QEMU does.
pub fn read_ummcr0(cpu: &Cpu) -> u64 {
    cpu.spr[MMCR0] & visible(cpu, MMCR0_PROBLEM)
}

/// `mtspr` of the same.
pub fn write_ummcr0(cpu: &mut Cpu, value: u64) {
    let mask = visible(cpu, MMCR0_PROBLEM);
    write_mmcr0(cpu, value & mask | cpu.spr[MMCR0] & !mask);
}

/// MMCR2 under the number that problem state may use.
pub fn read_ummcr2(cpu: &Cpu) -> u64 {
    cpu.spr[MMCR2] & visible(cpu, MMCR2_PROBLEM)
}

/// `mtspr` of the same.
pub fn write_ummcr2(cpu: &mut Cpu, value: u64) {
    let mask = visible(cpu, MMCR2_PROBLEM);
    cpu.spr[MMCR2] = value & mask | cpu.spr[MMCR2] & !mask;
}

fn visible(cpu: &Cpu, problem: u64) -> u64 {
    if cpu.msr & msr::PR != 0 { problem } else { u64::MAX }
}
