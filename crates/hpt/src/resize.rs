//! A table of another size takes over the entries that the guest cannot do without: the bolted ones.
//!
//! LoPAR, "H_RESIZE_HPT_COMMIT": bolted entries are placed anew by their hash, which the old place and the entry
//! tell; the others may be lost, since the guest can make them again. The old table stays as it is, so a refusal
//! costs nothing.

use crate::hash::{VirtualAddress, VirtualPage};
use crate::hpte::{GROUP_SLOTS, Hpte, V_BOLTED, V_SECONDARY};
use crate::table::Hpt;
use std::fmt;

/// Both groups of a bolted entry are full in the new table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupsFull {
    /// Where the entry is in the old table.
    pub ptex: u64,
}

impl fmt::Display for GroupsFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "both groups of bolted entry {:#x} are full in the new table", self.ptex)
    }
}

impl std::error::Error for GroupsFull {}

impl Hpt {
    /// Places this table's bolted entries in `to`, which is empty; returns how many there are. No hypercall may change
    /// this table meanwhile.
    ///
    /// # Errors
    /// [`GroupsFull`]; `to` is of no use then.
    pub fn rehash_bolted(&self, to: &Self) -> Result<u64, GroupsFull> {
        let mut placed = 0;
        for ptex in self.written() {
            let entry = self.read(ptex).guest();
            if !entry.is_valid() || entry.v & V_BOLTED == 0 {
                continue;
            }
            // An entry of a reserved page or segment size matches no search: it is not missed.
            let Some(page) = VirtualPage::of_entry(self.groups(), ptex, entry) else { continue };
            if !to.place(page, entry) {
                return Err(GroupsFull { ptex });
            }
            placed += 1;
        }
        Ok(placed)
    }

    /// The first free slot of the primary group, else of the secondary one; false when there is none.
    fn place(&self, page: VirtualPage, entry: Hpte) -> bool {
        let VirtualPage { vsid, segment, base_shift, offset, .. } = page;
        let hash = VirtualAddress { vsid, segment, base_shift, offset }.hash();
        let groups = [(hash, 0), (!hash, V_SECONDARY)];
        for (hash, secondary) in groups {
            let first = (hash & (self.groups() - 1)) * GROUP_SLOTS;
            let entry = Hpte { v: entry.v & !V_SECONDARY | secondary, ..entry };
            for ptex in first..first + GROUP_SLOTS {
                if self.peek_v(ptex) == 0 && self.store(ptex, entry).is_ok() {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HptError;
    use crate::SegmentSize;
    use crate::hpte::{R_C, R_R, V_VALID};
    use crate::page_size::ENCODINGS;
    use crate::testing::{address, as_secondary, enter, entry_for, map, primary, secondary};
    use proptest::prelude::*;

    type Fallible = Result<(), Box<dyn std::error::Error>>;

    fn bolt(hpt: &Hpt, page: u64) -> Result<u64, HptError> {
        let va = address(page);
        let mut entry = entry_for(&va, 16, page << 16);
        entry.v |= V_BOLTED;
        let outcome = enter(hpt, 0, primary(hpt, &va), entry);
        match outcome.out() {
            [ptex, ..] => Ok(*ptex),
            // The primary group is full.
            _ => Ok(enter(hpt, 0, secondary(hpt, &va), as_secondary(entry)).out()[0]),
        }
    }

    #[test]
    fn bolted_entries_are_found_in_a_larger_and_in_a_smaller_table() -> Fallible {
        for shift in [18, 19, 22, 24] {
            let from = Hpt::new(20)?;
            for page in 0..700 {
                bolt(&from, page * 37)?;
            }
            let to = Hpt::new(shift)?;
            assert_eq!(from.rehash_bolted(&to), Ok(700), "shift {shift}");
            for page in 0..700 {
                let found = to.lookup(&address(page * 37)).ok_or("an entry is lost")?;
                assert_eq!(found.entry.r & 0x0fff_ffff_ffff_0000, (page * 37) << 16);
            }
            assert_eq!((to.valid_entries(), to.dirty_count()), (700, 700));
        }
        Ok(())
    }

    #[test]
    fn what_is_not_bolted_stays_behind() -> Fallible {
        let (from, to) = (Hpt::new(20)?, Hpt::new(21)?);
        map(&from, 1, 0);
        bolt(&from, 2)?;
        assert_eq!(from.rehash_bolted(&to), Ok(1));
        assert!(to.lookup(&address(1)).is_none() && to.lookup(&address(2)).is_some());
        assert_eq!(from.valid_entries(), 2);
        Ok(())
    }

    #[test]
    fn reference_and_change_bits_move_along() -> Fallible {
        let (from, to) = (Hpt::new(20)?, Hpt::new(18)?);
        let ptex = bolt(&from, 5)?;
        assert!(from.set_rc(ptex, from.guest_entry(ptex)?, true));
        from.rehash_bolted(&to)?;
        let found = to.lookup(&address(5)).ok_or("an entry is lost")?;
        assert_eq!(found.entry.r & (R_R | R_C), R_R | R_C);
        Ok(())
    }

    #[test]
    fn too_many_for_their_groups_are_refused() -> Fallible {
        let (from, to) = (Hpt::new(24)?, Hpt::new(18)?);
        // Pages that differ only above the smaller table's hash.
        for page in 0..17 {
            bolt(&from, page << 11)?;
        }
        assert!(matches!(from.rehash_bolted(&to), Err(GroupsFull { .. })));
        assert_eq!(from.valid_entries(), 17);
        Ok(())
    }

    #[test]
    fn an_entry_of_a_reserved_size_is_left() -> Fallible {
        let (from, to) = (Hpt::new(20)?, Hpt::new(20)?);
        from.store(3, Hpte { v: 3 << 62 | V_BOLTED | V_VALID, r: 0 })?;
        assert_eq!(from.rehash_bolted(&to), Ok(0));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_bolted_translation_of_any_size_is_the_same_after_growing_and_after_shrinking(
            shifts in (18u32..28, 18u32..28),
            pages in proptest::collection::vec(
                (0..ENCODINGS.len(), any::<(bool, bool, bool)>(), 0..4u64, any::<u64>(), any::<u64>()),
                0..200,
            ),
        ) {
            let tables = (Hpt::new(shifts.0), Hpt::new(shifts.1));
            let (Ok(from), Ok(to)) = tables else { return Err(TestCaseError::fail("no table")) };
            let mut addresses = Vec::new();
            for (row, (big, second, stays), vsid, offset, noise) in pages {
                let size = ENCODINGS[row].size;
                let segment = if big || size.base_shift == 34 { SegmentSize::T1 } else { SegmentSize::M256 };
                let va = VirtualAddress { vsid: vsid * 0x1_0001, segment, base_shift: size.base_shift, offset };
                if from.lookup(&va).is_some() {
                    continue;
                }
                let mut entry = entry_for(&va, size.actual_shift, (noise % 64) << size.actual_shift);
                // Protection, keys, R, C and WIMG as they come.
                entry.r |= noise & 0xb000_0000_0000_0fff;
                entry.v |= if stays { V_BOLTED } else { 0 };
                let first = if second { secondary(&from, &va) } else { primary(&from, &va) };
                let entry = if second { as_secondary(entry) } else { entry };
                if let Some(ptex) = (first..first + GROUP_SLOTS).find(|&p| from.peek_v(p) == 0) {
                    prop_assert!(from.store(ptex, entry).is_ok());
                    addresses.push((va, stays));
                }
            }
            let before = from.digest();
            if let Ok(placed) = from.rehash_bolted(&to) {
                prop_assert_eq!(placed, addresses.iter().filter(|a| a.1).count() as u64);
                prop_assert_eq!((to.valid_entries(), to.dirty_count()), (placed, placed));
                for (va, stays) in &addresses {
                    let was = from.lookup(va).filter(|_| *stays);
                    let of = |f: crate::Found| (f.entry.v & !V_SECONDARY, f.entry.r, f.real, f.actual_shift);
                    prop_assert_eq!(to.lookup(va).map(of), was.map(of));
                }
            }
            prop_assert_eq!(from.digest(), before);
        }
    }
}
