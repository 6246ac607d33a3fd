//! POWER processor core: what a PAPR guest sees of a POWER8, POWER9 or POWER10.
//!
//! Enters: guest RAM ([`ram::Ram`]), a hash page table ([`hpt`]), an instruction budget.
//! Leaves: typed exits ([`exit::EngineExit`]); this crate knows no hypercall, no device and no Python.
//!
//! One instruction is one row of [`insn`] and one function in [`exec`].

pub mod block;
pub mod code_sharing;
mod contexts;
pub mod engine;
pub mod exec;
pub mod exit;
pub mod fields;
pub mod frozen;
pub mod host_clock;
mod host_float;
pub mod insn;
mod interp;
pub mod interrupt;
pub mod jit;
pub mod memory;
pub mod mmu;
pub mod model;
pub mod msr;
mod needs;
mod op;
pub mod outside;
pub mod pmu;
pub mod profile;
pub mod ram;
pub mod regs;
pub mod slb;
pub mod softdfp;
pub mod softfp;
pub mod spr;
pub mod state;
pub mod time;
pub mod tlb;
pub mod trap;
pub mod warm;
pub mod watch;
pub mod watchpoint;
