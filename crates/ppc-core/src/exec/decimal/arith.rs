//! Add, subtract, multiply, divide.

use super::{bits_of, both, finish, finish_value, format, operand};
use crate::{
    fields::Word,
    softdfp::{
        DecimalRounding, Env, Format, Num, Raw, arith,
        fast::{self, Pending, Quick, Rounded},
    },
    state::Cpu,
    trap::Done,
};

#[inline(always)]
fn compute<const Q: bool, const RC: bool>(
    cpu: &mut Cpu,
    w: Word,
    f: impl Fn(Format, Env, Num, Num) -> Raw,
) -> Done {
    let (a, b) = (operand::<Q>(cpu, w.fra()), operand::<Q>(cpu, w.frb()));
    let result = f(format::<Q>(), Env::of(cpu.fpscr), a, b);
    finish::<Q, RC>(cpu, w.frt(), result)
}

/// Ends an instruction that is exact; rounds another one. What is neither goes the way of `slow`.
#[inline(always)]
fn quickly<const Q: bool, const RC: bool, P: Pending>(
    cpu: &mut Cpu,
    w: Word,
    quick: Quick<P>,
    slow: fn(Format, Env, Num, Num) -> Raw,
) -> Done {
    match quick {
        Quick::Exact(Rounded { value, fprf, .. }) => {
            finish_value::<Q, RC>(cpu, w.frt(), value, Some(fprf), 0)
        }
        Quick::Pending(pending) => rounded::<Q, RC, P>(cpu, w, pending, slow),
        Quick::Unknown => slowly::<Q, RC>(cpu, w, slow),
    }
}

#[inline(never)]
fn rounded<const Q: bool, const RC: bool, P: Pending>(
    cpu: &mut Cpu,
    w: Word,
    pending: P,
    slow: fn(Format, Env, Num, Num) -> Raw,
) -> Done {
    match pending.rounded(DecimalRounding::of(cpu.fpscr)) {
        Some(Rounded { value, fprf, flags }) => finish_value::<Q, RC>(cpu, w.frt(), value, Some(fprf), flags),
        None => slowly::<Q, RC>(cpu, w, slow),
    }
}

#[inline(never)]
fn slowly<const Q: bool, const RC: bool>(
    cpu: &mut Cpu,
    w: Word,
    slow: fn(Format, Env, Num, Num) -> Raw,
) -> Done {
    compute::<Q, RC>(cpu, w, slow)
}

/// `FRA + FRB`, or `FRA - FRB` if `subtract`.
#[inline(always)]
fn sum<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word, subtract: bool) -> Done {
    let (a, b) = (bits_of::<Q>(cpu, w.fra()), bits_of::<Q>(cpu, w.frb()));
    let slow = if subtract { arith::sub } else { arith::add };
    if Q {
        quickly::<Q, RC, _>(cpu, w, fast::add_extended(a, b, subtract), slow)
    } else {
        quickly::<Q, RC, _>(cpu, w, fast::add_long(a as u64, b as u64, subtract), slow)
    }
}

fn add<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<Q, RC>(cpu, w, false)
}

fn sub<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<Q, RC>(cpu, w, true)
}

fn mul<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (bits_of::<Q>(cpu, w.fra()), bits_of::<Q>(cpu, w.frb()));
    if Q {
        quickly::<Q, RC, _>(cpu, w, fast::mul_extended(a, b), arith::mul)
    } else {
        quickly::<Q, RC, _>(cpu, w, fast::mul_long(a as u64, b as u64), arith::mul)
    }
}

fn div<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    compute::<Q, RC>(cpu, w, arith::div)
}

both! {
    /// DFP Add.
    dadd daddq = add;
    /// DFP Subtract.
    dsub dsubq = sub;
    /// DFP Multiply.
    dmul dmulq = mul;
    /// DFP Divide.
    ddiv ddivq = div;
}
