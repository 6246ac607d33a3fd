//! Special purpose registers: who may read and write which, and what the performance monitor's do.

#[path = "../shared/engines.rs"]
mod engines;
mod matrix;
mod pmu;
#[path = "../shared/words.rs"]
mod words;

use engines::on_each_engine;
use hpt::Hpt;
use ppc_core::ram::RealAddr;
use ppc_core::{
    engine::{Engine, EngineKind},
    model::Model,
    ram::Ram,
    state::Cpu,
};
use std::sync::Arc;
use words::{mfspr, mtspr};

/// Where a test's instruction lies; a hang follows.
const CODE: u64 = 0x1000;
/// A branch to itself.
const HANG: u32 = 18 << 26;
/// SPR numbers.
const FSCR: usize = 153;
const MMCR0: usize = 795;

/// `mfspr RT,number` or `mtspr number,RT`.
fn access(number: u32, write: bool, rt: u32) -> u32 {
    if write { mtspr(number, rt) } else { mfspr(rt, number) }
}

/// A processor whose vectors hang, and so does what follows [`CODE`].
fn processor(kind: EngineKind, model: &'static Model) -> Engine {
    let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
    for at in (0x100..0x1000).step_by(0x20).chain([CODE + 4]) {
        put(&ram, at, &[HANG]);
    }
    let mut engine = Engine::with_kind(Cpu::new(model, ram, Arc::new(Hpt::new(18).expect("table"))), kind);
    engine.compile_after = 0;
    engine
}

fn put(ram: &Ram, at: u64, words: &[u32]) {
    for (i, word) in words.iter().enumerate() {
        ram.write_bytes(RealAddr(at + 4 * i as u64), &word.to_be_bytes()).expect("inside");
    }
}
