//! Inserting and extracting exponents and significands: bit fields only, no exception.

use super::{dword, in_dword0, width};
use crate::{
    fields::Word,
    softfp::{DOUBLE, Format, QUAD, SINGLE},
    state::Cpu,
    trap::Done,
};

/// Sign and fraction of `significand` with the exponent `exponent`.
#[inline]
const fn insert(format: Format, significand: u128, exponent: u128) -> u128 {
    let field = ((1 << format.exp_bits) - 1) << format.frac_bits;
    let all = u128::MAX >> (128 - width(format));
    significand & all & !field | exponent << format.frac_bits & field
}

/// The biased exponent.
#[inline]
const fn exponent(format: Format, value: u128) -> u128 {
    value >> format.frac_bits & ((1 << format.exp_bits) - 1)
}

/// The fraction with its implicit bit, which is 0 for zeros, denormals, infinities and NaNs.
#[inline]
const fn significand(format: Format, value: u128) -> u128 {
    let exp = exponent(format, value);
    let implicit = exp != 0 && exp != (1 << format.exp_bits) - 1;
    value & ((1 << format.frac_bits) - 1) | (implicit as u128) << format.frac_bits
}

/// Every element of `v` through `f`.
#[inline(always)]
fn map(format: Format, v: u128, f: impl Fn(u128) -> u128) -> u128 {
    let all = u128::MAX >> (128 - width(format));
    (0..128 / width(format))
        .rev()
        .fold(0, |value, i| value << width(format) | f(v >> (width(format) * i) & all))
}

/// VSX Scalar Insert Exponent Double-Precision.
pub fn xsiexpdp(cpu: &mut Cpu, w: Word) -> Done {
    let value = insert(DOUBLE, cpu.gpr[w.ra()] as u128, cpu.gpr[w.rb()] as u128);
    cpu.vsr[w.xt()] = value << 64;
    Ok(())
}

/// VSX Scalar Insert Exponent Quad-Precision: the exponent is in doubleword 0 of VRB.
pub fn xsiexpqp(cpu: &mut Cpu, w: Word) -> Done {
    let value = insert(QUAD, cpu.vr(w.vra()), cpu.vr(w.vrb()) >> 64);
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// VSX Scalar Extract Exponent Double-Precision.
pub fn xsxexpdp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = exponent(DOUBLE, cpu.vsr[w.xb()] >> 64) as u64;
    Ok(())
}

/// VSX Scalar Extract Significand Double-Precision.
pub fn xsxsigdp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = significand(DOUBLE, dword(cpu.vsr[w.xb()], 0) as u128) as u64;
    Ok(())
}

/// VSX Scalar Extract Exponent Quad-Precision, into doubleword 0.
pub fn xsxexpqp(cpu: &mut Cpu, w: Word) -> Done {
    let value = in_dword0(exponent(QUAD, cpu.vr(w.vrb())) as u64);
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// VSX Scalar Extract Significand Quad-Precision.
pub fn xsxsigqp(cpu: &mut Cpu, w: Word) -> Done {
    let value = significand(QUAD, cpu.vr(w.vrb()));
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

macro_rules! vectors {
    ($($doc:literal, $iexp:ident $xexp:ident $xsig:ident: $format:ident;)*) => {
        $(
        #[doc = concat!("VSX Vector Insert Exponent ", $doc)]
        pub fn $iexp(cpu: &mut Cpu, w: Word) -> Done {
            let exponents = map($format, cpu.vsr[w.xb()], |e| e << $format.frac_bits);
            let field = map($format, 0, |_| ((1 << $format.exp_bits) - 1) << $format.frac_bits);
            cpu.vsr[w.xt()] = cpu.vsr[w.xa()] & !field | exponents & field;
            Ok(())
        }
        #[doc = concat!("VSX Vector Extract Exponent ", $doc)]
        pub fn $xexp(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[w.xt()] = map($format, cpu.vsr[w.xb()], |v| exponent($format, v));
            Ok(())
        }
        #[doc = concat!("VSX Vector Extract Significand ", $doc)]
        pub fn $xsig(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[w.xt()] = map($format, cpu.vsr[w.xb()], |v| significand($format, v));
            Ok(())
        }
        )*
    };
}

vectors! {
    "Double-Precision", xviexpdp xvxexpdp xvxsigdp: DOUBLE;
    "Single-Precision", xviexpsp xvxexpsp xvxsigsp: SINGLE;
}
