//! Reciprocal and reciprocal square root "estimates".
//!
//! The ISA bounds the error (1/256, 1/32, 2^-14 for VSX) and leaves the value to the implementation. Like QEMU's,
//! these are quotients rounded in the current mode, so guests that iterate from them converge at once, and runs agree
//! with a common reference.

use super::{
    arith::{div, sqrt},
    num::{Class, DOUBLE, Format, Num, Raw},
    round::{Env, round},
};

const ONE: Num = Num { class: Class::Finite, sign: false, exp: 0, sig: 1 << 127 };

/// 1 / a, rounded to `format`.
#[inline]
pub fn reciprocal(format: Format, env: Env, a: Num) -> Raw {
    round(format, env, div(ONE, a))
}

/// 1 / sqrt(a), rounded to `format`; the root is rounded to double first (single when `format` is single in a vector).
#[inline]
pub fn reciprocal_sqrt(format: Format, root: Format, env: Env, a: Num) -> Raw {
    let root = round(root, env, sqrt(a));
    let quotient = div(ONE, root.num);
    round(format, env, Raw { num: quotient.num, flags: quotient.flags | root.flags })
}

/// [`reciprocal_sqrt`] of the scalar instructions.
#[inline]
pub fn scalar_reciprocal_sqrt(format: Format, env: Env, a: Num) -> Raw {
    reciprocal_sqrt(format, DOUBLE, env, a)
}
