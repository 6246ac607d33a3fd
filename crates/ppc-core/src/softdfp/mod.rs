//! Decimal floating point in software, exactly as the Power ISA defines it (Book I, "Decimal Floating-Point Facility").
//!
//! Enters: bit patterns of a [`Format`] and an [`Env`] (rounding mode and the enables that change results).
//! Leaves: bit patterns and the FPSCR bits the operation causes, in their positions ([`crate::softfp::bits`]).
//!
//! An operation runs in three steps: [`Format::unpack`] its operands to [`Num`], compute an [`Exact`] value with the
//! exponent the result should have ("ideal exponent"), and round that once with [`round`](round::round), which also chooses among
//! the forms of one value. Encodings that are not canonical are accepted; results are canonical. Nothing here knows a
//! processor.

pub mod arith;
pub mod bcd;
pub mod convert;
pub mod dpd;
pub mod fast;
pub mod num;
pub mod quantum;
pub mod round;
pub mod test;
pub mod wide;

pub use num::{Class, EXTENDED, Format, LONG, Num, Raw, SHORT};
pub use round::{DecimalRounding, Env, Exact};

#[cfg(test)]
mod tests;
