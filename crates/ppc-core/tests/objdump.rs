//! The disassembler against GNU objdump, for every word either of them knows.
//!
//! Needs `powerpc64le-linux-gnu-objdump` (Debian: binutils-powerpc64le-linux-gnu).

use std::{collections::BTreeMap, fs, process::Command};

use ppc_core::{
    insn::{disas::disassemble, rows},
    model::Isa,
};

/// Which side prints an instruction where the other prints `.long`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Ours,
    Objdump,
}

/// Where one side refuses a word and the ISA agrees with ours: the mnemonic, who knows it, for which processors, and
/// why. What counts is the list of instructions that the OpenPOWER Foundation publishes with version 3.1B, each with
/// the version that brought it: `isa_csv.rs` proves that our rows are that list, and the last test here that nothing
/// below contradicts it. What the reasons add about older versions and other processors could not be checked against
/// the text of 2.07.
const OBJDUMP_IS_WRONG: &[(&str, Side, &[Isa], &str)] = &[
    ("attn", Side::Objdump, BOTH, "not in the list: implementation specific, for service processors"),
    ("dcbi", Side::Objdump, BOTH, "not in the list: of the embedded categories"),
    (
        "dcbzl",
        Side::Objdump,
        BOTH,
        "not in the list, in which bit 10 of dcbz is reserved; implementation specific",
    ),
    ("eciwx", Side::Objdump, BOTH, "not in the list: external control, a category of its own before 3.0"),
    ("ecowx", Side::Objdump, BOTH, "not in the list: external control, a category of its own before 3.0"),
    (
        "icswx",
        Side::Objdump,
        BOTH,
        "not in the list: a coprocessor's category before 3.0, which no model has",
    ),
    (
        "icswx.",
        Side::Objdump,
        BOTH,
        "not in the list: a coprocessor's category before 3.0, which no model has",
    ),
    ("lfdp", Side::Ours, BOTH, "in the list, since v2.05 (\"Load Floating-Point Double Pair DS-form\")"),
    (
        "lfdpx",
        Side::Ours,
        BOTH,
        "in the list, since v2.05 (\"Load Floating-Point Double Pair Indexed X-form\")",
    ),
    (
        "mftb",
        Side::Ours,
        BOTH,
        "in the list, with any TBR; 269 is the upper half (Book II, Move From Time Base)",
    ),
    ("mtsle", Side::Objdump, BOTH, "not in the list: an option of 2.07, which no model has"),
    ("mtsrd", Side::Objdump, BOTH, "not in the list: a bridge from 32-bit systems"),
    ("mtsrdin", Side::Objdump, BOTH, "not in the list: a bridge from 32-bit systems"),
    ("pbt.", Side::Objdump, BOTH, "not in the list: a coprocessor's category"),
    ("rfi", Side::Objdump, BOTH, "not in the list: of 32-bit implementations; rfid is its successor"),
    ("rmieg", Side::Objdump, &[Isa::V3_0], "not in the list: of drafts of 3.0"),
    ("stfdp", Side::Ours, BOTH, "in the list, since v2.05 (\"Store Floating-Point Double Pair DS-form\")"),
    (
        "stfdpx",
        Side::Ours,
        BOTH,
        "in the list, since v2.05 (\"Store Floating-Point Double Pair Indexed X-form\")",
    ),
    ("tlbia", Side::Objdump, BOTH, "not in the list: optional in older versions, and no model has it"),
    ("tlbld", Side::Objdump, BOTH, "not in the list: implementation specific (PowerPC 603)"),
    ("tlbli", Side::Objdump, BOTH, "not in the list: implementation specific (PowerPC 603)"),
    ("vabsdub", Side::Objdump, &[Isa::V2_07], "in the list since v3.0"),
    ("vabsduh", Side::Objdump, &[Isa::V2_07], "in the list since v3.0"),
    ("vabsduw", Side::Objdump, &[Isa::V2_07], "in the list since v3.0"),
    ("waitasec", Side::Objdump, &[Isa::V2_07], "not in the list; wait has this encoding since v3.0"),
];

const BOTH: &[Isa] = &[Isa::V2_07, Isa::V3_0];

/// A small deterministic generator (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }
}

/// Words that make each row show its fields, its aliases and its reserved bits, and plain random words.
fn words() -> Vec<u32> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut words = Vec::new();
    for row in rows() {
        let free = !row.mask;
        let proper = free & !row.reserved;
        words.push(row.value);
        words.push(row.value | proper);
        words.extend((0..32).map(|bit| 1 << bit).filter(|bit| bit & free != 0).map(|bit| row.value | bit));
        for i in 0..96 {
            let mut fields = random.next();
            let field = |at: u32, value: u32| (value & 31) << (31 - at - 4);
            let five = random.next();
            match i % 8 {
                // Two or three register fields alike.
                0 => fields = fields & !0x001f_f800 | field(11, five) | field(16, five),
                1 => fields = fields & !0x03ff_0000 | field(6, five) | field(11, five),
                2 => fields = fields & !0x03ff_f800 | field(6, five) | field(11, five) | field(16, five),
                // Zero and all-ones fields.
                3 => fields &= !0x001f_0000,
                4 => fields &= !0x0000_ffc0,
                5 => fields = fields & !0x03e0_0000 | field(6, random.next() % 4 * 8 + 4),
                6 => fields &= random.next() & random.next(),
                _ => {}
            }
            words.push(row.value | fields & if i < 88 { proper } else { free });
        }
    }
    // Every extended opcode, whether or not it is a row; every special purpose register.
    for opcode in [0, 1, 4, 5, 6, 9, 17, 19, 22, 30, 31, 56, 57, 58, 59, 60, 61, 62, 63] {
        for extended in 0..2048 {
            words.extend(
                [0, random.next() & 0x03ff_f800, random.next() & 0x03e0_0000]
                    .map(|f| opcode << 26 | f | extended),
            );
        }
    }
    for spr in 0..1024u32 {
        let field = (spr & 31) << 16 | (spr >> 5) << 11;
        words.extend([339, 467, 371].map(|xo| 31 << 26 | random.next() & 0x03e0_0000 | field | xo << 1));
    }
    words.extend((0..200_000).map(|_| random.next()));
    words
}

fn objdump(words: &[u32], cpu: &str) -> Vec<String> {
    let path = std::env::temp_dir().join(format!("ppc-core-objdump-{}-{cpu}", std::process::id()));
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    fs::write(&path, bytes).unwrap();
    let output = Command::new("powerpc64le-linux-gnu-objdump")
        .args(["-D", "-z", "-b", "binary", "-m", "powerpc:common64", "-EL", "-M", cpu])
        .arg(&path)
        .output()
        .expect("this test needs powerpc64le-linux-gnu-objdump (package binutils-powerpc64le-linux-gnu)");
    fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.splitn(3, '\t').nth(2).map(|text| text.trim_end().to_owned()))
        .collect();
    assert_eq!(lines.len(), words.len(), "objdump printed a line per word");
    lines
}

fn compare(cpu: &str, isa: Isa) {
    let words = words();
    let mut used = [false; OBJDUMP_IS_WRONG.len()];
    let mut differences: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for (i, (word, theirs)) in words.iter().zip(objdump(&words, cpu)).enumerate() {
        let ours = disassemble(*word, i as u64 * 4, isa);
        if ours != theirs {
            let name = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
            let known = match (name(&ours).as_str(), name(&theirs).as_str()) {
                (".long", theirs) => Some((theirs.to_owned(), Side::Objdump)),
                (ours, ".long") => Some((ours.to_owned(), Side::Ours)),
                _ => None,
            };
            let excuse = known.and_then(|(mnemonic, side)| {
                OBJDUMP_IS_WRONG.iter().position(|w| w.0 == mnemonic && w.1 == side && w.2.contains(&isa))
            });
            if let Some(excuse) = excuse {
                used[excuse] = true;
                continue;
            }
            let example = format!("{word:08x}: ours `{ours}`, objdump `{theirs}`");
            differences.entry((name(&ours), name(&theirs))).or_insert((0, example)).0 += 1;
        }
    }
    let report: Vec<String> = differences.values().map(|(n, example)| format!("{n:6} x {example}")).collect();
    assert!(report.is_empty(), "{cpu}: {} kinds of difference\n{}", report.len(), report.join("\n"));
    for (wrong, used) in OBJDUMP_IS_WRONG.iter().zip(used) {
        assert_eq!(used, wrong.2.contains(&isa), "{cpu}: {}", wrong.0);
    }
}

#[test]
fn objdump_agrees_on_power9() {
    compare("power9", Isa::V3_0);
}

#[test]
fn objdump_agrees_on_power8() {
    compare("power8", Isa::V2_07);
}

#[test]
fn every_excuse_is_in_the_isa_list_or_not_as_it_says() {
    for &(mnemonic, side, isas, _) in OBJDUMP_IS_WRONG {
        let row = rows().find(|row| row.mnemonic == mnemonic);
        for &isa in isas {
            let listed = row.is_some_and(|row| row.is_in(isa));
            assert_eq!(listed, side == Side::Ours, "{mnemonic} in {isa:?}");
        }
    }
}
