//! Vectors for what distinguishes VSX: whole-vector suppression, sticky-only reporting, operand roles, quad rounding.

use super::*;
use crate::{fields::Word, model, msr, ram::Ram, softfp::bits::*, trap::Trap};
use std::sync::Arc;

fn cpu() -> Cpu {
    let ram = Ram::new(1 << 20).expect("a megabyte");
    let mut cpu = Cpu::new(&model::POWER9, Arc::new(ram), Arc::new(hpt::Hpt::new(18).expect("a table")));
    cpu.msr |= msr::VSX | msr::FE0 | msr::FE1;
    cpu.vsr[1] = OLD;
    cpu
}

/// XT = 1, XA = 2, XB = 3.
const W: Word = Word(1 << 21 | 2 << 16 | 3 << 11);
const OLD: u128 = 0xdead_0000_0000_0000_0000_0000_0000_beef;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const THREE: u64 = 0x4008_0000_0000_0000;
const INF: u64 = 0x7ff0_0000_0000_0000;

fn pair(high: u64, low: u64) -> u128 {
    (high as u128) << 64 | low as u128
}

#[test]
fn one_enabled_exception_keeps_the_whole_vector() {
    let mut cpu = cpu();
    cpu.vsr[2] = pair(ONE, ONE);
    cpu.vsr[3] = pair(ONE, 0);
    cpu.fpscr = ZE | FR | FI | FPRF;
    assert_eq!(xvdivdp(&mut cpu, W), Err(Trap::FpEnabled));
    assert_eq!((cpu.vsr[1], cpu.fpscr), (OLD, ZE | FR | FI | FPRF | ZX | FX | FEX));
    // Inexactness in one element is enough as well, although a scalar would be written.
    cpu.vsr[3] = pair(ONE, THREE);
    cpu.fpscr = XE;
    assert_eq!(xvdivdp(&mut cpu, W), Err(Trap::FpEnabled));
    assert_eq!((cpu.vsr[1], cpu.fpscr), (OLD, XE | XX | FX | FEX));
    assert_eq!(xsdivdp(&mut cpu, W), Ok(()));
    assert_eq!(cpu.vsr[1], pair(ONE, 0));
}

#[test]
fn vectors_leave_fr_fi_and_fprf_alone() {
    let mut cpu = cpu();
    cpu.vsr[2] = pair(ONE, ONE);
    cpu.vsr[3] = pair(THREE, 0);
    cpu.fpscr = FR | 0b00010 << FPRF_SHIFT;
    assert_eq!(xvdivdp(&mut cpu, W), Ok(()));
    assert_eq!(cpu.vsr[1], pair(0x3fd5_5555_5555_5555, INF));
    assert_eq!(cpu.fpscr, FR | 0b00010 << FPRF_SHIFT | XX | ZX | FX);
}

#[test]
fn the_target_is_the_addend_of_type_a_and_a_factor_of_type_m() {
    let mut cpu = cpu();
    let (two, five) = (2f64.to_bits(), 5f64.to_bits());
    let run = |cpu: &mut Cpu, f: fn(&mut Cpu, Word) -> Done| {
        cpu.vsr[1] = pair(five, five);
        cpu.vsr[2] = pair(two, two);
        cpu.vsr[3] = pair(THREE, THREE);
        f(cpu, W).unwrap();
        f64::from_bits(dword(cpu.vsr[1], 0))
    };
    assert_eq!(run(&mut cpu, xsmaddadp), 2.0 * 3.0 + 5.0);
    assert_eq!(run(&mut cpu, xsmaddmdp), 2.0 * 5.0 + 3.0);
    assert_eq!(run(&mut cpu, xvnmsubadp), -(2.0 * 3.0 - 5.0));
    assert_eq!(run(&mut cpu, xvnmsubmdp), -(2.0 * 5.0 - 3.0));
}

#[test]
fn an_infinite_product_of_nothing_and_a_signalling_addend_report_both_causes() {
    let mut cpu = cpu();
    cpu.vsr[1] = pair(0x7ff4_0000_0000_0000, 0);
    cpu.vsr[2] = pair(INF, 0);
    xsmaddadp(&mut cpu, W).unwrap();
    assert_eq!((dword(cpu.vsr[1], 0), cpu.fpscr & VX_ALL), (0x7ffc_0000_0000_0000, VXSNAN | VXIMZ));
}

#[test]
fn maxima_differ_in_what_a_nan_does() {
    let nan = 0x7ff8_0000_0000_0001;
    let mut cpu = cpu();
    let run = |cpu: &mut Cpu, f: fn(&mut Cpu, Word) -> Done, a: u64, b: u64| {
        cpu.vsr[2] = pair(a, 0);
        cpu.vsr[3] = pair(b, 0);
        f(cpu, W).unwrap();
        dword(cpu.vsr[1], 0)
    };
    assert_eq!(run(&mut cpu, xsmaxdp, nan, ONE), ONE, "a number beats a NaN");
    assert_eq!(run(&mut cpu, xsmaxcdp, nan, ONE), ONE, "a > b ? a : b");
    assert_eq!(run(&mut cpu, xsmaxcdp, ONE, nan), nan);
    assert_eq!(run(&mut cpu, xsmaxjdp, ONE, nan), nan, "a NaN wins");
    assert_eq!(run(&mut cpu, xsminjdp, 0, 1 << 63), 1 << 63);
    assert_eq!(cpu.fpscr, 0);
}

#[test]
fn round_to_odd_marks_an_inexact_quad() {
    let mut cpu = cpu();
    let quad_one = 0x3fff_u128 << 112;
    let tiny = 0x3f00_u128 << 112;
    cpu.set_vr(2, quad_one);
    cpu.set_vr(3, tiny);
    xsaddqp(&mut cpu, W).unwrap();
    assert_eq!((cpu.vr(1), cpu.fpscr & (XX | FI | FR)), (quad_one, XX | FI));
    xsaddqp(&mut cpu, Word(W.0 | 1)).unwrap();
    assert_eq!(cpu.vr(1), quad_one | 1);
    // Rounding twice through odd is rounding once: 1 + 2^-53 + a little becomes the next double.
    cpu.set_vr(3, 0x3fff_0000_0000_0000_0800_0000_0000_0001);
    xscvqpdp(&mut cpu, W).unwrap();
    assert_eq!(cpu.vr(1), pair(ONE + 1, 0));
}

#[test]
fn words_of_a_converted_doubleword_stand_twice() {
    let mut cpu = cpu();
    cpu.vsr[3] = pair((-7.9f64).to_bits(), 1e20f64.to_bits());
    xvcvdpsxws(&mut cpu, W).unwrap();
    assert_eq!(cpu.vsr[1], pair(0xffff_fff9_ffff_fff9, 0x7fff_ffff_7fff_ffff));
    assert_eq!(cpu.fpscr, VXCVI | VX | XX | FX);
}

#[test]
fn data_classes_are_told_apart() {
    let mut cpu = cpu();
    cpu.vsr[3] = pair(1 << 63, 1);
    for (dcmx, crf) in [(4, 0b1010), (8, 0b1000), (0x7f, 0b1010)] {
        xststdcdp(&mut cpu, Word(dcmx << 16 | 3 << 11)).unwrap();
        assert_eq!(cpu.crf(0), crf, "{dcmx:x}");
    }
    // DCMX = +Denormal (dx = 2): the second element.
    xvtstdcdp(&mut cpu, Word(1 << 21 | 2 << 16 | 3 << 11)).unwrap();
    assert_eq!(cpu.vsr[1], pair(0, u64::MAX));
}
