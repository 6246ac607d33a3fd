//! Add, subtract, multiply, divide.

use super::{bits_of, both, finish, finish_value, format, operand};
use crate::{
    fields::Word,
    softdfp::{Env, Format, Num, Raw, arith, fast},
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

/// `FRA + FRB`, or `FRA - FRB` if `subtract`: quickly if that is exact and nothing special.
#[inline(always)]
fn sum<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word, subtract: bool) -> Done {
    let (a, b) = (bits_of::<Q>(cpu, w.fra()), bits_of::<Q>(cpu, w.frb()));
    let quick = if Q {
        fast::add_extended(a, b, subtract)
    } else {
        fast::add_long(a as u64, b as u64, subtract).map(|(value, fprf)| (value.into(), fprf))
    };
    match quick {
        Some((value, fprf)) => finish_value::<Q, RC>(cpu, w.frt(), value, Some(fprf), 0),
        None => compute::<Q, RC>(cpu, w, if subtract { arith::sub } else { arith::add }),
    }
}

fn add<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<Q, RC>(cpu, w, false)
}

fn sub<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    sum::<Q, RC>(cpu, w, true)
}

fn mul<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    if !Q && let Some((value, fprf)) = fast::mul_long(cpu.fpr(w.fra()), cpu.fpr(w.frb())) {
        return finish_value::<Q, RC>(cpu, w.frt(), value.into(), Some(fprf), 0);
    }
    compute::<Q, RC>(cpu, w, arith::mul)
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
