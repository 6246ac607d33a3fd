//! The engine's promises: exact counts, exact interrupts, code that changes under its feet.

#[path = "shared/words.rs"]
mod words;

use hpt::Hpt;
use ppc_core::ram::RealAddr;
use ppc_core::{
    engine::{Engine, EngineKind},
    exit::EngineExit,
    model::POWER9,
    msr,
    ram::Ram,
    state::Cpu,
};
use std::sync::Arc;
use words::{mfspr, mtspr};

const BASE: u64 = 0x1000;
const MEMORY: u64 = 1 << 20;

fn addi(rt: u32, ra: u32, si: i16) -> u32 {
    14 << 26 | rt << 21 | ra << 16 | si as u16 as u32
}
fn b(offset: i32) -> u32 {
    18 << 26 | offset as u32 & 0x03ff_fffc
}
fn bdnz(offset: i16) -> u32 {
    16 << 26 | 16 << 21 | offset as u16 as u32 & 0xfffc
}
fn stw(rs: u32, ra: u32, d: i16) -> u32 {
    36 << 26 | rs << 21 | ra << 16 | d as u16 as u32
}
fn mtmsrd(rs: u32, l: u32) -> u32 {
    31 << 26 | rs << 21 | l << 16 | 178 << 1
}
const SC: u32 = 17 << 26 | 2;
const SC1: u32 = 17 << 26 | 1 << 5 | 2;
const RFID: u32 = 0x4c00_0024;
const FADD: u32 = 63 << 26 | 1 << 21 | 2 << 16 | 3 << 11 | 21 << 1;

/// Makes an engine with code at [`BASE`].
type Make = fn(&[u32]) -> Engine;

fn engine(kind: EngineKind, code: &[u32]) -> Engine {
    let ram = Arc::new(Ram::new(MEMORY).expect("memory"));
    let table = Arc::new(Hpt::new(18).expect("table"));
    let mut cpu = Cpu::new(&POWER9, ram, table);
    cpu.cia = BASE;
    let mut engine = Engine::with_kind(cpu, kind);
    engine.compile_after = 0;
    load(&engine, BASE, code);
    engine
}

/// Each of these is a test of each engine.
macro_rules! on_each_engine {
    ($($name:ident)*) => {
        mod interp {
            $(#[test] fn $name() { super::$name(|code| super::engine(super::EngineKind::Interp, code)); })*
        }
        mod jit {
            $(#[test] fn $name() { super::$name(|code| super::engine(super::EngineKind::Jit, code)); })*
        }
    };
}

on_each_engine! {
    budgets_are_exact_whatever_their_size
    a_sum_that_is_rounded_up_to_a_normal_single_underflows
    a_branch_to_itself_without_interrupts_is_hung
    a_guest_hangs_at_the_same_count_wherever_its_runs_are_cut
    the_decrementer_interrupts_at_an_exact_count
    a_store_to_the_next_instruction_is_seen_by_it
    writes_from_outside_reach_decoded_code
    system_calls_return_behind_themselves
    hypercalls_leave_with_the_next_instruction_ready
    a_missing_facility_interrupts_before_its_instruction
    interrupts_that_chase_each_other_use_up_the_budget
    an_illegal_word_interrupts_with_its_reason
    real_addresses_outside_memory_are_machine_checks
    single_step_traces_every_instruction
    a_trace_interrupt_says_load_or_store_and_where
    a_traced_branch_has_no_storage_operand
    an_exception_that_stands_interrupts_when_it_is_unmasked
    idle_time_skips_to_the_decrementer
    functions_without_a_way_out_are_forgotten_when_they_are_written
    a_page_that_was_written_and_taken_away_is_not_fetched_from
    a_program_counter_is_that_of_a_word
    how_the_calling_thread_rounds_is_its_own_affair
    the_run_latch_and_a_pending_doorbell_can_be_read
}

fn load(engine: &Engine, at: u64, code: &[u32]) {
    for (i, word) in code.iter().enumerate() {
        engine.cpu.ram.write_bytes(RealAddr(at + 4 * i as u64), &word.to_be_bytes()).expect("inside");
    }
}

/// r3 counts to 1000 in a loop of two instructions, then r4 is set and the processor hangs.
fn counting() -> Vec<u32> {
    vec![addi(3, 0, 1000), mtspr(9, 3), addi(3, 0, 0), addi(3, 3, 1), bdnz(-4), addi(4, 0, 7), b(0)]
}

fn budgets_are_exact_whatever_their_size(make: Make) {
    let mut whole = make(&counting());
    assert_eq!(whole.run(1500), EngineExit::Limit);
    for step in [1, 2, 3, 7, 64, 500] {
        let mut pieces = make(&counting());
        let mut at = 0;
        while at < 1500 {
            at = (at + step).min(1500);
            assert_eq!(pieces.run(at), EngineExit::Limit);
            assert_eq!(pieces.cpu.icount, at);
        }
        assert_eq!(pieces.cpu.digest(), whole.cpu.digest(), "in steps of {step}");
    }
}

fn a_branch_to_itself_without_interrupts_is_hung(make: Make) {
    let mut engine = make(&counting());
    assert_eq!(engine.run(1 << 40), EngineExit::Hung);
    assert_eq!((engine.cpu.gpr[3], engine.cpu.gpr[4]), (1000, 7));
}

fn a_guest_hangs_at_the_same_count_wherever_its_runs_are_cut(make: Make) {
    let code = [addi(3, 3, 1), addi(3, 3, 1), b(0)];
    for cut in 0..=3 {
        let mut engine = make(&code);
        assert_eq!(
            engine.run(cut),
            if cut < 3 { EngineExit::Limit } else { EngineExit::Hung },
            "cut after {cut}"
        );
        assert_eq!(engine.run(100), EngineExit::Hung);
        assert_eq!(engine.cpu.icount, if cut < 3 { 3 } else { 4 }, "cut after {cut}");
    }
}

fn the_decrementer_interrupts_at_an_exact_count(make: Make) {
    // DEC = 64 ticks = 125 ns: negative one tick later, at 127 instructions after the write.
    let ee = addi(5, 0, msr::EE as i16);
    let mut engine = make(&[addi(3, 0, 64), mtspr(22, 3), ee, mtmsrd(5, 1), b(0)]);
    let mut twin = make(&[addi(3, 0, 64), mtspr(22, 3), ee, mtmsrd(5, 1), b(0)]);
    load(&engine, 0x900, &[mfspr(6, 26), mfspr(7, 268), b(0)]);
    load(&twin, 0x900, &[mfspr(6, 26), mfspr(7, 268), b(0)]);
    assert_eq!(engine.run(1 << 30), EngineExit::Hung);
    assert_eq!(engine.cpu.gpr[6], BASE + 16);
    for at in 1..400 {
        if twin.run(at) == EngineExit::Hung {
            break;
        }
    }
    assert_eq!((twin.cpu.gpr[6], twin.cpu.gpr[7]), (engine.cpu.gpr[6], engine.cpu.gpr[7]));
    assert!(engine.cpu.gpr[7] >= 65 && engine.cpu.gpr[7] < 70, "taken at tick {}", engine.cpu.gpr[7]);
}

fn a_store_to_the_next_instruction_is_seen_by_it(make: Make) {
    // The loop's first pass decodes `addi r4,r4,1`; the store replaces it by `addi r4,r4,2` within the same block.
    let new = addi(4, 4, 2);
    let (high, low) = (new >> 16, new & 0xffff);
    let addis = 15 << 26 | 6 << 21 | high;
    let ori = 24 << 26 | 6 << 21 | 6 << 16 | low;
    let code = [addis, ori, addi(7, 0, BASE as i16), stw(6, 7, 16), addi(4, 4, 1), b(0)];
    let mut changed = make(&code);
    assert_eq!(changed.run(100), EngineExit::Hung);
    assert_eq!(changed.cpu.gpr[4], 2);
    assert_eq!(changed.cpu.icount, 6);
}

/// "Tiny" is what the sum is before it is rounded (Power ISA, Book I, "Underflow Exception").
fn a_sum_that_is_rounded_up_to_a_normal_single_underflows(make: Make) {
    const FMADDS: u32 = 59 << 26 | 1 << 21 | 2 << 16 | 4 << 11 | 3 << 6 | 29 << 1;
    let power = |exponent: i64| u128::from(((1023 + exponent) as u64) << 52);
    let mut engine = make(&[FMADDS, b(0)]);
    engine.cpu.set_msr(msr::SF | msr::ME | msr::FP);
    let (small, xx, ux) = (power(-90), 0x0200_0000, 0x0800_0000);
    engine.cpu.fpscr = xx;
    for (name, value) in [("f2", small | 1 << 63), ("f3", small), ("f4", power(-126))] {
        engine.cpu.set_register(name, value).expect("a register");
    }
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!(engine.cpu.register("f1"), Some(power(-126)));
    assert_eq!(engine.cpu.fpscr & (xx | ux), xx | ux);
}

fn writes_from_outside_reach_decoded_code(make: Make) {
    let mut engine = make(&[addi(3, 3, 1), b(-4)]);
    assert_eq!(engine.run(10), EngineExit::Limit);
    load(&engine, BASE, &[addi(3, 3, 100)]);
    assert_eq!(engine.run(12), EngineExit::Limit);
    assert_eq!(engine.cpu.gpr[3], 105);
}

fn system_calls_return_behind_themselves(make: Make) {
    let mut engine = make(&[SC, addi(3, 3, 1), b(0)]);
    load(&engine, 0xc00, &[addi(3, 0, 40), RFID]);
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!(engine.cpu.gpr[3], 41);
    assert_eq!(engine.cpu.icount, 5);
}

fn hypercalls_leave_with_the_next_instruction_ready(make: Make) {
    let mut engine = make(&[addi(3, 0, 4), SC1, addi(3, 3, 1), b(0)]);
    assert_eq!(engine.run(100), EngineExit::Hypercall { sc: BASE + 4 });
    assert_eq!((engine.cpu.cia, engine.cpu.icount), (BASE + 8, 2));
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!(engine.cpu.gpr[3], 5);
}

fn a_missing_facility_interrupts_before_its_instruction(make: Make) {
    let mut engine = make(&[addi(3, 3, 1), FADD, addi(3, 3, 1), b(0)]);
    load(&engine, 0x800, &[mfspr(6, 26), b(0)]);
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!((engine.cpu.gpr[3], engine.cpu.gpr[6]), (1, BASE + 4));
    assert_eq!(engine.cpu.icount, 4);
}

fn interrupts_that_chase_each_other_use_up_the_budget(make: Make) {
    // The program interrupt's vector holds an illegal word itself.
    let mut engine = make(&[0]);
    assert_eq!(engine.run(1000), EngineExit::Limit);
    assert_eq!((engine.cpu.icount, engine.cpu.cia), (1000, 0x700));
    // And with relocated interrupts but no translation, not even the vector can be fetched.
    let mut engine = make(&[RFID]);
    engine.cpu.lpcr = 3 << 23;
    engine.cpu.set_register("srr1", u128::from(msr::SF | msr::IR | msr::DR)).expect("a register");
    assert_eq!(engine.run(1000), EngineExit::Limit);
    assert_eq!(engine.cpu.icount, 1000);
}

fn an_illegal_word_interrupts_with_its_reason(make: Make) {
    let mut engine = make(&[addi(3, 3, 1), 0, b(0)]);
    load(&engine, 0x700, &[mfspr(6, 26), mfspr(7, 27), b(0)]);
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!(engine.cpu.gpr[6], BASE + 4);
    assert_eq!(engine.cpu.gpr[7] & 0x000f_0000, 0x0008_0000);
}

fn real_addresses_outside_memory_are_machine_checks(make: Make) {
    let mut engine = make(&[b(0x0100_0000)]);
    load(&engine, 0x200, &[mfspr(6, 26), mfspr(7, 27), b(0)]);
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!(engine.cpu.gpr[6], BASE + 0x0100_0000);
    assert_eq!(engine.cpu.gpr[7] >> 21 & 1, 0);
    let mut engine = make(&[addi(3, 0, -8), stw(3, 3, 0)]);
    load(&engine, 0x200, &[mfspr(6, 26), mfspr(7, 27), mfspr(8, 19), b(0)]);
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!((engine.cpu.gpr[6], engine.cpu.gpr[8]), (BASE + 4, u64::MAX - 7));
    assert_eq!(engine.cpu.gpr[7] >> 21 & 1, 1);
}

fn single_step_traces_every_instruction(make: Make) {
    let se = addi(5, 0, msr::SE as i16);
    // mtmsrd sets SE; each following instruction is traced, the handler counts in r10 and returns.
    let mut engine =
        make(&[se, mfmsr(6), or(5, 5, 6), mtmsrd(5, 0), addi(3, 3, 1), addi(3, 3, 1), addi(3, 3, 1), b(0)]);
    load(&engine, 0xd00, &[addi(10, 10, 1), RFID]);
    engine.run(40);
    assert_eq!(engine.cpu.gpr[3], 3);
    assert!(engine.cpu.gpr[10] >= 4, "{}", engine.cpu.gpr[10]);
}

/// SRR0, SRR1 without what it has of the MSR, SIAR and SDAR after one traced instruction, with `mode` in the MSR as well.
fn traced(make: Make, word: u32, mode: u64) -> (u64, u64, u64, u64) {
    let mut engine = make(&[word, b(0)]);
    engine.cpu.gpr[4] = 0x2_0013;
    engine.cpu.gpr[5] = 0x100;
    engine.cpu.spr[797] = 0x5555;
    engine.cpu.msr |= msr::FP | msr::VEC | msr::VSX | mode;
    engine.run(1);
    assert_eq!(engine.cpu.cia, 0xd00, "{word:08x}");
    let spr = &engine.cpu.spr;
    (spr[26], spr[27] & 0x783f_0000, spr[796], spr[797])
}

fn a_trace_interrupt_says_load_or_store_and_where(make: Make) {
    let d = |opcode: u32, rt: u32, offset: u32| opcode << 26 | rt << 21 | 4 << 16 | offset;
    let x = |extended: u32, rt: u32| 31 << 26 | rt << 21 | 4 << 16 | 5 << 11 | extended << 1;
    let (neither, load, store) = (0x4000_0000, 0x5000_0000, 0x4800_0000);
    let ea = 0x2_0013;
    for (name, word, kind, address) in [
        ("addi", addi(3, 3, 1), neither, None),
        ("add", x(266, 3), neither, None),
        ("lvsl", x(6, 3), neither, None),
        ("sync", x(598, 0), neither, None),
        ("lwz", d(32, 3, 8), load, Some(ea + 8)),
        ("lwz into its own base", d(32, 4, 8), load, Some(ea + 8)),
        ("lwzu", d(33, 3, 0xfff8), load, Some(ea - 8)),
        ("ld", d(58, 3, 0x10), load, Some(ea + 0x10)),
        ("lwzx", x(23, 3), load, Some(ea + 0x100)),
        ("lswi", x(597, 20), load, Some(ea)),
        ("lfd", d(50, 3, 4), load, Some(ea + 4)),
        ("lvx", x(103, 3), load, Some(0x2_0110)),
        ("lvewx", x(71, 3), load, Some(0x2_0110)),
        ("lxvd2x", x(844, 3), load, Some(ea + 0x100)),
        ("lbarx", x(52, 3), load, Some(ea + 0x100)),
        ("dcbf", x(86, 0), load, Some(ea + 0x100)),
        ("dcbst", x(54, 0), load, Some(ea + 0x100)),
        ("dcbt", x(278, 0), load, Some(ea + 0x100)),
        ("icbi", x(982, 0), load, Some(ea + 0x100)),
        ("stw", d(36, 3, 8), store, Some(ea + 8)),
        ("stwu", d(37, 3, 0xfff0), store, Some(ea - 16)),
        ("std", d(62, 3, 0x20), store, Some(ea + 0x20)),
        ("stvx", x(231, 3), store, Some(0x2_0110)),
        ("stxvd2x", x(972, 3), store, Some(ea + 0x100)),
        ("stbcx. without a reservation", x(694, 3) | 1, store, Some(ea + 0x100)),
        ("dcbtst", x(246, 0), store, Some(ea + 0x100)),
        ("dcbz", x(1014, 0), store, Some(0x2_0100)),
    ] {
        let found = traced(make, word, msr::SE);
        assert_eq!(found, (BASE + 4, kind, BASE, address.unwrap_or(0x5555)), "{name}: {found:x?}");
    }
}

fn a_traced_branch_has_no_storage_operand(make: Make) {
    for (mode, word) in [(msr::BE, b(0x100)), (msr::SE, b(0x100)), (msr::SE | msr::BE, b(0x100))] {
        assert_eq!(traced(make, word, mode), (BASE + 0x100, 0x4000_0000, BASE, 0x5555));
    }
}

fn an_exception_that_stands_interrupts_when_it_is_unmasked(make: Make) {
    // FPSCR: OE and OX with FX and FEX; then FE0 is turned on.
    let fe0 = addi(5, 0, msr::FE0 as i16);
    let mut engine = make(&[fe0, mfmsr(6), or(5, 5, 6), mtmsrd(5, 0), addi(3, 3, 1), b(0)]);
    engine.cpu.fpscr = 1 << 31 | 1 << 30 | 1 << 28 | 1 << 6;
    load(&engine, 0x700, &[mfspr(6, 26), mfspr(7, 27), b(0)]);
    assert_eq!(engine.run(100), EngineExit::Hung);
    assert_eq!((engine.cpu.gpr[3], engine.cpu.gpr[6]), (0, BASE + 16));
    assert_eq!(engine.cpu.gpr[7] & 0x001f_0000, 0x0011_0000);
}

fn mfmsr(rt: u32) -> u32 {
    31 << 26 | rt << 21 | 83 << 1
}
fn or(ra: u32, rs: u32, rb: u32) -> u32 {
    31 << 26 | rs << 21 | ra << 16 | rb << 11 | 444 << 1
}

fn idle_time_skips_to_the_decrementer(make: Make) {
    let mut engine = make(&[b(0)]);
    engine.cpu.set_decrementer(512_000);
    let deadline = engine.cpu.decrementer_deadline().expect("not yet");
    assert!((1_000_000..1_000_010).contains(&deadline));
    engine.cpu.skip_to(deadline);
    assert!(engine.cpu.decrementer_pending());
    assert_eq!(engine.cpu.decrementer_deadline(), None);
}

const BLR: u32 = 0x4e80_0020;

fn functions_without_a_way_out_are_forgotten_when_they_are_written(make: Make) {
    // The table of indirect branches has one entry for both functions, which leave only through LR.
    let code = [mtspr(9, 10), 0x4e80_0421, addi(9, 9, -1), 0x2c29_0000, 0x4082_fff0, b(0)];
    let mut engine = make(&code);
    load(&engine, 0x2_0000, &[addi(3, 0, 1), BLR]);
    load(&engine, 0x2_8000, &[addi(3, 0, 2), BLR]);
    let mut call = |function: u64, new: Option<u32>| {
        if let Some(new) = new {
            load(&engine, function, &[new]);
        }
        (engine.cpu.cia, engine.cpu.gpr[10], engine.cpu.gpr[9]) = (BASE, function, 20);
        engine.run(engine.cpu.icount + 1000);
        engine.cpu.gpr[3]
    };
    assert_eq!([call(0x2_0000, None), call(0x2_8000, None), call(0x2_8000, Some(addi(3, 0, 3)))], [1, 2, 3]);
}

fn a_page_that_was_written_and_taken_away_is_not_fetched_from(make: Make) {
    const PAGE: u64 = 0x1000_0000;
    let mut engine = make(&[stw(4, 5, 0), b(0)]);
    load(&engine, 0x2_0000, &[addi(3, 0, 1)]);
    load(&engine, 0x400, &[b(0)]);
    let table = engine.cpu.hpt.clone();
    let entry = hpt::Hpte { v: 5 << 12 | 1, r: 0x2_0000 | 0x10 | 2 };
    table.store(5 * 8, entry).expect("inside");
    engine.cpu.slb.set(0, ppc_core::slb::SlbEntry { esid: PAGE | 0x800_0000, vsid: 5 << 12 });
    engine.cpu.flush_translations();
    let mut run = |msr: u64, at: u64, count: u64| {
        engine.cpu.set_msr(msr::SF | msr::ME | msr);
        (engine.cpu.cia, engine.cpu.gpr[4], engine.cpu.gpr[5]) = (at, addi(3, 0, 1).into(), 0x2_0000);
        engine.run(engine.cpu.icount + count);
        if at == BASE {
            let page = hpt::VirtualPage::of_entry(table.groups(), 5 * 8, entry).expect("a page");
            table.store(5 * 8, hpt::Hpte::default()).expect("inside");
            engine.cpu.flush_page(&page, RealAddr(0x2_0000));
        }
        engine.cpu.cia
    };
    assert_eq!(run(msr::IR, PAGE, 1), PAGE + 4);
    run(0, BASE, 1);
    assert_eq!(run(msr::IR, PAGE, 1), 0x400);
}

fn a_program_counter_is_that_of_a_word(make: Make) {
    let mut engine = make(&[addi(3, 3, 1), b(0)]);
    engine.cpu.set_register("pc", u128::from(BASE | 3)).expect("a register");
    engine.run(1);
    assert_eq!((engine.cpu.cia, engine.cpu.gpr[3]), (BASE + 4, 1));
}

fn how_the_calling_thread_rounds_is_its_own_affair(make: Make) {
    let mut engine = make(&[FADD, b(0)]);
    engine.cpu.set_msr(engine.cpu.msr | msr::FP);
    engine.cpu.set_fpr(2, 1.0f64.to_bits());
    engine.cpu.set_fpr(3, f64::EPSILON.to_bits() / 2 + 1);
    let before = host::round_up();
    engine.run(1);
    let after = host::set(before);
    assert_eq!(engine.cpu.fpr(1), 1.0f64.to_bits());
    assert_eq!(after, host::UP);
}

fn the_run_latch_and_a_pending_doorbell_can_be_read(make: Make) {
    const MSGSNDP_R5: u32 = 0x7c00_011c | 5 << 11;
    const CTRL: u32 = 136;
    const CTRLW: u32 = 152;
    const DPDES: u32 = 176;
    let mut engine = make(&[mtspr(CTRLW, 4), mfspr(6, CTRL), MSGSNDP_R5, mfspr(7, DPDES), b(0)]);
    (engine.cpu.gpr[4], engine.cpu.gpr[5]) = (1, 5 << 27);
    engine.run(4);
    assert_eq!(engine.cpu.gpr[6..8], [0x8001, 1]);
    engine.cpu.doorbell = false;
    // Without relocation, which goes with it on a processor.
    engine.cpu.msr |= msr::PR;
    engine.cpu.cia = BASE + 4;
    engine.run(5);
    assert_eq!(engine.cpu.gpr[6], 1, "problem state does not see which thread it is");
}

#[cfg(target_arch = "x86_64")]
mod host {
    use std::arch::asm;

    /// MXCSR: to plus infinity.
    pub const UP: u32 = 0x5f80;

    pub fn round_up() -> u32 {
        set(UP)
    }

    /// Returns what it was before, without the exceptions that were recorded.
    pub fn set(value: u32) -> u32 {
        let mut before = 0u32;
        // SAFETY: four bytes are stored and loaded; both values are valid ones.
        unsafe { asm!("stmxcsr [{}]", "ldmxcsr [{}]", in(reg) &raw mut before, in(reg) &raw const value) };
        before & !0x3f
    }
}

#[cfg(target_arch = "aarch64")]
mod host {
    use std::arch::asm;

    /// FPCR: towards plus infinity.
    pub const UP: u64 = 1 << 22;

    pub fn round_up() -> u64 {
        set(UP)
    }

    /// Returns what it was before.
    pub fn set(value: u64) -> u64 {
        let before: u64;
        // SAFETY: a register of the thread's; both values are valid ones.
        unsafe { asm!("mrs {}, fpcr", "msr fpcr, {}", out(reg) before, in(reg) value) };
        before
    }
}
