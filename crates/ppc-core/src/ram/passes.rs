//! Passes: what a save or a migration sends of RAM, a batch at a time, while the guest may run.
//!
//! A pass takes its marks when it starts, all at once. Must hold: no processor runs then, and each is told
//! (`Cpu::protect_writes`) before it does; a grain written later is marked again and so belongs to a later pass.

use super::Ram;
use super::chunk::{Batch, MAX_CHUNK_PAGES};
use super::dirty::{MarkSet, new_set};
use crate::tlb::GRAIN;
use hpt::bits::BitTree;
use std::sync::atomic::Ordering::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

struct State {
    /// Grains this pass took, sent or not.
    taken: BitTree,
    /// Where to go on.
    cursor: u64,
    /// Grains not yet given out.
    left: u64,
}

/// One pass over RAM.
pub struct RamPass {
    ram: Arc<Ram>,
    set: MarkSet,
    was_based: bool,
    state: Mutex<State>,
}

impl RamPass {
    /// Takes and clears marks: `everything` that may be other than zero, or what was written since they were taken
    /// last. `None` when the changes since a base are wanted and there is none.
    ///
    /// # Errors
    /// What the host says when it has no address space for the list.
    pub fn start(ram: &Arc<Ram>, everything: bool, set: MarkSet) -> std::io::Result<Option<Self>> {
        let taken = new_set(ram.grains())?;
        let marks = &ram.marks;
        let was_based = ram.has_base();
        if !everything && (set == MarkSet::None || set == MarkSet::Base && !was_based) {
            return Ok(None);
        }
        let walk = marks.walk();
        let take = |parent, bits| taken.set_word(parent, bits);
        match set {
            MarkSet::Live => marks.live.drain(take),
            MarkSet::Base => marks.begin_base(take),
            MarkSet::None => {}
        }
        drop(walk);
        if everything {
            marks.touched.for_each_word(take);
        }
        let left = taken.count();
        let state = Mutex::new(State { taken, cursor: 0, left });
        Ok(Some(Self { ram: ram.clone(), set, was_based, state }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next grains, of about `max_bytes` at most (but at least one); `None` when the pass is over.
    pub fn next(&self, max_bytes: usize) -> Option<Batch> {
        let limit = max_bytes.min((MAX_CHUNK_PAGES * GRAIN) as usize);
        let mut state = self.state();
        let mut batch = Batch::default();
        while batch.len() == 0 || batch.len() + GRAIN as usize <= limit {
            let Some(n) = state.taken.next_from(state.cursor) else { break };
            state.cursor = n + 1;
            state.left -= 1;
            batch.push(&self.ram, n);
        }
        (batch.len() > 0).then_some(batch)
    }

    /// Grains not yet given out.
    pub fn remaining(&self) -> u64 {
        self.state().left
    }

    /// The pass has failed: everything it took, sent or not, is marked again, and it is over.
    pub fn put_back(&self) {
        let mut state = self.state();
        let marks = &self.ram.marks;
        let tree = match self.set {
            MarkSet::Live => Some(&marks.live),
            MarkSet::Base => {
                marks.based.store(self.was_based, Release);
                Some(&marks.base)
            }
            MarkSet::None => None,
        };
        state.taken.drain(|parent, bits| {
            if let Some(tree) = tree {
                tree.set_word(parent, bits);
            }
        });
        state.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fallible = Result<(), Box<dyn std::error::Error>>;

    fn start(ram: &Arc<Ram>, everything: bool, set: MarkSet) -> Result<RamPass, Box<dyn std::error::Error>> {
        Ok(RamPass::start(ram, everything, set)?.ok_or("a base")?)
    }

    fn send(pass: &RamPass, to: &Ram) -> Result<(u64, u64), Box<dyn std::error::Error>> {
        let mut sum = (0, 0);
        while let Some(batch) = pass.next(20_000) {
            assert!(batch.len() <= 20_000);
            to.load_chunk(&batch.index, &batch.data)?;
            sum = (sum.0 + batch.pages, sum.1 + batch.zero_pages);
        }
        assert_eq!(pass.remaining(), 0);
        Ok(sum)
    }

    #[test]
    fn later_passes_carry_only_what_was_written_since_the_one_before() -> Fallible {
        let (from, to) = (Arc::new(Ram::new(1 << 24)?), Ram::new(1 << 24)?);
        from.fill(0x10_0000, 0x1_0000, 1);
        from.fill((1 << 24) - 1, 1, 2);
        assert_eq!(from.dirty_grains(), 17);
        assert_eq!(send(&start(&from, true, MarkSet::Live)?, &to)?, (17, 0));
        assert_eq!(from.dirty_grains(), 0);
        from.fill(0x10_1000, 0x1000, 0);
        from.write_bytes(5, b"x");
        let pass = start(&from, false, MarkSet::Live)?;
        assert_eq!(pass.remaining(), 2);
        assert_eq!(send(&pass, &to)?, (1, 1));
        assert_eq!(to.digest(), from.digest());
        assert_eq!(send(&start(&from, false, MarkSet::Live)?, &to)?, (0, 0));
        Ok(())
    }

    #[test]
    fn dirty_grains_survive_a_failed_attempt() -> Fallible {
        for everything in [true, false] {
            let from = Arc::new(Ram::new(1 << 24)?);
            from.fill(0, 0x10_0000, 1);
            let pass = start(&from, everything, MarkSet::Live)?;
            pass.next(5 * GRAIN as usize);
            assert!(pass.remaining() > 0);
            from.write_bytes(0, b"again");
            pass.put_back();
            assert_eq!((pass.remaining(), pass.next(1)), (0, None));
            assert_eq!(from.dirty_grains(), 256);
        }
        Ok(())
    }

    #[test]
    fn the_base_and_the_live_marks_do_not_disturb_each_other() -> Fallible {
        let (from, live, base) = (Arc::new(Ram::new(1 << 20)?), Ram::new(1 << 20)?, Ram::new(1 << 20)?);
        from.fill(0, 0x8000, 1);
        assert!(RamPass::start(&from, false, MarkSet::Base)?.is_none());
        send(&start(&from, true, MarkSet::Base)?, &base)?;
        assert_eq!((from.dirty_grains(), from.is_dirty(0)), (8, false));
        send(&start(&from, true, MarkSet::Live)?, &live)?;
        from.mark_dirty(0x3000);
        assert!(from.is_dirty(0x3000));
        assert_eq!(send(&start(&from, false, MarkSet::Live)?, &live)?, (1, 0));
        from.write_bytes(0x4000, b"x");
        let failed = start(&from, false, MarkSet::Base)?;
        failed.put_back();
        assert!(from.has_base());
        assert_eq!(send(&start(&from, false, MarkSet::Base)?, &base)?, (2, 0));
        assert_eq!(send(&start(&from, false, MarkSet::Live)?, &live)?, (1, 0));
        assert_eq!((live.digest(), base.digest()), (from.digest(), from.digest()));
        Ok(())
    }

    #[test]
    fn a_pass_without_marks_takes_none() -> Fallible {
        let (from, to) = (Arc::new(Ram::new(1 << 20)?), Ram::new(1 << 20)?);
        from.fill(0, 0x8000, 1);
        let pass = start(&from, true, MarkSet::None)?;
        send(&pass, &to)?;
        pass.put_back();
        assert_eq!((from.dirty_grains(), from.has_base()), (8, false));
        assert_eq!(to.digest(), from.digest());
        Ok(())
    }

    #[test]
    fn writes_beside_a_pass_are_sent_by_a_later_one() -> Fallible {
        let (from, to) = (Arc::new(Ram::new(1 << 20)?), Ram::new(1 << 20)?);
        let writer = {
            let from = from.clone();
            std::thread::spawn(move || {
                for n in 0..20_000u64 {
                    from.write_bytes(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 0xf_fff0, &n.to_le_bytes());
                }
            })
        };
        send(&start(&from, true, MarkSet::Live)?, &to)?;
        while !writer.is_finished() {
            send(&start(&from, false, MarkSet::Live)?, &to)?;
        }
        writer.join().map_err(|_| "the writer panicked")?;
        send(&start(&from, false, MarkSet::Live)?, &to)?;
        assert_eq!(to.digest(), from.digest());
        Ok(())
    }
}
