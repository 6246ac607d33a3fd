//! Which entries changed since they were last taken.
//!
//! The truth about an entry is the dirty bit in its doubleword 0, set by the update path in the same store as the
//! change. Above it stands a summary, one bit for each group, so that a pass costs what is dirty and not what
//! exists. A second tree says "everything below here is dirty" for whole subtrees, which makes marking a table of
//! any size dirty a matter of one word; it is pushed down as a pass reaches it.
//!
//! Take and clear is atomic for each entry: the taker clears the summary bit of a group first and each entry's
//! dirty bit under that entry's lock. A change that comes before is in what the taker gets, a change that comes
//! after sets both again. Nothing is lost, and at worst a summary bit is set above a clean group.

use crate::error::HptError;
use crate::hpte::{GROUP_SLOTS, Hpte};
use crate::table::Hpt;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use track::bits::BitTree;

/// An entry that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirtyEntry {
    /// Its index.
    pub ptex: u64,
    /// Its value without the hypervisor's bits.
    pub entry: Hpte,
}

/// The summary.
pub(crate) struct DirtyMap {
    /// Groups with a dirty entry, and (in every level) subtrees with the bit in `all` set.
    some: BitTree,
    /// Subtrees all of whose entries are dirty. Its words below a set bit mean nothing. Only under `walk`.
    all: BitTree,
    /// Groups with an entry that changed since the base (`crate::passes`). Cleared and searched under `walk`.
    pub(crate) changed: BitTree,
    /// Whether there is a base.
    pub(crate) based: AtomicBool,
    /// Groups with an entry that changed since the table was frozen, or made from a frozen one (`crate::frozen`).
    pub(crate) since: OnceLock<BitTree>,
    walk: Mutex<()>,
}

impl DirtyMap {
    pub(crate) fn new(groups: u64) -> Result<Self, HptError> {
        Ok(Self {
            some: BitTree::new(groups)?,
            all: BitTree::new(groups)?,
            changed: BitTree::new(groups)?,
            based: AtomicBool::new(false),
            since: OnceLock::new(),
            walk: Mutex::new(()),
        })
    }

    /// Notes that a group has a dirty entry.
    #[inline]
    pub(crate) fn mark(&self, group: u64) {
        self.some.set(group);
        self.changed.set(group);
        if let Some(since) = self.since.get() {
            since.set(group);
        }
    }

    pub(crate) fn walk(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data that a panic could leave half-changed for good.
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves "everything below is dirty" one level down, if it is set at this bit.
    fn push_down(&self, level: usize, index: u64) {
        if level > 0 && self.all.clear_bit(level, index) {
            self.all.fill_word(level - 1, index);
            self.some.fill_word(level - 1, index);
        }
    }

    /// Whether everything is dirty, as after a reset; if so nothing is from now on but entries' own dirty bits.
    pub(crate) fn take_reset(&self) -> bool {
        let reset = self.all_dirty();
        if reset {
            self.forget();
        }
        reset
    }

    /// Whether everything is dirty and no part of it was taken since; under `walk`.
    pub(crate) fn all_dirty(&self) -> bool {
        let top = self.all.levels() - 1;
        self.all.word(top, 0) == self.all.full_word(top, 0)
    }

    /// Clears "everything below here is dirty" wherever it is set. Costs what is dirty.
    pub(crate) fn forget_all(&self, level: usize, index: u64) {
        if level == 0 {
            return;
        }
        let mut word = self.some.word(level - 1, index);
        while word != 0 {
            let child = (index << 6) + u64::from(word.trailing_zeros());
            word &= word - 1;
            self.all.clear_bit(level - 1, child);
            // Words below a bit that was set mean nothing, so they are cleared as well.
            self.forget_all(level - 1, child);
        }
    }

    /// As [`DirtyMap::forget_all`] from the top.
    pub(crate) fn forget(&self) {
        self.forget_all(self.all.levels(), 0);
    }

    /// Notes that a group's entries are about to be taken, all of them.
    pub(crate) fn clear(&self, group: u64) {
        self.all.clear_bit(0, group);
        self.some.clear(group);
    }

    fn push_down_to(&self, group: u64) {
        for level in (1..self.all.levels()).rev() {
            self.push_down(level, group >> (6 * level));
        }
    }

    /// The first group from `from` on that may have a dirty entry.
    fn next(&self, from: u64) -> Option<u64> {
        // The search begins at the leaf of `from`, whose word must mean something.
        self.push_down_to(from);
        self.some.next(from, |level, index| self.push_down(level, index))
    }
}

impl Hpt {
    /// Takes up to `max` dirty entries, ascending from index `start`, marks them clean and appends them to `out`.
    ///
    /// Returns where to continue, or `None` when no dirty entry is left behind the last one taken. Entries that
    /// change meanwhile are marked again, before or behind that place. An entry once taken must reach its
    /// destination or be put back by [`Hpt::mark_dirty`].
    pub fn take_dirty(&self, start: u64, max: usize, out: &mut Vec<DirtyEntry>) -> Option<u64> {
        let _walk = self.dirty.walk();
        self.take_dirty_walking(start, max, out)
    }

    /// [`Hpt::take_dirty`], for a caller that holds the walk already.
    pub(crate) fn take_dirty_walking(
        &self,
        start: u64,
        max: usize,
        out: &mut Vec<DirtyEntry>,
    ) -> Option<u64> {
        let map = &self.dirty;
        if start >= self.slots() {
            return None;
        }
        let mut left = max;
        let mut from = start;
        while let Some(group) = map.next(from / GROUP_SLOTS) {
            let first = group * GROUP_SLOTS;
            // Beginning inside a group leaves what lies before in place.
            let skipped = from.saturating_sub(first);
            let all = map.all.clear_bit(0, group);
            map.some.clear(group);
            for ptex in first..first + GROUP_SLOTS {
                if ptex - first >= skipped && left > 0 {
                    if let Some(entry) = self.take_entry(ptex, all) {
                        out.push(DirtyEntry { ptex, entry });
                        left -= 1;
                        from = ptex + 1;
                    }
                } else if all {
                    self.mark(ptex);
                } else if self.has_dirty_bit(ptex) {
                    map.some.set(group);
                }
            }
            if left == 0 {
                return self.next_dirty(from);
            }
            from = first + GROUP_SLOTS;
            if from >= self.slots() {
                return None;
            }
        }
        None
    }

    /// The first dirty entry from `from` on; under `walk`.
    fn next_dirty(&self, from: u64) -> Option<u64> {
        let mut from = from;
        while from < self.slots() {
            let group = self.dirty.next(from / GROUP_SLOTS)?;
            from = from.max(group * GROUP_SLOTS);
            if self.dirty.all.get(0, group) {
                return Some(from);
            }
            let end = (group + 1) * GROUP_SLOTS;
            if let Some(found) = (from..end).find(|&p| self.has_dirty_bit(p)) {
                return Some(found);
            }
            from = end;
        }
        None
    }

    /// Shows every dirty entry from index `start` on, ascending, until `visit` returns false; takes nothing.
    ///
    /// `visit` must not call the other functions of this file.
    pub fn for_each_dirty(&self, start: u64, mut visit: impl FnMut(DirtyEntry) -> bool) {
        let _walk = self.dirty.walk();
        let mut from = start;
        while let Some(ptex) = self.next_dirty(from) {
            if !visit(DirtyEntry { ptex, entry: self.read(ptex).guest() }) {
                return;
            }
            from = ptex + 1;
        }
    }

    /// Marks an entry dirty, as when it was taken but did not arrive.
    ///
    /// # Errors
    /// [`HptError::Ptex`] beyond the table.
    pub fn mark_dirty(&self, ptex: u64) -> Result<(), HptError> {
        self.check(ptex)?;
        self.mark(ptex);
        Ok(())
    }

    /// Marks every entry dirty, the empty ones included, at a cost that does not depend on the table's size.
    pub fn mark_all_dirty(&self) {
        let map = &self.dirty;
        let _walk = map.walk();
        let top = map.all.levels() - 1;
        map.all.fill_word(top, 0);
        map.some.fill_word(top, 0);
    }

    /// Whether an entry is dirty. False beyond the table.
    pub fn is_dirty(&self, ptex: u64) -> bool {
        if ptex >= self.slots() {
            return false;
        }
        let map = &self.dirty;
        let _walk = map.walk();
        let group = ptex / GROUP_SLOTS;
        (0..map.all.levels()).any(|level| map.all.get(level, group >> (6 * level)))
            || self.has_dirty_bit(ptex)
    }

    /// Number of dirty entries, at the cost of reading the dirty groups.
    pub fn dirty_count(&self) -> u64 {
        let _walk = self.dirty.walk();
        self.count_below(self.dirty.all.levels(), 0)
    }

    /// Dirty entries below bit `index` of `level`; the level above the top has the one bit 0.
    fn count_below(&self, level: usize, index: u64) -> u64 {
        let map = &self.dirty;
        if level == 0 {
            let first = index * GROUP_SLOTS;
            return (first..first + GROUP_SLOTS).filter(|&p| self.has_dirty_bit(p)).count() as u64;
        }
        let mut word = map.some.word(level - 1, index);
        let mut count = 0;
        while word != 0 {
            let child = (index << 6) + u64::from(word.trailing_zeros());
            word &= word - 1;
            count += if map.all.get(level - 1, child) {
                GROUP_SLOTS << (6 * (level - 1))
            } else {
                self.count_below(level - 1, child)
            };
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hcall::{H_CLEAR_MOD, H_CLEAR_REF, H_PROTECT};
    use crate::testing::{Result, address, call, map, remove, take_all};

    #[test]
    fn every_kind_of_change_marks_the_entry() -> Result {
        let hpt = Hpt::new(18)?;
        let ptex = map(&hpt, 5, 0);
        assert_eq!(take_all(&hpt), [ptex], "H_ENTER");
        let found = hpt.lookup(&address(5)).map(|f| f.entry).unwrap_or_default();
        assert!(hpt.set_rc(ptex, found, false));
        assert_eq!(take_all(&hpt), [ptex], "reference");
        assert!(hpt.set_rc(ptex, found, true));
        assert_eq!(take_all(&hpt), [ptex], "change");
        assert!(hpt.set_rc(ptex, found, true));
        assert_eq!(take_all(&hpt), [], "nothing left to set");
        for number in [H_CLEAR_REF, H_CLEAR_MOD] {
            call(&hpt, number, &[0, ptex]);
            assert_eq!(take_all(&hpt), [ptex], "hypercall {number:#x}");
            call(&hpt, number, &[0, ptex]);
            assert_eq!(take_all(&hpt), [], "hypercall {number:#x} again");
        }
        call(&hpt, H_PROTECT, &[3, ptex, 0]);
        assert_eq!(take_all(&hpt), [ptex], "H_PROTECT");
        remove(&hpt, ptex);
        assert_eq!(take_all(&hpt), [ptex], "H_REMOVE");
        Ok(())
    }

    #[test]
    fn dirty_entries_survive_a_failed_attempt() -> Result {
        let hpt = Hpt::new(18)?;
        let all: Vec<u64> = (0..100).map(|page| map(&hpt, page, page << 16)).collect();
        let mut taken = Vec::new();
        hpt.take_dirty(0, 60, &mut taken);
        assert_eq!((taken.len(), hpt.dirty_count()), (60, 40));
        for dirty in &taken {
            hpt.mark_dirty(dirty.ptex)?;
        }
        let mut sorted = all;
        sorted.sort_unstable();
        assert_eq!(take_all(&hpt), sorted);
        Ok(())
    }

    #[test]
    fn marking_everything_dirty_does_not_depend_on_the_size_of_the_table() -> Result {
        let hpt = Hpt::new(46)?;
        hpt.mark_all_dirty();
        assert_eq!(hpt.dirty_count(), hpt.slots());
        let mut taken = Vec::new();
        let middle = hpt.slots() / 2 + 3;
        assert_eq!(hpt.take_dirty(middle, 1000, &mut taken), Some(middle + 1000));
        assert!(taken.iter().map(|d| d.ptex).eq(middle..middle + 1000));
        assert_eq!(hpt.dirty_count(), hpt.slots() - 1000);
        assert!(hpt.is_dirty(middle - 1) && !hpt.is_dirty(middle) && hpt.is_dirty(middle + 1000));
        Ok(())
    }

    #[test]
    fn a_pass_in_small_steps_takes_every_entry_once() -> Result {
        let hpt = Hpt::new(18)?;
        hpt.mark_all_dirty();
        let (mut taken, mut next) = (Vec::new(), Some(0));
        while let Some(start) = next {
            next = hpt.take_dirty(start, 37, &mut taken);
        }
        assert!(taken.iter().map(|d| d.ptex).eq(0..hpt.slots()));
        assert_eq!(hpt.dirty_count(), 0);
        Ok(())
    }

    #[test]
    fn an_entry_removed_after_it_was_taken_is_taken_again_as_zero() -> Result {
        let hpt = Hpt::new(18)?;
        let ptex = map(&hpt, 5, 0);
        take_all(&hpt);
        remove(&hpt, ptex);
        let mut taken = Vec::new();
        assert_eq!(hpt.take_dirty(0, 2, &mut taken), None);
        assert_eq!(taken, [DirtyEntry { ptex, entry: Hpte::default() }]);
        Ok(())
    }

    #[test]
    fn a_reset_after_a_pass_makes_every_entry_dirty_again() -> Result {
        let hpt = Hpt::new(18)?;
        map(&hpt, 5, 0);
        take_all(&hpt);
        hpt.clear();
        assert_eq!((hpt.valid_entries(), hpt.dirty_count()), (0, hpt.slots()));
        Ok(())
    }

    #[test]
    fn looking_at_dirty_entries_takes_none_and_may_stop_early() -> Result {
        let hpt = Hpt::new(18)?;
        for page in 0..10 {
            map(&hpt, page, 0);
        }
        let mut seen = 0;
        hpt.for_each_dirty(0, |_| {
            seen += 1;
            seen < 4
        });
        assert_eq!((seen, hpt.dirty_count()), (4, 10));
        Ok(())
    }
}
