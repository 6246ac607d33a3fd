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
    /// AMR for data, IAMR for instructions.
    pub keys: u64,
    /// Whatever else the user of the number must keep apart (fetch: byte order, width).
    pub mode: u8,
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
const KNOWN: usize = 12;

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

    /// Forgets the translated contexts: their translations may have changed.
    pub fn forget_translated(&mut self) {
        self.known.retain(|(c, _)| !c.relocate);
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
    pub fn read(&self, ea: u64, size: u64, context: u64) -> Option<u64> {
        let entry = &self.entries[index(ea)];
        (entry.read == (ea.wrapping_add(size - 1) & !OFFSET | context)).then(|| ea.wrapping_add(entry.delta))
    }

    /// Real address of a write of `size` bytes at `ea`. `None`: not cached, or it crosses a grain.
    #[inline(always)]
    pub fn write(&self, ea: u64, size: u64, context: u64) -> Option<u64> {
        let entry = &self.entries[index(ea)];
        (entry.write == (ea.wrapping_add(size - 1) & !OFFSET | context)).then(|| ea.wrapping_add(entry.delta))
    }

    /// Caches a translation; `writable` only if a write needs no further bookkeeping.
    pub fn fill(&mut self, ea: u64, ra: u64, context: u64, writable: bool) {
        let tag = ea & !OFFSET | context;
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
        tlb.fill(0x5000, 0x9000, 1, true);
        assert_eq!(tlb.read(0x5ff8, 8, 1), Some(0x9ff8));
        assert_eq!(tlb.read(0x5ff9, 8, 1), None);
        assert_eq!(tlb.write(0x5ffc, 4, 1), Some(0x9ffc));
        assert_eq!(tlb.read(0x5000, 1, 2), None);
    }

    #[test]
    fn numbers_start_again_only_with_a_warning() {
        let mut contexts = Contexts::new(LAST_DATA_CONTEXT);
        let context = |keys| Context { relocate: true, problem: false, keys, mode: 0 };
        for keys in 0..u64::from(LAST_DATA_CONTEXT) {
            assert_eq!(contexts.number(context(keys)), (keys as u32 + 1, false));
        }
        assert_eq!(contexts.number(context(u64::MAX)), (1, true));
    }
}
