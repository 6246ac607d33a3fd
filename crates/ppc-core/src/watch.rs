//! Watched ranges: bytes whose loads, stores or executions somebody wants to know of before they happen.
//!
//! Each range has an owner: a debugger, a hook, a detector of races. The guest's own watchpoint (`watchpoint`) is the owner
//! that interrupts the guest; for every other one the caller gets [`Question::Watched`] and the guest cannot tell. Ranges
//! are effective addresses, or real ones whatever their names.
//!
//! Must hold: code that touches no page with a watched byte runs as if there were none. Such a page has no entry in the TLB,
//! reads and writes apart, so its accesses go the slow way, which compares bytes. A watched instruction is a block of its
//! own ([`crate::block::WATCHED`]) that is never compiled; the code cache knows which of its pages have any. What is
//! looked up is found in the logarithm of the number of ranges.
//!
//! Several owners of the same bytes are told one after the other, in the order of [`Watches`], and each once for each
//! access. The guest's watchpoint comes first: an access that it interrupts is not made, so nobody else hears of it. Of an
//! instruction with several accesses each is reported, and those before it were made.

use crate::{
    block::AddressHasher,
    outside::Question,
    ram::{PAGE, RealAddr},
    state::Cpu,
    trap::Done,
};
use std::{collections::HashSet, hash::BuildHasherDefault, sync::Arc};

/// What is done to watched bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A load.
    Read = 1,
    /// A store, `dcbz` included.
    Write = 2,
    /// An instruction there is about to be executed.
    Execute = 4,
}

/// A watched range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Who wants to know.
    pub owner: u32,
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// The [`Kind`]s, as a sum.
    pub kinds: u8,
    /// These are real addresses.
    pub real: bool,
}

/// A range, as a node of a search tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Node {
    first: u64,
    last: u64,
    /// The highest `last` of the tree below.
    end: u64,
    /// Its place in the order in which owners are told.
    order: u32,
    owner: u32,
}

/// Ranges by their first byte. Each slice of them is a tree whose root is in its middle.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Ranges(Vec<Node>);

impl Ranges {
    fn new<'a>(watches: impl Iterator<Item = (usize, &'a Watch)>) -> Self {
        let mut nodes: Vec<Node> = watches
            .map(|(order, &Watch { owner, first, last, .. })| Node {
                first,
                last,
                end: last,
                order: order as u32,
                owner,
            })
            .collect();
        nodes.sort_by_key(|node| node.first);
        Self::find_ends(&mut nodes);
        Self(nodes)
    }

    fn find_ends(nodes: &mut [Node]) -> u64 {
        if nodes.is_empty() {
            return 0;
        }
        let root = nodes.len() / 2;
        let below = Self::find_ends(&mut nodes[..root]).max(Self::find_ends(&mut nodes[root + 1..]));
        nodes[root].end = nodes[root].last.max(below);
        nodes[root].end
    }

    /// Calls `found` with each range that has one of the bytes from `first` to `last`, until it returns true; returns
    /// whether it did.
    fn find(nodes: &[Node], first: u64, last: u64, found: &mut impl FnMut(&Node) -> bool) -> bool {
        let root = nodes.len() / 2;
        let Some(node) = nodes.get(root).filter(|node| first <= node.end) else { return false };
        Self::find(&nodes[..root], first, last, found)
            || node.first <= last
                && (first <= node.last && found(node) || Self::find(&nodes[root + 1..], first, last, found))
    }

    /// Whether one of them has one of the `len` bytes at `at`.
    pub(crate) fn overlap(&self, at: u64, len: u64) -> bool {
        !self.0.is_empty() && Self::find(&self.0, at, at.saturating_add(len - 1), &mut |_| true)
    }

    /// Order and owner of each that has one of the `len` bytes at `at`.
    fn owners(&self, at: u64, len: u64, owners: &mut Vec<(u32, u32)>) {
        Self::find(&self.0, at, at.saturating_add(len - 1), &mut |node| {
            owners.push((node.order, node.owner));
            false
        });
    }

    /// Those bytes that are in one and not in the other, and perhaps some more that are in both.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let missing = |from: &Self, here: &Self| {
            let known: HashSet<_> = here.0.iter().map(|node| (node.first, node.last)).collect();
            from.0
                .iter()
                .copied()
                .filter(|node| !known.contains(&(node.first, node.last)))
                .collect::<Vec<_>>()
        };
        let mut nodes = missing(self, other);
        nodes.extend(missing(other, self));
        nodes.sort_by_key(|node| node.first);
        Self::find_ends(&mut nodes);
        Self(nodes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The pages that ranges lie in, for a quick no.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Pages {
    /// By number; those of ranges of a few pages.
    few: HashSet<u64, BuildHasherDefault<AddressHasher>>,
    /// The other ranges.
    many: Ranges,
}

/// Ranges of more pages than these are not listed page by page.
const FEW: u64 = 16;

impl Pages {
    fn new<'a>(watches: impl Iterator<Item = (usize, &'a Watch)>) -> Self {
        let (few, many): (Vec<_>, Vec<_>) =
            watches.partition(|(_, watch)| watch.last / PAGE - watch.first / PAGE < FEW);
        let pages = few.iter().flat_map(|(_, watch)| watch.first / PAGE..=watch.last / PAGE);
        Self { few: pages.collect(), many: Ranges::new(many.into_iter()) }
    }

    /// Whether one of the ranges has a byte of the page at `page`.
    #[inline]
    pub(crate) fn have(&self, page: u64) -> bool {
        self.few.contains(&(page / PAGE)) || self.many.overlap(page, PAGE)
    }
}

/// The ranges of one kind.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct OfKind {
    /// Of effective addresses.
    pub(crate) effective: Ranges,
    /// Of real ones.
    pub(crate) real: Ranges,
}

impl OfKind {
    fn new(watches: &[Watch], kind: Kind) -> Self {
        let those = |real| {
            let all = watches.iter().enumerate();
            Ranges::new(all.filter(move |(_, watch)| watch.kinds & kind as u8 != 0 && watch.real == real))
        };
        Self { effective: those(false), real: those(true) }
    }
}

#[derive(Default, PartialEq, Eq, Debug)]
struct ByKind {
    read: OfKind,
    write: OfKind,
    execute: OfKind,
    /// Of effective addresses of instructions.
    pages: Pages,
    /// Whether loads or stores are watched.
    data: bool,
}

/// All that is watched.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Watches(Option<Arc<ByKind>>);

/// Where nothing is watched.
static NOTHING: OfKind = OfKind { effective: Ranges(Vec::new()), real: Ranges(Vec::new()) };

impl Watches {
    /// These ranges, in the order in which owners are told.
    pub fn new(watches: &[Watch]) -> Self {
        let of = |kind| OfKind::new(watches, kind);
        let code = |(_, watch): &(usize, &Watch)| watch.kinds & Kind::Execute as u8 != 0 && !watch.real;
        let all = ByKind {
            read: of(Kind::Read),
            write: of(Kind::Write),
            execute: of(Kind::Execute),
            pages: Pages::new(watches.iter().enumerate().filter(code)),
            data: watches.iter().any(|watch| watch.kinds & !(Kind::Execute as u8) != 0),
        };
        Self((!watches.is_empty()).then(|| Arc::new(all)))
    }

    fn of(&self, kind: Kind) -> &OfKind {
        let Some(all) = &self.0 else { return &NOTHING };
        match kind {
            Kind::Read => &all.read,
            Kind::Write => &all.write,
            Kind::Execute => &all.execute,
        }
    }

    /// Where instructions are watched.
    pub(crate) fn execute(&self) -> &OfKind {
        self.of(Kind::Execute)
    }

    /// Whether anything is watched.
    #[inline(always)]
    pub(crate) fn any(&self) -> bool {
        self.0.is_some()
    }

    /// Whether an instruction is watched in the effective page at `page`.
    #[inline(never)]
    pub(crate) fn in_page(&self, page: u64) -> bool {
        self.0.as_ref().is_some_and(|all| all.pages.have(page))
    }

    /// Whether loads or stores are watched.
    fn any_data(&self) -> bool {
        self.0.as_ref().is_some_and(|all| all.data)
    }

    /// Whether the same loads and stores are watched as in `other`.
    fn same_data(&self, other: &Self) -> bool {
        [Kind::Read, Kind::Write].into_iter().all(|kind| self.of(kind) == other.of(kind))
    }

    /// Whether a byte is watched of the aligned `1 << shift` bytes around `ea`, which are those around `ra`.
    pub(crate) fn touch_page(&self, ea: u64, ra: RealAddr, shift: u32, kind: Kind) -> bool {
        let page = 1 << shift;
        let watches = self.of(kind);
        watches.effective.overlap(ea & !(page - 1), page) || watches.real.overlap(ra.align_down(page).0, page)
    }

    /// Who watches one of the `len` bytes at `ea` and at `ra`, in order.
    fn owners(&self, kind: Kind, ea: u64, ra: RealAddr, len: u64) -> Vec<u32> {
        let watches = self.of(kind);
        let mut all = Vec::new();
        watches.effective.owners(ea, len, &mut all);
        watches.real.owners(ra.0, len, &mut all);
        all.sort_unstable();
        let mut owners = Vec::with_capacity(all.len());
        for (_, owner) in all {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        owners
    }
}

impl Cpu {
    /// What is watched.
    pub fn watches(&self) -> &Watches {
        &self.outside.watches
    }

    /// Sets what is watched from now on. Decoded code does not know of it: see `Engine::set_watches`.
    pub(crate) fn set_watches(&mut self, watches: Watches) {
        if !watches.same_data(&self.outside.watches) {
            self.tlb.clear();
        }
        self.outside.watches = watches;
    }

    /// Tells the owners of the `len` bytes that are at `ea` and at `ra`, or finds that they were told.
    #[cold]
    pub(crate) fn tell_owners(
        &mut self,
        kind: Kind,
        ea: u64,
        ra: RealAddr,
        len: u64,
        stored: Stored,
    ) -> Done {
        for owner in self.outside.watches.owners(kind, ea, ra, len) {
            self.ask(Question::Watched { owner, kind, ea, address: ra, size: len, stored })?;
        }
        Ok(())
    }

    /// Whether any load or store is watched.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.outside.watches.any() && self.outside.watches.any_data()
    }
}

/// What a store is about to put into memory, byte by byte: the first of 16 are those that it does. `None`: it is no store,
/// or one of zeros.
pub type Stored = Option<[u8; 16]>;

/// The real pages of decoded code in which somebody may watch an instruction, by one of the page's names.
#[derive(Default)]
pub(crate) struct WatchedNames(Vec<u64>);

/// A page with more names than these that are watched counts as watched everywhere: what is executed there is compared.
const MOST_NAMES: usize = 16;

impl WatchedNames {
    /// The effective page at `name` is one more; false if it is known.
    pub(crate) fn add(&mut self, name: u64) -> bool {
        if self.0.len() > MOST_NAMES || self.0.contains(&name) {
            return false;
        }
        self.0.push(name);
        true
    }

    /// Whether one of `ranges` has one of the `len` bytes at `offset` of the page, by some name.
    pub(crate) fn overlap(&self, ranges: &Ranges, offset: u64, len: u64) -> bool {
        self.0.len() > MOST_NAMES || self.0.iter().any(|name| ranges.overlap(name + offset, len))
    }

    /// Whether one of `ranges` has a byte of the page, by some name.
    pub(crate) fn any(&self, ranges: &Ranges) -> bool {
        self.overlap(ranges, 0, PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(owner: u32, first: u64, last: u64) -> Watch {
        Watch { owner, first, last, kinds: Kind::Read as u8, real: false }
    }

    #[test]
    fn the_tree_finds_what_a_walk_over_all_ranges_finds() {
        // xorshift
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for count in [0, 1, 2, 3, 7, 64, 301] {
            let mut all: Vec<Watch> = (0..count)
                .map(|owner| {
                    let first = next(4096);
                    let lengths = [1, 4, 8, 1000];
                    watch(owner, first, first + lengths[next(4) as usize] - 1)
                })
                .collect();
            if count == 64 {
                all.push(watch(64, 0, u64::MAX));
            }
            let watches = Watches::new(&all);
            for _ in 0..1000 {
                let (at, len) = (next(6000), 1 + next(40));
                let expected: Vec<u32> = all
                    .iter()
                    .filter(|watch| at <= watch.last && watch.first < at + len)
                    .map(|watch| watch.owner)
                    .collect();
                assert_eq!(watches.owners(Kind::Read, at, RealAddr(0), len), expected);
                assert_eq!(watches.of(Kind::Read).effective.overlap(at, len), !expected.is_empty());
                assert!(watches.owners(Kind::Write, at, RealAddr(0), len).is_empty());
            }
        }
    }

    #[test]
    fn a_range_at_the_end_of_the_address_space_is_found() {
        let watches = Watches::new(&[watch(1, u64::MAX, u64::MAX)]);
        assert_eq!(watches.owners(Kind::Read, u64::MAX - 7, RealAddr(0), 8), [1]);
        assert!(watches.touch_page(u64::MAX, RealAddr(0), 12, Kind::Read));
        assert!(!watches.touch_page(u64::MAX - PAGE, RealAddr(0), 12, Kind::Read));
    }

    #[test]
    fn an_owner_of_several_ranges_is_told_once() {
        let watches = Watches::new(&[watch(3, 0, 9), watch(1, 4, 4), watch(3, 2, 5)]);
        assert_eq!(watches.owners(Kind::Read, 0, RealAddr(0), 8), [3, 1]);
    }

    #[test]
    fn a_difference_has_what_came_and_what_went() {
        let ranges = |all: &[Watch]| OfKind::new(all, Kind::Read).effective;
        let (old, new) = ([watch(1, 0, 3), watch(1, 8, 11)], [watch(2, 8, 11), watch(2, 0x20, 0x23)]);
        let changed = ranges(&old).difference(&ranges(&new));
        assert_eq!([0, 8, 0x20].map(|at| changed.overlap(at, 4)), [true, false, true]);
    }

    #[test]
    fn a_page_with_many_watched_names_is_watched_everywhere() {
        let ranges = OfKind::new(&[watch(1, 0x5004, 0x5007)], Kind::Read).effective;
        let mut names = WatchedNames::default();
        assert!(names.add(0x5000) && !names.add(0x5000));
        assert!(names.overlap(&ranges, 4, 4) && !names.overlap(&ranges, 8, 4));
        (0..100).for_each(|name| {
            names.add(name << 12);
        });
        assert!(names.overlap(&ranges, 8, 4) && names.0.len() == MOST_NAMES + 1);
    }
}
