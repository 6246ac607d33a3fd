//! Lowerings of load-and-reserve, store-conditional and `dcbz`: the same look into the TLB as other accesses; what misses
//! or is not aligned goes to the instruction's own function.

use super::super::{
    insn::Insn,
    memory::Memory,
    offsets::{RAM, RESERVED_ADDR, RESERVED_GRANULE, RESERVED_LEN, RESERVED_VALUE, SO, crf},
};
use super::emit::{Emitter, RCX, X64, asm};
use crate::memory::CACHE_BLOCK;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Loads `1 << size` bytes and makes the reservation.
fn reserve(e: &mut Emitter, i: &Insn, size: u32) {
    let (slow, done) = e.own_function(i);
    X64::ea_indexed(e, i.word.ra(), i.word.rb());
    if size != 0 {
        asm!(e; test al, (1i8 << size) - 1; jnz =>slow);
    }
    X64::lookup(e, size, false, slow);
    asm!(e; add rax, rdx);
    match (size, e.little_endian) {
        (0, _) => asm!(e; movzx ecx, BYTE [rax]),
        (1, true) => asm!(e; movzx ecx, WORD [rax]),
        (1, false) => asm!(e; movzx ecx, WORD [rax]; rol cx, 8),
        (2, true) => asm!(e; mov ecx, [rax]),
        (2, false) => asm!(e; mov ecx, [rax]; bswap ecx),
        (_, true) => asm!(e; mov rcx, [rax]),
        (_, false) => asm!(e; mov rcx, [rax]; bswap rcx),
    }
    asm!(e
        ; sub rax, [rbp + RAM]
        ; mov [rbp + RESERVED_ADDR], rax
        ; and rax, -(CACHE_BLOCK as i32)
        ; mov [rbp + RESERVED_GRANULE], rax
        ; mov BYTE [rbp + RESERVED_LEN], 1i8 << size
        ; mov [rbp + RESERVED_VALUE], rcx
        ; mov QWORD [rbp + RESERVED_VALUE + 8], 0
    );
    e.put(i.word.rt(), RCX);
    asm!(e; =>done);
}

/// Stores `1 << size` bytes if the reservation is of them; CR field 0 tells. The reservation is gone afterwards.
fn store_conditional(e: &mut Emitter, i: &Insn, size: u32) {
    let (slow, done) = e.own_function(i);
    let not = e.label();
    X64::ea_indexed(e, i.word.ra(), i.word.rb());
    if size != 0 {
        asm!(e; test al, (1i8 << size) - 1; jnz =>slow);
    }
    X64::lookup(e, size, true, slow);
    asm!(e
        ; add rax, rdx
        ; mov rcx, rax
        ; sub rcx, [rbp + RAM]
        ; xor edx, edx
        ; cmp rcx, [rbp + RESERVED_ADDR]
        ; jne =>not
        ; cmp BYTE [rbp + RESERVED_LEN], 1i8 << size
        ; jne =>not
    );
    e.get(RCX, i.word.rs());
    match (size, e.little_endian) {
        (0, _) => asm!(e; mov [rax], cl),
        (1, true) => asm!(e; mov [rax], cx),
        (1, false) => asm!(e; rol cx, 8; mov [rax], cx),
        (2, true) => asm!(e; mov [rax], ecx),
        (2, false) => asm!(e; bswap ecx; mov [rax], ecx),
        (_, true) => asm!(e; mov [rax], rcx),
        (_, false) => asm!(e; bswap rcx; mov [rax], rcx),
    }
    asm!(e
        ; mov edx, 2
        ; =>not
        ; or dl, [rbp + SO]
        ; mov [rbp + crf(0)], dl
        ; xorps xmm0, xmm0
        ; movups [rbp + RESERVED_GRANULE], xmm0
        ; movups [rbp + RESERVED_LEN], xmm0
        ; movups [rbp + RESERVED_VALUE], xmm0
        ; =>done
    );
}

macro_rules! reservations {
    ($($load:ident $store:ident: $size:literal;)*) => { $(
        pub fn $load(e: &mut Emitter, i: &Insn) {
            reserve(e, i, $size);
        }
        pub fn $store(e: &mut Emitter, i: &Insn) {
            store_conditional(e, i, $size);
        }
    )* };
}
reservations! {
    lbarx stbcx_rc: 0;
    lharx sthcx_rc: 1;
    lwarx stwcx_rc: 2;
    ldarx stdcx_rc: 3;
}

/// Zeroes a block.
pub fn dcbz(e: &mut Emitter, i: &Insn) {
    let (miss, done) = e.own_function(i);
    X64::ea_indexed(e, i.word.ra(), i.word.rb());
    asm!(e; and rax, -(CACHE_BLOCK as i32));
    X64::lookup(e, CACHE_BLOCK.trailing_zeros(), true, miss);
    asm!(e; add rax, rdx; xorps xmm0, xmm0);
    for offset in (0..CACHE_BLOCK as i32).step_by(16) {
        asm!(e; movups [rax + offset], xmm0);
    }
    asm!(e; =>done);
}

/// `dcbf` and `dcbst` only check that the byte can be loaded.
pub fn dcbf(e: &mut Emitter, i: &Insn) {
    let (miss, done) = e.own_function(i);
    X64::ea_indexed(e, i.word.ra(), i.word.rb());
    X64::lookup(e, 0, false, miss);
    asm!(e; =>done);
}
pub fn dcbst(e: &mut Emitter, i: &Insn) {
    dcbf(e, i);
}
