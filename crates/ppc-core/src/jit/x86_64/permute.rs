//! Lowerings of permutes, merges, splats and moves between GPRs and VSRs.
//!
//! Element 0 of the ISA is the host's last one: "high" merges take what the host calls high, too, but its operands
//! change places, and byte n of a register is byte 15 - n of the host's.

use super::super::{insn::Insn, memory::Memory, offsets::vsr};
use super::emit::{Emitter, RAX, RCX, X64, asm};
use super::features;
use super::vector::{Operands, vmx, vsx};
use dynasmrt::{DynasmApi, DynasmLabelApi};

macro_rules! merges {
    ($($name:ident: $operands:ident $operation:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let o = $operands(i);
            asm!(e; movaps xmm0, [rbp + o.b]; $operation xmm0, [rbp + o.a]; movaps [rbp + o.t], xmm0);
        }
    )* };
}
merges! {
    vmrghb: vmx punpckhbw;
    vmrghh: vmx punpckhwd;
    vmrghw: vmx punpckhdq;
    vmrglb: vmx punpcklbw;
    vmrglh: vmx punpcklwd;
    vmrglw: vmx punpckldq;
    xxmrghw: vsx punpckhdq;
    xxmrglw: vsx punpckldq;
}

/// Even words of the ISA are odd words of the host.
fn merge_words(e: &mut Emitter, o: Operands, order: i8) {
    asm!(e
        ; pshufd xmm0, [rbp + o.b], order
        ; pshufd xmm1, [rbp + o.a], order
        ; punpckldq xmm0, xmm1
        ; movaps [rbp + o.t], xmm0
    );
}
pub fn vmrgew(e: &mut Emitter, i: &Insn) {
    merge_words(e, vmx(i), 0b11_01_11_01u8 as i8);
}
pub fn vmrgow(e: &mut Emitter, i: &Insn) {
    merge_words(e, vmx(i), 0b10_00_10_00u8 as i8);
}

pub fn xxpermdi(e: &mut Emitter, i: &Insn) {
    let o = vsx(i);
    let (from_a, from_b) = (!i.word.bit(22), !i.word.bit(23));
    let order = i8::from(from_b) | i8::from(from_a) << 1;
    asm!(e; movaps xmm0, [rbp + o.b]; shufpd xmm0, [rbp + o.a], order; movaps [rbp + o.t], xmm0);
}

/// Sixteen bytes of a || b from byte `start` on.
fn shift_pair(e: &mut Emitter, i: &Insn, o: Operands, start: u32) {
    if start != 0 && !features::sse4() {
        return e.call_exec(i);
    }
    asm!(e; movaps xmm0, [rbp + o.a]);
    if start != 0 {
        asm!(e; palignr xmm0, [rbp + o.b], (16 - start) as i8);
    }
    asm!(e; movaps [rbp + o.t], xmm0);
}
pub fn vsldoi(e: &mut Emitter, i: &Insn) {
    shift_pair(e, i, vmx(i), i.word.bits(22, 4));
}
pub fn xxsldwi(e: &mut Emitter, i: &Insn) {
    shift_pair(e, i, vsx(i), 4 * i.word.bits(22, 2));
}

fn splat_word(e: &mut Emitter, i: &Insn, o: Operands) {
    let lane = 3 - (i.word.uim5() & 3) as u8;
    asm!(e; pshufd xmm0, [rbp + o.b], (lane * 0b01_01_01_01) as i8; movaps [rbp + o.t], xmm0);
}
pub fn vspltw(e: &mut Emitter, i: &Insn) {
    splat_word(e, i, vmx(i));
}
pub fn xxspltw(e: &mut Emitter, i: &Insn) {
    splat_word(e, i, vsx(i));
}

/// t ← bytes of `from` by the host's numbers in `order`, which are all below 16.
fn shuffle(e: &mut Emitter, i: &Insn, t: i32, from: i32, order: u128) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let order = e.constant128(order);
    asm!(e; movaps xmm0, [rbp + from]; pshufb xmm0, [=>order]; movaps [rbp + t], xmm0);
}

const fn bytes(value: u8) -> u128 {
    value as u128 * (u128::MAX / 0xff)
}
const fn halfwords(value: u16) -> u128 {
    value as u128 * (u128::MAX / 0xffff)
}

pub fn vspltb(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    shuffle(e, i, o.t, o.b, bytes(15 - (i.word.uim5() & 15) as u8));
}
pub fn vsplth(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    let low = 2 * (7 - (i.word.uim5() & 7) as u16);
    shuffle(e, i, o.t, o.b, halfwords(low | (low + 1) << 8));
}

macro_rules! reversals {
    ($($name:ident: $order:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let o = vsx(i);
            shuffle(e, i, o.t, o.b, $order);
        }
    )* };
}
reversals! {
    xxbrh: 0x0e0f0c0d_0a0b0809_06070405_02030001;
    xxbrw: 0x0c0d0e0f_08090a0b_04050607_00010203;
    xxbrd: 0x08090a0b_0c0d0e0f_00010203_04050607;
    xxbrq: 0x00010203_04050607_08090a0b_0c0d0e0f;
}

/// t ← `value`.
fn constant(e: &mut Emitter, t: i32, value: u128) {
    match value {
        0 => asm!(e; xorps xmm0, xmm0),
        u128::MAX => asm!(e; pcmpeqd xmm0, xmm0),
        _ => {
            let value = e.constant128(value);
            asm!(e; movaps xmm0, [=>value]);
        }
    }
    asm!(e; movaps [rbp + t], xmm0);
}

fn sim(i: &Insn) -> i8 {
    ((i.word.uim5() as i8) << 3) >> 3
}
pub fn vspltisb(e: &mut Emitter, i: &Insn) {
    constant(e, vmx(i).t, bytes(sim(i) as u8));
}
pub fn vspltish(e: &mut Emitter, i: &Insn) {
    constant(e, vmx(i).t, halfwords(sim(i) as u16));
}
pub fn vspltisw(e: &mut Emitter, i: &Insn) {
    constant(e, vmx(i).t, u128::from(sim(i) as u32) * (u128::MAX / 0xffff_ffff));
}
pub fn xxspltib(e: &mut Emitter, i: &Insn) {
    constant(e, vsx(i).t, bytes(i.word.bits(13, 8) as u8));
}

/// Bytes of the pair a || b (32 bytes) by the numbers in c, counted from the right if `right`.
///
/// With t = 31 - n, the number from the right, byte n is byte t of the host's b below 16 and byte t - 16 of its a
/// otherwise. PSHUFB gives 0 where bit 7 is set: t + 0x70 sets it for numbers of a, and inverted it does for those of b.
fn permute(e: &mut Emitter, i: &Insn, t: i32, [a, b, c]: [i32; 3], right: bool) {
    if !features::sse4() {
        return e.call_exec(i);
    }
    let [low, offset, top] = [0x1f, 0x70, 0x80].map(|value| e.constant128(bytes(value)));
    asm!(e; movaps xmm0, [rbp + c]);
    if right {
        asm!(e; pand xmm0, [=>low]);
    } else {
        asm!(e; pandn xmm0, [=>low]);
    }
    asm!(e
        ; paddb xmm0, [=>offset]
        ; movaps xmm1, [rbp + b]
        ; pshufb xmm1, xmm0
        ; pxor xmm0, [=>top]
        ; movaps xmm2, [rbp + a]
        ; pshufb xmm2, xmm0
        ; por xmm1, xmm2
        ; movaps [rbp + t], xmm1
    );
}
pub fn vperm(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    permute(e, i, o.t, [o.a, o.b, o.c], false);
}
pub fn vpermr(e: &mut Emitter, i: &Insn) {
    let o = vmx(i);
    permute(e, i, o.t, [o.a, o.b, o.c], true);
}
pub fn xxperm(e: &mut Emitter, i: &Insn) {
    let o = vsx(i);
    permute(e, i, o.t, [o.a, o.t, o.b], false);
}
pub fn xxpermr(e: &mut Emitter, i: &Insn) {
    let o = vsx(i);
    permute(e, i, o.t, [o.a, o.t, o.b], true);
}

/// RAX has the address: XMM0 ← its low four bits in every byte.
fn splat_offset(e: &mut Emitter, i: &Insn) {
    X64::ea_indexed(e, i.word.ra(), i.word.rb());
    asm!(e; and eax, 15; imul eax, eax, 0x0101_0101; movd xmm0, eax; pshufd xmm0, xmm0, 0);
}
pub fn lvsl(e: &mut Emitter, i: &Insn) {
    splat_offset(e, i);
    let first = e.constant128(0x00010203_04050607_08090a0b_0c0d0e0f);
    asm!(e; paddb xmm0, [=>first]; movaps [rbp + vmx(i).t], xmm0);
}
pub fn lvsr(e: &mut Emitter, i: &Insn) {
    splat_offset(e, i);
    let first = e.constant128(0x10111213_14151617_18191a1b_1c1d1e1f);
    asm!(e; movaps xmm1, [=>first]; psubb xmm1, xmm0; movaps [rbp + vmx(i).t], xmm1);
}

/// Moves between GPRs and VSRs.
pub fn mfvsrd(e: &mut Emitter, i: &Insn) {
    let to = e.target(i.word.ra(), RAX);
    asm!(e; mov Rq(to), [rbp + vsr(i.word.xt()) + 8]);
    e.put(i.word.ra(), to);
}
pub fn mfvsrld(e: &mut Emitter, i: &Insn) {
    let to = e.target(i.word.ra(), RAX);
    asm!(e; mov Rq(to), [rbp + vsr(i.word.xt())]);
    e.put(i.word.ra(), to);
}
pub fn mfvsrwz(e: &mut Emitter, i: &Insn) {
    let to = e.target(i.word.ra(), RAX);
    asm!(e; mov Rd(to), [rbp + vsr(i.word.xt()) + 8]);
    e.put(i.word.ra(), to);
}
pub fn mtvsrd(e: &mut Emitter, i: &Insn) {
    let t = vsr(i.word.xt());
    let from = e.value(i.word.ra(), RAX);
    asm!(e; mov [rbp + t + 8], Rq(from); mov QWORD [rbp + t], 0);
}
pub fn mtvsrwa(e: &mut Emitter, i: &Insn) {
    let t = vsr(i.word.xt());
    e.get_signed32(RAX, i.word.ra());
    asm!(e; mov [rbp + t + 8], rax; mov QWORD [rbp + t], 0);
}
pub fn mtvsrwz(e: &mut Emitter, i: &Insn) {
    let t = vsr(i.word.xt());
    e.get32(RAX, i.word.ra());
    asm!(e; mov [rbp + t + 8], rax; mov QWORD [rbp + t], 0);
}
pub fn mtvsrdd(e: &mut Emitter, i: &Insn) {
    let t = vsr(i.word.xt());
    let low = e.value(i.word.rb(), RCX);
    asm!(e; mov [rbp + t], Rq(low));
    if i.word.ra() == 0 {
        asm!(e; mov QWORD [rbp + t + 8], 0);
    } else {
        let high = e.value(i.word.ra(), RAX);
        asm!(e; mov [rbp + t + 8], Rq(high));
    }
}
pub fn mtvsrws(e: &mut Emitter, i: &Insn) {
    e.get32(RAX, i.word.ra());
    asm!(e; movd xmm0, eax; pshufd xmm0, xmm0, 0; movaps [rbp + vsr(i.word.xt())], xmm0);
}
