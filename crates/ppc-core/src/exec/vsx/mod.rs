//! Semantics: VSX (Power ISA 3.1B, Book I, chapter 7), all but its floating-point arithmetic.
//!
//! Enters: VSRs, GPRs for addresses and values. Leaves: a VSR or GPR, or memory. Scalar results clear doubleword 1,
//! which the ISA before 3.1 leaves undefined.

mod immediate;
mod logical;
mod memory;
mod moves;
mod partial;
mod permute;
mod select;
mod sign;

pub use self::{immediate::*, logical::*, memory::*, moves::*, partial::*, permute::*, select::*, sign::*};
