//! Decoded and compiled code that one processor leaves to others: forks begin with what their snapshot's machine had made.
//!
//! Enters: the code of an engine, when it is frozen. Leaves: blocks and regions, one at a time, when a processor comes to them.
//! Must hold: nothing is taken over unread. The words of each block are compared with those in memory, so it does not matter
//! what has been written since; a region is compared as a whole. What was found right in RAM that comes from some snapshot is
//! right in all RAM of that snapshot whose page was not written since, and is not compared again.
//!
//! Nothing in it changes, so any number of engines share it, on any threads. What an engine has made since it was frozen
//! last is a [`Warm`] of its own, with the earlier one behind it.

use crate::{
    block::{AddressMap, Block, CodeCache, WATCHED, lines_of},
    jit::{Code, Jit},
    op::{Op, same_words},
    ram::{PAGE_SHIFT, RealAddr},
    state::Cpu,
};
use std::collections::HashMap;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// A longer chain is begun anew: each search walks it.
const LONGEST: u32 = 8;

/// A block, as far as it does not depend on where it went.
pub(crate) struct WarmBlock {
    first: u32,
    len: u32,
    pub(crate) needs: u64,
    key: u64,
    pub(crate) count: u32,
    /// Region and code, for either half of the address space.
    pub(crate) compiled: [Option<(u32, *const u8)>; 2],
    proven: Proven,
}

/// The number of the latest snapshot with whose RAM something was compared, and was the same.
#[derive(Default)]
struct Proven(AtomicU64);

impl Proven {
    /// Whether something made from the page at `ra` is what memory has there; `same` compares.
    fn holds(&self, cpu: &Cpu, ra: RealAddr, same: impl FnOnce() -> bool) -> bool {
        let snapshot = cpu.ram.as_in_snapshot(ra);
        if snapshot != 0 && self.0.load(Relaxed) == snapshot {
            return true;
        }
        let same = same();
        if same && snapshot != 0 {
            self.0.store(snapshot, Relaxed);
        }
        same
    }
}

/// A compiled region.
pub(crate) struct WarmRegion {
    pub(crate) code: Arc<Code>,
    /// Of the store, when it was compiled.
    pub(crate) generation: u64,
    /// Bytes that a read entry of the TLB covers, as a shift: it is compiled in.
    pub(crate) read_shift: u32,
    /// Its blocks.
    parts: Vec<u32>,
    /// How many it was made from.
    of: u32,
    /// Lines of its page with code that it was made from.
    pub(crate) lines: u64,
    proven: Proven,
}

/// Code for others.
pub struct Warm {
    ops: Vec<Op>,
    blocks: Vec<WarmBlock>,
    /// Of the blocks, ascending.
    keys: Vec<u64>,
    /// The first block of each page, and the one behind its last.
    pages: AddressMap<(u32, u32)>,
    regions: Vec<WarmRegion>,
    earlier: Option<Arc<Self>>,
    /// How many are behind it.
    depth: u32,
}

// SAFETY: the pointers are into executable memory that is never changed and that `code` of their region keeps.
unsafe impl Send for Warm {}
// SAFETY: as above.
unsafe impl Sync for Warm {}

impl Warm {
    /// The code of an engine, with what it was given itself behind it. `None` if there is none.
    pub(crate) fn of(cache: &mut CodeCache, jit: Option<&Jit>, read_shift: u32) -> Option<Arc<Self>> {
        let earlier = cache.warm.take();
        let all = earlier.is_none();
        let mut new = Self {
            ops: Vec::new(),
            blocks: Vec::new(),
            keys: Vec::new(),
            pages: AddressMap::default(),
            regions: Vec::new(),
            depth: earlier.as_ref().map_or(0, |warm| warm.depth + 1),
            earlier,
        };
        let mut numbers = HashMap::new();
        // What lies together in the guest's memory is used together.
        let mut order: Vec<(u64, u32)> =
            (0..).zip(&cache.blocks).map(|(number, block)| (block.key, number)).collect();
        order.sort_unstable();
        for (_, number) in order {
            let block = &mut cache.blocks[number as usize];
            let taken_over = |jit: &Jit| block.compiled.iter().flatten().any(|entry| jit.is_shared(*entry));
            let known = block.shared || jit.is_some_and(taken_over);
            if block.dropped || block.needs & WATCHED != 0 || known && !all {
                continue;
            }
            block.shared = true;
            let number = new.blocks.len() as u32;
            let mut compiled = [None; 2];
            for (to, entry) in compiled.iter_mut().zip(block.compiled) {
                let Some((jit, entry)) = jit.zip(entry).filter(|(jit, entry)| !jit.is_shared(*entry)) else {
                    continue;
                };
                let region = *numbers.entry(entry.region()).or_insert_with(|| {
                    let (code, of) = jit.code_of(entry);
                    let generation = jit.generation();
                    new.regions.push(WarmRegion {
                        code,
                        generation,
                        read_shift,
                        parts: Vec::new(),
                        of,
                        lines: 0,
                        proven: Proven::default(),
                    });
                    new.regions.len() - 1
                });
                new.regions[region].parts.push(number);
                new.regions[region].lines |= lines_of(RealAddr(block.key & !3), block.bytes.into());
                *to = Some((region as u32, entry.code()));
            }
            let &mut Block { needs, key, count, len, .. } = block;
            new.keys.push(key);
            let pages = new.pages.entry(key >> PAGE_SHIFT).or_insert((number, number));
            pages.1 = number + 1;
            new.blocks.push(WarmBlock {
                first: new.ops.len() as u32,
                len,
                needs,
                key,
                count,
                compiled,
                proven: Proven::default(),
            });
            new.ops.extend_from_slice(&cache.ops[block.first as usize..][..len as usize]);
        }
        // Of some regions the other blocks were known before: without them nobody can tell whether the code still holds.
        let whole: Vec<bool> =
            new.regions.iter().map(|region| region.parts.len() == region.of as usize).collect();
        for entry in new.blocks.iter_mut().flat_map(|block| &mut block.compiled) {
            entry.take_if(|(region, _)| !whole[*region as usize]);
        }
        cache.warm = if new.blocks.is_empty() { new.earlier } else { Some(Arc::new(new)) };
        cache.warm.clone()
    }

    /// Whether it is time to begin anew.
    pub(crate) fn is_long(&self) -> bool {
        self.depth >= LONGEST
    }

    /// The latest block with this key, and what it belongs to.
    pub(crate) fn find(&self, key: u64) -> Option<(&Self, &WarmBlock)> {
        let mut at = Some(self);
        while let Some(warm) = at {
            if let Some(&(first, end)) = warm.pages.get(&(key >> PAGE_SHIFT))
                && let Ok(number) = warm.keys[first as usize..end as usize].binary_search(&key)
            {
                return Some((warm, &warm.blocks[first as usize + number]));
            }
            at = warm.earlier.as_deref();
        }
        None
    }

    /// The instructions of a block, if they are what memory has there.
    pub(crate) fn ops_of(&self, cpu: &Cpu, block: &WarmBlock) -> Option<&[Op]> {
        let (at, ops) = (RealAddr(block.key & !3), self.ops(block));
        block.proven.holds(cpu, at, || same_words(cpu, at, ops)).then_some(ops)
    }

    fn ops(&self, block: &WarmBlock) -> &[Op] {
        &self.ops[block.first as usize..][..block.len as usize]
    }

    /// A region by its number.
    pub(crate) fn region(&self, number: u32) -> &WarmRegion {
        &self.regions[number as usize]
    }

    /// Whether all blocks of a region, which is in the page at `ra`, are what memory has there.
    pub(crate) fn holds(&self, cpu: &Cpu, region: &WarmRegion, ra: RealAddr) -> bool {
        let same = |&number: &u32| {
            let block = &self.blocks[number as usize];
            same_words(cpu, RealAddr(block.key & !3), self.ops(block))
        };
        region.proven.holds(cpu, ra, || region.parts.iter().all(same))
    }
}
