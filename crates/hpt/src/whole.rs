//! Operations on the whole table. Their cost depends on what was ever written, not on the table's size.

use crate::hpte::{GROUP_SLOTS, Hpte};
use crate::table::Hpt;

impl Hpt {
    /// Zeroes every entry and marks all of them dirty, as a reset of the guest does.
    ///
    /// Hypercalls that run meanwhile come before or after it, entry by entry.
    pub fn clear(&self) {
        self.clear_entries();
        self.mark_all_dirty();
    }

    /// Zeroes every entry; those that change are dirty.
    pub(crate) fn clear_entries(&self) {
        for ptex in self.written() {
            self.update(ptex, |_| Some(Hpte::default()));
        }
    }

    /// Number of valid entries.
    pub fn valid_entries(&self) -> u64 {
        self.written().filter(|&ptex| self.read(ptex).is_valid()).count() as u64
    }

    /// Number of entries that are not zero.
    pub(crate) fn entries_in_use(&self) -> u64 {
        self.written().filter(|&ptex| self.read(ptex).guest() != Hpte::default()).count() as u64
    }

    /// A BLAKE3 hash of the size and of every entry that is not zero, with its index; the dirty bits do not count,
    /// and neither does the table's history. Meaningful while the table does not change.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.shift().to_le_bytes());
        for ptex in self.written() {
            let entry = self.read(ptex).guest();
            if entry != Hpte::default() {
                let mut record = [0; 24];
                for (bytes, word) in record.as_chunks_mut::<8>().0.iter_mut().zip([ptex, entry.v, entry.r]) {
                    *bytes = word.to_le_bytes();
                }
                hasher.update(&record);
            }
        }
        *hasher.finalize().as_bytes()
    }

    /// Every entry that may be other than zero, ascending.
    pub(crate) fn written(&self) -> impl Iterator<Item = u64> + '_ {
        self.touched.iter().flat_map(|group| group * GROUP_SLOTS..(group + 1) * GROUP_SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Result, map, remove, take_all};

    #[test]
    fn the_digest_depends_on_content_and_not_on_history() -> Result {
        let (a, b) = (Hpt::new(20)?, Hpt::new(20)?);
        let empty = a.digest();
        for page in 0..50 {
            map(&a, page, page << 16);
        }
        for page in (0..80).rev() {
            let ptex = map(&b, page, page << 16);
            if page >= 50 {
                remove(&b, ptex);
            }
        }
        take_all(&b);
        assert_eq!(a.digest(), b.digest());
        assert_ne!(a.digest(), empty);
        a.clear();
        assert_eq!(a.digest(), empty);
        Ok(())
    }

    #[test]
    fn the_digest_sees_one_bit_one_place_and_the_size() -> Result {
        let digest_of = |shift, ptex, entry| -> std::result::Result<_, crate::HptError> {
            let hpt = Hpt::new(shift)?;
            hpt.store(ptex, entry)?;
            Ok(hpt.digest())
        };
        let base = digest_of(18, 9, Hpte { v: 1, r: 0 })?;
        assert_ne!(base, digest_of(18, 10, Hpte { v: 1, r: 0 })?);
        assert_ne!(base, digest_of(18, 9, Hpte { v: 1, r: 0x80 })?);
        assert_ne!(base, digest_of(19, 9, Hpte { v: 1, r: 0 })?);
        Ok(())
    }

    #[test]
    fn the_digest_of_a_huge_empty_table_reads_nothing_of_it() -> Result {
        let hpt = Hpt::new(46)?;
        hpt.clear();
        let digest = hpt.digest();
        hpt.mark_dirty(hpt.slots() - 1)?;
        assert_eq!(hpt.digest(), digest);
        Ok(())
    }
}
