//! A table as it was at some moment. Any number of tables begin with its entries, and share the host's pages with it until
//! they write; one of them, or the table that was frozen, goes back to it by undoing what has changed.
//!
//! Must hold: no processor runs while a table is frozen or goes back. Every change of an entry marks its group in
//! `DirtyMap::since` (the update path does), so groups without a mark are as they were.

use crate::dirty::DirtyMap;
use crate::error::HptError;
use crate::hpte::{GROUP_SHIFT, GROUP_SLOTS, Hpte, V_HYPERVISOR};
use crate::table::Hpt;
use std::sync::atomic::{AtomicU64, Ordering::*};
use track::bits::BitTree;
use track::{FrozenWords, LazyWords};

/// Words in a page of the host, whatever its size.
const ALIGN: u64 = (64 << 10) / 8;

/// A table's entries at some moment.
pub struct Frozen {
    /// The entries without the hypervisor's bits, then the set of groups that were ever written.
    words: FrozenWords,
    shift: u32,
    /// Unlike that of every other in this process.
    number: u64,
}

impl Frozen {
    /// log2 of the table's bytes.
    pub fn shift(&self) -> u32 {
        self.shift
    }

    fn entry(&self, ptex: u64) -> Hpte {
        let at = ptex as usize * 2;
        Hpte { v: self.words[at].load(Relaxed), r: self.words[at + 1].load(Relaxed) }
    }
}

/// Where the set of groups begins.
fn sets(shift: u32) -> u64 {
    (1u64 << (shift - 3)).next_multiple_of(ALIGN)
}

impl Hpt {
    /// Freezes the entries.
    ///
    /// # Errors
    /// [`HptError::Memory`].
    pub fn freeze(&self) -> Result<Frozen, HptError> {
        static FROZEN: AtomicU64 = AtomicU64::new(0);
        self.follow()?;
        let sets = sets(self.shift);
        let words = FrozenWords::new(sets + self.touched.words(), |words| {
            for ptex in self.written() {
                let at = ptex as usize * 2;
                let (v, r) = (self.words[at].load(Acquire) & !V_HYPERVISOR, self.words[at + 1].load(Relaxed));
                if v | r != 0 {
                    words[at].store(v, Relaxed);
                    words[at + 1].store(r, Relaxed);
                }
            }
            self.touched.freeze(&words[sets as usize..]);
        })?;
        let number = FROZEN.fetch_add(1, Relaxed) + 1;
        self.changes_from(number);
        Ok(Frozen { words, shift: self.shift, number })
    }

    /// A table with these entries. Nothing is dirty, and there is no base.
    ///
    /// # Errors
    /// [`HptError::Memory`].
    pub fn from_frozen(frozen: &Frozen) -> Result<Self, HptError> {
        let groups = 1 << (frozen.shift - GROUP_SHIFT);
        let made = Self {
            words: LazyWords::copy_of(&frozen.words, 0, 1 << (frozen.shift - 3))?,
            shift: frozen.shift,
            touched: BitTree::copy_of(groups, &frozen.words, sets(frozen.shift))?,
            dirty: DirtyMap::new(groups)?,
            origin: AtomicU64::new(0),
        };
        made.follow()?;
        made.changes_from(frozen.number);
        Ok(made)
    }

    /// Goes back to these entries by undoing what has changed; entries that change by that are dirty. Returns the number of
    /// groups that had changed, or `None`, with nothing done, for a table that was neither frozen as these nor made
    /// from them.
    pub fn reset_to(&self, frozen: &Frozen) -> Option<u64> {
        let since = self.dirty.since.get()?;
        if self.origin.load(Relaxed) != frozen.number {
            return None;
        }
        let mut changed = Vec::new();
        since.drain(|parent, bits| changed.push((parent, bits)));
        let mut groups = 0;
        for (parent, mut bits) in changed {
            while bits != 0 {
                let group = parent << 6 | u64::from(bits.trailing_zeros());
                bits &= bits - 1;
                groups += 1;
                for ptex in group * GROUP_SLOTS..(group + 1) * GROUP_SLOTS {
                    self.update(ptex, |_| Some(frozen.entry(ptex)));
                }
            }
        }
        since.drain(|_, _| ());
        Some(groups)
    }

    /// Whether nothing has changed since the table was frozen as this, or made from it.
    pub fn is_still(&self, frozen: &Frozen) -> bool {
        let since = self.dirty.since.get();
        self.origin.load(Relaxed) == frozen.number && since.is_some_and(|since| since.next_from(0).is_none())
    }

    /// From now on changes are marked for `reset_to`.
    fn follow(&self) -> Result<(), HptError> {
        if self.dirty.since.get().is_none() {
            // If another thread is quicker, its set is as good.
            let _ = self.dirty.since.set(BitTree::new(self.groups())?);
        }
        Ok(())
    }

    /// Nothing has changed since the entries were those of `number`.
    fn changes_from(&self, number: u64) {
        if let Some(since) = self.dirty.since.get() {
            since.drain(|_, _| ());
        }
        self.origin.store(number, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Result, map, remove};

    fn filled() -> std::result::Result<Hpt, HptError> {
        let hpt = Hpt::new(20)?;
        for page in 0..300 {
            map(&hpt, page, page << 16);
        }
        Ok(hpt)
    }

    #[test]
    fn tables_from_a_frozen_one_share_its_entries_and_go_their_own_ways() -> Result {
        let hpt = filled()?;
        let then = hpt.digest();
        let frozen = hpt.freeze()?;
        let (one, other) = (Hpt::from_frozen(&frozen)?, Hpt::from_frozen(&frozen)?);
        assert_eq!((one.digest(), one.dirty_count(), one.valid_entries()), (then, 0, 300));
        map(&one, 1000, 1 << 16);
        remove(&hpt, map(&hpt, 2000, 1 << 16));
        for ptex in hpt.written().filter(|&ptex| hpt.read(ptex).is_valid()).take(20).collect::<Vec<_>>() {
            remove(&hpt, ptex);
        }
        assert_eq!((other.digest(), Hpt::from_frozen(&frozen)?.digest()), (then, then));
        assert_ne!(one.digest(), then);
        assert_ne!(hpt.digest(), then);
        Ok(())
    }

    #[test]
    fn going_back_undoes_every_change_and_marks_it() -> Result {
        let hpt = filled()?;
        let then = hpt.digest();
        let frozen = hpt.freeze()?;
        let copy = Hpt::from_frozen(&frozen)?;
        for table in [&hpt, &copy] {
            for round in 0..3 {
                assert!(table.is_still(&frozen));
                let (mine, another) = (map(table, 5000 + round, 1 << 16), map(table, 7000, 2 << 16));
                remove(table, another);
                let found = table.read(mine).guest();
                assert!(table.set_rc(mine, found, true));
                let before = table.written().find(|&ptex| table.read(ptex).is_valid() && ptex != mine);
                remove(table, before.expect("a valid entry"));
                table.take_dirty(0, usize::MAX, &mut Vec::new());
                assert!(!table.is_still(&frozen));
                assert!(table.reset_to(&frozen).is_some_and(|groups| (1..=3).contains(&groups)));
                assert_eq!(table.digest(), then);
                assert!(table.dirty_count() >= 2, "who was sent the entry hears that it has changed again");
            }
            table.clear();
            assert_eq!(table.reset_to(&frozen).map(|_| table.digest()), Some(then));
        }
        Ok(())
    }

    #[test]
    fn a_table_does_not_go_back_to_entries_that_it_never_had() -> Result {
        let (hpt, other) = (filled()?, filled()?);
        let (first, second) = (hpt.freeze()?, hpt.freeze()?);
        for (table, frozen) in [(&other, &first), (&hpt, &first), (&Hpt::from_frozen(&first)?, &second)] {
            assert_eq!(table.reset_to(frozen), None);
        }
        assert_eq!(hpt.reset_to(&second), Some(0));
        Ok(())
    }
}
