//! What a pass costs against the number of dirty entries and the size of the table: `cargo bench -p hpt`; with
//! `-- --json FILE` the medians are written there as well, in seconds.
//!
//! A pass is meant to cost what is dirty, so the columns grow and the rows stay alike. Each figure is the median of
//! 21 passes, start and encoding included. The last line is the figure that is promised; the exit status is 1 when it
//! is missed.

use hpt::{Hpt, HptPass, Hpte};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use track::{Marks, Start};

const COUNTS: [u64; 5] = [0, 10, 1_000, 10_000, 100_000];
/// Table size, dirty entries, and what a pass over them may take.
const WANTED: (u32, u64, Duration) = (30, 1_000, Duration::from_millis(1));

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut rows = Vec::new();
    let (wanted_shift, wanted_count, limit) = WANTED;
    let mut found = Duration::MAX;
    print!("{:>10}", "table");
    COUNTS.iter().for_each(|n| print!("{:>16}", format!("{n} dirty")));
    println!();
    for shift in [23, 26, 30, 34] {
        let hpt = Arc::new(Hpt::new(shift)?);
        print!("{:>10}", format!("{} MiB", 1u64 << (shift - 20)));
        for count in COUNTS {
            let time = median(&hpt, count)?;
            print!("{:>16}", format!("{time:.3?}"));
            rows.push(format!(
                "{{\"table_mib\": {}, \"dirty\": {count}, \"seconds\": {:e}}}",
                1u64 << (shift - 20),
                time.as_secs_f64()
            ));
            if (shift, count) == (wanted_shift, wanted_count) {
                found = time;
            }
        }
        println!();
    }
    println!(
        "a pass over a table of {} MiB with {wanted_count} dirty entries: {found:.3?}, wanted: under {limit:?}",
        1u64 << (wanted_shift - 20)
    );
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    if let Some(path) = arguments.next() {
        let met = found < limit;
        std::fs::write(path, format!("{{\"met\": {met}, \"passes\": [\n{}\n]}}\n", rows.join(",\n")))?;
    }
    Ok(if found < limit { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn median(hpt: &Arc<Hpt>, count: u64) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::new();
    for round in 1..=21 {
        for n in 0..count {
            // Scattered as hashing scatters.
            let ptex = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % hpt.slots();
            hpt.store(ptex, Hpte { v: n << 12 | 1, r: round << 16 | n })?;
        }
        let started = Instant::now();
        let pass = HptPass::start(hpt, Start::Changes(Marks::Live))?;
        while let Some(chunk) = pass.next(1 << 16) {
            std::hint::black_box(chunk);
        }
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
