//! The data address watchpoints: which loads and stores they interrupt (Power ISA 2.07, Book III-S, "Data Address
//! Watchpoint"). A POWER10 has two.
//!
//! ```text
//! DAWR0   0:60   DEAW    the first doubleword that is watched
//! DAWRX0  48:53  MRD     how many follow it
//!         56     HRAMMC  of the hypervisor's real mode only
//!         57:58  DW DR   stores; loads
//!         59:60  WT WTI  with relocation as WT says; either way
//!         61:63  PRIVM   in hypervisor state; in privileged state; in problem state
//! ```
//!
//! Enters: every access that finds no entry in the TLB. A page with watched bytes has no entry there in a context in which
//! they match, so a watchpoint costs nothing where none is set and nothing where none can match; and what matches is
//! decided here alone, to the byte. Must hold: setting a watchpoint drops such entries ([`Cpu::set_dawr`],
//! [`Cpu::set_dawrx`]).
//!
//! Before 3.1 comparisons stop at the end of the 512 bytes that DEAW lies in; since then they go on over their end, and
//! so the watched bytes may lie in two pages.
//!
//! Storage exceptions of the access come first: an unmapped or forbidden access does not match. DAR names the first
//! byte that is both accessed and watched, as on POWER8 for all but quadwords, which vary there.

use crate::{
    mmu::DSISR_STORE,
    model::Isa,
    msr,
    ram::RealAddr,
    spr::number::{DAWR0, DAWR1, DAWRX0, DAWRX1},
    state::Cpu,
    trap::{Done, Trap},
    watch::Kind,
};

/// DSISR: a data address watchpoint match.
pub const DSISR_WATCHPOINT: u32 = 0x0040_0000;

/// DAWRX0\[DW\]: stores match.
pub const DAWRX_DW: u64 = 1 << 6;
/// DAWRX0\[DR\]: loads match.
pub const DAWRX_DR: u64 = 1 << 5;
/// DAWRX0\[WT\]: MSR\[DR\] must be 1 for a match, or 0.
pub const DAWRX_WT: u64 = 1 << 4;
/// DAWRX0\[WTI\]: MSR\[DR\] does not matter.
pub const DAWRX_WTI: u64 = 1 << 3;
/// DAWRX0\[HYP\]: hypervisor state matches.
pub const DAWRX_HYP: u64 = 1 << 2;
/// DAWRX0\[PNH\]: privileged state matches, the hypervisor's excepted.
pub const DAWRX_PNH: u64 = 1 << 1;
/// DAWRX0\[PRO\]: problem state matches.
pub const DAWRX_PRO: u64 = 1;
/// DAWRX0\[MRD\]: doublewords behind the first.
pub const DAWRX_MRD_SHIFT: u32 = 10;
const MRD: u64 = 0x3f;
/// The fields of DAWRX0.
const DAWRX_FIELDS: u64 = 0xfcff;

/// Before 3.1 comparisons stop at the end of the block of this size that DEAW lies in.
const MATCH_BLOCK: u64 = 512;

/// The registers of each watchpoint.
const WATCHPOINTS: [(usize, usize); 2] = [(DAWR0, DAWRX0), (DAWR1, DAWRX1)];

/// The bytes that match, the last one included.
#[derive(Clone, Copy)]
struct Watched {
    first: u64,
    last: u64,
}

impl Watched {
    /// The first of the `len` bytes at `ea` that is watched. They do not wrap around.
    fn overlap(self, ea: u64, len: u64) -> Option<u64> {
        (ea <= self.last && self.first <= ea + (len - 1)).then(|| ea.max(self.first))
    }
}

/// What an access is to those who watch.
pub(crate) fn kind(write: bool) -> Kind {
    if write { Kind::Write } else { Kind::Read }
}

impl Cpu {
    /// Writes DAWR `n`.
    pub fn set_dawr(&mut self, n: usize, value: u64) {
        self.spr[WATCHPOINTS[n].0] = value & !7;
        self.watchpoint_changed(n);
    }

    /// Writes DAWRX `n`.
    pub fn set_dawrx(&mut self, n: usize, value: u64) {
        self.spr[WATCHPOINTS[n].1] = value & DAWRX_FIELDS;
        self.watchpoint_changed(n);
    }

    /// The pages of those bytes that were watched before get their entries again when they are accessed.
    fn watchpoint_changed(&mut self, n: usize) {
        let Watched { first, last } = self.range(n);
        self.tlb.drop_page(first);
        self.tlb.drop_page(last);
    }

    /// The bytes that watchpoint `n` is about.
    fn range(&self, n: usize) -> Watched {
        let (dawr, dawrx) = WATCHPOINTS[n];
        let first = self.spr[dawr];
        let last = first.saturating_add(8 * (self.spr[dawrx] >> DAWRX_MRD_SHIFT & MRD) + 7);
        let end = if self.model.isa >= Isa::V3_1 { u64::MAX } else { first | (MATCH_BLOCK - 1) };
        Watched { first, last: last.min(end) }
    }

    /// The bytes that loads, or stores, match as the processor stands, for each watchpoint.
    fn watched(&self, write: bool) -> impl Iterator<Item = Watched> {
        let (kind, state) = (
            if write { DAWRX_DW } else { DAWRX_DR },
            if self.msr & msr::PR != 0 { DAWRX_PRO } else { DAWRX_PNH },
        );
        let matches = move |x: u64| {
            let relocation = x & DAWRX_WTI != 0 || (x & DAWRX_WT != 0) == (self.msr & msr::DR != 0);
            x & kind != 0 && x & state != 0 && relocation
        };
        (0..WATCHPOINTS.len()).filter(move |&n| matches(self.spr[WATCHPOINTS[n].1])).map(|n| self.range(n))
    }

    /// Whether an access within the aligned `1 << shift` bytes around `ea`, which are those around `ra`, may match in this
    /// context, or is watched by somebody else.
    #[inline(always)]
    pub(crate) fn watches_page(&self, ea: u64, ra: RealAddr, shift: u32, write: bool) -> bool {
        let set = self.spr[DAWRX0] | self.spr[DAWRX1];
        (set != 0 || self.is_watched()) && self.watches_page_of(ea, ra, shift, write)
    }

    #[cold]
    fn watches_page_of(&self, ea: u64, ra: RealAddr, shift: u32, write: bool) -> bool {
        let page = 1 << shift;
        self.watched(write).any(|watched| watched.overlap(ea & !(page - 1), page).is_some())
            || self.watches().touch_page(ea, ra, shift, kind(write))
    }

    /// Interrupts an access to the `len` bytes at `ea`, which do not wrap around, if it matches.
    pub(crate) fn watch(&mut self, ea: u64, len: u64, write: bool) -> Done {
        let Some(dar) = self.watched(write).filter_map(|watched| watched.overlap(ea, len)).min() else {
            return Ok(());
        };
        self.fault.dar = dar;
        self.fault.dsisr = DSISR_WATCHPOINT | if write { DSISR_STORE } else { 0 };
        Err(Trap::DataStorage)
    }
}
