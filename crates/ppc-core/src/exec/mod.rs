//! Instruction semantics: one function per row of the table.
//!
//! Every function has the type [`ExecFn`]. It may assume that the row's facility (MSR\[FP\], MSR\[VEC\], MSR\[VSX\])
//! is available: the interpreter has checked. It must leave the state untouched when it returns a storage
//! or alignment [`Trap`](crate::trap::Trap), so that the instruction can be restarted.
//!
//! `cia` and `nia` are valid only in instructions whose effect ends a block: `nia` is the next instruction's address on
//! entry. A semantics function must not touch what its row's [`Effect`](crate::insn::Effect) does not admit.

use crate::{fields::Word, state::Cpu, trap::Done};

/// The semantics of an instruction.
pub type ExecFn = fn(&mut Cpu, Word) -> Done;

pub mod atomic;
pub mod branch;
pub mod cache;
pub mod decimal;
pub mod fixed;
pub mod float;
pub mod hint;
pub mod loadstore;
pub mod mma;
pub mod prefixed;
pub mod system;
pub mod vector;
pub mod vector_float;
pub mod vsx;
pub mod vsx_float;
