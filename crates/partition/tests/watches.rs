//! Watched ranges, on each engine: owners hear of an access before it happens, and the guest cannot tell.

#[path = "../../ppc-core/tests/shared/engines.rs"]
mod engines;

use engines::on_each_engine;
use hpt::Hpt;
use partition::{Exit, Partition, Question, Vcpu};
use ppc_core::{
    engine::{Engine, EngineKind},
    model::POWER8,
    msr,
    ram::{Ram, RealAddr},
    spr::number::SRR0,
    state::Cpu,
    watch::{Kind, Watch},
    watchpoint::{DAWRX_DR, DAWRX_PNH, DAWRX_WTI},
};
use std::{convert::Infallible, sync::Arc};

on_each_engine! {
    owners_hear_before_it_happens_and_the_guest_cannot_tell
    ranges_come_and_go_under_compiled_code
    real_addresses_are_watched_by_every_name
    owners_of_the_same_bytes_are_told_in_order
    the_guests_own_watchpoint_comes_first
    each_access_of_an_instruction_is_told
    an_instruction_that_stores_to_code_is_told_once
    who_is_told_may_go_on_somewhere_else
    a_reset_processor_is_watched_still
    who_is_told_may_stop_watching
    a_store_tells_what_it_stores
    instructions_are_watched_by_one_name
    a_thousand_watched_instructions_that_are_not_reached_change_no_code
    code_of_other_pages_stays
}

const CODE: u64 = 0x1000;
const DATA: u64 = 0x3_0000;
const READ: u8 = Kind::Read as u8;
const WRITE: u8 = Kind::Write as u8;
const EXECUTE: u8 = Kind::Execute as u8;
/// `ld r4,0(r10); addi r4,r4,1; std r4,8(r10); b .-12`
const LOOP: [u32; 4] = [0xe88a_0000, 0x3884_0001, 0xf88a_0008, 0x4bff_fff4];

type Told = (u32, Kind, u64, u64);

fn partition(kind: EngineKind, code: &[u32]) -> Partition {
    let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
    let bytes: Vec<u8> = code.iter().flat_map(|word| word.to_be_bytes()).collect();
    ram.write_bytes(RealAddr(CODE), &bytes).expect("inside");
    let mut engine =
        Engine::with_kind(Cpu::new(&POWER8, ram, Arc::new(Hpt::new(18).expect("a table"))), kind);
    engine.compile_after = 0;
    let mut partition = Partition::new(vec![Vcpu::new(engine)]);
    partition.vcpus[0].reset(CODE, [0; 5], msr::SF | msr::ME);
    cpu(&mut partition).gpr[10] = DATA;
    partition
}

fn cpu(partition: &mut Partition) -> &mut Cpu {
    &mut partition.vcpus[0].engine.cpu
}

fn watch(owner: u32, first: u64, len: u64, kinds: u8) -> Watch {
    Watch { owner, first, last: first + len - 1, kinds, real: false }
}

/// Runs so many instructions; what was told meanwhile, and at which count.
fn told(partition: &mut Partition, instructions: u64) -> Vec<(u64, Told)> {
    let until = cpu(partition).icount + instructions;
    let mut all = Vec::new();
    loop {
        let Ok(exit) = partition.run(0, until, || Ok::<_, Infallible>(false));
        match exit {
            Exit::Asks(Question::Watched { owner, kind, ea, size, .. }) => {
                all.push((cpu(partition).icount, (owner, kind, ea, size)));
            }
            exit => {
                assert_eq!(exit, Exit::Limit);
                return all;
            }
        }
    }
}

fn owners_hear_before_it_happens_and_the_guest_cannot_tell(kind: EngineKind) {
    let mut unwatched = partition(kind, &LOOP);
    assert_eq!(told(&mut unwatched, 400), []);
    for step in [1, 3, 400] {
        let mut partition = partition(kind, &LOOP);
        partition.set_watches(vec![
            watch(1, DATA + 4, 1, READ),
            watch(2, DATA + 15, 100, READ | WRITE),
            watch(3, CODE + 5, 1, EXECUTE),
        ]);
        let mut all = Vec::new();
        while cpu(&mut partition).icount < 400 {
            let left = 400 - cpu(&mut partition).icount;
            all.extend(told(&mut partition, left.min(step)));
        }
        assert_eq!(all.len(), 300);
        assert_eq!(
            all[3..6],
            [
                (4, (1, Kind::Read, DATA, 8)),
                (5, (3, Kind::Execute, CODE + 4, 4)),
                (6, (2, Kind::Write, DATA + 8, 8))
            ]
        );
        assert_eq!(cpu(&mut partition).digest(), cpu(&mut unwatched).digest(), "in steps of {step}");
    }
}

fn ranges_come_and_go_under_compiled_code(kind: EngineKind) {
    let mut partition = partition(kind, &LOOP);
    for _ in 0..3 {
        partition.set_watches(vec![]);
        assert_eq!(told(&mut partition, 400), []);
        partition.set_watches(vec![watch(1, DATA + 8, 8, READ)]);
        assert_eq!(told(&mut partition, 400), [], "what is only read may be stored to");
        partition.set_watches(vec![watch(1, DATA + 8, 8, WRITE), watch(2, CODE + 12, 4, EXECUTE)]);
        assert_eq!(told(&mut partition, 400).len(), 200);
        // The same page, not the same bytes; another page, but the same place in it.
        partition.set_watches(vec![watch(1, DATA + 16, 8, WRITE), watch(2, CODE + 0x1004, 4, EXECUTE)]);
        assert_eq!(told(&mut partition, 400), []);
    }
}

fn real_addresses_are_watched_by_every_name(kind: EngineKind) {
    // Real mode ignores the upper four bits.
    const OTHER: u64 = 0xc000_0000_0000_0000 | DATA;
    for (real, expected) in [(true, 2), (false, 1)] {
        let mut partition = partition(kind, &[0xe88a_0000, 0xe88b_0000]);
        cpu(&mut partition).gpr[11] = OTHER;
        partition.set_watches(vec![Watch { real, ..watch(7, DATA, 1, READ) }]);
        let all = told(&mut partition, 2);
        assert_eq!(all.len(), expected);
        assert_eq!(all.last().map(|&(_, (.., ea, _))| ea), Some(if real { OTHER } else { DATA }));
    }
}

fn owners_of_the_same_bytes_are_told_in_order(kind: EngineKind) {
    let mut partition = partition(kind, &LOOP);
    partition.set_watches(vec![
        watch(9, DATA, 8, READ),
        watch(2, CODE, 4, EXECUTE),
        watch(4, DATA + 7, 1, READ),
    ]);
    let owners: Vec<_> = told(&mut partition, 1).iter().map(|&(count, (owner, ..))| (count, owner)).collect();
    assert_eq!(owners, [(0, 2), (0, 9), (0, 4)]);
}

fn the_guests_own_watchpoint_comes_first(kind: EngineKind) {
    let mut partition = partition(kind, &LOOP);
    partition.set_watches(vec![watch(1, DATA, 8, READ)]);
    cpu(&mut partition).set_dawr(0, DATA);
    cpu(&mut partition).set_dawrx(0, DAWRX_DR | DAWRX_WTI | DAWRX_PNH);
    assert_eq!(told(&mut partition, 1), []);
    assert_eq!((cpu(&mut partition).cia, cpu(&mut partition).spr[SRR0]), (0x300, CODE));
    cpu(&mut partition).set_dawrx(0, 0);
    cpu(&mut partition).cia = CODE;
    assert_eq!(told(&mut partition, 1).len(), 1);
}

fn each_access_of_an_instruction_is_told(kind: EngineKind) {
    // ld r4,0(r10), across a page; lmw r30,0(r11); dcbz 0,r10; ldarx r4,0,r11; stdcx. r4,0,r11 twice
    let code = [0xe88a_0000, 0xbbcb_0000, 0x7c00_57ec, 0x7c80_58a8, 0x7c80_59ad, 0x7c80_59ad];
    let mut partition = partition(kind, &code);
    cpu(&mut partition).gpr[10] = DATA + 0xffd;
    cpu(&mut partition).gpr[11] = DATA + 0x100;
    partition.set_watches(vec![watch(1, DATA, 0x2000, READ | WRITE)]);
    let all: Vec<_> =
        told(&mut partition, 6).iter().map(|&(_, (_, kind, ea, len))| (kind, ea, len)).collect();
    assert_eq!(
        all,
        [
            (Kind::Read, DATA + 0xffd, 3),
            (Kind::Read, DATA + 0x1000, 5),
            (Kind::Read, DATA + 0x100, 4),
            (Kind::Read, DATA + 0x104, 4),
            (Kind::Write, DATA + 0xf80, 128),
            (Kind::Read, DATA + 0x100, 8),
            // The second one stores nothing.
            (Kind::Write, DATA + 0x100, 8),
        ]
    );
}

fn an_instruction_that_stores_to_code_is_told_once(kind: EngineKind) {
    // std r4,8(r10), over itself and the instruction behind.
    let mut partition = partition(kind, &[0xf88a_0000, 0x6000_0000]);
    cpu(&mut partition).gpr[10] = CODE;
    cpu(&mut partition).gpr[4] = 0x6000_0000_3860_0007;
    partition.set_watches(vec![watch(1, CODE, 8, WRITE), watch(2, CODE, 4, EXECUTE)]);
    let all = told(&mut partition, 2);
    assert_eq!(all, [(0, (2, Kind::Execute, CODE, 4)), (0, (1, Kind::Write, CODE, 8))]);
    assert_eq!((cpu(&mut partition).gpr[3], cpu(&mut partition).cia), (7, CODE + 8));
}

fn who_is_told_may_go_on_somewhere_else(kind: EngineKind) {
    let mut partition = partition(kind, &LOOP);
    partition.set_watches(vec![watch(1, CODE + 4, 4, EXECUTE)]);
    let Ok(exit) = partition.run(0, 100, || Ok::<_, Infallible>(false));
    let told = Exit::Asks(Question::Watched {
        owner: 1,
        kind: Kind::Execute,
        ea: CODE + 4,
        address: RealAddr(CODE + 4),
        size: 4,
        stored: None,
    });
    assert_eq!(exit, told);
    // Nothing is left to run: what was told stays told.
    let Ok(exit) = partition.run(0, 1, || Ok::<_, Infallible>(false));
    assert_eq!((exit, cpu(&mut partition).icount), (Exit::Limit, 1));
    cpu(&mut partition).cia = CODE + 8;
    cpu(&mut partition).gpr[4] = 77;
    let Ok(exit) = partition.run(0, 100, || Ok::<_, Infallible>(false));
    assert_eq!((exit, cpu(&mut partition).icount), (told, 4));
    assert_eq!(cpu(&mut partition).ram.read::<u64>(RealAddr(DATA + 8)), Some(77u64.swap_bytes()));
}

fn a_reset_processor_is_watched_still(kind: EngineKind) {
    let mut partition = partition(kind, &LOOP);
    partition.set_watches(vec![watch(1, CODE, 4, EXECUTE)]);
    assert_eq!(told(&mut partition, 4).len(), 1);
    partition.vcpus[0].reset(CODE, [0; 5], msr::SF | msr::ME);
    assert_eq!(told(&mut partition, 1).len(), 1);
}

fn exit(partition: &mut Partition, until: u64) -> Exit {
    let Ok(exit) = partition.run(0, until, || Ok::<_, Infallible>(false));
    exit
}

fn owner(exit: Exit) -> Option<u32> {
    match exit {
        Exit::Asks(Question::Watched { owner, .. }) => Some(owner),
        _ => None,
    }
}

fn who_is_told_may_stop_watching(kind: EngineKind) {
    let [first, second] = [1, 2].map(|owner| watch(owner, CODE + 4, 4, EXECUTE));
    let access = watch(3, DATA, 8, READ);
    for (told, left, then) in [
        ([1, 2], vec![second, access], Some(3)),
        ([1, 2], vec![], None),
        ([1, 2], vec![first, second, access], Some(3)),
    ] {
        let mut partition = partition(kind, &LOOP);
        assert_eq!(exit(&mut partition, 4), Exit::Limit);
        partition.set_watches(vec![first, second]);
        for expected in told {
            assert_eq!(owner(exit(&mut partition, 11)), Some(expected));
        }
        partition.set_watches(left.clone());
        assert_eq!(owner(exit(&mut partition, 9)), then, "{left:?}");
        // The first of them has gone while the second was told, and it is told once.
        assert_eq!(cpu(&mut partition).icount, if then.is_some() { 8 } else { 9 });
    }
    let mut partition = partition(kind, &LOOP);
    partition.set_watches(vec![first, second]);
    assert_eq!(owner(exit(&mut partition, 9)), Some(1));
    partition.set_watches(vec![second]);
    assert_eq!(owner(exit(&mut partition, 4)), Some(2));
    assert_eq!(exit(&mut partition, 4), Exit::Limit);
}

fn a_store_tells_what_it_stores(kind: EngineKind) {
    // std r4,0(r10), across a page; stb r4,0(r11)
    let mut partition = partition(kind, &[0xf88a_0000, 0x988b_0000]);
    cpu(&mut partition).gpr[4] = 0x1122_3344_5566_7788;
    cpu(&mut partition).gpr[10] = DATA + 0xffd;
    cpu(&mut partition).gpr[11] = DATA;
    partition.set_watches(vec![watch(1, DATA, 0x2000, WRITE)]);
    let mut all = Vec::new();
    while let Exit::Asks(Question::Watched { size, stored: Some(bytes), .. }) = exit(&mut partition, 2) {
        all.push(bytes[..size as usize].to_vec());
        // Whoever is told may change what is stored; it is told once all the same.
        cpu(&mut partition).gpr[4] += 1;
    }
    assert_eq!(all, [&[0x11, 0x22, 0x33][..], &[0x44, 0x55, 0x66, 0x77, 0x89], &[0x8a]]);
    assert_eq!(cpu(&mut partition).ram.read::<u8>(RealAddr(DATA)), Some(0x8b));
}

fn instructions_are_watched_by_one_name(kind: EngineKind) {
    const OTHER: u64 = 0xc000_0000_0000_0000;
    let mut partition = partition(kind, &LOOP);
    partition.set_watches(vec![watch(1, OTHER | (CODE + 4), 4, EXECUTE)]);
    for (name, expected) in [(0, 0), (OTHER, 100), (0, 0), (OTHER, 100)] {
        cpu(&mut partition).cia = name | CODE;
        assert_eq!(told(&mut partition, 400).len(), expected, "at {name:#x}");
    }
}

fn a_thousand_watched_instructions_that_are_not_reached_change_no_code(kind: EngineKind) {
    let run = |watches: Vec<Watch>| {
        let mut partition = partition(kind, &LOOP);
        partition.set_watches(watches);
        assert_eq!(told(&mut partition, 4000), []);
        let engine = &partition.vcpus[0].engine;
        (engine.code_bytes(), engine.compiled, engine.cpu.digest())
    };
    // At every place of a page, among them those that are executed in another one.
    let elsewhere = (0..1000).map(|n| watch(n, 0xc000_0000_0100_0000 + 0x1004 * u64::from(n), 4, EXECUTE));
    assert_eq!(run(elsewhere.collect()), run(vec![]));
}

fn code_of_other_pages_stays(kind: EngineKind) {
    let mut partition = partition(kind, &LOOP);
    partition.vcpus[0].engine.compile_after = 16;
    told(&mut partition, 4000);
    for real in [false, true] {
        for watches in [vec![Watch { real, ..watch(1, CODE + 0x1004, 4, EXECUTE) }], vec![]] {
            let before = partition.vcpus[0].engine.compiled;
            partition.set_watches(watches);
            told(&mut partition, 400);
            let compiled = partition.vcpus[0].engine.compiled - before;
            assert_eq!(compiled, if kind == EngineKind::Jit { 400 } else { 0 });
        }
    }
}
