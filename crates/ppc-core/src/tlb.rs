//! The software TLB: a cache of translations that is never state.
//!
//! An entry answers "may this page be read (written) in this context, and where is it". It must be dropped
//! before anything it was made from changes: SLB entries, hash table entries, keys, RAM's code and dirty marks.
//! Contexts (relocation on or off, problem state, authority masks) are numbered; the number is the low part of
//! the tag, so a flush is a new number and not a walk over the entries.

use crate::ram::{HostAddr, PAGE, PAGE_SHIFT};

const OFFSET: u64 = PAGE - 1;

/// Entries for reads: 256 MiB of 64 KiB pages.
pub const READ_ENTRIES: usize = 4096;
/// Entries for writes.
pub const WRITE_ENTRIES: usize = 1024;
/// Displaced entries of each kind that are kept.
const VICTIMS: usize = 256;
/// Pages of 64 KiB are one entry for reads, unless the guest uses smaller ones.
pub const LARGE_SHIFT: u32 = 16;
/// Entries of the lower half that are remembered one by one, to be dropped without a walk over all.
const REMEMBERED: usize = 512;

/// One translation.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct TlbEntry {
    /// Effective page | context; 0: none.
    pub tag: u64,
    /// What makes a host address of an effective one, by addition.
    pub delta: u64,
}

/// What distinguishes one set of translations from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Context {
    /// MSR\[DR\] or MSR\[IR\].
    pub relocate: bool,
    /// MSR\[PR\].
    pub problem: bool,
    /// Which half of the effective address space: user programs live in the lower one, kernels in the upper, and
    /// what changes in one half leaves the other's translations true.
    pub half: usize,
    /// AMR for data, IAMR for instructions.
    pub keys: u64,
    /// Whatever else the user of the number must keep apart (fetch: byte order, width).
    pub mode: u8,
}

/// Halves of the effective address space, by the most significant bit of an address.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Halves(u8);

impl Halves {
    /// Both.
    pub const BOTH: Self = Self(3);

    /// The half that `ea` lies in.
    pub fn of(ea: u64) -> Self {
        Self(1 << half(ea))
    }

    /// Adds `other`.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn contains(self, half: usize) -> bool {
        self.0 >> half & 1 != 0
    }
}

/// The number of the half that `ea` lies in.
#[inline(always)]
pub fn half(ea: u64) -> usize {
    (ea >> 63) as usize
}

/// What a processor knows of readable pages, for others in the same state.
pub struct Readable {
    entries: Box<[TlbEntry]>,
    /// Where its RAM is in the host.
    base: HostAddr,
    read_shift: u32,
    lower: Vec<(u16, bool)>,
}

/// Numbers contexts; a number is never reused before every cache that mentions it was cleared.
#[derive(Clone)]
pub struct Contexts {
    known: Vec<(Context, u32)>,
    last: u32,
    limit: u32,
}

/// Data numbers fit into the offset bits of a tag; 0 means "no context".
pub const LAST_DATA_CONTEXT: u32 = OFFSET as u32;
/// A guest that invents more authority masks than this only loses speed.
const KNOWN: usize = 16;

impl Contexts {
    /// Numbers from 1 to `limit`.
    pub fn new(limit: u32) -> Self {
        Self { known: Vec::with_capacity(KNOWN), last: 0, limit }
    }

    /// The number of `context`, and whether the numbers have started again (every tag must be cleared).
    #[inline]
    pub fn number(&mut self, context: Context) -> (u32, bool) {
        if let Some(&(_, n)) = self.known.iter().find(|(c, _)| *c == context) {
            return (n, false);
        }
        let wrapped = self.last == self.limit;
        if wrapped {
            self.known.clear();
            self.last = 0;
        }
        if self.known.len() == KNOWN {
            self.known.remove(0);
        }
        self.last += 1;
        self.known.push((context, self.last));
        (self.last, wrapped)
    }

    /// Forgets the translated contexts of the halves: their translations may have changed.
    pub fn forget_translated(&mut self, halves: Halves) {
        self.known.retain(|(c, _)| !(c.relocate && halves.contains(c.half)));
    }

    /// Forgets every context.
    pub fn forget_all(&mut self) {
        self.known.clear();
    }
}

/// The data side: two arrays, since a page is often readable long before it may be written without a notification
/// (its page marked dirty, no code decoded from it, its entry's change bit set), and since reads may be cached by
/// guest page but writes only 4 KiB at a time.
#[repr(C)]
pub struct Tlb {
    /// Readable pages.
    pub read: [TlbEntry; READ_ENTRIES],
    /// Pages that may be written without a notification.
    pub write: [TlbEntry; WRITE_ENTRIES],
    /// The latest entries that others displaced from `read`. Without them a program with two busy pages of one index, as
    /// chance places its stack and heap, runs at two thirds of its speed.
    read_victims: [TlbEntry; VICTIMS],
    /// As `read_victims`.
    write_victims: [TlbEntry; VICTIMS],
    /// Bytes that one entry for reads covers, as a shift: [`LARGE_SHIFT`], or [`PAGE_SHIFT`] once a smaller page was seen.
    read_shift: u32,
    /// Which entries of the lower half were filled since the latest drop of that half.
    lower: Vec<(u16, bool)>,
}

impl Default for Tlb {
    fn default() -> Self {
        Self {
            read: [TlbEntry::default(); READ_ENTRIES],
            write: [TlbEntry::default(); WRITE_ENTRIES],
            read_victims: [TlbEntry::default(); VICTIMS],
            write_victims: [TlbEntry::default(); VICTIMS],
            read_shift: LARGE_SHIFT,
            lower: Vec::with_capacity(REMEMBERED),
        }
    }
}

impl Tlb {
    /// Bytes that one entry for reads covers, as a shift.
    #[inline(always)]
    pub fn read_shift(&self) -> u32 {
        self.read_shift
    }

    #[inline(always)]
    fn read_tag(&self, ea: u64, context: u64) -> u64 {
        ea >> self.read_shift << self.read_shift | context
    }

    #[inline(always)]
    fn read_index(&self, ea: u64) -> usize {
        (ea >> self.read_shift) as usize & (READ_ENTRIES - 1)
    }

    /// Host address of a read of `size` bytes at `ea`. `None`: not cached, or it crosses the page.
    #[inline(always)]
    pub fn read(&self, ea: u64, size: u64, context: u64) -> Option<HostAddr> {
        let entry = &self.read[self.read_index(ea)];
        (entry.tag == self.read_tag(ea.wrapping_add(size - 1), context))
            .then(|| HostAddr(ea.wrapping_add(entry.delta)))
    }

    /// Host address of a write of `size` bytes at `ea`. `None`: not cached, or it crosses a page.
    #[inline(always)]
    pub fn write(&self, ea: u64, size: u64, context: u64) -> Option<HostAddr> {
        let entry = &self.write[write_index(ea)];
        (entry.tag == (ea.wrapping_add(size - 1) & !OFFSET | context))
            .then(|| HostAddr(ea.wrapping_add(entry.delta)))
    }

    /// As [`Tlb::read`], for one that has missed: finds an entry that was displaced and puts it back.
    #[inline]
    pub fn read_displaced(&mut self, ea: u64, size: u64, context: u64) -> Option<HostAddr> {
        let index = self.read_index(ea);
        let victim = &mut self.read_victims[index % VICTIMS];
        let tag = ea.wrapping_add(size - 1) >> self.read_shift << self.read_shift | context;
        if victim.tag != tag {
            return None;
        }
        std::mem::swap(victim, &mut self.read[index]);
        Some(HostAddr(ea.wrapping_add(self.read[index].delta)))
    }

    /// As [`Tlb::write`], for one that has missed: finds an entry that was displaced and puts it back.
    #[inline]
    pub fn write_displaced(&mut self, ea: u64, size: u64, context: u64) -> Option<HostAddr> {
        let index = write_index(ea);
        let victim = &mut self.write_victims[index % VICTIMS];
        if victim.tag != (ea.wrapping_add(size - 1) & !OFFSET | context) {
            return None;
        }
        std::mem::swap(victim, &mut self.write[index]);
        Some(HostAddr(ea.wrapping_add(self.write[index].delta)))
    }

    /// Entries for reads cover 4 KiB each from now on: code with their size compiled in must be dropped before the
    /// next one is filled.
    pub fn shrink(&mut self) {
        self.read_shift = PAGE_SHIFT;
        self.read.fill(TlbEntry::default());
        self.read_victims.fill(TlbEntry::default());
    }

    /// Caches that the page around `ea`, of the size that [`Tlb::read_shift`] tells, may be read; `host` is the host
    /// address of `ea`.
    pub fn fill_read(&mut self, ea: u64, host: HostAddr, context: u64) {
        let index = self.read_index(ea);
        let entry = TlbEntry { tag: self.read_tag(ea, context), delta: host.delta_from(ea) };
        displace(&mut self.read[index], &mut self.read_victims[index % VICTIMS], entry);
        self.remember(ea, index, false);
    }

    /// Caches that the page around `ea` may be written.
    pub fn fill_write(&mut self, ea: u64, host: HostAddr, context: u64) {
        let index = write_index(ea);
        let entry = TlbEntry { tag: ea & !OFFSET | context, delta: host.delta_from(ea) };
        displace(&mut self.write[index], &mut self.write_victims[index % VICTIMS], entry);
        self.remember(ea, index, true);
    }

    #[inline]
    fn remember(&mut self, ea: u64, index: usize, write: bool) {
        if half(ea) == 0 && self.lower.len() < REMEMBERED {
            self.lower.push((index as u16, write));
        }
    }

    /// Drops every entry of the lower half of the address space.
    pub fn drop_lower(&mut self) {
        let drop = |entry: &mut TlbEntry| {
            if half(entry.tag) == 0 {
                *entry = TlbEntry::default();
            }
        };
        if self.lower.len() == REMEMBERED {
            self.read.iter_mut().chain(&mut self.read_victims).for_each(drop);
            self.write.iter_mut().chain(&mut self.write_victims).for_each(drop);
        } else {
            for &(index, write) in &self.lower {
                let index = usize::from(index);
                if write {
                    drop(&mut self.write[index]);
                    drop(&mut self.write_victims[index % VICTIMS]);
                } else {
                    drop(&mut self.read[index]);
                    drop(&mut self.read_victims[index % VICTIMS]);
                }
            }
        }
        self.lower.clear();
    }

    /// Drops write permission for the page at host address `host`, whatever its effective addresses.
    pub fn protect_host(&mut self, host: HostAddr) {
        for entry in self.write.iter_mut().chain(&mut self.write_victims) {
            if entry.tag != 0 && (entry.tag & !OFFSET).wrapping_add(entry.delta) == host.0 & !OFFSET {
                entry.tag = 0;
            }
        }
    }

    /// Drops every entry of the `len` bytes at any effective address that ends in the 28 bits of `offset`, the smallest
    /// segment's: where a virtual page can be.
    pub fn drop_offset(&mut self, offset: u64, len: u64) {
        let read_len = 1 << self.read_shift;
        for i in 0..len.div_ceil(read_len).clamp(1, READ_ENTRIES as u64) {
            self.drop_read(self.read_index(offset + i * read_len));
        }
        for i in 0..len.div_ceil(PAGE).clamp(1, WRITE_ENTRIES as u64) {
            self.drop_write(write_index(offset + i * PAGE));
        }
    }

    /// Drops the entries around `ea`, those for reads and those for writes, of every context.
    pub fn drop_page(&mut self, ea: u64) {
        self.drop_read(self.read_index(ea));
        self.drop_write(write_index(ea));
    }

    #[inline]
    fn drop_read(&mut self, index: usize) {
        self.read[index].tag = 0;
        self.read_victims[index % VICTIMS].tag = 0;
    }

    #[inline]
    fn drop_write(&mut self, index: usize) {
        self.write[index].tag = 0;
        self.write_victims[index % VICTIMS].tag = 0;
    }

    /// Drops write permission everywhere: the next write to each page takes the slow path.
    pub fn protect_all(&mut self) {
        self.write.fill(TlbEntry::default());
        self.write_victims.fill(TlbEntry::default());
    }

    /// The entries for reads of a processor whose RAM begins at `base`.
    pub fn readable(&self, base: HostAddr) -> Readable {
        let lower = self.lower.clone();
        Readable { entries: self.read.into(), base, read_shift: self.read_shift, lower }
    }

    /// Takes over entries for reads, of a processor in the same state, for RAM that begins at `base`; the others are dropped.
    pub fn set_readable(&mut self, readable: &Readable, base: HostAddr) {
        self.clear();
        let moved = base.delta_from(readable.base.0);
        for (entry, from) in self.read.iter_mut().zip(&readable.entries) {
            *entry = TlbEntry { tag: from.tag, delta: from.delta.wrapping_add(moved) };
        }
        self.read_shift = readable.read_shift;
        self.lower.clone_from(&readable.lower);
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.read.fill(TlbEntry::default());
        self.read_victims.fill(TlbEntry::default());
        self.protect_all();
        self.lower.clear();
    }
}

/// Puts `new` in the place of `entry`, which becomes the victim. At most one of the two is for a page and context.
#[inline]
fn displace(entry: &mut TlbEntry, victim: &mut TlbEntry, new: TlbEntry) {
    if entry.tag != 0 && entry.tag != new.tag {
        *victim = *entry;
    } else if victim.tag == new.tag {
        victim.tag = 0;
    }
    *entry = new;
}

#[inline(always)]
fn write_index(ea: u64) -> usize {
    (ea >> PAGE_SHIFT) as usize & (WRITE_ENTRIES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displaced_entry_is_found_again_until_its_page_is_dropped() {
        let both = |tlb: &mut Tlb, ea: u64| (tlb.read_displaced(ea, 8, 1), tlb.write_displaced(ea, 8, 1));
        let (first, second) = (0x1_2000, 0x1_2000 + (READ_ENTRIES << LARGE_SHIFT) as u64);
        let host = |ea: u64| HostAddr(ea + 0x7000_0000);
        type Drop = fn(&mut Tlb);
        let drops: [Drop; 5] = [
            |tlb| tlb.drop_page(0x1_2000),
            |tlb| tlb.drop_offset(0x1_2000, 0x1000),
            Tlb::drop_lower,
            Tlb::clear,
            |tlb| {
                tlb.shrink();
                tlb.protect_host(HostAddr(0x7001_2000));
            },
        ];
        for drop in drops {
            let mut tlb = Tlb::default();
            for ea in [first, second] {
                tlb.fill_read(ea, host(ea), 1);
                tlb.fill_write(ea, host(ea), 1);
            }
            assert_eq!((tlb.read(first, 8, 1), tlb.write(first, 8, 1)), (None, None));
            assert_eq!(tlb.read_displaced(first, 8, 2), None, "another context");
            assert_eq!(tlb.read_displaced(first + 0xdffc, 8, 1), None, "it crosses the page");
            assert_eq!(both(&mut tlb, first), (Some(host(first)), Some(host(first))));
            assert_eq!(
                (tlb.read(first, 8, 1), tlb.write(first, 8, 1)),
                (Some(host(first)), Some(host(first)))
            );
            assert_eq!(both(&mut tlb, second), (Some(host(second)), Some(host(second))));
            drop(&mut tlb);
            assert_eq!(both(&mut tlb, first), (None, None));
        }
        let mut tlb = Tlb::default();
        for ea in [first, second, first] {
            tlb.fill_write(ea, host(ea), 1);
        }
        tlb.protect_host(host(second));
        assert_eq!((tlb.write_displaced(second, 8, 1), tlb.write(first, 8, 1)), (None, Some(host(first))));
    }

    #[test]
    fn an_access_that_crosses_a_page_misses() {
        let mut tlb = Tlb::default();
        tlb.shrink();
        tlb.fill_read(0x1_2345, HostAddr(0x9_2345), 1);
        tlb.fill_write(0x5000, HostAddr(0x9000), 1);
        assert_eq!(tlb.read(0x1_2ff8, 8, 1), Some(HostAddr(0x9_2ff8)));
        assert_eq!(tlb.read(0x1_2ff9, 8, 1), None);
        assert_eq!(tlb.write(0x5ffc, 4, 1), Some(HostAddr(0x9ffc)));
        assert_eq!(tlb.write(0x5ffd, 4, 1), None);
        assert_eq!(tlb.read(0x1_2000, 1, 2), None);
    }

    #[test]
    fn a_large_page_is_one_entry_for_reads() {
        let mut tlb = Tlb::default();
        tlb.fill_read(0x5_0123, HostAddr(0x9_0123), 1);
        assert_eq!(tlb.read(0x5_fff8, 8, 1), Some(HostAddr(0x9_fff8)));
        assert_eq!(tlb.read(0x5_fff9, 8, 1), None);
        assert_eq!(tlb.read(0x6_0000, 8, 1), None);
    }

    #[test]
    fn a_virtual_page_is_dropped_in_every_segment() {
        let mut tlb = Tlb::default();
        for segment in [0x1000_0000, 0xc000_0000_2000_0000] {
            tlb.fill_read(segment | 0x5_0000, HostAddr(0x7_9000_0000), 1);
            tlb.fill_write(segment | 0x5_3000, HostAddr(0x7_9000_3000), 1);
            tlb.fill_read(segment | 0x7_0000, HostAddr(0x7_b000_0000), 1);
            tlb.drop_offset(0x5_0000, 0x1_0000);
            assert_eq!(tlb.read(segment | 0x5_0000, 1, 1), None);
            assert_eq!(tlb.write(segment | 0x5_3000, 1, 1), None);
            assert_eq!(tlb.read(segment | 0x7_0000, 1, 1), Some(HostAddr(0x7_b000_0000)));
        }
    }

    #[test]
    fn the_lower_half_is_dropped_alone() {
        for count in [3, 2 * REMEMBERED as u64] {
            let mut tlb = Tlb::default();
            for page in 1..=count {
                tlb.fill_read(page << 16, HostAddr(page << 20), 1);
                tlb.fill_write(page << 12, HostAddr(page << 20), 1);
            }
            tlb.fill_read(1 << 63 | 0xfff_0000, HostAddr(0x1000), 1);
            tlb.drop_lower();
            for page in 1..=count {
                assert_eq!((tlb.read(page << 16, 1, 1), tlb.write(page << 12, 1, 1)), (None, None), "{page}");
            }
            assert_eq!(tlb.read(1 << 63 | 0xfff_0000, 1, 1), Some(HostAddr(0x1000)));
        }
    }

    #[test]
    fn numbers_start_again_only_with_a_warning() {
        let mut contexts = Contexts::new(LAST_DATA_CONTEXT);
        let context = |keys| Context { relocate: true, problem: false, half: 0, keys, mode: 0 };
        for keys in 0..u64::from(LAST_DATA_CONTEXT) {
            assert_eq!(contexts.number(context(keys)), (keys as u32 + 1, false));
        }
        assert_eq!(contexts.number(context(u64::MAX)), (1, true));
    }
}
