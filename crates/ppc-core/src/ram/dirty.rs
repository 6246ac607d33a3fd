//! Which pages of RAM were written, in separate sets for each purpose.
//!
//! Three sets of pages, each with a summary above it so that a search costs what is marked:
//! `touched` was ever written and may be other than zero; `live` was written since a live pass took it; `base` was
//! written since the base of an incremental save. The sets do not disturb each other. RAM that was frozen, or made from a
//! snapshot, has a fourth, `since`: written since then, for the way back to it.
//!
//! Must hold: every writer marks. The processors mark before a write, in the slow path that fills their TLB, and
//! again only after `Cpu::protect_writes`; so marks are taken while no processor runs, and each of them is notified
//! before it runs again. Other writers mark after the bytes are in place and may do so at any time.

use super::{PAGE_SHIFT, Ram, RealAddr};
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use track::{NoMemory, bits::BitTree};

/// The marks of RAM's pages.
pub(super) struct DirtyMap {
    /// May be other than zero. Never cleared.
    pub(super) touched: BitTree,
    pub(super) live: BitTree,
    pub(super) base: BitTree,
    /// Whether there is a base.
    pub(super) based: AtomicBool,
    /// What was written since RAM was as in a snapshot, if it ever was.
    pub(super) since: OnceLock<BitTree>,
    /// Held to clear or search `live` and `base`.
    walk: Mutex<()>,
}

impl DirtyMap {
    pub(super) fn new(pages: u64) -> Result<Self, NoMemory> {
        let tree = || new_set(pages);
        Ok(Self {
            touched: tree()?,
            live: tree()?,
            base: tree()?,
            based: AtomicBool::new(false),
            since: OnceLock::new(),
            walk: Mutex::new(()),
        })
    }

    pub(super) fn set_range(&self, range: std::ops::Range<u64>) {
        for tree in [&self.touched, &self.base, &self.live] {
            tree.set_range(range.clone());
        }
        if let Some(since) = self.since.get() {
            since.set_range(range);
        }
    }

    /// Nothing was written since RAM was as in a snapshot.
    pub(super) fn begin_since(&self, pages: u64) -> Result<(), NoMemory> {
        match self.since.get() {
            Some(since) => since.drain(|_, _| ()),
            // If another thread is quicker, its set is as good.
            None => drop(self.since.set(new_set(pages)?)),
        }
        Ok(())
    }

    pub(super) fn walk(&self) -> MutexGuard<'_, ()> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a base: nothing was written since.
    pub(super) fn begin_base(&self, mut each: impl FnMut(u64, u64)) {
        self.based.store(true, Release);
        self.base.drain(&mut each);
    }
}

/// An empty set of page numbers.
pub(super) fn new_set(pages: u64) -> Result<BitTree, NoMemory> {
    BitTree::new(pages.max(1).next_power_of_two())
}

impl Ram {
    /// Marks the page at `addr` written.
    pub fn mark_dirty(&self, addr: RealAddr) {
        let page = addr.0 >> PAGE_SHIFT;
        if page < self.pages() && !self.is_dirty(addr) {
            self.marks.touched.set(page);
            self.marks.base.set(page);
            self.marks.live.set(page);
            if let Some(since) = self.marks.since.get() {
                since.set(page);
            }
        }
    }

    /// Whether the page at `addr` has every mark that a write would set.
    #[inline]
    pub fn is_dirty(&self, addr: RealAddr) -> bool {
        let page = addr.0 >> PAGE_SHIFT;
        let marks = &self.marks;
        marks.live.contains(page)
            && marks.base.contains(page)
            && marks.since.get().is_none_or(|since| since.contains(page))
    }

    /// The number of the snapshot in which the page at `addr` was as it is; 0 if it may have been written since, or
    /// there is none. A store that is being executed may not be marked yet.
    pub(crate) fn as_in_snapshot(&self, addr: RealAddr) -> u64 {
        match self.marks.since.get() {
            Some(since) if !since.contains(addr.0 >> PAGE_SHIFT) => self.origin.load(Relaxed),
            _ => 0,
        }
    }

    /// Number of pages written since a live pass took them.
    pub fn dirty_pages(&self) -> u64 {
        let _walk = self.marks.walk();
        self.marks.live.count()
    }

    /// What RAM holds now is a base: the changes from here on are those since it. As for a pass, no processor
    /// runs and each is told (`Cpu::protect_writes`).
    pub fn set_base(&self) {
        let _walk = self.marks.walk();
        self.marks.begin_base(|_, _| ());
    }
}
