//! Add, subtract, multiply, divide.

use super::{both, finish, format, operand};
use crate::{
    fields::Word,
    softdfp::{Env, Format, Num, Raw, arith},
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

fn add<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    compute::<Q, RC>(cpu, w, arith::add)
}

fn sub<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    compute::<Q, RC>(cpu, w, arith::sub)
}

fn mul<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
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
