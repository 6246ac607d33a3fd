//! Lowerings of loads and stores that change what they move: vectors of words, splats, single precision.
//!
//! What misses the TLB, and what is no ordinary number, goes to the instruction's own function.

use super::super::{insn::Insn, memory::Memory, offsets::vsr};
use super::emit::{Emitter, RAX, X64, asm};
use super::features;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Vectors of elements in little-endian mode: the quadword with its elements the other way round.
macro_rules! vectors {
    ($($load:ident $store:ident: $order:literal;)*) => { $(
        pub fn $load(e: &mut Emitter, i: &Insn) {
            if !e.little_endian || !features::sse4() {
                return e.call_exec(i);
            }
            let (miss, done) = e.own_function(i);
            let order = e.constant128($order);
            X64::ea_indexed(e, i.word.ra(), i.word.rb());
            X64::lookup(e, 4, false, miss);
            asm!(e
                ; movups xmm0, [rax + rdx]
                ; pshufb xmm0, [=>order]
                ; movaps [rbp + vsr(i.word.xt())], xmm0
                ; =>done
            );
        }
        pub fn $store(e: &mut Emitter, i: &Insn) {
            if !e.little_endian || !features::sse4() {
                return e.call_exec(i);
            }
            let (miss, done) = e.own_function(i);
            let order = e.constant128($order);
            X64::ea_indexed(e, i.word.ra(), i.word.rb());
            X64::lookup(e, 4, true, miss);
            asm!(e
                ; movaps xmm0, [rbp + vsr(i.word.xt())]
                ; pshufb xmm0, [=>order]
                ; movups [rax + rdx], xmm0
                ; =>done
            );
        }
    )* };
}
vectors! {
    lxvw4x stxvw4x: 0x03020100_07060504_0b0a0908_0f0e0d0c;
    lxvh8x stxvh8x: 0x01000302_05040706_09080b0a_0d0c0f0e;
    lxvb16x stxvb16x: 0x00010203_04050607_08090a0b_0c0d0e0f;
}

pub fn lxvdsx(e: &mut Emitter, i: &Insn) {
    let (miss, done) = e.own_function(i);
    let t = vsr(i.word.xt());
    X64::ea_indexed(e, i.word.ra(), i.word.rb());
    X64::lookup(e, 3, false, miss);
    asm!(e; mov rcx, [rax + rdx]);
    if !e.little_endian {
        asm!(e; bswap rcx);
    }
    asm!(e; movq xmm0, rcx; punpcklqdq xmm0, xmm0; movaps [rbp + t], xmm0; =>done);
}
pub fn lxvwsx(e: &mut Emitter, i: &Insn) {
    let (miss, done) = e.own_function(i);
    let t = vsr(i.word.xt());
    X64::ea_indexed(e, i.word.ra(), i.word.rb());
    X64::lookup(e, 2, false, miss);
    asm!(e; mov ecx, [rax + rdx]);
    if !e.little_endian {
        asm!(e; bswap ecx);
    }
    asm!(e; movd xmm0, ecx; pshufd xmm0, xmm0, 0; movaps [rbp + t], xmm0; =>done);
}

/// How an instruction forms its address.
#[derive(Clone, Copy)]
enum AddressForm {
    D,
    Ds,
    /// D of 34 bits, from RA or from the instruction.
    Prefixed,
    X,
}

fn address(e: &mut Emitter, i: &Insn, form: AddressForm) {
    let w = i.word;
    match form {
        AddressForm::D => X64::ea_displaced(e, w.ra(), w.si()),
        AddressForm::Ds => X64::ea_displaced(e, w.ra(), w.ds()),
        AddressForm::Prefixed if i.is_relative() => X64::ea_relative(e, i.offset, w.d34()),
        AddressForm::Prefixed => X64::ea_displaced(e, w.ra(), w.d34()),
        AddressForm::X => X64::ea_indexed(e, w.ra(), w.rb()),
    }
}

/// `DOUBLE()` of the word at the address, into doubleword 0 of VSR `t`. The host's conversion is that for zeros and
/// normal numbers, whatever its modes.
fn load_single(e: &mut Emitter, i: &Insn, form: AddressForm, t: usize, update: bool) {
    let (slow, done) = e.own_function(i);
    let zero = e.label();
    address(e, i, form);
    X64::lookup(e, 2, false, slow);
    asm!(e; mov ecx, [rax + rdx]);
    if !e.little_endian {
        asm!(e; bswap ecx);
    }
    asm!(e
        ; movd xmm0, ecx
        ; add ecx, ecx
        ; jz =>zero
        ; sub ecx, 0x0100_0000
        ; cmp ecx, 0xfe00_0000u32 as i32
        ; jae =>slow
        ; =>zero
        ; cvtss2sd xmm0, xmm0
        ; pslldq xmm0, 8
        ; movaps [rbp + vsr(t)], xmm0
    );
    if update {
        e.put(i.word.ra(), RAX);
    }
    asm!(e; =>done);
}

/// `SINGLE()` of doubleword 0 of VSR `s` to the word at the address, if it is a normal single or a zero.
fn store_single(e: &mut Emitter, i: &Insn, form: AddressForm, s: usize, update: bool) {
    let (slow, done) = e.own_function(i);
    let normal = e.label();
    asm!(e
        ; mov rax, [rbp + vsr(s) + 8]
        ; mov rcx, rax
        ; shr rcx, 52
        ; and ecx, 0x7ff
        ; cmp ecx, 896
        ; ja =>normal
        ; lea rcx, [rax + rax]
        ; test rcx, rcx
        ; jnz =>slow
        ; =>normal
        ; mov rcx, rax
        ; shr rax, 32
        ; and eax, 0xc000_0000u32 as i32
        ; shr rcx, 29
        ; and ecx, 0x3fff_ffff
        ; or ecx, eax
    );
    if !e.little_endian {
        asm!(e; bswap ecx);
    }
    asm!(e; movd xmm0, ecx);
    address(e, i, form);
    X64::lookup(e, 2, true, slow);
    asm!(e; movd [rax + rdx], xmm0);
    if update {
        e.put(i.word.ra(), RAX);
    }
    asm!(e; =>done);
}

macro_rules! singles {
    ($($load:ident $store:ident: $form:ident $register:ident $update:literal;)*) => { $(
        pub fn $load(e: &mut Emitter, i: &Insn) {
            // Invalid forms have their function.
            if $update && i.word.ra() == 0 || i.is_relative() && i.word.ra() != 0 {
                return e.call_exec(i);
            }
            load_single(e, i, AddressForm::$form, singles!(@ $register i), $update);
        }
        pub fn $store(e: &mut Emitter, i: &Insn) {
            if $update && i.word.ra() == 0 || i.is_relative() && i.word.ra() != 0 {
                return e.call_exec(i);
            }
            store_single(e, i, AddressForm::$form, singles!(@ $register i), $update);
        }
    )* };
    (@ fpr $i:ident) => { $i.word.frt() };
    (@ vsr $i:ident) => { $i.word.xt() };
    (@ vr $i:ident) => { 32 + $i.word.vrt() };
}
singles! {
    lfs stfs: D fpr false;
    lfsu stfsu: D fpr true;
    lfsx stfsx: X fpr false;
    lfsux stfsux: X fpr true;
    lxsspx stxsspx: X vsr false;
    lxssp stxssp: Ds vr false;
    plfs pstfs: Prefixed fpr false;
    plxssp pstxssp: Prefixed vr false;
}
