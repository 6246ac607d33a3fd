//! A chunk of RAM pages, as it might come in a stream.
//!
//! Enters: one byte that says whether the data are made to fit, two bytes length of the index, the index, the data.
//! Must hold: a chunk is taken whole or refused whole; what was taken goes out again and makes the same RAM.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ppc_core::ram::{Ram, RamPass, RealAddr};
use std::sync::Arc;
use track::Start;

const SIZE: u64 = 1 << 18;

/// RAM with something in its second page.
fn ram() -> Arc<Ram> {
    let ram = Ram::new(SIZE).expect("a little RAM fits");
    ram.write_bytes(RealAddr(0x1234), b"here before").expect("it is inside");
    Arc::new(ram)
}

fuzz_target!(|input: &[u8]| {
    let [fit, high, low, rest @ ..] = input else { return };
    let split = rest.len().min(usize::from(u16::from_be_bytes([*high, *low])));
    let (index, data) = rest.split_at(split);
    let ram = ram();
    let before = ram.digest();
    let mut data = data.to_vec();
    if fit & 1 != 0
        && let Ok(len) = ram.chunk_data_len(index)
    {
        data = data.iter().copied().chain([0xa5]).cycle().take(len).collect();
    }
    if ram.load_chunk(index, &data).is_err() {
        assert_eq!(ram.digest(), before, "a refused chunk changed RAM");
        return;
    }
    let copy = self::ram();
    let pass = RamPass::start(&ram, Start::Untracked).expect("a list of 64 pages fits");
    copy.fill(RealAddr(0), SIZE, 0).expect("it is inside");
    while let Some(chunk) = pass.next(1 << 14) {
        copy.load_chunk(&chunk.index, &chunk.data).expect("what a pass writes can be read");
    }
    assert_eq!(copy.digest(), ram.digest(), "the RAM that went out and in is another one");
});
