//! Semantics: matrix-multiply assist (Power ISA 3.1B, Book I, chapter 7): outer products, added up in accumulators.
//!
//! Accumulator n is VSRs 4n to 4n+3, always: `xxmtacc` and `xxmfacc` have nothing to move, and so accumulators are saved and
//! shown as VSRs. Element i, j of a product is that of row i of XA and column j of XB. A prefix masks rows, columns and,
//! of a rank greater than 1, the products to be summed; a masked element becomes 0, also where others accumulate.
//!
//! Floating point: every element is written whatever is enabled, rounded as if OE and UE were 0 ("ROUND_TO_BFP32_DEFAULT"),
//! and only sticky exceptions are recorded; an enabled one interrupts behind the instruction. Invalid forms, a source that lies
//! in the target and an odd first register of a pair, are illegal instructions.

use super::float::{record_flags, trap};
use crate::{
    fields::Word,
    insn::Operand,
    softfp::{self, BFLOAT16, DOUBLE, Env, Format, HALF, Num, Raw, SINGLE, round},
    state::Cpu,
    trap::{Done, Trap},
};

/// What the elements of an instruction are computed from.
struct Sources {
    /// First VSR of the accumulator.
    accumulator: usize,
    /// Number of the VSR of the rows.
    a: usize,
    /// Number of the VSR of the columns.
    b: usize,
    /// A bit for each row, the first on the left of four.
    rows: u32,
    /// A bit for each column, the first on the left of as many as there are.
    columns: u32,
}

impl Sources {
    /// Those of `w`, whose rows are in a pair of registers if `pair` is given; there are `columns` columns.
    fn of(w: Word, columns: u32, pair: bool) -> Result<Self, Trap> {
        let (at, a, b) = (w.bf(), w.xa(), w.xb());
        if a / 4 == at || b / 4 == at || pair && a % 2 != 0 {
            return Err(Trap::Illegal);
        }
        let columns_field = if columns == 2 { Operand::YMSK2 } else { Operand::YMSK };
        let mask = |operand: Operand, all: u32| if w.prefix() == 0 { all } else { operand.value(w) as u32 };
        Ok(Self {
            accumulator: 4 * at,
            a,
            b,
            rows: mask(Operand::XMSK, 15),
            columns: mask(columns_field, (1 << columns) - 1),
        })
    }

    /// Writes every element of `width` bits: `element` of row, column and what stood there, or 0 if it is masked.
    fn fill(&self, cpu: &mut Cpu, width: u32, mut element: impl FnMut(&Cpu, u32, u32, u128) -> u128) {
        let columns = 128 / width;
        let ones = u128::MAX >> (128 - width);
        for i in 0..4 {
            let old = cpu.vsr[self.accumulator + i as usize];
            let row = (0..columns).fold(0, |row, j| {
                let wanted = self.rows >> (3 - i) & 1 != 0 && self.columns >> (columns - 1 - j) & 1 != 0;
                let was = old >> (128 - width * (j + 1)) & ones;
                row << width | if wanted { element(cpu, i, j, was) & ones } else { 0 }
            });
            cpu.vsr[self.accumulator + i as usize] = row;
        }
    }
}

/// The products of a rank that a prefix masks out count as 0: whether product `k` of `rank` counts.
fn counts(w: Word, rank: u32, k: u32) -> bool {
    let field = match rank {
        2 => Operand::PMSK2,
        4 => Operand::PMSK4,
        _ => Operand::PMSK8,
    };
    w.prefix() == 0 || field.value(w) >> (rank - 1 - k) & 1 != 0
}

/// Part `k` of `rank` of word `n`, sign-extended.
#[inline(always)]
fn part(register: u128, n: u32, rank: u32, k: u32) -> i64 {
    let width = 32 / rank;
    let word = (register >> (96 - 32 * n)) as u32;
    i64::from((word << (width * k)) as i32 >> (32 - width))
}

/// An integer outer product; `UNSIGNED` says that the parts of XB have no sign.
#[inline(always)]
fn integers<const RANK: u32, const UNSIGNED: bool, const ADD: bool, const SATURATE: bool>(
    cpu: &mut Cpu,
    w: Word,
) -> Done {
    let sources = Sources::of(w, 4, false)?;
    let mut saturated = false;
    sources.fill(cpu, 32, |cpu, i, j, was| {
        let (a, b) = (cpu.vsr[sources.a], cpu.vsr[sources.b]);
        let sum: i64 = (0..RANK)
            .filter(|&k| counts(w, RANK, k))
            .map(|k| {
                let second = part(b, j, RANK, k);
                part(a, i, RANK, k) * if UNSIGNED { second & ((1 << (32 / RANK)) - 1) } else { second }
            })
            .sum();
        let sum = sum + if ADD { i64::from(was as i32) } else { 0 };
        if !SATURATE {
            return sum as u128;
        }
        let fits = sum.clamp(i32::MIN.into(), i32::MAX.into());
        saturated |= fits != sum;
        fits as u128
    });
    cpu.vscr.sat |= saturated;
    Ok(())
}

macro_rules! integer_products {
    ($($name:ident: $rank:literal, $unsigned:literal, $add:literal, $saturate:literal;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`, also with a prefix")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            integers::<$rank, $unsigned, $add, $saturate>(cpu, w)
        }
    )* };
}
integer_products! {
    xvi4ger8: 8, false, false, false;
    xvi4ger8pp: 8, false, true, false;
    xvi8ger4: 4, true, false, false;
    xvi8ger4pp: 4, true, true, false;
    xvi8ger4spp: 4, true, true, true;
    xvi16ger2: 2, false, false, false;
    xvi16ger2pp: 2, false, true, false;
    xvi16ger2s: 2, false, false, true;
    xvi16ger2spp: 2, false, true, true;
}

/// What becomes of the product and of what stood in the accumulator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sum {
    /// The product alone.
    Product,
    /// The product, negated if the first says so, and the element, negated if the second does.
    With(bool, bool),
}

impl Sum {
    const PP: Sum = Sum::With(false, false);
    const PN: Sum = Sum::With(false, true);
    const NP: Sum = Sum::With(true, false);
    const NN: Sum = Sum::With(true, true);
}

/// `n` with the other sign if `negative`; a NaN as it is.
#[inline(always)]
fn signed(n: Num, negative: bool) -> Num {
    if negative { n.negate_number() } else { n }
}

/// The environment of these instructions: FPSCR\[RN\], and the results of disabled exceptions.
fn env(cpu: &Cpu) -> Env {
    Env { oe: false, ue: false, ..Env::of(cpu.fpscr) }
}

/// Ends a floating-point outer product.
fn finish(cpu: &mut Cpu, flags: u64) -> Done {
    let enabled = record_flags(cpu, flags);
    trap(cpu, enabled)
}

/// Rank 1: each product and its sum are rounded once.
#[inline(always)]
fn rank_1(cpu: &mut Cpu, w: Word, format: Format, sum: Sum) -> Done {
    let width = 1 + format.exp_bits + format.frac_bits;
    let (columns, env) = (128 / width, env(cpu));
    let sources = Sources::of(w, columns, columns == 2)?;
    let mut flags = 0;
    sources.fill(cpu, width, |cpu, i, j, was| {
        let element = |register: u128, n: u32| format.unpack(register >> (128 - width * (n + 1)));
        let a = element(cpu.vsr[sources.a + (i / columns) as usize], i % columns);
        let b = element(cpu.vsr[sources.b], j);
        let r = match sum {
            Sum::Product => round(format, env, softfp::mul(a, b)),
            // The result of the negative forms is the negated rest of the positive ones.
            Sum::With(product, addend) => {
                let c = signed(format.unpack(was), product != addend);
                let r = round(format, env, softfp::fma(a, c, b, env.mode));
                Raw { num: signed(r.num, product), ..r }
            }
        };
        flags |= r.flags;
        format.pack(r.num)
    });
    finish(cpu, flags)
}

/// The significand of a single, the exponent unbounded.
const SIGNIFICAND: Format = Format { exp_bits: 15, ..SINGLE };

/// Rank 2: the sum of two products is rounded (of bfloat16, to the precision of a single but not to its range), then the sum
/// with the element.
#[inline(always)]
fn rank_2(cpu: &mut Cpu, w: Word, format: Format, sum: Sum) -> Done {
    let (sources, env) = (Sources::of(w, 4, false)?, env(cpu));
    let mut flags = 0;
    sources.fill(cpu, 32, |cpu, i, j, was| {
        let half = |register: u128, n: u32, k: u32| {
            if counts(w, 2, k) {
                format.unpack(register >> (112 - 32 * n - 16 * k))
            } else {
                Num::zero(false)
            }
        };
        let (a, b) = (cpu.vsr[sources.a], cpu.vsr[sources.b]);
        let first = softfp::mul(half(a, i, 0), half(b, j, 0));
        let both = softfp::fma(half(a, i, 1), first.num, half(b, j, 1), env.mode);
        let products = round(if format == BFLOAT16 { SIGNIFICAND } else { SINGLE }, env, both);
        flags |= first.flags | products.flags;
        let r = match sum {
            Sum::Product => round(SINGLE, env, Raw::exact(products.num)),
            Sum::With(product, addend) => {
                let element = signed(SINGLE.unpack(was), addend);
                round(SINGLE, env, softfp::add(signed(products.num, product), element, env.mode))
            }
        };
        flags |= r.flags;
        SINGLE.pack(r.num)
    });
    finish(cpu, flags)
}

macro_rules! products {
    ($($rank:ident $format:ident: $plain:ident $pp:ident $pn:ident $np:ident $nn:ident;)*) => { $(
        products!(one $rank $format $plain Product);
        products!(one $rank $format $pp PP);
        products!(one $rank $format $pn PN);
        products!(one $rank $format $np NP);
        products!(one $rank $format $nn NN);
    )* };
    (one $rank:ident $format:ident $name:ident $sum:ident) => {
        #[doc = concat!("`", stringify!($name), "`, also with a prefix")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            $rank(cpu, w, $format, Sum::$sum)
        }
    };
}
products! {
    rank_2 BFLOAT16: xvbf16ger2 xvbf16ger2pp xvbf16ger2pn xvbf16ger2np xvbf16ger2nn;
    rank_2 HALF: xvf16ger2 xvf16ger2pp xvf16ger2pn xvf16ger2np xvf16ger2nn;
    rank_1 SINGLE: xvf32ger xvf32gerpp xvf32gerpn xvf32gernp xvf32gernn;
    rank_1 DOUBLE: xvf64ger xvf64gerpp xvf64gerpn xvf64gernp xvf64gernn;
}

/// `xxmfacc`: the accumulator is its VSRs already.
pub fn xxmfacc(_cpu: &mut Cpu, _w: Word) -> Done {
    Ok(())
}

/// `xxmtacc`: the VSRs are their accumulator already.
pub fn xxmtacc(_cpu: &mut Cpu, _w: Word) -> Done {
    Ok(())
}

/// `xxsetaccz`
pub fn xxsetaccz(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[4 * w.bf()..][..4].fill(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exec::{
            ExecFn,
            vector::{lanes::Lane, testing::cpu},
        },
        msr,
        softfp::bits,
    };

    /// AT = 1, XA = 33, XB = 34, with these masks.
    fn masked(rows: u32, columns: u32, products: u32) -> Word {
        Word::prefixed(1 << 26 | products << 8 | rows << 4 | columns, W.low())
    }
    const W: Word = Word(1 << 23 | 1 << 16 | 2 << 11 | 0b110);

    fn rows(cpu: &Cpu) -> [u128; 4] {
        std::array::from_fn(|i| cpu.vsr[4 + i])
    }

    #[test]
    fn rows_and_columns_meet_in_the_accumulator() {
        let words = |f: fn(u32) -> u32| u32::join(std::array::from_fn(|i| f(i as u32)));
        let mut cpu = cpu(words(|i| (i + 1) << 16 | 1), words(|i| (10 * i) << 16 | 0xffff), 0);
        xvi16ger2(&mut cpu, W).unwrap();
        assert_eq!(rows(&cpu)[1], words(|j| (20 * j).wrapping_sub(1)));
        xvi16ger2pp(&mut cpu, W).unwrap();
        assert_eq!(rows(&cpu)[3], words(|j| (80 * j).wrapping_sub(2)));
        // Row 0 and column 2 only, the second products only.
        xvi16ger2pp(&mut cpu, masked(8, 2, 1 << 6)).unwrap();
        assert_eq!(rows(&cpu), [(20 * 2 - 3) << 32, 0, 0, 0]);
        xxsetaccz(&mut cpu, W).unwrap();
        assert_eq!(rows(&cpu), [0; 4]);
    }

    #[test]
    fn integer_sums_wrap_or_saturate() {
        let mut cpu = cpu(0x8000_8000, 0x8000_8000, 0);
        xvi16ger2(&mut cpu, W).unwrap();
        assert_eq!((rows(&cpu)[3], cpu.vscr.sat), (0x8000_0000, false));
        xvi16ger2s(&mut cpu, W).unwrap();
        assert_eq!((rows(&cpu)[3], cpu.vscr.sat), (0x7fff_ffff, true));
        cpu.set_vr(1, 0x80ff_0001);
        cpu.set_vr(2, 0xff01_ff02);
        xvi8ger4(&mut cpu, W).unwrap();
        assert_eq!(rows(&cpu)[3] as u32 as i32, -128 * 255 - 1 + 2);
        xvi4ger8(&mut cpu, W).unwrap();
        assert_eq!(rows(&cpu)[3] as u32 as i32, 8 - 1 + 2, "nibbles 8f, f1 and 12");
        cpu.vsr[7] = 0x8000_0000;
        cpu.vscr.sat = false;
        xvi8ger4spp(&mut cpu, W).unwrap();
        assert_eq!((rows(&cpu)[3] as u32, cpu.vscr.sat), (0x8000_0000, true));
    }

    #[test]
    fn signs_of_product_and_sum_are_those_of_the_mnemonic() {
        let single = |x: f32| u128::from(x.to_bits());
        let cases: [(ExecFn, f32); 5] =
            [(xvf32ger, 6.0), (xvf32gerpp, 16.0), (xvf32gerpn, -4.0), (xvf32gernp, 4.0), (xvf32gernn, -16.0)];
        for (f, want) in cases {
            let mut cpu = cpu(single(2.0), single(3.0), 0);
            cpu.vsr[7] = single(10.0);
            f(&mut cpu, W).unwrap();
            assert_eq!(rows(&cpu)[3] as u32, want.to_bits());
        }
        // 2 = 0x4000, 3 = 0x4200 as halves; 0x4000 and 0x4040 as bfloat16.
        let halves: [(ExecFn, ExecFn, f32); 5] = [
            (xvf16ger2, xvbf16ger2, 12.0),
            (xvf16ger2pp, xvbf16ger2pp, 22.0),
            (xvf16ger2pn, xvbf16ger2pn, 2.0),
            (xvf16ger2np, xvbf16ger2np, -2.0),
            (xvf16ger2nn, xvbf16ger2nn, -22.0),
        ];
        for (half, bfloat, want) in halves {
            for (f, three) in [(half, 0x4200_4200), (bfloat, 0x4040_4040)] {
                let mut cpu = cpu(0x4000_4000, three, 0);
                cpu.vsr[7] = single(10.0);
                f(&mut cpu, W).unwrap();
                assert_eq!(rows(&cpu)[3] as u32, want.to_bits());
            }
        }
    }

    #[test]
    fn doubles_have_four_rows_in_a_pair_of_registers() {
        let double = |x: f64| u128::from(x.to_bits());
        let mut cpu = cpu(0, double(3.0) << 64 | double(5.0), 0);
        (cpu.vsr[34 + 2], cpu.vsr[35 + 2]) =
            (double(1.0) << 64 | double(2.0), double(4.0) << 64 | double(8.0));
        // AT = 1, XAp = 36, XB = 34.
        let w = Word::from(1 << 23 | 4 << 16 | 2 << 11 | 0b110);
        xvf64ger(&mut cpu, w).unwrap();
        assert_eq!(rows(&cpu)[2], double(12.0) << 64 | double(20.0));
        xvf64gernp(&mut cpu, Word::prefixed(1 << 26 | 3 << 4 | 1 << 2, w.low())).unwrap();
        let minus_zero = 1 << 63;
        assert_eq!(rows(&cpu), [0, 0, minus_zero, minus_zero], "the negated sum of 20 and -20");
        assert_eq!(xvf64ger(&mut cpu, Word::from(w.low() | 1 << 16)), Err(Trap::Illegal));
    }

    #[test]
    fn every_element_is_written_whatever_is_enabled() {
        let single = |x: f32| u128::from(x.to_bits());
        let mut cpu = cpu(u128::from(0x7f80_0001u32) << 96 | single(f32::MAX), single(f32::MAX), 0);
        cpu.fpscr = bits::VE | bits::OE;
        assert_eq!(xvf32ger(&mut cpu, W), Ok(()), "MSR[FE0,FE1] ignore it");
        assert_eq!(rows(&cpu)[3] as u32, f32::INFINITY.to_bits());
        assert_eq!(rows(&cpu)[0] as u32, 0x7fc0_0001);
        let sticky = bits::OX | bits::XX | bits::VXSNAN | bits::VX | bits::FEX | bits::FX;
        assert_eq!(cpu.fpscr, sticky | bits::VE | bits::OE);
        cpu.msr |= msr::FE0 | msr::FE1;
        assert_eq!(xvf32ger(&mut cpu, W), Err(Trap::FpEnabled));
    }

    #[test]
    fn a_sum_of_two_products_is_rounded_once() {
        // -47155136 and a little, in 65 bits.
        let mut cpu = cpu(0xa24e_6f54, 0x000e_ee23, 0);
        cpu.fpscr = 1;
        xvf16ger2(&mut cpu, W).unwrap();
        assert_eq!(rows(&cpu)[3] as u32, 0xcc33_e1f0);
        assert_eq!(cpu.fpscr, bits::FX | bits::XX | 1);
    }

    #[test]
    fn sources_in_the_target_are_invalid_forms() {
        let mut cpu = cpu(0, 0, 0);
        for low in [5 << 16 | 0b010, 6 << 11 | 0b100] {
            assert_eq!(xvf32ger(&mut cpu, Word::from(1 << 23 | low)), Err(Trap::Illegal));
            assert_eq!(xvi8ger4(&mut cpu, Word::from(1 << 23 | low)), Err(Trap::Illegal));
        }
    }
}
