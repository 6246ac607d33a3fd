//! Every number that `mfspr` and `mtspr` can name, in either state, on every model and both engines, against the rules
//! of the Power ISA (3.0B, Book III, "SPR encodings" and "Move To/From Special Purpose Register") as a PAPR guest meets
//! them: hypervisor registers are undefined numbers, and an undefined number in privileged state is a no-op.
//!
//! What is expected is written down here once more and does not come from the processor's table.

use crate::{CODE, FSCR, MMCR0, access, on_each_engine, processor, put};
use ppc_core::{
    engine::{Engine, EngineKind},
    exit::EngineExit,
    model::{Isa, MODELS},
    msr,
    state::Cpu,
};

/// What an access leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    /// It is done.
    Done,
    /// Nothing happens.
    Nothing,
    /// Program interrupt: no such instruction. (A hypervisor emulation assistance interrupt, which reaches a guest so.)
    Illegal,
    /// Program interrupt: privileged.
    Privileged,
    /// Facility unavailable interrupt with this cause.
    Unavailable(u64),
}
use Answer::*;

/// One row: numbers, who reads and writes in problem state, who in privileged state.
const DEFINED: &[(&[u32], &str, &str)] = &[
    // XER, DSCR, LR, CTR, AMR, VRSAVE, TAR, PPR, PPR32
    (&[1, 3, 8, 9, 13, 256, 815, 896, 898], "rw", "rw"),
    // TFHAR, TFIAR, TEXASR, TEXASRU
    (&[128, 129, 130, 131], "rw", "rw"),
    // CTRL, SPRG3, TB, TBU
    (&[136, 259, 268, 269], "r", "r"),
    // Group A of the performance monitor: MMCR2, MMCRA, PMC1 to PMC6, MMCR0; group B: SIER, SIAR, SDAR, MMCR1
    (&[769, 770, 771, 772, 773, 774, 775, 776, 779], "rw", "rw"),
    (&[768, 780, 781, 782], "r", "r"),
    // BESCRS, BESCRSU, BESCRR, BESCRRU, EBBHR, EBBRR, BESCR
    (&[800, 801, 802, 803, 804, 805, 806], "rw", "rw"),
    // DSCR, DSISR, DAR, DEC, SRR0, SRR1, CFAR, AMR, PID, IAMR, FSCR, UAMOR, PSPB, SPRG0 to SPRG3, WORT
    (&[17, 18, 19, 22, 26, 27, 28, 29, 48, 61, 153, 157, 159, 272, 273, 274, 275, 895], "", "rw"),
    // SIER, MMCR2, MMCRA, PMC1 to PMC6, MMCR0, SIAR, SDAR, MMCR1
    (&[784, 785, 786, 787, 788, 789, 790, 791, 792, 795, 796, 797, 798], "", "rw"),
    // DPDES, PVR, SPURR, PURR, TIR, IC, VTB, PIR
    (&[176, 287, 308, 309, 446, 848, 849, 1023], "", "r"),
    // CTRL
    (&[152], "", "w"),
];
/// TIDR, PSSCR: in privileged state, since 3.0.
const SINCE_3_0: &[u32] = &[144, 823];

/// SIER2, SIER3; MMCR3; UHDEXCR, UDEXCR: since 3.1, as problem state has them.
const SINCE_3_1: &[(&[u32], &str, &str)] = &[
    (&[736, 737, 455, 812], "r", "r"),
    (&[738], "rw", "rw"),
    // HASHKEYR, HASHPKEYR, SIER2, SIER3, MMCR3, DEXCR
    (&[468, 469, 752, 753, 754, 828], "", "rw"),
];
/// Transactional memory: until 3.0.
const TRANSACTIONAL: std::ops::RangeInclusive<u32> = 128..=131;

/// What FSCR gives problem state: TAR, event-based branches, DSCR.
const FSCR_ALL: u64 = 1 << 8 | 1 << 7 | 1 << 2;

/// How the facilities stand.
#[derive(Clone, Copy, Debug)]
struct Facilities {
    fscr: u64,
    pmcc: u64,
}

const FACILITIES: &[Facilities] = &[
    Facilities { fscr: FSCR_ALL, pmcc: 0 },
    Facilities { fscr: FSCR_ALL, pmcc: 1 },
    Facilities { fscr: FSCR_ALL, pmcc: 2 },
    Facilities { fscr: FSCR_ALL, pmcc: 3 },
    Facilities { fscr: 0, pmcc: 0 },
];

fn is_defined(number: u32, write: bool, problem: bool, isa: Isa) -> bool {
    let mode = if write { 'w' } else { 'r' };
    let is_in = |rows: &[(&[u32], &str, &str)]| {
        rows.iter().any(|(numbers, in_problem, in_privileged)| {
            numbers.contains(&number) && if problem { in_problem } else { in_privileged }.contains(mode)
        })
    };
    let gone = isa >= Isa::V3_1 && TRANSACTIONAL.contains(&number);
    (SINCE_3_0.contains(&number) && !problem && isa >= Isa::V3_0)
        || is_in(DEFINED) && !gone
        || isa >= Isa::V3_1 && is_in(SINCE_3_1)
}

/// What the ISA says.
fn expected(number: u32, write: bool, problem: bool, isa: Isa, facilities: Facilities) -> Answer {
    if (808..=811).contains(&number) {
        return Nothing;
    }
    if !is_defined(number, write, problem, isa) {
        return match (problem, number & 0x10 != 0) {
            (true, true) => Privileged,
            (true, false) => Illegal,
            (false, _) if number == 0 || !write && (4..=6).contains(&number) => Illegal,
            (false, _) => Nothing,
        };
    }
    let fscr = |bit: u64| if facilities.fscr >> bit & 1 != 0 { Done } else { Unavailable(bit) };
    match number {
        // Transactional memory is not offered.
        128..=131 => Unavailable(5),
        _ if !problem => Done,
        3 => fscr(2),
        800..=806 => fscr(7),
        815 => fscr(8),
        736..=738 | 768..=782 => match (facilities.pmcc, number) {
            (0, _) if write => Illegal,
            (1, _) | (3, 775 | 776) => Unavailable(3),
            _ => Done,
        },
        _ => Done,
    }
}

/// r3 before the access.
const BEFORE: u64 = 0x0123_4567_89ab_cdef;

/// Makes the access. A register that can be read has another value than r3 before, and one that can be written another
/// than r3, too.
fn answer(engine: &mut Engine, number: u32, write: bool, problem: bool, facilities: Facilities) -> Answer {
    let cpu = &mut engine.cpu;
    put(&cpu.ram, CODE, &[access(number, write, 3)]);
    cpu.spr.fill(0x5a5a_5a5a_5a5a_5a5a);
    cpu.spr[FSCR] = facilities.fscr;
    cpu.spr[MMCR0] = facilities.pmcc << 18;
    (cpu.lr, cpu.ctr, cpu.vrsave) = (0x5a, 0x5a, 0x5a);
    cpu.write_xer(0);
    cpu.set_decrementer(0x5a);
    cpu.msr = msr::SF | if problem { msr::PR } else { 0 };
    cpu.context_changed();
    cpu.gpr[3] = BEFORE;
    cpu.cia = CODE;
    let registers = |cpu: &Cpu| {
        let others = [cpu.lr, cpu.ctr, cpu.vrsave.into(), cpu.read_xer()];
        // An interrupt and a read leave traces of their own.
        (cpu.spr.clone(), others, (cpu.decrementer() as u64) & !0xff)
    };
    let before = registers(cpu);
    assert_eq!(engine.run(u64::MAX), EngineExit::Hung);
    let cpu = &engine.cpu;
    match cpu.cia {
        at if at == CODE + 4 => {
            let done = if write { registers(cpu) != before } else { cpu.gpr[3] != BEFORE };
            if done { Done } else { Nothing }
        }
        0x700 => match cpu.spr[27] >> 16 & 0x1f {
            8 => Illegal,
            4 => Privileged,
            other => panic!("a program interrupt with {other:#x}"),
        },
        0xf60 => Unavailable(cpu.spr[FSCR] >> 56),
        other => panic!("went to {other:#x}"),
    }
}

fn every_number_is_answered_as_the_isa_says(kind: EngineKind) {
    let mut wrong = Vec::new();
    for model in MODELS {
        let mut engine = processor(kind, model);
        for &facilities in FACILITIES {
            for number in 0..1024 {
                for (write, problem) in [(false, false), (false, true), (true, false), (true, true)] {
                    let expected = expected(number, write, problem, model.isa, facilities);
                    let found = answer(&mut engine, number, write, problem, facilities);
                    if found != expected {
                        let name = if write { "mtspr" } else { "mfspr" };
                        let state = if problem { "problem" } else { "privileged" };
                        wrong.push(format!(
                            "{name} {number} in {state} state on {} with {facilities:x?}: {found:?}, not {expected:?}",
                            model.name
                        ));
                    }
                }
            }
        }
        assert_eq!(engine.compiled != 0, engine.kind() == EngineKind::Jit);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

on_each_engine! {
    every_number_is_answered_as_the_isa_says
}
