//! Virtual addresses, the hash that places their entries, and its inverse.
//!
//! Power ISA 2.07 Book III-S, "Page Table Search": the primary hash is the exclusive or of the virtual segment
//! and the virtual page number, cut to the number of groups; the secondary hash is its complement.

use crate::hpte::{GROUP_SLOTS, Hpte, V_AVPN, V_AVPN_SHIFT, V_B, V_B_SHIFT, V_SECONDARY, VA_BITS_BELOW_AVPN};

/// The hash has 39 bits.
const HASH_MASK: u64 = (1 << 39) - 1;

/// Size of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentSize {
    /// 256 MiB, B = 0.
    M256,
    /// 1 TiB, B = 1.
    T1,
}

impl SegmentSize {
    /// The size in bytes, as a shift.
    #[inline]
    #[must_use]
    pub fn shift(self) -> u32 {
        match self {
            Self::M256 => 28,
            Self::T1 => 40,
        }
    }

    /// From the B field in bits 0:1 of an entry's or an SLB entry's doubleword; `None` for the reserved values.
    #[inline]
    #[must_use]
    pub fn of_b(dword: u64) -> Option<Self> {
        match (dword & V_B) >> V_B_SHIFT {
            0 => Some(Self::M256),
            1 => Some(Self::T1),
            _ => None,
        }
    }

    /// The B field in its place.
    #[inline]
    #[must_use]
    pub fn b(self) -> u64 {
        match self {
            Self::M256 => 0,
            Self::T1 => 1 << V_B_SHIFT,
        }
    }

    /// What the virtual segment contributes to the hash.
    #[inline]
    fn hash(self, vsid: u64) -> u64 {
        match self {
            Self::M256 => vsid,
            Self::T1 => vsid ^ (vsid << 25),
        }
    }
}

/// A virtual address as the SLB makes it of an effective one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VirtualAddress {
    /// Virtual segment: 50 bits for a 256 MiB segment, 38 bits for a 1 TiB one.
    pub vsid: u64,
    /// Size of the segment.
    pub segment: SegmentSize,
    /// The segment's base page size as a shift: 12, 16, 24 or 34.
    pub base_shift: u32,
    /// Offset in the segment; bits above it are ignored, so a whole effective address will do.
    pub offset: u64,
}

impl VirtualAddress {
    /// The offset without the bits above the segment.
    #[inline]
    #[must_use]
    pub fn in_segment(&self) -> u64 {
        self.offset & ((1 << self.segment.shift()) - 1)
    }

    /// The primary hash, 39 bits.
    #[inline]
    #[must_use]
    pub fn hash(&self) -> u64 {
        (self.segment.hash(self.vsid) ^ (self.in_segment() >> self.base_shift)) & HASH_MASK
    }

    /// B and AVPN as an entry for this address holds them (dword 0 bits 0:56).
    #[inline]
    #[must_use]
    pub fn avpn(&self) -> u64 {
        let page = self.in_segment() >> self.base_shift << self.base_shift;
        let avpn = (self.vsid << (self.segment.shift() - VA_BITS_BELOW_AVPN)) | (page >> VA_BITS_BELOW_AVPN);
        self.segment.b() | ((avpn << V_AVPN_SHIFT) & V_AVPN)
    }
}

/// The virtual page that an entry maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VirtualPage {
    /// Virtual segment.
    pub vsid: u64,
    /// Size of the segment.
    pub segment: SegmentSize,
    /// Base page size as a shift.
    pub base_shift: u32,
    /// Actual page size as a shift.
    pub actual_shift: u32,
    /// Offset in the segment of the base page that led to the entry. The page that a processor may have cached
    /// is the larger actual one around it, see [`VirtualPage::first`].
    pub offset: u64,
}

impl VirtualPage {
    /// Offset in the segment of the actual page's first byte.
    #[inline]
    #[must_use]
    pub fn first(&self) -> u64 {
        self.offset >> self.actual_shift << self.actual_shift
    }

    /// The virtual page of a valid entry at `ptex` in a table of `groups` groups; `None` if the entry can never
    /// match a search (reserved segment or page size).
    ///
    /// The address bits that AVPN leaves out are recovered from the group: 2^11 groups, the smallest table, are
    /// just enough for a 4 KiB base page.
    #[must_use]
    pub fn of_entry(groups: u64, ptex: u64, entry: Hpte) -> Option<Self> {
        let size = entry.page_size()?;
        let segment = SegmentSize::of_b(entry.v)?;
        if size.base_shift > segment.shift() {
            return None;
        }
        let avpn = (entry.v & V_AVPN) >> V_AVPN_SHIFT;
        let offset_bits = segment.shift() - VA_BITS_BELOW_AVPN;
        let vsid = avpn >> offset_bits;
        let mut offset = (avpn & ((1 << offset_bits) - 1)) << VA_BITS_BELOW_AVPN;
        let base = size.base_shift;
        if base < VA_BITS_BELOW_AVPN {
            let group = ptex / GROUP_SLOTS;
            let hash = if entry.v & V_SECONDARY != 0 { !group } else { group };
            let missing = (1 << (VA_BITS_BELOW_AVPN - base)) - 1;
            offset |= ((segment.hash(vsid) ^ hash) & (groups - 1) & missing) << base;
        } else {
            offset = offset >> base << base;
        }
        Some(Self { vsid, segment, base_shift: base, actual_shift: size.actual_shift, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpte::V_VALID;
    use crate::page_size::{ENCODINGS, PageSize};
    use crate::testing::entry_for;
    use proptest::prelude::*;

    #[test]
    fn a_virtual_address_fills_the_fields_the_architecture_says() {
        let va = VirtualAddress {
            vsid: 0x3_ffff_ffff_ffff,
            segment: SegmentSize::M256,
            base_shift: 12,
            offset: 0,
        };
        assert_eq!(va.avpn(), 0x3fff_ffff_ffff_f000);
        let va = VirtualAddress { vsid: 1, segment: SegmentSize::T1, base_shift: 24, offset: u64::MAX };
        assert_eq!(va.avpn(), 0x4000_0000_01ff_ff00);
        assert_eq!(va.hash(), 1 ^ 1 << 25 ^ 0xffff);
    }

    proptest! {
        #[test]
        fn an_entry_and_its_place_tell_the_virtual_page(
            shift in 18u32..47,
            row in 0..ENCODINGS.len(),
            big in any::<bool>(),
            second in any::<bool>(),
            slot in 0..8u64,
            vsid in any::<u64>(),
            offset in any::<u64>(),
        ) {
            let PageSize { base_shift, actual_shift } = ENCODINGS[row].size;
            let segment = if big || base_shift == 34 { SegmentSize::T1 } else { SegmentSize::M256 };
            let vsid = vsid & ((1 << (78 - segment.shift())) - 1);
            let va = VirtualAddress { vsid, segment, base_shift, offset };
            let mut entry = entry_for(&va, actual_shift, 0);
            let groups = 1u64 << (shift - 7);
            let mut group = va.hash() & (groups - 1);
            if second {
                entry.v |= V_SECONDARY;
                group = !va.hash() & (groups - 1);
            }
            prop_assert!(entry.v & V_VALID != 0);
            let page = VirtualPage::of_entry(groups, group * 8 + slot, entry);
            let base_page = va.in_segment() >> base_shift << base_shift;
            prop_assert_eq!(page, Some(VirtualPage { vsid, segment, base_shift, actual_shift, offset: base_page }));
            prop_assert_eq!(page.map(|p| p.first()), Some(va.in_segment() >> actual_shift << actual_shift));
        }
    }

    #[test]
    fn an_entry_that_no_search_can_match_has_no_virtual_page() {
        let va = VirtualAddress { vsid: 1, segment: SegmentSize::T1, base_shift: 12, offset: 0 };
        let good = entry_for(&va, 12, 0);
        assert_eq!(VirtualPage::of_entry(1 << 11, 0, Hpte { v: good.v | V_B, ..good }), None);
        assert_eq!(VirtualPage::of_entry(1 << 11, 0, Hpte { v: good.v | 4, r: 0x2000 }), None);
    }
}
