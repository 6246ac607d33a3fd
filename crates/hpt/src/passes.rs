//! Passes: what a save or a migration sends of the table, a chunk at a time, while the guest may run.
//!
//! | start | sends | marks |
//! |---|---|---|
//! | everything, live | an erase mark, then entries in use | takes dirty marks as it goes |
//! | changes, live | dirty entries, in use or not | takes their marks |
//! | everything, base | an erase mark, then entries in use | begins a new base; dirty marks stay |
//! | changes, base | entries of groups changed since the base | begins a new base; dirty marks stay |
//! | everything, none | an erase mark, then entries in use | none taken |
//!
//! An entry is in use when it is not zero; nearly always it is valid then.
//! A table that is wholly dirty, as after a reboot of the guest, is sent as "erase, then entries in use" too, even in
//! the middle of a pass: what it costs is what is in use, however large the table.
//!
//! Must hold: an entry that changes after a pass has sent it is marked again and so belongs to a later pass.

use crate::chunk::{ENTRY_MAX, Writer};
use crate::dirty::DirtyEntry;
use crate::error::HptError;
use crate::hpte::GROUP_SLOTS;
use crate::table::Hpt;
use crate::{bits::BitTree, hpte::Hpte};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which marks a pass takes. The sets are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// What changed since a live pass sent it.
    Live,
    /// What changed since the base, the last pass of this kind.
    Base,
    /// None: everything is sent and nothing is noted.
    None,
}

/// Some entries on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// In the format of [`crate::chunk`].
    pub bytes: Vec<u8>,
    /// Entries in it that have a value; but for oddities of the guest they are valid.
    pub valid: u64,
    /// Entries in it that become zero.
    pub invalid: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Entries in use of the whole table.
    InUse,
    /// Dirty entries.
    Dirty,
    /// Entries of the groups in `taken`.
    Groups,
}

struct State {
    mode: Mode,
    /// Where to go on; `None` when the pass is over.
    cursor: Option<u64>,
    /// The next chunk begins with the erase mark.
    erase: bool,
    /// Everything was to be sent at some time of this pass.
    everything: bool,
    /// There was a base before this pass.
    was_based: bool,
    /// Live: entries that were taken. Base: groups.
    taken: BitTree,
    /// Entries expected to come, as counted at the start.
    left: u64,
}

/// One pass over the table. `next` may be called while processors run.
pub struct HptPass {
    hpt: Arc<Hpt>,
    marks: Marks,
    state: Mutex<State>,
}

impl HptPass {
    /// Begins a pass. One live pass at a time makes sense.
    ///
    /// # Errors
    /// [`HptError::Memory`]; [`HptError::NoBase`] for the changes since a base that does not exist.
    pub fn start(hpt: &Arc<Hpt>, everything: bool, marks: Marks) -> Result<Self, HptError> {
        let map = &hpt.dirty;
        let mut state = State {
            mode: Mode::InUse,
            cursor: Some(0),
            erase: true,
            everything: true,
            was_based: hpt.has_base(),
            taken: BitTree::new(if marks == Marks::Base { hpt.groups() } else { hpt.slots() })?,
            left: 0,
        };
        let walk = map.walk();
        match (marks, everything) {
            (Marks::Live, true) => map.forget(),
            (Marks::Live, false) if map.take_reset() => {}
            (Marks::Live, false) => state.become_changes(Mode::Dirty),
            (Marks::Base, true) => {
                map.based.store(true, SeqCst);
                map.changed.drain(|parent, bits| state.taken.set_word(parent, bits));
            }
            (Marks::Base, false) if map.based.load(SeqCst) => {
                map.changed.drain(|parent, bits| state.taken.set_word(parent, bits));
                state.become_changes(Mode::Groups);
            }
            (Marks::Base | Marks::None, false) => return Err(HptError::NoBase),
            (Marks::None, true) => {}
        }
        drop(walk);
        state.left = match state.mode {
            Mode::InUse => hpt.valid_entries(),
            Mode::Dirty => hpt.dirty_count(),
            Mode::Groups => state.taken.count() * GROUP_SLOTS,
        };
        Ok(Self { hpt: hpt.clone(), marks, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunk of about `max_bytes` at most, at least one entry; `None` when the pass is over.
    pub fn next(&self, max_bytes: usize) -> Option<Chunk> {
        let mut state = self.state();
        let state = &mut *state;
        state.cursor?;
        let _walk = self.hpt.dirty.walk();
        if self.marks == Marks::Live && self.hpt.dirty.take_reset() {
            state.restart(self.hpt.valid_entries());
        }
        let mut writer = Writer::new(std::mem::take(&mut state.erase));
        let mut batch = Vec::new();
        while let Some(cursor) = state.cursor {
            let room = max_bytes.saturating_sub(writer.len()) / ENTRY_MAX;
            if room == 0 && writer.valid + writer.invalid > 0 {
                break;
            }
            batch.clear();
            state.cursor = match state.mode {
                Mode::InUse => self.take_in_use(cursor, room.max(1), &mut batch),
                Mode::Dirty => self.hpt.take_dirty_walking(cursor, room.max(1), &mut batch),
                Mode::Groups => self.read_group(&state.taken, cursor, &mut batch),
            };
            for taken in &batch {
                writer.entry(taken.ptex, taken.entry);
                if state.mode == Mode::Dirty {
                    state.taken.set(taken.ptex);
                }
            }
        }
        let (valid, invalid) = (writer.valid, writer.invalid);
        state.left = if state.cursor.is_none() { 0 } else { state.left.saturating_sub(valid + invalid) };
        let bytes = writer.finish();
        (!bytes.is_empty()).then_some(Chunk { bytes, valid, invalid })
    }

    /// Entries in use from `from` on; where to go on. The marks of the zero ones are taken as well: the erase mark has
    /// told the other side.
    fn take_in_use(&self, from: u64, max: usize, out: &mut Vec<DirtyEntry>) -> Option<u64> {
        let hpt = &*self.hpt;
        let mut from = from;
        while let Some(group) = hpt.touched.next_from(from / GROUP_SLOTS) {
            let first = group * GROUP_SLOTS;
            if out.len() == max {
                return Some(from.max(first));
            }
            let begin = from.max(first);
            if self.marks == Marks::Live && begin == first {
                hpt.dirty.clear(group);
            }
            for ptex in begin..first + GROUP_SLOTS {
                if out.len() == max {
                    return Some(ptex);
                }
                let entry =
                    if self.marks == Marks::Live { hpt.take_any(ptex) } else { hpt.read(ptex).guest() };
                if entry != Hpte::default() {
                    out.push(DirtyEntry { ptex, entry });
                }
            }
            from = first + GROUP_SLOTS;
            if from >= hpt.slots() {
                break;
            }
        }
        None
    }

    /// The entries of the first group of `groups` from `from` on; where to go on.
    fn read_group(&self, groups: &BitTree, from: u64, out: &mut Vec<DirtyEntry>) -> Option<u64> {
        let group = groups.next_from(from / GROUP_SLOTS)?;
        let first = group * GROUP_SLOTS;
        let entries = first..first + GROUP_SLOTS;
        out.extend(entries.map(|ptex| DirtyEntry { ptex, entry: self.hpt.read(ptex).guest() }));
        Some(first + GROUP_SLOTS).filter(|next| *next < self.hpt.slots())
    }

    /// Entries expected to come; 0 when the pass is over.
    pub fn remaining(&self) -> u64 {
        self.state().left
    }

    /// The pass has failed: everything it took, sent or not, is marked again, and it is over.
    pub fn put_back(&self) {
        let mut state = self.state();
        let hpt = &*self.hpt;
        state.cursor = None;
        state.left = 0;
        match self.marks {
            Marks::Live if state.everything => hpt.mark_all_dirty(),
            Marks::Live => state.taken.drain(|parent, bits| {
                for bit in (0..64).filter(|bit| bits >> bit & 1 != 0) {
                    hpt.mark(parent << 6 | bit);
                }
            }),
            Marks::Base => {
                let _walk = hpt.dirty.walk();
                hpt.dirty.based.store(state.was_based, SeqCst);
                state.taken.drain(|parent, bits| hpt.dirty.changed.set_word(parent, bits));
            }
            Marks::None => {}
        }
        state.everything = false;
    }
}

impl State {
    fn become_changes(&mut self, mode: Mode) {
        self.mode = mode;
        self.erase = false;
        self.everything = false;
    }

    /// The whole table has become dirty: what was sent no longer counts.
    fn restart(&mut self, left: u64) {
        self.mode = Mode::InUse;
        self.cursor = Some(0);
        self.erase = true;
        self.everything = true;
        self.left = left;
    }
}

impl Hpt {
    /// What the table holds now is a base: the changes from here on are those since it.
    pub fn set_base(&self) {
        let _walk = self.dirty.walk();
        self.dirty.based.store(true, SeqCst);
        self.dirty.changed.drain(|_, _| ());
    }

    /// Whether changes since a base are known.
    pub fn has_base(&self) -> bool {
        self.dirty.based.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::WORDS_READ;
    use crate::hcall::H_REMOVE;
    use crate::hpte::V_VALID;
    use crate::testing::{address, call, enter, entry_for, map, primary, remove};
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::Relaxed;

    type Fallible = std::result::Result<(), Box<dyn std::error::Error>>;

    fn entry(n: u64) -> Hpte {
        Hpte { v: n << 12 | V_VALID, r: n << 16 }
    }

    /// Sends a whole pass in chunks of `max` bytes; returns bytes, values and zeroes.
    fn send(
        pass: &HptPass,
        to: &Hpt,
        max: usize,
    ) -> std::result::Result<(u64, u64, u64), crate::StreamError> {
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
        (0..500).for_each(|page| drop(map(&from, page, page << 16)));
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
    fn a_reboot_in_the_middle_of_a_pass_begins_it_again() -> Fallible {
        for everything in [true, false] {
            let (from, to) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?);
            (0..500).for_each(|page| drop(map(&from, page, page << 16)));
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
                places[..50].iter().for_each(|ptex| drop(call(&from, H_REMOVE, &[0, *ptex, 0])));
            }
            let pass = HptPass::start(&from, everything, Marks::Live)?;
            pass.next(if everything { 1000 } else { 60 }).ok_or("a chunk")?;
            pass.put_back();
            assert_eq!((pass.remaining(), pass.next(1000)), (0, None));
            assert_eq!(from.dirty_count(), if everything { from.slots() } else { 50 });
            let to = Hpt::new(20)?;
            if !everything {
                (0..500).for_each(|page| drop(map(&to, page, page << 16)));
            }
            send(&HptPass::start(&from, false, Marks::Live)?, &to, 1000)?;
            assert_eq!(to.digest(), from.digest());
        }
        Ok(())
    }

    #[test]
    fn the_base_and_the_live_marks_do_not_disturb_each_other() -> Fallible {
        let (from, live, base) = (Arc::new(Hpt::new(20)?), Hpt::new(20)?, Hpt::new(20)?);
        (0..500).for_each(|page| drop(map(&from, page, page << 16)));
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
        (0..50).for_each(|page| drop(map(&from, page, page << 16)));
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
            let mut sent = || -> Fallible {
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
}
