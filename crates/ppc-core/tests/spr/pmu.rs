//! The performance monitor in problem state, and the one interrupt it has (Power ISA 3.0B, Book III, "Performance
//! Monitor Facility").

use crate::{CODE, FSCR, HANG, MMCR0, access, on_each_engine, processor, put};
use ppc_core::{
    engine::{Engine, EngineKind},
    exit::EngineExit,
    model::{MODELS, POWER9, POWER10},
    msr,
};

const PMCC_SHIFT: u32 = 18;

/// Runs the word at [`CODE`] until it, or the interrupt it raises, hangs. Returns where.
fn run(engine: &mut Engine, word: u32, problem: bool) -> u64 {
    put(&engine.cpu.ram, CODE, &[word]);
    engine.cpu.msr = msr::SF | if problem { msr::PR } else { 0 };
    engine.cpu.cia = CODE;
    assert_eq!(engine.run(u64::MAX), EngineExit::Hung);
    engine.cpu.cia
}

/// Letters for what an access does: it is done, is illegal, or finds the facility unavailable for cause 3.
fn outcome(kind: EngineKind, pmcc: u64, number: u32, write: bool) -> char {
    let mut outcomes = MODELS.iter().map(|model| {
        let mut engine = processor(kind, model);
        engine.cpu.spr[MMCR0] = pmcc << PMCC_SHIFT;
        match run(&mut engine, access(number, write, 3), true) {
            0x700 if engine.cpu.spr[27] & 0x001f_0000 == 0x0008_0000 => 'i',
            0xf60 if engine.cpu.spr[FSCR] >> 56 == 3 => 'u',
            at if at == CODE + 4 => 'd',
            other => panic!("went to {other:#x}"),
        }
    });
    let first = outcomes.next().expect("a model");
    assert!(outcomes.all(|other| other == first));
    first
}

fn pmcc_decides_what_problem_state_may_do(kind: EngineKind) {
    // For PMCC from 0 to 3: reads, then writes.
    for (numbers, expected) in [
        // MMCR2, MMCRA, PMC1 to PMC4, MMCR0
        (&[769, 770, 771, 772, 773, 774, 779][..], ["di", "uu", "dd", "dd"]),
        // PMC5, PMC6
        (&[775, 776], ["di", "uu", "dd", "uu"]),
        // SIER, SIAR, SDAR, MMCR1
        (&[768, 780, 781, 782], ["di", "ui", "di", "di"]),
    ] {
        for number in numbers {
            for (pmcc, expected) in (0..).zip(expected) {
                let found: String =
                    [false, true].map(|write| outcome(kind, pmcc, *number, write)).iter().collect();
                assert_eq!(found, expected, "SPR {number} with PMCC {pmcc}");
            }
        }
    }
}

fn pmccext_takes_group_b_away_where_problem_state_only_reads(kind: EngineKind) {
    const PMCCEXT: u64 = 1 << 9;
    for (model, pmcc, number, open) in [
        (&POWER9, 0, 768, true),
        (&POWER10, 0, 768, false),
        (&POWER10, 0, 736, false),
        (&POWER10, 0, 769, true),
        (&POWER10, 2, 768, true),
    ] {
        let mut engine = processor(kind, model);
        engine.cpu.spr[MMCR0] = pmcc << PMCC_SHIFT | PMCCEXT;
        let at = run(&mut engine, access(number, false, 3), true);
        assert_eq!(
            at,
            if open { CODE + 4 } else { 0xf60 },
            "SPR {number} on {} with PMCC {pmcc}",
            model.name
        );
    }
}

fn problem_state_reads_and_changes_only_its_own_bits(kind: EngineKind) {
    let open = 2 << PMCC_SHIFT;
    for (number, stored, mask, others) in [
        (779, MMCR0, 0x8400_0080, !(1 << PMCC_SHIFT) & 0x7bff_ff7f),
        (769, 785, 0x4020_1008_0402_0000, !0x4020_1008_0402_0000),
    ] {
        let after = |write, problem, before: u64, value: u64| {
            let mut engine = processor(kind, MODELS[0]);
            engine.cpu.spr[MMCR0] = open;
            engine.cpu.spr[stored] = before;
            engine.cpu.gpr[3] = value;
            assert_eq!(run(&mut engine, access(number, write, 3), problem), CODE + 4);
            (engine.cpu.gpr[3], engine.cpu.spr[stored])
        };
        let all = mask | others;
        assert_eq!(after(false, true, all, 0), (mask, all), "read in problem state");
        assert_eq!(after(false, false, all, 0), (all, all), "read in privileged state");
        assert_eq!(after(true, true, all, 0), (0, others), "cleared in problem state");
        assert_eq!(after(true, true, open, u64::MAX), (u64::MAX, open | mask), "set in problem state");
    }
}

fn problem_state_sees_the_branch_history_if_mmcr0_allows_it(kind: EngineKind) {
    for word in [0x7c00_035c, 0x7c60_025c] {
        for (problem, allowed, there) in
            [(true, false, 0xf60), (true, true, CODE + 4), (false, false, CODE + 4)]
        {
            let mut engine = processor(kind, MODELS[0]);
            engine.cpu.spr[MMCR0] = u64::from(allowed) << 21;
            assert_eq!(run(&mut engine, word, problem), there, "{word:#x}");
            assert_eq!(engine.cpu.spr[FSCR] >> 56, if there == 0xf60 { 4 } else { 0 });
        }
    }
}

fn an_alert_interrupts_until_it_is_cleared(kind: EngineKind) {
    const RFID: u32 = 0x4c00_0024;
    let count = |register: u32| 14 << 26 | register << 21 | register << 16 | 1;
    let mut engine = processor(kind, MODELS[0]);
    let cpu = &mut engine.cpu;
    put(&cpu.ram, CODE, &[access(795, true, 3), count(5), count(5), HANG]);
    // r3 = SRR0, MMCR0 = 0.
    put(&cpu.ram, 0xf00, &[access(26, false, 3), access(795, true, 4), count(7), RFID]);
    cpu.gpr[3] = 1 << 7;
    cpu.msr = msr::SF | msr::ME | msr::EE;
    cpu.cia = CODE;
    assert_eq!(engine.run(1), EngineExit::Limit);
    assert!(engine.cpu.wakeup_pending());
    assert_eq!(engine.run(50), EngineExit::Limit);
    let cpu = &engine.cpu;
    assert_eq!(cpu.gpr[3], CODE + 4, "behind the instruction that wrote MMCR0");
    assert_eq!((cpu.gpr[7], cpu.gpr[5]), (1, 2), "one interrupt, and every instruction once");
    assert!(!cpu.wakeup_pending());
}

fn an_alert_waits_for_interrupts_to_be_enabled(kind: EngineKind) {
    // With MMCR0[EBE] it is problem state's and never an interrupt.
    for (ebe, interrupts) in [(0, true), (1 << 20, false)] {
        let mut engine = processor(kind, MODELS[0]);
        engine.cpu.gpr[3] = 1 << 7 | ebe;
        assert_eq!(run(&mut engine, access(795, true, 3), false), CODE + 4);
        assert_eq!(engine.cpu.wakeup_pending(), interrupts);
        engine.cpu.msr |= msr::EE;
        engine.cpu.request_event();
        engine.run(engine.cpu.icount + 1);
        assert_eq!(engine.cpu.cia, if interrupts { 0xf00 } else { CODE + 4 });
    }
}

on_each_engine! {
    pmcc_decides_what_problem_state_may_do
    pmccext_takes_group_b_away_where_problem_state_only_reads
    problem_state_reads_and_changes_only_its_own_bits
    problem_state_sees_the_branch_history_if_mmcr0_allows_it
    an_alert_interrupts_until_it_is_cleared
    an_alert_waits_for_interrupts_to_be_enabled
}
