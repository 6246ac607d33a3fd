//! Long random sequences of everything that touches the table, on the crate and on a simple model, bit for bit:
//! return codes, result registers, invalidations, table content, dirty sets, digest.

#[path = "model/mod.rs"]
mod model;

use hpt::{DirtyEntry, Hpt, Hpte, RealMap, Region, SegmentSize, VirtualAddress, VirtualPage};
use model::{Answer, Kind, Model, with_bits};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::RefCell;

const SHIFT: u32 = 18;
const SLOTS: u64 = 1 << (SHIFT - 4);

/// The crate's view of the model's address space; records what it is asked to do to pages.
#[derive(Default)]
struct Space {
    zeroed: RefCell<Vec<(u64, u64)>>,
    flushed: RefCell<Vec<(u64, u64)>>,
}

impl RealMap for Space {
    fn region(&self, addr: u64, len: u64) -> Region {
        match model::kind(addr, len) {
            Kind::Memory => Region::Ram,
            Kind::Device => Region::Io,
            Kind::Nothing => Region::Missing,
        }
    }

    fn zero(&self, addr: u64, len: u64) {
        self.zeroed.borrow_mut().push((addr, len));
    }

    fn flush_instructions(&self, addr: u64, len: u64) {
        self.flushed.borrow_mut().push((addr, len));
    }
}

/// A page a guest might map: few enough that operations meet.
#[derive(Clone, Copy, Debug)]
struct Page {
    vsid: u64,
    segment: SegmentSize,
    base: u32,
    actual: u32,
    lp: u64,
    offset: u64,
}

impl Page {
    fn address(&self) -> VirtualAddress {
        VirtualAddress { vsid: self.vsid, segment: self.segment, base_shift: self.base, offset: self.offset }
    }

    /// B and AVPN, from the 78-bit virtual address.
    fn avpn(&self) -> u64 {
        let (bits, b) = if self.segment == SegmentSize::T1 { (40, 1) } else { (28, 0) };
        let va = (u128::from(self.vsid) << bits | u128::from(self.offset)) >> self.base << self.base;
        with_bits(with_bits(0, 0, 1, b), 2, 56, (va >> 23) as u64)
    }

    fn group(&self) -> u64 {
        let vsid = if self.segment == SegmentSize::T1 { self.vsid ^ (self.vsid << 25) } else { self.vsid };
        (vsid ^ (self.offset >> self.base)) % (SLOTS / 8)
    }
}

#[derive(Clone, Debug)]
enum Op {
    Hcall(u64, [u64; 9]),
    Access(Page, u64, bool),
    Store(u64, u64, u64),
    Take(u64, usize),
    PutBack(u64),
    AllDirty,
    Clear,
}

fn page() -> impl Strategy<Value = Page> {
    let sizes = prop_oneof![
        4 => Just((12, 12, 0)),
        2 => Just((12, 16, 7)),
        1 => Just((12, 24, 0x38)),
        4 => Just((16, 16, 1)),
        1 => Just((16, 24, 8)),
        2 => Just((24, 24, 0)),
        1 => Just((34, 34, 3)),
    ];
    let vsid = prop_oneof![Just(0x1u64), Just(0x1ff_ffff), Just(0x3f_ffff_ffff), Just(0x8_1234_5678)];
    (sizes, vsid, any::<bool>(), 0..4u64, 0..4u64).prop_map(|((base, actual, lp), vsid, big, low, high)| {
        let segment = if big || base == 34 { SegmentSize::T1 } else { SegmentSize::M256 };
        let top = if segment == SegmentSize::T1 { high << 37 } else { high << 26 };
        let offset =
            (top | low << base) & if segment == SegmentSize::T1 { (1 << 40) - 1 } else { (1 << 28) - 1 };
        Page { vsid, segment, base, actual, lp, offset }
    })
}

fn ptex() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => page().prop_flat_map(|p| (0..8u64, any::<bool>()).prop_map(move |(slot, second)| {
            let group = if second { !p.group() % (SLOTS / 8) } else { p.group() };
            group * 8 + slot
        })),
        2 => 0..SLOTS,
        1 => Just(SLOTS - 1),
        1 => SLOTS..SLOTS + 9,
        1 => any::<u64>(),
    ]
}

/// Flags with a few bits of those that mean something.
fn flags() -> impl Strategy<Value = u64> {
    let some =
        vec(prop_oneof![Just(24u32), Just(26), Just(32), Just(33), Just(40), Just(41), Just(48)], 0..2);
    (some, prop_oneof![3 => Just(0u64), 1 => any::<u64>()])
        .prop_map(|(some, low)| some.iter().fold(low & 0x3fff & !0x8000, |f, n| f | 1 << (63 - n)))
}

/// Arguments of a sensible H_ENTER.
fn enter() -> impl Strategy<Value = Op> {
    let place = (0..8u64, any::<bool>(), 0..12u64);
    let misc = (any::<u64>(), 0..24u64, 0..8u32);
    (page(), flags(), place, misc).prop_map(|(page, flags, (slot, second, wrong), (noise, frame, odd))| {
        let group = if second { !page.group() % (SLOTS / 8) } else { page.group() };
        let group = if wrong == 0 { noise % (SLOTS / 8) } else { group };
        // Software and hypervisor bits as they come, now and then an invalid entry.
        let mut v = page.avpn() | noise & 0x78 | u64::from(odd != 1);
        v |= if page.actual > 12 { 4 } else { 0 } | if second { 2 } else { 0 };
        let real = if odd == 2 { model::DEVICE.start } else { frame << page.actual };
        let mut r = real >> page.actual << page.actual | page.lp << 12 | noise & 0xf000_0000_0000_0f87;
        r |= match odd {
            2 => 0x20 | noise & 0x18,
            3 => noise & 0x78,
            _ => 0x10,
        };
        Op::Hcall(8, [flags, group * 8 + slot, v, r, 0, 0, 0, 0, 0])
    })
}

/// What a comparison compares with: an AVPN that is there, a mask, anything.
fn condition() -> impl Strategy<Value = u64> {
    prop_oneof![page().prop_map(|p| p.avpn()), Just(0x10u64), Just(0), Just(0x7f), any::<u64>()]
}

fn bulk() -> impl Strategy<Value = Op> {
    let specifier = (
        prop_oneof![8 => Just(1u64), 1 => 0..4u64],
        prop_oneof![8 => 0..3u64, 1 => Just(3u64)],
        ptex(),
        condition(),
        0..16u64,
    );
    vec(specifier, 4).prop_map(|specifiers| {
        let mut args = [0; 9];
        for (n, (kind, control, ptex, low, noise)) in specifiers.into_iter().enumerate() {
            args[2 * n] =
                with_bits(with_bits(ptex, 0, 7, control), 0, 1, kind) | noise << 58 & 0x3c00_0000_0000_0000;
            args[2 * n + 1] = low;
        }
        Op::Hcall(0x124, args)
    })
}

fn op() -> impl Strategy<Value = Op> {
    let simple = prop_oneof![Just(4u64), Just(12), Just(16), Just(20), Just(24), Just(28)];
    prop_oneof![
        30 => enter(),
        12 => (simple, flags(), ptex(), condition())
            .prop_map(|(number, flags, ptex, cond)| Op::Hcall(number, [flags, ptex, cond, 0, 0, 0, 0, 0, 0])),
        2 => (flags(), ptex(), any::<u64>(), any::<u64>())
            .prop_map(|(flags, ptex, v, r)| Op::Hcall(8, [flags, ptex, v, r, 0, 0, 0, 0, 0])),
        4 => bulk(),
        20 => (page(), any::<u64>(), any::<bool>()).prop_map(|(p, within, store)| Op::Access(p, within, store)),
        1 => (0..SLOTS, any::<u64>(), any::<u64>()).prop_map(|(ptex, v, r)| Op::Store(ptex, v, r)),
        3 => (0..SLOTS, 0..40usize).prop_map(|(start, max)| Op::Take(start, max)),
        1 => Just(Op::Take(0, usize::MAX)),
        2 => (0..SLOTS).prop_map(Op::PutBack),
        1 => prop_oneof![4 => Just(Op::AllDirty), 1 => Just(Op::Clear)],
    ]
}

fn run_hcall(hpt: &Hpt, number: u64, args: &[u64; 9]) -> Option<Answer> {
    let space = Space::default();
    let outcome = hpt.dispatch(number, args, &space)?;
    Some(Answer {
        rc: outcome.rc,
        out: outcome.out().to_vec(),
        invalidated: outcome.invalidated().iter().map(|i| (i.ptex, i.entry.v, i.entry.r)).collect(),
        zeroed: space.zeroed.into_inner(),
        flushed: space.flushed.into_inner(),
    })
}

fn plain(taken: &[DirtyEntry]) -> Vec<(u64, u64, u64)> {
    taken.iter().map(|d| (d.ptex, d.entry.v, d.entry.r)).collect()
}

fn step(hpt: &Hpt, model: &mut Model, op: &Op) -> Result<(), TestCaseError> {
    match *op {
        Op::Hcall(number, ref args) => {
            let (got, want) = (run_hcall(hpt, number, args), model.hypercall(number, args));
            prop_assert_eq!(got, want, "{:x?}", op);
        }
        Op::Access(page, within, store) => {
            let within = within & ((1 << page.actual) - 1);
            let offset = page.offset >> page.actual << page.actual | within;
            let va = VirtualAddress { offset, ..page.address() };
            let found = hpt.lookup(&va);
            let segment = va.segment.shift();
            let want = model.search(va.vsid, segment, va.base_shift, offset);
            prop_assert_eq!(found.map(|f| (f.ptex, f.real.0, f.actual_shift)), want, "{:x?}", op);
            if let Some(found) = found {
                let entry = model.entries[found.ptex as usize];
                prop_assert_eq!((found.entry.v, found.entry.r), entry);
                let virtual_page = VirtualPage::of_entry(hpt.groups(), found.ptex, found.entry);
                let base_page = va.in_segment() >> page.base << page.base;
                let whole = virtual_page.map(|p| (p.vsid, p.segment, p.base_shift, p.actual_shift, p.offset));
                prop_assert_eq!(
                    whole,
                    Some((va.vsid, va.segment, va.base_shift, found.actual_shift, base_page))
                );
                prop_assert!(hpt.set_rc(found.ptex, found.entry, store));
                model.reference(found.ptex, store);
            }
        }
        Op::Store(ptex, v, r) => {
            hpt.store(ptex, Hpte { v, r }).map_err(|e| TestCaseError::fail(e.to_string()))?;
            model.set(ptex, v, r);
        }
        Op::Take(start, max) => {
            let mut taken = Vec::new();
            let next = hpt.take_dirty(start, max, &mut taken);
            let (want, want_next) = model.take(start, max);
            prop_assert!(plain(&taken) == want, "{} entries taken, expected {}", taken.len(), want.len());
            prop_assert_eq!(next, want_next);
        }
        Op::PutBack(ptex) => {
            hpt.mark_dirty(ptex).map_err(|e| TestCaseError::fail(e.to_string()))?;
            model.dirty.insert(ptex);
            prop_assert!(hpt.is_dirty(ptex));
        }
        Op::AllDirty => {
            hpt.mark_all_dirty();
            model.dirty.extend(0..SLOTS);
        }
        Op::Clear => {
            hpt.clear();
            model.entries.fill((0, 0));
            model.dirty.extend(0..SLOTS);
        }
    }
    prop_assert_eq!(hpt.dirty_count(), model.dirty.len() as u64, "{:x?}", op);
    Ok(())
}

fn compare(hpt: &Hpt, model: &Model) -> Result<(), TestCaseError> {
    let mut hash = blake3::Hasher::new();
    hash.update(&SHIFT.to_le_bytes());
    for (ptex, &(v, r)) in model.entries.iter().enumerate() {
        let entry = hpt.entry(ptex as u64).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!((entry.guest().v, entry.r), (v, r), "entry {:#x}", ptex);
        prop_assert_eq!(entry.v & 0x20, 0, "entry {:#x} is left locked", ptex);
        if (v, r) != (0, 0) {
            hash.update(&(ptex as u64).to_le_bytes()).update(&v.to_le_bytes()).update(&r.to_le_bytes());
        }
    }
    let mut dirty = Vec::new();
    hpt.for_each_dirty(0, |d| {
        dirty.push(d.ptex);
        true
    });
    prop_assert!(
        dirty.iter().eq(&model.dirty),
        "{} dirty entries, expected {}",
        dirty.len(),
        model.dirty.len()
    );
    prop_assert_eq!(hpt.valid_entries(), model.entries.iter().filter(|e| e.0 & 1 == 1).count() as u64);
    prop_assert_eq!(hpt.digest(), *hash.finalize().as_bytes());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_and_the_model_agree_on_long_random_sequences(ops in vec(op(), 1..600)) {
        let hpt = Hpt::new(SHIFT).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut model = Model::new(SHIFT);
        for op in &ops {
            step(&hpt, &mut model, op)?;
        }
        compare(&hpt, &model)?;
    }
}
