//! What passes promise, and the mistakes of QEMU's that they must not repeat.

use super::*;
use crate::HptError;
use crate::hpte::V_VALID;
use crate::ret::H_SUCCESS;
use crate::testing::{address, enter, entry_for, map, primary, remove};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use track::bits::WORDS_READ;

type Fallible = std::result::Result<(), Box<dyn std::error::Error>>;

/// Maps the first pages.
fn fill(hpt: &Hpt, pages: u64) {
    for page in 0..pages {
        map(hpt, page, page << 16);
    }
}

fn entry(n: u64) -> Hpte {
    Hpte { v: n << 12 | V_VALID, r: n << 16 }
}

/// Sends a whole pass in chunks of `max` bytes; returns bytes, values and zeroes.
fn send(pass: &HptPass, to: &Hpt, max: usize) -> std::result::Result<(u64, u64, u64), track::StreamError> {
    let mut sum = (0, 0, 0);
    while let Some(chunk) = pass.next(max) {
        assert_eq!(to.load_chunk(&chunk.bytes)?, (chunk.nonzero, chunk.zero));
        sum = (sum.0 + chunk.bytes.len() as u64, sum.1 + chunk.nonzero, sum.2 + chunk.zero);
    }
    assert_eq!((pass.remaining(), pass.next(max)), (0, None));
    Ok(sum)
}

impl track::contract::Subject for Hpt {
    const UNITS: u64 = 1 << 14;
    const UNIT_BYTES: usize = ENTRY_MAX;

    fn fresh() -> Arc<Self> {
        Arc::new(Hpt::new(18).expect("address space"))
    }

    fn change(&self, unit: u64, value: u64) {
        let to = if value == 0 { Hpte::default() } else { entry(value) };
        self.store(unit, to).expect("a unit of the table");
    }

    fn marked(&self) -> u64 {
        self.dirty_count()
    }

    fn load(&self, chunk: Chunk, max_bytes: usize) -> u64 {
        assert!(chunk.bytes.len() <= max_bytes + 1, "an erase mark beside {max_bytes} bytes");
        let (nonzero, zero) = self.load_chunk(&chunk.bytes).expect("a chunk of a pass");
        assert_eq!((nonzero, zero), (chunk.nonzero, chunk.zero));
        nonzero + zero
    }

    fn digest(&self) -> [u8; 32] {
        Hpt::digest(self)
    }
}

track::contract_tests!(Hpt);

/// A table as Linux fills it: hashed, three of a hundred slots of 8 MiB.
fn realistic() -> std::result::Result<Arc<Hpt>, HptError> {
    let hpt = Arc::new(Hpt::new(23)?);
    let mut page = 0u64;
    while hpt.valid_entries() < 16_465 {
        for _ in 0..1000 {
            page = page.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let va = address(page >> 44);
            enter(&hpt, 0, primary(&hpt, &va), entry_for(&va, 16, (page >> 40) << 16));
        }
    }
    Ok(hpt)
}

#[test]
fn a_valid_entry_of_a_real_table_costs_at_most_18_bytes() -> Fallible {
    let (from, to) = (realistic()?, Hpt::new(23)?);
    let (bytes, valid, invalid) = send(&HptPass::start(&from, Start::Full(Marks::Live))?, &to, 65536)?;
    assert_eq!((valid, invalid), (from.valid_entries(), 0));
    assert!(bytes <= 18 * valid, "{bytes} bytes for {valid} entries");
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

#[test]
fn a_pass_over_a_gigabyte_of_table_reads_what_is_dirty() -> Fallible {
    let hpt = Arc::new(Hpt::new(30)?);
    for n in 0..300_000 {
        hpt.store(n * 223, entry(n))?;
    }
    HptPass::start(&hpt, Start::Full(Marks::Live))?.next(1 << 30);
    let dirty: Vec<u64> = (0..1000).map(|n| n * 223 * 300).collect();
    for ptex in &dirty {
        hpt.store(*ptex, entry(1 << 20))?;
    }
    let before = WORDS_READ.get();
    let pass = HptPass::start(&hpt, Start::Changes(Marks::Live))?;
    let mut valid = 0;
    while let Some(chunk) = pass.next(4096) {
        valid += chunk.nonzero;
    }
    let read = WORDS_READ.get() - before;
    assert_eq!(valid, 1000);
    // A group of eight entries, the summary above it, on the way down and when it is cleared, and the count.
    assert!(read < 1000 * 150, "{read} words for 1000 entries of 67 million");
    Ok(())
}

#[test]
fn an_empty_pass_over_a_huge_table_costs_nothing() -> Fallible {
    // Two of the largest, 2^46 bytes, would not fit a process.
    let (hpt, to) = (Arc::new(Hpt::new(45)?), Hpt::new(45)?);
    hpt.store(hpt.slots() - 1, entry(1))?;
    hpt.mark_all_dirty();
    assert_eq!(send(&HptPass::start(&hpt, Start::Changes(Marks::Live))?, &to, 4096)?.1, 1);
    assert_eq!(to.digest(), hpt.digest());
    let before = WORDS_READ.get();
    assert_eq!(HptPass::start(&hpt, Start::Changes(Marks::Live))?.next(4096), None);
    assert!(WORDS_READ.get() - before < 1000);
    Ok(())
}

#[test]
fn the_first_pass_sends_slot_0_and_the_last_slot_and_cleans_no_other() -> Fallible {
    // QEMU 24ec2863b1: the first pass cleaned one entry behind the end and left entry 0.
    let (from, to) = (Arc::new(Hpt::new(18)?), Hpt::new(18)?);
    let last = from.slots() - 1;
    from.store(0, entry(1))?;
    from.store(last, entry(2))?;
    assert_eq!(send(&HptPass::start(&from, Start::Full(Marks::Live))?, &to, 1)?.1, 2);
    assert_eq!(from.dirty_count(), 0);
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

#[test]
fn a_pass_over_an_empty_table_ends() -> Fallible {
    // QEMU e8cd4247e9: a save of a guest without a table never did.
    let (from, to) = (Arc::new(Hpt::new(18)?), Hpt::new(18)?);
    to.store(3, entry(3))?;
    assert_eq!(send(&HptPass::start(&from, Start::Full(Marks::Live))?, &to, 4096)?, (1, 0, 0));
    assert_eq!(send(&HptPass::start(&from, Start::Changes(Marks::Live))?, &to, 4096)?, (0, 0, 0));
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

#[test]
fn reference_and_change_updates_travel() -> Fallible {
    let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
    let ptex = map(&from, 5, 0);
    send(&HptPass::start(&from, Start::Full(Marks::Live))?, &to, 300)?;
    for store in [false, true] {
        assert!(from.set_rc(ptex, from.guest_entry(ptex)?, store));
        assert_eq!(send(&HptPass::start(&from, Start::Changes(Marks::Live))?, &to, 300)?.1, 1);
        assert_eq!(to.guest_entry(ptex)?, from.guest_entry(ptex)?);
    }
    Ok(())
}

#[test]
fn a_reboot_between_passes_erases_the_other_side_first() -> Fallible {
    // QEMU e6b8fd246c: a reboot left stale entries at the destination.
    let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
    fill(&from, 500);
    send(&HptPass::start(&from, Start::Full(Marks::Live))?, &to, 300)?;
    from.clear();
    map(&from, 77_777, 0);
    let (bytes, valid, invalid) = send(&HptPass::start(&from, Start::Changes(Marks::Live))?, &to, 300)?;
    assert_eq!((valid, invalid), (1, 0));
    assert!(bytes < 30, "{bytes} bytes for one entry of an empty table");
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

#[test]
fn what_is_pending_after_a_reboot_is_what_is_in_use() -> Fallible {
    let hpt = Arc::new(Hpt::new(40)?);
    fill(&hpt, 500);
    assert_eq!(hpt.pending(), 500);
    hpt.clear();
    assert_eq!((hpt.dirty_count(), hpt.pending()), (hpt.slots(), 0));
    fill(&hpt, 3);
    assert_eq!(hpt.pending(), 3);
    let pass = HptPass::start(&hpt, Start::Changes(Marks::Live))?;
    assert_eq!((pass.remaining(), pass.next(4096).map(|c| c.nonzero)), (3, Some(3)));
    assert_eq!(hpt.pending(), 0);
    Ok(())
}

#[test]
fn a_reboot_in_the_middle_of_a_pass_begins_it_again() -> Fallible {
    for start in [Start::Full(Marks::Live), Start::Changes(Marks::Live)] {
        let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
        fill(&from, 500);
        let pass = HptPass::start(&from, start)?;
        to.load_chunk(&pass.next(1000).ok_or("a chunk")?.bytes)?;
        from.clear();
        map(&from, 77_777, 0);
        assert_eq!(send(&pass, &to, 1000)?.1, 1);
        assert_eq!(to.digest(), from.digest());
    }
    Ok(())
}

#[test]
fn removals_of_an_unfinished_pass_are_put_back() -> Fallible {
    // QEMU 378bc21756: completing with an unfinished first pass.
    for start in [Start::Full(Marks::Live), Start::Changes(Marks::Live)] {
        let everything = start.is_full();
        let from = Arc::new(Hpt::new(20)?);
        let places: Vec<u64> = (0..500).map(|page| map(&from, page, page << 16)).collect();
        if !everything {
            HptPass::start(&from, Start::Full(Marks::Live))?.next(1 << 20);
            places[..50].iter().for_each(|ptex| assert_eq!(remove(&from, *ptex).rc, H_SUCCESS));
        }
        let pass = HptPass::start(&from, start)?;
        pass.next(if everything { 1000 } else { 60 }).ok_or("a chunk")?;
        pass.put_back();
        assert_eq!((pass.remaining(), pass.next(1000)), (0, None));
        assert_eq!(from.dirty_count(), if everything { from.slots() } else { 50 });
        let to = Hpt::new(20)?;
        if !everything {
            fill(&to, 500);
        }
        send(&HptPass::start(&from, Start::Changes(Marks::Live))?, &to, 1000)?;
        assert_eq!(to.digest(), from.digest());
    }
    Ok(())
}

#[test]
fn passes_beside_a_busy_guest_lose_nothing() -> Fallible {
    // QEMU: CLEAN_HPTE was a plain read-modify-write that raced with hypercalls.
    let (from, to, stop) = (Arc::new(Hpt::new(18)?), Hpt::new(18)?, AtomicBool::new(false));
    std::thread::scope(|scope| {
        for owner in 0..2u64 {
            let (from, stop) = (&from, &stop);
            scope.spawn(move || {
                let mut n = owner;
                while !stop.load(Relaxed) {
                    n += 2;
                    let ptex = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50 & !1 | owner;
                    let next = if n % 6 < 2 { Hpte::default() } else { entry(n & 0xffff) };
                    let _ = from.store(ptex, next);
                    if n % 200_000 < 2 {
                        from.clear();
                    }
                }
            });
        }
        let sent = || -> Fallible {
            send(&HptPass::start(&from, Start::Full(Marks::Live))?, &to, 500)?;
            for _ in 0..100 {
                send(&HptPass::start(&from, Start::Changes(Marks::Live))?, &to, 500)?;
            }
            Ok(())
        };
        let sent = sent().map_err(|e| e.to_string());
        stop.store(true, Relaxed);
        sent
    })?;
    send(&HptPass::start(&from, Start::Changes(Marks::Live))?, &to, 500)?;
    assert_eq!(to.digest(), from.digest());
    Ok(())
}
