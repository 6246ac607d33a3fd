//! What an instruction word and its operands may look like: fields, accesses, status registers.

use super::random::Random;
use ppc_core::insn::{Chapter, Row};

/// Rows of transactional memory, which is not offered.
pub const TRANSACTIONAL: &[&str] = &[
    "tabort_rc",
    "tabortdc_rc",
    "tabortdci_rc",
    "tabortwc_rc",
    "tabortwci_rc",
    "tbegin_rc",
    "tcheck",
    "tend_rc",
    "trechkpt_rc",
    "treclaim_rc",
    "tsr_rc",
];

/// `word` with its field of `len` bits from bit `start` on set to `value`.
pub fn put(word: u32, start: u32, len: u32, value: u64) -> u32 {
    let shift = 32 - start - len;
    let mask = ((1u64 << len) - 1) as u32;
    word & !(mask << shift) | (value as u32 & mask) << shift
}

/// `word` with the number of a special purpose register.
pub fn put_spr(word: u32, spr: u64) -> u32 {
    put(word, 11, 10, (spr & 31) << 5 | spr >> 5)
}

/// Bytes that an access of the row covers at most, or 0 if it touches no memory.
pub fn access_bytes(row: &Row) -> u64 {
    // Prefixed forms are called as others, with a p.
    let name = if row.form.is_prefixed() { &row.name[1..] } else { row.name };
    let prefetch = ["dcbf", "dcbst", "dcbt", "dcbtst", "icbi", "icbt"].contains(&name);
    let touches = row.notation().contains("(RA)")
        || row.notation().contains("RA,RB")
        || row.notation().contains("RA,NB")
        || row.notation().contains("RA,FC");
    let load_or_store = (name.starts_with('l') || name.starts_with("st"))
        && !name.starts_with("lvs")
        && row.chapter != Chapter::System;
    match () {
        () if name == "dcbz" || prefetch => 128,
        () if !touches || !load_or_store => 0,
        () if ["lmw", "stmw", "lswi", "lswx", "stswi", "stswx"].contains(&name) => 128,
        () if row.notation().contains("RA,FC") || name.contains("xvp") => 32,
        () => 16,
    }
}

/// FPSCR as a program could have left it with no enabled exception pending.
pub fn fpscr(random: &mut Random) -> u64 {
    const FX: u64 = 1 << 31;
    // OX UX ZX XX, VXSNAN..VXVC, VXSOFT VXSQRT VXCVI
    const STATUS: u64 = 0x1ff8_0700;
    const INVALID: u64 = 0x01f8_0700;
    let mut value = random.next() & (STATUS | FX | 0x0007_f000);
    if random.once_in(2) {
        value &= 0x0007_f000;
    }
    // Enables: VE OE UE ZE XE; the status bits they belong to are clear.
    for (enable, status) in [(0x80, INVALID), (0x40, 1 << 28), (0x20, 1 << 27), (0x10, 1 << 26), (8, 1 << 25)]
    {
        if random.once_in(6) {
            value = value & !status | enable;
        }
    }
    if value & INVALID != 0 {
        value |= 1 << 29;
    }
    value | random.below(4) | if random.once_in(4) { random.below(8) << 32 } else { 0 }
}

/// Vector status bits a program can set.
pub fn vscr(random: &mut Random) -> u64 {
    random.below(2) | if random.once_in(6) { 1 << 16 } else { 0 }
}
