//! Quantize, reround, round to an integer.

use super::{both, finish, format, operand};
use crate::{
    fields::Word,
    insn::Operand,
    softdfp::{DecimalRounding, Num, Raw, quantum},
    state::Cpu,
    trap::Done,
};

fn quantize<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (operand::<Q>(cpu, w.fra()), operand::<Q>(cpu, w.frb()));
    let result = quantum::quantize(format::<Q>(), DecimalRounding::of_rmc(w, cpu.fpscr), a, b);
    finish::<Q, RC>(cpu, w.frt(), result)
}

fn quantize_immediate<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let a = Num::finite(false, Operand::TE.value(w) as i32, 1);
    let b = operand::<Q>(cpu, w.frb());
    let result = quantum::quantize(format::<Q>(), DecimalRounding::of_rmc(w, cpu.fpscr), a, b);
    finish::<Q, RC>(cpu, w.frt(), result)
}

fn reround<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let count = cpu.fpr(w.fra()) as u32 & 0x3f;
    let b = operand::<Q>(cpu, w.frb());
    let result = quantum::reround(format::<Q>(), DecimalRounding::of_rmc(w, cpu.fpscr), count, b);
    finish::<Q, RC>(cpu, w.frt(), result)
}

#[inline(always)]
fn integral<const Q: bool>(cpu: &Cpu, w: Word) -> Raw {
    quantum::integral(format::<Q>(), DecimalRounding::of_r_rmc(w, cpu.fpscr), operand::<Q>(cpu, w.frb()))
}

fn integral_exact<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let result = integral::<Q>(cpu, w);
    finish::<Q, RC>(cpu, w.frt(), result)
}

fn integral_quiet<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let result = integral::<Q>(cpu, w);
    // Of the exceptions a signalling NaN's stays.
    let flags = result.flags & crate::softfp::bits::VX_ALL;
    finish::<Q, RC>(cpu, w.frt(), Raw { flags, ..result })
}

both! {
    /// DFP Quantize.
    dqua dquaq = quantize;
    /// DFP Quantize Immediate.
    dquai dquaiq = quantize_immediate;
    /// DFP Reround.
    drrnd drrndq = reround;
    /// DFP Round To FP Integer With Inexact.
    drintx drintxq = integral_exact;
    /// DFP Round To FP Integer Without Inexact.
    drintn drintnq = integral_quiet;
}
