//! The emitter of one region, as far as hosts are alike: which guest registers are mapped to host registers,
//! which of these are dirty, and what the code calls.
//!
//! A guest register that a region uses much is *mapped* to a host register for the whole region. It is *dirty* while
//! memory does not hold its value. The emitter knows at each point which registers may be dirty; every exit stores those.
//! A guest register that is not mapped lives in memory.

use super::{
    CodeMode,
    insn::{GUESTS, Guest, Insn, Set, gprs},
    out_of_line::{OutOfLine, SlowPath},
};
use crate::{model::Isa, trap::Trap};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, relocations::Relocation};

/// Number of a host register.
pub type Host = u8;
const NONE: Host = Host::MAX;

/// The registers of a host, and its simplest instructions.
pub trait Registers: Sized {
    type Relocation: Relocation;
    /// The host's own state of an emitter.
    type Extra: Default;
    /// Host registers that guest registers can be mapped to.
    const MAPPABLE: &'static [Host];
    /// How many of these functions keep, the first ones.
    const KEPT: usize;
    /// Holds nothing from one guest instruction to the next.
    const SCRATCH: Host;

    /// `to ← from`, two registers.
    fn copy(e: &mut Emitter<Self>, to: Host, from: Host);
    /// `host ← n`, from memory.
    fn read(e: &mut Emitter<Self>, host: Host, n: Guest);
    /// `n ← host`, to memory.
    fn write(e: &mut Emitter<Self>, n: Guest, host: Host);
    /// Calls the instruction's own function. The trap, or that there is none, is where
    /// [`Registers::on_trap`] looks.
    fn exec(e: &mut Emitter<Self>, insn: &Insn);
    /// Goes to `to` if what was called has trapped.
    fn on_trap(e: &mut Emitter<Self>, to: DynamicLabel);
}

/// The emitter of one region.
pub struct Emitter<A: Registers> {
    pub ops: VecAssembler<A::Relocation>,
    /// The host register of each guest register, or [`NONE`].
    mapping: [Host; GUESTS],
    /// Mapped registers whose value memory may not hold.
    pub dirty: Set,
    pub(super) out_of_line: Vec<OutOfLine>,
    pub isa: Isa,
    pub little_endian: bool,
    /// Which half of the address space the region runs in.
    pub half: usize,
    /// Size of a read entry of the TLB, as a shift.
    pub read_shift: u32,
    /// Where code ended after an instruction left host flags of a comparison: CR field, and whether it was unsigned.
    flags: Option<(usize, usize, bool)>,
    pub extra: A::Extra,
}

impl<A: Registers> Emitter<A> {
    pub fn new(mode: CodeMode, mapped: &[Guest]) -> Self {
        let mut mapping = [NONE; GUESTS];
        for (&guest, &host) in mapped.iter().zip(A::MAPPABLE) {
            mapping[guest] = host;
        }
        Self {
            ops: VecAssembler::new(0),
            mapping,
            dirty: 0,
            out_of_line: Vec::new(),
            isa: mode.isa,
            little_endian: mode.little_endian,
            half: mode.half,
            read_shift: mode.read_shift,
            flags: None,
            extra: A::Extra::default(),
        }
    }

    pub fn label(&mut self) -> DynamicLabel {
        self.ops.new_dynamic_label()
    }

    /// `label` is here.
    pub fn bind(&mut self, label: DynamicLabel) {
        self.ops.dynamic_label(label);
    }

    /// The host register that `n` is mapped to, if it is.
    pub fn mapped(&self, n: Guest) -> Option<Host> {
        (self.mapping[n] != NONE).then_some(self.mapping[n])
    }

    /// Every mapped guest register.
    pub fn mapped_registers(&self) -> Set {
        (0..GUESTS).filter(|&n| self.mapping[n] != NONE).fold(0, |set, n| set | 1 << n)
    }

    /// Mapped guest registers that a call destroys.
    pub(super) fn volatile(&self) -> Set {
        let kept = &A::MAPPABLE[..A::KEPT];
        (0..GUESTS)
            .filter(|&n| self.mapping[n] != NONE && !kept.contains(&self.mapping[n]))
            .fold(0, |set, n| set | 1 << n)
    }

    /// `to ← from`.
    pub fn copy(&mut self, to: Host, from: Host) {
        if to != from {
            A::copy(self, to, from);
        }
    }

    /// `host ← n`.
    pub fn get(&mut self, host: Host, n: Guest) {
        match self.mapped(n) {
            Some(reg) => self.copy(host, reg),
            None => A::read(self, host, n),
        }
    }

    /// A host register with the value of `n`: its own, or `scratch`. Not to be written.
    pub fn value(&mut self, n: Guest, scratch: Host) -> Host {
        self.mapped(n).unwrap_or_else(|| {
            A::read(self, scratch, n);
            scratch
        })
    }

    /// `n ← host`.
    pub fn put(&mut self, n: Guest, host: Host) {
        match self.mapped(n) {
            Some(reg) => {
                self.copy(reg, host);
                self.dirty |= 1 << n;
            }
            None => A::write(self, n, host),
        }
    }

    /// Where to compute a value for `n`: its host register, or `scratch`; [`Emitter::put`] must follow.
    pub fn target(&self, n: Guest, scratch: Host) -> Host {
        self.mapped(n).unwrap_or(scratch)
    }

    /// Stores the mapped registers in `set`.
    pub fn store_mapped(&mut self, set: Set) {
        for n in (0..GUESTS).filter(|n| set >> n & 1 != 0) {
            if let Some(reg) = self.mapped(n) {
                A::write(self, n, reg);
            }
        }
    }

    /// Loads the mapped registers in `set`.
    pub fn load_mapped(&mut self, set: Set) {
        for n in (0..GUESTS).filter(|n| set >> n & 1 != 0) {
            if let Some(reg) = self.mapped(n) {
                A::read(self, reg, n);
            }
        }
    }

    /// The host's flags now hold the comparison in CR field `field`.
    pub fn note_flags(&mut self, field: usize, unsigned: bool) {
        self.flags = Some((self.ops.offset().0, field, unsigned));
    }

    /// Whether the flags tell the order of CR field `field`; whether it is an unsigned one.
    pub fn flags_of(&self, field: usize) -> Option<bool> {
        self.flags
            .filter(|&(end, known, _)| end == self.ops.offset().0 && known == field)
            .map(|(_, _, unsigned)| unsigned)
    }

    /// Calls the instruction's own function.
    pub fn call_exec(&mut self, insn: &Insn) {
        let touched = insn.row.map_or(0, |row| gprs(row, insn.word));
        let volatile = self.volatile();
        let before = if touched != 0 { self.dirty } else { self.dirty & volatile };
        self.store_mapped(before);
        self.dirty &= !before;
        A::exec(self, insn);
        let from = self.label();
        A::on_trap(self, from);
        self.push_out_of_line(from, self.dirty, SlowPath::Failed { place: insn.place() });
        self.load_mapped(volatile | touched);
    }

    /// Where to go for `trap`.
    pub fn trap_label(&mut self, insn: &Insn, trap: Trap) -> DynamicLabel {
        let from = self.label();
        self.push_out_of_line(from, self.dirty, SlowPath::Trap { place: insn.place(), trap });
        from
    }
}
