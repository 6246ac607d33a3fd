//! Random programs on the interpreter and on the compiler, side by side: after every run of a few instructions both
//! machines must be the same, to the bit.
//!
//! `PYSPAPR_LOCKSTEP_SECONDS` runs seeds for that long instead of a fixed number of them, `PYSPAPR_LOCKSTEP_SEED` begins
//! at a seed (and without the former runs that one alone). Should a process die without saying which seed it was at,
//! `target/tmp/lockstep-seed-*` do.
//!
//! | file | idea |
//! |---|---|
//! | `setup` | what a run is like, from its seed |
//! | `word`, `sequences`, `program`, `handlers`, `asm` | instructions, programs, interrupt handlers |
//! | `layout`, `space`, `world` | where things lie, the address space, all of it together |
//! | `events` | what happens between two runs |
//! | `side`, `compare`, `hunt` | a machine, two machines compared, the first instruction that differs |

mod asm;
mod compare;
mod events;
mod handlers;
mod hunt;
mod layout;
mod program;
mod reach;
mod sequences;
mod setup;
#[path = "../../../ppc-core/tests/shared/mod.rs"]
mod shared;
mod side;
mod space;
mod word;
#[path = "../../../ppc-core/tests/shared/words.rs"]
mod words;
mod world;

use ppc_core::engine::EngineKind;
use ppc_core::model::Isa;
use side::{How, Plant};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Seeds that are run when nothing else is said.
const SEEDS: u64 = 300;

/// Share of instructions in per cent that compiled code must run at least, or the comparison proves little.
const MOSTLY_COMPILED: u64 = 70;
/// Whether there is a compiler for this host, which then must not be missing.
const HAS_COMPILER: bool =
    cfg!(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux"));

/// Steps of one seed.
const STEPS: u64 = 120;
const ENGINES: [How; 2] = [How::By(EngineKind::Interp), How::By(EngineKind::Jit)];

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Where a thread notes the seed that it runs.
fn seed_file(thread: usize) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lockstep-seed-{thread}"))
}

/// Runs seeds from `first` on while `wanted` says so, on every core; returns how many, instructions, and those that were
/// compiled.
fn run_seeds(first: u64, wanted: impl Fn(u64) -> bool + Sync) -> (u64, u64, u64) {
    let (next, instructions, compiled) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(0));
    let worker = &|number: usize| {
        loop {
            let seed = next.load(Relaxed);
            if !wanted(seed) {
                return;
            }
            if next.compare_exchange(seed, seed + 1, Relaxed, Relaxed).is_err() {
                continue;
            }
            // Wrong machine code may end the process without a word.
            std::fs::write(seed_file(number), seed.to_string()).expect("the seed is noted");
            match hunt::run(seed, ENGINES, STEPS, None) {
                Ok((all, some)) => {
                    instructions.fetch_add(all, Relaxed);
                    compiled.fetch_add(some, Relaxed);
                }
                Err(difference) => panic!("the engines differ\n{}", difference.report),
            };
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|number| scope.spawn(move || worker(number))).collect();
        for thread in threads {
            thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e));
        }
    });
    (next.into_inner() - first, instructions.into_inner(), compiled.into_inner())
}

#[test]
fn random_programs_leave_the_same_state_on_both_engines() {
    let (seconds, seed) = (setting("PYSPAPR_LOCKSTEP_SECONDS"), setting("PYSPAPR_LOCKSTEP_SEED"));
    let start = Instant::now();
    let first = seed.unwrap_or(1);
    let (seeds, instructions, compiled) = match (seconds, seed) {
        (Some(seconds), _) => run_seeds(first, |_| start.elapsed() < Duration::from_secs(seconds)),
        (None, Some(_)) => run_seeds(first, |n| n == first),
        (None, None) => run_seeds(first, |n| n < first + SEEDS),
    };
    let percent = compiled * 100 / instructions.max(1);
    // One program may well be one that computes little.
    let enough = percent >= MOSTLY_COMPILED || seeds == 1;
    assert!(!HAS_COMPILER || ppc_core::jit::available() && enough, "only {percent} % ran as compiled code");
    println!(
        "lockstep: {seeds} random programs from seed {first} on, {instructions} instructions on each engine, {percent} % of \
         them compiled, in {:.0} s",
        start.elapsed().as_secs_f64()
    );
}

#[test]
fn random_programs_reach_every_row_and_seldom_fail() {
    let reach = reach::reach(1..600, 60);
    for isa in [Isa::V2_07, Isa::V3_0, Isa::V3_1] {
        let rows = word::Rows::of(isa);
        let names = rows.all().iter().map(|row| row.name);
        let missing = names.filter(|name| !reach.completed.contains_key(name));
        let unexpected: Vec<_> = missing.filter(|name| !reach::never_completes(name)).collect();
        assert!(unexpected.is_empty(), "{isa:?}: never completed: {unexpected:?}");
    }
    let wrong: Vec<_> = reach.completed.keys().filter(|name| reach::never_completes(name)).collect();
    assert!(wrong.is_empty(), "completed: {wrong:?}");
    let percent = |count: u64| count * 100 / reach.begun;
    let shares = [reach.relocated, reach.problem, reach.interrupted, reach.handlers].map(percent);
    let [relocated, problem, interrupted, handlers] = shares;
    assert!(
        relocated >= 40 && problem >= 10 && (1..10).contains(&interrupted) && handlers <= 50,
        "relocated {relocated} %, problem state {problem} %, interrupted {interrupted} %, handlers {handlers} %"
    );
}

#[test]
fn a_register_that_changes_is_found_at_its_instruction() {
    for (seed, at, register) in
        [(1, 1, "r5"), (2, 777, "ctr"), (3, 5000, "vs40"), (4, 20_001, "cr"), (5, 31_007, "vrsave")]
    {
        let plant = Plant { at, register };
        let found = hunt::run(seed, ENGINES, STEPS, Some(&plant));
        let found = found.expect_err(&format!("seed {seed}: {register} was changed on one side"));
        assert_eq!(found.icount, at, "{}", found.report);
        assert!(found.report.contains(&format!("\n    {register}: ")), "{}", found.report);
    }
}

/// Decoded code and translations are kept for speed; what a guest sees does not depend on it.
#[test]
fn random_programs_do_not_see_the_caches() {
    let first = setting("PYSPAPR_LOCKSTEP_SEED").unwrap_or(1);
    for seed in first..first + 60 {
        if let Err(difference) = hunt::run(seed, [How::By(EngineKind::Interp), How::WithoutCaches], 20, None)
        {
            panic!("with and without caches\n{}", difference.report);
        }
    }
}
