//! One random instruction: any row that has semantics, with operands that make sense most of the time.
//!
//! r14 to r21 are bases and r22 to r25 small offsets, so instructions that compute leave them alone mostly.

use crate::layout::DATA;
use crate::shared::operands::{access_bytes, put, put_spr};
use crate::shared::random::Random;
use ppc_core::{
    fields::Word,
    insn::{Chapter, Exec, Form, Row, decode::decode, rows},
    model::Isa,
    spr::SPRS,
};

/// Registers that hold addresses.
pub const BASES: std::ops::Range<u32> = 14..22;
/// Registers that hold small numbers.
pub const OFFSETS: std::ops::Range<u32> = 22..26;

/// The rows of a model by how often they are wanted.
pub struct Rows {
    isa: Isa,
    all: Vec<&'static Row>,
    upheavals: Vec<&'static Row>,
    plain: Vec<&'static Row>,
    common: Vec<&'static Row>,
    memory: Vec<&'static Row>,
    arithmetic: Vec<&'static Row>,
    /// Those that came with the model's version.
    newest: Vec<&'static Row>,
}

/// Instructions that change what all others mean: programs have them in sequences of their own, and as they come
/// only now and then.
const UPHEAVALS: &[&str] =
    &["mtmsr", "mtmsrd", "rfid", "rfscv", "rfebb", "slbmte", "slbie", "slbia", "sc", "scv", "mtspr"];

impl Rows {
    /// The rows that a model of level `isa` has.
    pub fn of(isa: Isa) -> Self {
        // Some instructions were taken out again: the decoder knows.
        let known = |row: &&Row| {
            !matches!(row.exec, Exec::None) && row.is_in(isa) && decode(Word(row.value), isa).is_some()
        };
        let all: Vec<_> = rows().filter(known).collect();
        let common = |row: &&&Row| matches!(row.chapter, Chapter::Fixed | Chapter::Condition);
        let memory = |row: &&&Row| touches_memory(row);
        let arithmetic = |row: &&&Row| {
            let vectors = matches!(row.chapter, Chapter::Float | Chapter::Vector | Chapter::Vsx);
            // Not those that move the FPSCR, nor those whose operands are not where the others have them.
            vectors
                && !row.form.is_prefixed()
                && !touches_memory(row)
                && !["mtfs", "mffs"].iter().any(|start| row.name.starts_with(start))
        };
        let upheaval = |row: &&&Row| UPHEAVALS.contains(&row.name);
        Self {
            isa,
            upheavals: all.iter().filter(upheaval).copied().collect(),
            plain: all.iter().filter(|row| !upheaval(row)).copied().collect(),
            common: all.iter().filter(common).copied().collect(),
            memory: all.iter().filter(memory).copied().collect(),
            arithmetic: all.iter().filter(arithmetic).copied().collect(),
            newest: all.iter().filter(|row| row.isa() == isa).copied().collect(),
            all,
        }
    }

    /// Every row.
    pub fn all(&self) -> &[&'static Row] {
        &self.all
    }

    /// A random instruction for the address `here`.
    pub fn word(&self, here: u64, random: &mut Random) -> Word {
        if random.once_in(400) {
            return Word::from(random.next() as u32);
        }
        loop {
            let row = match random.below(80) {
                0 => random.of(&self.upheavals),
                1..=20 => random.of(&self.common),
                21..=40 => random.of(&self.memory),
                41..=52 => random.of(&self.newest),
                _ => random.of(&self.plain),
            };
            if row.chapter == Chapter::Branch && !random.once_in(6) {
                continue;
            }
            if let Some(word) = self.instance(row, here, random) {
                return word;
            }
        }
    }

    /// An instruction on vector-scalar registers, its operands changed by `with`.
    pub fn arithmetic(&self, random: &mut Random, with: impl Fn(&Row, u32, &mut Random) -> u32) -> u32 {
        loop {
            let row = random.of(&self.arithmetic);
            let Some(word) = self.instance(row, 0, random) else { continue };
            let word = with(row, word.low(), random);
            if decode(Word::from(word), self.isa).is_some_and(|found| std::ptr::eq(found, row)) {
                return word;
            }
        }
    }

    /// A random instance of `row` for the address `here`; `None` when its fields made another row's word.
    fn instance(&self, row: &'static Row, here: u64, random: &mut Random) -> Option<Word> {
        let mut fields = row.value | random.next() & !row.mask & !row.reserved;
        if random.once_in(32) {
            // The processor ignores reserved bits.
            fields |= random.next() & row.reserved;
        }
        let (mut prefix, mut word) = ((fields >> 32) as u32, fields as u32);
        match row.name {
            "mfspr" | "mtspr" | "mftb" if !random.once_in(16) => {
                let spr = &SPRS[random.below(SPRS.len() as u64) as usize];
                word = put_spr(word, spr.number as u64);
            }
            "bc" => word = put(word, 16, 14, random.below(32).wrapping_sub(16)),
            "b" => word = put(word, 6, 24, random.below(64).wrapping_sub(32)),
            // Other values are invalid.
            name if name.starts_with("xxgenpcv") && !random.once_in(8) => {
                word = put(word, 11, 5, random.below(4));
            }
            "paddi" if prefix & RELATIVE != 0 && !random.once_in(8) => word = put(word, 11, 5, 0),
            _ => {}
        }
        if touches_memory(row) {
            word = aim(row, word, random);
            if row.form.is_prefixed() {
                (prefix, word) = aim_prefixed(prefix, word, here, random);
            }
        } else if !random.once_in(24) {
            word = spare(row, word);
        }
        let word = Word(u64::from(prefix) << 32 | u64::from(word));
        decode(word, self.isa).is_some_and(|found| std::ptr::eq(found, row)).then_some(word)
    }
}

/// R of a prefix.
const RELATIVE: u32 = 1 << 20;

/// The displacement of a prefixed access at `here`, from its base register or to the data. By whichever name it is executed,
/// the data is as far away.
fn aim_prefixed(prefix: u32, word: u32, here: u64, random: &mut Random) -> (u32, u32) {
    let (ra, displacement) = match prefix & RELATIVE != 0 {
        // With an address of its own an instruction has no base register.
        true if random.once_in(24) => return (prefix, word),
        true => (0, (DATA.start + random.below(DATA.end - DATA.start)).wrapping_sub(here)),
        false => (u64::from(word >> 16 & 31), displacement(random) as i16 as u64),
    };
    (put(prefix, 14, 18, displacement >> 16), put(put(word, 16, 16, displacement), 11, 5, ra))
}

/// Instructions whose operand is a block of 128 bytes at a multiple of that.
const BLOCKS: &[&str] = &["copy", "paste_rc"];

/// Whether the row looks at memory.
fn touches_memory(row: &Row) -> bool {
    access_bytes(row) > 0
        || BLOCKS.contains(&row.name)
        || row.chapter == Chapter::Cache && row.notation().contains("RA,RB")
}

/// Makes the operands of an access name bases and offsets.
fn aim(row: &Row, mut word: u32, random: &mut Random) -> u32 {
    if random.once_in(32) {
        return word;
    }
    let base = u64::from(BASES.start) + random.below(8);
    let offset = u64::from(OFFSETS.start) + random.below(4);
    word = put(word, 11, 5, base);
    match row.form {
        Form::D if row.notation().contains("(RA)") => word = put(word, 16, 16, displacement(random)),
        Form::Ds => word = put(word, 16, 14, displacement(random) >> 2),
        Form::Dq => word = put(word, 16, 12, displacement(random) >> 4),
        _ if row.notation().contains("RA,RB") => {
            word = if random.once_in(4) || BLOCKS.contains(&row.name) {
                put(put(word, 11, 5, 0), 16, 5, base)
            } else {
                put(word, 16, 5, offset)
            };
        }
        _ => {}
    }
    // A load's target is no base; what it is otherwise does not matter.
    let target = word >> 21 & 31;
    let general = row.notation().starts_with("RT");
    if general && (BASES.contains(&target) || OFFSETS.contains(&target)) && !random.once_in(24) {
        word = put(word, 6, 5, u64::from(target - 13));
    }
    word
}

fn displacement(random: &mut Random) -> u64 {
    match random.below(8) {
        0..=2 => 0,
        3..=4 => random.below(64),
        5 => random.below(64).wrapping_sub(32),
        6 => random.below(0x200) & !7,
        _ => random.next() & 0xffff,
    }
}

/// Moves targets away from bases and offsets.
fn spare(row: &Row, mut word: u32) -> u32 {
    for (start, names) in [(6, ["RT", "RS"]), (11, ["RA", "RA"])] {
        let register = word >> (27 - start) & 31;
        let kept = BASES.contains(&register) || OFFSETS.contains(&register);
        if kept && names.iter().any(|name| row.notation().contains(name)) {
            word = put(word, start, 5, u64::from(register - 13));
        }
    }
    word
}
