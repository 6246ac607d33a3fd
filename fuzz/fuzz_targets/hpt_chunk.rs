//! A chunk of hash page table entries, as it might come in a stream.
//!
//! Must hold: a chunk is taken whole or refused whole; what was taken goes out again and makes the same table.
#![no_main]

use hpt::{Hpt, HptPass, Hpte, MIN_SHIFT};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use track::Start;

/// A small table with one entry.
fn table() -> Arc<Hpt> {
    let hpt = Hpt::new(MIN_SHIFT).expect("a small table fits");
    hpt.store(9, Hpte { v: 0x5000 | 1, r: 0x3000 }).expect("the table has a tenth entry");
    Arc::new(hpt)
}

fuzz_target!(|chunk: &[u8]| {
    let hpt = table();
    let before = hpt.digest();
    if hpt.load_chunk(chunk).is_err() {
        assert_eq!(hpt.digest(), before, "a refused chunk changed the table");
        return;
    }
    let copy = Hpt::new(MIN_SHIFT).expect("a small table fits");
    let pass = HptPass::start(&hpt, Start::Untracked).expect("a pass over everything needs no base");
    while let Some(chunk) = pass.next(256) {
        copy.load_chunk(&chunk.bytes).expect("what a pass writes can be read");
    }
    assert_eq!(copy.digest(), hpt.digest(), "the table that went out and in is another one");
});
