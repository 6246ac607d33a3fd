//! What only the registers show: pairs, CR fields, suppressed targets.

use super::*;
use crate::{exec::ExecFn, fields::Word, model, msr, ram::Ram, softdfp::Class, softfp::bits::*, trap::Trap};
use std::sync::Arc;

/// FRT = 2, FRA = 4, FRB = 6; BF = 0.
const W: Word = Word(2 << 21 | 4 << 16 | 6 << 11);

fn cpu() -> Cpu {
    let ram = Ram::new(1 << 20).expect("a megabyte");
    let mut cpu = Cpu::new(&model::POWER9, Arc::new(ram), Arc::new(hpt::Hpt::new(18).expect("a table")));
    cpu.msr |= msr::FP | msr::FE0;
    set_bits::<true>(&mut cpu, 2, 0xdead);
    cpu
}

fn run<const Q: bool>(f: ExecFn, a: Num, b: Num, fpscr: u64) -> (u128, u64, Done) {
    let mut cpu = cpu();
    cpu.fpscr = fpscr;
    set_bits::<Q>(&mut cpu, 4, format::<Q>().pack(a));
    set_bits::<Q>(&mut cpu, 6, format::<Q>().pack(b));
    let done = f(&mut cpu, W);
    (bits_of::<Q>(&cpu, 2), cpu.fpscr, done)
}

fn n(exp: i32, coef: u128) -> Num {
    Num::finite(false, exp, coef)
}

#[test]
fn an_extended_operand_is_a_pair() {
    let (sum, fpscr, done) = run::<true>(daddq::<false>, n(0, 1), n(0, 2), 0);
    assert_eq!((sum, fpscr, done), (EXTENDED.pack(n(0, 3)), 0b00100 << FPRF_SHIFT, Ok(())));
}

#[test]
fn an_enabled_invalid_operation_or_zero_divide_keeps_the_target() {
    for (divisor, flags, enable) in
        [(n(0, 0), ZX, ZE), (Num { class: Class::Snan, ..n(0, 1) }, VX | VXSNAN, VE)]
    {
        let before = FR | FI | FPRF | enable;
        let (target, fpscr, done) = run::<true>(ddivq::<false>, n(0, 1), divisor, before);
        assert_eq!((target, done), (0xdead, Err(Trap::FpEnabled)));
        assert_eq!(fpscr, FPRF | enable | flags | FX | FEX, "FR and FI are cleared");
    }
}

#[test]
fn an_enabled_overflow_delivers_an_adjusted_exponent_and_traps() {
    let (target, fpscr, done) = run::<false>(dmul::<false>, n(369, 3), n(369, 2), OE);
    assert_eq!((target, done), (LONG.pack(n(162, 6)), Err(Trap::FpEnabled)));
    assert_eq!(fpscr, OE | OX | FX | FEX | 0b00100 << FPRF_SHIFT);
}

#[test]
fn ordered_comparison_of_a_signalling_nan_depends_on_ve() {
    let snan = Num { class: Class::Snan, ..n(0, 1) };
    let (_, fpscr, done) = run::<false>(dcmpo, n(0, 1), snan, FR);
    assert_eq!((fpscr & (VX_ALL | FPCC | FR), done), (VXSNAN | VXVC | 1 << FPRF_SHIFT | FR, Ok(())));
    let (_, fpscr, done) = run::<false>(dcmpo, n(0, 1), snan, VE);
    assert_eq!((fpscr & VX_ALL, done), (VXSNAN, Err(Trap::FpEnabled)));
    // Forms of one value are equal.
    let (_, fpscr, _) = run::<true>(dcmpuq, n(0, 1), n(-33, 10u128.pow(33)), 0);
    assert_eq!(fpscr, 2 << FPRF_SHIFT);
}

#[test]
fn the_long_result_of_an_extended_operand_is_in_the_first_register() {
    let (target, _, _) = run::<true>(drdpq::<false>, n(0, 0), n(0, 5), 0);
    assert_eq!(target, LONG.pack(n(0, 5)) << 64);
}

#[test]
fn short_signalling_nans_stay_signalling() {
    let snan = Num { class: Class::Snan, ..n(0, 5) };
    let (short, fpscr, _) = run::<false>(drsp::<false>, n(0, 0), snan, VE);
    assert_eq!((short, fpscr), (0x7e00_0005, VE | 1 << FPRF_SHIFT));
}

#[test]
fn bcd_that_is_none_is_an_invalid_conversion() {
    let mut cpu = cpu();
    cpu.set_fpr(6, 0x1234_5678_9012_345a);
    denbcd::<false>(&mut cpu, W).unwrap();
    assert_eq!((operand::<false>(&cpu, 2), cpu.fpscr & VX_ALL), (Num::DEFAULT_NAN, VXCVI));
    denbcd::<false>(&mut cpu, Word(W.0 | 1 << 20)).unwrap();
    assert_eq!(operand::<false>(&cpu, 2), n(0, 123_456_789_012_345));
}

#[test]
fn exponents_are_extracted_and_inserted() {
    let (biased, _, _) = run::<false>(dxex::<false>, n(0, 0), n(-398, 1), 0);
    assert_eq!(biased, 0);
    let mut cpu = cpu();
    for (number, class) in [(-1i64, Class::Inf), (-2, Class::Qnan), (-3, Class::Snan), (768, Class::Qnan)] {
        cpu.set_fpr(4, number as u64);
        cpu.set_fpr(6, LONG.pack(n(0, 7)) as u64);
        diex::<false>(&mut cpu, W).unwrap();
        assert_eq!(operand::<false>(&cpu, 2), Num { class, ..n(0, 7) });
    }
}
