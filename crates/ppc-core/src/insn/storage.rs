//! What a row does with storage, and where: asked after an instruction was traced, never while instructions run.

use super::{Form, Row};
use crate::{fields::Word, memory::BLOCK, state::Cpu};

/// What Books I and II call an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storage {
    /// A Load instruction, or one that is treated as a Load.
    Load,
    /// A Store instruction, or one that is treated as a Store.
    Store,
}

impl Row {
    /// Whether it is a Load or a Store, or is treated as one (2.07 and 3.0B, Book II, "Cache Management Instructions":
    /// of `dcbt`, `dcbst`, `dcbf`, `icbi` and `icbt` each says that it is treated as a Load, of `dcbtst` and `dcbz` that
    /// it is treated as a Store). An atomic function is of the kind that its name says.
    pub fn storage(&self) -> Option<Storage> {
        match self.name {
            "lvsl" | "lvsr" | "lxvkq" | "stop" => None,
            "dcbt" | "dcbst" | "dcbf" | "icbi" | "icbt" | "copy" => Some(Storage::Load),
            "dcbtst" | "dcbz" | "paste_rc" => Some(Storage::Store),
            name if name.starts_with('l') => Some(Storage::Load),
            name if name.starts_with("st") => Some(Storage::Store),
            _ => None,
        }
    }

    /// The effective address of the first byte of the storage operand that `word`, a Load or a Store, has on `cpu`.
    pub fn operand_address(&self, cpu: &Cpu, word: Word) -> u64 {
        let ea = match self.form {
            Form::D => cpu.ea_d(word),
            Form::Ds => cpu.ea_ds(word),
            Form::Dq => cpu.ea_dq(word),
            _ if self.has_address_in_ra() => cpu.wrap(cpu.ra0(word)),
            _ => cpu.ea_x(word),
        };
        ea & !(self.alignment() - 1)
    }

    /// RB, or the field in its place, is a length or a function.
    fn has_address_in_ra(&self) -> bool {
        matches!(
            self.name,
            "lswi" | "stswi" | "lxvl" | "lxvll" | "stxvl" | "stxvll" | "lwat" | "ldat" | "stwat" | "stdat"
        )
    }

    /// The operand begins at a multiple of this, whatever the low bits of the address are.
    fn alignment(&self) -> u64 {
        match self.name {
            "lvehx" | "stvehx" => 2,
            "lvewx" | "stvewx" => 4,
            "lvx" | "lvxl" | "stvx" | "stvxl" => 16,
            "dcbz" => BLOCK,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;

    #[test]
    fn what_a_row_does_with_storage_is_what_its_formula_says() {
        for row in rows() {
            let memory = row.formula.find("MEM(");
            let from = row.formula.find('←').zip(memory).is_some_and(|(arrow, memory)| arrow < memory);
            let into = memory
                .is_some_and(|at| row.formula[at..].contains("← (") || row.formula[at..].contains("← S"));
            let wanted = match (from, into, row.storage()) {
                (true, false, _) => Some(Storage::Load),
                (false, true, _) => Some(Storage::Store),
                // Functions on storage, and blocks.
                (_, _, found) if memory.is_some() || row.formula.contains("block at") => {
                    assert!(found.is_some(), "{}: {}", row.name, row.formula);
                    found
                }
                _ => None,
            };
            assert_eq!(row.storage(), wanted, "{}: {}", row.name, row.formula);
        }
    }

    #[test]
    fn where_an_operand_begins_is_what_the_formula_says() {
        for row in rows().filter(|row| row.storage().is_some()) {
            if let Some(at) = row.formula.find("MEM(") {
                let operand = &row.formula[at..];
                let masked = operand.split_once("& ¬").map_or(1, |(_, mask)| {
                    mask.split([',', ')']).next().and_then(|mask| mask.parse::<u64>().ok()).expect("a mask")
                        + 1
                });
                assert_eq!(row.alignment(), masked, "{}: {}", row.name, row.formula);
                let without = operand.starts_with("MEM((RA|0),");
                assert_eq!(row.has_address_in_ra(), without, "{}: {}", row.name, row.formula);
                let form = if operand.contains("EXTS(DS") {
                    Form::Ds
                } else if operand.contains("EXTS(DQ") {
                    Form::Dq
                } else if operand.contains("EXTS(D)") {
                    Form::D
                } else {
                    Form::X
                };
                let found =
                    if matches!(row.form, Form::D | Form::Ds | Form::Dq) { row.form } else { Form::X };
                assert_eq!(found, form, "{}: {}", row.name, row.formula);
            }
        }
    }
}
