//! `mfspr` and `mtspr`: which accesses are allowed, and what the others cause.

use super::{FSCR_IC_SHIFT, Guard, Spr, by_number, number::FSCR};
use crate::{
    fields::Word,
    msr,
    state::Cpu,
    trap::{Done, Trap},
};

/// Numbers that are reserved for later use: no-ops in every state (Book I, "Reserved SPRs").
const RESERVED: std::ops::RangeInclusive<usize> = 808..=811;

impl Cpu {
    /// Reports facility `ic` as unavailable.
    pub fn facility_unavailable<T>(&mut self, ic: u8) -> Result<T, Trap> {
        self.fault.ic = ic;
        Err(Trap::FacilityUnavailable)
    }

    /// Records the cause of a facility unavailable interrupt in FSCR\[IC\].
    pub fn set_fscr_cause(&mut self, ic: u8) {
        self.spr[FSCR] = self.spr[FSCR] & !(0xff << FSCR_IC_SHIFT) | u64::from(ic) << FSCR_IC_SHIFT;
    }
}

/// The checks that `mfspr` and `mtspr` share. `Ok(None)`: a no-op.
fn admit(cpu: &mut Cpu, number: usize, writes: bool) -> Result<Option<&'static Spr>, Trap> {
    let problem = cpu.msr & msr::PR != 0;
    let row = by_number(number).filter(|s| s.is_in(cpu.model.isa));
    if let Some(s) = row
        && (if problem { s.problem } else { s.privileged }).allows(writes)
    {
        match s.guard {
            Guard::NotOffered(ic) => return cpu.facility_unavailable(ic),
            Guard::Fscr(bit, ic) if problem && cpu.fscr() & bit == 0 => return cpu.facility_unavailable(ic),
            Guard::Pmu(group) if problem => cpu.performance_monitor(group, writes)?,
            _ => {}
        }
        return Ok(Some(s));
    }
    if RESERVED.contains(&number) {
        return Ok(None);
    }
    // Book III, "Move To/From Special Purpose Register": undefined numbers. spr bit 0 set means privileged. In
    // privileged state POWER's MQ, and its RTC and DEC where problem state read them, are not quietly nothing.
    match (problem, number & 0x10 != 0) {
        (true, true) => Err(Trap::Privileged),
        (true, false) => Err(Trap::Illegal),
        (false, _) if number == 0 || matches!(number, 4..=6) && !writes => Err(Trap::Illegal),
        (false, _) => Ok(None),
    }
}

/// `mfspr RT,SPR`.
pub fn mfspr(cpu: &mut Cpu, w: Word) -> Done {
    if let Some(s) = admit(cpu, w.spr(), false)? {
        if s.timed {
            cpu.read_clock_here();
        }
        cpu.gpr[w.rt()] = (s.get)(cpu);
    }
    Ok(())
}

/// `mtspr SPR,RS`.
pub fn mtspr(cpu: &mut Cpu, w: Word) -> Done {
    if let Some(s) = admit(cpu, w.spr(), true)? {
        if s.timed {
            cpu.read_clock_here();
        }
        (s.set)(cpu, cpu.gpr[w.rs()]);
    }
    Ok(())
}
