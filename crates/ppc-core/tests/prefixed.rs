//! Prefixed instructions on each engine: where their address is the base, when they are available, what interrupts say
//! of them, and that none crosses 64 bytes (3.1, Book I, "Prefixed Instructions"; Book III, "Interrupt Definitions").

#[path = "shared/engines.rs"]
mod engines;

use engines::on_each_engine;
use hpt::Hpt;
use ppc_core::{
    engine::{Engine, EngineKind},
    exit::EngineExit,
    model::{Model, POWER9, POWER10},
    msr,
    ram::{Ram, RealAddr},
    spr::{FSCR_PREFIX, number},
    state::Cpu,
};
use std::sync::Arc;

const CODE: u64 = 0x1_0000;
const DATA: u64 = 0x2_0000;
const HANG: u32 = 18 << 26;
const MLS: u32 = 0x0600_0000;
const LS8: u32 = 0x0400_0000;
const RELATIVE: u32 = 1 << 20;
const SRR1_PREFIXED: u64 = 1 << 29;
const SRR1_BOUNDARY: u64 = 1 << 28;

/// A prefixed instruction whose displacement is `d`.
fn prefixed(prefix: u32, suffix: u32, d: i64) -> [u32; 2] {
    [prefix | (d >> 16) as u32 & 0x3_ffff, suffix | d as u32 & 0xffff]
}
fn paddi(rt: u32, ra: u32, d: i64) -> [u32; 2] {
    prefixed(MLS, 14 << 26 | rt << 21 | ra << 16, d)
}
fn pld(rt: u32, ra: u32, d: i64) -> [u32; 2] {
    prefixed(LS8, 57 << 26 | rt << 21 | ra << 16, d)
}
fn relative(of: [u32; 2]) -> [u32; 2] {
    [of[0] | RELATIVE, of[1]]
}
fn bdnz(bytes: i32) -> u32 {
    16 << 26 | 16 << 21 | bytes as u32 & 0xfffc
}

/// A processor at the first of `code`, whose vectors hang.
fn processor(kind: EngineKind, model: &'static Model, code: &[u32]) -> Engine {
    let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
    let mut cpu = Cpu::new(model, ram, Arc::new(Hpt::new(18).expect("table")));
    for at in (0x100..0x1000).step_by(0x20) {
        cpu.ram.write(RealAddr(at), HANG.swap_bytes()).expect("memory");
    }
    for (at, word) in (CODE..).step_by(4).zip(code) {
        cpu.ram.write(RealAddr(at), word.swap_bytes()).expect("memory");
    }
    cpu.set_register("msr", (msr::SF | msr::ME).into()).expect("a register");
    cpu.cia = CODE;
    let mut engine = Engine::with_kind(cpu, kind);
    engine.compile_after = 0;
    engine
}

/// Without relocation: no guest can get there, but it needs no page table.
fn to_problem_state(cpu: &mut Cpu) {
    cpu.msr = msr::SF | msr::ME | msr::PR;
    cpu.context_changed();
}

/// Runs until it hangs.
fn hangs(engine: &mut Engine) -> u64 {
    assert_eq!(engine.run(1_000_000), EngineExit::Hung);
    engine.cpu.cia
}

fn the_address_of_the_instruction_is_the_base_in_a_loop(kind: EngineKind) {
    // What is at DATA is loaded by its distance, incremented and stored in the same way, five hundred times; r6 adds up
    // where the fourth instruction is.
    let mut code = Vec::new();
    let here = |code: &Vec<u32>| (DATA - CODE) as i64 - 4 * code.len() as i64;
    code.extend(relative(pld(3, 0, here(&code))));
    code.extend(paddi(3, 3, 1 << 32));
    code.extend(relative(prefixed(LS8, 61 << 26 | 3 << 21, here(&code))));
    code.extend(relative(paddi(5, 0, 0)));
    code.push(31 << 26 | 6 << 21 | 6 << 16 | 5 << 11 | 266 << 1);
    code.push(bdnz(-4 * code.len() as i32));
    code.push(HANG);
    let mut engine = processor(kind, &POWER10, &code);
    engine.cpu.ctr = 500;
    hangs(&mut engine);
    assert_eq!(engine.cpu.gpr[3], 500 << 32);
    assert_eq!(engine.cpu.ram.read(RealAddr(DATA)), Some((500u64 << 32).swap_bytes()));
    assert_eq!(engine.cpu.gpr[6], 500 * (CODE + 24));
    assert_eq!(engine.compiled > 0, engine.kind() == EngineKind::Jit);
}

fn singles_are_converted_wherever_they_are(kind: EngineKind) {
    // plfs and pstfs by their own address: a number, then one that compiled code leaves to the function.
    let mut code = Vec::new();
    let here = |code: &Vec<u32>| (DATA - CODE) as i64 - 4 * code.len() as i64;
    code.extend(relative(prefixed(MLS, 48 << 26 | 3 << 21, here(&code))));
    code.extend(relative(prefixed(MLS, 52 << 26 | 3 << 21, here(&code) + 16)));
    code.push(bdnz(-4 * code.len() as i32));
    code.push(HANG);
    for single in [1.5f32, f32::MIN_POSITIVE / 4.0] {
        let mut engine = processor(kind, &POWER10, &code);
        engine.cpu.set_register("msr", (msr::SF | msr::ME | msr::FP).into()).expect("a register");
        engine.cpu.ctr = 100;
        engine.cpu.ram.write(RealAddr(DATA), single.to_bits().swap_bytes()).expect("memory");
        hangs(&mut engine);
        assert_eq!(engine.cpu.fpr(3), f64::from(single).to_bits());
        assert_eq!(engine.cpu.ram.read(RealAddr(DATA + 16)), Some(single.to_bits().swap_bytes()));
        assert_eq!(engine.compiled > 0, engine.kind() == EngineKind::Jit);
    }
}

fn displacements_have_34_bits(kind: EngineKind) {
    let far = 0x1_2345_0000;
    let mut code = Vec::new();
    code.extend(pld(3, 4, far));
    code.extend(pld(5, 4, -far));
    code.push(bdnz(-16));
    code.push(HANG);
    for (ra, rt) in [(far, 5), (-far, 3)] {
        let mut engine = processor(kind, &POWER10, &code);
        engine.cpu.ctr = 30;
        engine.cpu.gpr[4] = DATA.wrapping_add(ra as u64);
        engine.cpu.ram.write(RealAddr(DATA), 7u64.swap_bytes()).expect("memory");
        hangs(&mut engine);
        // The other one has accessed what is not there.
        assert_eq!((engine.cpu.cia, engine.cpu.gpr[rt]), (0x200, if rt == 5 { 0 } else { 7 }));
    }
}

fn problem_state_has_them_where_fscr_says_so(kind: EngineKind) {
    let mut code = Vec::new();
    code.push(14 << 26 | 3 << 21 | 3 << 16 | 1);
    code.extend(paddi(3, 3, 1));
    code.push(bdnz(-12));
    code.push(HANG);
    for (problem, fscr, available) in
        [(true, FSCR_PREFIX, true), (true, !FSCR_PREFIX & 0xffff, false), (false, 0, true)]
    {
        let mut engine = processor(kind, &POWER10, &code);
        let cpu = &mut engine.cpu;
        cpu.spr[number::FSCR] = fscr;
        cpu.ctr = 20;
        if problem {
            to_problem_state(cpu);
        }
        let at = hangs(&mut engine);
        let cpu = &engine.cpu;
        if available {
            assert_eq!((at, cpu.gpr[3]), (CODE + 16, 40));
        } else {
            assert_eq!((at, cpu.gpr[3], cpu.spr[number::SRR0]), (0xf60, 1, CODE + 4));
            assert_eq!(cpu.spr[number::FSCR] >> 56, 13);
            assert_eq!(cpu.spr[number::SRR1] & SRR1_PREFIXED, SRR1_PREFIXED);
        }
    }
}

fn fscr_that_is_turned_off_is_off_for_compiled_code(kind: EngineKind) {
    let mut code = Vec::new();
    code.extend(paddi(3, 3, 1));
    code.push(bdnz(-8));
    code.push(HANG);
    let mut engine = processor(kind, &POWER10, &code);
    engine.cpu.spr[number::FSCR] = FSCR_PREFIX;
    engine.cpu.ctr = 1000;
    to_problem_state(&mut engine.cpu);
    assert_eq!(engine.run(200), EngineExit::Limit);
    engine.cpu.set_register("fscr", 0).expect("a register");
    assert_eq!(hangs(&mut engine), 0xf60);
    assert_eq!(engine.cpu.gpr[3], 100);
}

fn srr1_says_that_the_instruction_has_a_prefix(kind: EngineKind) {
    let nowhere = 1 << 32;
    let lfd = prefixed(MLS, 50 << 26, 0);
    let cases: [(&[u32], u64); 6] = [
        (&pld(3, 0, nowhere), 0x200),
        (&relative(pld(3, 4, 0)), 0x700),
        (&[LS8, 0], 0x700),
        (&lfd, 0x800),
        (&[32 << 26 | 4 << 16, HANG], 0x200),
        (&[50 << 26, HANG], 0x800),
    ];
    for (code, vector) in cases {
        let mut engine = processor(kind, &POWER10, code);
        engine.cpu.gpr[4] = 1 << 40;
        assert_eq!(hangs(&mut engine), vector, "{code:x?}");
        assert_eq!(engine.cpu.spr[number::SRR0], CODE);
        let has = engine.cpu.spr[number::SRR1] & SRR1_PREFIXED != 0;
        assert_eq!(has, code[0] >> 26 == 1, "{code:x?}");
    }
}

fn none_crosses_64_bytes(kind: EngineKind) {
    let mut code = vec![0x6000_0000; 15];
    code.extend(paddi(3, 3, 1));
    code.push(HANG);
    let mut engine = processor(kind, &POWER10, &code);
    assert_eq!(hangs(&mut engine), 0x600);
    let cpu = &engine.cpu;
    assert_eq!((cpu.spr[number::SRR0], cpu.gpr[3]), (CODE + 60, 0));
    let bits = SRR1_PREFIXED | SRR1_BOUNDARY;
    assert_eq!(cpu.spr[number::SRR1] & bits, bits);
}

fn a_trace_says_it_too_and_where_the_operand_was(kind: EngineKind) {
    let mut code = Vec::new();
    code.extend(relative(pld(3, 0, (DATA - CODE) as i64)));
    code.push(HANG);
    let mut engine = processor(kind, &POWER10, &code);
    engine.cpu.set_register("msr", (msr::SF | msr::ME | msr::SE).into()).expect("a register");
    assert_eq!(hangs(&mut engine), 0xd00);
    let cpu = &engine.cpu;
    assert_eq!((cpu.spr[number::SRR0], cpu.spr[number::SDAR]), (CODE + 8, DATA));
    assert_eq!(cpu.spr[number::SRR1] & 0x7800_0000, 0x7000_0000);
}

fn older_processors_have_none(kind: EngineKind) {
    let mut engine = processor(kind, &POWER9, &paddi(3, 3, 1));
    assert_eq!(hangs(&mut engine), 0x700);
    assert_eq!(engine.cpu.spr[number::SRR1] & SRR1_PREFIXED, 0);
}

on_each_engine! {
    the_address_of_the_instruction_is_the_base_in_a_loop
    singles_are_converted_wherever_they_are
    displacements_have_34_bits
    problem_state_has_them_where_fscr_says_so
    fscr_that_is_turned_off_is_off_for_compiled_code
    srr1_says_that_the_instruction_has_a_prefix
    none_crosses_64_bytes
    a_trace_says_it_too_and_where_the_operand_was
    older_processors_have_none
}
