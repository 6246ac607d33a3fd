//! From an instruction word to its row.
//!
//! Enters: a word, with its prefix if it has one, and the instruction set level of the model. Leaves: the row, or `None` for
//! an illegal instruction.
//! Reserved fields are ignored, as the processor ignores them (Book I, "Reserved Fields and Reserved Values").

use std::sync::LazyLock;

use super::{Row, RowId, rows};
use crate::{fields::Word, model::Isa};

/// Bits of a word that tell the rows of a primary opcode apart first; the others are in few rows' masks.
const LOW: u32 = 0x7ff;

struct Table {
    rows: Vec<&'static Row>,
    /// The numbers of those with a prefix, the most specific first.
    prefixed: Vec<u16>,
    /// The others.
    opcodes: [Opcode; 64],
    /// Where the candidates of each list begin; one more for where the last list ends.
    starts: Vec<u32>,
    /// Row numbers, list after list, in each the most specific first.
    candidates: Vec<u16>,
}

/// The lists of a primary opcode.
#[derive(Clone, Copy, Default)]
struct Opcode {
    first: u32,
    /// The low bits of a word that number its list: none where the opcode alone is the instruction.
    bits: u32,
}

impl Opcode {
    /// The numbers of the lists that `row` belongs to: one for each value of the bits that it leaves free.
    fn lists(self, row: &Row) -> impl Iterator<Item = usize> {
        let (value, free) = (row.value as u32, self.bits & !row.mask as u32);
        // The next larger number that has only free bits, until it is zero again.
        let next = move |low: &u32| Some(low.wrapping_sub(free) & free).filter(|&low| low != 0);
        std::iter::successors(Some(0), next).map(move |low| self.list(value | low))
    }

    fn list(self, word: u32) -> usize {
        (self.first + (word & self.bits)) as usize
    }
}

fn opcode(word: u32) -> usize {
    (word >> 26) as usize
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows: Vec<&'static Row> = rows().collect();
    let mut specific_first: Vec<_> = rows.iter().copied().zip(0u16..).collect();
    specific_first.sort_by_key(|(row, _)| std::cmp::Reverse(row.mask.count_ones()));
    let (prefixed, words): (Vec<_>, Vec<_>) =
        specific_first.into_iter().partition(|(row, _)| row.form.is_prefixed());
    let mut opcodes = [Opcode::default(); 64];
    for (row, _) in &words {
        opcodes[opcode(row.value as u32)].bits |= row.mask as u32 & LOW;
    }
    let mut first = 0;
    for opcode in &mut opcodes {
        // From the highest bit in use downwards.
        opcode.bits = (opcode.bits + 1).next_power_of_two() - 1;
        opcode.first = first;
        first += opcode.bits + 1;
    }
    // How many there are in each list, then where each list ends; from there they are filled downwards.
    let mut starts = vec![0; first as usize + 1];
    for (row, _) in &words {
        opcodes[opcode(row.value as u32)].lists(row).for_each(|list| starts[list] += 1);
    }
    let mut end = 0;
    for start in &mut starts {
        end += *start;
        *start = end;
    }
    let mut candidates = vec![0; end as usize];
    for (row, number) in words.into_iter().rev() {
        for list in opcodes[opcode(row.value as u32)].lists(row) {
            starts[list] -= 1;
            candidates[starts[list] as usize] = number;
        }
    }
    let prefixed = prefixed.into_iter().map(|(_, number)| number).collect();
    Table { rows, prefixed, opcodes, starts, candidates }
});

/// The id of the row `word` belongs to on a processor of level `isa`.
pub fn decode_id(word: Word, isa: Isa) -> Option<RowId> {
    let table = &*TABLE;
    let candidates = if word.prefix() == 0 {
        let list = table.opcodes[opcode(word.low())].list(word.low());
        &table.candidates[table.starts[list] as usize..table.starts[list + 1] as usize]
    } else {
        &table.prefixed
    };
    let fits = |number: &&u16| {
        let row = table.rows[usize::from(**number)];
        word.0 & row.mask == row.value && row.is_in(isa)
    };
    candidates.iter().find(fits).map(|&number| RowId(number))
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
    fn the_table_finds_what_a_search_finds() {
        let search = |word: u32| {
            let fitting = rows()
                .enumerate()
                .filter(|(_, row)| u64::from(word) & row.mask == row.value && row.is_in(Isa::V3_0));
            fitting.max_by_key(|(id, row)| (row.mask.count_ones(), std::cmp::Reverse(*id))).map(|(id, _)| id)
        };
        for bits in 0..1u32 << 17 {
            // The bits between are operands for most; a multiplication gives them all values.
            let word = bits >> 11 << 26 | bits.wrapping_mul(0x9e37_79b1) >> 6 & 0x03ff_f800 | bits & 0x7ff;
            let found = decode_id(Word::from(word), Isa::V3_0).map(|id| usize::from(id.0));
            assert_eq!(found, search(word), "{word:#010x}");
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
