//! Watched ranges: bytes whose loads, stores or executions somebody wants to know of before they happen.
//!
//! Each range has an owner: a debugger, a hook, a detector of races. The guest's own watchpoint (`watchpoint`) is the owner
//! that interrupts the guest; for every other one the caller gets [`Question::Watched`] and the guest cannot tell. Ranges
//! are effective addresses, or real ones whatever their names.
//!
//! Must hold: code that touches no page with a watched byte runs as if there were none. Such a page has no entry in the TLB,
//! reads and writes apart, so its accesses go the slow way, which compares bytes. A watched instruction is a block of its
//! own ([`crate::block::WATCHED`]) that is never compiled.
//!
//! Several owners of the same bytes are told one after the other, in the order of [`Watches`]. The guest's watchpoint comes
//! first: an access that it interrupts is not made, so nobody else hears of it. Of an instruction with several accesses each
//! is reported, and those before it were made.

use crate::{
    outside::Question,
    ram::{PAGE, RealAddr},
    state::Cpu,
    trap::Done,
};
use std::sync::Arc;

/// What is done to watched bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A load.
    Read = 1,
    /// A store, `dcbz` included.
    Write = 2,
    /// An instruction there is about to be executed.
    Execute = 4,
}

/// A watched range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Who wants to know.
    pub owner: u32,
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// The [`Kind`]s, as a sum.
    pub kinds: u8,
    /// These are real addresses.
    pub real: bool,
}

impl Watch {
    fn wants(&self, kind: Kind) -> bool {
        self.kinds & kind as u8 != 0
    }

    /// Whether it watches one of the `len` bytes that are at `ea` and at `ra`.
    fn overlaps(&self, ea: u64, ra: RealAddr, len: u64) -> bool {
        let at = if self.real { ra.0 } else { ea };
        at <= self.last && self.first <= at.saturating_add(len - 1)
    }

    /// Whether it may watch one of the `len` bytes at `ra`, which lie in one page, by some effective address.
    fn may_overlap(&self, ra: RealAddr, len: u64) -> bool {
        if self.real {
            return self.overlaps(0, ra, len);
        }
        let (offset, first) = (ra.0 % PAGE, self.first % PAGE);
        // In pages from that of the first byte on.
        let last = first.saturating_add(self.last - self.first);
        offset <= last && first < offset + len || offset + PAGE <= last
    }
}

/// All that is watched.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Watches(Arc<[Watch]>);

impl Watches {
    /// These ranges, in the order in which owners are told.
    pub fn new(watches: Vec<Watch>) -> Self {
        Self(watches.into())
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Watch> {
        self.0.iter().filter(move |watch| watch.wants(kind))
    }

    /// Whether an instruction of `len` bytes at `ra` may be watched, by some effective address.
    pub(crate) fn may_execute(&self, ra: RealAddr, len: u64) -> bool {
        self.of(Kind::Execute).any(|watch| watch.may_overlap(ra, len))
    }

    /// Whether instructions are watched.
    pub(crate) fn any_execute(&self) -> bool {
        self.of(Kind::Execute).next().is_some()
    }

    /// Whether a byte is watched of the aligned `1 << shift` bytes around `ea`, which are those around `ra`.
    pub(crate) fn touch_page(&self, ea: u64, ra: RealAddr, shift: u32, kind: Kind) -> bool {
        let page = 1 << shift;
        self.of(kind).any(|watch| watch.overlaps(ea & !(page - 1), ra.align_down(page), page))
    }
}

impl Cpu {
    /// What is watched.
    pub fn watches(&self) -> &Watches {
        &self.outside.watches
    }

    /// Sets what is watched from now on. Decoded code does not know of it: see `Engine::set_watches`.
    pub(crate) fn set_watches(&mut self, watches: Watches) {
        self.outside.watches = watches;
        self.tlb.clear();
    }

    /// Tells the owners of the `len` bytes that are at `ea` and at `ra`, or finds that they were told.
    #[cold]
    pub(crate) fn tell_owners(&mut self, kind: Kind, ea: u64, ra: RealAddr, len: u64) -> Done {
        let watches = self.outside.watches.clone();
        for watch in watches.of(kind).filter(|watch| watch.overlaps(ea, ra, len)) {
            self.ask(Question::Watched { owner: watch.owner, kind, ea, address: ra, size: len })?;
        }
        Ok(())
    }

    /// Whether anything is watched.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        !self.outside.watches.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_may_be_watched_by_each_name_of_its_page() {
        let watch = |first, last, real| Watch { owner: 1, first, last, kinds: 4, real };
        for (watch, ra, len, may) in [
            (watch(0xc000_0000_0000_1234, 0xc000_0000_0000_1237, false), 0x7234, 4, true),
            (watch(0xc000_0000_0000_1234, 0xc000_0000_0000_1237, false), 0x7230, 4, false),
            (watch(0xc000_0000_0000_1234, 0xc000_0000_0000_1237, false), 0x7230, 8, true),
            (watch(0xc000_0000_0000_1234, 0xc000_0000_0000_1237, false), 0x7238, 4, false),
            (watch(0x1ffc, 0x2003, false), 0x9000, 4, true),
            (watch(0x1ffc, 0x2003, false), 0x9004, 4, false),
            (watch(0x1ffc, 0x2003, false), 0x9ffc, 4, true),
            (watch(0, u64::MAX, false), 0x9004, 4, true),
            (watch(0x9004, 0x9004, true), 0x9004, 4, true),
            (watch(0x9004, 0x9004, true), 0xa004, 4, false),
        ] {
            assert_eq!(
                Watches::new(vec![watch]).may_execute(RealAddr(ra), len),
                may,
                "{watch:x?} at {ra:#x}"
            );
        }
    }
}
