//! An instruction word and its fields, by the names of the Power ISA (Book I, "Instruction Fields").
//!
//! Bit 0 is the most significant bit, as in the ISA. Every accessor returns the raw field; those whose
//! meaning is always signed (`SI`, `DS`, `D`, `BD`, `LI`) return it sign-extended and already scaled.
//!
//! A prefixed instruction (3.1, Book I, "Prefixed Instructions") has its prefix in the high half. The accessors read the
//! low half: the only word of most instructions, the suffix of a prefixed one.

/// An instruction: one word, or a prefix above its suffix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct Word(pub u64);

impl From<u32> for Word {
    fn from(word: u32) -> Self {
        Word(word.into())
    }
}

impl Word {
    /// The primary opcode of a prefix.
    pub const PREFIX: u32 = 1;
    /// No prefixed instruction crosses a multiple of this many bytes.
    pub const PREFIXED_BLOCK: u64 = 64;

    /// The instruction of `prefix` and the word behind it.
    pub const fn prefixed(prefix: u32, suffix: u32) -> Self {
        Word((prefix as u64) << 32 | suffix as u64)
    }

    /// The prefix; 0 for an instruction of one word.
    pub const fn prefix(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The only word, or the suffix.
    #[inline(always)]
    pub const fn low(self) -> u32 {
        self.0 as u32
    }

    /// How long the instruction is.
    #[inline(always)]
    pub const fn bytes(self) -> u32 {
        if self.prefix() == 0 { 4 } else { 8 }
    }

    /// Bits `start..start+len` (ISA numbering), right aligned.
    #[inline(always)]
    pub const fn bits(self, start: u32, len: u32) -> u32 {
        (self.low() >> (32 - start - len)) & ((1u64 << len) - 1) as u32
    }

    /// One bit (ISA numbering).
    #[inline(always)]
    pub const fn bit(self, n: u32) -> bool {
        self.0 & (0x8000_0000 >> n) != 0
    }

    /// Primary opcode, bits 0:5.
    #[inline(always)]
    pub const fn opcd(self) -> u32 {
        self.low() >> 26
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $start:literal, $len:literal;)*) => {
        impl Word {
            $( $(#[$doc])* #[inline(always)] pub const fn $name(self) -> usize { self.bits($start, $len) as usize } )*
        }
    };
}

fields! {
    /// RT: target GPR, bits 6:10.
    rt = 6, 5;
    /// RS: source GPR, bits 6:10.
    rs = 6, 5;
    /// RA, bits 11:15.
    ra = 11, 5;
    /// RB, bits 16:20.
    rb = 16, 5;
    /// RC: third source GPR, bits 21:25.
    rc_reg = 21, 5;
    /// FRT: target FPR, bits 6:10.
    frt = 6, 5;
    /// FRS: source FPR, bits 6:10.
    frs = 6, 5;
    /// FRA, bits 11:15.
    fra = 11, 5;
    /// FRB, bits 16:20.
    frb = 16, 5;
    /// FRC, bits 21:25.
    frc = 21, 5;
    /// VRT: target VR, bits 6:10.
    vrt = 6, 5;
    /// VRA, bits 11:15.
    vra = 11, 5;
    /// VRB, bits 16:20.
    vrb = 16, 5;
    /// VRC, bits 21:25.
    vrc = 21, 5;
    /// BO: branch options, bits 6:10.
    bo = 6, 5;
    /// BI: condition register bit, bits 11:15.
    bi = 11, 5;
    /// BT: target CR bit, bits 6:10.
    bt = 6, 5;
    /// BA: source CR bit, bits 11:15.
    ba = 11, 5;
    /// BB: source CR bit, bits 16:20.
    bb = 16, 5;
    /// BF: target CR or FPSCR field, bits 6:8.
    bf = 6, 3;
    /// BFA: source CR or FPSCR field, bits 11:13.
    bfa = 11, 3;
    /// BH: branch hint, bits 19:20.
    bh = 19, 2;
    /// SH: 5-bit shift, bits 16:20.
    sh5 = 16, 5;
    /// MB of the M form, bits 21:25.
    mb5 = 21, 5;
    /// ME of the M form, bits 26:30.
    me5 = 26, 5;
    /// NB: byte count of the string instructions, bits 16:20.
    nb = 16, 5;
    /// TO: trap conditions, bits 6:10.
    to = 6, 5;
    /// FXM: CR field mask, bits 12:19.
    fxm = 12, 8;
    /// UIM as a 5-bit field, bits 11:15.
    uim5 = 11, 5;
}

impl Word {
    /// Rc, bit 31: record in CR field 0 (or 1 for floating point).
    #[inline(always)]
    pub const fn rc(self) -> bool {
        self.bit(31)
    }
    /// OE, bit 21: set XER\[SO,OV\].
    #[inline(always)]
    pub const fn oe(self) -> bool {
        self.bit(21)
    }
    /// LK, bit 31: set the link register.
    #[inline(always)]
    pub const fn lk(self) -> bool {
        self.bit(31)
    }
    /// AA, bit 30: absolute address.
    #[inline(always)]
    pub const fn aa(self) -> bool {
        self.bit(30)
    }
    /// SI or D, bits 16:31, sign-extended.
    #[inline(always)]
    pub const fn si(self) -> i64 {
        self.low() as i16 as i64
    }
    /// UI, bits 16:31, zero-extended.
    #[inline(always)]
    pub const fn ui(self) -> u64 {
        self.low() as u16 as u64
    }
    /// DS || 0b00, sign-extended.
    #[inline(always)]
    pub const fn ds(self) -> i64 {
        (self.low() as i16 & !3) as i64
    }
    /// DQ || 0b0000, sign-extended.
    #[inline(always)]
    pub const fn dq(self) -> i64 {
        (self.low() as i16 & !15) as i64
    }
    /// D or SI of the prefixed forms, split over prefix and suffix, sign-extended.
    #[inline(always)]
    pub const fn d34(self) -> i64 {
        let value = self.prefix() as u64 & 0x3_ffff;
        ((value << 16 | self.0 & 0xffff) << 30) as i64 >> 30
    }
    /// R of a prefix: the base is the instruction's own address.
    #[inline(always)]
    pub const fn relative(self) -> bool {
        self.prefix() & 1 << 20 != 0
    }
    /// XTp or XSp: the even VSR of a pair, its high bit in bit 10.
    #[inline(always)]
    pub const fn xtp(self) -> usize {
        (self.bits(10, 1) << 5 | self.bits(6, 4) << 1) as usize
    }
    /// BD || 0b00, sign-extended.
    #[inline(always)]
    pub const fn bd(self) -> i64 {
        (self.low() as i16 & !3) as i64
    }
    /// LI || 0b00, sign-extended.
    #[inline(always)]
    pub const fn li(self) -> i64 {
        (((self.low() << 6) as i32) >> 6 & !3) as i64
    }
    /// sh of the MD and XS forms: bit 30 || bits 16:20.
    #[inline(always)]
    pub const fn sh6(self) -> u32 {
        (self.low() >> 11) & 31 | (self.low() << 4) & 32
    }
    /// mb or me of the MD and MDS forms: bit 26 || bits 21:25.
    #[inline(always)]
    pub const fn mb6(self) -> u32 {
        (self.low() >> 6) & 31 | self.low() & 32
    }
    /// SPR number with its halves swapped back.
    #[inline(always)]
    pub const fn spr(self) -> usize {
        ((self.low() >> 16) & 31 | (self.low() >> 6) & 0x3e0) as usize
    }
    /// XT = TX || T (or XS = SX || S): VSR number with its high bit in bit 31.
    #[inline(always)]
    pub const fn xt(self) -> usize {
        ((self.low() >> 21) & 31 | (self.low() << 5) & 32) as usize
    }
    /// XA = AX || A: VSR number with its high bit in bit 29.
    #[inline(always)]
    pub const fn xa(self) -> usize {
        ((self.low() >> 16) & 31 | (self.low() << 3) & 32) as usize
    }
    /// XB = BX || B: VSR number with its high bit in bit 30.
    #[inline(always)]
    pub const fn xb(self) -> usize {
        ((self.low() >> 11) & 31 | (self.low() << 4) & 32) as usize
    }
    /// XC = CX || C: VSR number with its high bit in bit 28.
    #[inline(always)]
    pub const fn xc(self) -> usize {
        ((self.low() >> 6) & 31 | (self.low() << 2) & 32) as usize
    }
    /// XT of the DQ form (lxv, stxv): the high bit is bit 28.
    #[inline(always)]
    pub const fn xt_dq(self) -> usize {
        ((self.low() >> 21) & 31 | (self.low() << 2) & 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_isa_bit_numbers() {
        // rldicl r3,r4,39,57 = 78 83 3e 62
        let w = Word(0x7883_3e62);
        assert_eq!((w.rs(), w.ra(), w.sh6(), w.mb6()), (4, 3, 39, 57));
        // mfspr r0,LR = 7c 08 02 a6
        assert_eq!(Word(0x7c08_02a6).spr(), 8);
        // b .-4
        assert_eq!(Word(0x4bff_fffc).li(), -4);
    }
}
