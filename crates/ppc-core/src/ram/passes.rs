//! A pass over RAM, one kind of [`track::Pass`].
//!
//! It takes its marks when it begins, all at once. Must hold: no processor runs then, and each is told
//! (`Cpu::protect_writes`) before it does; a page written later is marked again.

use super::chunk::{Chunk, ENTRY_MAX, MAX_CHUNK_PAGES};
use super::dirty::new_set;
use super::{PAGE, Ram};
use std::sync::atomic::Ordering::*;
use track::bits::BitTree;
use track::{Marks, PassError, Start, Tracked};

/// One pass over RAM.
pub type RamPass = track::Pass<Ram>;

/// The progress of a pass over RAM.
pub struct Walk {
    /// Pages this pass took, sent or not.
    taken: BitTree,
    /// Where to continue.
    cursor: u64,
    /// Pages not yet given out.
    left: u64,
    was_based: bool,
}

impl Tracked for Ram {
    type Walk = Walk;
    type Chunk = Chunk;

    fn has_base(&self) -> bool {
        self.marks.based.load(Acquire)
    }

    fn begin(&self, start: Start) -> Result<Walk, PassError> {
        let taken = new_set(self.pages())?;
        let was_based = self.has_base();
        let walk = self.marks.walk();
        let take = |parent, bits| taken.set_word(parent, bits);
        match start.marks() {
            Some(Marks::Live) => self.marks.live.drain(take),
            Some(Marks::Base) => self.marks.begin_base(take),
            None => {}
        }
        drop(walk);
        if start.is_full() {
            // Pages that were never written are zero, as they are on the other side.
            self.marks.touched.for_each_word(take);
        }
        let left = taken.count();
        Ok(Walk { taken, cursor: 0, left, was_based })
    }

    fn next(&self, _: Start, walk: &mut Walk, max_bytes: usize) -> Option<Chunk> {
        let limit = max_bytes.min((MAX_CHUNK_PAGES * PAGE) as usize);
        let mut chunk = Chunk::default();
        while chunk.len() == 0 || chunk.len() + ENTRY_MAX <= limit {
            let Some(n) = walk.taken.next_from(walk.cursor) else { break };
            walk.cursor = n + 1;
            walk.left -= 1;
            chunk.push(self, n);
        }
        (chunk.len() > 0).then_some(chunk)
    }

    fn remaining(&self, walk: &Walk) -> u64 {
        walk.left
    }

    fn put_back(&self, start: Start, walk: &mut Walk) {
        let marks = &self.marks;
        let tree = match start.marks() {
            Some(Marks::Live) => Some(&marks.live),
            Some(Marks::Base) => {
                marks.based.store(walk.was_based, Release);
                Some(&marks.base)
            }
            None => None,
        };
        walk.taken.drain(|parent, bits| {
            if let Some(tree) = tree {
                tree.set_word(parent, bits);
            }
        });
        walk.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::RealAddr;
    use std::sync::Arc;
    use track::contract::Subject;

    impl Subject for Ram {
        const UNITS: u64 = 1 << 10;
        const UNIT_BYTES: usize = ENTRY_MAX;

        fn fresh() -> Arc<Self> {
            Arc::new(Ram::new(Self::UNITS * PAGE).expect("memory"))
        }

        fn change(&self, unit: u64, value: u64) {
            self.write_bytes(RealAddr(unit * PAGE), &value.to_le_bytes()).expect("a page of RAM");
        }

        fn marked(&self) -> u64 {
            self.dirty_pages()
        }

        fn load(&self, chunk: Chunk, max_bytes: usize) -> u64 {
            assert!(chunk.len() <= max_bytes);
            let pages = self.load_chunk(&chunk.index, &chunk.data).expect("a chunk of a pass");
            assert_eq!(pages, chunk.nonzero + chunk.zero);
            pages
        }

        fn digest(&self) -> [u8; 32] {
            Ram::digest(self)
        }
    }

    track::contract_tests!(Ram);

    #[test]
    fn a_page_marked_without_a_write_is_sent_again() -> track::contract::Outcome {
        let ram = Ram::fresh();
        ram.change(3, 1);
        while RamPass::start(&ram, Start::Full(Marks::Live))?.next(1 << 20).is_none() {}
        assert!(!ram.is_dirty(RealAddr(3 * PAGE)));
        ram.mark_dirty(RealAddr(3 * PAGE));
        assert!(ram.is_dirty(RealAddr(3 * PAGE)));
        assert_eq!(RamPass::start(&ram, Start::Changes(Marks::Live))?.remaining(), 1);
        Ok(())
    }
}
