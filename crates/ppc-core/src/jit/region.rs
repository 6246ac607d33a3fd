//! Which blocks are compiled together, and which guest registers are mapped to host registers.
//!
//! Enters: a hot block. Leaves: it and the hot blocks that direct branches reach from it within its page, in an order in
//! which a block is followed by the one it falls through to.

use super::{
    host,
    insn::{CTR, GUESTS, Guest, Insn, LR, Set, gprs},
};
use crate::{
    block::{Block, CodeCache, NEVER_COMPILED},
    insn::{
        Effect, RowId, decode,
        effect::Branch::{Always, Conditional, EventBased, ToCtr, ToLr, ToTar},
        row,
    },
    model::Isa,
    ram::PAGE,
    spr::number,
};
use std::collections::VecDeque;

const MOST_BLOCKS: usize = 48;
const MOST_INSTRUCTIONS: usize = 400;

/// A block of a region.
pub struct Part {
    /// Its place in the page.
    pub place: u32,
    /// Its instructions.
    pub insns: Vec<(Insn, Option<RowId>)>,
    /// What it needs: MSR bits, and prefixed instructions.
    pub needs: u64,
    /// How often it was interpreted.
    pub weight: u32,
    /// Where it goes by direct branches, relative to the page.
    pub successors: Vec<i64>,
    /// Its number in the code cache.
    pub number: u32,
}

impl Part {
    /// Whether it may branch to the block at `place` of its page, calls included.
    pub fn goes_to(&self, place: u32) -> bool {
        let place = i64::from(place);
        let call = self.insns.last().and_then(|(last, _)| call(last));
        self.successors.contains(&place) || call == Some(place)
    }
}

/// The blocks that are compiled at once.
pub struct Region {
    /// Blocks; the hot one that led here is the first.
    pub parts: Vec<Part>,
    /// Guest registers to map, the most used first.
    pub mapped: Vec<Guest>,
}

/// Whether an instruction ends its block wherever it stands.
pub fn ends(insn: &Insn) -> bool {
    insn.row.is_none_or(|row| row.ends_block(insn.word))
}

/// Forms the region of block `head`. `half` is the half of the address space it runs in.
pub fn form(cache: &CodeCache, head: u32, half: usize, isa: Isa) -> Region {
    let key = cache.blocks[head as usize].key;
    let page = key & !(PAGE - 1) | key & 1;
    let least = cache.blocks[head as usize].count / 4;
    let mut parts: Vec<Part> = Vec::new();
    let mut instructions = 0;
    let mut waiting = VecDeque::from([head]);
    while let Some(start) = waiting.pop_front() {
        let mut at = Some(start);
        while let Some(number) = at.take() {
            let block = &cache.blocks[number as usize];
            let first = parts.is_empty();
            let fits = parts.len() < MOST_BLOCKS && instructions + block.len as usize <= MOST_INSTRUCTIONS;
            let known = parts.iter().any(|part| part.number == number);
            let hot =
                block.count >= least && block.needs & NEVER_COMPILED == 0 && block.compiled[half].is_none();
            if !first && (!fits || known || !hot) {
                break;
            }
            let part = part(cache, block, number, isa);
            instructions += part.insns.len();
            let mut successors: Vec<u32> = part
                .successors
                .iter()
                .filter(|&&place| (0..PAGE as i64).contains(&place))
                .filter_map(|&place| cache.at(page | place as u64))
                .collect();
            parts.push(part);
            // The one that is reached without a branch is the last.
            at = successors.pop();
            waiting.extend(successors);
        }
    }
    let mapped = allocate(&parts);
    Region { parts, mapped }
}

fn part(cache: &CodeCache, block: &Block, number: u32, isa: Isa) -> Part {
    let ops = &cache.ops[block.first as usize..(block.first + block.len) as usize];
    let place = (block.key & (PAGE - 1) & !3) as u32;
    let mut offset = place;
    let insns: Vec<_> = ops
        .iter()
        .enumerate()
        .map(|(n, op)| {
            let at = offset;
            offset += op.word.bytes();
            let id = decode::decode_id(op.word, isa);
            let insn = Insn {
                word: op.word,
                row: id.and_then(row).filter(|row| row.exec_for(op.word).is_some()),
                exec: op.exec,
                offset: at,
                after: block.len - 1 - n as u32,
            };
            (insn, id)
        })
        .collect();
    let successors = insns.last().map_or_else(Vec::new, |(last, _)| successors(last));
    Part { place, insns, needs: block.needs, weight: block.count, successors, number }
}

/// Where a block goes, or comes back to after a call, by its last instruction; the one reached without a branch is last.
fn successors(last: &Insn) -> Vec<i64> {
    let (w, at) = (last.word, i64::from(last.offset));
    let next = last.next();
    if last.row.is_none() {
        return vec![];
    }
    match last.branch() {
        Some(Always) if w.aa() => vec![],
        Some(Always) if w.lk() => vec![next],
        Some(Always) => vec![at + w.li()],
        Some(Conditional) if w.aa() || w.lk() => vec![next],
        Some(Conditional) if w.bit(6) && w.bit(8) => vec![at + w.bd()],
        Some(Conditional) => vec![at + w.bd(), next],
        Some(ToLr | ToCtr | ToTar) if w.lk() || !(w.bit(6) && w.bit(8)) => vec![next],
        Some(ToLr | ToCtr | ToTar) => vec![],
        Some(EventBased) | None => vec![next],
    }
}

/// Where a direct call goes.
fn call(last: &Insn) -> Option<i64> {
    let (w, at) = (last.word, i64::from(last.offset));
    match last.branch()? {
        Always if w.lk() && !w.aa() => Some(at + w.li()),
        Conditional if w.lk() && !w.aa() => Some(at + w.bd()),
        _ => None,
    }
}

/// Guest registers that an instruction uses.
fn uses(insn: &Insn) -> Set {
    let w = insn.word;
    let Some(row) = insn.row else { return 0 };
    let mut set = gprs(row, w);
    match row.effect {
        Effect::Branch(Always) if w.lk() => set |= 1 << LR,
        Effect::Branch(Conditional) => {
            if w.lk() {
                set |= 1 << LR;
            }
            if !w.bit(8) {
                set |= 1 << CTR;
            }
        }
        Effect::Branch(ToLr) => set |= 1 << LR,
        Effect::Branch(ToCtr) => set |= 1 << CTR,
        Effect::MovesSpr if w.spr() == number::LR => set |= 1 << LR,
        Effect::MovesSpr if w.spr() == number::CTR => set |= 1 << CTR,
        _ => {}
    }
    set
}

fn allocate(parts: &[Part]) -> Vec<Guest> {
    let mut uses_of = [0u64; GUESTS];
    for part in parts {
        for (insn, _) in &part.insns {
            let set = uses(insn);
            for (n, count) in uses_of.iter_mut().enumerate() {
                *count += (set >> n & 1) * u64::from(part.weight.max(1));
            }
        }
    }
    // A mapped register costs a load at each entry and perhaps a store at each exit. How often these are taken is not
    // counted: of a region with a loop less often than its first block.
    let first = parts.first().map_or(1, |part| u64::from(part.weight.max(1)));
    let looping = parts
        .iter()
        .enumerate()
        .any(|(n, part)| parts[..=n].iter().any(|earlier| part.goes_to(earlier.place)));
    let cost = if looping { first / 2 } else { 2 * first };
    let mut mapped: Vec<Guest> = (0..GUESTS).filter(|&n| uses_of[n] > cost).collect();
    mapped.sort_by_key(|&n| std::cmp::Reverse(uses_of[n]));
    mapped.truncate(host::MAPPABLE);
    mapped
}
