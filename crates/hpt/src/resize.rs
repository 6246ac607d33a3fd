//! A table of another size takes over the entries that the guest cannot do without: the bolted ones.
//!
//! LoPAR, "H_RESIZE_HPT_COMMIT": bolted entries are placed anew by their hash, which the old place and the entry
//! tell; the others may be lost, since the guest can make them again. The old table stays as it is, so a refusal
//! costs nothing.
//!
//! An entry keeps its slot within the group and its hash side, since a guest may have noted both (Linux has them in four
//! bits of its own tables) and expects them to hold, as they do with QEMU and KVM. Only where two bolted entries want one
//! slot of a smaller table does the later one get another place; QEMU and KVM refuse the resize then.

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
        // Those whose slot is taken wait until every entry that can keep its own has it.
        let mut homeless = Vec::new();
        for ptex in self.written() {
            let entry = self.read(ptex).guest();
            if !entry.is_valid() || entry.v & V_BOLTED == 0 {
                continue;
            }
            // An entry of a reserved page or segment size matches no search: it is not missed.
            let Some(page) = VirtualPage::of_entry(self.groups(), ptex, entry) else { continue };
            let first = to.first_slot(page, entry.v & V_SECONDARY);
            let slot = ptex % GROUP_SLOTS;
            if to.place(first + slot..first + slot + 1, entry) {
                placed += 1;
            } else {
                homeless.push((ptex, page, entry));
            }
        }
        for (ptex, page, entry) in homeless {
            let own = entry.v & V_SECONDARY;
            let other = own ^ V_SECONDARY;
            let [near, far] = [own, other].map(|side| to.first_slot(page, side));
            if !to.place(near..near + GROUP_SLOTS, entry)
                && !to.place(far..far + GROUP_SLOTS, Hpte { v: entry.v ^ V_SECONDARY, ..entry })
            {
                return Err(GroupsFull { ptex });
            }
            placed += 1;
        }
        Ok(placed)
    }

    /// The first slot of a page's group; `side` is 0 or [`V_SECONDARY`].
    fn first_slot(&self, page: VirtualPage, side: u64) -> u64 {
        let VirtualPage { vsid, segment, base_shift, offset, .. } = page;
        let hash = VirtualAddress { vsid, segment, base_shift, offset }.hash();
        let hash = if side == 0 { hash } else { !hash };
        (hash & (self.groups() - 1)) * GROUP_SLOTS
    }

    /// Puts `entry` into the first free one of `slots`; false when there is none.
    fn place(&self, mut slots: std::ops::Range<u64>, entry: Hpte) -> bool {
        slots.any(|ptex| self.peek_v(ptex) == 0 && self.store(ptex, entry).is_ok())
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
    fn slot_and_hash_side_are_kept_while_the_table_grows() -> Fallible {
        let (from, to) = (Hpt::new(20)?, Hpt::new(23)?);
        let mut places = Vec::new();
        for page in 0..200 {
            let va = address(page * 37);
            let second = page % 3 == 0;
            let first = if second { secondary(&from, &va) } else { primary(&from, &va) };
            let slot = page % GROUP_SLOTS;
            let entry = entry_for(&va, 16, page << 16);
            let entry = if second { as_secondary(entry) } else { entry };
            if from.peek_v(first + slot) == 0 {
                from.store(first + slot, Hpte { v: entry.v | V_BOLTED, ..entry })?;
                places.push((va, slot, second));
            }
        }
        assert!(places.len() > 150, "the pages collide");
        from.rehash_bolted(&to)?;
        for (va, slot, second) in places {
            let first = if second { secondary(&to, &va) } else { primary(&to, &va) };
            let found = to.lookup(&va).ok_or("an entry is lost")?;
            assert_eq!((found.ptex, found.entry.v & V_SECONDARY != 0), (first + slot, second));
        }
        Ok(())
    }

    #[test]
    fn an_entry_whose_slot_is_taken_takes_nobody_elses() -> Fallible {
        let (from, to) = (Hpt::new(24)?, Hpt::new(18)?);
        // One group of the smaller table: three entries of slot 0, then one of slot 1.
        let pages = [(0, 0), (1, 0), (2, 0), (3, 1)];
        for (page, slot) in pages {
            let va = address(page << 11);
            let mut entry = entry_for(&va, 16, page << 16);
            entry.v |= V_BOLTED;
            from.store(primary(&from, &va) + slot, entry)?;
        }
        assert_eq!(from.rehash_bolted(&to), Ok(4));
        let slots: Vec<Option<u64>> = pages
            .iter()
            .map(|(page, _)| to.lookup(&address(page << 11)).map(|f| f.ptex % GROUP_SLOTS))
            .collect();
        assert_eq!(slots[3], Some(1));
        let mut all: Vec<_> = slots.into_iter().flatten().collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
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
