//! The data address watchpoint: which loads and stores it interrupts (Power ISA 2.07, Book III-S, "Data Address
//! Watchpoint").
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
//! decided here alone, to the byte. Must hold: whoever sets a watchpoint takes such entries away ([`Cpu::set_dawr`],
//! [`Cpu::set_dawrx`]).
//!
//! Storage exceptions of the access come first: what is neither mapped nor allowed is no match. DAR names the first byte
//! that is both accessed and watched, as on POWER8 for all but quadwords, which vary there.

use crate::{
    mmu::DSISR_STORE,
    msr,
    spr::number::{DAWR0, DAWRX0},
    state::Cpu,
    trap::{Done, Trap},
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

/// Comparisons stop at the end of the block of this size that DEAW lies in.
const MATCH_BLOCK: u64 = 512;

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

impl Cpu {
    /// Writes DAWR0.
    pub fn set_dawr(&mut self, value: u64) {
        self.spr[DAWR0] = value & !7;
        self.watchpoint_changed();
    }

    /// Writes DAWRX0.
    pub fn set_dawrx(&mut self, value: u64) {
        self.spr[DAWRX0] = value & DAWRX_FIELDS;
        self.watchpoint_changed();
    }

    /// The watched bytes lie in one block, so in one page. The page of those that were watched before gets its
    /// entries again when it is accessed.
    fn watchpoint_changed(&mut self) {
        self.tlb.drop_page(self.spr[DAWR0]);
    }

    /// The bytes that loads, or stores, match as the processor stands.
    fn watched(&self, write: bool) -> Option<Watched> {
        let x = self.spr[DAWRX0];
        let (kind, state) = (
            if write { DAWRX_DW } else { DAWRX_DR },
            if self.msr & msr::PR != 0 { DAWRX_PRO } else { DAWRX_PNH },
        );
        let relocation = x & DAWRX_WTI != 0 || (x & DAWRX_WT != 0) == (self.msr & msr::DR != 0);
        if x & kind == 0 || x & state == 0 || !relocation {
            return None;
        }
        let first = self.spr[DAWR0];
        let last = first.saturating_add(8 * (x >> DAWRX_MRD_SHIFT & MRD) + 7);
        Some(Watched { first, last: last.min(first | (MATCH_BLOCK - 1)) })
    }

    /// Whether an access within the aligned `1 << shift` bytes around `ea` may match, in this context.
    pub(crate) fn watches_page(&self, ea: u64, shift: u32, write: bool) -> bool {
        let page = 1 << shift;
        self.watched(write).is_some_and(|watched| watched.overlap(ea & !(page - 1), page).is_some())
    }

    /// Interrupts an access to the `len` bytes at `ea`, which do not wrap around, if it matches.
    pub(crate) fn watch(&mut self, ea: u64, len: u64, write: bool) -> Done {
        let Some(dar) = self.watched(write).and_then(|watched| watched.overlap(ea, len)) else {
            return Ok(());
        };
        self.fault.dar = dar;
        self.fault.dsisr = DSISR_WATCHPOINT | if write { DSISR_STORE } else { 0 };
        Err(Trap::DataStorage)
    }
}
