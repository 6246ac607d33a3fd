//! Code that an engine leaves to others: whoever takes it over does what it would have done without.

use hpt::Hpt;
use ppc_core::{
    engine::{Engine, EngineKind},
    model::POWER9,
    ram::{Ram, RealAddr, Snapshot},
    state::Cpu,
    warm::Warm,
};
use std::sync::Arc;

const MEMORY: u64 = 1 << 20;
const BASE: u64 = 0x1000;
/// In another page, so that calls go through slots.
const FUNCTION: u64 = 0x3000;
/// Rounds of the inner loop.
const INNER: u16 = 40;

const fn addi(rt: u32, ra: u32, si: u16) -> u32 {
    14 << 26 | rt << 21 | ra << 16 | si as u32
}

const MTCTR_R6: u32 = 31 << 26 | 6 << 21 | 9 << 16 | 467 << 1;
const BLR: u32 = 19 << 26 | 20 << 21 | 16 << 1;
const ADD_R3_R3_R4: u32 = 31 << 26 | 3 << 21 | 3 << 16 | 4 << 11 | 266 << 1;

/// An outer loop of calls to a function with a loop; the last block of the function's page is a part of the same region.
fn load(ram: &Ram) {
    let call = 18 << 26 | (FUNCTION - BASE - 4) as u32 | 1;
    let main = [addi(6, 0, INNER), call, addi(5, 5, 1), 18 << 26 | 0x03ff_fff4];
    let function = [MTCTR_R6, addi(4, 4, 1), ADD_R3_R3_R4, 16 << 26 | 16 << 21 | 0xfff8, addi(7, 7, 1), BLR];
    for (at, words) in [(BASE, &main[..]), (FUNCTION, &function[..])] {
        for (n, word) in words.iter().enumerate() {
            ram.write_bytes(RealAddr(at + 4 * n as u64), &word.to_be_bytes()).expect("memory");
        }
    }
}

fn engine(kind: EngineKind, ram: Ram) -> Engine {
    let mut cpu = Cpu::new(&POWER9, Arc::new(ram), Arc::new(Hpt::new(18).expect("table")));
    cpu.cia = BASE;
    Engine::with_kind(cpu, kind)
}

/// An engine that has run, what it leaves, and its RAM.
fn first(kind: EngineKind) -> (Engine, Option<Arc<Warm>>, Snapshot) {
    let ram = Ram::new(MEMORY).expect("memory");
    load(&ram);
    let mut engine = engine(kind, ram);
    engine.run(20_000);
    let snapshot = engine.cpu.ram.snapshot().expect("memory");
    engine.cpu.protect_writes();
    let warm = engine.share_code();
    (engine, warm, snapshot)
}

/// Engines with and without the code, which begin again at [`BASE`].
fn pair(kind: EngineKind, warm: Option<&Arc<Warm>>, snapshot: &Snapshot) -> [Engine; 2] {
    [warm, None].map(|warm| {
        let mut engine = engine(kind, Ram::from_snapshot(snapshot).expect("memory"));
        engine.take_over_code(warm.cloned());
        engine
    })
}

fn run_alike(engines: &mut [Engine; 2], counts: impl IntoIterator<Item = u64>) {
    for count in counts {
        let [warm, cold] = engines.each_mut().map(|engine| {
            let until = engine.cpu.icount + count;
            (engine.run(until), engine.cpu.digest(), engine.cpu.ram.digest())
        });
        assert_eq!(warm, cold, "after {count} instructions");
    }
}

const KINDS: [EngineKind; 2] = [EngineKind::Jit, EngineKind::Interp];

#[test]
fn a_fork_is_as_warm_as_its_parent_and_does_the_same() {
    for left in KINDS {
        let (_, warm, snapshot) = first(left);
        for kind in KINDS {
            let mut engines = pair(kind, warm.as_ref(), &snapshot);
            run_alike(&mut engines, [300, 1, 2, 3, 7, 50_000]);
            if (left, kind, engines[0].kind()) == (EngineKind::Jit, EngineKind::Jit, EngineKind::Jit) {
                let mut again = pair(kind, warm.as_ref(), &snapshot);
                run_alike(&mut again, [300]);
                assert!(again[0].compiled > 250 && again[1].compiled < again[0].compiled);
            }
        }
    }
}

#[test]
fn code_that_was_written_since_is_not_taken_over() {
    // Each instruction in turn, before the engine comes there and after it has taken the code over.
    for kind in KINDS {
        let (_, warm, snapshot) = first(kind);
        for before in [0, 300] {
            for at in [BASE + 8, FUNCTION + 4, FUNCTION + 8, FUNCTION + 16] {
                let mut engines = pair(kind, warm.as_ref(), &snapshot);
                run_alike(&mut engines, [before]);
                for engine in &engines {
                    engine.cpu.ram.write_bytes(RealAddr(at), &addi(3, 3, 77).to_be_bytes());
                }
                run_alike(&mut engines, [1, 300, 20_000]);
                // What it was before is taken over again.
                for engine in &engines {
                    engine.cpu.ram.reset_to(&snapshot).expect("the same memory");
                }
                run_alike(&mut engines, [300, 20_000]);
            }
        }
    }
}

#[test]
fn forks_of_forks_have_the_code_of_all_of_them() {
    for kind in KINDS {
        let (_, mut warm, mut snapshot) = first(kind);
        for generation in 0..20 {
            let mut engines = pair(kind, warm.as_ref(), &snapshot);
            // A function that nobody had before.
            let at = 0x8000 + 0x100 * generation;
            for engine in &mut engines {
                for (n, word) in
                    [MTCTR_R6, addi(8, 8, 1), 16 << 26 | 16 << 21 | 0xfffc, BLR].iter().enumerate()
                {
                    engine.cpu.ram.write_bytes(RealAddr(at + 4 * n as u64), &word.to_be_bytes());
                }
                let call: u32 = 18 << 26 | (at - BASE - 4) as u32 | 1;
                engine.cpu.ram.write_bytes(RealAddr(BASE + 4), &call.to_be_bytes());
            }
            run_alike(&mut engines, [10_000]);
            for engine in &mut engines {
                load(&engine.cpu.ram);
            }
            run_alike(&mut engines, [10_000]);
            snapshot = engines[0].cpu.ram.snapshot().expect("memory");
            engines[0].cpu.protect_writes();
            warm = engines[0].share_code();
            run_alike(&mut engines, [10_000]);
        }
    }
}

#[test]
fn who_has_left_its_code_goes_on_and_drops_it_when_it_is_written() {
    for kind in KINDS {
        let (engine, _, snapshot) = first(kind);
        let [_, mut cold] = pair(kind, None, &snapshot);
        cold.run(20_000);
        let mut engines = [engine, cold];
        for engine in &engines {
            engine.cpu.ram.write_bytes(RealAddr(FUNCTION + 4), &addi(4, 4, 9).to_be_bytes());
        }
        run_alike(&mut engines, [1000]);
        engines[0].forget_code();
        engines[0].take_over_code(None);
        run_alike(&mut engines, [1000, 20_000]);
    }
}
