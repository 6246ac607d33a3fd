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
};
pub use access::{mfspr, mtspr};
use number::*;

mod access;

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

/// FSCR: prefixed instructions.
pub const FSCR_PREFIX: u64 = 1 << 13;
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
/// FSCR interrupt cause: prefixed instructions.
pub const IC_PREFIX: u8 = 13;
const FSCR_IC_SHIFT: u32 = 56;
const FSCR_GUEST: u64 = FSCR_PREFIX | FSCR_SCV | FSCR_TAR | FSCR_EBB | FSCR_DSCR | 0xff << FSCR_IC_SHIFT;

/// DEXCR, problem state's half: `hashst` and `hashchk`. Privileged state's is 32 bits to the left.
pub const DEXCR_NPHIE: u64 = 1 << 26;
/// DEXCR: `hashstp` and `hashchkp`, which problem state never executes.
pub const DEXCR_PHIE: u64 = 1 << 25;
/// The aspects of DEXCR in each half: SBHE, IBRTPD, SRAPD, NPHIE and PHIE. What is speculated and predicted shows nowhere
/// here.
const DEXCR_ASPECTS: u64 = 0x9e00_0000_9e00_0000;

/// CTRL: the thread runs.
const CTRL_RUN: u64 = 1;
/// CTRL: the thread state's bit of the first thread, which follows RUN.
const CTRL_TS: u64 = 1 << 15;

/// The allowed accesses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SprAccess {
    /// Not accessible.
    No,
    /// Reads.
    R,
    /// Writes.
    W,
    /// Both.
    Rw,
}

impl Spr {
    /// Whether a processor of level `isa` has it.
    pub fn is_in(&self, isa: Isa) -> bool {
        self.isa <= isa && (isa < Isa::V3_1 || !self.gone)
    }
}

impl SprAccess {
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
    pub problem: SprAccess,
    /// Access in privileged state.
    pub privileged: SprAccess,
    /// First instruction set level that has it.
    pub isa: Isa,
    /// What else is checked.
    pub guard: Guard,
    /// Reads or writes something that depends on time or that later instructions depend on.
    pub ends: bool,
    /// Its effect depends on the time.
    timed: bool,
    /// Transactional memory's: 3.1 has it no more.
    gone: bool,
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
    c.spr[CTRL] = if value & CTRL_RUN != 0 { CTRL_RUN | CTRL_TS } else { 0 };
}
/// RUN, and in privileged state the thread's own bit of TS as well (Book III, CTRL).
fn read_ctrl(c: &Cpu) -> u64 {
    if c.msr & msr::PR != 0 { c.spr[CTRL] & CTRL_RUN } else { c.spr[CTRL] }
}
fn zero(_: &Cpu) -> u64 {
    0
}

macro_rules! sprs {
    ($($name:ident = $n:literal, $problem:ident $privileged:ident $isa:ident $guard:expr, $ends:literal,
       $get:expr, $set:expr;)*) => {
        /// Numbers, by name.
        #[expect(missing_docs, reason = "the names are the ISA's")]
        pub mod number {
            $(pub const $name: usize = $n;)*
        }

        /// Every register a guest may touch, or have set.
        pub static SPRS: &[Spr] = &[$(Spr {
            number: $n, name: stringify!($name), problem: SprAccess::$problem, privileged: SprAccess::$privileged, isa: Isa::$isa,
            guard: $guard, ends: $ends, timed: matches!($n, DEC | TB | TBU | SPURR | PURR | VTB),
            gone: matches!($guard, WITH_TM), get: $get, set: $set,
        }),*];
    };
}

const ANYONE: Guard = Guard::None;
const WITH_DSCR: Guard = Guard::Fscr(FSCR_DSCR, 2);
const WITH_TM: Guard = Guard::NotOffered(IC_TM);
const WITH_EBB: Guard = Guard::Fscr(FSCR_EBB, 7);
const WITH_TAR: Guard = Guard::Fscr(FSCR_TAR, 8);
const PMU_A: Guard = Guard::Pmu(Group::A);
const PMU_A56: Guard = Guard::Pmu(Group::Counters5And6);
const PMU_B: Guard = Guard::Pmu(Group::B);

sprs! {
    // name, number, problem state, privileged state, since, guard, ends a block, get, set
    XER = 1, Rw Rw V2_07 ANYONE, false, |c| c.read_xer(), |c, v| c.write_xer(v);
    DSCR = 3, Rw Rw V2_07 WITH_DSCR, false, stored::<PDSCR>, store::<PDSCR>;
    LR = 8, Rw Rw V2_07 ANYONE, false, |c| c.lr, |c, v| c.lr = v;
    CTR = 9, Rw Rw V2_07 ANYONE, false, |c| c.ctr, |c, v| c.ctr = v;
    UAMR = 13, Rw Rw V2_07 ANYONE, true, stored::<AMR>, write_uamr;
    PDSCR = 17, No Rw V2_07 ANYONE, false, stored::<PDSCR>, store::<PDSCR>;
    DSISR = 18, No Rw V2_07 ANYONE, false, stored::<DSISR>, store32::<DSISR>;
    DAR = 19, No Rw V2_07 ANYONE, false, stored::<DAR>, store::<DAR>;
    DEC = 22, No Rw V2_07 ANYONE, true, read_dec, |c, v| c.set_decrementer(v as i64);
    SRR0 = 26, No Rw V2_07 ANYONE, false, stored::<SRR0>, store::<SRR0>;
    SRR1 = 27, No Rw V2_07 ANYONE, false, stored::<SRR1>, store::<SRR1>;
    CFAR = 28, No Rw V2_07 ANYONE, false, stored::<CFAR>, store::<CFAR>;
    AMR = 29, No Rw V2_07 ANYONE, true, stored::<AMR>, write_amr;
    PID = 48, No Rw V2_07 ANYONE, true, stored::<PID>, store32::<PID>;
    IAMR = 61, No Rw V2_07 ANYONE, true, stored::<IAMR>, write_iamr;
    // Transactional memory is not offered: the registers report the facility as unavailable.
    TFHAR = 128, Rw Rw V2_07 WITH_TM, false, zero, ignore;
    TFIAR = 129, Rw Rw V2_07 WITH_TM, false, zero, ignore;
    TEXASR = 130, Rw Rw V2_07 WITH_TM, false, zero, ignore;
    TEXASRU = 131, Rw Rw V2_07 WITH_TM, false, zero, ignore;
    CTRL = 136, R R V2_07 ANYONE, false, read_ctrl, ignore;
    TIDR = 144, No Rw V3_0 ANYONE, false, stored::<TIDR>, store::<TIDR>;
    CTRLW = 152, No W V2_07 ANYONE, false, stored::<CTRL>, write_ctrl;
    FSCR = 153, No Rw V2_07 ANYONE, true, stored::<FSCR>, write_fscr;
    UAMOR = 157, No Rw V2_07 ANYONE, false, stored::<UAMOR>, store::<UAMOR>;
    PSPB = 159, No Rw V2_07 ANYONE, false, stored::<PSPB>, store32::<PSPB>;
    // A bit a thread of the core, from the right, that has a doorbell pending.
    DPDES = 176, No R V2_07 ANYONE, false, |c| u64::from(c.doorbell) << c.thread[0], ignore;
    // See `watchpoint`.
    DAWR0 = 180, No No V2_07 ANYONE, false, stored::<DAWR0>, |c, v| c.set_dawr(0, v);
    DAWR1 = 181, No No V3_1 ANYONE, false, stored::<DAWR1>, |c, v| c.set_dawr(1, v);
    DAWRX0 = 188, No No V2_07 ANYONE, false, stored::<DAWRX0>, |c, v| c.set_dawrx(0, v);
    DAWRX1 = 189, No No V3_1 ANYONE, false, stored::<DAWRX1>, |c, v| c.set_dawrx(1, v);
    VRSAVE = 256, Rw Rw V2_07 ANYONE, false, |c| c.vrsave.into(), |c, v| c.vrsave = v as u32;
    USPRG3 = 259, R R V2_07 ANYONE, false, stored::<SPRG3>, ignore;
    TB = 268, R R V2_07 ANYONE, true, |c| c.timebase(), ignore;
    TBU = 269, R R V2_07 ANYONE, true, |c| c.timebase() >> 32, ignore;
    SPRG0 = 272, No Rw V2_07 ANYONE, false, stored::<SPRG0>, store::<SPRG0>;
    SPRG1 = 273, No Rw V2_07 ANYONE, false, stored::<SPRG1>, store::<SPRG1>;
    SPRG2 = 274, No Rw V2_07 ANYONE, false, stored::<SPRG2>, store::<SPRG2>;
    SPRG3 = 275, No Rw V2_07 ANYONE, false, stored::<SPRG3>, store::<SPRG3>;
    PVR = 287, No R V2_07 ANYONE, false, |c| c.model.pvr.into(), ignore;
    SPURR = 308, No R V2_07 ANYONE, true, |c| c.dispatched_time(), ignore;
    PURR = 309, No R V2_07 ANYONE, true, |c| c.dispatched_time(), ignore;
    TIR = 446, No R V2_07 ANYONE, false, |c| c.thread[0].into(), ignore;
    // The hypervisor enforces no aspect of its own.
    UHDEXCR = 455, R R V3_1 ANYONE, false, zero, ignore;
    HASHKEYR = 468, No Rw V3_1 ANYONE, false, stored::<HASHKEYR>, store::<HASHKEYR>;
    HASHPKEYR = 469, No Rw V3_1 ANYONE, false, stored::<HASHPKEYR>, store::<HASHPKEYR>;
    USIER2 = 736, R R V3_1 PMU_B, false, stored::<SIER2>, ignore;
    USIER3 = 737, R R V3_1 PMU_B, false, stored::<SIER3>, ignore;
    UMMCR3 = 738, Rw Rw V3_1 PMU_A, false, stored::<MMCR3>, store::<MMCR3>;
    SIER2 = 752, No Rw V3_1 ANYONE, false, stored::<SIER2>, store::<SIER2>;
    SIER3 = 753, No Rw V3_1 ANYONE, false, stored::<SIER3>, store::<SIER3>;
    MMCR3 = 754, No Rw V3_1 ANYONE, false, stored::<MMCR3>, store::<MMCR3>;
    USIER = 768, R R V2_07 PMU_B, false, stored::<SIER>, ignore;
    UMMCR2 = 769, Rw Rw V2_07 PMU_A, false, pmu::read_ummcr2, pmu::write_ummcr2;
    UMMCRA = 770, Rw Rw V2_07 PMU_A, false, stored::<MMCRA>, store::<MMCRA>;
    UPMC1 = 771, Rw Rw V2_07 PMU_A, false, stored::<PMC1>, store32::<PMC1>;
    UPMC2 = 772, Rw Rw V2_07 PMU_A, false, stored::<PMC2>, store32::<PMC2>;
    UPMC3 = 773, Rw Rw V2_07 PMU_A, false, stored::<PMC3>, store32::<PMC3>;
    UPMC4 = 774, Rw Rw V2_07 PMU_A, false, stored::<PMC4>, store32::<PMC4>;
    UPMC5 = 775, Rw Rw V2_07 PMU_A56, false, stored::<PMC5>, store32::<PMC5>;
    UPMC6 = 776, Rw Rw V2_07 PMU_A56, false, stored::<PMC6>, store32::<PMC6>;
    UMMCR0 = 779, Rw Rw V2_07 PMU_A, true, pmu::read_ummcr0, pmu::write_ummcr0;
    USIAR = 780, R R V2_07 PMU_B, false, stored::<SIAR>, ignore;
    USDAR = 781, R R V2_07 PMU_B, false, stored::<SDAR>, ignore;
    UMMCR1 = 782, R R V2_07 PMU_B, false, stored::<MMCR1>, ignore;
    // The performance monitor's registers: see `pmu`.
    SIER = 784, No Rw V2_07 ANYONE, false, stored::<SIER>, store::<SIER>;
    MMCR2 = 785, No Rw V2_07 ANYONE, false, stored::<MMCR2>, store::<MMCR2>;
    MMCRA = 786, No Rw V2_07 ANYONE, false, stored::<MMCRA>, store::<MMCRA>;
    PMC1 = 787, No Rw V2_07 ANYONE, false, stored::<PMC1>, store32::<PMC1>;
    PMC2 = 788, No Rw V2_07 ANYONE, false, stored::<PMC2>, store32::<PMC2>;
    PMC3 = 789, No Rw V2_07 ANYONE, false, stored::<PMC3>, store32::<PMC3>;
    PMC4 = 790, No Rw V2_07 ANYONE, false, stored::<PMC4>, store32::<PMC4>;
    PMC5 = 791, No Rw V2_07 ANYONE, false, stored::<PMC5>, store32::<PMC5>;
    PMC6 = 792, No Rw V2_07 ANYONE, false, stored::<PMC6>, store32::<PMC6>;
    MMCR0 = 795, No Rw V2_07 ANYONE, true, stored::<MMCR0>, pmu::write_mmcr0;
    SIAR = 796, No Rw V2_07 ANYONE, false, stored::<SIAR>, store::<SIAR>;
    SDAR = 797, No Rw V2_07 ANYONE, false, stored::<SDAR>, store::<SDAR>;
    MMCR1 = 798, No Rw V2_07 ANYONE, false, stored::<MMCR1>, store::<MMCR1>;
    BESCRS = 800, Rw Rw V2_07 WITH_EBB, false, stored::<BESCR>, |c, v| c.spr[BESCR] |= v;
    BESCRSU = 801, Rw Rw V2_07 WITH_EBB, false, |c| c.spr[BESCR] >> 32, |c, v| c.spr[BESCR] |= v << 32;
    BESCRR = 802, Rw Rw V2_07 WITH_EBB, false, stored::<BESCR>, |c, v| c.spr[BESCR] &= !v;
    BESCRRU = 803, Rw Rw V2_07 WITH_EBB, false, |c| c.spr[BESCR] >> 32, |c, v| c.spr[BESCR] &= !(v << 32);
    EBBHR = 804, Rw Rw V2_07 WITH_EBB, false, stored::<EBBHR>, store::<EBBHR>;
    EBBRR = 805, Rw Rw V2_07 WITH_EBB, false, stored::<EBBRR>, store::<EBBRR>;
    BESCR = 806, Rw Rw V2_07 WITH_EBB, false, stored::<BESCR>, store::<BESCR>;
    UDEXCR = 812, R R V3_1 ANYONE, false, |c| c.spr[DEXCR] & 0xffff_ffff, ignore;
    TAR = 815, Rw Rw V2_07 WITH_TAR, false, stored::<TAR>, store::<TAR>;
    PSSCR = 823, No Rw V3_0 ANYONE, false, stored::<PSSCR>, store::<PSSCR>;
    DEXCR = 828, No Rw V3_1 ANYONE, false, stored::<DEXCR>, |c, v| c.spr[DEXCR] = v & DEXCR_ASPECTS;
    IC = 848, No R V2_07 ANYONE, true, |c| c.icount, ignore;
    VTB = 849, No R V2_07 ANYONE, true, |c| c.dispatched_time(), ignore;
    WORT = 895, No Rw V2_07 ANYONE, false, stored::<WORT>, store32::<WORT>;
    PPR = 896, Rw Rw V2_07 ANYONE, false, stored::<PPR>, |c, v| c.spr[PPR] = v & 0x001c_0000_0000_0000;
    PPR32 = 898, Rw Rw V2_07 ANYONE, false, |c| c.spr[PPR] >> 32, |c, v| c.spr[PPR] = v << 32 & 0x001c_0000_0000_0000;
    PIR = 1023, No R V2_07 ANYONE, false, |c| c.index.into(), ignore;
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
    let newer = match cpu.model.isa {
        Isa::V2_07 => FSCR_SCV | FSCR_PREFIX,
        Isa::V3_0 => FSCR_PREFIX,
        Isa::V3_1 => 0,
    };
    cpu.spr[FSCR] = value & FSCR_GUEST & !newer;
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
        for spr in SPRS.iter().filter(|spr| spr.timed) {
            assert!(spr.ends, "{}", spr.name);
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
            assert!(s.problem == SprAccess::No || s.number & 0x10 == 0 || s.number > 768, "{}", s.name);
        }
    }
}
