//! The software TLB: a cache of translations that is never state.
//!
//! An entry answers "may this page be read (written) in this context, and where is it". It must be dropped
//! before anything it was made from changes: SLB entries, hash table entries, keys, RAM's code and dirty marks.
//! Contexts (relocation on or off, problem state, authority masks) are numbered; the number is the low part of
//! the tag, so a flush is a new number and not a walk over the entries.

/// Pages are cached in grains of 4 KiB whatever the guest's page size.
pub const GRAIN_SHIFT: u32 = 12;
/// Bytes of a grain.
pub const GRAIN: u64 = 1 << GRAIN_SHIFT;
const OFFSET: u64 = GRAIN - 1;

const ENTRIES: usize = 1024;

#[derive(Clone, Copy, Default)]
struct Entry {
    /// Effective page | context of pages that may be read.
    read: u64,
    /// Effective page | context of pages that may be written without telling anybody.
    write: u64,
    /// Real page minus effective page.
    delta: u64,
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

/// Numbers contexts; a number is never reused before every cache that mentions it was cleared.
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

/// The data side.
pub struct Tlb {
    entries: Box<[Entry; ENTRIES]>,
}

impl Default for Tlb {
    fn default() -> Self {
        Self { entries: Box::new([Entry::default(); ENTRIES]) }
    }
}

#[inline(always)]
fn index(ea: u64) -> usize {
    (ea >> GRAIN_SHIFT) as usize & (ENTRIES - 1)
}

impl Tlb {
    /// Real address of a read of `size` bytes at `ea`. `None`: not cached, or it crosses a grain.
    #[inline(always)]
    pub fn read(&self, ea: u64, size: u64, contexts: &[u64; 2]) -> Option<u64> {
        let entry = &self.entries[index(ea)];
        (entry.read == (ea.wrapping_add(size - 1) & !OFFSET | contexts[half(ea)]))
            .then(|| ea.wrapping_add(entry.delta))
    }

    /// Real address of a write of `size` bytes at `ea`. `None`: not cached, or it crosses a grain.
    #[inline(always)]
    pub fn write(&self, ea: u64, size: u64, contexts: &[u64; 2]) -> Option<u64> {
        let entry = &self.entries[index(ea)];
        (entry.write == (ea.wrapping_add(size - 1) & !OFFSET | contexts[half(ea)]))
            .then(|| ea.wrapping_add(entry.delta))
    }

    /// Caches a translation; `writable` only if a write needs no further bookkeeping.
    pub fn fill(&mut self, ea: u64, ra: u64, contexts: &[u64; 2], writable: bool) {
        let tag = ea & !OFFSET | contexts[half(ea)];
        self.entries[index(ea)] = Entry {
            read: tag,
            write: if writable { tag } else { 0 },
            delta: (ra & !OFFSET).wrapping_sub(ea & !OFFSET),
        };
    }

    /// Drops write permission for the real grain at `ra`, whatever its effective addresses.
    pub fn protect_real(&mut self, ra: u64) {
        for entry in self.entries.iter_mut() {
            if entry.write != 0 && (entry.write & !OFFSET).wrapping_add(entry.delta) == ra & !OFFSET {
                entry.write = 0;
            }
        }
    }

    /// Drops every entry of the `len` real bytes at `ra`, whatever their effective addresses.
    pub fn drop_real(&mut self, ra: u64, len: u64) {
        for entry in self.entries.iter_mut() {
            if (entry.read & !OFFSET).wrapping_add(entry.delta).wrapping_sub(ra) < len {
                *entry = Entry::default();
            }
        }
    }

    /// Drops write permission everywhere: the next write to each grain takes the slow path.
    pub fn protect_all(&mut self) {
        for entry in self.entries.iter_mut() {
            entry.write = 0;
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.entries.fill(Entry::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_that_crosses_a_grain_misses() {
        let mut tlb = Tlb::default();
        tlb.fill(0x5000, 0x9000, &[1, 2], true);
        assert_eq!(tlb.read(0x5ff8, 8, &[1, 2]), Some(0x9ff8));
        assert_eq!(tlb.read(0x5ff9, 8, &[1, 2]), None);
        assert_eq!(tlb.write(0x5ffc, 4, &[1, 2]), Some(0x9ffc));
        assert_eq!(tlb.read(0x5000, 1, &[2, 1]), None);
    }

    #[test]
    fn a_real_page_is_dropped_under_all_its_names() {
        let mut tlb = Tlb::default();
        tlb.fill(0x5000, 0x9000, &[1, 2], true);
        tlb.fill(0xc000_0000_0000_6000, 0x9000, &[1, 2], false);
        tlb.fill(0x7000, 0xa000, &[1, 2], false);
        tlb.drop_real(0x8000, 0x2000);
        assert_eq!(tlb.read(0x5000, 1, &[1, 2]), None);
        assert_eq!(tlb.read(0xc000_0000_0000_6000, 1, &[1, 2]), None);
        assert_eq!(tlb.read(0x7000, 1, &[1, 2]), Some(0xa000));
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
