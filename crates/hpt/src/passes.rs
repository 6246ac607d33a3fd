//! A pass over the table, one kind of [`track::Pass`].
//!
//! | start | sends | marks |
//! |---|---|---|
//! | full, live | an erase mark, then entries in use | takes dirty marks as it goes |
//! | changes, live | dirty entries, in use or not | takes their marks |
//! | full, base | an erase mark, then entries in use | begins a new base; dirty marks stay |
//! | changes, base | entries of groups changed since the base | begins a new base; dirty marks stay |
//! | untracked | an erase mark, then entries in use | none taken |
//!
//! An entry is in use when it is not zero; nearly always it is valid then.
//! A table that is wholly dirty, as after a reboot of the guest, is sent as "erase, then entries in use" too, even in
//! the middle of a pass: the cost depends on the entries in use, not on the size of the table. Processors may run
//! during a pass.

use crate::chunk::{ENTRY_MAX, Writer};
use crate::dirty::DirtyEntry;
use crate::hpte::{GROUP_SLOTS, Hpte};
use crate::table::Hpt;
use std::sync::atomic::Ordering::SeqCst;
use track::bits::BitTree;
use track::varint::{Reader, put};
use track::{Marks, PassError, Start, Tracked};

/// One pass over a table.
pub type HptPass = track::Pass<Hpt>;

/// Some entries on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// In the format of [`crate::chunk`].
    pub bytes: Vec<u8>,
    /// Entries in it that are not zero. Nearly always they are valid.
    pub nonzero: u64,
    /// Entries in it that become zero.
    pub zero: u64,
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

/// The progress of a pass over a table.
pub struct Walk {
    mode: Mode,
    /// Where to continue; `None` when the pass is over.
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

impl Walk {
    fn become_changes(&mut self, mode: Mode) {
        self.mode = mode;
        self.erase = false;
        self.everything = false;
    }

    /// The whole table has become dirty: everything sent so far is obsolete.
    fn restart(&mut self, left: u64) {
        self.mode = Mode::InUse;
        self.cursor = Some(0);
        self.erase = true;
        self.everything = true;
        self.left = left;
    }
}

impl Tracked for Hpt {
    type Walk = Walk;
    type Chunk = Chunk;

    fn has_base(&self) -> bool {
        self.dirty.based.load(SeqCst)
    }

    fn begin(&self, start: Start) -> Result<Walk, PassError> {
        let map = &self.dirty;
        let mut state = Walk {
            mode: Mode::InUse,
            cursor: Some(0),
            erase: true,
            everything: true,
            was_based: self.has_base(),
            taken: Log::default(),
            groups: None,
            left: 0,
        };
        if start.marks() == Some(Marks::Base) {
            state.groups = Some(BitTree::new(self.groups())?);
        }
        let walk = map.walk();
        if let Some(groups) = &state.groups {
            map.based.store(true, SeqCst);
            map.changed.drain(|parent, bits| groups.set_word(parent, bits));
            state.left = groups.count() * GROUP_SLOTS;
        }
        match start {
            Start::Full(Marks::Live) => map.forget(),
            Start::Changes(Marks::Live) if map.take_reset() => {}
            Start::Changes(Marks::Live) => state.become_changes(Mode::Dirty),
            Start::Changes(Marks::Base) => state.become_changes(Mode::Groups),
            Start::Full(Marks::Base) | Start::Untracked => {}
        }
        drop(walk);
        if state.mode == Mode::InUse {
            state.left = self.entries_in_use();
        }
        Ok(state)
    }

    fn next(&self, start: Start, state: &mut Walk, max_bytes: usize) -> Option<Chunk> {
        state.cursor?;
        let live = start.marks() == Some(Marks::Live);
        let _walk = self.dirty.walk();
        if live && self.dirty.take_reset() {
            state.restart(self.entries_in_use());
        }
        let mut writer = Writer::new(std::mem::take(&mut state.erase));
        let mut batch = Vec::new();
        while let Some(cursor) = state.cursor {
            let room = max_bytes.saturating_sub(writer.len()) / ENTRY_MAX;
            if room == 0 && writer.nonzero + writer.zero > 0 {
                break;
            }
            batch.clear();
            state.cursor = match state.mode {
                Mode::InUse => self.take_in_use(live, cursor, room.max(1), &mut batch),
                Mode::Dirty => self.take_dirty_walking(cursor, room.max(1), &mut batch),
                Mode::Groups => self.read_group(state.groups.as_ref(), cursor, &mut batch),
            };
            for taken in &batch {
                writer.entry(taken.ptex, taken.entry);
                if state.mode == Mode::Dirty {
                    state.taken.push(taken.ptex);
                }
            }
        }
        let (nonzero, zero) = (writer.nonzero, writer.zero);
        state.left = state.left.saturating_sub(nonzero + zero);
        let bytes = writer.finish();
        (!bytes.is_empty()).then_some(Chunk { bytes, nonzero, zero })
    }

    /// More come if the guest changes some meanwhile.
    fn remaining(&self, state: &Walk) -> u64 {
        match (state.cursor, state.mode) {
            (None, _) => 0,
            // Their marks are counted on demand: a pass itself does not pay for it.
            (Some(_), Mode::Dirty) => self.pending(),
            (Some(_), Mode::InUse | Mode::Groups) => state.left,
        }
    }

    fn put_back(&self, start: Start, state: &mut Walk) {
        state.cursor = None;
        match start.marks() {
            Some(Marks::Live) if state.everything => self.mark_all_dirty(),
            Some(Marks::Live) => state.taken.take().for_each(|ptex| self.mark(ptex)),
            Some(Marks::Base) => {
                let _walk = self.dirty.walk();
                self.dirty.based.store(state.was_based, SeqCst);
                if let Some(groups) = state.groups.take() {
                    groups.drain(|parent, bits| self.dirty.changed.set_word(parent, bits));
                }
            }
            None => {}
        }
        state.everything = false;
        state.taken = Log::default();
    }
}

impl Hpt {
    /// Entries in use from `from` on; where to go on. The marks of the zero ones are taken as well: the erase mark
    /// covers them.
    fn take_in_use(&self, live: bool, from: u64, max: usize, out: &mut Vec<DirtyEntry>) -> Option<u64> {
        let mut from = from;
        while let Some(group) = self.touched.next_from(from / GROUP_SLOTS) {
            let first = group * GROUP_SLOTS;
            if out.len() == max {
                return Some(from.max(first));
            }
            let begin = from.max(first);
            if live && begin == first {
                self.dirty.clear(group);
            }
            for ptex in begin..first + GROUP_SLOTS {
                if out.len() == max {
                    return Some(ptex);
                }
                let entry = if live { self.take_any(ptex) } else { self.read(ptex).guest() };
                if entry != Hpte::default() {
                    out.push(DirtyEntry { ptex, entry });
                }
            }
            from = first + GROUP_SLOTS;
            if from >= self.slots() {
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
        out.extend(entries.map(|ptex| DirtyEntry { ptex, entry: self.read(ptex).guest() }));
        Some(first + GROUP_SLOTS).filter(|next| *next < self.slots())
    }

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
}

#[cfg(test)]
mod tests;
