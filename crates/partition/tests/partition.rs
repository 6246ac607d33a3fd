//! What a partition does between its processors' instructions, on each engine.

#[path = "../../ppc-core/tests/shared/engines.rs"]
mod engines;

use engines::on_each_engine;
use hpt::{
    Hpt, SegmentSize, VirtualAddress,
    hcall::{H_ENTER, H_READ, H_REMOVE},
    hpte::{R_M, V_VALID},
    ret::{H_PRIVILEGE, H_SUCCESS},
};
use partition::{Exit, Partition, Place, Vcpu, terminal::ending};
use ppc_core::ram::RealAddr;
use ppc_core::{
    engine::{Engine, EngineKind},
    model::POWER8,
    msr,
    ram::Ram,
    slb::{ESID_V, SlbEntry},
    state::Cpu,
};
use std::{convert::Infallible, sync::Arc};

on_each_engine! {
    a_processor_that_waits_skips_to_its_deadline_unless_that_is_beyond_the_limit
    a_run_ends_at_its_time_whether_the_processor_waits_or_not
    any_of_several_endings_made_of_sets_is_seen
    an_interrupt_wakes_a_processor_that_waits
    a_kick_ends_a_run_between_two_slices
    a_hypercall_without_an_answer_is_made_again
    a_native_hypercall_that_is_turned_off_is_the_callers
    a_hypercall_from_problem_state_is_refused_and_nobody_hears_of_it
    every_processor_forgets_a_translation_that_one_takes_back
    output_waits_for_the_caller_up_to_what_completes_the_text
    an_error_between_two_slices_ends_the_run
    a_run_ends_at_the_place_that_was_asked_for_once
    a_replay_that_does_something_else_has_diverged
}

const CODE: u64 = 0x1000;
const DATA: u64 = 0x2000;
const SC_1: u32 = 0x4400_0022;
const NOP: u32 = 0x6000_0000;
/// `ld r9,0(r10)`.
const LOAD: u32 = 58 << 26 | 9 << 21 | 10 << 16;
const VSID: u64 = 0x1234;

/// `b` by so many instructions.
const fn branch(by: i32) -> u32 {
    18 << 26 | (4 * by) as u32 & 0x03ff_fffc
}

/// `li RT,value`.
const fn li(rt: u32, value: u32) -> u32 {
    14 << 26 | rt << 21 | value
}

/// Processors that all begin at the same code, in real mode and big-endian.
fn partition(kind: EngineKind, processors: usize, code: &[u32]) -> Partition {
    let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
    let hpt = Arc::new(Hpt::new(18).expect("a table"));
    let bytes: Vec<u8> = code.iter().flat_map(|word| word.to_be_bytes()).collect();
    ram.write_bytes(RealAddr(CODE), &bytes).expect("inside");
    let vcpu = |_| {
        let mut engine = Engine::with_kind(Cpu::new(&POWER8, ram.clone(), hpt.clone()), kind);
        engine.compile_after = 0;
        let mut vcpu = Vcpu::new(engine);
        vcpu.reset(CODE, [0; 5], msr::SF | msr::ME);
        vcpu
    };
    Partition::new((0..processors).map(vcpu).collect())
}

fn cpu(partition: &mut Partition, index: usize) -> &mut Cpu {
    &mut partition.vcpus[index].engine.cpu
}

/// Runs so many instructions of a processor.
fn run(partition: &mut Partition, index: usize, instructions: u64) -> Exit {
    let until = cpu(partition, index).icount + instructions;
    let Ok(exit) = partition.run(index, until, || Ok::<_, Infallible>(false));
    exit
}

/// Maps the page at `address` where it is in real mode, and returns its entry's index.
fn map(partition: &mut Partition, caller: usize, address: u64) -> u64 {
    let page = VirtualAddress { vsid: VSID, segment: SegmentSize::M256, base_shift: 12, offset: address };
    let group = (page.hash() & (cpu(partition, caller).hpt.groups() - 1)) * 8;
    let args = [0, group, page.avpn() | V_VALID, address | R_M | 2, 0, 0, 0, 0, 0];
    let entered = partition.hypercall(caller, H_ENTER, &args).expect("a native hypercall");
    assert_eq!(entered.rc, H_SUCCESS);
    entered.out()[0]
}

fn segment() -> SlbEntry {
    SlbEntry { esid: ESID_V, vsid: VSID << 12 }
}

fn a_processor_that_waits_skips_to_its_deadline_unless_that_is_beyond_the_limit(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[NOP, branch(-1)]);
    cpu(&mut partition, 0).set_decrementer(511);
    partition.vcpus[0].halted = true;
    // 512 ticks at 512 MHz.
    for (limit, exit, skipped) in [(999, Exit::Halted, 0), (1000, Exit::Limit, 1000)] {
        partition.idle_limit = limit;
        assert_eq!(run(&mut partition, 0, 10), exit);
        assert_eq!(partition.vcpus[0].halted, exit == Exit::Halted);
        assert_eq!(cpu(&mut partition, 0).idle_nanos, skipped);
    }
    assert_eq!(cpu(&mut partition, 0).icount, 10);
}

fn a_run_ends_at_its_time_whether_the_processor_waits_or_not(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[NOP, branch(-1)]);
    cpu(&mut partition, 0).set_decrementer(511);
    partition.vcpus[0].halted = true;
    // 512 ticks at 512 MHz are 1000 ns.
    for (limit, skipped, executed) in [(400, 400, 0), (400, 400, 0), (1007, 1000, 7), (60_000, 1000, 59_000)]
    {
        partition.time_limit = limit;
        assert_eq!(run(&mut partition, 0, u64::MAX / 4), Exit::Limit);
        assert_eq!((cpu(&mut partition, 0).idle_nanos, cpu(&mut partition, 0).icount), (skipped, executed));
        assert_eq!(partition.vcpus[0].halted, executed == 0);
    }
}

fn an_interrupt_wakes_a_processor_that_waits(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[NOP, branch(-1)]);
    partition.idle_limit = 0;
    partition.vcpus[0].halted = true;
    assert_eq!(run(&mut partition, 0, 10), Exit::Halted);
    partition.vcpus[0].set_external(true);
    assert_eq!(run(&mut partition, 0, 10), Exit::Limit);
    assert!(!partition.vcpus[0].halted);
}

fn a_kick_ends_a_run_between_two_slices(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[NOP, branch(-1)]);
    let kick = partition.vcpus[0].kick().clone();
    kick.kick();
    assert_eq!(run(&mut partition, 0, 100), Exit::Kicked);
    assert_eq!(cpu(&mut partition, 0).icount, 0, "nothing was executed");
    let mut slices = 0;
    let exit = partition.run(0, 10_000_000, || {
        slices += 1;
        if slices == 3 {
            kick.kick();
        }
        Ok::<_, Infallible>(false)
    });
    assert_eq!(exit, Ok(Exit::Kicked));
    let slice = partition.vcpus[0].engine.slice();
    assert_eq!(cpu(&mut partition, 0).icount, 3 * slice);
    assert_eq!(run(&mut partition, 0, 100), Exit::Limit, "one kick, one end");
}

fn a_hypercall_without_an_answer_is_made_again(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[SC_1, NOP, branch(-1)]);
    cpu(&mut partition, 0).gpr[3..6].copy_from_slice(&[0xf000, 7, 8]);
    assert_eq!(run(&mut partition, 0, 10), Exit::Hypercall);
    let vcpu = &mut partition.vcpus[0];
    assert_eq!((vcpu.engine.cpu.cia, &vcpu.arguments()[..3]), (CODE + 4, &[0xf000, 7, 8][..]));
    // What was to answer it has failed, and had put the processor to sleep.
    vcpu.halted = true;
    vcpu.call_again();
    assert_eq!((vcpu.engine.cpu.cia, vcpu.halted), (CODE, false));
    assert_eq!(run(&mut partition, 0, 10), Exit::Hypercall);
    let vcpu = &mut partition.vcpus[0];
    vcpu.answer([5, 6]);
    vcpu.call_again();
    assert_eq!((vcpu.engine.cpu.cia, &vcpu.arguments()[..3]), (CODE + 4, &[5, 6, 8][..]));
    assert_eq!(run(&mut partition, 0, 10), Exit::Limit);
}

fn a_native_hypercall_that_is_turned_off_is_the_callers(kind: EngineKind) {
    for (enabled, exit) in [(true, Exit::Limit), (false, Exit::Hypercall), (true, Exit::Limit)] {
        let mut partition = partition(kind, 1, &[SC_1, NOP, branch(-1)]);
        let ptex = map(&mut partition, 0, DATA);
        assert!(partition.hypercalls.set(H_READ, enabled));
        cpu(&mut partition, 0).gpr[3..7].copy_from_slice(&[H_READ, 0, ptex, 9]);
        assert_eq!(run(&mut partition, 0, 10), exit);
        let args = partition.vcpus[0].arguments();
        if enabled {
            assert_eq!(
                (args[0], args[2] & !0xfff, args[3]),
                (0, DATA, 9),
                "only the results change registers"
            );
        } else {
            assert_eq!(args[..4], [H_READ, 0, ptex, 9]);
        }
    }
}

fn a_hypercall_from_problem_state_is_refused_and_nobody_hears_of_it(kind: EngineKind) {
    for number in [H_REMOVE, 0xf000] {
        let mut partition = partition(kind, 1, &[SC_1, NOP, branch(-1)]);
        let ptex = map(&mut partition, 0, CODE);
        partition.vcpus[0].set_slb(0, segment());
        let cpu = cpu(&mut partition, 0);
        cpu.set_msr(msr::SF | msr::ME | msr::PR | msr::IR | msr::DR);
        cpu.gpr[3..6].copy_from_slice(&[number, 0, ptex]);
        assert_eq!(run(&mut partition, 0, 10), Exit::Limit);
        let cpu = &partition.vcpus[0].engine.cpu;
        assert_eq!((cpu.gpr[3] as i64, cpu.gpr[5], cpu.icount), (H_PRIVILEGE, ptex, 10));
        assert_eq!(cpu.hpt.valid_entries(), 1);
    }
}

fn every_processor_forgets_a_translation_that_one_takes_back(kind: EngineKind) {
    let mut partition = partition(kind, 3, &[LOAD, NOP, branch(-2)]);
    cpu(&mut partition, 0).ram.write_bytes(RealAddr(DATA), &7u64.to_be_bytes()).expect("inside");
    // The last one translates by a table of its own.
    let other = Arc::new(Hpt::new(18).expect("a table"));
    partition.vcpus[2].set_hpt(other);
    let ptex = map(&mut partition, 0, DATA);
    assert_eq!(map(&mut partition, 2, DATA), ptex);
    for index in 0..3 {
        partition.vcpus[index].set_slb(0, segment());
        cpu(&mut partition, index).set_msr(msr::SF | msr::ME | msr::DR);
        cpu(&mut partition, index).gpr[10] = DATA;
        assert_eq!(run(&mut partition, index, 30), Exit::Limit);
        assert_eq!((cpu(&mut partition, index).cia, cpu(&mut partition, index).gpr[9]), (CODE, 7));
    }
    let removed = partition.hypercall(0, H_REMOVE, &[0, ptex, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(removed.expect("a native hypercall").rc, H_SUCCESS);
    // A data storage interrupt, but for the one whose table has the entry still.
    for (index, at) in [(0, 0x300), (1, 0x300), (2, CODE + 4)] {
        assert_eq!(run(&mut partition, index, 1), Exit::Limit);
        assert_eq!(cpu(&mut partition, index).cia, at, "processor {index}");
    }
}

fn output_waits_for_the_caller_up_to_what_completes_the_text(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[li(3, 0x58), SC_1, branch(-2)]);
    cpu(&mut partition, 0).gpr[4..7].copy_from_slice(&[0, 1, u64::from(b'a') << 56]);
    assert_eq!(run(&mut partition, 0, 100), Exit::Hypercall, "nobody has opened the terminal");
    partition.vcpus[0].call_again();
    partition.terminal.open(vec![ending(b"aaa")], b"a");
    assert_eq!(partition.run(0, u64::MAX, || Ok::<_, Infallible>(true)), Ok(Exit::Output));
    assert_eq!(run(&mut partition, 0, 100), Exit::Hypercall, "it completes the text");
    assert_eq!(partition.terminal.take(), b"a");
    partition.terminal.silence();
    cpu(&mut partition, 0).gpr[3..7].copy_from_slice(&[0, 0, 1, 2]);
    let answer = partition.hypercall(0, 0x54, &[0; 9]).expect("there is no input");
    assert_eq!((answer.rc, answer.out()), (H_SUCCESS, &[0; 3][..]));
    partition.vcpus[0].kick().kick();
    assert_eq!(run(&mut partition, 0, 1), Exit::Kicked);
    assert!(partition.hypercall(0, 0x54, &[0; 9]).is_none(), "there may be input");
}

fn any_of_several_endings_made_of_sets_is_seen(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[li(3, 0x58), SC_1, branch(-2)]);
    cpu(&mut partition, 0).gpr[4..7].copy_from_slice(&[0, 2, 0x6162 << 48]);
    let mut other = ending(b"xb");
    partition.terminal.open(vec![ending(b"bb"), other.clone(), Vec::new()], b"b");
    assert_eq!(run(&mut partition, 0, 30), Exit::Limit, "none is complete, and an empty one never is");
    assert_eq!(partition.terminal.take(), b"ab".repeat(10));
    other[0][usize::from(b'a' / 8)] |= 1 << (b'a' % 8);
    partition.terminal.open(vec![ending(b"bb"), other], b"");
    assert_eq!(run(&mut partition, 0, 30), Exit::Hypercall);
    assert_eq!(partition.terminal.take(), b"");
}

fn an_error_between_two_slices_ends_the_run(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[NOP, branch(-1)]);
    assert_eq!(partition.run(0, u64::MAX, || Err("signal")), Err("signal"));
    let slice = partition.vcpus[0].engine.slice();
    assert_eq!(cpu(&mut partition, 0).icount, slice);
}

fn a_run_ends_at_the_place_that_was_asked_for_once(kind: EngineKind) {
    let mut partition = partition(kind, 1, &[NOP, branch(-1)]);
    let place = Place { instructions: 41, entries: 0, pc: CODE + 4 };
    partition.vcpus[0].stop_at(place);
    assert_eq!(run(&mut partition, 0, 100), Exit::Place);
    assert_eq!(partition.vcpus[0].place(), place);
    assert_eq!(run(&mut partition, 0, 100), Exit::Limit);
}

fn a_replay_that_does_something_else_has_diverged(kind: EngineKind) {
    for pc in [CODE, 0] {
        let mut partition = partition(kind, 1, &[NOP, branch(-1)]);
        partition.vcpus[0].stop_at(Place { instructions: 41, entries: 0, pc });
        assert_eq!(run(&mut partition, 0, 100), Exit::Diverged);
        let here = partition.vcpus[0].place();
        assert_eq!((here.instructions, here.pc), (41, CODE + 4));
        assert_eq!(partition.vcpus[0].astray(), "it is at 0x1004, where nothing is to be done");
    }
}
