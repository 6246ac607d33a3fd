//! Several processors that take turns, on each engine.

#[path = "../../ppc-core/tests/shared/engines.rs"]
mod engines;

use engines::on_each_engine;
use hpt::Hpt;
use partition::{Areas, Exit, Partition, TURN, Vcpu};
use ppc_core::ram::RealAddr;
use ppc_core::{
    engine::{Engine, EngineKind},
    model::POWER8,
    msr,
    ram::Ram,
    spr::number::{SRR0, SRR1},
    state::Cpu,
};
use std::{convert::Infallible, sync::Arc};

on_each_engine! {
    turns_are_exact_however_the_run_is_cut
    no_processor_sees_time_go_back
    locked_increments_of_several_processors_all_count
    a_reservation_does_not_outlive_the_turn_of_another
    code_that_one_processor_writes_is_dropped_by_all
    code_that_one_processor_writes_again_and_again_is_dropped_each_time
    code_written_from_outside_is_dropped_by_all
    a_full_cache_of_one_processor_does_not_hide_stores_from_another
    the_yield_count_is_odd_while_a_processor_has_no_turn
    a_processor_that_waits_is_passed_over_until_its_decrementer_is_due
    time_skips_to_the_first_deadline_when_all_wait
    a_stopped_processor_runs_when_it_is_started
    a_processor_that_confers_gives_its_turn_away
    a_processor_that_hangs_leaves_the_others_their_turns
    a_doorbell_rings_at_another_thread_of_the_core_alone
}

const CODE: u64 = 0x1000;
const OTHER: u64 = 0x4000;
const DATA: u64 = 0x8000;
const NOP: u32 = 0x6000_0000;
const BLR: u32 = 0x4e80_0020;

const fn branch(by: i32) -> u32 {
    18 << 26 | (4 * by) as u32 & 0x03ff_fffc
}

const fn addi(rt: u32, ra: u32, value: i16) -> u32 {
    14 << 26 | rt << 21 | ra << 16 | value as u16 as u32
}

/// An X form of primary opcode 31.
const fn x(xo: u32, rt: u32, ra: u32, rb: u32) -> u32 {
    31 << 26 | rt << 21 | ra << 16 | rb << 11 | xo << 1
}

/// `bne` by so many instructions.
const fn bne(by: i32) -> u32 {
    16 << 26 | 4 << 21 | 2 << 16 | (4 * by) as u32 & 0xfffc
}

fn put(ram: &Ram, address: u64, code: &[u32]) {
    let bytes: Vec<u8> = code.iter().flat_map(|word| word.to_be_bytes()).collect();
    ram.write_bytes(RealAddr(address), &bytes).expect("inside");
}

/// Processors that all begin at the same code, in real mode and big-endian, with their number in R31.
fn partition(kind: EngineKind, processors: u32, code: &[u32]) -> Partition {
    let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
    let hpt = Arc::new(Hpt::new(18).expect("a table"));
    put(&ram, CODE, code);
    for vector in [0x900, 0xa00] {
        put(&ram, vector, &[NOP, branch(-1)]);
    }
    let vcpu = |index| {
        let mut cpu = Cpu::new(&POWER8, ram.clone(), hpt.clone());
        cpu.index = index;
        let mut engine = Engine::with_kind(cpu, kind);
        engine.compile_after = 0;
        let mut vcpu = Vcpu::new(engine);
        vcpu.reset(CODE, [0; 5], msr::SF | msr::ME);
        vcpu.engine.cpu.gpr[31] = u64::from(index);
        vcpu
    };
    Partition::new((0..processors).map(vcpu).collect())
}

fn cpu(partition: &mut Partition, index: usize) -> &mut Cpu {
    &mut partition.vcpus[index].engine.cpu
}

fn run(partition: &mut Partition, instructions: u64) -> Exit {
    let until = partition.instructions() + instructions;
    let Ok(exit) = partition.run_all(until, || Ok::<_, Infallible>(false));
    exit
}

fn word(partition: &mut Partition, address: u64) -> u64 {
    cpu(partition, 0).ram.read::<u64>(RealAddr(address)).map(u64::swap_bytes).expect("inside")
}

fn counts(partition: &mut Partition) -> Vec<u64> {
    partition.vcpus.iter().map(|vcpu| vcpu.engine.cpu.icount).collect()
}

fn turns_are_exact_however_the_run_is_cut(kind: EngineKind) {
    let code = [addi(3, 3, 1), x(23, 4, 0, 5), addi(6, 6, 2), branch(-3)];
    let make = || partition(kind, 3, &code);
    let (mut whole, mut cut) = (make(), make());
    assert_eq!(run(&mut whole, 5 * TURN + 7), Exit::Limit);
    for piece in [1, TURN - 1, 1, 3, TURN, 2 * TURN - 4, TURN + 7] {
        assert_eq!(run(&mut cut, piece), Exit::Limit);
    }
    assert_eq!(counts(&mut whole), [2 * TURN, 2 * TURN, TURN + 7]);
    assert_eq!(counts(&mut cut), counts(&mut whole));
    assert_eq!(whole.turn(), cut.turn());
    for index in 0..3 {
        assert_eq!(cpu(&mut whole, index).digest(), cpu(&mut cut, index).digest());
    }
    assert_eq!((whole.nanos(), whole.idle_nanos()), (whole.instructions(), 0));
}

fn no_processor_sees_time_go_back(kind: EngineKind) {
    // mftb r3; ld r4,0(r10); cmpld r3,r4; std r3,0(r10); bge +2; addi r5,r5,1; b -6
    let code = [
        x(371, 3, 12, 8),
        58 << 26 | 4 << 21 | 10 << 16,
        31 << 26 | 1 << 21 | 3 << 16 | 4 << 11 | 32 << 1,
        62 << 26 | 3 << 21 | 10 << 16,
        16 << 26 | 4 << 21 | 8,
        addi(5, 5, 1),
        branch(-6),
    ];
    let mut partition = partition(kind, 4, &code);
    for index in 0..4 {
        cpu(&mut partition, index).gpr[10] = DATA;
    }
    run(&mut partition, 10 * TURN);
    for index in 0..4 {
        assert_eq!(cpu(&mut partition, index).gpr[5], 0, "processor {index}");
    }
    assert!(word(&mut partition, DATA) > 4 * TURN);
}

/// `addi r6,r6,1; lwarx r5,0,r10; addi r5,r5,1; stwcx. r5,0,r10; bne -3; b -5`.
fn increment() -> [u32; 6] {
    [addi(6, 6, 1), x(20, 5, 0, 10), addi(5, 5, 1), x(150, 5, 0, 10) | 1, bne(-3), branch(-5)]
}

fn locked_increments_of_several_processors_all_count(kind: EngineKind) {
    let mut partition = partition(kind, 3, &increment());
    for index in 0..3 {
        cpu(&mut partition, index).gpr[10] = DATA;
    }
    // Ends of turns and of runs fall everywhere.
    for piece in 1..500 {
        run(&mut partition, piece % 97 * 11 + 1);
    }
    let stored = word(&mut partition, DATA) >> 32;
    let begun: u64 = (0..3).map(|index| cpu(&mut partition, index).gpr[6]).sum();
    assert!(begun - stored <= 3, "{begun} begun, {stored} stored");
    assert!(stored > 10_000);
}

fn a_reservation_does_not_outlive_the_turn_of_another(kind: EngineKind) {
    let mut code = vec![x(20, 5, 0, 10)];
    code.extend([NOP; 8]);
    code.extend([x(150, 5, 0, 10) | 1, NOP, branch(-1)]);
    let mut partition = partition(kind, 2, &code);
    for index in 0..2 {
        cpu(&mut partition, index).gpr[10] = DATA;
    }
    run(&mut partition, 3);
    assert_ne!(cpu(&mut partition, 0).reservation.len, 0);
    partition.confer(Some(1));
    run(&mut partition, 10);
    assert_eq!(cpu(&mut partition, 1).crf(0), 2);
    partition.confer(Some(0));
    run(&mut partition, 7);
    assert_eq!(cpu(&mut partition, 0).crf(0), 0);
}

/// Both processors call the function at `OTHER`, with its result in R3; the first one writes what R8 says to R9 before.
fn patching(kind: EngineKind, between: &[u32]) -> Partition {
    let mut code = vec![31 << 26 | 15 << 21 | 15 << 16 | 15 << 11 | 444 << 1]; // mr r15,r15
    code.extend(between);
    code.extend([x(467, 9, 9, 0) /* mtctr r9 */, 0x4e80_0421 /* bctrl */]);
    code.push(branch(-(code.len() as i32)));
    let mut partition = partition(kind, 2, &code);
    put(&cpu(&mut partition, 0).ram.clone(), OTHER, &[addi(3, 0, 1), BLR]);
    for index in 0..2 {
        let cpu = cpu(&mut partition, index);
        (cpu.gpr[9], cpu.gpr[10], cpu.gpr[7]) = (OTHER, OTHER + 0x100, DATA);
    }
    partition
}

fn code_that_one_processor_writes_is_dropped_by_all(kind: EngineKind) {
    let mut partition = patching(kind, &[]);
    run(&mut partition, 4 * TURN);
    assert_eq!([0, 1].map(|index| cpu(&mut partition, index).gpr[3]), [1, 1]);
    // stw r8,0(r9), and a store to the same page where nothing was decoded.
    put(
        &cpu(&mut partition, 0).ram.clone(),
        0x6000,
        &[36 << 26 | 8 << 21 | 9 << 16, 36 << 26 | 8 << 21 | 10 << 16, BLR],
    );
    for value in 2..6 {
        let writer = value as usize % 2;
        partition.confer(Some(writer));
        let back = cpu(&mut partition, writer).cia;
        let cpu = cpu(&mut partition, writer);
        let lr = cpu.lr;
        (cpu.cia, cpu.nia, cpu.lr, cpu.gpr[8]) = (0x6000, 0x6000, back, addi(3, 0, value).into());
        cpu.request_event();
        run(&mut partition, 3);
        self::cpu(&mut partition, writer).lr = lr;
        run(&mut partition, 4 * TURN);
        let seen = [0, 1].map(|index| self::cpu(&mut partition, index).gpr[3]);
        assert_eq!(seen, [value as u64; 2], "written by {writer}");
    }
}

fn code_that_one_processor_writes_again_and_again_is_dropped_each_time(kind: EngineKind) {
    // The code adds 1 to its own immediate: lwz r8,0(r9); addi r8,r8,1; stw r8,0(r9); the function stores to DATA.
    let mut partition =
        patching(kind, &[32 << 26 | 8 << 21 | 9 << 16, addi(8, 8, 1), 36 << 26 | 8 << 21 | 9 << 16]);
    for _ in 0..20 {
        run(&mut partition, 9001);
        // Of this processor nobody has written since: it sees the latest.
        let current = partition.turn().current;
        if cpu(&mut partition, current).cia == CODE {
            let word = cpu(&mut partition, 0).ram.read::<u32>(RealAddr(OTHER)).map(u32::swap_bytes);
            assert_eq!(word.map(|word| u64::from(word & 0xffff)), Some(cpu(&mut partition, current).gpr[3]));
        }
    }
    let written = word(&mut partition, OTHER) >> 32 & 0xffff;
    let seen = [0, 1].map(|index| cpu(&mut partition, index).gpr[3]);
    assert!(
        seen.into_iter().max() >= Some(written - 1) && seen[0] > 2000 && seen[1] > 2000,
        "{seen:?} {written}"
    );
}

fn code_written_from_outside_is_dropped_by_all(kind: EngineKind) {
    let mut partition = patching(kind, &[]);
    run(&mut partition, 4 * TURN);
    put(&cpu(&mut partition, 0).ram.clone(), OTHER, &[addi(3, 0, 7)]);
    run(&mut partition, 4 * TURN);
    assert_eq!([0, 1].map(|index| cpu(&mut partition, index).gpr[3]), [7, 7]);
}

fn a_full_cache_of_one_processor_does_not_hide_stores_from_another(kind: EngineKind) {
    let mut partition = patching(kind, &[]);
    run(&mut partition, 4 * TURN);
    partition.vcpus[0].engine.forget_code();
    partition.confer(Some(0));
    // stw r8,0(r9); b to itself comes never: back to the loop.
    put(&cpu(&mut partition, 0).ram.clone(), 0x6000, &[36 << 26 | 8 << 21 | 9 << 16, BLR]);
    let first = cpu(&mut partition, 0);
    (first.lr, first.cia, first.nia, first.gpr[8]) = (CODE, 0x6000, 0x6000, addi(3, 0, 9).into());
    first.request_event();
    run(&mut partition, 4 * TURN);
    assert_eq!([0, 1].map(|index| cpu(&mut partition, index).gpr[3]), [9, 9]);
}

fn the_yield_count_is_odd_while_a_processor_has_no_turn(kind: EngineKind) {
    let mut partition = partition(kind, 2, &[addi(3, 3, 1), branch(-1)]);
    for (index, vcpu) in partition.vcpus.iter_mut().enumerate() {
        let vpa = DATA + 0x400 * index as u64;
        vcpu.areas = Areas { vpa, log: 0xa000 + 0x100 * index as u64, log_len: 48 * 4 };
        vcpu.engine.cpu.ram.write_bytes(RealAddr(vpa + 0xb8), &[2]).expect("inside");
    }
    let count = |partition: &mut Partition, index: u64| word(partition, DATA + 0x400 * index + 0x100) >> 32;
    for turns in 0..6 {
        run(&mut partition, if turns == 0 { 5 } else { TURN });
        let odd = [0, 1].map(|index| count(&mut partition, index) & 1);
        let current = partition.turn().current;
        assert_eq!(current, turns % 2);
        assert_eq!(odd[1 - current], u64::from(turns > 0));
        assert_eq!(odd[current], 0);
    }
    // Three dispatches after the end of a turn of another: reasons, processor, time.
    let entries = [0, 1].map(|index| word(&mut partition, DATA + 0x400 * index + 0x218));
    assert_eq!(entries, [2, 3]);
    assert_eq!(word(&mut partition, 0xa100) >> 32, 0x0704_0001);
    assert_eq!(word(&mut partition, 0xa110), TURN * 512 / 1000);
}

fn a_processor_that_waits_is_passed_over_until_its_decrementer_is_due(kind: EngineKind) {
    let mut partition = partition(kind, 2, &[addi(3, 3, 1), branch(-1)]);
    partition.vcpus[1].halted = true;
    let waiting = cpu(&mut partition, 1);
    waiting.set_msr(msr::SF | msr::ME | msr::EE);
    // 30,001 ns, rounded up to ticks.
    waiting.set_decrementer(3 * TURN as i64 * 512 / 1000);
    run(&mut partition, 3 * TURN);
    assert_eq!(counts(&mut partition), [3 * TURN, 0]);
    run(&mut partition, TURN + 1);
    assert_eq!(counts(&mut partition), [4 * TURN, 1]);
    assert_eq!(cpu(&mut partition, 1).spr[SRR0], CODE);
}

fn time_skips_to_the_first_deadline_when_all_wait(kind: EngineKind) {
    let mut partition = partition(kind, 3, &[addi(3, 3, 1), branch(-1)]);
    for index in 0..3 {
        partition.vcpus[index].halted = true;
        let cpu = cpu(&mut partition, index);
        cpu.set_msr(msr::SF | msr::ME | msr::EE);
        cpu.set_decrementer([51_199, 511, 5_119][index]);
    }
    for (limit, exit, nanos) in [(999, Exit::Halted, 0), (1000, Exit::Limit, 1010)] {
        partition.idle_limit = limit;
        assert_eq!(run(&mut partition, 10), exit);
        assert_eq!(partition.nanos(), nanos);
    }
    assert_eq!(counts(&mut partition), [0, 10, 0]);
    assert_eq!((partition.turn().current, partition.idle_nanos()), (1, 1000));
    // One that has joined has interrupts off, and is not woken.
    partition.vcpus[1].halted = true;
    cpu(&mut partition, 1).set_msr(msr::SF | msr::ME);
    partition.idle_limit = u64::MAX;
    run(&mut partition, 1);
    assert_eq!((counts(&mut partition), partition.nanos()), (vec![0, 10, 1], 10_001));
}

fn a_stopped_processor_runs_when_it_is_started(kind: EngineKind) {
    let mut partition = partition(kind, 2, &[addi(3, 3, 1), branch(-1)]);
    partition.start_first(CODE, [0; 5], msr::SF | msr::ME);
    run(&mut partition, 3 * TURN + 5);
    assert_eq!(counts(&mut partition), [3 * TURN + 5, 0]);
    partition.start(1, CODE + 4, [40, 0, 0, 0, 0], msr::SF | msr::ME);
    assert_eq!(cpu(&mut partition, 1).decrementer(), i64::from(i32::MAX));
    run(&mut partition, TURN - 5 + 3);
    assert_eq!((cpu(&mut partition, 1).icount, cpu(&mut partition, 1).gpr[3]), (3, 41));
    // A machine that is started again begins with the first, and its clock goes on.
    let nanos = partition.nanos();
    partition.start_first(CODE, [0; 5], msr::SF | msr::ME);
    assert!(partition.vcpus[1].stopped && partition.turn().current == 0);
    assert_eq!(cpu(&mut partition, 0).nanos(), nanos);
}

fn a_processor_that_confers_gives_its_turn_away(kind: EngineKind) {
    let mut partition = partition(kind, 4, &[addi(3, 3, 1), branch(-1)]);
    run(&mut partition, 10);
    partition.confer(Some(2));
    run(&mut partition, 10);
    partition.confer(None);
    run(&mut partition, 10);
    assert_eq!(counts(&mut partition), [10, 0, 10, 10]);
    // One that waits cannot have the turn: the next one has.
    partition.vcpus[1].stopped = true;
    partition.confer(Some(1));
    run(&mut partition, 10);
    assert_eq!(counts(&mut partition), [20, 0, 10, 10]);
}

fn a_processor_that_hangs_leaves_the_others_their_turns(kind: EngineKind) {
    let mut partition = partition(kind, 3, &[addi(3, 3, 1), branch(-1)]);
    put(&cpu(&mut partition, 0).ram.clone(), OTHER, &[branch(0)]);
    partition.vcpus[2].stopped = true;
    (cpu(&mut partition, 0).cia, cpu(&mut partition, 0).nia) = (OTHER, OTHER);
    assert_eq!(run(&mut partition, 10 * TURN), Exit::Limit);
    let executed = counts(&mut partition);
    assert!(executed[0] <= 12 && executed[1] >= 9 * TURN, "{executed:?}");
    // It costs time.
    assert!(partition.nanos() > 19 * TURN);
    let second = cpu(&mut partition, 1);
    (second.cia, second.nia) = (OTHER, OTHER);
    second.request_event();
    assert_eq!(run(&mut partition, 10 * TURN), Exit::Hung);
}

fn a_doorbell_rings_at_another_thread_of_the_core_alone(kind: EngineKind) {
    // msgsndp r5
    let mut partition = partition(kind, 4, &[x(142, 0, 0, 5), addi(3, 3, 1), branch(-1)]);
    for index in 0..4 {
        cpu(&mut partition, index).thread = [index as u32 % 2, 2];
    }
    partition.confer(Some(2));
    cpu(&mut partition, 2).gpr[5] = 5 << 27 | 1;
    run(&mut partition, 1);
    assert_eq!([0, 1, 2, 3].map(|index| cpu(&mut partition, index).doorbell), [false, false, false, true]);
    let other = cpu(&mut partition, 3);
    other.set_msr(msr::SF | msr::ME | msr::EE);
    partition.confer(Some(3));
    run(&mut partition, 1);
    assert_eq!((cpu(&mut partition, 3).doorbell, cpu(&mut partition, 3).spr[SRR0]), (false, CODE));
    assert_ne!(cpu(&mut partition, 3).spr[SRR1], 0);
}
