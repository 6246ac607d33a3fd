//! Instruction formats (Book I, "Instruction Formats"), and opcodes as the ISA writes them.
//!
//! `X(31, 266)` is primary opcode 31 and, where the format has its extended opcode, 266. Bits that are fixed besides
//! follow: `X(31, 774; 10:10 = 1)`, those of a prefix after that word: `PMrr(; prefix 14:30 = 0)`.

use crate::fields::Word;

/// Instruction format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the ISA's")]
pub enum Form {
    A,
    B,
    D,
    Dq,
    Ds,
    Dx,
    I,
    M,
    Md,
    Mds,
    Sc,
    Va,
    Vc,
    Vn,
    Vx,
    X,
    Xfl,
    Xfx,
    Xl,
    Xo,
    Xs,
    Xx2,
    Xx3,
    Xx4,
    Z22,
    Z23,
    /// 8LS:D, prefixed: eight-byte load or store.
    P8LsD,
    /// 8RR:D, prefixed: eight-byte register to register.
    P8RrD,
    /// 8RR:XX4, prefixed.
    P8RrXx4,
    /// MLS:D, prefixed: modified load or store.
    PMlsD,
    /// MMIRR:XX3, prefixed: modified masked immediate register to register.
    PMmirrXx3,
    /// MRR, prefixed: modified register to register.
    PMrr,
}

/// The bits of a row that tell it apart from others, in both halves of the instruction.
#[derive(Clone, Copy)]
pub(super) struct Opcode {
    /// Their values.
    pub value: u64,
    /// Which they are. An instruction of one word has no prefix.
    pub mask: u64,
}

/// Which word of an instruction.
#[derive(Clone, Copy)]
pub(super) enum Half {
    Prefix,
    /// The only word, or the suffix.
    Low,
}

/// Bits of a row that have a fixed value.
#[derive(Clone, Copy)]
pub(super) struct Fixed {
    pub word: Half,
    pub from: u32,
    pub to: u32,
    pub value: u32,
}

impl Opcode {
    /// Bits `from` to `to` of a word are `value`.
    const fn with(self, Fixed { word, from, to, value }: Fixed) -> Self {
        let shift = 31 - to + if matches!(word, Half::Prefix) { 32 } else { 0 };
        let mask = ((1u64 << (to - from + 1)) - 1) << shift;
        let value = (value as u64) << shift;
        assert!(value & !mask == 0 && self.mask & mask == 0);
        Self { value: self.value | value, mask: self.mask | mask }
    }
}

impl Form {
    /// The opcode with these primary and, if the row has one, extended opcodes and these fixed bits.
    pub(super) const fn opcode(self, opcodes: &[u32], fixed: &[Fixed]) -> Opcode {
        let (value, mask) = match self.prefix() {
            Some((prefix, mask)) => ((prefix as u64) << 32, (mask as u64) << 32),
            None => (0, 0xffff_ffff << 32),
        };
        let mut opcode = Opcode { value, mask };
        if !opcodes.is_empty() {
            opcode = opcode.with(Fixed { word: Half::Low, from: 0, to: 5, value: opcodes[0] });
        }
        if opcodes.len() > 1 {
            let (from, to) = self.extended();
            opcode = opcode.with(Fixed { word: Half::Low, from, to, value: opcodes[1] });
        }
        let mut i = 0;
        while i < fixed.len() {
            opcode = opcode.with(fixed[i]);
            i += 1;
        }
        opcode
    }

    /// First and last bit of the extended opcode.
    const fn extended(self) -> (u32, u32) {
        match self {
            Form::A | Form::Dx => (26, 30),
            Form::Ds => (30, 31),
            Form::Md => (27, 29),
            Form::Mds => (27, 30),
            Form::Va | Form::Vn => (26, 31),
            Form::Vc => (22, 31),
            Form::Vx => (21, 31),
            Form::X | Form::Xfl | Form::Xfx | Form::Xl => (21, 30),
            Form::Xo | Form::Z22 => (22, 30),
            Form::Xs | Form::Xx2 => (21, 29),
            Form::Xx3 | Form::PMmirrXx3 => (21, 28),
            Form::Xx4 | Form::P8RrXx4 => (26, 27),
            Form::Z23 => (23, 30),
            _ => panic!("no extended opcode at a fixed place"),
        }
    }

    /// Value and mask of the prefix's opcode bits: its primary opcode, its type (bits 6:7) and its subtype (bit 8, or bits
    /// 8:11 between registers).
    const fn prefix(self) -> Option<(u32, u32)> {
        let (kind, subtype, bits) = match self {
            Form::P8LsD => (0, 0, 1),
            Form::P8RrD | Form::P8RrXx4 => (1, 0, 4),
            Form::PMlsD => (2, 0, 1),
            Form::PMmirrXx3 => (3, 9, 4),
            Form::PMrr => (3, 0, 4),
            _ => return None,
        };
        let value = Word::PREFIX << 26 | kind << 24 | subtype << (24 - bits);
        Some((value, 0xff << 24 | ((1 << bits) - 1) << (24 - bits)))
    }

    /// Whether it has a prefix, and so eight bytes.
    pub const fn is_prefixed(self) -> bool {
        self.prefix().is_some()
    }
}
