//! Instructions on parts of a datum: digits as BCD, the exponent, digits shifted.

use super::{both, finish, finish_quiet, format, operand};
use crate::{
    fields::Word,
    softdfp::{Class, Num, Raw, bcd, num::Format},
    softfp::bits::VXCVI,
    state::Cpu,
    trap::Done,
};

/// BCD digits of a register or a pair.
const fn nibbles<const Q: bool>() -> u32 {
    if Q { 32 } else { 16 }
}

fn decode<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let b = operand::<Q>(cpu, w.frb());
    let plus = match w.bits(11, 2) {
        2 => Some(0xc),
        3 => Some(0xf),
        _ => None,
    };
    finish_quiet::<Q, RC>(cpu, w.frt(), bcd::from_num(b, nibbles::<Q>(), plus))
}

fn encode<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let number = bcd::to_num(super::bits_of::<Q>(cpu, w.frb()), nibbles::<Q>(), w.bit(11));
    let result = number.map_or(Raw::invalid(VXCVI), Raw::exact);
    finish::<Q, RC>(cpu, w.frt(), result)
}

/// The numbers that stand for an infinity, a QNaN, and an SNaN where a biased exponent is expected.
const SPECIAL: [(i64, Class); 3] = [(-1, Class::Inf), (-2, Class::Qnan), (-3, Class::Snan)];

fn extract<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let b = operand::<Q>(cpu, w.frb());
    let special = SPECIAL.iter().find(|(_, class)| *class == b.class);
    let value = special.map_or(i64::from(b.exp + format::<Q>().bias), |(number, _)| *number);
    finish_quiet::<false, RC>(cpu, w.frt(), u128::from(value as u64))
}

/// `b` as a datum of `class`, which an infinity or NaN is without its first digit.
fn with_class(format: Format, class: Class, b: Num) -> Num {
    let coef = if class == Class::Finite { b.coef } else { format.trailing(b.coef) };
    Num { class, coef, ..b }
}

fn insert<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let format = format::<Q>();
    let biased = cpu.fpr(w.fra()) as i64;
    let b = operand::<Q>(cpu, w.frb());
    let most = i64::from(format.exp_max() + format.bias);
    let result = if (0..=most).contains(&biased) {
        Num { exp: biased as i32 - format.bias, ..with_class(format, Class::Finite, b) }
    } else {
        let special = SPECIAL.iter().find(|(number, _)| *number == biased);
        with_class(format, special.map_or(Class::Qnan, |(_, class)| *class), b)
    };
    finish_quiet::<Q, RC>(cpu, w.frt(), format.pack(result))
}

fn shift<const Q: bool, const RC: bool>(
    cpu: &mut Cpu,
    w: Word,
    shifted: fn(Format, u32, u128) -> u128,
) -> Done {
    let format = format::<Q>();
    let a = operand::<Q>(cpu, w.fra());
    let coef = shifted(format, w.bits(16, 6), a.coef);
    finish_quiet::<Q, RC>(cpu, w.frt(), format.pack(with_class(format, a.class, Num { coef, ..a })))
}

fn left<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    shift::<Q, RC>(cpu, w, Format::shift_left)
}

fn right<const Q: bool, const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    shift::<Q, RC>(cpu, w, Format::shift_right)
}

both! {
    /// DFP Decode DPD To BCD: the rightmost digits.
    ddedpd ddedpdq = decode;
    /// DFP Encode BCD To DPD.
    denbcd denbcdq = encode;
    /// DFP Extract Biased Exponent.
    dxex dxexq = extract;
    /// DFP Insert Biased Exponent.
    diex diexq = insert;
    /// DFP Shift Significand Left Immediate.
    dscli dscliq = left;
    /// DFP Shift Significand Right Immediate.
    dscri dscriq = right;
}
