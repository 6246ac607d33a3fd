//! Passes: what a save or a migration sends of the table, a chunk at a time, while the guest may run.
//!
//! | start | sends | marks |
//! |---|---|---|
//! | everything, live | an erase mark, then entries in use | takes dirty marks as it goes |
//! | changes, live | dirty entries, in use or not | takes their marks |
//! | everything, base | an erase mark, then entries in use | begins a new base; dirty marks stay |
//! | changes, base | entries of groups changed since the base | begins a new base; dirty marks stay |
//! | everything, none | an erase mark, then entries in use | none taken |
//!
//! An entry is in use when it is not zero; nearly always it is valid then.
//! A table that is wholly dirty, as after a reboot of the guest, is sent as "erase, then entries in use" too, even in
//! the middle of a pass: what it costs is what is in use, however large the table.
//!
//! Must hold: an entry that changes after a pass has sent it is marked again and so belongs to a later pass.

use crate::chunk::{ENTRY_MAX, Writer};
use crate::dirty::DirtyEntry;
use crate::error::HptError;
use crate::hpte::GROUP_SLOTS;
use crate::table::Hpt;
use crate::varint::{Reader, put};
use crate::{bits::BitTree, hpte::Hpte};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which marks a pass takes. The sets are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// What changed since a live pass sent it.
    Live,
    /// What changed since the base, the last pass of this kind.
    Base,
    /// None: everything is sent and nothing is noted.
    None,
}

/// Some entries on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// In the format of [`crate::chunk`].
    pub bytes: Vec<u8>,
    /// Entries in it that have a value; but for oddities of the guest they are valid.
    pub valid: u64,
    /// Entries in it that become zero.
    pub invalid: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Entries in use of the whole table.
    InUse,
    /// Dirty entries.
    Dirty,
    /// Entries of the groups in `groups`.
    Groups,
}

struct State {
    mode: Mode,
    /// Where to go on; `None` when the pass is over.
    cursor: Option<u64>,
    /// The next chunk begins with the erase mark.
    erase: bool,
    /// Everything was to be sent at some time of this pass.
    everything: bool,
    /// There was a base before this pass.
    was_based: bool,
    /// Entries whose marks a live pass took.
    taken: Log,
    /// Groups whose marks a base pass took.
    groups: Option<BitTree>,
    /// Entries expected to come, where they are not counted by their marks.
    left: u64,
}

/// Ascending numbers in little memory, written front to back: a bitmap would touch a page of the host for each.
#[derive(Default)]
struct Log {
    deltas: Vec<u8>,
    last: u64,
}

impl Log {
    fn push(&mut self, n: u64) {
        put(&mut self.deltas, n.wrapping_sub(self.last));
        self.last = n;
    }

    fn take(&mut self) -> impl Iterator<Item = u64> + use<> {
        let Self { deltas, .. } = std::mem::take(self);
        let (mut at, mut n) = (0, 0u64);
        std::iter::from_fn(move || {
            let mut reader = Reader::new("", &deltas[at..]);
            n = n.wrapping_add(reader.varint().ok()?);
            at += reader.offset() as usize;
            Some(n)
        })
    }
}

/// One pass over the table. `next` may be called while processors run.
pub struct HptPass {
    hpt: Arc<Hpt>,
    marks: Marks,
    state: Mutex<State>,
}

impl HptPass {
    /// Begins a pass. One live pass at a time makes sense.
    ///
    /// # Errors
    /// [`HptError::Memory`]; [`HptError::NoBase`] for the changes since a base that does not exist.
    pub fn start(hpt: &Arc<Hpt>, everything: bool, marks: Marks) -> Result<Self, HptError> {
        let map = &hpt.dirty;
        let mut state = State {
            mode: Mode::InUse,
            cursor: Some(0),
            erase: true,
            everything: true,
            was_based: hpt.has_base(),
            taken: Log::default(),
            groups: if marks == Marks::Base { Some(BitTree::new(hpt.groups())?) } else { None },
            left: 0,
        };
        if !everything && (marks == Marks::None || marks == Marks::Base && !state.was_based) {
            return Err(HptError::NoBase);
        }
        let walk = map.walk();
        if let Some(groups) = &state.groups {
            map.based.store(true, SeqCst);
            map.changed.drain(|parent, bits| groups.set_word(parent, bits));
            state.left = groups.count() * GROUP_SLOTS;
        }
        match marks {
            Marks::Live if everything => map.forget(),
            Marks::Live if map.take_reset() => {}
            Marks::Live => state.become_changes(Mode::Dirty),
            Marks::Base if !everything => state.become_changes(Mode::Groups),
            Marks::Base | Marks::None => {}
        }
        drop(walk);
        if state.mode == Mode::InUse {
            state.left = hpt.entries_in_use();
        }
        Ok(Self { hpt: hpt.clone(), marks, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunk of about `max_bytes` at most, at least one entry; `None` when the pass is over.
    pub fn next(&self, max_bytes: usize) -> Option<Chunk> {
        let mut state = self.state();
        let state = &mut *state;
        state.cursor?;
        let _walk = self.hpt.dirty.walk();
        if self.marks == Marks::Live && self.hpt.dirty.take_reset() {
            state.restart(self.hpt.entries_in_use());
        }
        let mut writer = Writer::new(std::mem::take(&mut state.erase));
        let mut batch = Vec::new();
        while let Some(cursor) = state.cursor {
            let room = max_bytes.saturating_sub(writer.len()) / ENTRY_MAX;
            if room == 0 && writer.valid + writer.invalid > 0 {
                break;
            }
            batch.clear();
            state.cursor = match state.mode {
                Mode::InUse => self.take_in_use(cursor, room.max(1), &mut batch),
                Mode::Dirty => self.hpt.take_dirty_walking(cursor, room.max(1), &mut batch),
                Mode::Groups => self.read_group(state.groups.as_ref(), cursor, &mut batch),
            };
            for taken in &batch {
                writer.entry(taken.ptex, taken.entry);
                if state.mode == Mode::Dirty {
                    state.taken.push(taken.ptex);
                }
            }
        }
        let (valid, invalid) = (writer.valid, writer.invalid);
        state.left = state.left.saturating_sub(valid + invalid);
        let bytes = writer.finish();
        (!bytes.is_empty()).then_some(Chunk { bytes, valid, invalid })
    }

    /// Entries in use from `from` on; where to go on. The marks of the zero ones are taken as well: the erase mark has
    /// told the other side.
    fn take_in_use(&self, from: u64, max: usize, out: &mut Vec<DirtyEntry>) -> Option<u64> {
        let hpt = &*self.hpt;
        let mut from = from;
        while let Some(group) = hpt.touched.next_from(from / GROUP_SLOTS) {
            let first = group * GROUP_SLOTS;
            if out.len() == max {
                return Some(from.max(first));
            }
            let begin = from.max(first);
            if self.marks == Marks::Live && begin == first {
                hpt.dirty.clear(group);
            }
            for ptex in begin..first + GROUP_SLOTS {
                if out.len() == max {
                    return Some(ptex);
                }
                let entry =
                    if self.marks == Marks::Live { hpt.take_any(ptex) } else { hpt.read(ptex).guest() };
                if entry != Hpte::default() {
                    out.push(DirtyEntry { ptex, entry });
                }
            }
            from = first + GROUP_SLOTS;
            if from >= hpt.slots() {
                break;
            }
        }
        None
    }

    /// The entries of the first group of `groups` from `from` on; where to go on.
    fn read_group(&self, groups: Option<&BitTree>, from: u64, out: &mut Vec<DirtyEntry>) -> Option<u64> {
        let group = groups?.next_from(from / GROUP_SLOTS)?;
        let first = group * GROUP_SLOTS;
        let entries = first..first + GROUP_SLOTS;
        out.extend(entries.map(|ptex| DirtyEntry { ptex, entry: self.hpt.read(ptex).guest() }));
        Some(first + GROUP_SLOTS).filter(|next| *next < self.hpt.slots())
    }

    /// Entries expected to come, more if the guest changes some meanwhile; 0 when the pass is over.
    pub fn remaining(&self) -> u64 {
        let state = self.state();
        match (state.cursor, state.mode) {
            (None, _) => 0,
            // Their marks are counted when somebody asks: a pass alone does not pay for it.
            (Some(_), Mode::Dirty) => self.hpt.pending(),
            (Some(_), Mode::InUse | Mode::Groups) => state.left,
        }
    }

    /// The pass has failed: everything it took, sent or not, is marked again, and it is over.
    pub fn put_back(&self) {
        let mut state = self.state();
        let hpt = &*self.hpt;
        state.cursor = None;
        match self.marks {
            Marks::Live if state.everything => hpt.mark_all_dirty(),
            Marks::Live => state.taken.take().for_each(|ptex| hpt.mark(ptex)),
            Marks::Base => {
                let _walk = hpt.dirty.walk();
                hpt.dirty.based.store(state.was_based, SeqCst);
                if let Some(groups) = state.groups.take() {
                    groups.drain(|parent, bits| hpt.dirty.changed.set_word(parent, bits));
                }
            }
            Marks::None => {}
        }
        state.everything = false;
        state.taken = Log::default();
    }
}

impl State {
    fn become_changes(&mut self, mode: Mode) {
        self.mode = mode;
        self.erase = false;
        self.everything = false;
    }

    /// The whole table has become dirty: what was sent no longer counts.
    fn restart(&mut self, left: u64) {
        self.mode = Mode::InUse;
        self.cursor = Some(0);
        self.erase = true;
        self.everything = true;
        self.left = left;
    }
}

impl Hpt {
    /// Entries that a live pass would send now: the dirty ones, or those in use when the table was reset.
    pub fn pending(&self) -> u64 {
        let reset = {
            let _walk = self.dirty.walk();
            self.dirty.all_dirty()
        };
        if reset { self.entries_in_use() } else { self.dirty_count() }
    }

    /// What the table holds now is a base: the changes from here on are those since it.
    pub fn set_base(&self) {
        let _walk = self.dirty.walk();
        self.dirty.based.store(true, SeqCst);
        self.dirty.changed.drain(|_, _| ());
    }

    /// Whether changes since a base are known.
    pub fn has_base(&self) -> bool {
        self.dirty.based.load(SeqCst)
    }
}

#[cfg(test)]
mod tests;
