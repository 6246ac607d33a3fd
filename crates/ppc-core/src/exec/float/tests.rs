//! Vectors for what only the FPSCR shows: exceptions, suppressed targets, summaries, CR fields.

use super::*;
use crate::{fields::Word, model, ram::Ram, softfp::bits::*};
use std::sync::Arc;

fn cpu() -> Cpu {
    let ram = Ram::new(1 << 20).expect("a megabyte");
    let mut cpu = Cpu::new(&model::POWER9, Arc::new(ram), Arc::new(hpt::Hpt::new(18).expect("a table")));
    cpu.msr |= msr::FP;
    cpu
}

/// FRT = 1, FRA = 2, FRB = 3, FRC = 4 in every form; BF = 0.
const W: Word = Word(1 << 21 | 2 << 16 | 3 << 11 | 4 << 6);

/// Runs `f` with FRA, FRB, FRC and an FPSCR; returns FRT (initially 0xdead), the FPSCR and the outcome.
fn run(f: fn(&mut Cpu, Word) -> Done, abc: [u64; 3], fpscr: u64) -> (u64, u64, Done) {
    let mut cpu = cpu();
    cpu.msr |= msr::FE0;
    cpu.fpscr = fpscr;
    cpu.set_fpr(1, 0xdead);
    for (n, value) in abc.into_iter().enumerate() {
        cpu.set_fpr(2 + n, value);
    }
    let done = f(&mut cpu, W);
    (cpu.fpr(1), cpu.fpscr, done)
}

const INF: u64 = 0x7ff0_0000_0000_0000;
const NEG: u64 = 1 << 63;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const TWO: u64 = 0x4000_0000_0000_0000;
const QNAN: u64 = 0x7ff8_0000_0000_0000;
const SNAN: u64 = 0x7ff4_0000_0000_1234;
const IS_QNAN: u64 = 0b10001 << FPRF_SHIFT;

#[test]
fn every_invalid_operation_has_its_own_bit_and_the_default_nan() {
    let cases: [(crate::exec::ExecFn, [u64; 3], u64); 6] = [
        (fadd::<false>, [INF, INF | NEG, 0], VXISI),
        (fsub::<false>, [INF, INF, 0], VXISI),
        (fmul::<false>, [INF, 0, 0], VXIMZ),
        (fdiv::<false>, [INF, INF, 0], VXIDI),
        (fdiv::<false>, [0, NEG, 0], VXZDZ),
        (fsqrt::<false>, [0, ONE | NEG, 0], VXSQRT),
    ];
    for (f, abc, bit) in cases {
        assert_eq!(run(f, abc, 0), (QNAN, bit | VX | FX | IS_QNAN, Ok(())), "{bit:x}");
        let (target, fpscr, done) = run(f, abc, VE | FR | FI | IS_QNAN);
        assert_eq!((target, done), (0xdead, Err(Trap::FpEnabled)), "{bit:x}");
        assert_eq!(fpscr, VE | bit | VX | FX | FEX | IS_QNAN, "FR and FI cleared, FPRF kept: {bit:x}");
    }
}

#[test]
fn an_enabled_underflow_leaves_a_normalized_number() {
    // 2^-1022 is tiny as a single, also after the adjustment by 192.
    let least_normal = 0x0010_0000_0000_0000;
    let (target, fpscr, done) = run(frsp::<false>, [0, least_normal, 0], UE);
    assert_eq!((target, done), (0x0c10_0000_0000_0000, Err(Trap::FpEnabled)));
    assert_eq!(fpscr, UE | UX | FX | FEX | 0b00100 << FPRF_SHIFT);
}

#[test]
fn nans_propagate_in_the_order_a_b_c() {
    let (a, b, c) = (0x7ff8_0000_0000_000a, 0x7ff8_0000_0000_000b, 0x7ff8_0000_0000_000c);
    assert_eq!(run(fmadd::<false>, [a, b, c], 0).0, a);
    assert_eq!(run(fmadd::<false>, [ONE, b, c], 0).0, b);
    assert_eq!(run(fnmadd::<false>, [ONE, ONE, c], 0).0, c, "the sign of a NaN is not negated");
    assert_eq!(run(fmsub::<false>, [ONE, b, c], 0).0, b);
    assert_eq!(run(fsub::<false>, [ONE, b, 0], 0).0, b);
    let (target, fpscr, _) = run(fmadd::<false>, [INF, SNAN, 0], 0);
    assert_eq!((target, fpscr & VX_ALL), (SNAN | 1 << 51, VXSNAN | VXIMZ));
}

#[test]
fn a_single_denormal_is_classified_as_one() {
    // 2^-140 is a denormalised single, held as a normalised double.
    let tiny = (1023 - 140) << 52;
    assert_eq!(run(fadds::<false>, [tiny, 0, 0], 0), (tiny, 0b10100 << FPRF_SHIFT, Ok(())));
    assert_eq!(run(fadd::<false>, [tiny, 0, 0], 0), (tiny, 0b00100 << FPRF_SHIFT, Ok(())));
}

#[test]
fn zero_divide_suppresses_only_when_enabled() {
    assert_eq!(
        run(fdiv::<false>, [ONE | NEG, 0, 0], 0),
        (INF | NEG, ZX | FX | 0b01001 << FPRF_SHIFT, Ok(()))
    );
    assert_eq!(run(fdiv::<false>, [ONE, 0, 0], ZE), (0xdead, ZE | ZX | FX | FEX, Err(Trap::FpEnabled)));
}

#[test]
fn enabled_inexact_traps_after_the_result_is_written() {
    let (target, fpscr, done) = run(fdiv::<false>, [ONE, 0x4008_0000_0000_0000, 0], XE);
    assert_eq!((target, done), (0x3fd5_5555_5555_5555, Err(Trap::FpEnabled)));
    assert_eq!(fpscr, XE | XX | FI | FX | FEX | 0b00100 << FPRF_SHIFT);
}

#[test]
fn enabled_overflow_and_underflow_deliver_an_adjusted_exponent() {
    let double = |exp: u64| (exp + 1023) << 52;
    // 2^1000 * 2^1000 = 2^2000 becomes 2^(2000 - 1536); for single precision 2^200 becomes 2^(200 - 192).
    let (target, fpscr, done) = run(fmul::<false>, [double(1000), 0, double(1000)], OE);
    assert_eq!((target, fpscr & (OX | XX | FEX), done), (double(464), OX | FEX, Err(Trap::FpEnabled)));
    let (target, fpscr, _) = run(fmuls::<false>, [double(100), 0, double(100)], OE);
    assert_eq!((target, fpscr & (OX | XX | FPRF)), (double(8), OX | 0b00100 << FPRF_SHIFT));
    let tiny = double(0) - (600 << 52);
    let (target, fpscr, done) = run(fmul::<false>, [tiny, 0, tiny], UE);
    assert_eq!((target, fpscr & (UX | XX | FEX), done), (double(336), UX | FEX, Err(Trap::FpEnabled)));
}

#[test]
fn ordered_comparison_of_a_signalling_nan_depends_on_ve() {
    let mut cpu = cpu();
    cpu.set_fpr(2, SNAN);
    fcmpo(&mut cpu, W).unwrap();
    assert_eq!((cpu.crf(0), cpu.fpscr & (VX_ALL | FPCC)), (1, VXSNAN | VXVC | 1 << 12));
    cpu.fpscr = VE;
    fcmpo(&mut cpu, W).unwrap();
    assert_eq!((cpu.crf(0), cpu.fpscr & VX_ALL), (1, VXSNAN));
    cpu.set_fpr(2, QNAN);
    cpu.fpscr = FR;
    fcmpu(&mut cpu, W).unwrap();
    assert_eq!(cpu.fpscr, FR | 1 << 12);
}

#[test]
fn summaries_follow_what_mtfsf_writes() {
    let mut cpu = cpu();
    cpu.set_fpr(3, FEX | VX | ZX | ZE | DRN | 1 << 11);
    // FLM = all, L = 0, W = 0.
    mtfsf::<true>(&mut cpu, Word(0xff << 17 | 3 << 11)).unwrap();
    assert_eq!(cpu.fpscr, ZX | ZE | FEX, "VX has no cause, FEX has; FX was written as 0");
    assert_eq!(cpu.crf(1), 0b0100);
    // W = 1 writes the upper word.
    mtfsf::<false>(&mut cpu, Word(0xff << 17 | 1 << 16 | 3 << 11)).unwrap();
    assert_eq!(cpu.fpscr & DRN, DRN);
    mtfsb0::<false>(&mut cpu, Word(5 << 21)).unwrap();
    assert_eq!(cpu.fpscr, ZE | DRN);
    mtfsb1::<false>(&mut cpu, Word(21 << 21)).unwrap();
    assert_eq!(cpu.fpscr, ZE | DRN | VXSOFT | VX | FX);
}

#[test]
fn mcrfs_clears_the_exceptions_it_copies() {
    let mut cpu = cpu();
    cpu.fpscr = summarise(FX | OX | OE | VXSNAN);
    mcrfs(&mut cpu, Word(3 << 23)).unwrap();
    assert_eq!((cpu.crf(3), cpu.fpscr), (0b1111, VX | OE | VXSNAN));
}

#[test]
fn mffs_is_what_power8_makes_of_the_newer_forms() {
    let mffsl = Word(0xfc18_048e);
    let row = |isa| crate::insn::decode::decode(mffsl, isa).map(|r| r.name);
    assert_eq!(row(model::Isa::V2_07), Some("mffs"), "reserved fields are ignored");
    assert_eq!(row(model::Isa::V3_0), Some("mffsl"));
}

#[test]
fn software_divide_is_offered_for_ordinary_operands_only() {
    assert_eq!(test_divide(DOUBLE, ONE as u128, TWO as u128), 8);
    assert_eq!(test_divide(DOUBLE, ONE as u128, 0), 8 | 4 | 2);
    assert_eq!(test_divide(DOUBLE, ONE as u128, QNAN as u128), 8 | 2);
    assert_eq!(test_sqrt(DOUBLE, (ONE | NEG) as u128), 8 | 2);
    assert_eq!(test_sqrt(DOUBLE, TWO as u128), 8);
}
