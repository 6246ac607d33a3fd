//! Semantics: fixed-point instructions and moves to and from the condition register (Book I, chapter 3).
//!
//! Every file enters with operands in GPRs and leaves results in GPRs, CR and XER. `XER[OV32]` and `XER[CA32]` are
//! always computed: they cost less than asking for the model, and `mfspr` hides them before ISA 3.0.

mod add;
pub mod bits;
mod compare;
mod condition;
mod decimal;
mod divide;
pub mod hash;
mod logical;
mod multiply;
mod rotate;

pub use add::*;
pub use bits::*;
pub use compare::*;
pub use condition::*;
pub use decimal::*;
pub use divide::*;
pub use hash::*;
pub use logical::*;
pub use multiply::*;
pub use rotate::*;

use crate::state::Cpu;

/// Writes GPR `n` and, for a record form, CR field 0.
#[inline(always)]
fn put<const RC: bool>(cpu: &mut Cpu, n: usize, value: u64) {
    cpu.gpr[n] = value;
    if RC {
        cpu.record(value);
    }
}

/// Sets XER\[OV,OV32\] and accumulates XER\[SO\].
#[inline(always)]
fn set_overflow(cpu: &mut Cpu, ov: bool, ov32: bool) {
    cpu.xer.ov = ov;
    cpu.xer.ov32 = ov32;
    cpu.xer.so |= ov;
}

#[cfg(test)]
pub(super) mod tests {
    use crate::{fields::Word, model, ram::Ram, state::Cpu, trap::Done};
    use std::sync::Arc;

    /// A POWER9 with one page of RAM.
    pub fn cpu() -> Cpu {
        Cpu::new(
            &model::POWER9,
            Arc::new(Ram::new(4096).expect("a page")),
            Arc::new(hpt::Hpt::new(18).expect("a table")),
        )
    }

    /// Runs `f` on an X/XO-form word with RT/RS = 3, RA = 4, RB = 5.
    pub fn xo(cpu: &mut Cpu, f: fn(&mut Cpu, Word) -> Done, a: u64, b: u64) -> u64 {
        cpu.gpr[4] = a;
        cpu.gpr[5] = b;
        assert_eq!(f(cpu, Word(3 << 21 | 4 << 16 | 5 << 11)), Ok(()));
        cpu.gpr[3]
    }
}
