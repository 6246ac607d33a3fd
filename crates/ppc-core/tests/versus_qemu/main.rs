//! Every instruction that has semantics, against `qemu-ppc64le` and `qemu-ppc64`: the same words with the same
//! registers and memory on both sides, and everything they leave compared.
//!
//! `VERSUS_QEMU_INSTANCES` sets how many instances of a row each of the six tests makes (default 24),
//! `VERSUS_QEMU_ROWS` a comma-separated list of rows, `VERSUS_QEMU_SEED` another sequence.
//! DESIGN's rule: a difference is our bug unless `allowed.rs` explains it.

mod allowed;
mod generate;
mod ours;
mod peer;
mod record;
#[path = "../shared/mod.rs"]
mod shared;

use ppc_core::{
    fields::Word,
    insn::{Exec, decode::decode, rows},
    model::{Model, POWER8, POWER9, POWER10},
};
use record::Outcome;
use std::collections::BTreeMap;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

/// Compares every row and reports the first differences of each.
fn compare(model: &'static Model, cpu_name: &str, little: bool) {
    let instances = setting("VERSUS_QEMU_INSTANCES", 24);
    let seed = setting("VERSUS_QEMU_SEED", 1);
    let only = std::env::var("VERSUS_QEMU_ROWS").ok();
    let wanted = |name: &str| only.as_ref().is_none_or(|list| list.split(',').any(|n| n == name));
    let (mut starts, mut of) = (Vec::new(), Vec::new());
    let mut cpu = ours::processor(model, little);
    for (id, row) in rows().enumerate() {
        let bound = !matches!(row.exec, Exec::None);
        // Some instructions were taken out again: the decoder knows.
        let known = decode(Word(row.value), model.isa).is_some();
        if !bound || !known || row.isa() > model.isa || !generate::included(row) || !wanted(row.name) {
            continue;
        }
        let mut random = shared::random::Random::new(seed << 20 ^ (id as u64) << 2);
        let mut made = 0;
        for _ in 0..20 * instances {
            if made == instances {
                break;
            }
            if let Some(start) = generate::instance(row, model.isa, &mut random) {
                starts.push(start);
                of.push(row);
                made += 1;
            }
        }
        assert!(made > 0, "no valid instance of {}", row.name);
        if little && generate::NOT_LITTLE.contains(&row.name) {
            for start in starts.drain(starts.len() - made as usize..) {
                let end = ours::run(&mut cpu, &start);
                assert_eq!(end.outcome, Outcome::Alignment, "{:#010x} in little-endian mode", start.word);
                assert!(
                    end.registers == start.registers && end.memory == start.memory,
                    "{:#010x}",
                    start.word
                );
                of.pop();
            }
        }
    }
    let program = peer::build(little);
    let mut failures: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
    let mut done = 0;
    for (starts, of) in starts.chunks(4096).zip(of.chunks(4096)) {
        let ends = peer::run(&program, cpu_name, little, starts);
        for ((start, row), end) in starts.iter().zip(of).zip(&ends) {
            let found = allowed::differences(row, model.isa, start, ours::run(&mut cpu, start), end);
            done += 1;
            if !found.is_empty() {
                let entry = failures.entry(row.name).or_default();
                entry.0 += 1;
                if entry.1.len() < 3 {
                    entry.1.push(format!("{:#010x} {}: {}", start.word, describe(start), found.join("; ")));
                }
            }
        }
    }
    let _ = std::fs::remove_file(program);
    let mut report = String::new();
    for (name, (count, examples)) in &failures {
        report += &format!("\n{name}: {count} of {instances} differ\n    {}", examples.join("\n    "));
    }
    assert!(failures.is_empty(), "{} rows differ ({done} instances, seed {seed}):{report}", failures.len());
    println!("{done} instances agree");
}

/// The registers that an instruction's fields name, whatever they mean to it.
fn describe(start: &record::Start) -> String {
    let w = Word(start.word);
    let r = &start.registers;
    let mut text = format!("cr {:#x} xer {:#x} fpscr {:#x} vscr {:#x}", r.cr, r.xer, r.fpscr, r.vscr);
    for n in [w.rt(), w.ra(), w.rb()] {
        text += &format!(" r{n}={:#x}", r.gpr[n]);
    }
    for n in [w.xt(), w.xa(), w.xb(), 32 + w.rt(), 32 + w.ra(), 32 + w.rb()] {
        text += &format!(" vs{n}={:#034x}", r.vsr[n]);
    }
    text
}

#[test]
fn little_endian_power8_agrees_with_qemu() {
    compare(&POWER8, "POWER8", true);
}

#[test]
fn big_endian_power8_agrees_with_qemu() {
    compare(&POWER8, "POWER8", false);
}

#[test]
fn little_endian_power9_agrees_with_qemu() {
    compare(&POWER9, "POWER9", true);
}

#[test]
fn big_endian_power9_agrees_with_qemu() {
    compare(&POWER9, "POWER9", false);
}

#[test]
fn little_endian_power10_agrees_with_qemu() {
    compare(&POWER10, "POWER10", true);
}

#[test]
fn big_endian_power10_agrees_with_qemu() {
    compare(&POWER10, "POWER10", false);
}

#[test]
fn every_exclusion_and_allowance_names_a_row() {
    let is_row = |name: &str| rows().any(|row| allowed::applies(name, row.name));
    let excluded = generate::EXCLUDED.iter().flat_map(|(names, _)| names.iter()).chain(generate::NOT_LITTLE);
    let allowed = allowed::allowed().flat_map(|allowed| allowed.rows.iter());
    let unknown: Vec<_> = excluded.chain(allowed).filter(|name| !is_row(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
