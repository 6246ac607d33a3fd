//! Operands by name: where they are in a word and how they are written.
//!
//! Enters: an operand name or a small sum of names and numbers, and the word. Leaves: its value or its text.
//! Sums are read from left to right: `31-ME`, `MB+SH%64`.

use super::super::{Form, Row};
use crate::fields::Word;

/// How an operand is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gpr,
    /// (RA|0): register 0 means the number 0.
    Gpr0,
    Fpr,
    Vr,
    Vsr,
    Accumulator,
    Number,
    Signed,
    CrField,
    CrBit,
}
use Kind::*;

/// One operand: name, kind, its bits (start, length) from the most significant part, scale, forms (empty: every).
struct Operand(&'static str, Kind, &'static [(u32, u32)], u32, &'static [Form]);

const MD: &[Form] = &[Form::Md, Form::Mds, Form::Xs];

/// Where several entries share a name, the first that fits the form and is clear of the row's opcode bits counts.
static OPERANDS: &[Operand] = &[
    Operand("RT", Gpr, &[(6, 5)], 0, &[]),
    Operand("RTp", Gpr, &[(6, 5)], 0, &[]),
    Operand("RS", Gpr, &[(6, 5)], 0, &[]),
    Operand("RSp", Gpr, &[(6, 5)], 0, &[]),
    Operand("RA", Gpr, &[(11, 5)], 0, &[]),
    Operand("RA0", Gpr0, &[(11, 5)], 0, &[]),
    Operand("RB", Gpr, &[(16, 5)], 0, &[]),
    Operand("RC", Gpr, &[(21, 5)], 0, &[]),
    Operand("FRT", Fpr, &[(6, 5)], 0, &[]),
    Operand("FRTp", Fpr, &[(6, 5)], 0, &[]),
    // Without the bit that makes it odd.
    Operand("FRTp_even", Fpr, &[(6, 4)], 1, &[]),
    Operand("FRS", Fpr, &[(6, 5)], 0, &[]),
    Operand("FRSp", Fpr, &[(6, 5)], 0, &[]),
    Operand("FRA", Fpr, &[(11, 5)], 0, &[]),
    Operand("FRAp", Fpr, &[(11, 4)], 1, &[]),
    Operand("FRB", Fpr, &[(16, 5)], 0, &[]),
    Operand("FRBp", Fpr, &[(16, 4)], 1, &[]),
    Operand("FRC", Fpr, &[(21, 5)], 0, &[]),
    Operand("VRT", Vr, &[(6, 5)], 0, &[]),
    Operand("VRS", Vr, &[(6, 5)], 0, &[]),
    Operand("VRA", Vr, &[(11, 5)], 0, &[]),
    Operand("VRB", Vr, &[(16, 5)], 0, &[]),
    Operand("VRC", Vr, &[(21, 5)], 0, &[]),
    Operand("XT", Vsr, &[(28, 1), (6, 5)], 0, &[Form::Dq]),
    Operand("XT", Vsr, &[(31, 1), (6, 5)], 0, &[]),
    Operand("XS", Vsr, &[(28, 1), (6, 5)], 0, &[Form::Dq]),
    Operand("XS", Vsr, &[(31, 1), (6, 5)], 0, &[]),
    Operand("XA", Vsr, &[(29, 1), (11, 5)], 0, &[]),
    Operand("XB", Vsr, &[(30, 1), (16, 5)], 0, &[]),
    Operand("XC", Vsr, &[(28, 1), (21, 5)], 0, &[]),
    // A pair of registers, the first of which has an even number: TX || Tp || 0.
    Operand("XTp", Vsr, &[(10, 1), (6, 4)], 1, &[]),
    Operand("XSp", Vsr, &[(10, 1), (6, 4)], 1, &[]),
    Operand("AT", Accumulator, &[(6, 3)], 0, &[]),
    Operand("AS", Accumulator, &[(6, 3)], 0, &[]),
    // The accumulators that XA and XB would be of: accumulator n is registers 4n to 4n+3.
    Operand("XA_acc", Number, &[(29, 1), (11, 3)], 0, &[]),
    Operand("XB_acc", Number, &[(30, 1), (16, 3)], 0, &[]),
    Operand("SI", Signed, &[(16, 16)], 0, &[]),
    Operand("UI", Number, &[(16, 16)], 0, &[]),
    Operand("D", Signed, &[(16, 10), (11, 5), (31, 1)], 0, &[Form::Dx]),
    Operand("D", Signed, &[(16, 16)], 0, &[]),
    Operand("DS", Signed, &[(16, 14)], 2, &[]),
    Operand("DQ", Signed, &[(16, 12)], 4, &[]),
    Operand("SH", Number, &[(30, 1), (16, 5)], 0, MD),
    Operand("SH", Number, &[(16, 6)], 0, &[Form::Z22]),
    Operand("SH", Number, &[(23, 3)], 0, &[Form::Vn]),
    Operand("SH", Number, &[(16, 5)], 0, &[]),
    Operand("MB", Number, &[(26, 1), (21, 5)], 0, MD),
    Operand("MB", Number, &[(21, 5)], 0, &[]),
    Operand("ME", Number, &[(26, 1), (21, 5)], 0, MD),
    Operand("ME", Number, &[(26, 5)], 0, &[]),
    Operand("BF", CrField, &[(6, 3)], 0, &[]),
    Operand("BFA", CrField, &[(11, 3)], 0, &[]),
    Operand("BFN", Number, &[(6, 3)], 0, &[]),
    Operand("BO", Number, &[(6, 5)], 0, &[]),
    Operand("BI", CrBit, &[(11, 5)], 0, &[]),
    // BI32: the CR field BI is in. BI3: the bit within it.
    Operand("BI32", CrField, &[(11, 3)], 0, &[]),
    Operand("BI3", Number, &[(14, 2)], 0, &[]),
    Operand("BT", CrBit, &[(6, 5)], 0, &[]),
    Operand("BA", CrBit, &[(11, 5)], 0, &[]),
    Operand("BB", CrBit, &[(16, 5)], 0, &[]),
    Operand("BC", CrBit, &[(21, 5)], 0, &[]),
    Operand("BTN", Number, &[(6, 5)], 0, &[]),
    Operand("BH", Number, &[(19, 2)], 0, &[]),
    Operand("TO", Number, &[(6, 5)], 0, &[]),
    Operand("TH", Number, &[(6, 5)], 0, &[]),
    Operand("NB", Number, &[(16, 5)], 0, &[]),
    Operand("FC", Number, &[(16, 5)], 0, &[]),
    Operand("W", Number, &[(15, 1)], 0, &[]),
    Operand("U", Number, &[(16, 4)], 0, &[]),
    Operand("FLM", Number, &[(7, 8)], 0, &[]),
    Operand("FXM", Number, &[(12, 8)], 0, &[]),
    Operand("BHRBE", Number, &[(11, 10)], 0, &[]),
    Operand("SPR", Number, &[(16, 5), (11, 5)], 0, &[]),
    Operand("TBR", Number, &[(16, 5), (11, 5)], 0, &[]),
    Operand("LEV", Number, &[(20, 7)], 0, &[]),
    Operand("L6", Number, &[(6, 1)], 0, &[]),
    Operand("L8", Number, &[(8, 3)], 0, &[]),
    Operand("L10", Number, &[(10, 1)], 0, &[]),
    Operand("L14", Number, &[(14, 2)], 0, &[]),
    Operand("L15", Number, &[(15, 1)], 0, &[]),
    Operand("R10", Number, &[(10, 1)], 0, &[]),
    Operand("S20", Number, &[(20, 1)], 0, &[]),
    Operand("UIM6", Number, &[(10, 6)], 0, &[]),
    Operand("UIM", Number, &[(11, 5)], 0, &[]),
    Operand("UIM", Number, &[(12, 4)], 0, &[]),
    Operand("UIM", Number, &[(13, 3)], 0, &[]),
    Operand("UIM", Number, &[(14, 2)], 0, &[]),
    Operand("UIM", Number, &[(16, 5)], 0, &[]),
    Operand("IMM", Number, &[(11, 5)], 0, &[]),
    Operand("N", Number, &[(13, 3)], 0, &[]),
    Operand("MP", Number, &[(15, 1)], 0, &[]),
    // b0 || b1 || b2, a bit for each byte.
    Operand("bm", Signed, &[(16, 10), (11, 5), (31, 1)], 0, &[]),
    Operand("SIM", Signed, &[(11, 5)], 0, &[]),
    Operand("IMM8", Number, &[(13, 8)], 0, &[]),
    Operand("SHB", Number, &[(22, 4)], 0, &[]),
    Operand("SHW", Number, &[(22, 2)], 0, &[]),
    Operand("DM", Number, &[(22, 2)], 0, &[]),
    Operand("DM0", Number, &[(22, 1)], 0, &[]),
    Operand("DM1", Number, &[(23, 1)], 0, &[]),
    Operand("PS", Number, &[(22, 1)], 0, &[]),
    Operand("ST", Number, &[(16, 1)], 0, &[]),
    Operand("SIX", Number, &[(17, 4)], 0, &[]),
    Operand("SP", Number, &[(11, 2)], 0, &[]),
    Operand("S", Number, &[(11, 1)], 0, &[]),
    Operand("TE", Signed, &[(11, 5)], 0, &[]),
    Operand("R", Number, &[(15, 1)], 0, &[]),
    Operand("RMC", Number, &[(21, 2)], 0, &[]),
    Operand("CY", Number, &[(21, 2)], 0, &[]),
    Operand("RM", Number, &[(19, 2)], 0, &[]),
    Operand("DRM", Number, &[(18, 3)], 0, &[]),
    Operand("DCM", Number, &[(16, 6)], 0, &[]),
    Operand("DGM", Number, &[(16, 6)], 0, &[]),
    Operand("DCMX", Number, &[(9, 7)], 0, &[]),
    // DCMX of the vector forms: dc || dm || dx.
    Operand("DCMXV", Number, &[(25, 1), (29, 1), (11, 5)], 0, &[]),
    Operand("IH", Number, &[(8, 3)], 0, &[]),
    Operand("RIC", Number, &[(12, 2)], 0, &[]),
    Operand("PRS", Number, &[(14, 1)], 0, &[]),
    Operand("WC", Number, &[(9, 2)], 0, &[]),
    Operand("EH", Number, &[(31, 1)], 0, &[]),
    Operand("BIT31", Number, &[(31, 1)], 0, &[]),
    Operand("STRM", Number, &[(9, 2)], 0, &[]),
    Operand("XO", Number, &[(21, 10)], 0, &[]),
    // DX || D, in doublewords.
    Operand("HD", Number, &[(31, 1), (6, 5)], 3, &[]),
    Operand("BIT9", Number, &[(9, 1)], 0, &[]),
    Operand("BIT11", Number, &[(11, 1)], 0, &[]),
    Operand("SC", Number, &[(14, 2)], 0, &[]),
    Operand("PL", Number, &[(14, 2)], 0, &[]),
    Operand("SI5", Signed, &[(16, 5)], 0, &[]),
];

impl Operand {
    fn mask(&self) -> u32 {
        self.2.iter().map(|&(start, len)| Word(!0).bits(start, len) << (32 - start - len)).sum()
    }

    fn find(name: &str, row: &Row) -> Option<&'static Operand> {
        let fits = |o: &&Operand| {
            o.0 == name
                && (o.4.is_empty() || o.4.contains(&row.form))
                && o.mask() & (row.mask | row.reserved) == 0
        };
        let named = |o: &&Operand| o.0 == name && (o.4.is_empty() || o.4.contains(&row.form));
        OPERANDS.iter().find(fits).or_else(|| OPERANDS.iter().find(named))
    }

    fn value(&self, word: Word) -> i64 {
        let mut value = 0;
        let mut width = 0;
        for &(start, len) in self.2 {
            value = value << len | i64::from(word.bits(start, len));
            width += len;
        }
        if self.1 == Signed {
            value = value << (64 - width) >> (64 - width);
        }
        value << self.3
    }
}

/// The value of a sum of operand names and numbers, or `None` if it names no operand.
pub(super) fn value(sum: &str, word: Word, row: &Row) -> Option<i64> {
    let mut total = 0i64;
    let mut rest = sum;
    let mut operator = '+';
    loop {
        let end = rest.find(['+', '-', '%']).unwrap_or(rest.len());
        let term = match rest[..end].parse::<i64>() {
            Ok(number) => number,
            Err(_) => Operand::find(&rest[..end], row)?.value(word),
        };
        total = match operator {
            '+' => total + term,
            '-' => total - term,
            _ => total.checked_rem_euclid(term)?,
        };
        match rest[end..].chars().next() {
            Some(next) => operator = next,
            None => return Some(total),
        }
        rest = &rest[end + 1..];
    }
}

/// The operand or sum as it is written.
pub(super) fn text(sum: &str, word: Word, address: u64, row: &Row) -> String {
    // The row's formula says whether register 0 means the number 0.
    let name = if sum == "RA" && row.formula.contains("(RA|0)") { "RA0" } else { sum };
    if name == "target_addr" {
        let offset = if row.form == Form::I { word.li() } else { word.bd() };
        // An absolute target is shown as the 32-bit address it extends.
        let target = if word.aa() { offset as u32 as u64 } else { address.wrapping_add(offset as u64) };
        return format!("{target:#x}");
    }
    let Some(value) = value(name, word, row) else { return format!("?{name}") };
    match Operand::find(name, row).map_or(Number, |o| o.1) {
        Gpr => format!("r{value}"),
        Gpr0 if value == 0 => "0".into(),
        Gpr0 => format!("r{value}"),
        Fpr => format!("f{value}"),
        Vr => format!("v{value}"),
        Vsr => format!("vs{value}"),
        Accumulator => format!("a{value}"),
        CrField => format!("cr{value}"),
        CrBit => {
            let bit = ["lt", "gt", "eq", "so"][(value & 3) as usize];
            if value < 4 { bit.into() } else { format!("4*cr{}+{bit}", value >> 2) }
        }
        Number | Signed => value.to_string(),
    }
}
