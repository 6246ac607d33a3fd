//! A second, deliberately simple hash page table: a vector of entries and a set of dirty ones.
//!
//! Written from the texts of LoPAR ("Page Frame Table Access") and Power ISA 2.07 Book III-S ("Page Table Search")
//! with bits counted as they count them, bit 0 the most significant. It shares no code and no constant with the
//! crate that it is compared with.

use std::collections::BTreeSet;

/// Bits `from` to `to` of a doubleword, as a number.
pub fn bits(x: u64, from: u32, to: u32) -> u64 {
    (x >> (63 - to)) & (u64::MAX >> (63 - (to - from)))
}

/// `x` with bits `from` to `to` replaced.
pub fn with_bits(x: u64, from: u32, to: u32, value: u64) -> u64 {
    let mask = (u64::MAX >> (63 - (to - from))) << (63 - to);
    x & !mask | (value << (63 - to)) & mask
}

fn bit(x: u64, n: u32) -> bool {
    bits(x, n, n) == 1
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub rc: i64,
    pub out: Vec<u64>,
    /// Index and doublewords of the translations taken back.
    pub invalidated: Vec<(u64, u64, u64)>,
    /// Pages zeroed and pages whose instructions were flushed: address and length.
    pub zeroed: Vec<(u64, u64)>,
    pub flushed: Vec<(u64, u64)>,
}

fn answer(rc: i64) -> Answer {
    Answer { rc, ..Answer::default() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Device,
    Nothing,
}

/// The guest's real address space: memory, a hole, a device.
pub const MEMORY_END: u64 = 0x1800_0000;
pub const DEVICE: std::ops::Range<u64> = 0x8000_0000..0x8100_0000;

pub fn kind(addr: u64, len: u64) -> Kind {
    let inside = |start: u64, end: u64| addr >= start && addr < end && end - addr >= len;
    if inside(0, MEMORY_END) {
        Kind::Memory
    } else if inside(DEVICE.start, DEVICE.end) {
        Kind::Device
    } else {
        Kind::Nothing
    }
}

/// Base page, actual page (log 2) of an entry.
pub fn sizes(v: u64, r: u64) -> Option<(u32, u32)> {
    if !bit(v, 61) {
        return Some((12, 12));
    }
    // The bits of the real page number below each page size, bit 51 the lowest.
    match bits(r, 48, 51) {
        1 => return Some((16, 16)),
        7 => return Some((12, 16)),
        _ => {}
    }
    match bits(r, 40, 51) {
        0x000 => return Some((24, 24)),
        0x008 => return Some((16, 24)),
        0x038 => return Some((12, 24)),
        _ => {}
    }
    (bits(r, 30, 51) == 3).then_some((34, 34))
}

pub struct Model {
    pub entries: Vec<(u64, u64)>,
    pub dirty: BTreeSet<u64>,
}

impl Model {
    pub fn new(shift: u32) -> Self {
        Self { entries: vec![(0, 0); 1 << (shift - 4)], dirty: BTreeSet::new() }
    }

    fn get(&self, ptex: u64) -> Option<(u64, u64)> {
        self.entries.get(usize::try_from(ptex).ok()?).copied()
    }

    pub fn set(&mut self, ptex: u64, v: u64, r: u64) {
        let v = with_bits(v, 57, 58, 0);
        if self.entries[ptex as usize] != (v, r) {
            self.entries[ptex as usize] = (v, r);
            self.dirty.insert(ptex);
        }
    }

    pub fn hypercall(&mut self, number: u64, args: &[u64; 9]) -> Option<Answer> {
        Some(match number {
            4 => self.remove(args[0], args[1], args[2]),
            8 => self.enter(args[0], args[1], args[2], args[3]),
            12 => self.read(args[0], args[1]),
            16 => self.clear_bit(args[1], 56),
            20 => self.clear_bit(args[1], 55),
            24 => self.protect(args[0], args[1], args[2]),
            0x124 => self.bulk_remove(args),
            _ => return None,
        })
    }

    fn enter(&mut self, flags: u64, ptex: u64, v: u64, r: u64) -> Answer {
        if self.get(ptex).is_none() {
            return answer(-4);
        }
        let Some((_, actual)) = sizes(v, r) else { return answer(-4) };
        // ARPN and LP as an address, without the bits inside the page.
        let addr = bits(r, 4, 51) * 4096 / (1 << actual) * (1 << actual);
        let kind = kind(addr, 1 << actual);
        let (w, i, m, g) = (bit(r, 57), bit(r, 58), bit(r, 59), bit(r, 60));
        let good = match kind {
            Kind::Memory => !w && !i && m && !g,
            Kind::Device => !w && i,
            Kind::Nothing => false,
        };
        if !good {
            return answer(-4);
        }
        let (zero, invalidate, synchronize) = (bit(flags, 48), bit(flags, 40), bit(flags, 41));
        if actual > 16 && (zero || invalidate || synchronize) {
            return answer(-64);
        }
        let mut answer = answer(0);
        if kind == Kind::Memory && zero {
            answer.zeroed.push((addr, 1 << actual));
        }
        if kind == Kind::Memory && (invalidate || synchronize) {
            answer.flushed.push((addr, 1 << actual));
        }
        let exact = bit(flags, 24);
        let first = if exact { ptex } else { ptex - ptex % 8 };
        let tries = if exact { 1 } else { 8 };
        match (first..first + tries).find(|&p| !bit(self.entries[p as usize].0, 63)) {
            None => answer.rc = -6,
            Some(slot) => {
                self.set(slot, v, with_bits(r, 1, 1, 0));
                answer.out.push(slot);
            }
        }
        answer
    }

    /// The entry if it is valid and the conditions hold.
    fn wanted(&self, avpn_flag: bool, andcond: bool, ptex: u64, avpn: u64) -> Option<(u64, u64)> {
        let (v, r) = self.get(ptex)?;
        let holds =
            bit(v, 63) && (!avpn_flag || with_bits(v, 57, 63, 0) == avpn) && (!andcond || v & avpn == 0);
        holds.then_some((v, r))
    }

    fn remove(&mut self, flags: u64, ptex: u64, avpn: u64) -> Answer {
        if self.get(ptex).is_none() {
            return answer(-4);
        }
        let Some((v, r)) = self.wanted(bit(flags, 32), bit(flags, 33), ptex, avpn) else { return answer(-7) };
        self.set(ptex, 0, 0);
        Answer { out: vec![v, r], invalidated: vec![(ptex, v, r)], ..answer(0) }
    }

    fn read(&self, flags: u64, ptex: u64) -> Answer {
        if self.get(ptex).is_none() {
            return answer(-4);
        }
        let which = if bit(flags, 26) { ptex - ptex % 4..ptex - ptex % 4 + 4 } else { ptex..ptex + 1 };
        let out = which.flat_map(|p| [self.entries[p as usize].0, self.entries[p as usize].1]).collect();
        Answer { out, ..answer(0) }
    }

    fn clear_bit(&mut self, ptex: u64, n: u32) -> Answer {
        let Some((v, r)) = self.get(ptex) else { return answer(-4) };
        if !bit(v, 63) {
            return answer(-7);
        }
        self.set(ptex, v, with_bits(r, n, n, 0));
        let invalidated = if bit(r, n) { vec![(ptex, v, r)] } else { vec![] };
        Answer { out: vec![r], invalidated, ..answer(0) }
    }

    fn protect(&mut self, flags: u64, ptex: u64, avpn: u64) -> Answer {
        if self.get(ptex).is_none() {
            return answer(-4);
        }
        let Some((v, r)) = self.wanted(bit(flags, 32), false, ptex, avpn) else { return answer(-7) };
        let mut new = with_bits(r, 0, 0, bits(flags, 55, 55)); // pp0
        new = with_bits(new, 2, 3, bits(flags, 50, 51)); // key0, key1
        new = with_bits(new, 52, 54, bits(flags, 52, 54)); // key2 to key4
        new = with_bits(new, 61, 63, bits(flags, 61, 63)); // n, pp1, pp2
        self.set(ptex, v, new);
        Answer { invalidated: if new == r { vec![] } else { vec![(ptex, v, r)] }, ..answer(0) }
    }

    fn bulk_remove(&mut self, args: &[u64; 9]) -> Answer {
        let mut answer = answer(0);
        let mut regs = args[..8].to_vec();
        for n in 0..4 {
            let (high, low) = (args[2 * n], args[2 * n + 1]);
            match bits(high, 0, 1) {
                1 => {}
                3 => break,
                _ => {
                    answer.rc = -4;
                    break;
                }
            }
            let ptex = bits(high, 8, 63);
            let respond = |code, rc| with_bits(with_bits(with_bits(high, 0, 1, 2), 2, 3, code), 4, 5, rc);
            let control = bits(high, 6, 7);
            if self.get(ptex).is_none() || control == 3 {
                regs[2 * n] = respond(2, 0);
                answer.rc = -4;
                break;
            }
            regs[2 * n] = match self.wanted(control == 2, control == 1, ptex, low) {
                None => respond(1, 0),
                Some((v, r)) => {
                    self.set(ptex, 0, 0);
                    answer.invalidated.push((ptex, v, r));
                    respond(0, bits(r, 55, 56))
                }
            };
        }
        answer.out = regs;
        answer
    }

    /// Index, real address, actual page size of the first entry that translates a virtual address.
    pub fn search(&self, vsid: u64, segment: u32, base: u32, offset: u64) -> Option<(u64, u64, u32)> {
        let offset = offset & ((1 << segment) - 1);
        let va = u128::from(vsid) << segment | u128::from(offset);
        let page_start = va >> base << base;
        // Bits 0:54 of the 78-bit address.
        let avpn = (page_start >> 23) as u64 & ((1 << 55) - 1);
        let b = if segment == 40 { 1 } else { 0 };
        let page = offset >> base;
        let hash = if segment == 40 { vsid ^ (vsid << 25) ^ page } else { vsid ^ page };
        let groups = self.entries.len() as u64 / 8;
        for secondary in [false, true] {
            let group = if secondary { !hash } else { hash } % groups;
            for ptex in group * 8..group * 8 + 8 {
                let (v, r) = self.entries[ptex as usize];
                if !bit(v, 63) || bit(v, 62) != secondary || bits(v, 0, 1) != b || bits(v, 2, 56) != avpn {
                    continue;
                }
                if let Some((entry_base, actual)) = sizes(v, r)
                    && entry_base == base
                {
                    let real = bits(r, 4, 51) * 4096 / (1 << actual) * (1 << actual) + offset % (1 << actual);
                    return Some((ptex, real, actual));
                }
            }
        }
        None
    }

    /// R, and C for a store, set by a processor.
    pub fn reference(&mut self, ptex: u64, store: bool) {
        let (v, r) = self.entries[ptex as usize];
        let r = with_bits(r, 55, 55, 1);
        self.set(ptex, v, if store { with_bits(r, 56, 56, 1) } else { r });
    }

    /// Up to `max` dirty entries from `start` on are clean now.
    pub fn take(&mut self, start: u64, max: usize) -> (Vec<(u64, u64, u64)>, Option<u64>) {
        let taken: Vec<u64> = self.dirty.range(start..).take(max).copied().collect();
        for ptex in &taken {
            self.dirty.remove(ptex);
        }
        let next = match taken.last() {
            Some(last) if taken.len() == max => self.dirty.range(last + 1..).next().copied(),
            Some(_) => None,
            None => {
                if max == 0 {
                    self.dirty.range(start..).next().copied()
                } else {
                    None
                }
            }
        };
        let taken = taken.into_iter().map(|p| (p, self.entries[p as usize].0, self.entries[p as usize].1));
        (taken.collect(), next)
    }
}
