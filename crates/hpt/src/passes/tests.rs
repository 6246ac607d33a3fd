//! What passes promise, and the mistakes of QEMU's that they must not repeat.

use super::*;
use crate::bits::WORDS_READ;
use crate::hpte::V_VALID;
use crate::ret::H_SUCCESS;
use crate::testing::{address, enter, entry_for, map, primary, remove};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

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
fn send(pass: &HptPass, to: &Hpt, max: usize) -> std::result::Result<(u64, u64, u64), crate::StreamError> {
    let mut sum = (0, 0, 0);
    while let Some(chunk) = pass.next(max) {
        assert_eq!(to.load_chunk(&chunk.bytes)?, (chunk.valid, chunk.invalid));
        sum = (sum.0 + chunk.bytes.len() as u64, sum.1 + chunk.valid, sum.2 + chunk.invalid);
    }
    assert_eq!((pass.remaining(), pass.next(max)), (0, None));
    Ok(sum)
}

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
    let (bytes, valid, invalid) = send(&HptPass::start(&from, true, Marks::Live)?, &to, 65536)?;
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
    HptPass::start(&hpt, true, Marks::Live)?.next(1 << 30);
    let dirty: Vec<u64> = (0..1000).map(|n| n * 223 * 300).collect();
    for ptex in &dirty {
        hpt.store(*ptex, entry(1 << 20))?;
    }
    let before = WORDS_READ.get();
    let pass = HptPass::start(&hpt, false, Marks::Live)?;
    let mut valid = 0;
    while let Some(chunk) = pass.next(4096) {
        valid += chunk.valid;
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
    assert_eq!(send(&HptPass::start(&hpt, false, Marks::Live)?, &to, 4096)?.1, 1);
    assert_eq!(to.digest(), hpt.digest());
    let before = WORDS_READ.get();
    assert_eq!(HptPass::start(&hpt, false, Marks::Live)?.next(4096), None);
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
    assert_eq!(send(&HptPass::start(&from, true, Marks::Live)?, &to, 1)?.1, 2);
    assert_eq!(from.dirty_count(), 0);
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

#[test]
fn a_pass_over_an_empty_table_ends() -> Fallible {
    // QEMU e8cd4247e9: a save of a guest without a table never did.
    let (from, to) = (Arc::new(Hpt::new(18)?), Hpt::new(18)?);
    to.store(3, entry(3))?;
    assert_eq!(send(&HptPass::start(&from, true, Marks::Live)?, &to, 4096)?, (1, 0, 0));
    assert_eq!(send(&HptPass::start(&from, false, Marks::Live)?, &to, 4096)?, (0, 0, 0));
    assert_eq!(to.digest(), from.digest());
    Ok(())
}

#[test]
fn later_passes_carry_only_what_changed_since_the_one_before() -> Fallible {
    let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
    let places: Vec<u64> = (0..500).map(|page| map(&from, page, page << 16)).collect();
    send(&HptPass::start(&from, true, Marks::Live)?, &to, 300)?;
    remove(&from, places[7]);
    remove(&from, places[8]);
    map(&from, 9000, 0);
    assert_eq!(send(&HptPass::start(&from, false, Marks::Live)?, &to, 300)?.1, 1);
    assert_eq!(to.digest(), from.digest());
    assert_eq!(send(&HptPass::start(&from, false, Marks::Live)?, &to, 300)?, (0, 0, 0));
    Ok(())
}

#[test]
fn reference_and_change_updates_travel() -> Fallible {
    let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
    let ptex = map(&from, 5, 0);
    send(&HptPass::start(&from, true, Marks::Live)?, &to, 300)?;
    for store in [false, true] {
        assert!(from.set_rc(ptex, from.guest_entry(ptex)?, store));
        assert_eq!(send(&HptPass::start(&from, false, Marks::Live)?, &to, 300)?.1, 1);
        assert_eq!(to.guest_entry(ptex)?, from.guest_entry(ptex)?);
    }
    Ok(())
}

#[test]
fn a_reboot_between_passes_erases_the_other_side_first() -> Fallible {
    // QEMU e6b8fd246c: a reboot left stale entries at the destination.
    let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
    fill(&from, 500);
    send(&HptPass::start(&from, true, Marks::Live)?, &to, 300)?;
    from.clear();
    map(&from, 77_777, 0);
    let (bytes, valid, invalid) = send(&HptPass::start(&from, false, Marks::Live)?, &to, 300)?;
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
    let pass = HptPass::start(&hpt, false, Marks::Live)?;
    assert_eq!((pass.remaining(), pass.next(4096).map(|c| c.valid)), (3, Some(3)));
    assert_eq!(hpt.pending(), 0);
    Ok(())
}

#[test]
fn a_reboot_in_the_middle_of_a_pass_begins_it_again() -> Fallible {
    for everything in [true, false] {
        let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
        fill(&from, 500);
        let pass = HptPass::start(&from, everything, Marks::Live)?;
        to.load_chunk(&pass.next(1000).ok_or("a chunk")?.bytes)?;
        from.clear();
        map(&from, 77_777, 0);
        assert_eq!(send(&pass, &to, 1000)?.1, 1);
        assert_eq!(to.digest(), from.digest());
    }
    Ok(())
}

#[test]
fn an_unfinished_pass_is_put_back_whole() -> Fallible {
    // QEMU 378bc21756: completing with an unfinished first pass.
    for everything in [true, false] {
        let from = Arc::new(Hpt::new(20)?);
        let places: Vec<u64> = (0..500).map(|page| map(&from, page, page << 16)).collect();
        if !everything {
            HptPass::start(&from, true, Marks::Live)?.next(1 << 20);
            places[..50].iter().for_each(|ptex| assert_eq!(remove(&from, *ptex).rc, H_SUCCESS));
        }
        let pass = HptPass::start(&from, everything, Marks::Live)?;
        pass.next(if everything { 1000 } else { 60 }).ok_or("a chunk")?;
        pass.put_back();
        assert_eq!((pass.remaining(), pass.next(1000)), (0, None));
        assert_eq!(from.dirty_count(), if everything { from.slots() } else { 50 });
        let to = Hpt::new(20)?;
        if !everything {
            fill(&to, 500);
        }
        send(&HptPass::start(&from, false, Marks::Live)?, &to, 1000)?;
        assert_eq!(to.digest(), from.digest());
    }
    Ok(())
}

#[test]
fn the_base_and_the_live_marks_do_not_disturb_each_other() -> Fallible {
    let (from, live, base) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?, Hpt::new(20)?);
    fill(&from, 500);
    assert!(HptPass::start(&from, false, Marks::Base).is_err());
    send(&HptPass::start(&from, true, Marks::Base)?, &base, 1000)?;
    assert_eq!(from.dirty_count(), 500);
    send(&HptPass::start(&from, true, Marks::Live)?, &live, 1000)?;
    for round in 0..3 {
        remove(&from, map(&from, 1000 + round, 0));
        let kept = map(&from, 2000 + round, 0);
        assert_eq!(send(&HptPass::start(&from, false, Marks::Live)?, &live, 1000)?.1, 1);
        if round == 1 {
            continue;
        }
        let pass = HptPass::start(&from, false, Marks::Base)?;
        if round == 2 {
            pass.next(1);
            pass.put_back();
            assert!(from.has_base());
            send(&HptPass::start(&from, false, Marks::Base)?, &base, 1000)?;
        } else {
            send(&pass, &base, 1000)?;
        }
        assert_eq!(base.guest_entry(kept)?, from.guest_entry(kept)?);
    }
    assert_eq!((live.digest(), base.digest()), (from.digest(), from.digest()));
    Ok(())
}

#[test]
fn a_pass_without_marks_takes_none() -> Fallible {
    let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
    fill(&from, 50);
    let pass = HptPass::start(&from, true, Marks::None)?;
    assert_eq!(pass.remaining(), 50);
    send(&pass, &to, 100)?;
    pass.put_back();
    assert_eq!((from.dirty_count(), from.has_base()), (50, false));
    assert_eq!(to.digest(), from.digest());
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
            send(&HptPass::start(&from, true, Marks::Live)?, &to, 500)?;
            for _ in 0..100 {
                send(&HptPass::start(&from, false, Marks::Live)?, &to, 500)?;
            }
            Ok(())
        };
        let sent = sent().map_err(|e| e.to_string());
        stop.store(true, Relaxed);
        sent
    })?;
    send(&HptPass::start(&from, false, Marks::Live)?, &to, 500)?;
    assert_eq!(to.digest(), from.digest());
    Ok(())
}
