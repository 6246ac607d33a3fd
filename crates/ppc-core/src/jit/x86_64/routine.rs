//! Scalar floating-point arithmetic on the host's, with exact FPSCR, for the common case: nothing enabled, round to
//! nearest, moderate numbers or zeros. Everything else is declined and goes to the instruction's own function.
//!
//! Enters: a in XMM0, b in XMM1, c in XMM2. Leaves: the result in XMM0, FPSCR updated, and the host's carry clear; or the
//! carry set and nothing done. Uses RAX, RCX, RDX and XMM0 to XMM7.
//!
//! What the host doesn't tell, whether a result is exact and whether its magnitude grew (FI, FR), follows from the sign
//! of the rounding error, by error-free transformations as in `softfp::fast`. Operands are confined so that no step can
//! overflow, underflow or be denormal; that is why the host's denormal modes don't matter. An inexact result when XX is
//! not set yet is declined, so that FX needs no thought.
//!
//! Single-precision results are rounded from double-precision ones: for sums, products, quotients and roots of singles
//! that is the same as rounding once, 53 ≥ 2 × 24 + 2 (Figueroa); sums with a product are rounded to odd first.

use super::super::offsets::FPSCR;
use super::emit::{Emitter, asm};
use crate::softfp::bits::{ENABLES, FI, FPRF, FPRF_SHIFT, FR, RN, XX};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};

/// An operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// a + b.
    Add,
    /// a - b.
    Sub,
    /// a × c.
    Mul,
    /// a ÷ b.
    Div,
    /// The square root of b.
    Sqrt,
    /// a × c + b.
    MulAdd,
    /// a × c - b.
    MulSub,
    /// b, rounded to single precision.
    Round,
}

/// One routine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Routine {
    pub op: Op,
    /// The result is a single, and so are the operands.
    pub single: bool,
    /// The sign of the result is changed.
    pub negate: bool,
    /// On every element of a vector.
    pub vector: bool,
}

/// Biased exponents of doubles whose products, and the errors of these, are normal numbers.
const MODERATE: (i32, i32) = (600, 1446);
/// Those of normal singles.
const SINGLE: (i32, i32) = (897, 1150);
/// Those of doubles that are normal singles before and after rounding: the least normal single may be what a smaller sum
/// was rounded up to, and that underflows, for tininess is detected before rounding.
const ROUNDED: (i32, i32) = (898, 1149);

const SIGN: u128 = 1 << 63;

/// FPRF of normal numbers.
const PLUS: u64 = 0b00100 << FPRF_SHIFT;
const MINUS: u64 = 0b01000 << FPRF_SHIFT;

/// Declines unless the exponent of XMM`x` is in `range`, or XMM`x` is a zero and that is allowed.
fn check(e: &mut Emitter, x: u8, (least, most): (i32, i32), zero: bool, slow: &mut SlowPaths) {
    asm!(e
        ; movq rax, Rx(x)
        ; shr rax, 52
        ; and eax, 0x7ff
        ; sub eax, least
        ; cmp eax, most - least
    );
    if zero {
        let (from, back) = (e.label(), e.label());
        asm!(e; ja =>from; =>back);
        slow.zeros.push((x, from, back));
    } else {
        asm!(e; ja =>slow.decline);
    }
}

/// Slow paths of a routine.
struct SlowPaths {
    decline: DynamicLabel,
    /// Registers that have to be zeros: where from, where back to.
    zeros: Vec<(u8, DynamicLabel, DynamicLabel)>,
}

/// XMM3 ← XMM0 + XMM1, XMM0 ← the error (Knuth). Uses XMM1, XMM4, XMM5.
fn two_sum(e: &mut Emitter) {
    asm!(e
        ; movaps xmm3, xmm0
        ; addsd xmm3, xmm1
        ; movaps xmm5, xmm3
        ; subsd xmm5, xmm0
        ; movaps xmm4, xmm3
        ; subsd xmm4, xmm5
        ; subsd xmm0, xmm4
        ; subsd xmm1, xmm5
        ; addsd xmm0, xmm1
    );
}

/// XMM3 ← XMM0 × XMM2 + XMM1, XMM0 ← a number with the sign of the error (Boldo and Muller).
fn multiply_add(e: &mut Emitter) {
    asm!(e
        ; movaps xmm3, xmm1
        ; vfmadd231sd xmm3, xmm0, xmm2
        // The product: XMM4 + XMM0.
        ; movaps xmm4, xmm0
        ; mulsd xmm4, xmm2
        ; vfmsub213sd xmm0, xmm2, xmm4
        // b and the low part: XMM5 + XMM0.
        ; movaps xmm5, xmm1
        ; addsd xmm5, xmm0
        ; movaps xmm6, xmm5
        ; subsd xmm6, xmm1
        ; movaps xmm7, xmm5
        ; subsd xmm7, xmm6
        ; subsd xmm1, xmm7
        ; subsd xmm0, xmm6
        ; addsd xmm0, xmm1
        // The high part and that: XMM6 + XMM4.
        ; movaps xmm6, xmm4
        ; addsd xmm6, xmm5
        ; movaps xmm7, xmm6
        ; subsd xmm7, xmm4
        ; movaps xmm1, xmm6
        ; subsd xmm1, xmm7
        ; subsd xmm4, xmm1
        ; subsd xmm5, xmm7
        ; addsd xmm4, xmm5
        ; subsd xmm6, xmm3
        ; addsd xmm6, xmm4
        ; addsd xmm0, xmm6
    );
}

/// XMM4 ← XMM3 rounded to odd, given its error in XMM0: if it is inexact and even, its neighbour in the direction of the
/// error.
fn round_to_odd(e: &mut Emitter) {
    let done = e.label();
    asm!(e
        ; movaps xmm4, xmm3
        ; xorps xmm5, xmm5
        ; ucomisd xmm0, xmm5
        ; je =>done
        ; movq rax, xmm3
        ; test al, 1
        ; jnz =>done
        // Of the same sign: away from zero.
        ; movq rcx, xmm0
        ; xor rcx, rax
        ; sar rcx, 63
        ; or rcx, 1
        ; add rax, rcx
        ; movq xmm4, rax
        ; =>done
    );
}

impl Routine {
    pub const fn scalar(op: Op, single: bool, negate: bool) -> Self {
        Self { op, single, negate, vector: false }
    }

    pub const fn vector(op: Op, single: bool, negate: bool) -> Self {
        Self { op, single, negate, vector: true }
    }

    /// Emits it.
    pub fn emit(self, e: &mut Emitter) {
        if self.vector {
            return super::routine_vector::emit(self, e);
        }
        let mut slow = SlowPaths { decline: e.label(), zeros: Vec::new() };
        asm!(e; test DWORD [rbp + FPSCR], (ENABLES | RN) as i32; jnz =>slow.decline);
        self.check_operands(e, &mut slow);
        self.compute(e, &mut slow);
        self.finish(e, &slow);
        for (x, from, back) in slow.zeros {
            asm!(e; =>from; movq rax, Rx(x); add rax, rax; jz =>back; jmp =>slow.decline);
        }
        asm!(e; =>slow.decline; stc; ret);
    }

    fn check_operands(self, e: &mut Emitter, slow: &mut SlowPaths) {
        let range = match (self.op, self.single) {
            (Op::Round, _) => ROUNDED,
            (_, true) => SINGLE,
            (_, false) => MODERATE,
        };
        let registers: &[u8] = match self.op {
            Op::Add | Op::Sub | Op::Div => &[0, 1],
            Op::Mul => &[0, 2],
            Op::Sqrt | Op::Round => &[1],
            Op::MulAdd | Op::MulSub => &[0, 1, 2],
        };
        for &x in registers {
            let divisor = matches!((self.op, x), (Op::Div | Op::Sqrt, 1));
            check(e, x, range, !divisor, slow);
            if self.single && self.op != Op::Round {
                asm!(e; movq rax, Rx(x); test eax, 0x1fff_ffff; jnz =>slow.decline);
            }
        }
        if self.op == Op::Sqrt {
            asm!(e; movq rax, xmm1; test rax, rax; js =>slow.decline);
        }
    }

    /// XMM3 ← the result, XMM0 ← a number with the sign of the error, or zero.
    fn compute(self, e: &mut Emitter, slow: &mut SlowPaths) {
        let sign = e.constant128(SIGN);
        if matches!(self.op, Op::Sub | Op::MulSub) {
            asm!(e; xorps xmm1, [=>sign]);
        }
        match (self.op, self.single) {
            (Op::Add | Op::Sub, single) => {
                two_sum(e);
                if single {
                    asm!(e; movaps xmm4, xmm3);
                }
            }
            (Op::Mul, false) => {
                asm!(e; movaps xmm3, xmm0; mulsd xmm3, xmm2; vfmsub213sd xmm0, xmm2, xmm3);
            }
            (Op::Mul, true) => {
                asm!(e; movaps xmm3, xmm0; mulsd xmm3, xmm2; movaps xmm4, xmm3; xorps xmm0, xmm0);
            }
            (Op::Div, _) => asm!(e; movaps xmm3, xmm0; divsd xmm3, xmm1),
            (Op::Sqrt, _) => asm!(e; sqrtsd xmm3, xmm1),
            (Op::MulAdd | Op::MulSub, false) => multiply_add(e),
            (Op::MulAdd | Op::MulSub, true) => {
                // The product of singles is exact.
                asm!(e; mulsd xmm0, xmm2);
                two_sum(e);
                round_to_odd(e);
            }
            (Op::Round, _) => asm!(e; movaps xmm3, xmm1; movaps xmm4, xmm3; xorps xmm0, xmm0),
        }
        let remainder = matches!(self.op, Op::Div | Op::Sqrt);
        if self.single {
            check(e, 3, ROUNDED, true, slow);
            if remainder {
                asm!(e; cvtsd2ss xmm3, xmm3; cvtss2sd xmm3, xmm3);
            } else {
                // The error of this rounding is larger than that of the other, if there is any.
                asm!(e
                    ; cvtsd2ss xmm4, xmm4
                    ; cvtss2sd xmm4, xmm4
                    ; subsd xmm3, xmm4
                    ; addsd xmm0, xmm3
                    ; movaps xmm3, xmm4
                );
            }
        }
        match self.op {
            // The remainder a - qb has the sign of the error if b is positive.
            Op::Div => asm!(e
                ; vfnmadd231sd xmm0, xmm3, xmm1
                ; andps xmm1, [=>sign]
                ; xorps xmm0, xmm1
            ),
            Op::Sqrt => asm!(e; movaps xmm0, xmm1; vfnmadd231sd xmm0, xmm3, xmm3),
            _ => {}
        }
    }

    /// FPSCR, and the result to XMM0.
    fn finish(self, e: &mut Emitter, slow: &SlowPaths) {
        let (zero, exact, store) = (e.label(), e.label(), e.label());
        let [plus, minus] = if self.negate { [MINUS, PLUS] } else { [PLUS, MINUS] };
        // By the signs of the error and of the result: the magnitude grew if they differ.
        let table = [FI | plus, FI | FR | plus, FI | FR | minus, FI | minus];
        let table = table.iter().rev().fold(0, |table, &bits| table << 32 | u128::from(bits));
        let table = e.constant128(table);
        asm!(e
            ; xorps xmm1, xmm1
            ; mov ecx, [rbp + FPSCR]
            ; ucomisd xmm0, xmm1
            ; je =>exact
            ; test ecx, XX as i32
            ; jz =>slow.decline
            ; unpcklpd xmm0, xmm3
            ; movmskpd eax, xmm0
            ; lea rdx, [=>table]
            ; mov edx, [rdx + rax * 4]
            ; =>store
            ; and ecx, !(FR | FI | FPRF) as i32
            ; or ecx, edx
            ; mov [rbp + FPSCR], ecx
            ; movaps xmm0, xmm3
        );
        if self.negate {
            let sign = e.constant128(SIGN);
            asm!(e; xorps xmm0, [=>sign]);
        }
        asm!(e
            ; clc
            ; ret
            ; =>exact
            ; movmskpd edx, xmm3
            ; and edx, 1
        );
        if self.negate {
            asm!(e; xor edx, 1);
        }
        // 00100 or 01000 for numbers, 00010 or 10010 for zeros.
        asm!(e
            ; movq rax, xmm3
            ; add rax, rax
            ; jz =>zero
            ; inc edx
            ; shl edx, 14
            ; jmp =>store
            ; =>zero
            ; shl edx, 16
            ; or edx, 0x2000
            ; jmp =>store
        );
    }
}
