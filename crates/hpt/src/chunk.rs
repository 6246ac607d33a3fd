//! Entries of the hash page table as bytes of a stream.
//!
//! ```text
//! chunk = [erase] entry*
//! erase = 00                                every entry of the table becomes zero first
//! entry = varint(delta << 1 | 1) V R        an entry: doublewords 0 and 1, big-endian, not both zero
//!       | varint(delta << 1)                an entry that becomes zero
//! delta   entry's index minus that of the entry before it in this chunk; the first counts from -1, so it is never 0
//! ```
//! An entry that is not zero is nearly always valid; H_ENTER stores others too and H_READ shows them, so they travel.
//! The reference and change bits travel, the hypervisor's bits do not. Hashing scatters the entries: runs hardly
//! occur, so nothing is spent on their headers. There is no count to overflow either: a chunk ends where it ends.

use crate::error::HptError;
use crate::hpte::{Hpte, V_HYPERVISOR};
use crate::table::Hpt;
use track::StreamError;
use track::varint::{Reader, put};

const SECTION: &str = "hpt";
const UNIT: &str = "an entry";
const VALUE: &str = "a value other than zero without the hypervisor's bits";
const ERASE: u8 = 0;

/// Makes a chunk.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    /// Index of the entry before, plus 1.
    after: u64,
    /// Entries in it that are not zero.
    pub(crate) nonzero: u64,
    /// Entries in it that become zero.
    pub(crate) zero: u64,
}

/// Bytes that one entry may take: a number of at most seven bytes (43 bits) and two doublewords.
pub(crate) const ENTRY_MAX: usize = 7 + 16;

impl Writer {
    pub(crate) fn new(erase: bool) -> Self {
        let bytes = if erase { vec![ERASE] } else { Vec::new() };
        Self { bytes, after: 0, nonzero: 0, zero: 0 }
    }

    /// Adds an entry behind those that are in.
    pub(crate) fn entry(&mut self, ptex: u64, entry: Hpte) {
        let delta = ptex + 1 - self.after;
        self.after = ptex + 1;
        let entry = entry.guest();
        let full = entry != Hpte::default();
        put(&mut self.bytes, delta << 1 | u64::from(full));
        if full {
            self.bytes.extend_from_slice(&entry.v.to_be_bytes());
            self.bytes.extend_from_slice(&entry.r.to_be_bytes());
            self.nonzero += 1;
        } else {
            self.zero += 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// One record of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// The whole table becomes zero.
    Erase,
    /// Entry `.0` becomes `.1`.
    Entry(u64, Hpte),
}

/// Reads a chunk for a table of `slots` entries, one record at a time.
///
/// # Errors
/// [`StreamError`] at the first byte that [`HptPass`](crate::HptPass) would not have written. Nothing is allocated.
pub fn parse(chunk: &[u8], slots: u64, mut each: impl FnMut(Record)) -> Result<(), StreamError> {
    let mut reader = Reader::new(SECTION, chunk);
    if reader.peek() == Some(ERASE) {
        let [_] = reader.take()?;
        each(Record::Erase);
    }
    let mut after = 0u64;
    while !reader.is_empty() {
        let offset = reader.offset();
        let head = reader.varint()?;
        let (delta, full) = (head >> 1, head & 1 != 0);
        let index = u128::from(after) + u128::from(delta);
        if delta == 0 || index > u128::from(slots) {
            let index = index.saturating_sub(1);
            return Err(StreamError::Index {
                section: SECTION,
                unit: UNIT,
                offset,
                index,
                least: after,
                limit: slots,
            });
        }
        after += delta;
        let mut entry = Hpte::default();
        if full {
            let offset = reader.offset();
            let [v, r] = [reader.take()?, reader.take()?].map(u64::from_be_bytes);
            if v & V_HYPERVISOR != 0 || v | r == 0 {
                return Err(StreamError::Value { section: SECTION, offset, wanted: VALUE, got: v });
            }
            entry = Hpte { v, r };
        }
        each(Record::Entry(after - 1, entry));
    }
    Ok(())
}

impl Hpt {
    /// Puts a chunk's entries in; returns how many came with a value and how many became zero. Translations made from the old
    /// entries must be dropped by the caller.
    ///
    /// # Errors
    /// [`StreamError`], and the table is as before.
    pub fn load_chunk(&self, chunk: &[u8]) -> Result<(u64, u64), StreamError> {
        parse(chunk, self.slots(), |_| ())?;
        let (mut nonzero, mut zero) = (0, 0);
        let mut failed = None;
        parse(chunk, self.slots(), |record| match record {
            Record::Erase => self.clear_entries(),
            Record::Entry(ptex, entry) => {
                *(if entry != Hpte::default() { &mut nonzero } else { &mut zero }) += 1;
                failed = failed.take().or(self.store(ptex, entry).err());
            }
        })?;
        match failed {
            // The first reading has checked every index.
            Some(HptError::Ptex { ptex, slots }) => Err(StreamError::Index {
                section: SECTION,
                unit: UNIT,
                offset: 0,
                index: ptex.into(),
                least: 0,
                limit: slots,
            }),
            _ => Ok((nonzero, zero)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpte::{R_C, R_R, V_VALID};
    use crate::passes::HptPass;
    use proptest::prelude::*;
    use std::sync::Arc;
    use track::{Marks, Start};

    type Fallible = std::result::Result<(), Box<dyn std::error::Error>>;

    fn chunk_of(entries: &[(u64, Hpte)]) -> Vec<u8> {
        let mut writer = Writer::new(false);
        entries.iter().for_each(|&(ptex, entry)| writer.entry(ptex, entry));
        writer.finish()
    }

    fn valid(n: u64) -> Hpte {
        Hpte { v: n << 12 | V_VALID, r: n << 16 | R_R }
    }

    #[test]
    fn the_first_and_the_last_slot_travel() -> Fallible {
        let hpt = Hpt::new(18)?;
        let last = hpt.slots() - 1;
        assert_eq!(hpt.load_chunk(&chunk_of(&[(0, valid(1)), (last, valid(2))]))?, (2, 0));
        assert_eq!((hpt.guest_entry(0)?, hpt.guest_entry(last)?), (valid(1), valid(2)));
        Ok(())
    }

    #[test]
    fn the_bytes_of_a_chunk_are_the_same_on_every_host() {
        // QEMU e094c4c12f: headers in the order of the host.
        let entry = Hpte { v: 0x0102_0304_0506_0701, r: 0x1112_1314_1516_1718 };
        let bytes = chunk_of(&[(0, entry), (100, Hpte::default())]);
        let expected =
            [&[3, 1, 2, 3, 4, 5, 6, 7, 1][..], &[0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18], &[0xc8, 1]];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn a_slot_behind_the_last_is_refused_and_nothing_is_written() -> Fallible {
        let hpt = Hpt::new(18)?;
        let before = hpt.digest();
        let refused = hpt.load_chunk(&chunk_of(&[(0, valid(1)), (hpt.slots(), valid(2))]));
        assert_eq!(
            refused.map_err(|e| e.to_string()).err().as_deref(),
            Some(
                "Number is out of range: got 0x4000, wanted an entry of 0x1 to 0x3fff \
                 (section hpt, offset 0x11 of the chunk)"
            )
        );
        assert_eq!(hpt.digest(), before);
        Ok(())
    }

    #[test]
    fn numbers_that_would_overflow_are_refused() -> Fallible {
        let hpt = Hpt::new(46)?;
        for head in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 44] {
            let mut chunk = chunk_of(&[(7, Hpte::default())]);
            put(&mut chunk, head);
            chunk.extend([0xff; 16]);
            let refused = hpt.load_chunk(&chunk);
            assert!(matches!(refused, Err(StreamError::Index { .. })), "{head:#x}: {refused:?}");
        }
        Ok(())
    }

    #[test]
    fn an_entry_twice_or_an_erase_in_the_middle_is_refused() -> Fallible {
        let hpt = Hpt::new(18)?;
        for tail in [0u8, 1] {
            let mut chunk = chunk_of(&[(7, valid(7))]);
            chunk.push(tail);
            assert!(matches!(hpt.load_chunk(&chunk), Err(StreamError::Index { offset: 17, .. })));
        }
        assert!(matches!(hpt.load_chunk(&[0, 0]), Err(StreamError::Index { offset: 1, .. })));
        assert_eq!(hpt.valid_entries(), 0);
        Ok(())
    }

    #[test]
    fn an_entry_with_a_value_is_not_zero_and_has_none_of_the_hypervisors_bits() -> Fallible {
        let hpt = Hpt::new(18)?;
        for v in [0u64, 0x40, V_VALID | 0x40, V_VALID | 0x20] {
            let chunk = [&[3][..], &v.to_be_bytes(), &[0; 8]].concat();
            assert_eq!(
                hpt.load_chunk(&chunk),
                Err(StreamError::Value { section: "hpt", offset: 1, wanted: VALUE, got: v })
            );
        }
        Ok(())
    }

    #[test]
    fn an_entry_that_is_not_valid_but_not_zero_either_travels_too() -> Fallible {
        let (from, to) = (Arc::new(Hpt::new(18)?), Hpt::new(18)?);
        from.store(3, Hpte { v: 0, r: 7 })?;
        from.store(4, Hpte { v: 0x1000, r: 0 })?;
        let pass = HptPass::start(&from, Start::Full(Marks::Live))?;
        let chunk = pass.next(4096).ok_or("one chunk")?;
        assert_eq!(to.load_chunk(&chunk.bytes)?, (2, 0));
        assert_eq!(to.digest(), from.digest());
        Ok(())
    }

    #[test]
    fn an_entry_of_zero_removes_what_was_there() -> Fallible {
        let hpt = Hpt::new(18)?;
        hpt.store(77, valid(3))?;
        assert_eq!(hpt.load_chunk(&chunk_of(&[(77, Hpte::default())]))?, (0, 1));
        assert_eq!(hpt.guest_entry(77)?, Hpte::default());
        Ok(())
    }

    #[test]
    fn the_erase_mark_empties_the_table_first() -> Fallible {
        let hpt = Hpt::new(18)?;
        hpt.store(5, valid(5))?;
        let chunk = [vec![ERASE], chunk_of(&[(6, valid(6))])].concat();
        hpt.load_chunk(&chunk)?;
        assert_eq!((hpt.guest_entry(5)?, hpt.guest_entry(6)?), (Hpte::default(), valid(6)));
        Ok(())
    }

    #[test]
    fn more_than_65535_entries_in_a_row_need_no_run_header() -> Fallible {
        // QEMU's chunks count a run in 16 bits and once overflowed; here an entry brings its own distance.
        let (from, to) = (Arc::new(Hpt::new(21)?), Hpt::new(21)?);
        for ptex in 0..70_000 {
            from.store(ptex, valid(ptex))?;
        }
        let pass = HptPass::start(&from, Start::Full(Marks::Live))?;
        while let Some(chunk) = pass.next(1 << 30) {
            to.load_chunk(&chunk.bytes)?;
        }
        assert_eq!(to.digest(), from.digest());
        Ok(())
    }

    fn entries() -> impl Strategy<Value = Vec<(u64, Hpte)>> {
        prop::collection::btree_map(0u64..1 << 14, (any::<bool>(), any::<u64>(), any::<u64>()), 0..60)
            .prop_map(|map| {
                let entry =
                    |(on, v, r)| if on { Hpte { v: v | V_VALID, r }.guest() } else { Hpte::default() };
                map.into_iter().map(|(ptex, e)| (ptex, entry(e))).collect()
            })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(all in entries()) {
            let mut read = Vec::new();
            let result = parse(&chunk_of(&all), 1 << 14, |record| read.push(record));
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(read, all.into_iter().map(|(p, e)| Record::Entry(p, e)).collect::<Vec<_>>());
        }

        #[test]
        fn a_damaged_chunk_is_refused_or_read_within_bounds(
            all in entries(), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4), cut in any::<usize>(),
        ) {
            let mut chunk = chunk_of(&all);
            for (at, with) in flips {
                let len = chunk.len();
                if let Some(byte) = chunk.get_mut(at.checked_rem(len).unwrap_or(0)) {
                    *byte ^= with;
                }
            }
            chunk.truncate(cut % (chunk.len() + 1));
            let hpt = Hpt::new(18).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let before = hpt.digest();
            if hpt.load_chunk(&chunk).is_err() {
                prop_assert_eq!(hpt.digest(), before);
            }
        }

        #[test]
        fn any_bytes_at_all_are_refused_or_read(chunk in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&chunk, 1 << 14, |record| {
                if let Record::Entry(ptex, _) = record {
                    assert!(ptex < 1 << 14);
                }
            });
        }
    }

    #[test]
    fn reference_and_change_bits_travel_and_the_dirty_bit_does_not() -> Fallible {
        let from = Arc::new(Hpt::new(18)?);
        from.store(9, Hpte { v: 0x1000 | V_VALID, r: 0 })?;
        let pass = HptPass::start(&from, Start::Full(Marks::Live))?;
        while pass.next(4096).is_some() {}
        assert!(from.set_rc(9, from.guest_entry(9)?, true));
        let to = Hpt::new(18)?;
        let pass = HptPass::start(&from, Start::Changes(Marks::Live))?;
        let mut seen = Vec::new();
        while let Some(chunk) = pass.next(4096) {
            to.load_chunk(&chunk.bytes)?;
            parse(&chunk.bytes, 1 << 14, |record| seen.push(record))?;
        }
        assert_eq!(seen, [Record::Entry(9, Hpte { v: 0x1000 | V_VALID, r: R_R | R_C })]);
        assert_eq!(to.digest(), from.digest());
        Ok(())
    }
}
