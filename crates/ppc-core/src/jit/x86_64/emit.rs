//! Machine code for x86-64: registers, ways out, and calls, as the lowerings of single instructions use them.
//!
//! | host register | holds |
//! |---|---|
//! | RBP | the processor |
//! | R14 | the slots of the running region |
//! | R15 | instructions begun |
//! | RAX, RCX, RDX, XMM0 to XMM5 | nothing from one guest instruction to the next |
//! | all others but RSP | a guest register each, for a whole region: its *pin* |
//!
//! A pin is *dirty* while memory does not hold its value. The emitter knows at each point which pins may be; every way
//! out stores those. A guest register without a pin lives in memory.

use super::super::{
    Mode, access,
    code::Exit,
    insn::{GUESTS, Guest, Insn, Set, gprs},
    offsets::{CIA, ORDER, crf, guest, runtime},
    runtime::Runtime,
};
use crate::{model::Isa, trap::Trap};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, x64::X64Relocation};
use std::mem::offset_of;

/// Number of a host register.
pub type Host = u8;
pub const RAX: Host = 0;
pub const RCX: Host = 1;
pub const RDX: Host = 2;

/// Host registers for pins. Functions keep the first three.
pub const PINS: [Host; 9] = [3, 12, 13, 6, 7, 8, 9, 10, 11];
const KEPT: usize = 3;
const NONE: Host = Host::MAX;

macro_rules! asm {
    ($e:expr ; $($t:tt)*) => { dynasmrt::dynasm!($e.ops ; .arch x64 ; $($t)*) };
}
pub(super) use asm;

/// Code off the straight path, emitted behind the region.
pub enum Cold {
    /// The helper's status in EAX is a trap.
    Failed { from: DynamicLabel, place: i32, dirty: Set },
    /// The instruction traps.
    Trap { from: DynamicLabel, place: i32, dirty: Set, trap: Trap },
    /// The budget does not cover the block, or a facility is off: the interpreter shall see.
    Refuse { from: DynamicLabel, offset: u32, len: u32, dirty: Set },
    /// A load that misses.
    Load { from: DynamicLabel, done: DynamicLabel, place: i32, dirty: Set, access: access::Load },
    /// A store that misses.
    Store { from: DynamicLabel, done: DynamicLabel, place: i32, dirty: Set, access: access::Store },
    /// A quadword load or store that misses.
    Quad { from: DynamicLabel, done: DynamicLabel, place: i32, dirty: Set, access: access::Quad },
    /// What the straight path leaves to the instruction's own function.
    Exec { from: DynamicLabel, done: DynamicLabel, insn: Insn, dirty: Set },
    /// A branch out of the region, through a slot by number.
    Exit { from: DynamicLabel, dirty: Set, exit: (usize, Exit) },
    /// An indirect branch, target in RAX, that is not in the table.
    Miss { from: DynamicLabel },
    /// A branch to another page in another context; slot in RCX.
    Stale { from: DynamicLabel },
}

/// The emitter of one region.
pub struct Emitter {
    pub ops: VecAssembler<X64Relocation>,
    pins: [Host; GUESTS],
    /// Pins that memory may not hold.
    pub dirty: Set,
    pub cold: Vec<Cold>,
    pub isa: Isa,
    pub little_endian: bool,
    /// Which half of the address space the region runs in.
    pub half: usize,
    /// Size of a read entry of the TLB, as a shift.
    pub read_shift: u32,
    /// Where code ended after an instruction left host flags of a comparison: CR field, and whether it was unsigned.
    flags: Option<(usize, usize, bool)>,
    pub pool: super::pool::Pool,
}

impl Emitter {
    pub fn new(mode: Mode, pinned: &[Guest]) -> Self {
        let mut pins = [NONE; GUESTS];
        for (&guest, &host) in pinned.iter().zip(&PINS) {
            pins[guest] = host;
        }
        Self {
            ops: VecAssembler::new(0),
            pins,
            dirty: 0,
            cold: Vec::new(),
            isa: mode.isa,
            little_endian: mode.little_endian,
            half: mode.half,
            read_shift: mode.read_shift,
            flags: None,
            pool: super::pool::Pool::default(),
        }
    }

    pub fn label(&mut self) -> DynamicLabel {
        self.ops.new_dynamic_label()
    }

    /// The pin of `n`, if it has one.
    pub fn pin(&self, n: Guest) -> Option<Host> {
        (self.pins[n] != NONE).then_some(self.pins[n])
    }

    /// Every guest register with a pin.
    pub fn pinned(&self) -> Set {
        (0..GUESTS).filter(|&n| self.pins[n] != NONE).fold(0, |set, n| set | 1 << n)
    }

    fn volatile(&self) -> Set {
        let kept = &PINS[..KEPT];
        (0..GUESTS)
            .filter(|&n| self.pins[n] != NONE && !kept.contains(&self.pins[n]))
            .fold(0, |set, n| set | 1 << n)
    }

    /// `host ← n`.
    pub fn get(&mut self, host: Host, n: Guest) {
        match self.pin(n) {
            Some(pin) if pin == host => {}
            Some(pin) => asm!(self; mov Rq(host), Rq(pin)),
            None => asm!(self; mov Rq(host), [rbp + guest(n)]),
        }
    }

    /// The low word of `n`, zero-extended.
    pub fn get32(&mut self, host: Host, n: Guest) {
        match self.pin(n) {
            Some(pin) => asm!(self; mov Rd(host), Rd(pin)),
            None => asm!(self; mov Rd(host), [rbp + guest(n)]),
        }
    }

    /// The low word of `n`, sign-extended.
    pub fn get_signed32(&mut self, host: Host, n: Guest) {
        match self.pin(n) {
            Some(pin) => asm!(self; movsxd Rq(host), Rd(pin)),
            None => asm!(self; movsxd Rq(host), DWORD [rbp + guest(n)]),
        }
    }

    /// A host register with the value of `n`: its pin, or `scratch`.
    pub fn value(&mut self, n: Guest, scratch: Host) -> Host {
        self.pin(n).unwrap_or_else(|| {
            self.get(scratch, n);
            scratch
        })
    }

    /// `n ← host`.
    pub fn put(&mut self, n: Guest, host: Host) {
        match self.pin(n) {
            Some(pin) => {
                if pin != host {
                    asm!(self; mov Rq(pin), Rq(host));
                }
                self.dirty |= 1 << n;
            }
            None => asm!(self; mov [rbp + guest(n)], Rq(host)),
        }
    }

    /// Where to compute a value for `n`: its pin, or `scratch`; [`Emitter::put`] must follow.
    pub fn target(&self, n: Guest, scratch: Host) -> Host {
        self.pin(n).unwrap_or(scratch)
    }

    /// `host ← value`.
    pub fn constant(&mut self, host: Host, value: u64) {
        if value == 0 {
            asm!(self; xor Rd(host), Rd(host));
        } else if let Ok(value) = u32::try_from(value) {
            asm!(self; mov Rd(host), value as i32);
        } else if let Ok(value) = i32::try_from(value as i64) {
            asm!(self; mov Rq(host), value);
        } else {
            asm!(self; mov Rq(host), QWORD value as i64);
        }
    }

    /// Stores the pins in `set`.
    pub fn store_pins(&mut self, set: Set) {
        for n in 0..GUESTS {
            if set >> n & 1 != 0 && self.pins[n] != NONE {
                asm!(self; mov [rbp + guest(n)], Rq(self.pins[n]));
            }
        }
    }

    /// Loads the pins in `set`.
    pub fn load_pins(&mut self, set: Set) {
        for n in 0..GUESTS {
            if set >> n & 1 != 0 && self.pins[n] != NONE {
                asm!(self; mov Rq(self.pins[n]), [rbp + guest(n)]);
            }
        }
    }

    /// The host's flags now tell how CR field `field` was set.
    pub fn note_flags(&mut self, field: usize, unsigned: bool) {
        self.flags = Some((self.ops.offset().0, field, unsigned));
    }

    /// Whether the flags tell the order of CR field `field`; whether it is an unsigned one.
    pub fn flags_of(&self, field: usize) -> Option<bool> {
        self.flags
            .filter(|&(end, known, _)| end == self.ops.offset().0 && known == field)
            .map(|(_, _, unsigned)| unsigned)
    }

    /// CR field `field` ← the order that the flags of a comparison tell. Keeps the flags; uses `scratch`, which the
    /// caller has loaded with the field for "equal" ([`Emitter::prepare_order`]) before the comparison.
    pub fn order(&mut self, field: usize, unsigned: bool, scratch: Host) {
        if unsigned {
            asm!(self; cmova Rd(scratch), [rbp + ORDER + 4]; cmovb Rd(scratch), [rbp + ORDER]);
        } else {
            asm!(self; cmovg Rd(scratch), [rbp + ORDER + 4]; cmovl Rd(scratch), [rbp + ORDER]);
        }
        asm!(self; mov [rbp + crf(field)], Rb(scratch));
        self.note_flags(field, unsigned);
    }

    /// See [`Emitter::order`].
    pub fn prepare_order(&mut self, scratch: Host) {
        asm!(self; mov Rd(scratch), [rbp + ORDER + 8]);
    }

    /// CR field 0 ← `host` compared with 0. Uses RDX; `host` is another.
    pub fn record(&mut self, host: Host) {
        self.prepare_order(RDX);
        asm!(self; test Rq(host), Rq(host));
        self.order(0, false, RDX);
    }

    /// Goes off the straight path.
    pub fn push_cold(&mut self, cold: Cold) {
        self.cold.push(cold);
    }

    /// Calls the instruction's own function.
    pub fn call_exec(&mut self, insn: &Insn) {
        let touched = insn.row.map_or(0, |row| gprs(row, insn.word));
        let volatile = self.volatile();
        let before = if touched != 0 { self.dirty } else { self.dirty & volatile };
        self.store_pins(before);
        self.dirty &= !before;
        asm!(self
            ; mov rdi, rbp
            ; mov rsi, QWORD insn.exec as usize as i64
            ; mov edx, insn.word.0 as i32
            ; call QWORD [rbp + runtime(offset_of!(Runtime, exec))]
            ; cmp eax, -1
        );
        let from = self.label();
        asm!(self; jne =>from);
        self.cold.push(Cold::Failed { from, place: insn.place(), dirty: self.dirty });
        self.load_pins(volatile | touched);
    }

    /// Traps with `trap` where `jump` goes.
    pub fn trap_label(&mut self, insn: &Insn, trap: Trap) -> DynamicLabel {
        let from = self.label();
        self.cold.push(Cold::Trap { from, place: insn.place(), dirty: self.dirty, trap });
        from
    }

    /// What a cold access needs to come back: where from, where to, place, dirty pins.
    pub fn cold_access(&mut self, insn: &Insn) -> (DynamicLabel, DynamicLabel, i32, Set) {
        (self.label(), self.label(), insn.place(), self.dirty)
    }

    /// Emits what was put off.
    pub fn finish_cold(&mut self) {
        let volatile = self.volatile();
        // An exit off the path may itself have something to put off.
        while let Some(cold) = self.cold.pop() {
            match cold {
                Cold::Exit { from, dirty, exit } => {
                    asm!(self; =>from);
                    self.leave_through(exit, dirty);
                }
                Cold::Failed { from, place, dirty } => {
                    asm!(self; =>from);
                    self.fail(place, dirty);
                }
                Cold::Trap { from, place, dirty, trap } => {
                    asm!(self; =>from; mov eax, trap as i32);
                    self.fail(place, dirty);
                }
                Cold::Refuse { from, offset, len, dirty } => {
                    asm!(self; =>from; sub r15, len as i32);
                    self.store_pins(dirty);
                    asm!(self
                        ; mov eax, offset as i32
                        ; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_next))]
                    );
                }
                Cold::Load { from, done, place, dirty, access } => {
                    asm!(self; =>from);
                    self.store_pins(dirty & volatile);
                    self.cold_load(&access, place, dirty & !volatile, volatile);
                    asm!(self; jmp =>done);
                }
                Cold::Store { from, done, place, dirty, access } => {
                    asm!(self; =>from);
                    self.store_pins(dirty & volatile);
                    self.cold_store(&access, place, dirty & !volatile, volatile);
                    asm!(self; jmp =>done);
                }
                Cold::Quad { from, done, place, dirty, access } => {
                    asm!(self; =>from);
                    self.store_pins(dirty & volatile);
                    self.cold_quad(&access, place, dirty & !volatile, volatile);
                    asm!(self; jmp =>done);
                }
                Cold::Exec { from, done, insn, dirty } => {
                    asm!(self; =>from);
                    self.cold_exec(&insn, dirty, volatile);
                    asm!(self; jmp =>done);
                }
                Cold::Miss { from } => asm!(self
                    ; =>from
                    ; mov [rbp + CIA], rax
                    ; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_here))]
                ),
                Cold::Stale { from } => asm!(self
                    ; =>from
                    ; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_unlinked))]
                ),
            }
        }
        self.finish_pool();
    }

    /// Leaves with the trap in EAX.
    pub fn fail(&mut self, place: i32, dirty: Set) {
        self.store_pins(dirty);
        asm!(self
            ; mov ecx, place
            ; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_trap))]
        );
    }
}
