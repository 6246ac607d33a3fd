//! The compiler: machine code for regions of hot blocks.
//!
//! Enters: decoded blocks that the interpreter has counted. Leaves: code that does exactly what the interpreter would
//! do, to the instruction: budgets, interrupts and faults land on the same counts, and no state is kept anywhere else
//! than in the processor whenever the engine sees it.
//!
//! | file | idea |
//! |---|---|
//! | `region` | which blocks are compiled together, which guest registers live in host registers |
//! | `assemble`, `emitter`, `flow`, `memory`, `out_of_line`, `loadstore`, `lower` | how the code of a region is put together, on any host |
//! | `x86_64`, `aarch64` | the parts for these hosts; `none`: hosts without a compiler |
//! | `insn`, `access`, `edges`, `code` | input and output of an emitter |
//! | `runtime`, `offsets`, `helpers` | what compiled code finds in its processor, and what it calls |
//! | `store`, `arena`, `stubs` | the process's compiled code; executable memory; entering and leaving it |
//! | `budget` | how much of it there may be |
//! | `perf` | names of compiled code for that tool |
//!
//! One pass over the instructions, a host register for each guest register that a region uses most, no other
//! optimisation: see DESIGN for what was measured.

#![cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    allow(dead_code, reason = "emitters of other hosts ask for less of this, or there is none")
)]

mod access;
mod arena;
mod assemble;
pub(crate) mod budget;
mod code;
mod edges;
mod emitter;
mod flow;
mod helpers;
mod insn;
mod loadstore;
mod lower;
mod memory;
mod offsets;
mod out_of_line;
mod perf;
mod region;
pub(crate) mod runtime;
mod store;
mod stubs;

#[cfg(all(test, not(all(target_arch = "aarch64", target_os = "linux"))))]
mod aarch64;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[path = "x86_64/mod.rs"]
mod host;
#[cfg(all(target_arch = "aarch64", target_os = "linux"))]
#[path = "aarch64/mod.rs"]
mod host;
#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux")))]
#[path = "none.rs"]
mod host;

use crate::{
    block::CodeCache,
    model::Isa,
    ram::{PAGE, RealAddr},
    state::Cpu,
    tlb::half,
};
use budget::Share;
pub use runtime::Leave;
use runtime::{JUMP_SLOTS, Jump, Slot};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
};
pub(crate) use store::Code;
use stubs::STUBS;

/// What machine code depends on beside the instructions.
#[derive(Clone, Copy, Debug)]
pub struct CodeMode {
    /// The guest processor's level.
    isa: Isa,
    little_endian: bool,
    /// Which half of the address space the code runs in.
    half: usize,
    /// Bytes that a read entry of the TLB covers, as a shift.
    read_shift: u32,
}

/// Where a block's compiled code begins.
#[derive(Clone, Copy, Debug)]
pub struct CodeEntry {
    code: *const u8,
    slots: *const Slot,
    /// Number of the region in its engine.
    region: u32,
}

impl CodeEntry {
    /// Where it is.
    pub(crate) fn code(&self) -> *const u8 {
        self.code
    }

    /// The number of its region.
    pub(crate) fn region(&self) -> u32 {
        self.region
    }
}

// SAFETY: an entry is only a pair of addresses; its user holds the `Jit` that keeps the code alive.
unsafe impl Send for CodeEntry {}

/// A region of one engine, and the links that lead to it.
struct Compiled {
    slots: Box<[Slot]>,
    code: Arc<Code>,
    /// Slots that were linked to it; some may lead elsewhere by now.
    incoming: Vec<*mut Slot>,
    /// Entries of the table of indirect branches that were; likewise.
    jumps: Vec<u16>,
    /// Of how many blocks it is.
    parts: u32,
    /// Which `WarmRegion` it comes from: its address, or 0.
    shared: usize,
}

impl Compiled {
    /// Notes that `slot` leads here. The list does not grow with links that were made anew again and again. Returns by how
    /// many bytes it has grown.
    fn note_slot(&mut self, slot: *mut Slot) -> isize {
        let before = self.incoming.len() as isize;
        if self.incoming.len() >= 64 && self.incoming.len().is_power_of_two() {
            let mine = self.slots.as_ptr();
            // SAFETY: slots of regions of the same engine, which are kept.
            self.incoming.retain(|&slot| std::ptr::eq(unsafe { (*slot).slots }, mine));
        }
        self.incoming.push(slot);
        (self.incoming.len() as isize - before) * LINK
    }
}

/// Compiled code of one engine.
pub struct Jit {
    regions: Vec<Compiled>,
    /// Indirect branches; none before there is a region: most forks never run.
    jumps: Box<[Jump]>,
    /// Bytes that the regions take.
    bytes: usize,
    share: Share,
    /// Of the store, when the first region was made.
    generation: u64,
    /// Regions that were taken over, by the address of their `WarmRegion`.
    shared: HashMap<usize, u32>,
}

/// Bytes of a link to a region, with as much again that its list may have in reserve.
const LINK: isize = 2 * size_of::<*mut Slot>() as isize;
/// The same of an entry of the table of indirect branches.
const JUMP: isize = 2 * size_of::<u16>() as isize;

// SAFETY: the pointers in slots and jumps are to other slots and code that this object keeps.
unsafe impl Send for Jit {}

/// The shared state of a process's engines, locked while it forks: dropped in parent and child.
pub struct HeldForFork {
    names: std::sync::MutexGuard<'static, Option<std::fs::File>>,
    store: store::Held,
}

impl HeldForFork {
    /// To be called in the child: use files and memory of its own from now on.
    pub fn start_anew(mut self) {
        *self.names = None;
        self.store.start_anew();
    }
}

/// To be called by the thread that is about to fork.
pub fn hold_for_fork() -> HeldForFork {
    // A compiling thread takes the store's lock first, and never holds that of the names with it.
    HeldForFork { store: store::hold(), names: perf::hold() }
}

/// Whether this host lets a process make executable memory.
pub fn available() -> bool {
    STUBS.is_some()
}

impl Jit {
    /// No code yet, for a machine with `ram` bytes of RAM. `None` when the host gives no executable memory.
    pub fn new(ram: u64) -> Option<Self> {
        available().then(|| Self {
            regions: Vec::new(),
            jumps: Box::default(),
            bytes: 0,
            share: Share::new(ram),
            generation: store::generation(),
            shared: HashMap::new(),
        })
    }

    /// Of the store, when the first region was made.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The code of a region, and the number of its blocks.
    pub(crate) fn code_of(&self, entry: CodeEntry) -> (Arc<Code>, u32) {
        let region = &self.regions[entry.region as usize];
        (region.code.clone(), region.parts)
    }

    /// Whether the region of `entry` was taken over.
    pub(crate) fn is_shared(&self, entry: CodeEntry) -> bool {
        self.regions.get(entry.region as usize).is_some_and(|region| region.shared != 0)
    }

    /// What was taken over is no longer known by where it comes from.
    pub(crate) fn forget_shared(&mut self) {
        self.shared.clear();
    }

    /// Tells `cpu` where its helpers are. To be called whenever the engine gets another processor.
    pub fn attach(&self, cpu: &mut Cpu) {
        let Some(stubs) = &*STUBS else { return };
        let runtime = &mut cpu.runtime;
        runtime.leave_next = stubs.next;
        runtime.leave_here = stubs.here;
        runtime.leave_unlinked = stubs.unlinked;
        runtime.leave_trap = stubs.trap;
        runtime.ram = cpu.ram.host_address(RealAddr(0)).0;
        runtime.exec = helpers::exec as *const u8;
        runtime.load = [
            helpers::load::<u8> as *const u8,
            helpers::load::<u16> as *const u8,
            helpers::load::<u32> as *const u8,
            helpers::load::<u64> as *const u8,
            helpers::load_quad as *const u8,
        ];
        runtime.store = [
            helpers::store::<u8> as *const u8,
            helpers::store::<u16> as *const u8,
            helpers::store::<u32> as *const u8,
            helpers::store::<u64> as *const u8,
            helpers::store_quad as *const u8,
        ];
    }

    /// To be called on a thread that is going to enter code: another may have compiled it.
    pub fn come_to_thread(&self) {
        arena::see_code();
    }

    /// Bytes of memory that this engine's compiled code takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is time to start anew.
    pub fn full(&self) -> bool {
        self.bytes > self.share.bytes() || self.generation != store::generation()
    }

    /// Forgets all code. Blocks must forget their entries.
    pub fn clear(&mut self) {
        self.forget_links();
        self.regions.clear();
        self.shared.clear();
        self.bytes = 0;
        self.generation = store::generation();
    }

    /// Context numbers have started again, or all links may be wrong.
    pub fn forget_links(&mut self) {
        self.jumps.fill(NO_JUMP);
        for region in &mut self.regions {
            for (slot, exit) in region.slots.iter_mut().zip(&region.code.exits) {
                *slot = unlinked(exit.offset);
            }
            region.incoming.clear();
            region.jumps.clear();
        }
    }

    /// Nothing leads to the region of `entry` any more: the guest's code that it was made from has changed.
    pub fn drop_region(&mut self, entry: CodeEntry) {
        let Some(region) = self.regions.get_mut(entry.region as usize) else { return };
        self.shared.remove(&region.shared);
        for slot in std::mem::take(&mut region.incoming) {
            // SAFETY: a slot of one of this object's regions, which are kept; nobody else refers to slots while no
            // compiled code runs.
            let slot = unsafe { &mut *slot };
            if std::ptr::eq(slot.slots, entry.slots) {
                *slot = unlinked(slot.offset);
            }
        }
        for number in std::mem::take(&mut region.jumps) {
            let jump = &mut self.jumps[usize::from(number)];
            if std::ptr::eq(jump.slots, entry.slots) {
                *jump = NO_JUMP;
            }
        }
    }

    /// Runs compiled code from `entry`, which is that of the block at `cpu.cia`.
    pub fn enter(&self, cpu: &mut Cpu, entry: CodeEntry) -> Leave {
        let Some(stubs) = &*STUBS else { return Leave::Next };
        cpu.note_so();
        cpu.runtime.page = cpu.cia & !(PAGE - 1);
        cpu.runtime.jumps = self.jumps.as_ptr();
        // SAFETY: `entry` was made by `compile` and its region is kept until `clear`, which needs `&mut self`. The code
        // obeys the host's calling convention and touches nothing but the processor, its slots, its jumps, and guest
        // memory that TLB entries of the processor allow.
        let leave = unsafe { (stubs.enter)(cpu, entry.slots, entry.code) };
        match leave {
            0 => Leave::Next,
            1 => Leave::Unlinked,
            _ => Leave::Trap,
        }
    }

    /// What the instruction that has just been left ended in.
    pub fn trap(&self, cpu: &Cpu) -> crate::trap::Trap {
        runtime::trap_from(cpu.runtime.trap)
    }

    /// The effective address that the branch which was not linked goes to.
    pub fn unlinked_target(&self, cpu: &Cpu) -> u64 {
        // SAFETY: compiled code has just stored a slot of one of this object's regions there.
        cpu.runtime.page | u64::from(unsafe { (*cpu.runtime.slot).offset })
    }

    /// Links the branch that has just been found not to be linked.
    pub fn link(&mut self, cpu: &Cpu, entry: CodeEntry) {
        // SAFETY: as above; nobody else refers to slots while no compiled code runs.
        let slot = unsafe { &mut *cpu.runtime.slot };
        if !std::ptr::eq(slot.slots, entry.slots) {
            let grown = self.regions[entry.region as usize].note_slot(slot);
            self.bytes = self.bytes.saturating_add_signed(grown);
        }
        slot.slots = entry.slots;
        slot.code = entry.code;
        slot.page = cpu.cia & !(PAGE - 1);
        slot.context = cpu.fetch_context[half(cpu.cia)];
    }

    /// Remembers that the code at `cpu.cia` begins at `entry`.
    pub fn remember(&mut self, cpu: &Cpu, entry: CodeEntry) {
        let number = (cpu.cia >> 2) as usize & (JUMP_SLOTS - 1);
        let jump = &mut self.jumps[number];
        if !std::ptr::eq(jump.slots, entry.slots) {
            let leading = &mut self.regions[entry.region as usize].jumps;
            let before = leading.len() as isize;
            if leading.len() >= JUMP_SLOTS {
                leading.sort_unstable();
                leading.dedup();
            }
            leading.push(number as u16);
            self.bytes = self.bytes.saturating_add_signed((leading.len() as isize - before) * JUMP);
        }
        jump.ea = cpu.cia;
        jump.context = cpu.fetch_context[half(cpu.cia)];
        jump.slots = entry.slots;
        jump.code = entry.code;
    }

    /// Compiles the region of block `number`, which runs in 64-bit mode at `cpu.cia`. Entries are noted in the blocks.
    pub fn compile(&mut self, cache: &mut CodeCache, cpu: &Cpu, number: u32) {
        let half = half(cpu.cia);
        if let Some(entry) = self.take_over(cache, cpu, number, half) {
            cache.blocks[number as usize].compiled[half] = Some(entry);
            return;
        }
        let isa = cpu.model.isa;
        let region = region::form(cache, number, half, isa);
        let mode = CodeMode { isa, little_endian: cpu.le(), half, read_shift: cpu.tlb.read_shift() };
        let digest = digest(&region, mode);
        let code = match store::find(&digest) {
            Some(code) => code,
            None => match host::emit(&region, mode).and_then(|fresh| store::add(digest, fresh)) {
                Ok(code) => code,
                // Without memory for code the interpreter continues.
                Err(_) => return,
            },
        };
        if !code.named.swap(true, Relaxed) {
            perf::name(code.start, code.len, || format!("guest_{:#018x}", cpu.cia));
        }
        arena::see_code();
        let slots = slots_of(&code);
        for part in &region.parts {
            let Some(&(_, at)) = code.entries.iter().find(|&&(place, _)| place == part.place) else {
                continue;
            };
            let block = &mut cache.blocks[part.number as usize];
            block.compiled[half] =
                Some(CodeEntry { code: at, slots: slots.as_ptr(), region: self.regions.len() as u32 });
            block.shared = false;
        }
        self.push(slots, code, region.parts.len() as u32, 0);
    }

    /// The entry of block `number`, whose region others have compiled, if that is still what memory has there.
    fn take_over(&mut self, cache: &mut CodeCache, cpu: &Cpu, number: u32, half: usize) -> Option<CodeEntry> {
        let warm = cache.warm.clone()?;
        let key = cache.blocks[number as usize].key;
        let (of, block) = warm.find(key)?;
        let (region, code) = block.compiled[half]?;
        let region = of.region(region);
        let current = region.generation == self.generation && region.generation == store::generation();
        if !current || region.read_shift != cpu.tlb.read_shift() || cache.may_be_watched(cpu, RealAddr(key)) {
            return None;
        }
        let shared = std::ptr::from_ref(region).addr();
        let known = self.shared.get(&shared).copied();
        let number = match known {
            Some(number) => number,
            None => {
                if !of.holds(cpu, region, RealAddr(key)) {
                    return None;
                }
                cache.cover(RealAddr(key), region.lines);
                arena::see_code();
                let number = self.regions.len() as u32;
                self.push(slots_of(&region.code), region.code.clone(), 0, shared);
                self.shared.insert(shared, number);
                number
            }
        };
        Some(CodeEntry { code, slots: self.regions[number as usize].slots.as_ptr(), region: number })
    }

    fn push(&mut self, slots: Box<[Slot]>, code: Arc<Code>, parts: u32, shared: usize) {
        if self.jumps.is_empty() {
            self.jumps = vec![NO_JUMP; JUMP_SLOTS].into_boxed_slice();
        }
        self.bytes += code.bytes() + size_of_val(&*slots) + size_of::<Compiled>();
        self.regions.push(Compiled { slots, code, incoming: Vec::new(), jumps: Vec::new(), parts, shared });
    }
}

/// The slots of a region that uses `code`.
fn slots_of(code: &Code) -> Box<[Slot]> {
    // A region is known by the address of its slots, and an empty list has none of its own.
    let mut slots: Vec<Slot> = code.exits.iter().map(|exit| unlinked(exit.offset)).collect();
    if slots.is_empty() {
        slots.push(unlinked(0));
    }
    slots.into_boxed_slice()
}

const NO_JUMP: Jump = Jump { ea: 0, context: 0, slots: std::ptr::null(), code: std::ptr::null() };

fn unlinked(offset: u32) -> Slot {
    let code = STUBS.as_ref().map_or(std::ptr::null(), |stubs| stubs.unlinked);
    Slot { slots: std::ptr::null(), code, page: 0, context: 0, offset }
}

/// A digest of all that the code of a region depends on.
fn digest(region: &region::Region, mode: CodeMode) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend([mode.isa as u8, u8::from(mode.little_endian), mode.half as u8, mode.read_shift as u8]);
    bytes.push(region.mapped.len() as u8);
    bytes.extend(region.mapped.iter().map(|&guest| guest as u8));
    for part in &region.parts {
        bytes.extend(part.place.to_le_bytes());
        bytes.extend((part.insns.len() as u32).to_le_bytes());
        part.insns.iter().for_each(|(insn, _)| bytes.extend(insn.word.0.to_le_bytes()));
    }
    hasher.update(&bytes);
    hasher.finalize().into()
}
