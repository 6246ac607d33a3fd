//! Conversions between the formats, and to and from integers.

use super::{bits_of, both, finish, finish_value, format, operand};
use crate::{
    fields::Word,
    softdfp::{DecimalRounding, EXTENDED, Env, Format, LONG, Raw, SHORT, convert},
    state::Cpu,
    trap::Done,
};

/// What `drdpq` rounds to; an enabled overflow or underflow adjusts the exponent by a quarter of the source's range.
const LONG_OF_EXTENDED: Format = Format { adjust: 3072, ..LONG };

/// DFP Convert To DFP Long, from bits 32:63. The short format is for storage only: a signalling NaN remains one.
pub fn dctdp<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let b = SHORT.unpack(u128::from(cpu.fpr(w.frb()) as u32));
    let num = if b.is_inf() { crate::softdfp::Num::inf(b.sign) } else { b };
    finish::<false, RC>(cpu, w.frt(), Raw::exact(num))
}

/// DFP Convert To DFP Extended.
pub fn dctqpq<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let result = convert::widen(operand::<false>(cpu, w.frb()));
    finish::<true, RC>(cpu, w.frt(), result)
}

/// DFP Round To DFP Short, in bits 32:63. A signalling NaN remains one.
pub fn drsp<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let r = convert::narrow(SHORT, Env::of(cpu.fpscr), operand::<false>(cpu, w.frb()));
    finish_value::<false, RC>(cpu, w.frt(), SHORT.pack(r.num), Some(SHORT.fprf(r.num)), r.flags)
}

/// DFP Round To DFP Long; the odd register of the target becomes 0.
pub fn drdpq<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let b = convert::widen(operand::<true>(cpu, w.frb()));
    let r = convert::narrow(LONG_OF_EXTENDED, Env::of(cpu.fpscr), b.num);
    let value = LONG.pack(r.num) << 64;
    finish_value::<true, RC>(cpu, w.frt(), value, Some(LONG.fprf(r.num)), b.flags | r.flags)
}

fn from_fixed<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let n = i128::from(cpu.fpr(w.frb()) as i64);
    let result = convert::from_integer(format::<Q>(), Env::of(cpu.fpscr), n);
    finish::<Q, RC>(cpu, w.frt(), result)
}

fn to_fixed<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let b = operand::<Q>(cpu, w.frb());
    let (value, flags) = convert::to_integer(DecimalRounding::of(cpu.fpscr), 64, b);
    finish_value::<false, RC>(cpu, w.frt(), u128::from(value as u64), None, flags)
}

both! {
    /// DFP Convert From Fixed.
    dcffix dcffixq = from_fixed;
    /// DFP Convert To Fixed: FPRF stays.
    dctfix dctfixq = to_fixed;
}

/// DFP Convert From Fixed Quadword Quad.
pub fn dcffixqq(cpu: &mut Cpu, w: Word) -> Done {
    let n = cpu.vr(w.vrb()) as i128;
    let result = convert::from_integer(EXTENDED, Env::of(cpu.fpscr), n);
    finish::<true, false>(cpu, w.frt(), result)
}

/// DFP Convert To Fixed Quadword Quad: FPRF stays.
pub fn dctfixqq(cpu: &mut Cpu, w: Word) -> Done {
    let b = EXTENDED.unpack(bits_of::<true>(cpu, w.frb()));
    let (value, flags) = convert::to_integer(DecimalRounding::of(cpu.fpscr), 128, b);
    let old = cpu.fpscr;
    cpu.fpscr = crate::softfp::bits::accrue(old, flags);
    if !super::suppressed(flags, old) {
        cpu.set_vr(w.vrt(), value as u128);
    }
    super::trap(cpu, crate::softfp::bits::enabled(flags, old))
}
