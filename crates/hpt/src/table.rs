//! Storage of the table, and the one path by which an entry changes.
//!
//! # Protocol
//! An entry is two words of host memory. Any thread may read doubleword 0 at any time. To read both together or
//! to change them, a thread takes the entry's lock: it sets `V_LOCK` by compare and swap. It then stores
//! doubleword 1, and releases the lock by the store of doubleword 0, which is the point where the change happens.
//! While an entry is locked the rest of its doubleword 0 is that of before the change, so a look at V without the
//! lock is right as of some moment. The lock is held for a few instructions and never while another is awaited.
//!
//! A change stores `V_DIRTY` together with the new doubleword 0 and then marks the group in the dirty summary.
//! The store is a sequentially consistent exchange because of the proof in [`track::bits`].
//!
//! `touched` has the groups that were ever written: the others are zero, and are neither read nor locked.

use crate::dirty::DirtyMap;
use crate::error::HptError;
use crate::hpte::{GROUP_SHIFT, GROUP_SLOTS, HPTE_SHIFT, Hpte, V_DIRTY, V_HYPERVISOR, V_LOCK, V_VALID};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use track::LazyWords;
use track::bits::BitTree;

/// Smallest table: 256 KiB (Power ISA 2.07 Book III-S, "Storage Description Register 1").
pub const MIN_SHIFT: u32 = 18;
/// Largest table: 64 TiB.
pub const MAX_SHIFT: u32 = 46;

/// A hash page table.
///
/// Every method takes `&self`: vCPU threads and a migration may work on it together.
pub struct Hpt {
    pub(crate) words: LazyWords,
    pub(crate) shift: u32,
    pub(crate) touched: BitTree,
    pub(crate) dirty: DirtyMap,
    /// Which [`crate::Frozen`] it is compared with by `dirty.since`; 0: none.
    pub(crate) origin: AtomicU64,
}

impl std::fmt::Debug for Hpt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hpt").field("shift", &self.shift).finish_non_exhaustive()
    }
}

impl Hpt {
    /// An empty table of 2^`shift` bytes, nothing dirty. Host memory is taken as entries are written.
    ///
    /// # Errors
    /// [`HptError::Shift`] outside 18 to 46; [`HptError::Memory`] when the host lacks the address space.
    pub fn new(shift: u32) -> Result<Self, HptError> {
        if !(MIN_SHIFT..=MAX_SHIFT).contains(&shift) {
            return Err(HptError::Shift { shift });
        }
        let groups = 1 << (shift - GROUP_SHIFT);
        Ok(Self {
            words: LazyWords::new(1 << (shift - 3))?,
            shift,
            touched: BitTree::new(groups)?,
            dirty: DirtyMap::new(groups)?,
            origin: AtomicU64::new(0),
        })
    }

    /// The size in bytes, as a shift.
    #[inline]
    pub fn shift(&self) -> u32 {
        self.shift
    }

    /// Number of entries.
    #[inline]
    pub fn slots(&self) -> u64 {
        1 << (self.shift - HPTE_SHIFT)
    }

    /// Number of groups of eight entries.
    #[inline]
    pub fn groups(&self) -> u64 {
        1 << (self.shift - GROUP_SHIFT)
    }

    /// An entry as it is stored, the dirty bit included.
    ///
    /// # Errors
    /// [`HptError::Ptex`] beyond the table.
    pub fn entry(&self, ptex: u64) -> Result<Hpte, HptError> {
        self.check(ptex)?;
        Ok(self.read(ptex))
    }

    /// An entry as the guest may see it.
    ///
    /// # Errors
    /// [`HptError::Ptex`] beyond the table.
    pub fn guest_entry(&self, ptex: u64) -> Result<Hpte, HptError> {
        Ok(self.entry(ptex)?.guest())
    }

    /// Writes an entry as loading state does: no check but the index, no hypervisor's bits, dirty if it changed.
    ///
    /// # Errors
    /// [`HptError::Ptex`] beyond the table.
    pub fn store(&self, ptex: u64, entry: Hpte) -> Result<(), HptError> {
        self.check(ptex)?;
        if self.is_touched(ptex) || entry != Hpte::default() {
            self.update(ptex, |_| Some(entry));
        }
        Ok(())
    }

    pub(crate) fn check(&self, ptex: u64) -> Result<(), HptError> {
        if ptex < self.slots() { Ok(()) } else { Err(HptError::Ptex { ptex, slots: self.slots() }) }
    }

    #[inline(always)]
    fn v(&self, ptex: u64) -> &AtomicU64 {
        #[cfg(test)]
        track::bits::WORDS_READ.set(track::bits::WORDS_READ.get() + 1);
        &self.words[ptex as usize * 2]
    }

    #[inline(always)]
    fn r(&self, ptex: u64) -> &AtomicU64 {
        &self.words[ptex as usize * 2 + 1]
    }

    /// Doubleword 0 as it happens to be, perhaps locked.
    #[inline(always)]
    pub(crate) fn peek_v(&self, ptex: u64) -> u64 {
        self.v(ptex).load(Acquire)
    }

    #[inline(always)]
    pub(crate) fn is_touched(&self, ptex: u64) -> bool {
        self.touched.get(0, ptex / GROUP_SLOTS)
    }

    /// Whether the dirty bit of the entry itself is set.
    pub(crate) fn has_dirty_bit(&self, ptex: u64) -> bool {
        self.is_touched(ptex) && self.v(ptex).load(SeqCst) & V_DIRTY != 0
    }

    /// Takes the lock; returns doubleword 0 without it. The group must be touched.
    #[inline]
    fn lock(&self, ptex: u64) -> u64 {
        let word = self.v(ptex);
        let mut spins = 0u32;
        let mut seen = word.load(Relaxed) & !V_LOCK;
        while let Err(now) = word.compare_exchange_weak(seen, seen | V_LOCK, Acquire, Relaxed) {
            seen = now & !V_LOCK;
            if now & V_LOCK != 0 {
                spins += 1;
                // The holder needs a few instructions, unless the host took its processor away.
                if spins.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
            }
        }
        seen
    }

    /// Both doublewords of one moment, without the lock bit. The group must be touched.
    #[inline]
    pub(crate) fn read_locked(&self, ptex: u64) -> Hpte {
        let v = self.lock(ptex);
        let r = self.r(ptex).load(Relaxed);
        self.v(ptex).store(v, Release);
        Hpte { v, r }
    }

    /// Both doublewords of one moment, without the lock bit.
    pub(crate) fn read(&self, ptex: u64) -> Hpte {
        if self.is_touched(ptex) { self.read_locked(ptex) } else { Hpte::default() }
    }

    /// THE update path: every change of an entry, reference and change bits included, goes through here.
    ///
    /// `change` gets the entry without the hypervisor's bits and answers with the new one, or `None` to leave it;
    /// it must be short and must not panic, for the entry is locked. Marks the entry dirty if it differs. Returns
    /// the old entry.
    #[inline]
    pub(crate) fn update(&self, ptex: u64, change: impl FnOnce(Hpte) -> Option<Hpte>) -> Hpte {
        if !self.is_touched(ptex) {
            self.touched.set(ptex / GROUP_SLOTS);
        }
        let locked = self.lock(ptex);
        let old = Hpte { v: locked & !V_HYPERVISOR, r: self.r(ptex).load(Relaxed) };
        match change(old).map(Hpte::guest) {
            Some(new) if new != old => {
                self.r(ptex).store(new.r, Relaxed);
                self.v(ptex).swap(new.v | V_DIRTY, SeqCst);
                self.dirty.mark(ptex / GROUP_SLOTS);
            }
            _ => self.v(ptex).store(locked, Release),
        }
        old
    }

    /// [`Hpt::update`] for entries that are valid: an invalid one is returned as it is, without a look at `change`.
    #[inline]
    pub(crate) fn update_valid(&self, ptex: u64, change: impl FnOnce(Hpte) -> Option<Hpte>) -> Option<Hpte> {
        if self.peek_v(ptex) & V_VALID == 0 {
            return None;
        }
        let mut changed = false;
        let old = self.update(ptex, |old| {
            let new = if old.is_valid() { change(old) } else { None };
            changed = new.is_some();
            new
        });
        changed.then_some(old)
    }

    /// Sets the dirty bit alone.
    pub(crate) fn mark(&self, ptex: u64) {
        if !self.is_touched(ptex) {
            self.touched.set(ptex / GROUP_SLOTS);
        }
        let v = self.lock(ptex);
        self.v(ptex).swap(v | V_DIRTY, SeqCst);
        self.dirty.mark(ptex / GROUP_SLOTS);
    }

    /// Clears the dirty bit and returns the entry without the hypervisor's bits, if it was dirty or `all` says so.
    pub(crate) fn take_entry(&self, ptex: u64, all: bool) -> Option<Hpte> {
        if !self.is_touched(ptex) {
            return all.then(Hpte::default);
        }
        if !all && !self.has_dirty_bit(ptex) {
            return None;
        }
        Some(self.take_any(ptex))
    }

    /// Clears the dirty bit and returns the entry without the hypervisor's bits. The group must be touched.
    pub(crate) fn take_any(&self, ptex: u64) -> Hpte {
        let v = self.lock(ptex) & !V_HYPERVISOR;
        let r = self.r(ptex).load(Relaxed);
        self.v(ptex).store(v, Release);
        Hpte { v, r }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hcall::H_EXACT;
    use crate::hpte::{R_C, R_M, R_R};
    use crate::ret::{H_PARAMETER, H_SUCCESS};
    use crate::testing::{Result, address, enter, entry_for, map, read, remove};

    #[test]
    fn a_size_out_of_range_is_refused_in_one_line() {
        for shift in [0, 17, 47, 64, u32::MAX] {
            let text = Hpt::new(shift).map_err(|e| e.to_string()).err();
            assert_eq!(text, Some(format!("Hash page table shift is {shift}, expected 18 to 46")));
        }
    }

    #[test]
    fn the_largest_table_is_made_and_used_without_paying_for_its_size() -> Result {
        let hpt = Hpt::new(MAX_SHIFT)?;
        assert_eq!((hpt.slots(), hpt.groups()), (1 << 42, 1 << 39));
        assert_eq!(hpt.lookup(&address(0)), None);
        let ptex = map(&hpt, 1 << 23, 0x10_0000);
        assert_eq!(
            hpt.lookup(&address(1 << 23)).map(|f| (f.ptex, f.real)),
            Some((ptex, crate::RealAddr(0x10_0000)))
        );
        assert_eq!(hpt.valid_entries(), 1);
        assert_eq!(hpt.dirty_count(), 1);
        Ok(())
    }

    #[test]
    fn the_last_entry_is_reachable_and_none_behind_it() -> Result {
        for shift in [18, 23, 46] {
            let hpt = Hpt::new(shift)?;
            let (last, entry) = (hpt.slots() - 1, entry_for(&address(3), 16, 0));
            assert_eq!(enter(&hpt, H_EXACT, last, entry).out(), [last]);
            assert_eq!(read(&hpt, last), [entry.v, entry.r]);
            assert_eq!(remove(&hpt, last).rc, H_SUCCESS);
            for beyond in [last + 1, u64::MAX] {
                assert_eq!(enter(&hpt, H_EXACT, beyond, entry).rc, H_PARAMETER);
                assert_eq!(enter(&hpt, 0, beyond, entry).rc, H_PARAMETER);
                assert!(matches!(hpt.entry(beyond), Err(HptError::Ptex { .. })));
                assert!(matches!(hpt.store(beyond, entry), Err(HptError::Ptex { .. })));
                assert!(!hpt.set_rc(beyond, entry, true));
            }
        }
        Ok(())
    }

    #[test]
    fn the_guest_can_neither_see_nor_set_the_hypervisor_bits() -> Result {
        let hpt = Hpt::new(18)?;
        let entry = entry_for(&address(3), 16, 0);
        let greedy = Hpte { v: entry.v | V_HYPERVISOR | 0x18, ..entry };
        assert_eq!(enter(&hpt, H_EXACT, 40, greedy).rc, H_SUCCESS);
        assert_eq!(hpt.entry(40)?.v, entry.v | 0x18 | V_DIRTY);
        assert_eq!(read(&hpt, 40), [entry.v | 0x18, entry.r]);
        assert_eq!(hpt.guest_entry(40)?.v, entry.v | 0x18);
        assert_eq!(remove(&hpt, 40).out(), [entry.v | 0x18, entry.r]);
        assert_eq!(read(&hpt, 40), [0, 0]);
        Ok(())
    }

    #[test]
    fn a_reference_or_change_update_leaves_the_neighbours_alone() -> Result {
        let hpt = Hpt::new(18)?;
        for n in 0..24 {
            hpt.store(
                n,
                Hpte { v: (0x1111_1111_1111_1100 * (n & 7)) | V_VALID, r: 0x2220_0000_0000_0000 | R_M },
            )?;
        }
        let before: Vec<_> = (0..24).map(|n| hpt.guest_entry(n)).collect::<std::result::Result<_, _>>()?;
        assert!(hpt.set_rc(8, before[8], false));
        assert!(hpt.set_rc(15, before[15], true));
        for (n, before) in (0..).zip(before) {
            let bits = [(8, R_R), (15, R_R | R_C)].iter().find(|b| b.0 == n).map_or(0, |b| b.1);
            assert_eq!(hpt.guest_entry(n)?, Hpte { r: before.r | bits, ..before });
        }
        Ok(())
    }

    #[test]
    fn storing_what_is_there_already_changes_and_marks_nothing() -> Result {
        let hpt = Hpt::new(18)?;
        hpt.store(5, Hpte::default())?;
        assert_eq!(hpt.dirty_count(), 0);
        hpt.store(5, Hpte { v: 0, r: 7 })?;
        assert_eq!(hpt.take_dirty(0, 9, &mut Vec::new()), None);
        hpt.store(5, Hpte { v: 0, r: 7 })?;
        assert_eq!(hpt.dirty_count(), 0);
        Ok(())
    }
}
