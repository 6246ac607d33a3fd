//! Vector floating-point arithmetic on the host's. These instructions leave only sticky exceptions; once XX is set, the
//! common case leaves nothing but its result: nothing enabled, round to nearest, moderate numbers or zeros, so that
//! results are normal numbers or zeros. Everything else is declined.
//!
//! Enters and leaves as in `routine`.

use super::super::offsets::FPSCR;
use super::emit::{Emitter, asm};
use super::routine::{Op, Routine};
use crate::softfp::bits::{ENABLES, RN, XX};
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// A format: masks in every element.
struct Format {
    exponent: u128,
    /// Moves the least moderate exponent to the least signed word …
    move_down: u128,
    /// … and the greatest to this.
    greatest: u128,
    sign: u128,
}

/// Exponents from 600 to 1446, as for scalars, in the upper words; the lower ones are never out of range.
const DOUBLE: Format = Format {
    exponent: 0x7ff00000_00000000_7ff00000_00000000,
    move_down: doubles(0x8000_0000 - (600 << 20), 0x8000_0000),
    greatest: doubles(0x8000_0000 + ((1446 - 600) << 20), 0x7fff_ffff),
    sign: 0x80000000_00000000_80000000_00000000,
};
/// Exponents from 87 to 167: the error of the product of two is a normal number.
const SINGLE: Format = Format {
    exponent: singles(0x7f80_0000),
    move_down: singles(0x8000_0000 - (87 << 23)),
    greatest: singles(0x8000_0000 + ((167 - 87) << 23)),
    sign: singles(0x8000_0000),
};

const fn doubles(high: u32, low: u32) -> u128 {
    ((high as u128) << 32 | low as u128) * (u128::MAX / u64::MAX as u128)
}
const fn singles(value: u32) -> u128 {
    value as u128 * (u128::MAX / u32::MAX as u128)
}

/// The host's flags: zero if all elements of `registers` are moderate, or zeros where those are allowed.
fn check(e: &mut Emitter, format: &Format, single: bool, registers: &[(u8, bool)]) {
    let [exponent, move_down, greatest] =
        [format.exponent, format.move_down, format.greatest].map(|value| e.constant128(value));
    asm!(e; xorps xmm5, xmm5);
    for &(x, zero) in registers {
        asm!(e
            ; movaps xmm4, Rx(x)
            ; pand xmm4, [=>exponent]
            ; paddd xmm4, [=>move_down]
            ; pcmpgtd xmm4, [=>greatest]
        );
        if zero {
            asm!(e; xorps xmm6, xmm6; movaps xmm7, Rx(x));
            if single {
                asm!(e; paddd xmm7, xmm7; pcmpeqd xmm7, xmm6);
            } else {
                asm!(e; paddq xmm7, xmm7; pcmpeqq xmm7, xmm6);
            }
            asm!(e; pandn xmm7, xmm4; por xmm5, xmm7);
        } else {
            asm!(e; por xmm5, xmm4);
        }
    }
    asm!(e; pmovmskb eax, xmm5; test eax, eax);
}

/// Emits `routine`.
pub fn emit(routine: Routine, e: &mut Emitter) {
    let Routine { op, single, negate, .. } = routine;
    let format = if single { &SINGLE } else { &DOUBLE };
    let (decline, zeros, fine) = (e.label(), e.label(), e.label());
    let registers: &[(u8, bool)] = match op {
        Op::Add | Op::Sub => &[(0, true), (1, true)],
        Op::Div => &[(0, true), (1, false)],
        Op::Mul => &[(0, true), (2, true)],
        Op::Sqrt | Op::Round => &[(1, false)],
        Op::MulAdd | Op::MulSub => &[(0, true), (1, true), (2, true)],
    };
    asm!(e
        ; mov ecx, [rbp + FPSCR]
        ; and ecx, (ENABLES | RN | XX) as i32
        ; cmp ecx, XX as i32
        ; jne =>decline
    );
    if op == Op::Sqrt {
        asm!(e; movmskps eax, xmm1);
        asm!(e; test eax, if single { 0b1111 } else { 0b1010 }; jnz =>decline);
    }
    let strict: Vec<_> = registers.iter().map(|&(x, _)| (x, false)).collect();
    check(e, format, single, &strict);
    asm!(e; jnz =>zeros; =>fine);
    match (op, single) {
        (Op::Add, false) => asm!(e; addpd xmm0, xmm1),
        (Op::Add, true) => asm!(e; addps xmm0, xmm1),
        (Op::Sub, false) => asm!(e; subpd xmm0, xmm1),
        (Op::Sub, true) => asm!(e; subps xmm0, xmm1),
        (Op::Mul, false) => asm!(e; mulpd xmm0, xmm2),
        (Op::Mul, true) => asm!(e; mulps xmm0, xmm2),
        (Op::Div, false) => asm!(e; divpd xmm0, xmm1),
        (Op::Div, true) => asm!(e; divps xmm0, xmm1),
        (Op::Sqrt, false) => asm!(e; sqrtpd xmm0, xmm1),
        (Op::Sqrt, true) => asm!(e; sqrtps xmm0, xmm1),
        // vfmadd213pd and vfmsub213pd xmm0, xmm2, xmm1: the assembler makes those of singles of them (VEX.W is missing).
        (Op::MulAdd, false) => asm!(e; .bytes [0xc4, 0xe2, 0xe9, 0xa8, 0xc1]),
        (Op::MulAdd, true) => asm!(e; vfmadd213ps xmm0, xmm2, xmm1),
        (Op::MulSub, false) => asm!(e; .bytes [0xc4, 0xe2, 0xe9, 0xaa, 0xc1]),
        (Op::MulSub, true) => asm!(e; vfmsub213ps xmm0, xmm2, xmm1),
        (Op::Round, _) => unreachable!("no vector is rounded"),
    }
    if negate {
        let sign = e.constant128(format.sign);
        asm!(e; xorps xmm0, [=>sign]);
    }
    asm!(e; clc; ret; =>zeros);
    if registers != strict {
        check(e, format, single, registers);
        asm!(e; jz =>fine);
    }
    asm!(e; =>decline; stc; ret);
}
