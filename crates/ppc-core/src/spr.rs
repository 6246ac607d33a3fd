//! Special purpose registers: one table, one row a register (Power ISA 3.0B, Book III, "SPR encodings").
//!
//! A guest never runs in hypervisor state: hypervisor registers have no row, or one without access for those that a
//! guest's hypervisor sets for it. As LPCR\[EVIRT\] is 0 an access from privileged state is a no-op, as for any undefined
//! number.

use crate::{
    fields::Word,
    model::Isa,
    msr,
    pmu::{self, Group},
    state::{Cpu, Xer},
    trap::{Done, Trap},
    watchpoint::{DAWR0, DAWRX0},
};

/// LPCR: real mode is virtualised, through the virtual real mode area.
pub const LPCR_VPM0: u64 = 1 << 63;
/// Position of LPCR\[VRMASD\] relative to L || LP in an SLB entry.
pub const LPCR_VRMASD_SHIFT: u32 = 43;
/// LPCR: large decrementer.
pub const LPCR_LD: u64 = 1 << 17;
/// LPCR: interrupts are taken little-endian.
pub const LPCR_ILE: u64 = 1 << 25;
/// LPCR: alternate interrupt location, two bits.
pub const LPCR_AIL: u64 = 3 << LPCR_AIL_SHIFT;
/// Position of LPCR\[AIL\].
pub const LPCR_AIL_SHIFT: u32 = 23;

/// FSCR: system call vectored.
pub const FSCR_SCV: u64 = 1 << 12;
/// FSCR: target address register.
pub const FSCR_TAR: u64 = 1 << 8;
/// FSCR: event-based branch.
pub const FSCR_EBB: u64 = 1 << 7;
/// FSCR: data stream control register.
pub const FSCR_DSCR: u64 = 1 << 2;
/// FSCR interrupt cause: transactional memory.
pub const IC_TM: u8 = 5;
/// FSCR interrupt cause: system call vectored.
pub const IC_SCV: u8 = 12;
const FSCR_IC_SHIFT: u32 = 56;
const FSCR_GUEST: u64 = FSCR_SCV | FSCR_TAR | FSCR_EBB | FSCR_DSCR | 0xff << FSCR_IC_SHIFT;

/// Numbers that are reserved for later use: no-ops in every state (Book I, "Reserved SPRs").
const RESERVED: std::ops::RangeInclusive<usize> = 808..=811;

/// CTRL: the thread runs.
const CTRL_RUN: u64 = 1;
/// CTRL: the thread state's bit of the first thread, which follows RUN.
const CTRL_TS: u64 = 1 << 15;

/// Who may do what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Not accessible.
    No,
    /// Reads.
    R,
    /// Writes.
    W,
    /// Both.
    Rw,
}

impl Access {
    fn allows(self, writes: bool) -> bool {
        self == Self::Rw || self == if writes { Self::W } else { Self::R }
    }
}

/// What else than the privilege decides on an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guard {
    /// Nothing.
    None,
    /// In problem state a bit of FSCR that must be set; the cause to report.
    Fscr(u64, u8),
    /// A facility that the processor has and its hypervisor does not offer; the cause to report.
    NotOffered(u8),
    /// In problem state MMCR0\[PMCC\].
    Pmu(Group),
}

/// One special purpose register.
pub struct Spr {
    /// SPR number.
    pub number: usize,
    /// Name.
    pub name: &'static str,
    /// Access in problem state.
    pub problem: Access,
    /// Access in privileged state.
    pub privileged: Access,
    /// First instruction set level that has it.
    pub isa: Isa,
    /// What else is checked.
    pub guard: Guard,
    /// Reads or writes something that depends on time or that later instructions depend on.
    pub ends: bool,
    /// Reads it.
    pub get: fn(&Cpu) -> u64,
    /// Writes it.
    pub set: fn(&mut Cpu, u64),
}

fn stored<const N: usize>(cpu: &Cpu) -> u64 {
    cpu.spr[N]
}
fn store<const N: usize>(cpu: &mut Cpu, value: u64) {
    cpu.spr[N] = value;
}
fn store32<const N: usize>(cpu: &mut Cpu, value: u64) {
    cpu.spr[N] = value & 0xffff_ffff;
}
fn ignore(_: &mut Cpu, _: u64) {}
fn write_ctrl(c: &mut Cpu, value: u64) {
    c.spr[136] = if value & CTRL_RUN != 0 { CTRL_RUN | CTRL_TS } else { 0 };
}
/// RUN, and in privileged state the thread's own bit of TS as well (Book III, CTRL).
fn read_ctrl(c: &Cpu) -> u64 {
    if c.msr & msr::PR != 0 { c.spr[136] & CTRL_RUN } else { c.spr[136] }
}
fn zero(_: &Cpu) -> u64 {
    0
}

/// DEC, TB, TBU, SPURR, PURR and VTB: what they show or do depends on the time.
const TIMED: [usize; 6] = [22, 268, 269, 308, 309, 849];

const AMR: usize = 29;
const IAMR: usize = 61;
const UAMOR: usize = 157;
const FSCR: usize = 153;
const PPR: usize = 896;

macro_rules! sprs {
    ($($n:literal $name:literal $problem:ident $privileged:ident $isa:ident $guard:expr, $ends:literal,
       $get:expr, $set:expr;)*) => {
        /// Every register a guest may touch, or have set.
        pub static SPRS: &[Spr] = &[$(Spr {
            number: $n, name: $name, problem: Access::$problem, privileged: Access::$privileged, isa: Isa::$isa,
            guard: $guard, ends: $ends, get: $get, set: $set,
        }),*];
    };
}

const NONE: Guard = Guard::None;
const DSCR: Guard = Guard::Fscr(FSCR_DSCR, 2);
const TM: Guard = Guard::NotOffered(IC_TM);
const EBB: Guard = Guard::Fscr(FSCR_EBB, 7);
const TAR: Guard = Guard::Fscr(FSCR_TAR, 8);
const A: Guard = Guard::Pmu(Group::A);
const A56: Guard = Guard::Pmu(Group::Counters5And6);
const B: Guard = Guard::Pmu(Group::B);

sprs! {
    // number, name, problem state, privileged state, since, guard, ends a block, get, set
    1 "XER" Rw Rw V2_07 NONE, false, |c| c.read_xer(), |c, v| c.write_xer(v);
    3 "DSCR" Rw Rw V2_07 DSCR, false, stored::<17>, store::<17>;
    8 "LR" Rw Rw V2_07 NONE, false, |c| c.lr, |c, v| c.lr = v;
    9 "CTR" Rw Rw V2_07 NONE, false, |c| c.ctr, |c, v| c.ctr = v;
    13 "UAMR" Rw Rw V2_07 NONE, true, stored::<AMR>, write_uamr;
    17 "PDSCR" No Rw V2_07 NONE, false, stored::<17>, store::<17>;
    18 "DSISR" No Rw V2_07 NONE, false, stored::<18>, store32::<18>;
    19 "DAR" No Rw V2_07 NONE, false, stored::<19>, store::<19>;
    22 "DEC" No Rw V2_07 NONE, true, read_dec, |c, v| c.set_decrementer(v as i64);
    26 "SRR0" No Rw V2_07 NONE, false, stored::<26>, store::<26>;
    27 "SRR1" No Rw V2_07 NONE, false, stored::<27>, store::<27>;
    28 "CFAR" No Rw V2_07 NONE, false, stored::<28>, store::<28>;
    29 "AMR" No Rw V2_07 NONE, true, stored::<AMR>, write_amr;
    48 "PID" No Rw V2_07 NONE, true, stored::<48>, store32::<48>;
    61 "IAMR" No Rw V2_07 NONE, true, stored::<IAMR>, write_iamr;
    // Transactional memory is not offered: the registers report the facility as unavailable.
    128 "TFHAR" Rw Rw V2_07 TM, false, zero, ignore;
    129 "TFIAR" Rw Rw V2_07 TM, false, zero, ignore;
    130 "TEXASR" Rw Rw V2_07 TM, false, zero, ignore;
    131 "TEXASRU" Rw Rw V2_07 TM, false, zero, ignore;
    136 "CTRL" R R V2_07 NONE, false, read_ctrl, ignore;
    144 "TIDR" No Rw V3_0 NONE, false, stored::<144>, store::<144>;
    152 "CTRLW" No W V2_07 NONE, false, stored::<136>, write_ctrl;
    153 "FSCR" No Rw V2_07 NONE, true, stored::<FSCR>, write_fscr;
    157 "UAMOR" No Rw V2_07 NONE, false, stored::<UAMOR>, store::<UAMOR>;
    159 "PSPB" No Rw V2_07 NONE, false, stored::<159>, store32::<159>;
    // A bit a thread of the core, from the right, that has a doorbell pending.
    176 "DPDES" No R V2_07 NONE, false, |c| c.doorbell.into(), ignore;
    // See `watchpoint`.
    180 "DAWR0" No No V2_07 NONE, false, stored::<DAWR0>, Cpu::set_dawr;
    188 "DAWRX0" No No V2_07 NONE, false, stored::<DAWRX0>, Cpu::set_dawrx;
    256 "VRSAVE" Rw Rw V2_07 NONE, false, |c| c.vrsave.into(), |c, v| c.vrsave = v as u32;
    259 "USPRG3" R R V2_07 NONE, false, stored::<275>, ignore;
    268 "TB" R R V2_07 NONE, true, |c| c.timebase(), ignore;
    269 "TBU" R R V2_07 NONE, true, |c| c.timebase() >> 32, ignore;
    272 "SPRG0" No Rw V2_07 NONE, false, stored::<272>, store::<272>;
    273 "SPRG1" No Rw V2_07 NONE, false, stored::<273>, store::<273>;
    274 "SPRG2" No Rw V2_07 NONE, false, stored::<274>, store::<274>;
    275 "SPRG3" No Rw V2_07 NONE, false, stored::<275>, store::<275>;
    287 "PVR" No R V2_07 NONE, false, |c| c.model.pvr.into(), ignore;
    308 "SPURR" No R V2_07 NONE, true, |c| c.dispatched_time(), ignore;
    309 "PURR" No R V2_07 NONE, true, |c| c.dispatched_time(), ignore;
    446 "TIR" No R V2_07 NONE, false, zero, ignore;
    768 "USIER" R R V2_07 B, false, stored::<784>, ignore;
    769 "UMMCR2" Rw Rw V2_07 A, false, pmu::read_ummcr2, pmu::write_ummcr2;
    770 "UMMCRA" Rw Rw V2_07 A, false, stored::<786>, store::<786>;
    771 "UPMC1" Rw Rw V2_07 A, false, stored::<787>, store32::<787>;
    772 "UPMC2" Rw Rw V2_07 A, false, stored::<788>, store32::<788>;
    773 "UPMC3" Rw Rw V2_07 A, false, stored::<789>, store32::<789>;
    774 "UPMC4" Rw Rw V2_07 A, false, stored::<790>, store32::<790>;
    775 "UPMC5" Rw Rw V2_07 A56, false, stored::<791>, store32::<791>;
    776 "UPMC6" Rw Rw V2_07 A56, false, stored::<792>, store32::<792>;
    779 "UMMCR0" Rw Rw V2_07 A, true, pmu::read_ummcr0, pmu::write_ummcr0;
    780 "USIAR" R R V2_07 B, false, stored::<796>, ignore;
    781 "USDAR" R R V2_07 B, false, stored::<797>, ignore;
    782 "UMMCR1" R R V2_07 B, false, stored::<798>, ignore;
    // The performance monitor's registers: see `pmu`.
    784 "SIER" No Rw V2_07 NONE, false, stored::<784>, store::<784>;
    785 "MMCR2" No Rw V2_07 NONE, false, stored::<785>, store::<785>;
    786 "MMCRA" No Rw V2_07 NONE, false, stored::<786>, store::<786>;
    787 "PMC1" No Rw V2_07 NONE, false, stored::<787>, store32::<787>;
    788 "PMC2" No Rw V2_07 NONE, false, stored::<788>, store32::<788>;
    789 "PMC3" No Rw V2_07 NONE, false, stored::<789>, store32::<789>;
    790 "PMC4" No Rw V2_07 NONE, false, stored::<790>, store32::<790>;
    791 "PMC5" No Rw V2_07 NONE, false, stored::<791>, store32::<791>;
    792 "PMC6" No Rw V2_07 NONE, false, stored::<792>, store32::<792>;
    795 "MMCR0" No Rw V2_07 NONE, true, stored::<{ pmu::MMCR0 }>, pmu::write_mmcr0;
    796 "SIAR" No Rw V2_07 NONE, false, stored::<796>, store::<796>;
    797 "SDAR" No Rw V2_07 NONE, false, stored::<797>, store::<797>;
    798 "MMCR1" No Rw V2_07 NONE, false, stored::<798>, store::<798>;
    800 "BESCRS" Rw Rw V2_07 EBB, false, stored::<806>, |c, v| c.spr[806] |= v;
    801 "BESCRSU" Rw Rw V2_07 EBB, false, |c| c.spr[806] >> 32, |c, v| c.spr[806] |= v << 32;
    802 "BESCRR" Rw Rw V2_07 EBB, false, stored::<806>, |c, v| c.spr[806] &= !v;
    803 "BESCRRU" Rw Rw V2_07 EBB, false, |c| c.spr[806] >> 32, |c, v| c.spr[806] &= !(v << 32);
    804 "EBBHR" Rw Rw V2_07 EBB, false, stored::<804>, store::<804>;
    805 "EBBRR" Rw Rw V2_07 EBB, false, stored::<805>, store::<805>;
    806 "BESCR" Rw Rw V2_07 EBB, false, stored::<806>, store::<806>;
    815 "TAR" Rw Rw V2_07 TAR, false, stored::<815>, store::<815>;
    823 "PSSCR" No Rw V3_0 NONE, false, stored::<823>, store::<823>;
    848 "IC" No R V2_07 NONE, true, |c| c.icount, ignore;
    849 "VTB" No R V2_07 NONE, true, |c| c.dispatched_time(), ignore;
    895 "WORT" No Rw V2_07 NONE, false, stored::<895>, store32::<895>;
    896 "PPR" Rw Rw V2_07 NONE, false, stored::<PPR>, |c, v| c.spr[PPR] = v & 0x001c_0000_0000_0000;
    898 "PPR32" Rw Rw V2_07 NONE, false, |c| c.spr[PPR] >> 32, |c, v| c.spr[PPR] = v << 32 & 0x001c_0000_0000_0000;
    1023 "PIR" No R V2_07 NONE, false, |c| c.index.into(), ignore;
}

/// Row number + 1 of each SPR number; 0: none.
static INDEX: [u8; 1024] = {
    let mut index = [0; 1024];
    let mut i = 0;
    while i < SPRS.len() {
        index[SPRS[i].number] = i as u8 + 1;
        i += 1;
    }
    index
};

/// The row of SPR `number`.
pub fn by_number(number: usize) -> Option<&'static Spr> {
    match INDEX.get(number) {
        Some(&i) if i != 0 => Some(&SPRS[i as usize - 1]),
        _ => None,
    }
}

/// The row called `name` (upper case).
pub fn by_name(name: &str) -> Option<&'static Spr> {
    SPRS.iter().find(|s| s.name == name)
}

fn read_dec(cpu: &Cpu) -> u64 {
    let dec = cpu.decrementer();
    if cpu.lpcr & LPCR_LD != 0 { dec as u64 } else { dec as u32 as u64 }
}

fn write_amr(cpu: &mut Cpu, value: u64) {
    cpu.spr[AMR] = value;
    cpu.context_changed();
}

/// In problem state AMR changes only where UAMOR allows.
fn write_uamr(cpu: &mut Cpu, value: u64) {
    let mask = if cpu.msr & crate::msr::PR != 0 { cpu.spr[UAMOR] } else { u64::MAX };
    write_amr(cpu, value & mask | cpu.spr[AMR] & !mask);
}

fn write_iamr(cpu: &mut Cpu, value: u64) {
    cpu.spr[IAMR] = value;
    cpu.context_changed();
}

fn write_fscr(cpu: &mut Cpu, value: u64) {
    let scv = if cpu.model.isa >= Isa::V3_0 { u64::MAX } else { !FSCR_SCV };
    cpu.spr[FSCR] = value & FSCR_GUEST & scv;
}

impl Cpu {
    /// XER as `mfxer` reads it.
    pub fn read_xer(&self) -> u64 {
        let x = &self.xer;
        let mut v =
            (x.so as u64) << 31 | (x.ov as u64) << 30 | (x.ca as u64) << 29 | u64::from(x.count & 0x7f);
        if self.model.isa >= Isa::V3_0 {
            v |= (x.ov32 as u64) << 19 | (x.ca32 as u64) << 18;
        }
        v
    }

    /// XER as `mtxer` writes it.
    pub fn write_xer(&mut self, v: u64) {
        let wide = self.model.isa >= Isa::V3_0;
        self.xer = Xer {
            so: v >> 31 & 1 != 0,
            ov: v >> 30 & 1 != 0,
            ca: v >> 29 & 1 != 0,
            ov32: wide && v >> 19 & 1 != 0,
            ca32: wide && v >> 18 & 1 != 0,
            count: v as u8 & 0x7f,
        };
    }

    /// AMR.
    pub fn amr(&self) -> u64 {
        self.spr[AMR]
    }

    /// IAMR.
    pub fn iamr(&self) -> u64 {
        self.spr[IAMR]
    }

    /// FSCR.
    pub fn fscr(&self) -> u64 {
        self.spr[FSCR]
    }

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
    let problem = cpu.msr & crate::msr::PR != 0;
    let row = by_number(number).filter(|s| s.isa <= cpu.model.isa);
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
        if TIMED.contains(&s.number) {
            cpu.read_clock();
        }
        cpu.gpr[w.rt()] = (s.get)(cpu);
    }
    Ok(())
}

/// `mtspr SPR,RS`.
pub fn mtspr(cpu: &mut Cpu, w: Word) -> Done {
    if let Some(s) = admit(cpu, w.spr(), true)? {
        if TIMED.contains(&s.number) {
            cpu.read_clock();
        }
        (s.set)(cpu, cpu.gpr[w.rs()]);
    }
    Ok(())
}

/// Whether the `mfspr` or `mtspr` in `w` must end its block.
pub fn ends_block(w: Word) -> bool {
    by_number(w.spr()).is_some_and(|s| s.ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        assert!(SPRS.len() < u8::MAX as usize);
        for (i, a) in SPRS.iter().enumerate() {
            for b in &SPRS[i + 1..] {
                assert!(a.number < b.number, "{} before {}", a.name, b.name);
                assert_ne!(a.name, b.name);
            }
        }
    }

    #[test]
    fn registers_of_time_end_their_block_so_that_their_count_is_exact() {
        for number in TIMED {
            assert!(by_number(number).is_some_and(|s| s.ends), "{number}");
        }
    }

    #[test]
    fn what_problem_state_reads_privileged_state_reads_too() {
        for s in SPRS {
            assert!(!s.problem.allows(false) || s.privileged.allows(false), "{}", s.name);
        }
    }

    #[test]
    fn problem_state_reaches_only_numbers_below_the_privileged_bit() {
        for s in SPRS {
            assert!(s.problem == Access::No || s.number & 0x10 == 0 || s.number > 768, "{}", s.name);
        }
    }
}
