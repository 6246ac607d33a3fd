//! The address space of a run with relocation: SLB entries, and the hash table's entries with rights of every kind.

use crate::layout::{ALIAS, DATA, HUGE, LINEAR, RAM, SEGMENT_16M, SEGMENT_64K, WINDOW};
use crate::setup::Setup;
use crate::shared::random::Random;
use hpt::{
    SegmentSize, VirtualAddress,
    hpte::{R_C, R_G, R_I, R_KEY_LO, R_M, R_N, R_PP0, R_R, R_RPN_SHIFT, V_LARGE, V_SECONDARY, V_VALID},
    page_size::{ENCODINGS, Encoding},
};
use ppc_core::slb::{ESID_V, SlbEntry, VSID_KP, VSID_KS};

/// One entry to enter.
pub struct Mapping {
    /// The virtual address.
    pub address: VirtualAddress,
    /// Doubleword 0.
    pub v: u64,
    /// Doubleword 1.
    pub r: u64,
}

/// Segments and pages.
pub struct Space {
    /// The SLB.
    pub slb: Vec<SlbEntry>,
    /// The hash table.
    pub pages: Vec<Mapping>,
    /// AMR: what keys 1 to 3 forbid.
    pub amr: u64,
    /// IAMR.
    pub iamr: u64,
}

struct Segment {
    start: u64,
    vsid: u64,
    size: SegmentSize,
    base_shift: u32,
}

impl Segment {
    fn slb_entry(&self) -> SlbEntry {
        let sllp = ENCODINGS.iter().find(|e| e.size.base_shift == self.base_shift).map_or(0, |e| e.sllp);
        let shift = if self.size == SegmentSize::T1 { 24 } else { 12 };
        SlbEntry {
            esid: self.start & !((1 << 28) - 1) | ESID_V,
            vsid: self.size.b() | self.vsid << shift | sllp,
        }
    }
}

/// Page protection, key, N, R and C.
pub fn rights(random: &mut Random) -> u64 {
    let pp = random.of(&[2, 2, 2, 2, 2, 0, 1, 3, 3, R_PP0 | 2]);
    let key = if random.once_in(6) { random.below(4) << 9 & R_KEY_LO } else { 0 };
    let no_execute = if random.once_in(10) { R_N } else { 0 };
    pp | key | no_execute | used(random)
}

fn used(random: &mut Random) -> u64 {
    random.of(&[0, 0, R_R, R_R | R_C])
}

impl Space {
    /// The address space of a run.
    pub fn of(setup: &Setup, random: &mut Random) -> Self {
        let mut space = Self {
            slb: Vec::new(),
            pages: Vec::new(),
            // Two bits a key from the left: no stores with key 1, nothing with key 2.
            amr: 0b00_10_11_00 << 56,
            iamr: 0b00_00_00_01 << 56,
        };
        if !setup.relocated {
            return space;
        }
        let low = Segment { start: 0, vsid: 0x1234, size: SegmentSize::M256, base_shift: 12 };
        let middle = Segment { start: SEGMENT_64K, vsid: 0x2345, size: SegmentSize::M256, base_shift: 16 };
        let huge = Segment { start: SEGMENT_16M, vsid: 0x3456, size: SegmentSize::M256, base_shift: 24 };
        let size = random.of(&[SegmentSize::M256, SegmentSize::T1]);
        let base_shift = if setup.large { random.of(&[12, 16, 24]) } else { random.of(&[12, 16, 16]) };
        let linear = Segment { start: LINEAR, vsid: 0x4567, size, base_shift };
        for (i, segment) in [&low, &middle, &huge, &linear].into_iter().enumerate() {
            let mut entry = segment.slb_entry();
            entry.vsid |= VSID_KP | if i == 1 && random.once_in(4) { VSID_KS } else { 0 };
            space.slb.push(entry);
        }
        // Now and then every page has 64 KiB or more, also those of the segment of 4 KiB pages.
        let small = random.of(&[12, 12, 16]);
        space.map(&low, 0, small, RAM, random);
        space.map(&low, ALIAS, random.of(&[small, 16]), RAM, random);
        space.map(&middle, SEGMENT_64K, 16, RAM, random);
        space.map(&linear, LINEAR, base_shift, if base_shift == 24 { 2 * HUGE } else { RAM }, random);
        if setup.large {
            space.map(&huge, SEGMENT_16M, 24, 2 * HUGE, random);
        }
        if setup.window {
            space.map_range(
                &low,
                0,
                random.of(&[12, 16]),
                setup.ram()..setup.ram() + WINDOW,
                R_I | R_G,
                random,
            );
        }
        space
    }

    /// Maps the real addresses up to `end` from `start` on, in pages of one size.
    fn map(&mut self, segment: &Segment, start: u64, actual_shift: u32, end: u64, random: &mut Random) {
        self.map_range(segment, start, actual_shift, 0..end, R_M, random);
    }

    /// Maps these real addresses from `start` on, as storage of the kind `wimg`.
    fn map_range(
        &mut self,
        segment: &Segment,
        start: u64,
        actual_shift: u32,
        reals: std::ops::Range<u64>,
        wimg: u64,
        random: &mut Random,
    ) {
        let wanted =
            |e: &&Encoding| e.size.base_shift == segment.base_shift && e.size.actual_shift == actual_shift;
        let Some(encoding) = ENCODINGS.iter().find(wanted) else {
            panic!("no page of 2^{actual_shift} bytes in a segment of 2^{} bytes", segment.base_shift)
        };
        for real in reals.step_by(1 << actual_shift) {
            // Vectors, tables and programs stay where they are, by the names that the machine itself uses.
            let vital = matches!(start, 0 | LINEAR) && real < DATA.start;
            if !vital && random.once_in(10) {
                continue;
            }
            let rights = if vital { 2 | used(random) } else { rights(random) };
            // A page that is larger than its segment's has an entry for each of the segment's.
            for offset in (0..1u64 << actual_shift).step_by(1 << segment.base_shift) {
                let address = VirtualAddress {
                    vsid: segment.vsid,
                    segment: segment.size,
                    base_shift: segment.base_shift,
                    offset: start + real + offset,
                };
                let secondary = if random.once_in(8) { V_SECONDARY } else { 0 };
                let large = if encoding.large { V_LARGE } else { 0 };
                let v = address.avpn() | large | secondary | V_VALID;
                let r = real | encoding.lp << R_RPN_SHIFT | wimg | rights;
                self.pages.push(Mapping { address, v, r });
            }
        }
    }
}

impl Mapping {
    /// The first entry of the group where this one belongs.
    pub fn group(&self, groups: u64) -> u64 {
        let hash = self.address.hash();
        (if self.v & V_SECONDARY != 0 { !hash } else { hash } & (groups - 1)) * 8
    }
}
