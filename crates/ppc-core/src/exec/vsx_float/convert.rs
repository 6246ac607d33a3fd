//! Conversions between formats and between numbers and integers.
//!
//! Where the ISA defines one word of a doubleword and leaves the other undefined, the result stands in both, as later
//! versions of the ISA define it (3.1, xscvdpsp and others: "all processors that support this instruction write the
//! result into both words 0 and 1 of the result register, as is required by this version of the architecture").

use super::{
    dword, finish_double, finish_scalar, finish_sticky, in_dword0, lane, lanes, round_scalar, scalar, twice,
    word,
};
use crate::{
    fields::Word,
    softfp::{
        BFLOAT16, DOUBLE, Env, Format, HALF, Num, Raw, Rounding, SINGLE,
        bits::VXSNAN,
        convert::{I32, I64, Int, U32, U64, double, from_int, single, to_int},
        round,
    },
    state::Cpu,
    trap::Done,
};

/// A number in another format: NaNs become quiet, everything else is rounded.
#[inline(always)]
fn reformat(format: Format, env: Env, b: Num) -> Raw {
    let flags = if b.is_snan() { VXSNAN } else { 0 };
    let num = if b.is_nan() { b.quiet() } else { b };
    round(format, env, Raw { num, flags })
}

/// VSX Scalar Convert with round Double-Precision to Single-Precision format.
pub fn xscvdpsp(cpu: &mut Cpu, w: Word) -> Done {
    let r = reformat(SINGLE, Env::of(cpu.fpscr), scalar(cpu, w.xb()));
    let value = in_dword0(twice(SINGLE.pack(r.num) as u32));
    finish_scalar(cpu, w.xt(), value, Some(SINGLE.fprf_of(r, cpu.fpscr)), r.flags)
}

/// VSX Scalar Convert Single-Precision to Double-Precision format.
pub fn xscvspdp(cpu: &mut Cpu, w: Word) -> Done {
    let b = lane(SINGLE, cpu.vsr[w.xb()], 0);
    let r = reformat(DOUBLE, Env::of(cpu.fpscr), b);
    finish_double(cpu, w.xt(), DOUBLE, r)
}

/// VSX Scalar Convert Scalar Single-Precision to Vector Single-Precision format Non-signalling. ISA 3.1, its
/// Programming Note: "The low-order 29 bits of the significand of x are discarded, more if the unbiased exponent of x is
/// less than -126 [...] less than -150 will return a result of Zero. Finite values of x having an unbiased exponent
/// greater than +127 will result in discarding significant bits of the exponent. SNaN inputs having no significant bits
/// in the upper 23 bits of the significand will return Infinity as the result. No status is set for any of these cases."
pub fn xscvdpspn(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = in_dword0(twice(single(dword(cpu.vsr[w.xb()], 0))));
    Ok(())
}

/// VSX Scalar Convert Single-Precision to Double-Precision format Non-signalling.
pub fn xscvspdpn(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = in_dword0(double(word(cpu.vsr[w.xb()], 0)));
    Ok(())
}

/// VSX Scalar Round to Single-Precision.
pub fn xsrsp(cpu: &mut Cpu, w: Word) -> Done {
    let env = Env::of(cpu.fpscr);
    let b = reformat(SINGLE, env, scalar(cpu, w.xb()));
    finish_double(cpu, w.xt(), SINGLE, round_scalar(SINGLE, env, b))
}

/// VSX Scalar Convert Half-Precision to Double-Precision format: from the low halfword of doubleword 0.
pub fn xscvhpdp(cpu: &mut Cpu, w: Word) -> Done {
    let b = HALF.unpack(dword(cpu.vsr[w.xb()], 0) as u16 as u128);
    let r = reformat(DOUBLE, Env::of(cpu.fpscr), b);
    finish_double(cpu, w.xt(), DOUBLE, r)
}

/// VSX Scalar Convert with round Double-Precision to Half-Precision format: to the low halfword of doubleword 0.
pub fn xscvdphp(cpu: &mut Cpu, w: Word) -> Done {
    let r = reformat(HALF, Env::of(cpu.fpscr), scalar(cpu, w.xb()));
    let fprf = HALF.fprf_of(r, cpu.fpscr);
    finish_scalar(cpu, w.xt(), in_dword0(HALF.pack(r.num) as u64), Some(fprf), r.flags)
}

/// VSX Vector Convert Half-Precision to Single-Precision format: from the low halfword of each word.
pub fn xvcvhpsp(cpu: &mut Cpu, w: Word) -> Done {
    let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
    lanes(cpu, w.xt(), SINGLE, |_, i| reformat(SINGLE, env, HALF.unpack(word(vb, i as usize) as u16 as u128)))
}

/// VSX Vector Convert with round Single-Precision to Half-Precision format: to the low halfword of each word.
pub fn xvcvsphp(cpu: &mut Cpu, w: Word) -> Done {
    let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
    let (mut value, mut flags) = (0, 0);
    for i in 0..4 {
        let r = reformat(HALF, env, lane(SINGLE, vb, i));
        value = value << 32 | HALF.pack(r.num);
        flags |= r.flags;
    }
    finish_sticky(cpu, w.xt(), value, flags)
}

/// VSX Vector Convert bfloat16 to Single-Precision format Non-signaling: from the low halfword of each word.
pub fn xvcvbf16spn(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = cpu.vsr[w.xb()] << 16 & !(u128::MAX / 0xffff_ffff * 0xffff);
    Ok(())
}

/// VSX Vector Convert with round Single-Precision to bfloat16 format: to the low halfword of each word.
pub fn xvcvspbf16(cpu: &mut Cpu, w: Word) -> Done {
    let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
    let (mut value, mut flags) = (0, 0);
    for i in 0..4 {
        let r = reformat(BFLOAT16, env, lane(SINGLE, vb, i));
        value = value << 32 | BFLOAT16.pack(r.num);
        flags |= r.flags;
    }
    finish_sticky(cpu, w.xt(), value, flags)
}

/// VSX Vector Convert with round Double-Precision to Single-Precision format.
pub fn xvcvdpsp(cpu: &mut Cpu, w: Word) -> Done {
    let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
    let (mut value, mut flags) = (0, 0);
    for i in 0..2 {
        let r = reformat(SINGLE, env, lane(DOUBLE, vb, i));
        value = value << 64 | twice(SINGLE.pack(r.num) as u32) as u128;
        flags |= r.flags;
    }
    finish_sticky(cpu, w.xt(), value, flags)
}

/// VSX Vector Convert Single-Precision to Double-Precision format: words 0 and 2.
pub fn xvcvspdp(cpu: &mut Cpu, w: Word) -> Done {
    let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
    lanes(cpu, w.xt(), DOUBLE, |_, i| reformat(DOUBLE, env, lane(SINGLE, vb, 2 * i)))
}

/// An integer as a doubleword holds it: words stand twice.
#[inline(always)]
fn image(value: i128, int: Int) -> u64 {
    if int.bits == 32 { twice(value as u32) } else { value as u64 }
}

macro_rules! to_integers {
    ($($doc:literal, $xsdp:ident $xvdp:ident $xvsp:ident: $int:ident;)*) => {
        $(
        #[doc = concat!("VSX Scalar Convert with round to zero Double-Precision to ", $doc)]
        pub fn $xsdp(cpu: &mut Cpu, w: Word) -> Done {
            let (value, flags) = to_int(scalar(cpu, w.xb()), $int, Rounding::Zero);
            // FPRF is undefined; it stays.
            finish_scalar(cpu, w.xt(), in_dword0(image(value, $int)), None, flags)
        }
        #[doc = concat!("VSX Vector Convert with round to zero Double-Precision to ", $doc)]
        pub fn $xvdp(cpu: &mut Cpu, w: Word) -> Done {
            let vb = cpu.vsr[w.xb()];
            let ((v0, f0), (v1, f1)) =
                (to_int(lane(DOUBLE, vb, 0), $int, Rounding::Zero), to_int(lane(DOUBLE, vb, 1), $int, Rounding::Zero));
            let value = in_dword0(image(v0, $int)) | image(v1, $int) as u128;
            finish_sticky(cpu, w.xt(), value, f0 | f1)
        }
        #[doc = concat!("VSX Vector Convert with round to zero Single-Precision to ", $doc)]
        pub fn $xvsp(cpu: &mut Cpu, w: Word) -> Done {
            let vb = cpu.vsr[w.xb()];
            let (mut value, mut flags) = (0, 0);
            // Doublewords come from words 0 and 2, words from each.
            let step = $int.bits / 32;
            for i in 0..4 / step {
                let (v, f) = to_int(lane(SINGLE, vb, i * step), $int, Rounding::Zero);
                value = value << $int.bits | v as u128 & u128::MAX >> (128 - $int.bits);
                flags |= f;
            }
            finish_sticky(cpu, w.xt(), value, flags)
        }
        )*
    };
}

to_integers! {
    "Signed Doubleword format", xscvdpsxds xvcvdpsxds xvcvspsxds: I64;
    "Unsigned Doubleword format", xscvdpuxds xvcvdpuxds xvcvspuxds: U64;
    "Signed Word format", xscvdpsxws xvcvdpsxws xvcvspsxws: I32;
    "Unsigned Word format", xscvdpuxws xvcvdpuxws xvcvspuxws: U32;
}

macro_rules! from_doublewords {
    ($($doc:literal, $xsdp:ident $xssp:ident $xvdp:ident $xvsp:ident: $int:ty;)*) => {
        $(
        from_doublewords!(scalar $doc " to Double-Precision format", $xsdp, DOUBLE, $int);
        from_doublewords!(scalar $doc " to Single-Precision format", $xssp, SINGLE, $int);
        #[doc = concat!("VSX Vector Convert with round ", $doc, " to Double-Precision format")]
        pub fn $xvdp(cpu: &mut Cpu, w: Word) -> Done {
            let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
            lanes(cpu, w.xt(), DOUBLE, |_, i| {
                round(DOUBLE, env, Raw::exact(from_int(dword(vb, i as usize) as $int as i128)))
            })
        }
        #[doc = concat!("VSX Vector Convert with round ", $doc, " to Single-Precision format")]
        pub fn $xvsp(cpu: &mut Cpu, w: Word) -> Done {
            let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
            let (mut value, mut flags) = (0, 0);
            for i in 0..2 {
                let r = round(SINGLE, env, Raw::exact(from_int(dword(vb, i) as $int as i128)));
                value = value << 64 | twice(SINGLE.pack(r.num) as u32) as u128;
                flags |= r.flags;
            }
            finish_sticky(cpu, w.xt(), value, flags)
        }
        )*
    };
    (scalar $doc:literal $kind:literal, $name:ident, $format:ident, $int:ty) => {
        #[doc = concat!("VSX Scalar Convert with round ", $doc, $kind)]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let num = from_int(dword(cpu.vsr[w.xb()], 0) as $int as i128);
            let r = round($format, Env::of(cpu.fpscr), Raw::exact(num));
            finish_double(cpu, w.xt(), $format, r)
        }
    };
}

from_doublewords! {
    "Signed Doubleword", xscvsxddp xscvsxdsp xvcvsxddp xvcvsxdsp: i64;
    "Unsigned Doubleword", xscvuxddp xscvuxdsp xvcvuxddp xvcvuxdsp: u64;
}

macro_rules! from_words {
    ($($doc:literal, $xvdp:ident $xvsp:ident: $int:ty;)*) => {
        $(
        #[doc = concat!("VSX Vector Convert ", $doc, " to Double-Precision format: words 0 and 2")]
        pub fn $xvdp(cpu: &mut Cpu, w: Word) -> Done {
            let vb = cpu.vsr[w.xb()];
            lanes(cpu, w.xt(), DOUBLE, |_, i| Raw::exact(from_int(word(vb, 2 * i as usize) as $int as i128)))
        }
        #[doc = concat!("VSX Vector Convert with round ", $doc, " to Single-Precision format")]
        pub fn $xvsp(cpu: &mut Cpu, w: Word) -> Done {
            let (vb, env) = (cpu.vsr[w.xb()], Env::of(cpu.fpscr));
            lanes(cpu, w.xt(), SINGLE, |_, i| {
                round(SINGLE, env, Raw::exact(from_int(word(vb, i as usize) as $int as i128)))
            })
        }
        )*
    };
}

from_words! {
    "Signed Word", xvcvsxwdp xvcvsxwsp: i32;
    "Unsigned Word", xvcvuxwdp xvcvuxwsp: u32;
}
