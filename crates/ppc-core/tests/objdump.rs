//! The disassembler against GNU objdump, for every word either of them knows.
//!
//! Needs `powerpc64le-linux-gnu-objdump` (Debian: binutils-powerpc64le-linux-gnu).

use std::{collections::BTreeMap, fs, process::Command};

use ppc_core::{
    insn::{disas::disassemble, rows},
    model::Isa,
};

/// Where objdump is wrong by the ISA: the mnemonic one side prints while the other prints `.long`, and why.
const OBJDUMP_IS_WRONG: &[(&str, &str)] = &[
    ("attn", "implementation specific, for service processors; not in the ISA"),
    ("dcbi", "embedded category of 2.07, gone in 3.0"),
    ("dcbzl", "implementation specific; bit 10 of dcbz is reserved"),
    ("eciwx", "external control facility, phased out in 2.07, gone in 3.0"),
    ("ecowx", "external control facility, phased out in 2.07, gone in 3.0"),
    ("icswx", "coprocessor category of 2.07, which no model has; gone in 3.0"),
    ("icswx.", "coprocessor category of 2.07, which no model has; gone in 3.0"),
    ("lfdp", "phased out, but still in 2.07 and 3.0 (Book I, Load Floating-Point Double Pair)"),
    ("lfdpx", "phased out, but still in 2.07 and 3.0 (Book I, Load Floating-Point Double Pair)"),
    ("mftb", "TBR 269, the upper half, is valid too (Book II, Move From Time Base)"),
    ("mtsle", "split little-endian, optional in 2.07, gone in 3.0"),
    ("mtsrd", "bridge facility, gone before 2.07"),
    ("mtsrdin", "bridge facility, gone before 2.07"),
    ("pbt.", "coprocessor category of 2.06, gone in 2.07"),
    ("rfi", "32-bit implementations only"),
    ("rmieg", "in drafts of 3.0 only"),
    ("stfdp", "phased out, but still in 2.07 and 3.0 (Book I, Store Floating-Point Double Pair)"),
    ("stfdpx", "phased out, but still in 2.07 and 3.0 (Book I, Store Floating-Point Double Pair)"),
    ("tlbia", "optional before 2.07, not in it"),
    ("tlbld", "implementation specific (PowerPC 603)"),
    ("tlbli", "implementation specific (PowerPC 603)"),
    ("vabsdub", "appeared in 3.0"),
    ("vabsduh", "appeared in 3.0"),
    ("vabsduw", "appeared in 3.0"),
    ("waitasec", "implementation specific; wait appeared in this encoding in 3.0"),
];

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
    let mut differences: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for (i, (word, theirs)) in words.iter().zip(objdump(&words, cpu)).enumerate() {
        let ours = disassemble(*word, i as u64 * 4, isa);
        if ours != theirs {
            let name = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
            let known = if name(&ours) == ".long" { name(&theirs) } else { name(&ours) };
            let one_refuses = name(&ours) == ".long" || name(&theirs) == ".long";
            if one_refuses && OBJDUMP_IS_WRONG.iter().any(|(mnemonic, _)| *mnemonic == known) {
                continue;
            }
            let example = format!("{word:08x}: ours `{ours}`, objdump `{theirs}`");
            differences.entry((name(&ours), name(&theirs))).or_insert((0, example)).0 += 1;
        }
    }
    let report: Vec<String> = differences.values().map(|(n, example)| format!("{n:6} x {example}")).collect();
    assert!(report.is_empty(), "{cpu}: {} kinds of difference\n{}", report.len(), report.join("\n"));
}

#[test]
fn objdump_agrees_on_power9() {
    compare("power9", Isa::V3_0);
}

#[test]
fn objdump_agrees_on_power8() {
    compare("power8", Isa::V2_07);
}
