//! The result of a host's emitter.

/// A branch out of the region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegionExit {
    /// From this page to the target's, in bytes.
    pub page: i32,
    /// Where the target lies in its page.
    pub offset: u32,
}

/// The emitted code of a region.
pub struct Fresh {
    /// Machine code; may be anywhere.
    pub code: Vec<u8>,
    /// Blocks and where their entries are in `code`.
    pub entries: Vec<(u32, usize)>,
    /// Branches out of the region.
    pub exits: Vec<RegionExit>,
}

/// Code that every process needs once: its bytes, and where in them things begin.
pub struct StubCode {
    /// Machine code; may be anywhere.
    pub code: Vec<u8>,
    /// Where to enter compiled code: a function of the processor, a region's slots and its code, which returns a
    /// [`Leave`](super::runtime::Leave). It is at the start of `code`.
    pub enter: usize,
    /// What [`Runtime::leave_next`](super::runtime::Runtime::leave_next) and its neighbours point to.
    pub next: usize,
    pub here: usize,
    pub unlinked: usize,
    pub trap: usize,
}
