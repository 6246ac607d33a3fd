//! How and where a row accesses storage: used after an instruction was traced, never while instructions run.

use super::{
    Row,
    effect::{Effect, Value},
};
use crate::{fields::Word, state::Cpu};

/// What Books I and II call an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storage {
    /// A Load instruction, or one that is treated as a Load.
    Load,
    /// A Store instruction, or one that is treated as a Store.
    Store,
}

/// The column `accesses`: a Load or Store, or an instruction that is treated as one (2.07 and 3.0B, Book II, "Cache
/// Management Instructions": of `dcbt`, `dcbst`, `dcbf`, `icbi` and `icbt` each says that it is treated as a Load, of
/// `dcbtst` and `dcbz` that it is treated as a Store). An atomic function is of the kind that its name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accesses {
    /// Which of them.
    pub kind: Storage,
    /// The address is (RA|0): RB, or the field in its place, is a length or a function.
    pub at_ra: bool,
    /// The operand begins at a multiple of this, whatever the low bits of the address are.
    pub alignment: u64,
}

impl Effect {
    /// What a row accesses that leaves it to its effect to say so.
    pub(super) const fn accesses(self) -> Option<Accesses> {
        let Effect::Memory(memory) = self else { return None };
        let kind = if memory.store { Storage::Store } else { Storage::Load };
        let alignment = if matches!(memory.value, Value::Aligned) { 1 << memory.size } else { 1 };
        Some(Accesses { kind, at_ra: false, alignment })
    }
}

impl Row {
    /// Whether it is a Load or a Store, or is treated as one.
    pub fn storage(&self) -> Option<Storage> {
        self.accesses.map(|accesses| accesses.kind)
    }

    /// The effective address of the first byte of the storage operand that `word`, a Load or a Store, has on `cpu`, where
    /// it is the current instruction.
    pub fn operand_address(&self, cpu: &Cpu, word: Word) -> u64 {
        let Some(Accesses { at_ra, alignment, .. }) = self.accesses else { return 0 };
        let displacement = self.operands.iter().find(|operand| operand.kind().is_displacement());
        let ea = match displacement {
            Some(displacement) if self.is_relative(word) => {
                cpu.wrap(cpu.cia.wrapping_add(displacement.value(word) as u64))
            }
            Some(displacement) => cpu.wrap(cpu.ra0(word).wrapping_add(displacement.value(word) as u64)),
            None if at_ra => cpu.wrap(cpu.ra0(word)),
            None => cpu.ea_x(word),
        };
        ea & !(alignment - 1)
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
        for row in rows() {
            let Some(accesses) = row.accesses else { continue };
            if let Some(at) = row.formula.find("MEM(") {
                let operand = &row.formula[at..];
                let masked = operand.split_once("& ¬").map_or(1, |(_, mask)| {
                    mask.split([',', ')']).next().and_then(|mask| mask.parse::<u64>().ok()).expect("a mask")
                        + 1
                });
                assert_eq!(accesses.alignment, masked, "{}: {}", row.name, row.formula);
                let without = operand.starts_with("MEM((RA|0),");
                assert_eq!(accesses.at_ra, without, "{}: {}", row.name, row.formula);
                let displaced = row.operands.iter().any(|operand| operand.kind().is_displacement());
                assert_eq!(operand.contains("EXTS(D"), displaced, "{}: {}", row.name, row.formula);
            }
        }
    }

    #[test]
    fn blocks_begin_at_multiples_of_their_size() {
        let dcbz = super::super::row(super::super::id::dcbz).and_then(|row| row.accesses);
        assert_eq!(dcbz.map(|accesses| accesses.alignment), Some(crate::memory::CACHE_BLOCK));
    }
}
