//! Semantics: privileged instructions, special purpose registers and system calls (Power ISA 3.0B, Book III).
//!
//! A PAPR guest is never in hypervisor state: what needs it raises the privileged-instruction interrupt.

use crate::{
    fields::Word,
    msr,
    spr::{
        self, FSCR_EBB, FSCR_SCV, IC_SCV, IC_TM,
        number::{BESCR, EBBRR, SRR0, SRR1},
    },
    state::Cpu,
    time::MOST_SPENT,
    trap::{Done, Trap},
};

pub use spr::{mfspr, mtspr};

/// `sc LEV`: 0 calls the operating system, 1 the hypervisor; the other bits of LEV are reserved.
pub fn sc(_cpu: &mut Cpu, w: Word) -> Done {
    Err(if w.bits(20, 7) & 1 == 1 { Trap::Hypercall } else { Trap::SystemCall })
}

/// `scv LEV`.
pub fn scv(cpu: &mut Cpu, w: Word) -> Done {
    if cpu.fscr() & FSCR_SCV == 0 {
        return cpu.facility_unavailable(IC_SCV);
    }
    cpu.fault.ic = w.bits(20, 7) as u8;
    Err(Trap::SystemCallVectored)
}

/// `rfid`: HV and ME stay as they are.
pub fn rfid(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.supervisor()?;
    let (srr0, srr1) = (cpu.spr[SRR0], cpu.spr[SRR1]);
    return_to(cpu, srr0, srr1);
    Ok(())
}

/// `rfscv`: from LR and CTR.
pub fn rfscv(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.supervisor()?;
    return_to(cpu, cpu.lr, cpu.ctr);
    Ok(())
}

fn return_to(cpu: &mut Cpu, address: u64, new_msr: u64) {
    cpu.set_msr(new_msr & !msr::ME | cpu.msr & msr::ME);
    cpu.nia = cpu.wrap(address & !3);
}

/// Instructions of the hypervisor.
pub fn hypervisor_only(_cpu: &mut Cpu, _w: Word) -> Done {
    Err(Trap::Privileged)
}

/// `mfmsr RT`.
pub fn mfmsr(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    cpu.gpr[w.rt()] = cpu.msr;
    Ok(())
}

/// What L = 1 lets `mtmsr` and `mtmsrd` change.
const MTMSR_L: u64 = msr::EE | msr::RI;

/// `mtmsr RS,L`: the low half, without ME and LE.
pub fn mtmsr(cpu: &mut Cpu, w: Word) -> Done {
    move_to_msr(cpu, w, 0xffff_ffff & !(msr::ME | msr::LE))
}

/// `mtmsrd RS,L`: everything but HV, ME and LE.
pub fn mtmsrd(cpu: &mut Cpu, w: Word) -> Done {
    move_to_msr(cpu, w, !(msr::HV | msr::ME | msr::LE))
}

fn move_to_msr(cpu: &mut Cpu, w: Word, whole: u64) -> Done {
    cpu.supervisor()?;
    let mask = if w.bit(15) { MTMSR_L } else { whole };
    let value = cpu.gpr[w.rs()] & mask | cpu.msr & !mask;
    if mask == MTMSR_L {
        // Nothing that translation depends on changes.
        cpu.msr = value;
        cpu.request_event();
    } else {
        cpu.set_msr(value);
    }
    Ok(())
}

/// `mftb RT,TBR`: the same registers as `mfspr`, by the same numbers.
pub fn mftb(cpu: &mut Cpu, w: Word) -> Done {
    mfspr(cpu, w)
}

/// `slbie RB`.
pub fn slbie(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    let lost = cpu.slb.invalidate(cpu.gpr[w.rb()]);
    cpu.flush_halves(lost);
    Ok(())
}

/// `slbia IH`: the field is new in 3.0.
pub fn slbia(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    let ih = if cpu.model.isa >= crate::model::Isa::V3_0 { w.bits(8, 3) } else { 0 };
    let lost = cpu.slb.invalidate_all(ih);
    cpu.flush_halves(lost);
    Ok(())
}

/// `slbmte RS,RB`: an index beyond the SLB is ignored.
pub fn slbmte(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    let lost = cpu.slb.write(cpu.gpr[w.rb()], cpu.gpr[w.rs()]);
    cpu.flush_halves(lost);
    Ok(())
}

fn slb_entry(cpu: &Cpu, w: Word) -> crate::slb::SlbEntry {
    cpu.slb.entries().get((cpu.gpr[w.rb()] & 0xfff) as usize).copied().unwrap_or_default()
}

/// `slbmfee RT,RB`.
pub fn slbmfee(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    cpu.gpr[w.rt()] = slb_entry(cpu, w).esid;
    Ok(())
}

/// `slbmfev RT,RB`.
pub fn slbmfev(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    cpu.gpr[w.rt()] = slb_entry(cpu, w).vsid;
    Ok(())
}

/// `slbfee. RT,RB`: the VSID doubleword of the entry that translates (RB), and CR0\[EQ\] if there is one.
pub fn slbfee_rc(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    let found = cpu.slb.find(cpu.gpr[w.rb()]).map(|e| e.vsid);
    cpu.gpr[w.rt()] = found.unwrap_or(0);
    cpu.set_crf(0, u32::from(found.is_some()) << 1 | u32::from(cpu.xer.so));
    Ok(())
}

/// `tlbiel`, `slbieg`, `slbiag`: what processors cache is dropped; nothing architected changes here because the
/// software TLB always agrees with SLB and hash table.
pub fn invalidate_local(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.supervisor()?;
    cpu.flush_translations();
    Ok(())
}

/// `tlbsync`, `slbsync`, `msgsync`: invalidations and messages are already ordered.
pub fn privileged_barrier(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.supervisor()
}

/// Message type of a directed privileged doorbell: RB\[32:36\].
const DOORBELL: u64 = 5;

/// `msgsndp RB`: a doorbell for a thread of this core. Who runs the processors passes it on to another thread.
pub fn msgsndp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    let rb = cpu.gpr[w.rb()];
    let ([own, threads], target) = (cpu.thread, rb as u32 & 0x7f);
    if rb >> 27 & 0x1f == DOORBELL && target < threads {
        if target == own {
            cpu.doorbell = true;
        } else {
            cpu.rung |= 1 << (target & 63);
            cpu.spend(MOST_SPENT);
        }
        cpu.request_event();
    }
    Ok(())
}

/// `msgclrp RB`.
pub fn msgclrp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    if cpu.gpr[w.rb()] >> 27 & 0x1f == DOORBELL {
        cpu.doorbell = false;
    }
    Ok(())
}

/// BESCR: event-based exceptions are enabled.
const BESCR_GE: u64 = 1 << 63;

/// `rfebb S`.
pub fn rfebb(cpu: &mut Cpu, w: Word) -> Done {
    if cpu.msr & msr::PR != 0 && cpu.fscr() & FSCR_EBB == 0 {
        return cpu.facility_unavailable(7);
    }
    cpu.spr[BESCR] = if w.bit(20) { cpu.spr[BESCR] | BESCR_GE } else { cpu.spr[BESCR] & !BESCR_GE };
    cpu.nia = cpu.wrap(cpu.spr[EBBRR] & !3);
    Ok(())
}

/// Transactional memory is not offered: MSR\[TM\] is 0 for ever.
pub fn transactional(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.facility_unavailable(IC_TM)
}

/// `treclaim.` and `trechkpt.`: privileged, and transactional.
pub fn privileged_transactional(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    transactional(cpu, w)
}

/// `clrbhrb`: the branch history rolling buffer is empty.
pub fn clrbhrb(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.branch_history()
}

/// `mfbhrbe RT,BHRBE`: no branches are recorded.
pub fn mfbhrbe(cpu: &mut Cpu, w: Word) -> Done {
    cpu.branch_history()?;
    cpu.gpr[w.rt()] = 0;
    Ok(())
}

/// `darn RT,L`: from the machine's seed, so that a run can be repeated.
pub fn darn(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = match w.bits(14, 2) {
        0 => cpu.random() & 0xffff_ffff,
        1 | 2 => cpu.random(),
        _ => u64::MAX,
    };
    Ok(())
}

/// `stop`: the power-saving level is the hypervisor's business, which resumes at once.
pub fn stop(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.supervisor()
}

impl Cpu {
    /// The next number of the seeded generator (SplitMix64, Steele and others 2014).
    pub fn random(&mut self) -> u64 {
        self.random_state = self.random_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random_state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
