//! What a pass costs against the number of dirty entries and the size of the table: `cargo bench -p hpt`.
//!
//! A pass is meant to cost what is dirty, so the columns grow and the rows stay alike. Each figure is the median of
//! 21 passes, start and encoding included.

use hpt::{Hpt, HptError, HptPass, Hpte, Marks};
use std::sync::Arc;
use std::time::{Duration, Instant};

const COUNTS: [u64; 5] = [0, 10, 1_000, 10_000, 100_000];

fn main() -> Result<(), HptError> {
    print!("{:>10}", "table");
    COUNTS.iter().for_each(|n| print!("{:>16}", format!("{n} dirty")));
    println!();
    for shift in [23, 26, 30, 34] {
        let hpt = Arc::new(Hpt::new(shift)?);
        print!("{:>10}", format!("{} MiB", 1u64 << (shift - 20)));
        for count in COUNTS {
            print!("{:>16}", format!("{:.3?}", median(&hpt, count)?));
        }
        println!();
    }
    Ok(())
}

fn median(hpt: &Arc<Hpt>, count: u64) -> Result<Duration, HptError> {
    let mut times = Vec::new();
    for round in 1..=21 {
        for n in 0..count {
            // Scattered as hashing scatters.
            let ptex = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % hpt.slots();
            hpt.store(ptex, Hpte { v: n << 12 | 1, r: round << 16 | n })?;
        }
        let started = Instant::now();
        let pass = HptPass::start(hpt, false, Marks::Live)?;
        while let Some(chunk) = pass.next(1 << 16) {
            std::hint::black_box(chunk);
        }
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
