//! Binary floating point in software, exactly as the Power ISA defines it (Book I, chapter 4 and 7.4).
//!
//! Enters: bit patterns of a [`Format`] and an [`Env`] (rounding mode and the enables that change results).
//! Leaves: bit patterns and the FPSCR bits the operation causes, in their FPSCR positions ([`bits`]).
//!
//! An operation runs in three steps: [`Format::unpack`] its operands to [`Num`], compute a `Num` that is exact but
//! for a sticky last bit ([`arith`], [`mod@fma`]), and [`round`](round::round) that once to the target's precision. A single-precision
//! instruction therefore takes double operands and rounds once, and a fused multiply-add rounds once.
//! Nothing here knows a processor.

pub mod arith;
pub mod bits;
pub mod compare;
pub mod convert;
pub mod estimate;
pub mod exponential;
pub mod fast;
pub mod fma;
pub mod num;
pub mod round;

pub use arith::{add, div, mul, sqrt};
pub use fma::fma;
pub use num::{BFLOAT16, Class, DOUBLE, Format, HALF, Num, QUAD, Raw, SINGLE};
pub use round::{Env, Rounding, round};

#[cfg(test)]
mod oracle;
