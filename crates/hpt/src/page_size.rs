//! Page sizes: the one table of encodings, and how an entry or a segment encodes them.
//!
//! A segment has a base page size (SLB: L and LP), an entry has a base and an actual page size (dword 0: L;
//! dword 1: LP and, for pages larger than 1 MiB, the address bits below the page size, which must be zero).
//! Power ISA 2.07 leaves the values to the implementation; these are the ones of POWER7 to POWER9, which
//! `ibm,segment-page-sizes` tells the guest.

use crate::hpte::{Hpte, R_RPN, R_RPN_SHIFT, V_LARGE};

/// Base and actual size of a page, as shifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageSize {
    /// Base page size: what the hash uses.
    pub base_shift: u32,
    /// Actual page size: what one entry maps.
    pub actual_shift: u32,
}

/// A row of the table of encodings.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    /// The sizes.
    pub size: PageSize,
    /// L and LP of the SLB entry's VSID doubleword for this base page size.
    pub sllp: u64,
    /// L of the entry.
    pub large: bool,
    /// Value of the LP field of the entry (meaningless without L).
    pub lp: u64,
}

const fn row(base_shift: u32, sllp: u64, actual_shift: u32, large: bool, lp: u64) -> Encoding {
    Encoding { size: PageSize { base_shift, actual_shift }, sllp, large, lp }
}

/// The SLB's L and LP bits in its VSID doubleword.
pub const SLB_LLP: u64 = 0x130;

/// Every supported pair of base and actual page size.
pub const ENCODINGS: [Encoding; 7] = [
    //  base  SLB   actual  L      LP
    row(12, 0x000, 12, false, 0x00),
    row(12, 0x000, 16, true, 0x07),
    row(12, 0x000, 24, true, 0x38),
    row(16, 0x110, 16, true, 0x01),
    row(16, 0x110, 24, true, 0x08),
    row(24, 0x100, 24, true, 0x00),
    row(34, 0x120, 34, true, 0x03),
];

/// The base page size that an SLB entry's VSID doubleword selects, or `None` for an encoding no processor here has.
#[inline]
#[must_use]
pub fn base_shift_of_segment(slb_vsid: u64) -> Option<u32> {
    ENCODINGS.iter().find(|e| e.sllp == slb_vsid & SLB_LLP).map(|e| e.size.base_shift)
}

impl Hpte {
    /// The page sizes of this entry, or `None` for an encoding that no processor here has, misaligned real page
    /// numbers of large pages included.
    #[inline]
    #[must_use]
    pub fn page_size(self) -> Option<PageSize> {
        if self.v & V_LARGE == 0 {
            return Some(PageSize { base_shift: 12, actual_shift: 12 });
        }
        ENCODINGS[1..]
            .iter()
            .find(|e| {
                let below = R_RPN & ((1 << e.size.actual_shift) - 1);
                self.r & below == e.lp << R_RPN_SHIFT
            })
            .map(|e| e.size)
    }

    /// The real address of the page's first byte, for a page of this size.
    #[inline]
    #[must_use]
    pub fn real_page(self, actual_shift: u32) -> u64 {
        self.r & R_RPN & !((1 << actual_shift) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_decodes_to_itself_and_to_no_other_row() {
        for e in ENCODINGS {
            let v = if e.large { V_LARGE } else { 0 };
            let r = (5 << e.size.actual_shift & R_RPN) | e.lp << R_RPN_SHIFT;
            let entry = Hpte { v, r };
            assert_eq!(entry.page_size(), Some(e.size));
            assert_eq!(entry.real_page(e.size.actual_shift), 5 << e.size.actual_shift);
            assert_eq!(base_shift_of_segment(e.sllp | 0xcfff_0000), Some(e.size.base_shift));
        }
    }

    #[test]
    fn an_unknown_encoding_has_no_size() {
        assert_eq!(Hpte { v: V_LARGE, r: 0x2000 }.page_size(), None);
        // LP of a 16 MiB page, but not aligned to one.
        assert_eq!(Hpte { v: V_LARGE, r: 0x0010_0000 }.page_size(), None);
        assert_eq!(base_shift_of_segment(0x130), None);
        assert_eq!(base_shift_of_segment(0x010), None);
    }
}
