//! Lowerings of AES, SHA-2 and polynomial products.

use super::super::insn::Insn;
use super::emit::{Emitter, asm};
use super::features;
use super::vector::vmx;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Bytes the other way round: the host numbers the state's bytes from its first in memory.
const REVERSED: u128 = 0x00010203_04050607_08090a0b_0c0d0e0f;

/// Rounds that end with the key.
macro_rules! rounds {
    ($($name:ident: $operation:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            if !features::aes() {
                return e.call_exec(i);
            }
            let o = vmx(i);
            let reversed = e.constant128(REVERSED);
            asm!(e
                ; movaps xmm1, [=>reversed]
                ; movaps xmm0, [rbp + o.a]
                ; pxor xmm2, xmm2
                ; pshufb xmm0, xmm1
                ; $operation xmm0, xmm2
                ; pshufb xmm0, xmm1
                ; pxor xmm0, [rbp + o.b]
                ; movaps [rbp + o.t], xmm0
            );
        }
    )* };
}
rounds! {
    vcipher: aesenc;
    vcipherlast: aesenclast;
    vncipherlast: aesdeclast;
}

/// The key comes before InvMixColumns: a last round of the host's and then that.
pub fn vncipher(e: &mut Emitter, i: &Insn) {
    if !features::aes() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    let reversed = e.constant128(REVERSED);
    asm!(e
        ; movaps xmm1, [=>reversed]
        ; movaps xmm0, [rbp + o.a]
        ; movaps xmm2, [rbp + o.b]
        ; pshufb xmm0, xmm1
        ; pshufb xmm2, xmm1
        ; aesdeclast xmm0, xmm2
        ; aesimc xmm0, xmm0
        ; pshufb xmm0, xmm1
        ; movaps [rbp + o.t], xmm0
    );
}

pub fn vpmsumd(e: &mut Emitter, i: &Insn) {
    if !features::pclmulqdq() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    asm!(e
        ; movaps xmm0, [rbp + o.a]
        ; movaps xmm1, xmm0
        ; movaps xmm2, [rbp + o.b]
        ; pclmulqdq xmm0, xmm2, 0x00
        ; pclmulqdq xmm1, xmm2, 0x11
        ; pxor xmm0, xmm1
        ; movaps [rbp + o.t], xmm0
    );
}

/// Products of words, those of either word of a doubleword added.
pub fn vpmsumw(e: &mut Emitter, i: &Insn) {
    if !features::pclmulqdq() {
        return e.call_exec(i);
    }
    let o = vmx(i);
    let low = e.constant128(0x00000000_ffffffff_00000000_ffffffff);
    asm!(e
        ; movaps xmm0, [rbp + o.a]
        ; movaps xmm1, [rbp + o.b]
        ; movaps xmm2, xmm0
        ; movaps xmm3, xmm1
        ; pand xmm0, [=>low]
        ; pand xmm1, [=>low]
        ; psrlq xmm2, 32
        ; psrlq xmm3, 32
        ; movaps xmm4, xmm0
        ; movaps xmm5, xmm2
        ; pclmulqdq xmm0, xmm1, 0x00
        ; pclmulqdq xmm4, xmm1, 0x11
        ; pclmulqdq xmm2, xmm3, 0x00
        ; pclmulqdq xmm5, xmm3, 0x11
        ; pxor xmm0, xmm2
        ; pxor xmm4, xmm5
        ; punpcklqdq xmm0, xmm4
        ; movaps [rbp + o.t], xmm0
    );
}

/// Two rotations to the right, and a third or a shift.
struct Sigma {
    rotate: [i8; 2],
    third: i8,
    shift: bool,
}

const fn sigma(a: i8, b: i8, third: i8, shift: bool) -> Sigma {
    Sigma { rotate: [a, b], third, shift }
}

/// By ST and SIX (FIPS 180-4, sections 4.1.2 and 4.1.3).
const SIGMA_256: [[Sigma; 2]; 2] =
    [[sigma(7, 18, 3, true), sigma(17, 19, 10, true)], [sigma(2, 13, 22, false), sigma(6, 11, 25, false)]];
const SIGMA_512: [[Sigma; 2]; 2] =
    [[sigma(1, 8, 7, true), sigma(19, 61, 6, true)], [sigma(28, 34, 39, false), sigma(14, 18, 41, false)]];

macro_rules! sigmas {
    ($($name:ident: $table:ident $used:literal $bits:literal $left:ident $right:ident;)*) => { $(
        /// As programs use it: the same function in every element.
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let (o, six) = (vmx(i), i.word.bits(17, 4) & $used);
            if six != 0 && six != $used {
                return e.call_exec(i);
            }
            let sigma = &$table[usize::from(i.word.bit(16))][usize::from(six != 0)];
            asm!(e; movaps xmm1, [rbp + o.a]; movaps xmm0, xmm1; $right xmm0, sigma.third);
            let third = (!sigma.shift).then_some(sigma.third);
            for n in sigma.rotate.into_iter().map(|n| (n, true)).chain(third.map(|n| (n, false))) {
                asm!(e; movaps xmm2, xmm1; $left xmm2, $bits - n.0; pxor xmm0, xmm2);
                if n.1 {
                    asm!(e; movaps xmm2, xmm1; $right xmm2, n.0; pxor xmm0, xmm2);
                }
            }
            asm!(e; movaps [rbp + o.t], xmm0);
        }
    )* };
}
sigmas! {
    vshasigmaw: SIGMA_256 0xf 32 pslld psrld;
    vshasigmad: SIGMA_512 0xa 64 psllq psrlq;
}
