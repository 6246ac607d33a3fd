//! The data address watchpoint: what matches it, on both engines, and that what matches does nothing else.

mod bench;
#[path = "../shared/engines.rs"]
mod engines;
mod rows;

use bench::{BASE, Bench, CODE, DATA, DSI, HANG, HOLE, Outcome::*, READ_ONLY, map, mapped, matched};
use engines::on_each_engine;
use ppc_core::{
    engine::EngineKind,
    mmu::{DSISR_NOHPTE, DSISR_PROTECTION, DSISR_STORE},
    msr,
    slb::{ESID_V, SlbEntry},
    watchpoint::{DAWRX_DR, DAWRX_DW, DAWRX_PNH, DAWRX_PRO, DAWRX_WT, DAWRX_WTI},
};
use rows::{LOAD_ROWS, Row, SIZES, STORE_ROWS, d, x};

/// In real mode, relocated and in problem state: everywhere.
const EVERYWHERE: u64 = DAWRX_WTI | DAWRX_PNH | DAWRX_PRO;
const LOADS: u64 = EVERYWHERE | DAWRX_DR;
const STORES: u64 = EVERYWHERE | DAWRX_DW;

on_each_engine! {
    every_size_matches_in_each_of_its_bytes_and_not_beside_them
    each_kind_of_load_matches_as_a_load_and_leaves_no_trace
    each_kind_of_store_matches_as_a_store_and_leaves_no_trace
    cache_management_never_matches
    a_conditional_store_matches_if_it_would_be_performed
    the_range_has_one_to_64_doublewords_within_512_bytes
    an_access_that_crosses_a_page_matches_on_either_side
    an_address_that_wraps_around_matches_on_either_side
    privilege_and_relocation_decide
    other_storage_exceptions_come_first
    a_watchpoint_is_seen_by_the_next_access_and_forgotten_by_it
    a_loop_is_interrupted_at_its_instruction
    guests_do_not_reach_the_registers
}

fn every_size_matches_in_each_of_its_bytes_and_not_beside_them(kind: EngineKind) {
    let (first, last) = (DATA + 0x108, DATA + 0x117);
    for little in [0, msr::LE] {
        let mut bench = Bench::new(kind);
        bench.set("lpcr", if little != 0 { 1 << 25 } else { 0 });
        bench.put(DSI, &[HANG], little != 0);
        bench.set("msr", BASE | little);
        for (size, load, store) in SIZES {
            for (word, write) in [(load, false), (store, true)] {
                for ea in first - 20..=last + 4 {
                    bench.watch(first, 2, if write { STORES } else { LOADS });
                    let end = ea + (1 << size) - 1;
                    let hit = ea <= last && first <= end;
                    let want = if hit { matched(ea.max(first), write) } else { Done };
                    assert_eq!(bench.attempt(word, ea), want, "2^{size} bytes at {ea:#x}, store {write}");
                    // The other kind does not match.
                    bench.watch(first, 2, if write { LOADS } else { STORES });
                    assert_eq!(bench.attempt(word, ea), Done);
                }
            }
        }
    }
}

/// lswi and stswi have the number of bytes where the others have RB.
fn with_count(name: &str, word: u32, length: u64) -> u32 {
    if name.ends_with("swi") { word & !(31 << 11) | (length as u32) << 11 } else { word }
}

/// The doubleword with each byte of a row is watched, and so are its neighbours.
fn rows_match(kind: EngineKind, rows: &[Row], write: bool) {
    let base = DATA + 0x400;
    for &(name, word, offset, length) in rows {
        let word = with_count(name, word, length);
        let (first, end) = (base.wrapping_add_signed(offset), base.wrapping_add_signed(offset) + length);
        let watched = if write { STORES } else { LOADS };
        let mut bench = Bench::new(kind);
        let unwatched = |bench: &mut Bench| {
            bench.watch(base, 1, 0);
            assert_eq!(bench.attempt(word, base), Done, "{name}");
        };
        // What may be read and written quickly is cached now.
        unwatched(&mut bench);
        unwatched(&mut bench);
        for at in ((first & !7) - 8..end + 8).step_by(8) {
            bench.set("r4", base);
            bench.watch(at, 1, watched);
            let before = bench.traces();
            let hit = at < end && first < at + 8;
            let want = if hit { matched(at.max(first), write) } else { Done };
            assert_eq!(bench.attempt(word, base), want, "{name}: {at:#x} is watched");
            if hit {
                assert_eq!(bench.traces(), before, "{name} left something");
            }
            bench.watch(at, 1, watched ^ DAWRX_DR ^ DAWRX_DW);
            assert_eq!(bench.attempt(word, base), Done, "{name} is of the other kind");
            unwatched(&mut bench);
        }
    }
}

fn each_kind_of_load_matches_as_a_load_and_leaves_no_trace(kind: EngineKind) {
    rows_match(kind, LOAD_ROWS, false);
}

fn each_kind_of_store_matches_as_a_store_and_leaves_no_trace(kind: EngineKind) {
    rows_match(kind, STORE_ROWS, true);
}

fn cache_management_never_matches(kind: EngineKind) {
    let mut bench = Bench::new(kind);
    bench.watch(DATA, 64, LOADS | STORES);
    // dcbf, dcbst, icbi, dcbt, dcbtst
    for extended in [86, 54, 982, 278, 246] {
        assert_eq!(bench.attempt(x(extended, 0), DATA + 0x88), Done, "{extended}");
    }
}

fn a_conditional_store_matches_if_it_would_be_performed(kind: EngineKind) {
    let ea = DATA + 0x100;
    // lbarx stbcx., lharx sthcx., lwarx stwcx., ldarx stdcx., lqarx stqcx.
    for (load, store) in [(52, 694), (116, 726), (20, 150), (84, 214), (276, 182)] {
        let (load, store) = (x(load, 6), x(store, 6) | 1);
        let mut bench = Bench::new(kind);
        bench.watch(ea, 1, STORES);
        assert_eq!(bench.attempt(store, ea), Done, "without a reservation");
        assert_eq!(bench.engine.cpu.crf(0), 0);
        assert_eq!(bench.attempt(load, ea), Done);
        let before = bench.traces();
        assert_eq!(bench.attempt(store, ea), matched(ea, true));
        assert_eq!(bench.traces(), before);
        bench.watch(ea, 1, 0);
        assert_eq!(bench.attempt(store, ea), Done);
        assert_eq!(bench.engine.cpu.crf(0), 2, "the reservation is still there");
    }
}

fn the_range_has_one_to_64_doublewords_within_512_bytes(kind: EngineKind) {
    let block = DATA + 0x200;
    let mut bench = Bench::new(kind);
    let byte = SIZES[0].1;
    for doublewords in [1, 2, 3, 31, 32, 63, 64] {
        for first in [block, block + 8, block + 0x100, block + 0x1f8] {
            // The lower three bits of DEAW are not there.
            bench.watch(first + 5, doublewords, LOADS);
            let end = (first + 8 * doublewords).min(block + 0x200);
            for ea in [first, end - 1] {
                assert_eq!(bench.attempt(byte, ea), matched(ea, false), "{doublewords} from {first:#x}");
            }
            for ea in [first - 1, end, block + 0x200] {
                assert_eq!(bench.attempt(byte, ea), Done, "{doublewords} from {first:#x}: {ea:#x}");
            }
        }
    }
}

fn an_access_that_crosses_a_page_matches_on_either_side(kind: EngineKind) {
    for boundary in [DATA + 0x1000, 0x2_0000] {
        for relocated in [false, true] {
            let mut bench = if relocated { mapped(kind) } else { Bench::new(kind) };
            for (size, load, store) in SIZES {
                let bytes = 1 << size;
                for ea in boundary + 1 - bytes..boundary {
                    for (word, write) in [(load, false), (store, true)] {
                        let watched = if write { STORES } else { LOADS };
                        // READ_ONLY ends at one of the boundaries.
                        if write && relocated && boundary == 0x2_0000 {
                            continue;
                        }
                        let before = bench.traces();
                        bench.watch(boundary, 1, watched);
                        assert_eq!(bench.attempt(word, ea), matched(boundary, write));
                        bench.watch(boundary - 8, 1, watched);
                        assert_eq!(bench.attempt(word, ea), matched(ea.max(boundary - 8), write));
                        assert_eq!(bench.traces().3, before.3);
                        bench.watch(boundary + bytes.next_multiple_of(8), 1, watched);
                        assert_eq!(bench.attempt(word, ea), Done);
                        bench.watch(boundary - 16 - bytes.next_multiple_of(8), 1, watched);
                        assert_eq!(bench.attempt(word, ea), Done);
                    }
                }
            }
        }
    }
}

/// In 32-bit mode address 0 follows 0xffff_ffff.
fn an_address_that_wraps_around_matches_on_either_side(kind: EngineKind) {
    let mut bench = mapped(kind);
    let cpu = &mut bench.engine.cpu;
    cpu.slb.set(1, SlbEntry { esid: 0xf000_0000 | ESID_V, vsid: 0x2345 << 12 });
    map(cpu, 0x2345, 0xffff_f000, DATA, 2);
    cpu.flush_translations();
    bench.set("msr", (BASE | msr::IR | msr::DR) & !msr::SF);
    let (load, store) = (SIZES[3].1, SIZES[3].2);
    for (word, write) in [(load, false), (store, true)] {
        let watched = if write { STORES } else { LOADS };
        for (first, dar) in [(0xffff_fff8, 0xffff_fffc), (0, 0)] {
            bench.watch(first, 1, watched);
            assert_eq!(bench.attempt(word, 0xffff_fffc), matched(dar, write));
        }
        bench.watch(8, 1, watched);
        assert_eq!(bench.attempt(word, 0xffff_fffc), Done);
    }
}

fn privilege_and_relocation_decide(kind: EngineKind) {
    let mut bench = mapped(kind);
    let (load, store) = (SIZES[3].1, SIZES[3].2);
    let modes = [0, msr::DR | msr::IR, msr::DR, msr::PR | msr::EE | msr::DR | msr::IR];
    for bits in 0..1 << 5 {
        let dawrx = DAWRX_DR | DAWRX_DW | bits;
        for mode in modes {
            bench.set("msr", BASE | mode);
            bench.watch(DATA, 1, dawrx);
            let state = if mode & msr::PR != 0 { DAWRX_PRO } else { DAWRX_PNH };
            let relocated = mode & msr::DR != 0;
            let hit = bits & state != 0 && (bits & DAWRX_WTI != 0 || relocated == (bits & DAWRX_WT != 0));
            for (word, write) in [(load, false), (store, true)] {
                let want = if hit { matched(DATA, write) } else { Done };
                assert_eq!(bench.attempt(word, DATA), want, "DAWRX {dawrx:#x}, MSR {mode:#x}");
                bench.set("msr", BASE | mode);
            }
        }
    }
}

fn other_storage_exceptions_come_first(kind: EngineKind) {
    let mut bench = mapped(kind);
    let (load, store) = (SIZES[3].1, SIZES[3].2);
    bench.watch(READ_ONLY, 1, LOADS | STORES);
    assert_eq!(bench.attempt(store, READ_ONLY), Interrupted(READ_ONLY, DSISR_PROTECTION | DSISR_STORE));
    assert_eq!(bench.attempt(load, READ_ONLY), matched(READ_ONLY, false));
    bench.watch(HOLE, 1, LOADS | STORES);
    assert_eq!(bench.attempt(load, HOLE), Interrupted(HOLE, DSISR_NOHPTE));
    // Its first bytes match and its last ones are missing.
    bench.watch(HOLE - 8, 1, LOADS | STORES);
    assert_eq!(bench.attempt(load, HOLE - 4), Interrupted(HOLE, DSISR_NOHPTE));
    assert_eq!(bench.attempt(store, HOLE - 4), Interrupted(HOLE, DSISR_NOHPTE | DSISR_STORE));
    assert_eq!(bench.attempt(load, HOLE - 8), matched(HOLE - 8, false));
}

fn a_watchpoint_is_seen_by_the_next_access_and_forgotten_by_it(kind: EngineKind) {
    for relocated in [false, true] {
        let mut bench = if relocated { mapped(kind) } else { Bench::new(kind) };
        let (load, store) = (SIZES[2].1, SIZES[2].2);
        for at in [DATA, DATA + 0x800, DATA + 0x2000] {
            for (word, write) in [(load, false), (store, true), (load, false)] {
                bench.watch(at, 1, 0);
                assert_eq!(bench.attempt(word, at), Done);
                assert_eq!(bench.attempt(word, at), Done);
                // Only the one, or the other, of the two registers changes.
                bench.set("dawrx0", LOADS | STORES);
                assert_eq!(bench.attempt(word, at), matched(at, write));
                bench.set("dawr0", at + 8);
                assert_eq!(bench.attempt(word, at), Done);
                assert_eq!(bench.attempt(word, at + 8), matched(at + 8, write));
                bench.set("dawr0", at);
                assert_eq!(bench.attempt(word, at), matched(at, write));
                bench.set("dawrx0", 0);
            }
        }
    }
}

/// r3 doublewords are stored, the 100th of which is watched; the loop is compiled long before.
fn a_loop_is_interrupted_at_its_instruction(kind: EngineKind) {
    let mut bench = Bench::new(kind);
    // stdu r6,8(r4); addi r6,r6,1; bdnz to the first
    bench.put(
        CODE,
        &[d(62, 6, 8 | 1), 14 << 26 | 6 << 21 | 6 << 16 | 1, 16 << 26 | 16 << 21 | 0xfff8],
        false,
    );
    for (name, value) in [("r4", DATA), ("r6", 0), ("ctr", 1000), ("pc", CODE)] {
        bench.set(name, value);
    }
    bench.watch(DATA + 800, 1, STORES);
    bench.engine.run(3 * 99 + 2);
    let cpu = &bench.engine.cpu;
    assert_eq!((cpu.cia, cpu.spr[26], cpu.spr[19]), (DSI, CODE, DATA + 800));
    assert_eq!((cpu.gpr[4], cpu.gpr[6], cpu.ctr), (DATA + 792, 99, 901));
}

fn guests_do_not_reach_the_registers(kind: EngineKind) {
    let mut bench = Bench::new(kind);
    for number in [180, 188] {
        let spr = (number & 31) << 16 | number >> 5 << 11;
        bench.set("r3", 0x77);
        // mtspr, mfspr: no-ops
        assert_eq!(bench.attempt(31 << 26 | 3 << 21 | spr | 467 << 1, 0), Done);
        assert_eq!(bench.attempt(31 << 26 | 3 << 21 | spr | 339 << 1, 0), Done);
        assert_eq!((bench.engine.cpu.gpr[3], bench.engine.cpu.spr[number as usize]), (0x77, 0));
    }
}

#[test]
fn the_registers_keep_their_fields_and_are_part_of_the_digest() {
    let mut bench = Bench::new(EngineKind::Interp);
    let before = bench.engine.cpu.digest();
    bench.set("dawr0", u64::MAX);
    assert_ne!(bench.engine.cpu.digest(), before);
    bench.set("dawrx0", u64::MAX);
    assert_eq!(bench.engine.cpu.register("dawr0"), Some(u128::from(u64::MAX - 7)));
    assert_eq!(bench.engine.cpu.register("dawrx0"), Some(0xfcff));
}
