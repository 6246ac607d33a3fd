//! From an instruction word to its row.
//!
//! Enters: a word and the instruction set level of the model. Leaves: the row, or `None` for an illegal instruction.
//! Reserved fields are ignored, as the processor ignores them (Book I, "Reserved Fields and Reserved Values").

use std::{collections::HashMap, sync::LazyLock};

use super::{Row, RowId, rows};
use crate::{fields::Word, model::Isa};

/// Bits that index the table: primary opcode and the low eleven bits.
const INDEX: u32 = 0xfc00_07ff;

struct Table {
    rows: Vec<&'static Row>,
    /// By index bits: which candidate list.
    lists: Vec<u16>,
    /// Candidate rows, the most specific first.
    candidates: Vec<Vec<u16>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows: Vec<&'static Row> = rows().collect();
    let mut by_opcode = vec![Vec::new(); 64];
    for (id, row) in rows.iter().enumerate() {
        by_opcode[(row.value >> 26) as usize].push(id as u16);
    }
    for ids in &mut by_opcode {
        ids.sort_by_key(|&id| std::cmp::Reverse(rows[usize::from(id)].mask.count_ones()));
    }
    let mut candidates = Vec::new();
    let mut known = HashMap::new();
    let lists = (0..1u32 << 17)
        .map(|index| {
            let bits = index >> 11 << 26 | index & 0x7ff;
            let matches = |&id: &u16| {
                let row = rows[usize::from(id)];
                (bits ^ row.value) & row.mask & INDEX == 0
            };
            let list: Vec<u16> = by_opcode[(index >> 11) as usize].iter().copied().filter(matches).collect();
            *known.entry(list).or_insert_with_key(|list| {
                candidates.push(list.clone());
                (candidates.len() - 1) as u16
            })
        })
        .collect();
    Table { rows, lists, candidates }
});

/// The id of the row `word` belongs to on a processor of level `isa`.
pub fn decode_id(word: Word, isa: Isa) -> Option<RowId> {
    let table = &*TABLE;
    let index = word.0 >> 26 << 11 | word.0 & 0x7ff;
    let list = &table.candidates[usize::from(table.lists[index as usize])];
    let fits = |id: &&u16| {
        let row = table.rows[usize::from(**id)];
        word.0 & row.mask == row.value && row.is_in(isa)
    };
    list.iter().find(fits).map(|&id| RowId(id))
}

/// The row `word` belongs to on a processor of level `isa`.
pub fn decode(word: Word, isa: Isa) -> Option<&'static Row> {
    decode_id(word, isa).map(|id| TABLE.rows[usize::from(id.0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insn::row;

    #[test]
    fn every_row_decodes_to_itself_whatever_its_reserved_bits() {
        for (id, r) in rows().enumerate() {
            for word in [r.value, r.value | r.reserved] {
                let found = decode_id(Word(word), r.isa()).unwrap();
                // A row with more opcode bits may own this very word.
                let owner = row(found).unwrap();
                assert!(
                    usize::from(found.0) == id || owner.mask & r.mask == r.mask && owner.mask != r.mask,
                    "{} decodes as {}",
                    r.name,
                    owner.name
                );
            }
        }
    }

    #[test]
    fn no_word_belongs_to_two_rows_unless_one_is_more_specific() {
        let all: Vec<_> = rows().collect();
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                let common = a.mask & b.mask;
                if a.value & common == b.value & common {
                    assert!(
                        a.mask != b.mask && (common == a.mask || common == b.mask),
                        "{} and {} overlap",
                        a.name,
                        b.name
                    );
                }
            }
        }
    }

    #[test]
    fn newer_instructions_are_illegal_on_older_processors() {
        // modsw r3,r4,r5 appeared in 3.0.
        assert!(decode(Word(0x7c64_2e16), Isa::V2_07).is_none());
        assert_eq!(decode(Word(0x7c64_2e16), Isa::V3_0).unwrap().name, "modsw");
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = rows().map(|r| r.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(count, names.len());
    }
}
