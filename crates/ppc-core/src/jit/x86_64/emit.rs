//! Machine code for x86-64: registers and calls, as the lowerings of single instructions use them.
//!
//! | host register | holds |
//! |---|---|
//! | RBP | the processor |
//! | R14 | the slots of the running region |
//! | R15 | instructions begun |
//! | RAX, RCX, RDX, XMM0 to XMM5 | nothing from one guest instruction to the next |
//! | all others but RSP | one mapped guest register each, for a whole region |

use super::super::{
    emitter::{Emitter as Common, Registers},
    insn::{Guest, Insn},
    offsets::{ORDER, crf, guest, runtime},
    runtime::Runtime,
};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, x64::X64Relocation};
use std::mem::offset_of;

pub use super::super::emitter::Host;
pub const RAX: Host = 0;
pub const RCX: Host = 1;
pub const RDX: Host = 2;

macro_rules! asm {
    ($e:expr ; $($t:tt)*) => { dynasmrt::dynasm!($e.ops ; .arch x64 ; $($t)*) };
}
pub(super) use asm;

/// The architecture.
pub struct X64;

/// The emitter of one region.
pub type Emitter = Common<X64>;

impl Registers for X64 {
    type Relocation = X64Relocation;
    type Extra = super::pool::Pool;
    const MAPPABLE: &'static [Host] = &[3, 12, 13, 6, 7, 8, 9, 10, 11];
    const KEPT: usize = 3;
    const SCRATCH: Host = RDX;

    fn copy(e: &mut Emitter, to: Host, from: Host) {
        asm!(e; mov Rq(to), Rq(from));
    }

    fn read(e: &mut Emitter, host: Host, n: Guest) {
        asm!(e; mov Rq(host), [rbp + guest(n)]);
    }

    fn write(e: &mut Emitter, n: Guest, host: Host) {
        asm!(e; mov [rbp + guest(n)], Rq(host));
    }

    fn exec(e: &mut Emitter, insn: &Insn) {
        asm!(e
            ; mov rdi, rbp
            ; mov rsi, QWORD insn.exec as usize as i64
        );
        e.constant(RDX, insn.word.0);
        asm!(e; call QWORD [rbp + runtime(offset_of!(Runtime, exec))]);
    }

    fn on_trap(e: &mut Emitter, to: DynamicLabel) {
        asm!(e; cmp eax, -1; jne =>to);
    }
}

impl Emitter {
    /// The low word of `n`, zero-extended.
    pub fn get32(&mut self, host: Host, n: Guest) {
        match self.mapped(n) {
            Some(reg) => asm!(self; mov Rd(host), Rd(reg)),
            None => asm!(self; mov Rd(host), [rbp + guest(n)]),
        }
    }

    /// The low word of `n`, sign-extended.
    pub fn get_signed32(&mut self, host: Host, n: Guest) {
        match self.mapped(n) {
            Some(reg) => asm!(self; movsxd Rq(host), Rd(reg)),
            None => asm!(self; movsxd Rq(host), DWORD [rbp + guest(n)]),
        }
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
}
