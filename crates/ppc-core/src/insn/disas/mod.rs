//! From an instruction word to text, as GNU objdump writes it.
//!
//! Enters: a word, with its prefix if it has one, its address, the instruction set level. Leaves: mnemonic and operands,
//! `.long` for words that are not instructions of that level. Unlike the processor, text is strict: reserved bits must
//! be zero.
//!
//! Extended mnemonics and every other difference from "mnemonic, operands of the row" are lines of `alias.rs`.

mod alias;
mod operand;

use std::{collections::HashMap, sync::LazyLock};

use self::alias::Alias;
use super::{Row, Variants, decode::decode, operand::Kind, rows};
use crate::{fields::Word, model::Isa};

/// An alias after the expansion of its `{..}` groups.
struct Line {
    mnemonic: String,
    when: String,
    operands: String,
}

/// The n-th of every `{a|b|c}` group in `text`.
fn expand(text: &str, n: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, group)) = rest.split_once('{') {
        let Some((choices, after)) = group.split_once('}') else { break };
        out.push_str(before);
        out.push_str(choices.split('|').nth(n).unwrap_or(""));
        rest = after;
    }
    out + rest
}

/// How many alternatives the groups of an alias have.
fn alternatives(alias: &Alias) -> usize {
    [alias.0, alias.1, alias.2]
        .iter()
        .filter_map(|s| s.split_once('{')?.1.split_once('}'))
        .map(|(choices, _)| choices.split('|').count())
        .max()
        .unwrap_or(1)
}

/// Aliases by the name of their row, in the order they are tried.
static LINES: LazyLock<HashMap<String, Vec<Line>>> = LazyLock::new(|| {
    let mut lines: HashMap<String, Vec<Line>> = HashMap::new();
    for alias in alias::ALIASES {
        for n in 0..alternatives(alias) {
            let name = expand(alias.1, n);
            let mnemonic = expand(alias.0, n).replace('*', &name);
            let line = Line { mnemonic, when: expand(alias.2, n), operands: expand(alias.3, n) };
            lines.entry(name).or_default().push(line);
        }
    }
    lines
});

/// Rows by the primary opcode of their first word, those with most opcode bits first.
static BY_OPCODE: LazyLock<Vec<Vec<&'static Row>>> = LazyLock::new(|| {
    let mut by_opcode: Vec<Vec<&'static Row>> = vec![Vec::new(); 64];
    for row in rows() {
        by_opcode[primary(Word(row.value))].push(row);
    }
    for rows in &mut by_opcode {
        rows.sort_by_key(|row| std::cmp::Reverse(row.mask.count_ones()));
    }
    by_opcode
});

/// Whether a condition on the instruction set level holds, or `None` for any other condition.
fn level_holds(condition: &str, isa: Isa) -> Option<bool> {
    match condition {
        "isa<3.0" => Some(isa < Isa::V3_0),
        "isa>=3.0" => Some(isa >= Isa::V3_0),
        "isa<3.1" => Some(isa < Isa::V3_1),
        "isa>=3.1" => Some(isa >= Isa::V3_1),
        _ => None,
    }
}

/// One condition: `sum=sum`, `sum!=sum`, `sum>=sum`, `sum<sum`, on the level, or none at all.
fn holds(condition: &str, word: Word, row: &Row, isa: Isa) -> bool {
    if condition.is_empty() {
        return true;
    }
    if let Some(holds) = level_holds(condition, isa) {
        return holds;
    }
    let compare = |operator: &str, test: fn(i64, i64) -> bool| {
        let (left, right) = condition.split_once(operator)?;
        Some(test(operand::value(left, word, row)?, operand::value(right, word, row)?))
    };
    compare("!=", |a, b| a != b)
        .or_else(|| compare(">=", |a, b| a >= b))
        .or_else(|| compare("<", |a, b| a < b))
        .or_else(|| compare("=", |a, b| a == b))
        .unwrap_or(false)
}

/// The mnemonic with the letters of its variant; a branch hint stays last.
fn spell(mnemonic: &str, word: Word, variants: Variants) -> String {
    let (stem, hint) = match mnemonic.strip_suffix(['+', '-']) {
        Some(stem) => (stem, &mnemonic[stem.len()..]),
        None => (mnemonic, ""),
    };
    let flag = |set: bool, letter: &'static str| if set { letter } else { "" };
    let (first, second) = match variants {
        Variants::None => ("", ""),
        Variants::Rc => ("", flag(word.rc(), ".")),
        Variants::Rc21 => ("", flag(word.bit(21), ".")),
        Variants::OeRc => (flag(word.oe(), "o"), flag(word.rc(), ".")),
        Variants::Lk => (flag(word.lk(), "l"), ""),
        Variants::AaLk => (flag(word.lk(), "l"), flag(word.aa(), "a")),
    };
    format!("{stem}{first}{second}{hint}")
}

/// The operands as written. `[A,B=2]` are optional: those at the end that have their default (0) are left out.
fn operands(list: &str, word: Word, address: u64, row: &Row) -> String {
    let mut written: Vec<String> = Vec::new();
    let plain: Vec<&str> = list.split(',').filter(|s| !s.is_empty()).collect();
    let default = |item: &str| {
        let (name, value) = item.split_once('=').unwrap_or((item, "0"));
        operand::value(name, word, row) == value.parse().ok()
    };
    let optional = |item: &str| item.strip_prefix('[').and_then(|s| s.strip_suffix(']')).map(str::to_owned);
    for (i, item) in plain.iter().enumerate() {
        if let Some(name) = optional(item) {
            if plain[i..].iter().filter_map(|s| optional(s)).all(|s| default(&s)) {
                continue;
            }
            let name = name.split('=').next().unwrap_or_default();
            written.push(operand::text(name, word, address, row));
        } else if let Some((displacement, base)) = item.split_once('(') {
            let base = operand::text(base.trim_end_matches(')'), word, address, row);
            written.push(format!("{}({base})", operand::text(displacement, word, address, row)));
        } else {
            written.push(operand::text(item, word, address, row));
        }
    }
    written.join(",")
}

/// Whether the instruction's own address is its base.
fn is_relative(word: Word, row: &Row) -> bool {
    row.operands.iter().any(|operand| operand.kind() == Kind::Relative && operand.value(word) != 0)
}

/// What an instruction names that has its own address as base.
fn target(word: Word, address: u64, row: &Row) -> u64 {
    let distance = |kind: Kind| kind.is_displacement() || kind == Kind::Signed;
    let operand = row.operands.iter().find(|operand| distance(operand.kind()));
    address.wrapping_add(operand.map_or(0, |operand| operand.value(word)) as u64)
}

/// The row's own operands as written.
fn own_operands(word: Word, address: u64, row: &Row) -> String {
    let relative = is_relative(word, row);
    let mut text = String::new();
    let mut behind = "";
    for &operand in row.operands {
        // The base register is not there, and that is said by a comment.
        if operand.kind() == Kind::Relative || relative && operand.kind() == Kind::Gpr0 {
            continue;
        }
        text = text + behind + &operand::written(operand, word, address);
        if behind == "(" {
            text.push(')');
        }
        behind = if operand.kind().is_displacement() && !relative { "(" } else { "," };
    }
    text
}

/// Bits a word must have zero to be printed: the reserved ones, but for the rows where objdump is lenient.
fn must_be_zero(row: &Row) -> u64 {
    let lenient = alias::LENIENT.iter().find(|(names, _)| names.contains(&row.name));
    row.reserved & !lenient.map_or(0, |(_, bits)| u64::from(*bits))
}

fn primary(word: Word) -> usize {
    let first = if word.prefix() == 0 { word.low() } else { word.prefix() };
    (first >> 26) as usize
}

/// The text of `word` at `address`.
pub fn disassemble(word: impl Into<Word>, address: u64, isa: Isa) -> String {
    text(word.into(), address, isa)
}

/// The text of `word` at `address` as the newest version of the architecture has it that has the instruction.
pub fn by_newest(word: Word, address: u64) -> String {
    let has = |isa: &Isa| decode(word, *isa).is_some();
    let isa = [Isa::V3_1, Isa::V3_0, Isa::V2_07].into_iter().find(has).unwrap_or(Isa::V3_1);
    disassemble(word, address, isa)
}

fn text(w: Word, address: u64, isa: Isa) -> String {
    for row in &BY_OPCODE[primary(w)] {
        if w.0 & row.mask != row.value || !row.is_in(isa) || w.0 & must_be_zero(row) != 0 {
            continue;
        }
        let chosen = LINES
            .get(row.name)
            .and_then(|lines| lines.iter().find(|l| l.when.split(',').all(|c| holds(c, w, row, isa))));
        let relative = is_relative(w, row);
        // With an address of its own an instruction must have no base register.
        if relative && w.ra() != 0 {
            continue;
        }
        let (mnemonic, mut operands) = match chosen {
            Some(line) if line.mnemonic == ".long" => continue,
            Some(line) => (line.mnemonic.as_str(), operands(&line.operands, w, address, row)),
            None => (row.mnemonic, own_operands(w, address, row)),
        };
        if relative {
            operands += &format!("\t# {:x}", target(w, address, row));
        }
        let mnemonic = spell(mnemonic, w, row.variants);
        return if operands.is_empty() { mnemonic } else { format!("{mnemonic:<7} {operands}") };
    }
    match w.prefix() {
        0 => format!(".long {:#x}", w.low()),
        prefix => format!(".long {prefix:#x},{:#x}", w.low()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_mnemonics_are_preferred() {
        let text = |word: u32| disassemble(word, 0x1000, Isa::V3_0);
        assert_eq!(text(0x6000_0000), "nop");
        assert_eq!(text(0x3860_0001), "li      r3,1");
        assert_eq!(text(0x4e80_0020), "blr");
        assert_eq!(text(0x7c08_02a6), "mflr    r0");
        assert_eq!(text(0x4bff_fffd), "bl      0xffc");
        assert_eq!(text(0x0000_0000), ".long 0x0");
    }

    #[test]
    fn every_alias_names_a_row_and_known_operands() {
        let by_name: HashMap<&str, &Row> = rows().map(|r| (r.name, r)).collect();
        for (name, lines) in LINES.iter() {
            let row = by_name.get(name.as_str()).copied();
            assert!(row.is_some(), "{name} is no row");
            for line in lines {
                let on_fields = |c: &&str| !c.is_empty() && level_holds(c, Isa::V2_07).is_none();
                for condition in line.when.split(',').filter(on_fields) {
                    for side in condition.split(['=', '!', '<', '>']).filter(|s| !s.is_empty()) {
                        assert!(operand::value(side, Word(0), row.unwrap()).is_some(), "{name}: {condition}");
                    }
                }
                assert!(
                    !operands(&line.operands, Word(0), 0, row.unwrap()).contains('?'),
                    "{}",
                    line.operands
                );
            }
        }
        assert!(alias::LENIENT.iter().all(|(names, _)| names.iter().all(|name| by_name.contains_key(name))));
    }
}
