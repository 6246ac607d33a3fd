//! Several threads on one table: processors that enter, remove, protect and reference, beside a migration.

use hpt::hcall::{H_CLEAR_REF, H_ENTER, H_EXACT, H_PROTECT, H_REMOVE};
use hpt::{DirtyEntry, Hpt, HptError, Hpte, RamLimit, SegmentSize, VirtualAddress};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread;

const RAM: RamLimit = RamLimit(1 << 50);
const PAGES: u64 = 256;

fn address(page: u64) -> VirtualAddress {
    VirtualAddress { vsid: 0x7_1234_5678, segment: SegmentSize::T1, base_shift: 16, offset: page << 16 }
}

fn group(hpt: &Hpt, page: u64) -> u64 {
    (address(page).hash() & (hpt.groups() - 1)) * 8
}

/// A valid 64 KiB entry; the real address repeats the page's number so that a mixed-up pair shows.
fn entry(page: u64, copy: u64) -> Hpte {
    Hpte { v: address(page).avpn() | 0x5, r: (page << 24 | copy << 16) | 0x1010 }
}

fn call(hpt: &Hpt, number: u64, args: [u64; 4]) -> i64 {
    let args = [args[0], args[1], args[2], args[3], 0, 0, 0, 0, 0];
    hpt.dispatch(number, &args, &RAM).map_or(i64::MIN, |outcome| outcome.rc)
}

/// A small generator, so that every thread does something else and every run the same.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// What a processor and its kernel do to one of the pages, on a slot that this thread owns.
fn work(hpt: &Hpt, seed: &mut u64, slot: u64) {
    let (page, copy) = (next(seed) % PAGES, slot);
    let place = group(hpt, page) + slot;
    let wanted = entry(page, copy);
    match next(seed) % 5 {
        0 | 1 => {
            call(hpt, H_ENTER, [H_EXACT, place, wanted.v, wanted.r]);
        }
        2 => {
            call(hpt, H_REMOVE, [0, place, 0, 0]);
        }
        3 => {
            call(hpt, H_PROTECT, [next(seed) & 3, place, 0, 0]);
            call(hpt, H_CLEAR_REF, [0, place, 0, 0]);
        }
        _ => {
            // Entries of other threads are referenced as well.
            if let Some(found) = hpt.lookup(&address(page)) {
                assert_eq!(found.real.0 >> 24, page, "doublewords of two entries in one answer");
                hpt.set_rc(found.ptex, found.entry, next(seed) & 1 == 0);
            }
        }
    }
}

/// The other side of a migration.
#[derive(Default)]
struct Replica(HashMap<u64, Hpte>);

impl Replica {
    fn apply(&mut self, taken: &[DirtyEntry]) {
        for dirty in taken {
            self.0.insert(dirty.ptex, dirty.entry);
        }
    }
}

#[test]
fn taking_dirty_entries_beside_running_processors_loses_nothing() -> Result<(), HptError> {
    let hpt = Hpt::new(18)?;
    let running = AtomicBool::new(true);
    let mut replica = Replica::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..3u64)
            .map(|slot| {
                let hpt = &hpt;
                scope.spawn(move || {
                    let mut seed = 0x9e37_79b9_7f4a_7c15 ^ (slot << 40);
                    for _ in 0..60_000 {
                        work(hpt, &mut seed, slot);
                    }
                })
            })
            .collect();
        let taker = scope.spawn(|| {
            let (mut replica, mut start, mut passes) = (Replica::default(), 0, 0u64);
            while running.load(Acquire) {
                let mut taken = Vec::new();
                let next = hpt.take_dirty(start, 50, &mut taken);
                passes += 1;
                match passes % 7 {
                    // A chunk that got lost on the way is put back.
                    0 => taken.iter().for_each(|d| assert!(hpt.mark_dirty(d.ptex).is_ok())),
                    _ => replica.apply(&taken),
                }
                if passes.is_multiple_of(97) {
                    hpt.mark_all_dirty();
                }
                start = next.unwrap_or(0);
            }
            replica
        });
        let fine = workers.into_iter().all(|worker| worker.join().is_ok());
        running.store(false, Release);
        replica = taker.join().unwrap_or_default();
        assert!(fine, "a worker saw something wrong");
    });
    // Now the processors stand still: the last pass.
    let mut taken = Vec::new();
    assert_eq!(hpt.take_dirty(0, usize::MAX, &mut taken), None);
    replica.apply(&taken);
    assert_eq!(hpt.dirty_count(), 0);
    for ptex in 0..hpt.slots() {
        let there = replica.0.get(&ptex).copied().unwrap_or_default();
        assert_eq!(hpt.entry(ptex)?, there, "entry {ptex:#x}");
    }
    Ok(())
}

#[test]
fn two_processors_never_enter_into_the_same_slot() -> Result<(), HptError> {
    let hpt = Hpt::new(18)?;
    for round in 0..400u64 {
        let place = group(&hpt, round % PAGES);
        let won: usize = thread::scope(|scope| {
            let racers: Vec<_> = (0..2u64)
                .map(|copy| {
                    let (hpt, wanted) = (&hpt, entry(round % PAGES, copy));
                    scope.spawn(move || {
                        (0..8).filter(|_| call(hpt, H_ENTER, [0, place, wanted.v, wanted.r]) == 0).count()
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap_or(0)).sum()
        });
        assert_eq!(won, 8, "a group has eight slots");
        assert_eq!(hpt.valid_entries(), 8);
        for slot in place..place + 8 {
            assert_eq!(call(&hpt, H_REMOVE, [0, slot, 0, 0]), 0);
        }
    }
    Ok(())
}

#[test]
fn a_search_never_mixes_the_doublewords_of_two_entries() -> Result<(), HptError> {
    let hpt = Hpt::new(18)?;
    let running = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            // The same virtual page, mapped here and there; in between the slot holds another page.
            for n in 0..100_000u64 {
                let place = group(&hpt, 1);
                let entry = if n % 2 == 0 { entry(1, n % 8) } else { entry(1 + (1 << 20), n % 8) };
                call(&hpt, H_ENTER, [H_EXACT, place, entry.v, entry.r]);
                call(&hpt, H_REMOVE, [0, place, 0, 0]);
            }
            running.store(false, Relaxed);
        });
        while running.load(Relaxed) {
            if let Some(found) = hpt.lookup(&address(1)) {
                assert_eq!((found.entry.v, found.real.0 >> 24), (entry(1, 0).v, 1));
            }
        }
    });
    Ok(())
}
