//! A few instructions by name, and code that is laid out word by word.

pub use crate::words::{mfspr, mtspr};

pub const SRR0: u32 = 26;
pub const SRR1: u32 = 27;
pub const DEC: u32 = 22;
pub const TB: u32 = 268;
pub const LR: u32 = 8;
pub const CTR: u32 = 9;
pub const TAR: u32 = 815;
pub const EBBRR: u32 = 805;
pub const SPRG0: u32 = 272;
pub const SPRG1: u32 = 273;
pub const MMCR0: u32 = 795;

pub const RFID: u32 = 0x4c00_0024;
pub const RFEBB: u32 = 0x4c00_0924;
pub const SC: u32 = 0x4400_0002;
pub const HYPERCALL: u32 = 0x4400_0022;

fn d_form(opcode: u32, rt: u32, ra: u32, d: u32) -> u32 {
    opcode << 26 | rt << 21 | ra << 16 | d & 0xffff
}

pub fn addi(rt: u32, ra: u32, si: i32) -> u32 {
    d_form(14, rt, ra, si as u32)
}

pub fn addis(rt: u32, ra: u32, si: i32) -> u32 {
    d_form(15, rt, ra, si as u32)
}

pub fn ori(ra: u32, rs: u32, ui: u32) -> u32 {
    d_form(24, rs, ra, ui)
}

pub fn oris(ra: u32, rs: u32, ui: u32) -> u32 {
    d_form(25, rs, ra, ui)
}

pub fn lwz(rt: u32, ra: u32, d: u64) -> u32 {
    d_form(32, rt, ra, d as u32)
}

pub fn stw(rs: u32, ra: u32, d: i32) -> u32 {
    d_form(36, rs, ra, d as u32)
}

pub fn ld(rt: u32, ra: u32, d: u64) -> u32 {
    d_form(58, rt, ra, d as u32 & 0xfffc)
}

/// `lxvd2x XT,0,RB`.
pub fn lxvd2x(xt: u32, rb: u32) -> u32 {
    31 << 26 | (xt & 31) << 21 | rb << 11 | 844 << 1 | xt >> 5
}

/// An X form with three registers.
pub fn x_form(rt: u32, ra: u32, rb: u32, xo: u32) -> u32 {
    31 << 26 | rt << 21 | ra << 16 | rb << 11 | xo << 1
}

/// XX's number in the FPSCR, for `mtfsb1`.
pub const XX_BIT: u32 = 6;

pub fn mtfsb1(bit: u32) -> u32 {
    63 << 26 | bit << 21 | 38 << 1
}

pub fn mtfsfi(field: u32, value: u32) -> u32 {
    63 << 26 | field << 23 | value << 12 | 134 << 1
}

pub fn andc(ra: u32, rs: u32, rb: u32) -> u32 {
    31 << 26 | rs << 21 | ra << 16 | rb << 11 | 60 << 1
}

pub fn rlwinm(ra: u32, rs: u32, sh: u32, mb: u32, me: u32) -> u32 {
    21 << 26 | rs << 21 | ra << 16 | sh << 11 | mb << 6 | me << 1
}

/// Inserts the bits of RS from `mb` to `me` of the low word into RA.
pub fn rlwimi(ra: u32, rs: u32, mb: u32, me: u32) -> u32 {
    20 << 26 | rs << 21 | ra << 16 | mb << 6 | me << 1
}

pub fn mtmsrd(rs: u32, l: u32) -> u32 {
    31 << 26 | rs << 21 | l << 16 | 178 << 1
}

/// `scv LEV`; no instruction of a POWER8.
pub fn scv(lev: u32) -> u32 {
    17 << 26 | lev << 5 | 1
}

/// `b` or `bl` by `offset` bytes.
pub fn b(offset: i64, link: bool) -> u32 {
    18 << 26 | offset as u32 & 0x03ff_fffc | u32::from(link)
}

/// `bc` or `bcl` by `offset` bytes.
pub fn bc(bo: u32, bi: u32, offset: i64, link: bool) -> u32 {
    16 << 26 | bo << 21 | bi << 16 | offset as u32 & 0xfffc | u32::from(link)
}

/// `bclr` (16), `bcctr` (528) or `bctar` (560).
pub fn branch_register(which: u32, bo: u32, bi: u32, link: bool) -> u32 {
    19 << 26 | bo << 21 | bi << 16 | which << 1 | u32::from(link)
}

/// BO: always.
pub const ALWAYS: u32 = 0b10100;
/// BO: CTR - 1 is not 0.
pub const COUNT: u32 = 0b10000;

/// Code from one address on.
pub struct Asm {
    /// Address of the first word.
    pub base: u64,
    /// The words.
    pub words: Vec<u32>,
}

impl Asm {
    /// Nothing yet.
    pub fn new(base: u64) -> Self {
        Self { base, words: Vec::new() }
    }

    /// Appends one word.
    pub fn put(&mut self, word: u32) {
        self.words.push(word);
    }

    /// The address that comes next.
    pub fn here(&self) -> u64 {
        self.base + 4 * self.words.len() as u64
    }

    /// The bytes in one byte order.
    pub fn bytes(&self, little: bool) -> Vec<u8> {
        let order = |word: &u32| if little { word.to_le_bytes() } else { word.to_be_bytes() };
        self.words.iter().flat_map(order).collect()
    }
}
