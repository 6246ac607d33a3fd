//! Operands: what they are, where they are in an instruction, how they are written.
//!
//! An operand has the ISA's name; where the ISA gives one name to several places each of them has a name of its own and
//! says the ISA's (`XT28 "XT"`). Bits are the ISA's, from the most significant part of the operand on: of the word, or of
//! the suffix, and those of a prefix after `prefix`.

use crate::fields::Word;

/// The kind of an operand, which decides how it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// General purpose register.
    Gpr,
    /// (RA|0): register 0 means the number 0.
    Gpr0,
    /// Two general purpose registers, of which the first has an even number.
    GprPair,
    /// Floating-point register.
    Fpr,
    /// Two floating-point registers, of which the first has an even number.
    FprPair,
    /// Vector register.
    Vr,
    /// Vector-scalar register.
    Vsr,
    /// Accumulator.
    Accumulator,
    /// Unsigned number.
    Number,
    /// Signed number.
    Signed,
    /// Signed displacement; the base register that follows is written behind it in parentheses.
    Displacement,
    /// Displacement whose sign, which is negative, is not in the instruction.
    NegativeDisplacement,
    /// Whether the base of the address is the instruction's own.
    Relative,
    /// Target of a branch, from the branch on or absolute.
    Target,
    /// Field of the condition register.
    CrField,
    /// Bit of the condition register.
    CrBit,
}

impl Kind {
    /// Whether it is a displacement, behind which the base register follows.
    pub const fn is_displacement(self) -> bool {
        matches!(self, Kind::Displacement | Kind::NegativeDisplacement)
    }
}

/// Adjacent bits of an instruction.
#[derive(Clone, Copy)]
struct Span {
    shift: u32,
    len: u32,
}

/// Bits `from` to `to` of the word, or of the suffix.
const fn span(from: u32, to: u32) -> Span {
    Span { shift: 31 - to, len: to - from + 1 }
}

/// Bits `from` to `to` of the prefix.
const fn prefix(from: u32, to: u32) -> Span {
    Span { shift: 63 - to, len: to - from + 1 }
}

macro_rules! spans {
    (@ $from:literal $to:literal) => {
        span($from, $to)
    };
    (@ prefix $from:literal $to:literal) => {
        prefix($from, $to)
    };
}

macro_rules! operands {
    ($($operand:ident $($name:literal)?: $kind:ident [$($($prefix:ident)? $from:literal : $to:literal),+] $(<< $scale:literal)?;)*) => {
        /// An operand of an instruction.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[expect(missing_docs, non_camel_case_types, reason = "the names are the ISA's")]
        pub enum Operand { $($operand),* }

        impl Operand {
            /// All of them.
            pub const ALL: &[Operand] = &[$(Operand::$operand),*];

            /// Its own name.
            pub const fn id(self) -> &'static str {
                match self { $(Operand::$operand => stringify!($operand)),* }
            }

            /// The ISA's name.
            pub const fn name(self) -> &'static str {
                match self { $(Operand::$operand => [$($name,)? stringify!($operand)][0]),* }
            }

            /// What it is.
            pub const fn kind(self) -> Kind {
                match self { $(Operand::$operand => Kind::$kind),* }
            }

            const fn spans(self) -> &'static [Span] {
                match self { $(Operand::$operand => const { &[$(spans!(@ $($prefix)? $from $to)),+] }),* }
            }

            /// The value counts units of so many bytes, as a shift.
            const fn scale(self) -> u32 {
                match self { $(Operand::$operand => 0 $(+ $scale)?),* }
            }
        }
    };
}

#[rustfmt::skip]
operands! {
    RT: Gpr [6:10];
    RS: Gpr [6:10];
    RTp: GprPair [6:10];
    RSp: GprPair [6:10];
    RA: Gpr [11:15];
    RA0 "RA": Gpr0 [11:15];
    RB: Gpr [16:20];
    RC: Gpr [21:25];
    FRT: Fpr [6:10];
    FRS: Fpr [6:10];
    FRTp: Fpr [6:10];
    FRSp: Fpr [6:10];
    FRA: Fpr [11:15];
    FRB: Fpr [16:20];
    FRC: Fpr [21:25];
    FRAp: FprPair [11:15];
    FRBp: FprPair [16:20];
    VRT: Vr [6:10];
    VRS: Vr [6:10];
    VRA: Vr [11:15];
    VRB: Vr [16:20];
    VRC: Vr [21:25];
    XT: Vsr [31:31, 6:10];
    XS: Vsr [31:31, 6:10];
    XT28 "XT": Vsr [28:28, 6:10];
    XS28 "XS": Vsr [28:28, 6:10];
    XA: Vsr [29:29, 11:15];
    XAp: Vsr [29:29, 11:15];
    XB: Vsr [30:30, 16:20];
    XC: Vsr [28:28, 21:25];
    XTp: Vsr [10:10, 6:9] << 1;
    XSp: Vsr [10:10, 6:9] << 1;
    AT: Accumulator [6:8];
    AS: Accumulator [6:8];
    SI: Signed [16:31];
    SI5 "SI": Signed [16:20];
    UI: Number [16:31];
    D: Displacement [16:31];
    DS: Displacement [16:29] << 2;
    DQ: Displacement [16:27] << 4;
    DX "D": Signed [16:25, 11:15, 31:31];
    offset: NegativeDisplacement [31:31, 6:10] << 3;
    SH: Number [16:20];
    SH6 "SH": Number [30:30, 16:20];
    SH16 "SH": Number [16:21];
    SH23 "SH": Number [23:25];
    MB: Number [21:25];
    MB6 "MB": Number [26:26, 21:25];
    ME: Number [26:30];
    ME6 "ME": Number [26:26, 21:25];
    BF: CrField [6:8];
    BFA: CrField [11:13];
    BO: Number [6:10];
    BI: CrBit [11:15];
    BT: CrBit [6:10];
    BA: CrBit [11:15];
    BB: CrBit [16:20];
    BC: CrBit [21:25];
    BH: Number [19:20];
    TO: Number [6:10];
    TH: Number [6:10];
    CT: Number [7:10];
    NB: Number [16:20];
    FC: Number [16:20];
    W: Number [15:15];
    U: Number [16:19];
    FLM: Number [7:14];
    FXM: Number [12:19];
    BHRBE: Number [11:20];
    SPR: Number [16:20, 11:15];
    TBR: Number [16:20, 11:15];
    LEV: Number [20:26];
    L6 "L": Number [6:6];
    L8 "L": Number [8:10];
    L9 "L": Number [9:10];
    L10 "L": Number [10:10];
    L14 "L": Number [14:15];
    L15 "L": Number [15:15];
    A: Number [6:6];
    R10 "R": Number [10:10];
    R: Number [15:15];
    S: Number [11:11];
    S20 "S": Number [20:20];
    UIM: Number [11:15];
    UIM10 "UIM": Number [10:15];
    UIM12 "UIM": Number [12:15];
    UIM13 "UIM": Number [13:15];
    UIM14 "UIM": Number [14:15];
    UIM16 "UIM": Number [16:20];
    IMM: Number [11:15];
    N: Number [13:15];
    MP: Number [15:15];
    bm: Signed [16:25, 11:15, 31:31];
    SIM: Signed [11:15];
    IMM8: Number [13:20];
    SHB: Number [22:25];
    SHW: Number [22:23];
    DM: Number [22:23];
    PS: Number [22:22];
    ST: Number [16:16];
    SIX: Number [17:20];
    SP: Number [11:12];
    TE: Signed [11:15];
    RMC: Number [21:22];
    CY: Number [21:22];
    RM: Number [19:20];
    DRM: Number [18:20];
    DCM: Number [16:21];
    DGM: Number [16:21];
    DCMX: Number [9:15];
    DCMXV "DCMX": Number [25:25, 29:29, 11:15];
    IH: Number [8:10];
    RIC: Number [12:13];
    PRS: Number [14:14];
    WC: Number [9:10];
    EH: Number [31:31];
    STRM: Number [9:10];
    SC: Number [14:15];
    PL: Number [14:15];
    LI "target_addr": Target [6:29] << 2;
    BD "target_addr": Target [16:29] << 2;
    RO: Number [31:31];
    // Fields that the notation of their instruction does not list.
    EX: Number [31:31];
    T: Number [6:6];
    XO23 "XO": Number [23:25];
    // Of prefixed instructions.
    R_P "R": Relative [prefix 11:11];
    SI34 "SI": Signed [prefix 14:31, 16:31];
    D34 "D": Displacement [prefix 14:31, 16:31];
    IMM32: Number [prefix 16:31, 16:31];
    UIM_P "UIM": Number [prefix 29:31];
    IMM_P "IMM": Number [prefix 24:31];
    XMSK: Number [prefix 24:27];
    YMSK: Number [prefix 28:31];
    YMSK2 "YMSK": Number [prefix 28:29];
    PMSK2 "PMSK": Number [prefix 16:17];
    PMSK4 "PMSK": Number [prefix 16:19];
    PMSK8 "PMSK": Number [prefix 16:23];
    IX: Number [14:14];
    XT15 "XT": Vsr [15:15, 6:10];
    XT5 "XT": Vsr [5:5, 6:10];
    XS5 "XS": Vsr [5:5, 6:10];
    // What only extended mnemonics name.
    FRTp_even: Fpr [6:9] << 1;
    BI32: CrField [11:13];
    BI3: Number [14:15];
    BFN: Number [6:8];
    BTN: Number [6:10];
    DM0: Number [22:22];
    DM1: Number [23:23];
    BIT9: Number [9:9];
    BIT11: Number [11:11];
    BIT31: Number [31:31];
    XO: Number [21:30];
    // The accumulators that XA and XB would be of: accumulator n is registers 4n to 4n+3.
    XA_acc: Number [29:29, 11:13];
    XB_acc: Number [30:30, 16:18];
}

impl Operand {
    /// Its bits.
    pub const fn mask(self) -> u64 {
        let spans = self.spans();
        let (mut mask, mut i) = (0, 0);
        while i < spans.len() {
            mask |= ((1 << spans[i].len) - 1) << spans[i].shift;
            i += 1;
        }
        mask
    }

    /// The number that is in `word`.
    pub fn value(self, word: Word) -> i64 {
        let (mut value, mut width) = (0, 0);
        for &Span { shift, len } in self.spans() {
            value = value << len | (word.0 >> shift & ((1 << len) - 1)) as i64;
            width += len;
        }
        match self.kind() {
            Kind::Signed | Kind::Displacement | Kind::Target => value = value << (64 - width) >> (64 - width),
            Kind::NegativeDisplacement => value -= 1 << width,
            _ => {}
        }
        value << self.scale()
    }

    /// The general purpose registers that `word` names in it, a bit for each.
    pub fn gprs(self, word: Word) -> u32 {
        let number = || self.value(word) as u32;
        match self.kind() {
            Kind::Gpr | Kind::Gpr0 => 1 << number(),
            Kind::GprPair => 3 << (number() & !1),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_operand_are_put_together_from_the_left() {
        // lxv vs35,-16(r4): TX is bit 28.
        let word = Word::from(61 << 26 | 3 << 21 | 4 << 16 | 0xfff0 | 8 | 1);
        assert_eq!((Operand::XT28.value(word), Operand::DQ.value(word)), (35, -16));
        // paddi r3,r4,-2
        let word = Word::prefixed(0x0603_ffff, 14 << 26 | 3 << 21 | 4 << 16 | 0xfffe);
        assert_eq!((Operand::SI34.value(word), Operand::R_P.value(word)), (-2, 0));
        assert_eq!(Operand::RTp.gprs(Word(7 << 21)), 0b1100_0000);
    }
}
