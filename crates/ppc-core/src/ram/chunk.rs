//! Pages of RAM as bytes of a stream: an index that says which, and the contents beside it.
//!
//! ```text
//! index = entry*
//! entry = varint(delta << 1 | zero)
//! delta   page's number minus that of the page before it in this index; the first counts from -1
//! zero    1: the page is all zero and has no data
//! data  = the other pages' 4096 bytes each, in the order of the index
//! ```
//! Must hold: nothing is written before the whole index and the length of the data are known to be right, and what
//! a chunk makes its reader allocate is bounded by [`MAX_CHUNK_PAGES`].

use super::{PAGE, PAGE_SHIFT, Ram, RealAddr, digest::is_zero};
use track::StreamError;
use track::varint::{Reader, put};

const SECTION: &str = "ram";
const UNIT: &str = "a page";

/// Pages with data that one chunk may have: 64 MiB.
pub const MAX_CHUNK_PAGES: u64 = 1 << 14;

/// Bytes that one page may take: a number of at most five bytes (34 bits and one) and its contents.
pub(super) const ENTRY_MAX: usize = 5 + PAGE as usize;

/// Some pages on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Which pages.
    pub index: Vec<u8>,
    /// Contents of those that are not zero.
    pub data: Vec<u8>,
    /// Pages with contents.
    pub nonzero: u64,
    /// Pages of zeroes.
    pub zero: u64,
    /// The page before the next one, plus 1.
    after: u64,
}

impl Chunk {
    /// Adds page `n` of `ram`, behind those that are in.
    pub(super) fn push(&mut self, ram: &Ram, n: u64) {
        let start = self.data.len();
        self.data.resize(start + PAGE as usize, 0);
        let page = &mut self.data[start..];
        let zero =
            ram.read_bytes(RealAddr(n * PAGE), &mut page[..ram.page_len(n)]).is_none() || is_zero(page);
        if zero {
            self.data.truncate(start);
            self.zero += 1;
        } else {
            self.nonzero += 1;
        }
        put(&mut self.index, (n + 1 - self.after) << 1 | u64::from(zero));
        self.after = n + 1;
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.index.len() + self.data.len()
    }
}

/// Reads an index for RAM of `pages`: number and whether it is zero, one at a time.
///
/// # Errors
/// [`StreamError`] at the first byte that no pass would have written. Nothing is allocated.
pub fn parse_index(index: &[u8], pages: u64, mut each: impl FnMut(u64, bool)) -> Result<(), StreamError> {
    let mut reader = Reader::new(SECTION, index);
    let mut after = 0u64;
    while !reader.is_empty() {
        let offset = reader.offset();
        let head = reader.varint()?;
        let delta = head >> 1;
        let end = u128::from(after) + u128::from(delta);
        if delta == 0 || end > u128::from(pages) {
            let index = end.saturating_sub(1);
            return Err(StreamError::Index {
                section: SECTION,
                unit: UNIT,
                offset,
                index,
                least: after,
                limit: pages,
            });
        }
        after += delta;
        each(after - 1, head & 1 != 0);
    }
    Ok(())
}

impl Ram {
    /// Bytes of data that belong to `index`, which is right for this RAM.
    ///
    /// # Errors
    /// [`StreamError`]; nothing is allocated.
    pub fn chunk_data_len(&self, index: &[u8]) -> Result<usize, StreamError> {
        let mut pages = 0;
        parse_index(index, self.pages(), |_, zero| pages += u64::from(!zero))?;
        if pages > MAX_CHUNK_PAGES {
            let (limit, got) = (MAX_CHUNK_PAGES * PAGE, pages * PAGE);
            return Err(StreamError::TooLarge { section: SECTION, limit, got });
        }
        Ok((pages * PAGE) as usize)
    }

    /// Writes the pages of a chunk; returns how many.
    ///
    /// # Errors
    /// [`StreamError`], and RAM is as before.
    pub fn load_chunk(&self, index: &[u8], data: &[u8]) -> Result<u64, StreamError> {
        let wanted = self.chunk_data_len(index)?;
        if data.len() != wanted {
            let (wanted, got) = (wanted as u64, data.len() as u64);
            return Err(StreamError::Length { section: SECTION, wanted, got });
        }
        let mut count = 0;
        // Pages that follow each other are written together.
        let (mut first, mut start, mut end) = (0, 0, 0);
        let flush = |first: u64, run: &[u8]| {
            let len = (run.len() as u64).min(self.size().saturating_sub(first * PAGE)) as usize;
            self.write_pages(RealAddr(first * PAGE), &run[..len]);
        };
        parse_index(index, self.pages(), |n, zero| {
            count += 1;
            if !zero {
                if first + ((end - start) as u64 >> PAGE_SHIFT) != n {
                    flush(first, &data[start..end]);
                    (first, start) = (n, end);
                }
                end += PAGE as usize;
            } else if self.marks.touched.contains(n) {
                self.fill(RealAddr(n * PAGE), self.page_len(n) as u64, 0);
            }
        })?;
        flush(first, &data[start..end]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Fallible = Result<(), Box<dyn std::error::Error>>;

    fn index_of(pages: &[(u64, bool)]) -> Vec<u8> {
        let (mut out, mut after) = (Vec::new(), 0);
        for &(n, zero) in pages {
            put(&mut out, (n + 1 - after) << 1 | u64::from(zero));
            after = n + 1;
        }
        out
    }

    #[test]
    fn a_chunk_comes_back_page_by_page() -> Fallible {
        let (from, to) = (Ram::new(1 << 16)?, Ram::new(1 << 16)?);
        from.write_bytes(RealAddr(0x0ffe), b"over the edge");
        from.write_bytes(RealAddr(0xffff), b"!");
        to.fill(RealAddr(0), 1 << 16, 7);
        let mut chunk = Chunk::default();
        (0..16).for_each(|n| chunk.push(&from, n));
        assert_eq!((chunk.nonzero, chunk.zero), (3, 13));
        assert_eq!(to.load_chunk(&chunk.index, &chunk.data)?, 16);
        assert_eq!(to.digest(), from.digest());
        Ok(())
    }

    #[test]
    fn zero_pages_overwrite_what_was_there_and_touch_no_memory_otherwise() -> Fallible {
        // QEMU once left them out, and what firmware had put there stayed.
        let ram = Ram::new(1 << 16)?;
        ram.fill(RealAddr(0x1000), 0x1000, 9);
        ram.load_chunk(&index_of(&[(1, true), (2, true)]), &[])?;
        assert_eq!(ram.digest(), Ram::new(1 << 16)?.digest());
        assert!(!ram.marks.touched.contains(2));
        Ok(())
    }

    #[test]
    fn a_bad_index_or_the_wrong_amount_of_data_is_refused_and_nothing_is_written() -> Fallible {
        let ram = Ram::new(1 << 16)?;
        let before = ram.digest();
        let page = [1u8; PAGE as usize];
        let outside = index_of(&[(0, false), (16, false)]);
        let refused = ram.load_chunk(&outside, &[page, page].concat());
        assert_eq!(
            refused.map_err(|e| e.to_string()).err().as_deref(),
            Some(
                "Number is out of range: got 0x10, wanted a page of 0x1 to 0xf \
                 (section ram, offset 0x1 of the chunk)"
            )
        );
        let twice = [index_of(&[(0, false)]), vec![0]].concat();
        assert!(matches!(ram.load_chunk(&twice, &page), Err(StreamError::Index { offset: 1, .. })));
        for len in [0, 4095, 4097, 8192] {
            let refused = ram.load_chunk(&index_of(&[(3, false)]), &vec![1; len]);
            assert!(matches!(refused, Err(StreamError::Length { wanted: 4096, .. })), "{len}: {refused:?}");
        }
        assert_eq!(ram.digest(), before);
        Ok(())
    }

    #[test]
    fn a_chunk_asks_for_a_bounded_amount_of_memory() -> Fallible {
        let ram = Ram::new(1 << 30)?;
        let all: Vec<_> = (0..=MAX_CHUNK_PAGES).map(|n| (n, false)).collect();
        assert_eq!(ram.chunk_data_len(&index_of(&all[1..]))?, 1 << 26);
        assert!(matches!(ram.chunk_data_len(&index_of(&all)), Err(StreamError::TooLarge { .. })));
        Ok(())
    }

    proptest! {
        #[test]
        fn a_damaged_chunk_is_refused_or_stays_inside(
            pages in prop::collection::btree_map(0u64..64, any::<bool>(), 0..20),
            flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..3),
            data in 0usize..20,
        ) {
            let mut index = index_of(&pages.into_iter().collect::<Vec<_>>());
            for (at, with) in flips {
                let len = index.len();
                if let Some(byte) = index.get_mut(at.checked_rem(len).unwrap_or(0)) {
                    *byte ^= with;
                }
            }
            let ram = Ram::new(1 << 18).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let before = ram.digest();
            if ram.load_chunk(&index, &vec![1; data * PAGE as usize]).is_err() {
                prop_assert_eq!(ram.digest(), before);
            }
        }

        #[test]
        fn any_bytes_at_all_are_refused_or_read(index in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse_index(&index, 64, |n, _| assert!(n < 64));
        }
    }
}
