//! A set of small integers as a bitmap with 64-ary summaries above it, so that members are found without reading
//! the words that have none. Lazily backed: an empty set of 2^39 costs nothing.
//!
//! Must hold once no call is under way: a bit of level k+1 is set if (not only if) its word of level k is not
//! zero. Setters run concurrently with everything; only one thread at a time may clear or search.

use crate::error::NoMemory;
use crate::words::{FrozenWords, LazyWords};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

/// Levels that 2^39 bits need.
const MAX_LEVELS: usize = 7;

/// A set of integers below a power of two.
pub struct BitTree {
    words: LazyWords,
    /// Where each level begins in `words`, level 0 (the members) first.
    start: [usize; MAX_LEVELS],
    /// Bits of each level.
    bits: [u64; MAX_LEVELS],
    levels: usize,
}

impl BitTree {
    /// An empty set of integers below `size`, a power of two up to 2^39.
    ///
    /// # Errors
    /// [`NoMemory`] when the host has no address space for it.
    pub fn new(size: u64) -> Result<Self, NoMemory> {
        Self::of(size, LazyWords::new)
    }

    /// The set of integers below `size` that [`BitTree::freeze`] has put into `frozen` from word `from` on.
    ///
    /// # Errors
    /// As [`LazyWords::copy_of`].
    pub fn copy_of(size: u64, frozen: &FrozenWords, from: u64) -> Result<Self, NoMemory> {
        Self::of(size, |len| LazyWords::copy_of(frozen, from, len))
    }

    /// How many words a set takes.
    pub fn words(&self) -> u64 {
        self.words.len() as u64
    }

    /// Copies the set into `to`, which is zero and has [`BitTree::words`] words. Nobody may change the set meanwhile.
    pub fn freeze(&self, to: &[AtomicU64]) {
        for (from, to) in self.words.iter().zip(to) {
            let word = from.load(SeqCst);
            if word != 0 {
                to.store(word, SeqCst);
            }
        }
    }

    fn of(size: u64, words: impl FnOnce(u64) -> Result<LazyWords, NoMemory>) -> Result<Self, NoMemory> {
        let (mut start, mut bits) = ([0; MAX_LEVELS], [0; MAX_LEVELS]);
        let (mut levels, mut total, mut width) = (0, 0, size);
        loop {
            start[levels] = total as usize;
            bits[levels] = width;
            levels += 1;
            let words = width.div_ceil(64);
            total += words;
            if words == 1 || levels == MAX_LEVELS {
                break;
            }
            width = words;
        }
        Ok(Self { words: words(total)?, start, bits, levels })
    }

    /// Number of levels; the top one is a single word.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// The word of `level` that holds bit `index`.
    #[inline(always)]
    fn word_of(&self, level: usize, index: u64) -> &AtomicU64 {
        #[cfg(feature = "contract")]
        WORDS_READ.set(WORDS_READ.get() + 1);
        &self.words[self.start[level] + (index >> 6) as usize]
    }

    /// Whether bit `index` of `level` is set.
    #[inline(always)]
    pub fn get(&self, level: usize, index: u64) -> bool {
        self.word_of(level, index).load(SeqCst) >> (index & 63) & 1 != 0
    }

    /// The whole word below bit `index` of `level + 1`.
    pub fn word(&self, level: usize, parent: u64) -> u64 {
        self.word_of(level, parent << 6).load(SeqCst)
    }

    /// Sets every bit below bit `parent` of `level + 1`, without touching the summaries.
    pub fn fill_word(&self, level: usize, parent: u64) {
        self.word_of(level, parent << 6).fetch_or(self.full_word(level, parent), SeqCst);
    }

    /// The word below bit `parent` of `level + 1` when every bit in it is set.
    pub fn full_word(&self, level: usize, parent: u64) -> u64 {
        let left = self.bits[level] - (parent << 6);
        if left >= 64 { u64::MAX } else { (1 << left) - 1 }
    }

    /// Clears one bit of `level` without touching the summaries; returns whether it was set.
    pub fn clear_bit(&self, level: usize, index: u64) -> bool {
        let bit = 1 << (index & 63);
        self.get(level, index) && self.word_of(level, index).fetch_and(!bit, SeqCst) & bit != 0
    }

    /// Adds a member.
    ///
    /// A thread that removes it later sees everything that was written, sequentially consistently, before the call:
    /// each level is read after the one below was set, and a remover reads the lower level after it cleared the upper
    /// one, so one of the two sees the other.
    #[inline]
    pub fn set(&self, member: u64) {
        self.set_from(0, member);
    }

    #[inline]
    fn set_from(&self, first: usize, index: u64) {
        let mut index = index;
        for level in first..self.levels {
            let bit = 1 << (index & 63);
            let word = self.word_of(level, index);
            if word.load(SeqCst) & bit == 0 {
                word.fetch_or(bit, SeqCst);
            }
            index >>= 6;
        }
    }

    /// Adds the members of one word: bit `i` of `bits` is member `64 * parent + i`.
    pub fn set_word(&self, parent: u64, bits: u64) {
        if bits != 0 {
            self.word_of(0, parent << 6).fetch_or(bits, SeqCst);
            self.set_from(1, parent);
        }
    }

    /// Adds every integer of a range that lies below the size.
    pub fn set_range(&self, range: std::ops::Range<u64>) {
        let mut from = range.start;
        while from < range.end.min(self.bits[0]) {
            let end = range.end.min((from | 63) + 1);
            let all = u64::MAX >> (64 - (end - from)) << (from & 63);
            self.set_word(from >> 6, all);
            from = end;
        }
    }

    /// Whether `member` is in the set. False beyond its size.
    #[inline(always)]
    pub fn contains(&self, member: u64) -> bool {
        member < self.bits[0] && self.get(0, member)
    }

    /// Removes a member and the summaries that become empty.
    pub fn clear(&self, member: u64) {
        let bit = 1 << (member & 63);
        if self.word_of(0, member).fetch_and(!bit, SeqCst) & !bit == 0 {
            self.clear_summaries(member >> 6);
        }
    }

    /// Word `index` of the members has become empty: so do the bits above it.
    fn clear_summaries(&self, index: u64) {
        let mut index = index;
        for level in 1..self.levels {
            let bit = 1 << (index & 63);
            let left = self.word_of(level, index).fetch_and(!bit, SeqCst) & !bit;
            // A member may have come back below this summary bit between our clearing there and here.
            if self.word(level - 1, index) != 0 {
                self.set_from(level, index);
                return;
            }
            if left != 0 {
                return;
            }
            index >>= 6;
        }
    }

    /// Removes every member and shows them as [`BitTree::set_word`] takes them. A member that is added meanwhile
    /// is either shown or stays.
    pub fn drain(&self, mut each: impl FnMut(u64, u64)) {
        let mut from = 0;
        while let Some(member) = self.next(from, |_, _| ()) {
            let bits = self.word_of(0, member).swap(0, SeqCst);
            self.clear_summaries(member >> 6);
            each(member >> 6, bits);
            from = (member | 63) + 1;
        }
    }

    /// Shows every member as [`BitTree::set_word`] takes them.
    pub fn for_each_word(&self, mut each: impl FnMut(u64, u64)) {
        let mut from = 0;
        while let Some(member) = self.next(from, |_, _| ()) {
            each(member >> 6, self.word_of(0, member).load(SeqCst));
            from = (member | 63) + 1;
        }
    }

    /// Number of members, at the cost of reading the words that have some.
    pub fn count(&self) -> u64 {
        let mut count = 0;
        self.for_each_word(|_, bits| count += u64::from(bits.count_ones()));
        count
    }

    /// The least member that is `from` or larger.
    pub fn next_from(&self, from: u64) -> Option<u64> {
        self.next(from, |_, _| ())
    }

    /// The least member that is `from` or larger. `enter(level, index)` runs before the word below a summary bit
    /// is read.
    pub fn next(&self, from: u64, mut enter: impl FnMut(usize, u64)) -> Option<u64> {
        let (mut level, mut index) = (0, from);
        while index < self.bits[level] {
            let word = self.word_of(level, index).load(SeqCst) & (u64::MAX << (index & 63));
            if word != 0 {
                index = (index & !63) + u64::from(word.trailing_zeros());
                if level == 0 {
                    return Some(index);
                }
                enter(level, index);
                level -= 1;
                index <<= 6;
            } else {
                level += 1;
                if level == self.levels {
                    return None;
                }
                index = (index >> 6) + 1;
            }
        }
        // The right edge of a level is the right edge of all of them.
        None
    }

    /// Every member in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let member = self.next(from, |_, _| ())?;
            from = member + 1;
            Some(member)
        })
    }
}

#[cfg(feature = "contract")]
thread_local! {
    /// Words that this thread has read, for the tests of the cost of a pass.
    pub static WORDS_READ: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_largest_set_is_empty_and_its_last_member_is_found() -> Result<(), NoMemory> {
        let set = BitTree::new(1 << 39)?;
        assert_eq!(set.next(0, |_, _| ()), None);
        set.set((1 << 39) - 1);
        assert_eq!(set.next(0, |_, _| ()), Some((1 << 39) - 1));
        set.clear((1 << 39) - 1);
        assert_eq!(set.next(0, |_, _| ()), None);
        Ok(())
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_sorted_set(
            shift in 11u32..20,
            steps in prop::collection::vec((any::<bool>(), any::<u64>()), 1..200),
            from in any::<u64>(),
        ) {
            let size = 1u64 << shift;
            let tree = BitTree::new(size).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let mut model = BTreeSet::new();
            for (add, n) in steps {
                let n = ((n % size) & !0x3f) | (n % 3);
                if add { tree.set(n); model.insert(n); } else { tree.clear(n); model.remove(&n); }
            }
            prop_assert_eq!(tree.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(tree.count(), model.len() as u64);
            let from = from % size;
            prop_assert_eq!(tree.next(from, |_, _| ()), model.range(from..).next().copied());
        }

        #[test]
        fn words_and_ranges_move_from_set_to_set(
            ranges in prop::collection::vec((0u64..5000, 0u64..300), 0..20),
        ) {
            let new = || BitTree::new(1 << 12).map_err(|e| TestCaseError::fail(e.to_string()));
            let (from, to, copy) = (new()?, new()?, new()?);
            let mut model = BTreeSet::new();
            for (start, len) in ranges {
                from.set_range(start..start + len);
                model.extend((start..start + len).filter(|n| *n < 1 << 12));
            }
            from.for_each_word(|parent, bits| copy.set_word(parent, bits));
            from.drain(|parent, bits| to.set_word(parent, bits));
            prop_assert_eq!(from.iter().next(), None);
            prop_assert!(to.iter().eq(model.iter().copied()));
            prop_assert!(copy.iter().eq(model));
        }
    }
}
