//! Semantics: floating point of VMX (Power ISA 3.0B, Book I, 6.6 "Vector Floating-Point Operations").
//!
//! Four singles, always rounded to nearest even. No exception is reported anywhere but VSCR\[SAT\], and the FPSCR is neither
//! read nor written. With VSCR\[NJ\], denormalised operands and results are zeros of the same sign.

use crate::{
    fields::Word,
    softfp::{
        self, Class, Env, Num, Raw, Rounding, SINGLE,
        compare::compare,
        convert::{I32, Int, U32, from_int, round_to_integral, to_int},
        estimate::{reciprocal, reciprocal_sqrt},
        exponential,
        fast::{self, Op},
        num::propagate,
        round,
    },
    state::Cpu,
    trap::Done,
};
use std::cmp::Ordering;

/// Zero of the same sign instead of a denormalised number, if `nj`.
#[inline(always)]
fn flush(n: Num, nj: bool) -> Num {
    if nj && n.class == Class::Finite && n.exp < SINGLE.emin() { Num::zero(n.sign) } else { n }
}

/// Word `i` of a VR, taken apart and flushed.
#[inline(always)]
fn element(v: u128, i: u32, nj: bool) -> Num {
    flush(SINGLE.unpack(v >> (96 - 32 * i)), nj)
}

/// Rounds; with NJ a tiny result is flushed before.
#[inline(always)]
fn rounded(raw: Raw, nj: bool) -> Num {
    round(SINGLE, Env::DEFAULT, Raw { num: flush(raw.num, nj), ..raw }).num
}

/// Four words from a function of the element number.
#[inline(always)]
fn words(f: impl Fn(u32) -> u32) -> u128 {
    (0..4).fold(0, |value, i| value << 32 | f(i) as u128)
}

/// Four singles.
#[inline(always)]
fn singles(f: impl Fn(u32) -> Num) -> u128 {
    words(|i| SINGLE.pack(f(i)) as u32)
}

macro_rules! arithmetic {
    ($($(#[$doc:meta])* $name:ident $(($op:ident $sign:literal))?: |$a:ident, $b:ident, $c:ident, $nj:ident| $result:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let (va, vb, vc, $nj) = (cpu.vr(w.vra()), cpu.vr(w.vrb()), cpu.vr(w.vrc()), cpu.vscr.nj);
            $(if let Some((value, _)) = fast::vector(SINGLE, Op::$op, [va, vb, vc]) {
                cpu.set_vr(w.vrt(), value ^ $sign);
                return Ok(());
            })?
            let value = singles(|i| {
                let ($a, $b, $c) = (element(va, i, $nj), element(vb, i, $nj), element(vc, i, $nj));
                $result
            });
            cpu.set_vr(w.vrt(), value);
            Ok(())
        })*
    };
}

arithmetic! {
    /// Vector Add Floating-Point.
    vaddfp (Add 0): |a, b, _c, nj| rounded(softfp::add(a, b, Rounding::Even), nj);
    /// Vector Subtract Floating-Point.
    vsubfp (Sub 0): |a, b, _c, nj| rounded(softfp::add(a, b.negate_number(), Rounding::Even), nj);
    /// Vector Multiply-Add Floating-Point: VRA * VRC + VRB.
    vmaddfp (MulAdd 0): |a, b, c, nj| rounded(softfp::fma(a, b, c, Rounding::Even), nj);
    /// Vector Negative Multiply-Subtract Floating-Point: -(VRA * VRC - VRB).
    vnmsubfp (MulSub 0x8000_0000_8000_0000_8000_0000_8000_0000): |a, b, c, nj| rounded(softfp::fma(a, b.negate_number(), c, Rounding::Even), nj).negate_number();
    /// Vector Maximum Floating-Point; any NaN wins, +0 is larger than -0.
    vmaxfp: |a, b, _c, _nj| extremum(a, b, true);
    /// Vector Minimum Floating-Point; any NaN wins, -0 is smaller than +0.
    vminfp: |a, b, _c, _nj| extremum(a, b, false);
    /// Vector Reciprocal Estimate Floating-Point.
    vrefp: |_a, b, _c, nj| flush(reciprocal(SINGLE, Env::DEFAULT, b).num, nj);
    /// Vector Reciprocal Square Root Estimate Floating-Point.
    vrsqrtefp: |_a, b, _c, nj| flush(reciprocal_sqrt(SINGLE, SINGLE, Env::DEFAULT, b).num, nj);
    /// Vector 2 Raised to the Exponent Estimate Floating-Point.
    vexptefp: |_a, b, _c, nj| flush(exponential::exp2(b), nj);
    /// Vector Log Base 2 Estimate Floating-Point.
    vlogefp: |_a, b, _c, nj| flush(exponential::log2(b), nj);
    /// Vector Round to Floating-Point Integer Nearest.
    vrfin: |_a, b, _c, _nj| round_to_integral(b, Rounding::Even).num;
    /// Vector Round to Floating-Point Integer toward Zero.
    vrfiz: |_a, b, _c, _nj| round_to_integral(b, Rounding::Zero).num;
    /// Vector Round to Floating-Point Integer toward +Infinity.
    vrfip: |_a, b, _c, _nj| round_to_integral(b, Rounding::Up).num;
    /// Vector Round to Floating-Point Integer toward -Infinity.
    vrfim: |_a, b, _c, _nj| round_to_integral(b, Rounding::Down).num;
}

#[inline]
fn extremum(a: Num, b: Num, max: bool) -> Num {
    if let Some(nan) = propagate(&[a, b]) {
        return nan.num;
    }
    let larger = match compare(a, b) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => !a.sign,
        _ => false,
    };
    if larger == max { a } else { b }
}

/// Writes VRT; with RC, CR field 6 tells whether all (bit 0) or none (bit 2) of the elements hold.
#[inline(always)]
fn mask<const RC: bool>(cpu: &mut Cpu, w: Word, predicate: impl Fn(Option<Ordering>) -> bool) -> Done {
    let (va, vb, nj) = (cpu.vr(w.vra()), cpu.vr(w.vrb()), cpu.vscr.nj);
    let value = words(|i| {
        let holds = predicate(compare(element(va, i, nj), element(vb, i, nj)));
        if holds { u32::MAX } else { 0 }
    });
    if RC {
        cpu.set_crf(6, ((value == u128::MAX) as u32) << 3 | ((value == 0) as u32) << 1);
    }
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// Vector Compare Equal Floating-Point.
pub fn vcmpeqfp<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    mask::<RC>(cpu, w, |order| order == Some(Ordering::Equal))
}

/// Vector Compare Greater Than or Equal Floating-Point.
pub fn vcmpgefp<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    mask::<RC>(cpu, w, |order| matches!(order, Some(Ordering::Greater | Ordering::Equal)))
}

/// Vector Compare Greater Than Floating-Point.
pub fn vcmpgtfp<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    mask::<RC>(cpu, w, |order| order == Some(Ordering::Greater))
}

/// Vector Compare Bounds Floating-Point: bit 0 of a word if VRA > VRB, bit 1 if VRA < -VRB, both for a NaN. With RC, CR
/// field 6 bit 2 tells that every element is within bounds.
pub fn vcmpbfp<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
    let (va, vb, nj) = (cpu.vr(w.vra()), cpu.vr(w.vrb()), cpu.vscr.nj);
    let value = words(|i| {
        let (a, b) = (element(va, i, nj), element(vb, i, nj));
        let above = !matches!(compare(a, b), Some(Ordering::Less | Ordering::Equal));
        let below = !matches!(compare(a, b.negate()), Some(Ordering::Greater | Ordering::Equal));
        (above as u32) << 31 | (below as u32) << 30
    });
    if RC {
        cpu.set_crf(6, ((value == 0) as u32) << 1);
    }
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// Integers divided by 2^UIM.
#[inline(always)]
fn from_words(cpu: &mut Cpu, w: Word, integer: impl Fn(u32) -> i128) -> Done {
    let (vb, scale) = (cpu.vr(w.vrb()), w.uim5() as i32);
    let value = singles(|i| {
        let n = from_int(integer((vb >> (96 - 32 * i)) as u32));
        rounded(Raw::exact(Num { exp: n.exp - if n.is_zero() { 0 } else { scale }, ..n }), false)
    });
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// Vector Convert with round from Signed Word to Floating-Point.
pub fn vcfsx(cpu: &mut Cpu, w: Word) -> Done {
    from_words(cpu, w, |word| word as i32 as i128)
}

/// Vector Convert with round from Unsigned Word to Floating-Point.
pub fn vcfux(cpu: &mut Cpu, w: Word) -> Done {
    from_words(cpu, w, |word| word as i128)
}

/// Numbers times 2^UIM, truncated and saturated; a NaN becomes 0 without saturation.
#[inline(always)]
fn to_words(cpu: &mut Cpu, w: Word, int: Int) -> Done {
    let (vb, nj, scale) = (cpu.vr(w.vrb()), cpu.vscr.nj, w.uim5() as i32);
    let (mut value, mut saturated) = (0u128, false);
    for i in 0..4 {
        let n = element(vb, i, nj);
        let word = if n.is_nan() {
            0
        } else {
            let (word, flags) = to_int(Num { exp: n.exp + scale, ..n }, int, Rounding::Zero);
            saturated |= flags & softfp::bits::VXCVI != 0;
            word as u32
        };
        value = value << 32 | word as u128;
    }
    cpu.vscr.sat |= saturated;
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// Vector Convert with truncate from Floating-Point to Signed Word Saturate.
pub fn vctsxs(cpu: &mut Cpu, w: Word) -> Done {
    to_words(cpu, w, I32)
}

/// Vector Convert with truncate from Floating-Point to Unsigned Word Saturate.
pub fn vctuxs(cpu: &mut Cpu, w: Word) -> Done {
    to_words(cpu, w, U32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model, ram::Ram};
    use std::sync::Arc;

    /// VRT = 1, VRA = 2, VRB = 3, VRC = 4.
    const W: Word = Word(1 << 21 | 2 << 16 | 3 << 11 | 4 << 6);

    fn cpu(a: [u32; 4], b: [u32; 4]) -> Cpu {
        let ram = Ram::new(1 << 20).expect("a megabyte");
        let mut cpu = Cpu::new(&model::POWER8, Arc::new(ram), Arc::new(hpt::Hpt::new(18).expect("a table")));
        cpu.set_vr(2, words(|i| a[i as usize]));
        cpu.set_vr(3, words(|i| b[i as usize]));
        cpu
    }

    #[test]
    fn denormals_vanish_in_non_java_mode_only() {
        let denormal = 0x8000_0001;
        let mut cpu = cpu([denormal; 4], [denormal; 4]);
        vaddfp(&mut cpu, W).unwrap();
        assert_eq!(cpu.vr(1), words(|_| 0x8000_0002));
        cpu.vscr.nj = true;
        vaddfp(&mut cpu, W).unwrap();
        assert_eq!(cpu.vr(1), words(|_| 0x8000_0000));
    }

    #[test]
    fn conversions_scale_and_saturate() {
        let mut cpu = cpu([0; 4], [0x4f00_0000, 0x3fc0_0000, 0x7fc0_0000, 0xbf80_0000]);
        vctsxs(&mut cpu, Word(W.0 & !(31 << 16) | 1 << 16)).unwrap();
        assert_eq!(
            (cpu.vr(1), cpu.vscr.sat),
            (words(|i| [0x7fff_ffff, 3, 0, 0xffff_fffe][i as usize]), true)
        );
        cpu.vscr.sat = false;
        vctuxs(&mut cpu, Word(W.0 & !(31 << 16))).unwrap();
        assert_eq!((cpu.vr(1), cpu.vscr.sat), (words(|i| [0x8000_0000, 1, 0, 0][i as usize]), true));
        cpu.set_vr(3, words(|_| 3));
        vcfux(&mut cpu, Word(W.0 & !(31 << 16) | 1 << 16)).unwrap();
        assert_eq!(cpu.vr(1), words(|_| 1.5f32.to_bits()));
    }

    #[test]
    fn bounds_are_inclusive_and_a_nan_is_outside_both() {
        let one = 1f32.to_bits();
        let mut cpu = cpu([one, 2f32.to_bits(), (-2f32).to_bits(), 0x7fc0_0000], [one; 4]);
        vcmpbfp::<true>(&mut cpu, W).unwrap();
        assert_eq!(cpu.vr(1), words(|i| [0, 2 << 30, 1 << 30, 3 << 30][i as usize]));
        assert_eq!(cpu.crf(6), 0);
        vcmpbfp::<true>(&mut cpu, Word(1 << 21 | 3 << 16 | 3 << 11)).unwrap();
        assert_eq!(cpu.crf(6), 0b0010);
    }
}
