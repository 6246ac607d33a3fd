//! The page table search, and reference and change recording.
//!
//! Power ISA 2.07 Book III-S, "Page Table Search" and "Reference and Change Recording". The caller has the
//! virtual address from its SLB; protection and keys are its business too.

use crate::hash::VirtualAddress;
use crate::hpte::{GROUP_SLOTS, Hpte, R_C, R_R, V_HYPERVISOR, V_SEARCH, V_SECONDARY, V_VALID};
use crate::table::Hpt;

/// An entry that translates an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Index of the entry.
    pub ptex: u64,
    /// The entry, without the hypervisor's bits.
    pub entry: Hpte,
    /// Actual page size as a shift.
    pub actual_shift: u32,
    /// The real address that the virtual one translates to.
    pub real: u64,
}

impl Hpt {
    /// Searches the primary and then the secondary group for a valid entry that matches. `None` is a page fault.
    ///
    /// If several match, which the architecture leaves undefined, the first one is taken.
    #[inline]
    pub fn lookup(&self, va: &VirtualAddress) -> Option<Found> {
        if va.base_shift > va.segment.shift() {
            return None;
        }
        let hash = va.hash();
        let mask = self.groups() - 1;
        let want = va.avpn() | V_VALID;
        self.search(va, hash & mask, want).or_else(|| self.search(va, !hash & mask, want | V_SECONDARY))
    }

    /// Searches one group.
    #[inline]
    fn search(&self, va: &VirtualAddress, group: u64, want: u64) -> Option<Found> {
        let first = group * GROUP_SLOTS;
        (first..first + GROUP_SLOTS).filter(|&p| self.peek_v(p) & V_SEARCH == want).find_map(|ptex| {
            // Once more under the lock: doubleword 1 must belong to the doubleword 0 that matched.
            let entry = self.read_locked(ptex).guest();
            if entry.v & V_SEARCH != want {
                return None;
            }
            // An entry of another base page size is no match; a guest may leave such behind when it splits a segment.
            let size = entry.page_size().filter(|size| size.base_shift == va.base_shift)?;
            let real =
                entry.real_page(size.actual_shift) | (va.in_segment() & ((1 << size.actual_shift) - 1));
            Some(Found { ptex, entry, actual_shift: size.actual_shift, real })
        })
    }

    /// Sets R, and C too for a store (`set_c`), of an entry that a search found, unless the entry has changed.
    ///
    /// True if the entry still is `found`, apart from R and C, and has the bits now. False: search again, for the
    /// translation is no longer the guest's.
    #[inline]
    pub fn set_rc(&self, ptex: u64, found: Hpte, set_c: bool) -> bool {
        if ptex >= self.slots() || !found.is_valid() || !self.is_touched(ptex) {
            return false;
        }
        let bits = if set_c { R_R | R_C } else { R_R };
        let old = self.update(ptex, |old| same(old, found).then_some(Hpte { v: old.v, r: old.r | bits }));
        same(old, found)
    }
}

/// Whether two entries are the same translation: equal but for R, C and the hypervisor's bits.
#[inline]
fn same(a: Hpte, b: Hpte) -> bool {
    (a.v ^ b.v) & !V_HYPERVISOR == 0 && (a.r ^ b.r) & !(R_R | R_C) == 0
}
