//! The segment lookaside buffer (Power ISA 2.07, Book III-S, "Segment Lookaside Buffer").

use crate::{model::Model, tlb::Halves};

/// ESID doubleword: valid.
pub const ESID_V: u64 = 0x0800_0000;
const ESID_MASK: u64 = 0xffff_ffff_f000_0000;
const INDEX_MASK: u64 = 0xfff;
/// The widest SLB of any model.
pub const SLB_MAX: usize = 32;

/// VSID doubleword: segment size (00: 256 MiB, 01: 1 TiB).
const VSID_B: u64 = 0xc000_0000_0000_0000;
const VSID_B_1T: u64 = 0x4000_0000_0000_0000;
/// VSID doubleword: supervisor key.
pub const VSID_KS: u64 = 0x800;
/// VSID doubleword: problem-state key.
pub const VSID_KP: u64 = 0x400;
/// VSID doubleword: no execute.
pub const VSID_N: u64 = 0x200;
const VSID_L: u64 = 0x100;
const VSID_C: u64 = 0x080;
const VSID_LP: u64 = 0x030;
/// VSID doubleword: base page size, L and LP.
pub const VSID_PAGE_SIZE: u64 = VSID_L | VSID_LP;
/// Bits of the VSID doubleword that `slbmte` stores.
const VSID_MASK: u64 = 0xffff_ffff_ffff_f000 | VSID_KS | VSID_KP | VSID_N | VSID_L | VSID_C | VSID_LP;

/// One SLB entry as the instructions read it: ESID and VSID doublewords.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SlbEntry {
    /// ESID and V.
    pub esid: u64,
    /// B, VSID, Ks, Kp, N, L, C, LP.
    pub vsid: u64,
}

impl SlbEntry {
    /// Whether the entry is valid.
    pub fn valid(&self) -> bool {
        self.esid & ESID_V != 0
    }

    /// log2 of the segment's size: 28 or 40.
    pub fn segment_shift(&self) -> u32 {
        if self.vsid & VSID_B == VSID_B_1T { 40 } else { 28 }
    }

    /// Virtual segment ID, as wide as the segment size leaves it.
    pub fn vsid_value(&self) -> u64 {
        if self.segment_shift() == 40 { (self.vsid & !VSID_B) >> 24 } else { (self.vsid & !VSID_B) >> 12 }
    }

    /// log2 of the base page size that L||LP selects; `None` for an encoding no model supports.
    pub fn base_page_shift(&self) -> Option<u32> {
        match self.vsid & (VSID_L | VSID_LP) {
            0 => Some(12),
            0x110 => Some(16),
            0x100 => Some(24),
            0x120 => Some(34),
            _ => None,
        }
    }

    fn matches(&self, ea: u64) -> bool {
        self.valid() && (self.esid ^ ea) >> self.segment_shift() == 0
    }
}

/// The SLB of one processor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slb {
    entries: [SlbEntry; SLB_MAX],
    size: usize,
}

impl Slb {
    /// An empty SLB of `model`.
    pub fn new(model: &Model) -> Self {
        Self { entries: [SlbEntry::default(); SLB_MAX], size: model.slb_size.min(SLB_MAX) }
    }

    /// The entries.
    pub fn entries(&self) -> &[SlbEntry] {
        &self.entries[..self.size]
    }

    /// The valid entry that translates `ea`.
    pub fn find(&self, ea: u64) -> Option<&SlbEntry> {
        self.entries().iter().find(|e| e.matches(ea))
    }

    /// `slbmte`: writes entry RB\[52:63\]; an index beyond the SLB is ignored. Returns the halves of the address space
    /// that lost a translation.
    pub fn write(&mut self, rb: u64, rs: u64) -> Halves {
        let index = (rb & INDEX_MASK) as usize;
        if index >= self.size {
            return Halves::default();
        }
        let new = SlbEntry { esid: rb & (ESID_MASK | ESID_V), vsid: rs & VSID_MASK };
        let old = std::mem::replace(&mut self.entries[index], new);
        if old.valid() && old != new { Halves::of(old.esid) } else { Halves::default() }
    }

    /// Writes entry `index` as it was read by [`Slb::entries`].
    pub fn set(&mut self, index: usize, entry: SlbEntry) {
        if let Some(slot) = self.entries[..self.size].get_mut(index) {
            *slot = entry;
        }
    }

    /// `slbie`: invalidates the entry that translates the ESID in `rb`, of the segment size in RB\[37:38\].
    /// Returns the halves of the address space that lost a translation.
    pub fn invalidate(&mut self, rb: u64) -> Halves {
        let mut lost = Halves::default();
        for entry in &mut self.entries[..self.size] {
            if entry.matches(rb) && entry.vsid >> 62 == rb >> 25 & 3 {
                entry.esid &= !ESID_V;
                lost.add(Halves::of(entry.esid));
            }
        }
        lost
    }

    /// `slbia`: which entries go is told by the IH field (ISA 3.0B; a POWER8 passes 0). Returns the
    /// halves of the address space that lost a translation.
    pub fn invalidate_all(&mut self, ih: u32) -> Halves {
        let mut lost = Halves::default();
        let first = match ih {
            7 => return lost,
            3 | 4 => 0,
            _ => 1,
        };
        for entry in &mut self.entries[first..self.size] {
            // IH = 3 leaves entries of class 0.
            if entry.valid() && (ih != 3 || entry.vsid & VSID_C != 0) {
                entry.esid &= !ESID_V;
                lost.add(Halves::of(entry.esid));
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::POWER9;

    const V: u64 = ESID_V;

    #[test]
    fn slbia_spares_entry_0_unless_told() {
        let mut slb = Slb::new(&POWER9);
        for i in 0..3u64 {
            slb.write((i + 1) << 28 | V | i, (i & 1) * VSID_C);
        }
        let valid = |slb: &Slb| slb.entries().iter().filter(|e| e.valid()).count();
        slb.invalidate_all(3);
        assert_eq!(valid(&slb), 2);
        slb.invalidate_all(0);
        assert_eq!(valid(&slb), 1);
        slb.invalidate_all(7);
        assert_eq!(valid(&slb), 1);
        slb.invalidate_all(4);
        assert_eq!(valid(&slb), 0);
    }

    #[test]
    fn segments_match_by_their_size() {
        let mut slb = Slb::new(&POWER9);
        slb.write(0xc000_0000_0000_0000 | V, 0x4000_0000_0000_0000 | 5 << 24 | 0x110);
        let entry = *slb.find(0xc000_00ff_ffff_ffff).expect("within the terabyte");
        assert_eq!((entry.segment_shift(), entry.vsid_value(), entry.base_page_shift()), (40, 5, Some(16)));
        assert!(slb.find(0xc000_0100_0000_0000).is_none());
        assert!(slb.write(99, 0).is_empty());
    }
}
