//! Decoded code: basic blocks, found by real address, dropped when their memory is written.
//!
//! A block lies within one page and ends with an instruction whose row says so. Links between blocks and the
//! jump cache name an effective address and a fetch context; a new context number makes all of them stale at once.

use crate::{
    insn::{Effect, effect::Branch},
    jit::CodeEntry,
    msr,
    needs::needs_of,
    op::{Op, decoded},
    ram::{PAGE, PAGE_SHIFT, RealAddr},
    state::Cpu,
    tlb::half,
    trap::Trap,
    warm::Warm,
    watch::{OfKind, WatchedNames, Watches},
};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Where a block went to before.
#[derive(Clone, Copy, Default)]
pub struct Link {
    /// Effective address.
    pub ea: u64,
    /// Fetch context; 0: none.
    pub context: u32,
    /// Block number.
    pub block: u32,
}

/// A basic block.
pub struct Block {
    /// First op.
    pub first: u32,
    /// Number of ops.
    pub len: u32,
    /// Length in bytes.
    pub bytes: u32,
    /// Where its last instruction lies in it, in bytes.
    pub last: u32,
    /// MSR bits that its instructions need, `needs::PREFIX`, [`SELF_BRANCH`], or [`WATCHED`].
    pub needs: u64,
    /// The latest successors.
    pub links: [Link; 2],
    /// Real address | byte order.
    pub key: u64,
    /// How often it was interpreted.
    pub count: u32,
    /// Its memory was written: it must not be executed again.
    pub dropped: bool,
    /// It was left to others, or comes from them: [`Warm`] has it.
    pub shared: bool,
    /// Its machine code, for either half of the address space.
    pub compiled: [Option<CodeEntry>; 2],
}

/// In [`Block::needs`]: the block is one branch that may go to itself. A guest's MSR never has this bit.
pub const SELF_BRANCH: u64 = msr::HV;
/// In [`Block::needs`]: the block is one instruction that somebody may watch. Nor has a guest's MSR this bit.
pub const WATCHED: u64 = 1 << 61;
/// In [`Block::needs`]: it is never compiled.
pub const NEVER_COMPILED: u64 = SELF_BRANCH | WATCHED;
/// Ops in a block at most.
const LONGEST: usize = 64;
/// What a block takes beside its ops: itself, its place in two maps and in its page's list.
const BLOCK_BYTES: usize =
    size_of::<Block>() + 2 * size_of::<(u64, u32)>() + size_of::<(u64, PageCode)>() + 16;
const LINK_SLOTS: usize = 4096;
const FETCHES: usize = 256;
/// Code in a page is remembered in lines of this size.
const LINE_SHIFT: u32 = 6;

/// Multiplies: keys are addresses.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(u64::from(*b));
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(29);
    }
}

/// A map by address.
pub(crate) type AddressMap<T> = HashMap<u64, T, BuildHasherDefault<AddressHasher>>;

/// What is decoded from one page.
#[derive(Default)]
struct PageCode {
    lines: u64,
    blocks: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Fetch {
    page: u64,
    context: u32,
    real: RealAddr,
}

/// All decoded code of one processor.
pub struct CodeCache {
    /// The ops of all blocks.
    pub ops: Vec<Op>,
    /// The blocks.
    pub blocks: Vec<Block>,
    by_key: AddressMap<u32>,
    pages: AddressMap<PageCode>,
    /// Where branches went; none before the first: most forks never run.
    jumps: Box<[Link]>,
    fetches: Box<[Fetch]>,
    /// Pages in which instructions may be watched by effective addresses.
    watched: AddressMap<WatchedNames>,
    /// Blocks that were dropped when an instruction in their page was found to be watched.
    split: Vec<u32>,
    /// Code that another processor, or this one, has made before.
    pub(crate) warm: Option<Arc<Warm>>,
    /// How often everything was dropped.
    pub emptied: u64,
    /// How often blocks were dropped that machine code may not know of.
    pub upheavals: u64,
    /// Everything was, and machine code does not know of it.
    cleared: bool,
    /// Everything is dropped when it takes more bytes than this.
    most: usize,
    /// Other processors have code of the same RAM: whoever shares it keeps the marks in RAM.
    pub(crate) shared: bool,
    /// Pages that were marked here and that other processors may still write without a notification.
    pub(crate) marked: Vec<RealAddr>,
}

impl CodeCache {
    /// No code yet; at most `most` bytes of it later.
    pub fn new(most: usize) -> Self {
        Self {
            ops: Vec::new(),
            blocks: Vec::new(),
            by_key: AddressMap::default(),
            pages: AddressMap::default(),
            jumps: Box::default(),
            fetches: vec![Fetch::default(); FETCHES].into_boxed_slice(),
            watched: AddressMap::default(),
            split: Vec::new(),
            warm: None,
            emptied: 0,
            upheavals: 0,
            cleared: false,
            most,
            shared: false,
            marked: Vec::new(),
        }
    }

    /// Bytes that decoded code may take.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Bytes of memory that decoded code takes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.ops) + self.blocks.len() * BLOCK_BYTES
    }
}

impl CodeCache {
    /// The block at the processor's current instruction.
    #[inline]
    pub fn find(&mut self, cpu: &mut Cpu) -> Result<u32, Trap> {
        let ea = cpu.cia;
        let slot = (ea >> 2) as usize & (LINK_SLOTS - 1);
        if let Some(jump) = self.jumps.get(slot)
            && jump.ea == ea
            && jump.context == cpu.fetch_context[half(ea)]
            && !self.is_dropped(jump.block)
        {
            return Ok(jump.block);
        }
        let real = self.fetch_address(cpu, ea)?;
        let key = real.0 | u64::from(cpu.le());
        let block = match self.by_key.get(&key) {
            Some(&block) => block,
            None => self.build(cpu, key),
        };
        if self.jumps.is_empty() {
            self.jumps = vec![Link::default(); LINK_SLOTS].into_boxed_slice();
        }
        // Building may have told the processor to look for events, but not changed its context.
        self.jumps[slot] = Link { ea, context: cpu.fetch_context[half(ea)], block };
        Ok(block)
    }

    #[inline(always)]
    fn fetch_address(&mut self, cpu: &mut Cpu, ea: u64) -> Result<RealAddr, Trap> {
        let page = ea & !(PAGE - 1);
        let slot = (ea >> PAGE_SHIFT) as usize & (FETCHES - 1);
        let known = &self.fetches[slot];
        if known.page == page && known.context == cpu.fetch_context[half(ea)] {
            return Ok(known.real + ea % PAGE);
        }
        let real = cpu.translate(ea, crate::mmu::Access::Fetch)?.ra;
        if cpu.watches().any() && cpu.watches().in_page(page) {
            self.watch_page(cpu, page, real.align_down(PAGE));
        }
        self.fetches[slot] =
            Fetch { page, context: cpu.fetch_context[half(ea)], real: real.align_down(PAGE) };
        Ok(real)
    }

    /// Somebody watches instructions in the effective page `name`, which is at `real`: they are blocks of their own from
    /// now on.
    #[cold]
    fn watch_page(&mut self, cpu: &mut Cpu, name: u64, real: RealAddr) {
        if self.watched.entry(real.0 >> PAGE_SHIFT).or_default().add(name) {
            let dropped = self.written(cpu, real, PAGE);
            self.split.extend(dropped);
            self.upheavals += 1;
        }
    }

    /// Blocks that searches have dropped: machine code must be told.
    pub fn take_split(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.split)
    }

    /// Whether everything was dropped since the last call. If it was, all machine code must go.
    pub fn take_cleared(&mut self) -> bool {
        std::mem::take(&mut self.cleared)
    }

    /// Whether somebody may watch the instruction of `len` bytes at `at`.
    fn is_watched(&self, watches: &OfKind, at: RealAddr, len: u64) -> bool {
        // A prefix at the end of a page has no suffix there.
        let len = len.min(PAGE - at.0 % PAGE);
        watches.real.overlap(at.0, len)
            || self
                .watched
                .get(&(at.0 >> PAGE_SHIFT))
                .is_some_and(|names| names.overlap(&watches.effective, at.0 % PAGE, len))
    }

    /// `new` is watched instead of `old`: pages of which another instruction is are decoded again. Returns dropped blocks,
    /// as [`CodeCache::written`] does.
    pub fn watch(&mut self, cpu: &mut Cpu, old: &Watches, new: &Watches) -> Vec<u32> {
        let (old, new) = (old.execute(), new.execute());
        let (effective, real) = (old.effective.difference(&new.effective), old.real.difference(&new.real));
        let mut pages: Vec<u64> =
            self.watched.iter().filter(|(_, names)| names.any(&effective)).map(|(&page, _)| page).collect();
        for page in &pages {
            self.watched.remove(page);
        }
        if !real.is_empty() {
            pages.extend(self.pages.keys().filter(|&&page| real.overlap(page << PAGE_SHIFT, PAGE)));
        }
        if !effective.is_empty() {
            // Where effective pages are is found out again, and with it which of them are watched.
            cpu.fetch_contexts.forget_all();
            cpu.context_changed();
        }
        pages.into_iter().flat_map(|page| self.written(cpu, RealAddr(page << PAGE_SHIFT), PAGE)).collect()
    }

    /// The block with this key.
    pub fn at(&self, key: u64) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    #[cold]
    fn build(&mut self, cpu: &mut Cpu, key: u64) -> u32 {
        if self.bytes() > self.most {
            self.clear(cpu);
        }
        if let Some(number) = self.take_over(cpu, key) {
            return number;
        }
        let real = key & !3;
        let first = self.ops.len();
        let watches = self.may_be_watched(cpu, RealAddr(real)).then(|| cpu.watches().clone());
        let mut needs = 0;
        let mut at = real;
        loop {
            let (op, row) = decoded(cpu, RealAddr(at));
            let word = op.word;
            // A branch to itself is a block of its own however it is reached, so that it is found to hang at its first
            // execution wherever runs are cut.
            let to_itself = row.is_some_and(|row| row.effect == Effect::Branch(Branch::Always))
                && word.li() == 0
                && !word.aa();
            let watched = watches
                .as_ref()
                .is_some_and(|watches| self.is_watched(watches.execute(), RealAddr(at), word.bytes().into()));
            if (to_itself || watched) && self.ops.len() > first {
                break;
            }
            self.ops.push(op);
            at += u64::from(word.bytes());
            if watched {
                needs |= WATCHED;
            }
            let Some(row) = row else { break };
            needs |= needs_of(word, row);
            if row.ends_block(word) {
                if to_itself {
                    needs |= SELF_BRANCH;
                }
                break;
            }
            if watched {
                break;
            }
            if self.ops.len() - first == LONGEST || at.is_multiple_of(PAGE) {
                break;
            }
        }
        self.insert(cpu, key, first, needs)
    }

    /// The block at `key` from `warm`, if it is still what memory has there.
    fn take_over(&mut self, cpu: &mut Cpu, key: u64) -> Option<u32> {
        let warm = self.warm.clone()?;
        let (of, block) = warm.find(key)?;
        if self.may_be_watched(cpu, RealAddr(key)) {
            return None;
        }
        let ops = of.ops_of(cpu, block)?;
        let first = self.ops.len();
        self.ops.extend_from_slice(ops);
        let number = self.insert(cpu, key, first, block.needs);
        let new = &mut self.blocks[number as usize];
        (new.count, new.shared) = (block.count, true);
        Some(number)
    }

    /// Whether somebody may watch an instruction in the page at `ra`.
    pub(crate) fn may_be_watched(&self, cpu: &Cpu, ra: RealAddr) -> bool {
        self.watched.contains_key(&(ra.0 >> PAGE_SHIFT))
            || cpu.watches().execute().real.overlap(ra.align_down(PAGE).0, PAGE)
    }

    /// Code is made from these lines of the page at `ra`, of which there is a block.
    pub(crate) fn cover(&mut self, ra: RealAddr, lines: u64) {
        self.pages.entry(ra.0 >> PAGE_SHIFT).or_default().lines |= lines;
    }

    /// Makes a block of the ops from `first` on, which are those at `key`.
    fn insert(&mut self, cpu: &mut Cpu, key: u64, first: usize, needs: u64) -> u32 {
        let real = key & !3;
        let ops = &self.ops[first..];
        let len = ops.len() as u32;
        let bytes: u32 = ops.iter().map(|op| op.word.bytes()).sum();
        let last = bytes - ops.last().map_or(0, |op| op.word.bytes());
        let number = self.blocks.len() as u32;
        self.blocks.push(Block {
            first: first as u32,
            len,
            bytes,
            last,
            needs,
            links: Default::default(),
            key,
            count: 0,
            dropped: false,
            shared: false,
            compiled: [None; 2],
        });
        self.by_key.insert(key, number);
        if cpu.ram.mark_code(RealAddr(real)) {
            cpu.tlb.protect_host(cpu.ram.host_address(RealAddr(real)));
            if self.shared {
                self.marked.push(RealAddr(real));
            }
        }
        let page = self.pages.entry(real >> PAGE_SHIFT).or_default();
        page.blocks.push(number);
        page.lines |= lines_of(RealAddr(real), bytes.into());
        number
    }

    /// Whether there is code of the page at `ra`.
    pub(crate) fn has_page(&self, ra: RealAddr) -> bool {
        self.pages.contains_key(&(ra.0 >> PAGE_SHIFT))
    }

    /// Whether the block's memory was written since it was decoded.
    #[inline(always)]
    pub fn is_dropped(&self, number: u32) -> bool {
        self.blocks[number as usize].dropped
    }

    /// Drops the blocks of the page at `ra` if the `len` bytes there may belong to one. Returns the dropped ones: links
    /// and jumps to them are found to be stale when they are followed, but machine code must be told.
    pub fn written(&mut self, cpu: &mut Cpu, ra: RealAddr, len: u64) -> Vec<u32> {
        let number = ra.0 >> PAGE_SHIFT;
        let Some(page) = self.pages.get(&number) else { return Vec::new() };
        let last = (ra.0 % PAGE + len.max(1) - 1).min(PAGE - 1);
        let touched = (line_of(ra.0)..=line_of(last)).any(|line| page.lines >> line & 1 != 0);
        if !touched {
            return Vec::new();
        }
        let dropped = self.pages.remove(&number).map_or_else(Vec::new, |page| page.blocks);
        for &block in &dropped {
            let block = &mut self.blocks[block as usize];
            block.dropped = true;
            self.by_key.remove(&block.key);
        }
        // `flush_page` looks for the mark to find out whether anything was fetched from the page.
        for fetch in self.fetches.iter_mut().filter(|fetch| fetch.real.0 >> PAGE_SHIFT == number) {
            *fetch = Fetch::default();
        }
        if !self.shared {
            cpu.ram.clear_code(ra);
        }
        dropped
    }

    /// Drops everything.
    pub fn clear(&mut self, cpu: &mut Cpu) {
        self.emptied += 1;
        self.upheavals += 1;
        self.cleared = true;
        if !self.shared {
            for &page in self.pages.keys() {
                cpu.ram.clear_code(RealAddr(page << PAGE_SHIFT));
            }
        }
        self.ops.clear();
        self.blocks.clear();
        self.by_key.clear();
        self.pages.clear();
        self.watched.clear();
        self.split.clear();
        self.forget_links();
        cpu.fetch_contexts.forget_all();
        cpu.context_changed();
    }

    /// No block has machine code any more.
    pub fn forget_compiled(&mut self) {
        for block in &mut self.blocks {
            block.compiled = [None; 2];
        }
    }

    /// Context numbers have started again.
    pub fn forget_links(&mut self) {
        self.jumps.fill(Link::default());
        self.fetches.fill(Fetch::default());
        for block in &mut self.blocks {
            block.links = Default::default();
        }
    }
}

/// The lines of a page that the `len` bytes at `ra` are in, one bit each.
pub(crate) fn lines_of(ra: RealAddr, len: u64) -> u64 {
    // A prefix at the end of a page has no suffix there.
    let end = (ra.0 + len - 1).min(ra.0 | (PAGE - 1));
    (line_of(ra.0)..=line_of(end)).fold(0, |lines, line| lines | 1 << line)
}

fn line_of(addr: u64) -> u32 {
    ((addr % PAGE) >> LINE_SHIFT) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Engine, EngineKind},
        exec::{ExecFn, fixed, loadstore},
        exit::EngineExit,
        fields::Word,
        model::{Model, POWER9},
        ram::Ram,
    };
    use hpt::Hpt;
    use std::sync::Arc;

    const BASE: u64 = 0x1_0000;
    const PREFIX: u32 = 0x0600_0000;
    const ADDI: u32 = 14 << 26 | 3 << 21 | 3 << 16 | 1;

    fn cpu(model: &'static Model) -> Cpu {
        let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
        let mut cpu = Cpu::new(model, ram, Arc::new(Hpt::new(18).expect("table")));
        (cpu.cia, cpu.nia) = (BASE, BASE + 4);
        cpu.set_msr(msr::SF);
        cpu
    }

    /// An engine whose code at `BASE` is an addition of eight bytes, to R3, and `last`.
    fn engine(kind: EngineKind, exec: ExecFn, last: u32) -> Engine {
        let mut engine = Engine::with_kind(cpu(&POWER9), kind);
        let addition = Op { exec: fixed::addi, word: Word::prefixed(PREFIX, ADDI) };
        engine.cache.ops = vec![addition, Op { exec, word: last.into() }];
        engine.cache.insert(&mut engine.cpu, BASE, 0, 0);
        // Budgets may end between the two.
        engine.cpu.ram.write(RealAddr(BASE + 8), last.swap_bytes()).expect("memory");
        engine
    }

    #[test]
    fn both_engines_step_over_instructions_of_eight_bytes() {
        let back = 18 << 26 | -8i32 as u32 & 0x03ff_fffc;
        let make = |kind| engine(kind, crate::exec::branch::b, back);
        let [mut interp, mut jit] = [make(EngineKind::Interp), make(EngineKind::Jit)];
        for until in (1..400).step_by(3) {
            for engine in [&mut interp, &mut jit] {
                assert_eq!(engine.run(until), EngineExit::Limit);
                let at = if until % 2 == 0 { BASE } else { BASE + 8 };
                assert_eq!((engine.cpu.cia, engine.cpu.gpr[3]), (at, until.div_ceil(2)));
            }
        }
        assert!(jit.compiled > 0 || jit.kind() == EngineKind::Interp);
    }

    #[test]
    fn an_instruction_behind_one_of_eight_bytes_traps_where_it_stands() {
        // lwz r4,0(r5): there is no memory there.
        let mut engine = engine(EngineKind::Interp, loadstore::lwz, 32 << 26 | 4 << 21 | 5 << 16);
        engine.cpu.gpr[5] = 1 << 40;
        engine.run(2);
        assert_eq!(engine.cpu.spr[crate::spr::number::SRR0], BASE + 8);
    }
}
