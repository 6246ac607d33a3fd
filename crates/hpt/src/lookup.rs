//! The page table search, and reference and change recording.
//!
//! Power ISA 2.07 Book III-S, "Page Table Search" and "Reference and Change Recording". The caller has the
//! virtual address from its SLB; protection and keys are its business too.

use crate::address::RealAddr;
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
    pub real: RealAddr,
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
            let offset = va.in_segment() & ((1 << size.actual_shift) - 1);
            let real = RealAddr(entry.real_page(size.actual_shift) | offset);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::SegmentSize;
    use crate::hcall::H_EXACT;
    use crate::hpte::V_B;
    use crate::page_size::ENCODINGS;
    use crate::testing::{Result, address, as_secondary, enter, entry_for, map, primary, remove, secondary};

    #[test]
    fn every_page_size_is_found_with_all_bits_of_the_offset() -> Result {
        for e in ENCODINGS {
            for segment in [SegmentSize::M256, SegmentSize::T1] {
                let (base_shift, actual) = (e.size.base_shift, e.size.actual_shift);
                if base_shift > segment.shift() {
                    continue;
                }
                let hpt = Hpt::new(18)?;
                let offset = 0xfb_8765_4321 & ((1 << segment.shift()) - 1);
                let va = VirtualAddress { vsid: 0x2_4680_ace1, segment, base_shift, offset };
                let real = 3 << actual;
                enter(&hpt, 0, primary(&hpt, &va), entry_for(&va, actual, real));
                let found = hpt.lookup(&va).map(|f| (f.real, f.actual_shift));
                assert_eq!(
                    found,
                    Some((RealAddr(real | offset & ((1 << actual) - 1)), actual)),
                    "{e:?} {segment:?}"
                );
                // Bits above the segment do not matter, so an effective address may be given as it is.
                let effective = VirtualAddress { offset: offset | u64::MAX << segment.shift(), ..va };
                assert_eq!(hpt.lookup(&effective), hpt.lookup(&va));
            }
        }
        Ok(())
    }

    #[test]
    fn the_secondary_group_is_searched_after_the_primary_one() -> Result {
        let (hpt, va) = (Hpt::new(18)?, address(9));
        let entry = entry_for(&va, 16, 0x10_0000);
        enter(&hpt, 0, secondary(&hpt, &va), as_secondary(entry));
        assert_eq!(
            hpt.lookup(&va).map(|f| (f.ptex, f.real)),
            Some((secondary(&hpt, &va), RealAddr(0x10_0000)))
        );
        enter(&hpt, H_EXACT, primary(&hpt, &va) + 7, entry_for(&va, 16, 0x20_0000));
        assert_eq!(hpt.lookup(&va).map(|f| f.real), Some(RealAddr(0x20_0000)));
        Ok(())
    }

    #[test]
    fn an_entry_in_the_wrong_group_or_of_another_hash_is_not_found() -> Result {
        let (hpt, va) = (Hpt::new(18)?, address(9));
        let entry = entry_for(&va, 16, 0);
        enter(&hpt, 0, secondary(&hpt, &va), entry);
        enter(&hpt, 0, primary(&hpt, &va), as_secondary(entry));
        assert_eq!(hpt.lookup(&va), None);
        Ok(())
    }

    #[test]
    fn an_entry_of_another_segment_or_base_page_size_is_passed_over() -> Result {
        let (hpt, va) = (Hpt::new(18)?, address(9));
        let group = primary(&hpt, &va);
        let right = entry_for(&va, 16, 0x30_0000);
        // B of the other sizes, and the encoding of a 64 KiB page in a segment of 4 KiB pages.
        enter(&hpt, H_EXACT, group, Hpte { v: right.v ^ V_B, ..right });
        enter(&hpt, H_EXACT, group + 1, Hpte { v: right.v & !V_B, ..right });
        enter(&hpt, H_EXACT, group + 2, Hpte { r: 0x7010, ..right });
        assert_eq!((hpt.valid_entries(), hpt.lookup(&va)), (3, None));
        enter(&hpt, H_EXACT, group + 3, right);
        assert_eq!(hpt.lookup(&va).map(|f| f.ptex), Some(group + 3));
        Ok(())
    }

    #[test]
    fn an_update_for_an_entry_that_has_changed_does_nothing() -> Result {
        let hpt = Hpt::new(18)?;
        let ptex = map(&hpt, 5, 0x10_0000);
        let stale = hpt.guest_entry(ptex)?;
        remove(&hpt, ptex);
        assert!(!hpt.set_rc(ptex, stale, true));
        map(&hpt, 5, 0x20_0000);
        assert!(!hpt.set_rc(ptex, stale, true));
        assert_eq!(hpt.guest_entry(ptex)?.r & (R_R | R_C), 0);
        Ok(())
    }

    #[test]
    fn a_segment_smaller_than_its_pages_translates_nothing() -> Result {
        let va = VirtualAddress { vsid: 1, segment: SegmentSize::M256, base_shift: 34, offset: 0 };
        assert_eq!(Hpt::new(18)?.lookup(&va), None);
        Ok(())
    }
}
