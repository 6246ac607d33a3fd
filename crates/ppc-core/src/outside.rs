//! Accesses that the caller answers, or wants to see (`watch`): the processor leaves before they have any effect.
//!
//! An instruction whose access needs the caller ends in [`Trap::Asks`] and leaves registers as they were, and the engine
//! returns the [`Question`]. The answer has that one instruction executed again, before any interrupt is taken
//! ([`Engine::answer`](crate::engine::Engine::answer)). An instruction of several accesses asks once for each, in order,
//! and gets the answers from before when it is executed again, so no access is made twice. It counts when it completes:
//! until then the processor stands before it, and whoever saves it there loses nothing but the answers.
//!
//! ```text
//! run → … load → Trap::Asks → EngineExit::Asks(question) → caller → Engine::answer(value) → the load, with the value → …
//! ```
//!
//! Windows are storage that is caching inhibited and guarded, whatever the page's entry says. An access there goes out in
//! naturally aligned pieces of 1, 2, 4 or 8 bytes, the lowest address first. Reservations, quadwords, atomic memory
//! operations and `copy` need storage that is cached: a data storage interrupt, as the ISA has it. `dcbz` is an alignment
//! interrupt. Instructions are not fetched from there: to a fetch there is nothing.

use crate::{
    ram::{PAGE, RealAddr},
    state::Cpu,
    trap::{Done, Trap},
    watch::{Kind, Stored, Watches},
};
use std::sync::Arc;

/// DSISR: the instruction needs storage that is not caching inhibited.
pub const DSISR_INHIBITED: u32 = 0x0400_0000;
/// Windows lie below: real mode has no more address bits, and neither has an entry of the hash table.
pub const END: u64 = 1 << 60;

/// A question to the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// An access to a window; the answer is what a load reads.
    Mmio {
        /// Real address, a multiple of `size`.
        address: RealAddr,
        /// Bytes: 1, 2, 4 or 8.
        size: u8,
        /// What is written. Values are big-endian: the byte at `address` is the most significant one of `size`.
        write: Option<u64>,
    },
    /// What is about to happen to watched bytes; any answer lets it.
    Watched {
        /// Who watches them.
        owner: u32,
        /// What it is.
        kind: Kind,
        /// Effective address.
        ea: u64,
        /// Real address.
        address: RealAddr,
        /// Bytes of the access that lie there together: an access that crosses a page is two.
        size: u64,
        /// What is about to be stored there.
        stored: Stored,
    },
}

impl Question {
    /// Whether the answer to `told` answers this, too. What is stored may have become something else.
    fn is_answered_by(&self, told: &Self) -> bool {
        let stripped = |question: &Self| match *question {
            Self::Watched { owner, kind, ea, address, size, .. } => {
                Self::Watched { owner, kind, ea, address, size, stored: None }
            }
            mmio => mmio,
        };
        stripped(self) == stripped(told)
    }
}

/// Real addresses that are no memory but answer: whole pages outside RAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

impl Window {
    /// `len` bytes at `address`; `None` unless these are whole pages below [`END`].
    pub fn new(address: u64, len: u64) -> Option<Self> {
        let whole = len != 0 && address.is_multiple_of(PAGE) && len.is_multiple_of(PAGE);
        let end = address.checked_add(len).filter(|&end| whole && end <= END)?;
        Some(Self { first: address, last: end - 1 })
    }
}

/// Windows that do not overlap, by address.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Windows(Arc<[Window]>);

impl Windows {
    /// These windows, in any order, or two of them that overlap.
    ///
    /// # Errors
    /// The two.
    pub fn new(mut windows: Vec<Window>) -> Result<Self, [Window; 2]> {
        windows.sort_unstable_by_key(|window| window.first);
        let overlap = windows.array_windows().find(|[a, b]| b.first <= a.last);
        overlap.map_or_else(|| Ok(Self(windows.clone().into())), |&[a, b]| Err([a, b]))
    }

    /// Each of them, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.0.iter()
    }

    /// Whether `len` bytes at `address` lie in one of them.
    pub fn contain(&self, RealAddr(address): RealAddr, len: u64) -> bool {
        let Some(last) = len.checked_sub(1).and_then(|more| address.checked_add(more)) else { return false };
        let below = self.0.partition_point(|window| window.first <= address);
        below.checked_sub(1).is_some_and(|n| last <= self.0[n].last)
    }
}

/// The questions of one processor, and the answers.
#[derive(Default)]
pub struct Outside {
    pub(crate) windows: Windows,
    pub(crate) watches: Watches,
    /// The instruction's questions so far, and the answers.
    told: Vec<(Question, u64)>,
    /// Answers that it has got since it was begun again.
    used: usize,
    /// How many of them it had got when its function was called: what was told of its execution.
    before: usize,
    /// The open question.
    asked: Option<Question>,
    /// Its position: instruction count and address.
    place: (u64, u64),
}

impl Outside {
    /// The instruction, which is at `place`, waits for an answer.
    pub(crate) fn wait_at(&mut self, place: (u64, u64)) -> Option<Question> {
        self.place = place;
        self.asked
    }

    /// What the instruction at `place` asks, if one there does.
    pub(crate) fn asked_at(&self, place: (u64, u64)) -> Option<Question> {
        self.asked.filter(|_| self.place == place)
    }

    /// Takes the answer for the instruction at `place`; false if it does not wait for one.
    pub(crate) fn tell(&mut self, place: (u64, u64), answer: u64) -> bool {
        let asked = self.asked_at(place);
        self.asked = None;
        (self.used, self.before) = (0, 0);
        match asked {
            Some(question) => self.told.push((question, answer)),
            None => self.told.clear(),
        }
        asked.is_some()
    }

    /// Who watches the instruction was told, and its function is called.
    pub(crate) fn begin(&mut self) {
        self.before = self.used;
    }

    /// The instruction's function is called again: it gets the same answers.
    pub(crate) fn begin_again(&mut self) {
        self.used = self.before;
    }

    /// Nobody waits any more.
    pub(crate) fn forget(&mut self) {
        self.told.clear();
        (self.used, self.before) = (0, 0);
        self.asked = None;
    }

    /// Whether an answer is waited for, or was given to an instruction that has not completed.
    pub(crate) fn is_busy(&self) -> bool {
        self.asked.is_some() || !self.told.is_empty()
    }
}

impl Cpu {
    /// Takes over windows and watched ranges of the processor that this one replaces.
    pub fn succeed(&mut self, old: &Self) {
        self.outside.windows = old.outside.windows.clone();
        self.outside.watches = old.outside.watches.clone();
    }

    /// Real addresses that are the caller's.
    pub fn windows(&self) -> &Windows {
        &self.outside.windows
    }

    /// Accesses to these real addresses are the caller's from now on. No translation to one is ever cached.
    pub fn set_windows(&mut self, windows: Windows) {
        self.outside.windows = windows;
    }

    /// The answer to `question`, which an earlier execution of the instruction may have asked.
    pub(crate) fn ask(&mut self, question: Question) -> Result<u64, Trap> {
        let outside = &mut self.outside;
        // Those before may have been asked for somebody who has gone meanwhile.
        let mut told = outside.told.iter().enumerate().skip(outside.used);
        match told.find(|(_, (told, _))| question.is_answered_by(told)) {
            Some((n, &(_, answer))) => {
                outside.used = n + 1;
                Ok(answer)
            }
            // The caller has changed the instruction's effect meanwhile.
            None => {
                outside.told.truncate(outside.used);
                outside.asked = Some(question);
                Err(Trap::Asks)
            }
        }
    }

    /// Loads `bytes` from a window.
    pub(crate) fn load_outside(&mut self, address: RealAddr, bytes: &mut [u8]) -> Done {
        for (at, size) in pieces(address, bytes.len()) {
            let value = self.ask(Question::Mmio { address: address + at as u64, size, write: None })?;
            bytes[at..][..size.into()].copy_from_slice(&value.to_be_bytes()[8 - usize::from(size)..]);
        }
        Ok(())
    }

    /// Stores `bytes` to a window.
    pub(crate) fn store_outside(&mut self, address: RealAddr, bytes: &[u8]) -> Done {
        for (at, size) in pieces(address, bytes.len()) {
            let value =
                bytes[at..][..size.into()].iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
            self.ask(Question::Mmio { address: address + at as u64, size, write: Some(value) })?;
        }
        Ok(())
    }
}

/// Offset and size of each naturally aligned piece of `len` bytes at `address`.
fn pieces(RealAddr(address): RealAddr, len: usize) -> impl Iterator<Item = (usize, u8)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let left = len.checked_sub(at).filter(|&left| left != 0)?;
        let aligned = 1 << (address + at as u64).trailing_zeros().min(3);
        // At most 8.
        let size = aligned.min(1 << left.ilog2());
        let piece = (at, size as u8);
        at += size;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(address: u64, len: u64) -> Window {
        Window::new(address, len).expect("whole pages")
    }

    #[test]
    fn a_window_is_whole_pages_within_the_address_space() {
        for (address, len) in [(0x800, PAGE), (0, 0), (0, 0x800), (END, PAGE), (!0 << 12, 2 * PAGE)] {
            assert_eq!(Window::new(address, len), None, "{len:#x} bytes at {address:#x}");
        }
        assert!(Window::new(END - PAGE, PAGE).is_some());
    }

    #[test]
    fn windows_are_found_to_their_last_byte_and_do_not_overlap() {
        let windows = Windows::new(vec![window(0x8000, 0x1000), window(0x5000, 0x2000)]).expect("apart");
        for (address, len, inside) in [
            (0x5000, 1, true),
            (0x6ff8, 8, true),
            (0x6ff8, 9, false),
            (0x7000, 1, false),
            (0x8fff, 1, true),
            (0x9000, 1, false),
            (0x4fff, 2, false),
            (0x5000, 0, false),
            (u64::MAX, 2, false),
        ] {
            assert_eq!(windows.contain(RealAddr(address), len), inside, "{len} bytes at {address:#x}");
        }
        let pair = [window(0x5000, 0x2000), window(0x6000, 0x1000)];
        assert_eq!(Windows::new(vec![pair[1], pair[0]]), Err(pair));
    }

    #[test]
    fn accesses_are_cut_into_aligned_pieces_that_cover_them() {
        let cut = |address, len| pieces(RealAddr(address), len).collect::<Vec<_>>();
        assert_eq!(cut(0x1000, 16), [(0, 8), (8, 8)]);
        assert_eq!(cut(0x1001, 8), [(0, 1), (1, 2), (3, 4), (7, 1)]);
        assert_eq!(cut(0x1004, 8), [(0, 4), (4, 4)]);
        assert_eq!(cut(0x1002, 3), [(0, 2), (2, 1)]);
        assert_eq!(cut(0, 1), [(0, 1)]);
    }
}
