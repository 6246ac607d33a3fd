//! Where compiled code finds the fields of a [`Cpu`], in bytes from its start.

use super::{
    insn::{CTR, Guest, LR},
    runtime::{Runtime, Slot},
};
use crate::{
    state::{Cpu, Reservation, Vscr, Xer},
    tlb::Tlb,
};
use std::mem::offset_of;

/// A field of the processor.
pub const fn cpu(offset: usize) -> i32 {
    offset as i32
}
/// A guest register.
pub const fn guest(n: Guest) -> i32 {
    match n {
        LR => offset_of!(Cpu, lr) as i32,
        CTR => offset_of!(Cpu, ctr) as i32,
        _ => offset_of!(Cpu, gpr) as i32 + 8 * n as i32,
    }
}
/// A field of [`Runtime`].
pub const fn runtime(offset: usize) -> i32 {
    (offset_of!(Cpu, runtime) + offset) as i32
}
/// A field of the condition register.
pub const fn crf(n: usize) -> i32 {
    (offset_of!(Cpu, crf) + n) as i32
}
pub const ORDER: i32 = runtime(offset_of!(Runtime, order));
pub const CODE_PAGE: i32 = runtime(offset_of!(Runtime, page));
pub const SAVED_EA: i32 = runtime(offset_of!(Runtime, ea));
pub const CIA: i32 = cpu(offset_of!(Cpu, cia));
pub const NIA: i32 = cpu(offset_of!(Cpu, nia));
pub const ICOUNT: i32 = cpu(offset_of!(Cpu, icount));
pub const LIMIT: i32 = cpu(offset_of!(Cpu, limit));
pub const TLB_READ: i32 = cpu(offset_of!(Cpu, tlb) + offset_of!(Tlb, read));
pub const TLB_WRITE: i32 = cpu(offset_of!(Cpu, tlb) + offset_of!(Tlb, write));
pub const SLOT_SIZE: i32 = size_of::<Slot>() as i32;
pub const MSR: i32 = cpu(offset_of!(Cpu, msr));
/// The pointer to the registers that are only stored.
pub const SPRS: i32 = cpu(offset_of!(Cpu, spr));
pub const FETCH_CONTEXT: i32 = cpu(offset_of!(Cpu, fetch_context));
pub const DATA_CONTEXT: i32 = cpu(offset_of!(Cpu, data_context));
pub const CA: i32 = cpu(offset_of!(Cpu, xer) + offset_of!(Xer, ca));
pub const CA32: i32 = cpu(offset_of!(Cpu, xer) + offset_of!(Xer, ca32));

/// A VSR.
pub const fn vsr(n: usize) -> i32 {
    (offset_of!(Cpu, vsr) + 16 * n) as i32
}
pub const OV: i32 = cpu(offset_of!(Cpu, xer) + offset_of!(Xer, ov));
pub const OV32: i32 = cpu(offset_of!(Cpu, xer) + offset_of!(Xer, ov32));
pub const SAT: i32 = cpu(offset_of!(Cpu, vscr) + offset_of!(Vscr, sat));
pub const RAM: i32 = runtime(offset_of!(Runtime, ram));
const RESERVATION: usize = offset_of!(Cpu, reservation);
pub const RESERVED_GRANULE: i32 = cpu(RESERVATION + offset_of!(Reservation, granule));
pub const RESERVED_ADDR: i32 = cpu(RESERVATION + offset_of!(Reservation, addr));
pub const RESERVED_LEN: i32 = cpu(RESERVATION + offset_of!(Reservation, len));
pub const RESERVED_VALUE: i32 = cpu(RESERVATION + offset_of!(Reservation, value));
pub const FPSCR: i32 = cpu(offset_of!(Cpu, fpscr));
pub const SO: i32 = cpu(offset_of!(Cpu, xer) + offset_of!(Xer, so));

// Instructions of the host that take a VSR as an operand in memory want it aligned.
const _: () = assert!(align_of::<Cpu>().is_multiple_of(16) && offset_of!(Cpu, vsr).is_multiple_of(16));
