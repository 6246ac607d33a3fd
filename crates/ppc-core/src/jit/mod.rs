//! The compiler: machine code for regions of hot blocks.
//!
//! Enters: decoded blocks that the interpreter has counted. Leaves: code that does exactly what the interpreter would
//! do, to the instruction: budgets, interrupts and faults land on the same counts, and no state is kept anywhere else
//! than in the processor whenever the engine sees it.
//!
//! | file | idea |
//! |---|---|
//! | `region` | which blocks are compiled together, which guest registers live in host registers |
//! | `emit` | registers, ways out, calls |
//! | `memory`, `branch` | the inline TLB; how blocks end |
//! | `lower`, `fixed`, `condition`, `loadstore` | one function for each instruction that has a lowering of its own |
//! | `runtime`, `helpers` | what compiled code finds in its processor, and what it calls |
//! | `store`, `arena` | the process's compiled code; executable memory |
//!
//! One pass over the instructions, a host register for each guest register that a region uses most, no other
//! optimisation: see DESIGN for what was measured.

#![expect(clippy::useless_conversion, reason = "what dynasm! makes of register numbers")]

mod arena;
mod branch;
mod condition;
mod emit;
mod fixed;
mod helpers;
mod loadstore;
mod lower;
mod memory;
mod region;
pub(crate) mod runtime;
mod store;

use crate::{block::CodeCache, state::Cpu, tlb::half};
use arena::Arena;
use branch::Region as Edges;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm, x64::X64Relocation};
use emit::{Cold, Emitter, ICOUNT, LIMIT, asm};
pub use runtime::Leave;
use runtime::{JUMPS, Jump, Runtime, Slot};
use std::{
    mem::offset_of,
    sync::{Arc, LazyLock},
};
use store::Code;

/// Where a block's compiled code begins.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    code: *const u8,
    slots: *const Slot,
}

// SAFETY: an entry is only a pair of addresses; who uses it holds the `Jit` that keeps what is there.
unsafe impl Send for Entry {}

/// A machine gives up its code and starts anew when it has more than this, in bytes of machine code.
const MOST_CODE: usize = 64 << 20;

/// Compiled code of one engine.
pub struct Jit {
    /// Slots and code of every region.
    regions: Vec<(Box<[Slot]>, Arc<Code>)>,
    jumps: Box<[Jump]>,
    bytes: usize,
}

// SAFETY: the pointers in slots and jumps are to other slots and code that this object keeps.
unsafe impl Send for Jit {}

type Enter = unsafe extern "C" fn(*mut Cpu, *const Slot, *const u8) -> u32;

/// Code that every process needs once.
struct Stubs {
    enter: Enter,
    next: *const u8,
    here: *const u8,
    unlinked: *const u8,
    trap: *const u8,
    _arena: Arena,
}

// SAFETY: pointers into executable memory that `_arena` keeps and nobody changes.
unsafe impl Send for Stubs {}
// SAFETY: as above.
unsafe impl Sync for Stubs {}

static STUBS: LazyLock<Option<Stubs>> = LazyLock::new(|| Stubs::new().ok());

impl Stubs {
    fn new() -> std::io::Result<Self> {
        let mut ops: VecAssembler<X64Relocation> = VecAssembler::new(0);
        let field = |offset| emit::runtime(offset);
        // Six registers and the return address are 56 bytes: the stack must be aligned at calls.
        dynasm!(ops ; .arch x64
            ; push rbp
            ; push rbx
            ; push r12
            ; push r13
            ; push r14
            ; push r15
            ; sub rsp, 8
            ; mov rbp, rdi
            ; mov r14, rsi
            ; mov r15, [rbp + ICOUNT]
            ; jmp rdx
        );
        let next = ops.offset().0;
        dynasm!(ops ; .arch x64
            ; add rax, [rbp + emit::PAGE]
            ; mov [rbp + emit::CIA], rax
        );
        let here = ops.offset().0;
        dynasm!(ops ; .arch x64
            ; mov eax, Leave::Next as i32
            ; ->leave:
            ; mov [rbp + ICOUNT], r15
            ; add rsp, 8
            ; pop r15
            ; pop r14
            ; pop r13
            ; pop r12
            ; pop rbx
            ; pop rbp
            ; ret
        );
        let unlinked = ops.offset().0;
        dynasm!(ops ; .arch x64
            ; mov [rbp + field(offset_of!(Runtime, slot))], rcx
            ; mov eax, Leave::Unlinked as i32
            ; jmp ->leave
        );
        let trap = ops.offset().0;
        dynasm!(ops ; .arch x64
            ; mov [rbp + field(offset_of!(Runtime, trap))], eax
            ; movzx eax, cx
            ; add rax, [rbp + emit::PAGE]
            ; mov [rbp + emit::CIA], rax
            ; shr ecx, 16
            ; sub r15, rcx
            ; mov eax, Leave::Trap as i32
            ; jmp ->leave
        );
        let code = ops.finalize().map_err(|error| std::io::Error::other(error.to_string()))?;
        let mut arena = Arena::new(4096)?;
        let base = arena.add(&code).ok_or_else(|| std::io::Error::other("no room for a page of code"))?;
        Ok(Self {
            // SAFETY: `base` is the start of a function with this signature: the code above.
            enter: unsafe { std::mem::transmute::<*const u8, Enter>(base) },
            next: base.wrapping_add(next),
            here: base.wrapping_add(here),
            unlinked: base.wrapping_add(unlinked),
            trap: base.wrapping_add(trap),
            _arena: arena,
        })
    }
}

/// Whether this host lets a process make executable memory.
pub fn available() -> bool {
    STUBS.is_some()
}

impl Jit {
    /// No code yet. `None` when the host gives no executable memory.
    pub fn new() -> Option<Self> {
        available().then(|| Self {
            regions: Vec::new(),
            jumps: vec![NO_JUMP; JUMPS].into_boxed_slice(),
            bytes: 0,
        })
    }

    /// Tells `cpu` where its helpers are. To be called whenever the engine gets another processor.
    pub fn attach(&self, cpu: &mut Cpu) {
        let Some(stubs) = &*STUBS else { return };
        let runtime = &mut cpu.runtime;
        runtime.jumps = self.jumps.as_ptr();
        runtime.leave_next = stubs.next;
        runtime.leave_here = stubs.here;
        runtime.leave_unlinked = stubs.unlinked;
        runtime.leave_trap = stubs.trap;
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

    /// Bytes of machine code that this engine uses.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is time to start anew.
    pub fn full(&self) -> bool {
        self.bytes > MOST_CODE
    }

    /// Forgets all code. Blocks must forget their entries.
    pub fn clear(&mut self) {
        self.forget_links();
        self.regions.clear();
        self.bytes = 0;
    }

    /// Context numbers have started again, or all links may be wrong.
    pub fn forget_links(&mut self) {
        self.jumps.fill(NO_JUMP);
        for (slots, code) in &mut self.regions {
            for (slot, exit) in slots.iter_mut().zip(&code.exits) {
                *slot = unlinked(exit.offset);
            }
        }
    }

    /// Runs compiled code from `entry`, which is that of the block at `cpu.cia`.
    pub fn enter(&self, cpu: &mut Cpu, entry: Entry) -> Leave {
        let Some(stubs) = &*STUBS else { return Leave::Next };
        cpu.note_so();
        cpu.runtime.page = cpu.cia & !(crate::tlb::GRAIN - 1);
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
    pub fn link(&mut self, cpu: &Cpu, entry: Entry) {
        // SAFETY: as above; nobody else refers to slots while no compiled code runs.
        let slot = unsafe { &mut *cpu.runtime.slot };
        slot.slots = entry.slots;
        slot.code = entry.code;
        slot.page = cpu.cia & !(crate::tlb::GRAIN - 1);
        slot.context = cpu.fetch_context[half(cpu.cia)];
    }

    /// Remembers that the code at `cpu.cia` begins at `entry`.
    pub fn remember(&mut self, cpu: &Cpu, entry: Entry) {
        let jump = &mut self.jumps[(cpu.cia >> 2) as usize & (JUMPS - 1)];
        jump.ea = cpu.cia;
        jump.context = cpu.fetch_context[half(cpu.cia)];
        jump.slots = entry.slots;
        jump.code = entry.code;
    }

    /// Compiles the region of block `number`, which runs in 64-bit mode at `cpu.cia`. Entries are noted in the blocks.
    pub fn compile(&mut self, cache: &mut CodeCache, cpu: &Cpu, number: u32) {
        let half = half(cpu.cia);
        let isa = cpu.model.isa;
        let region = region::form(cache, number, half, isa);
        let mode = [isa as u8, u8::from(cpu.le()), half as u8, cpu.tlb.read_shift() as u8];
        let digest = digest(&region, mode);
        let code = match store::find(&digest) {
            Some(code) => code,
            None => match emit_region(&region, cpu, half).and_then(|fresh| store::add(digest, fresh)) {
                Ok(code) => code,
                // Without memory for code the interpreter goes on.
                Err(_) => return,
            },
        };
        let slots: Box<[Slot]> = code.exits.iter().map(|exit| unlinked(exit.offset)).collect();
        for part in &region.parts {
            let Some(&(_, at)) = code.entries.iter().find(|&&(place, _)| place == part.place) else {
                continue;
            };
            cache.blocks[part.number as usize].compiled[half] =
                Some(Entry { code: at, slots: slots.as_ptr() });
        }
        self.bytes += code.len;
        self.regions.push((slots, code));
    }
}

const NO_JUMP: Jump = Jump { ea: 0, context: 0, slots: std::ptr::null(), code: std::ptr::null() };

fn unlinked(offset: u32) -> Slot {
    let code = STUBS.as_ref().map_or(std::ptr::null(), |stubs| stubs.unlinked);
    Slot { slots: std::ptr::null(), code, page: 0, context: 0, offset }
}

/// A digest of all that the code of a region depends on.
fn digest(region: &region::Region, mode: [u8; 4]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend(mode);
    bytes.push(region.pins.len() as u8);
    bytes.extend(region.pins.iter().map(|&pin| pin as u8));
    for part in &region.parts {
        bytes.extend(part.place.to_le_bytes());
        bytes.extend((part.insns.len() as u32).to_le_bytes());
        part.insns.iter().for_each(|(insn, _)| bytes.extend(insn.word.0.to_le_bytes()));
    }
    hasher.update(&bytes);
    hasher.finalize().into()
}

fn emit_region(region: &region::Region, cpu: &Cpu, half: usize) -> std::io::Result<store::Fresh> {
    let mut e = Emitter::new(cpu.model.isa, cpu.le(), half, cpu.tlb.read_shift(), &region.pins);
    let pinned = e.pinned();
    let labels: Vec<_> = region.parts.iter().map(|part| (part.place, e.label())).collect();
    // A block that a later one branches back to may be reached with any pin dirty.
    let mut dirty: Vec<_> = (0..region.parts.len())
        .map(|n| {
            let back = region.parts[n..].iter().any(|part| part.goes_to(region.parts[n].place));
            if back { pinned } else { 0 }
        })
        .collect();
    let mut exits = Vec::new();
    for (n, part) in region.parts.iter().enumerate() {
        let len = part.insns.len() as u32;
        let refuse = e.label();
        e.dirty = dirty[n];
        asm!(e
            ; =>labels[n].1
            ; add r15, len as i32
            ; cmp r15, [rbp + LIMIT]
            ; ja =>refuse
        );
        if part.needs != 0 {
            let needs = part.needs as i32;
            asm!(e; mov eax, [rbp + emit::cpu(offset_of!(Cpu, msr))]; and eax, needs; cmp eax, needs; jne =>refuse);
        }
        e.push_cold(Cold::Refuse { from: refuse, offset: part.place, len, dirty: e.dirty });
        let mut edges = Edges {
            labels: &labels,
            dirty: &mut dirty,
            exits: &mut exits,
            next: region.parts.get(n + 1).map(|part| part.place),
        };
        for (i, (insn, id)) in part.insns.iter().enumerate() {
            if i + 1 < part.insns.len() {
                lower::lower(&mut e, insn, *id);
            } else if region::ends(insn) {
                branch::terminate(&mut e, insn, &mut edges);
            } else {
                lower::lower(&mut e, insn, *id);
                e.go(&mut edges, i64::from(insn.offset) + 4);
            }
        }
    }
    e.finish_cold();
    let mut entries = Vec::with_capacity(labels.len());
    for &(place, label) in &labels {
        entries.push((place, e.ops.offset().0));
        e.load_pins(pinned);
        asm!(e; jmp =>label);
    }
    let code = e.ops.finalize().map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(store::Fresh { code, entries, exits })
}
