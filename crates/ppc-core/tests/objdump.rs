//! The disassembler against GNU objdump, for every word either of them knows.
//!
//! Needs `powerpc64le-linux-gnu-objdump` (Debian: binutils-powerpc64le-linux-gnu).

use std::{collections::BTreeMap, fs, process::Command};

use ppc_core::{
    fields::Word,
    insn::{Row, decode, disas::disassemble, rows},
    model::Isa,
};

const EVERY: &[Isa] = &[Isa::V2_07, Isa::V3_0, Isa::V3_1];
const SINCE_3_0: &[Isa] = &[Isa::V3_0, Isa::V3_1];
const SINCE_3_1: &[Isa] = &[Isa::V3_1];

/// What objdump prints and we refuse: the mnemonic, for which processors, and why. What counts is the list of
/// instructions that the OpenPOWER Foundation publishes with version 3.1B, each with the version that brought it:
/// `isa_csv.rs` proves that our rows are that list, and a test here that nothing below contradicts it. For version 2.07
/// there is the list that rsc.io/power64 made of its text. objdump's own tables say of which processors it believes an
/// instruction, where those are named; the options of newer processors include what the older ones have.
const REFUSED: &[(&str, &[Isa], &str)] = &[
    ("attn", EVERY, "in neither list; POWER4 and later, for service processors"),
    ("dcbi", EVERY, "in 2.07 of Book III-E alone, the embedded environment; not in the list of 3.1B"),
    ("dcbzl", EVERY, "in neither list: bit 10 of dcbz is reserved; POWER4 and embedded processors"),
    ("eciwx", EVERY, "in 2.07 of the External Control category, which no model has; not in the list of 3.1B"),
    ("ecowx", EVERY, "in 2.07 of the External Control category, which no model has; not in the list of 3.1B"),
    ("icswx", EVERY, "in neither list; coprocessors of POWER7 and A2"),
    ("icswx.", EVERY, "in neither list; coprocessors of POWER7 and A2"),
    ("mtsle", EVERY, "in 2.07 (Book I, Server), but no model has MSR[SLE]; not in the list of 3.1B"),
    ("mtsrd", EVERY, "in neither list: the bridge from 32-bit systems of the first 64-bit processors"),
    ("mtsrdin", EVERY, "in neither list: the bridge from 32-bit systems of the first 64-bit processors"),
    ("pbt.", EVERY, "in neither list; coprocessors of POWER8"),
    ("rfi", EVERY, "in 2.07 of Book III-E alone, the embedded environment; not in the list of 3.1B"),
    ("rmieg", SINCE_3_0, "in neither list; POWER9"),
    ("tabort.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tabortdc.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tabortdci.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tabortwc.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tabortwci.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tbegin.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tcheck", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tend.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tendall.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("trechkpt.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("treclaim.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tresume.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tsuspend.", SINCE_3_1, "in 2.07 and 3.0; transactional memory went with 3.1; not in the list of 3.1B"),
    ("tlbia", EVERY, "in 2.07 (Book III-S), but no model has it; not in the list of 3.1B"),
    ("tlbld", EVERY, "in neither list; PowerPC 603"),
    ("tlbli", EVERY, "in neither list; PowerPC 603"),
    ("vabsdub", &[Isa::V2_07], "in the list since v3.0, not in 2.07"),
    ("vabsduh", &[Isa::V2_07], "in the list since v3.0, not in 2.07"),
    ("vabsduw", &[Isa::V2_07], "in the list since v3.0, not in 2.07"),
    ("waitasec", &[Isa::V2_07], "in neither list: wait has this encoding since v3.0, another one in 2.07"),
];

/// What we print and objdump refuses for our processors, but prints like us for another one: the mnemonic, that
/// processor, and why. (In both lists all of these are instructions.)
const KNOWN_ELSEWHERE: &[(&str, &str, &str)] = &[
    ("lfdp", "power6", "in the list since v2.05, \"Load Floating-Point Double Pair DS-form\""),
    ("lfdpx", "power6", "in the list since v2.05, \"Load Floating-Point Double Pair Indexed X-form\""),
    ("mftb", "ppc64", "in the list since PPC, \"Move From Time Base XFX-form\""),
    ("mftbu", "ppc64", "mftb of the upper half (Book II, \"Move From Time Base\")"),
    ("stfdp", "power6", "in the list since v2.05, \"Store Floating-Point Double Pair DS-form\""),
    ("stfdpx", "power6", "in the list since v2.05, \"Store Floating-Point Double Pair Indexed X-form\""),
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
fn words(isa: Isa) -> Vec<u32> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut words = Vec::new();
    for row in rows().filter(|row| !row.form.is_prefixed()) {
        let (own, free) = (row.value as u32, !row.mask as u32);
        let proper = free & !row.reserved as u32;
        words.push(own);
        words.push(own | proper);
        words.extend((0..32).map(|bit| 1 << bit).filter(|bit| bit & free != 0).map(|bit| own | bit));
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
            words.push(own | fields & if i < 88 { proper } else { free });
        }
        if row.isa() == isa {
            words.extend(every_field(row, &mut random));
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
    // Prefixes: objdump takes the next word with them.
    words.retain(|word| isa < Isa::V3_1 || word >> 26 != 1);
    words
}

/// Every value of any five adjacent bits of a row, of eight in the newest version, among random others.
fn every_field(row: &Row, random: &mut Random) -> Vec<u32> {
    let (own, free) = (row.value as u32, !row.mask as u32);
    let width = if row.isa() == Isa::V3_1 { 8 } else { 5 };
    let mut words = Vec::new();
    for shift in 0..=26 - width {
        let window = ((1 << width) - 1) << shift;
        if window & free != 0 {
            let others = |random: &mut Random| random.next() & free & !row.reserved as u32 & !window;
            words.extend((0..1 << width).map(|value| own | others(random) | value << shift & free));
        }
    }
    words
}

/// What objdump prints for each word, the first of which is at `address`.
fn objdump(words: &[u32], cpu: &str, address: u64) -> Vec<String> {
    let lines = lines(words, cpu, address);
    assert_eq!(lines.len(), words.len(), "objdump printed a line per word");
    lines.into_values().collect()
}

/// What objdump prints, by address: of instructions of several words only where they begin.
fn lines(words: &[u32], cpu: &str, address: u64) -> BTreeMap<u64, String> {
    let thread = std::thread::current().id();
    let path = std::env::temp_dir().join(format!("ppc-core-objdump-{}-{thread:?}", std::process::id()));
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    fs::write(&path, bytes).unwrap();
    let output = Command::new("powerpc64le-linux-gnu-objdump")
        .args(["-D", "-z", "-b", "binary", "-m", "powerpc:common64", "-EL", "-M", cpu])
        .arg(format!("--adjust-vma={address:#x}"))
        .arg(&path)
        .output()
        .expect("this test needs powerpc64le-linux-gnu-objdump (package binutils-powerpc64le-linux-gnu)");
    fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let mut columns = line.splitn(3, '\t');
        let at = columns.next()?.trim().trim_end_matches(':');
        let text = columns.nth(1)?.trim_end().to_owned();
        Some((u64::from_str_radix(at, 16).ok()?, text))
    };
    text.lines().filter_map(line).collect()
}

fn name(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// Whether our side has no instruction for this word: no row, a reserved bit, or one that came later or went, and that we
/// print as objdump does.
fn refused(word: u32, isa: Isa, theirs: &str) -> bool {
    let row = decode::decode(Word::from(word), isa);
    let later = rows().any(|row| row.mnemonic == name(theirs));
    row.is_none_or(|row| u64::from(word) & row.reserved != 0)
        && (!later
            || [Isa::V3_0, Isa::V3_1].map(|isa| disassemble(word, 0, isa)).contains(&theirs.to_owned()))
}

fn compare(cpu: &str, isa: Isa) {
    let words = words(isa);
    let mut used = [false; REFUSED.len()];
    let mut elsewhere = vec![Vec::new(); KNOWN_ELSEWHERE.len()];
    let mut differences: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for (i, (&word, theirs)) in words.iter().zip(objdump(&words, cpu, 0)).enumerate() {
        let ours = disassemble(word, i as u64 * 4, isa);
        if ours == theirs {
            continue;
        }
        if name(&ours) == ".long" {
            let excuse = REFUSED.iter().position(|e| e.0 == name(&theirs) && e.1.contains(&isa));
            if let Some(excuse) = excuse.filter(|_| refused(word, isa, &theirs)) {
                used[excuse] = true;
                continue;
            }
        } else if name(&theirs) == ".long" {
            let excuse = KNOWN_ELSEWHERE.iter().position(|e| e.0 == name(&ours));
            if let Some(excuse) = excuse {
                elsewhere[excuse].push((word, ours));
                continue;
            }
        }
        let example = format!("{word:08x}: ours `{ours}`, objdump `{theirs}`");
        let kind = (name(&ours).to_owned(), name(&theirs).to_owned());
        differences.entry(kind).or_insert((0, example)).0 += 1;
    }
    let report: Vec<String> = differences.values().map(|(n, example)| format!("{n:6} x {example}")).collect();
    assert!(report.is_empty(), "{cpu}: {} kinds of difference\n{}", report.len(), report.join("\n"));
    for (excuse, used) in REFUSED.iter().zip(used) {
        assert_eq!(used, excuse.1.contains(&isa), "{cpu}: {}", excuse.0);
    }
    for ((mnemonic, knows, _), words) in KNOWN_ELSEWHERE.iter().zip(elsewhere) {
        assert!(!words.is_empty(), "{cpu}: {mnemonic}");
        let (words, ours): (Vec<u32>, Vec<String>) = words.into_iter().unzip();
        assert_eq!(objdump(&words, knows, 0), ours, "{cpu}: {mnemonic}");
    }
}

#[test]
fn objdump_agrees_on_power10() {
    compare("power10", Isa::V3_1);
}

#[test]
fn objdump_agrees_on_power9() {
    compare("power9", Isa::V3_0);
}

#[test]
fn objdump_agrees_on_power8() {
    compare("power8", Isa::V2_07);
}

/// Prefixed instructions, each prefix at a multiple of eight bytes, as objdump prints them.
#[test]
fn objdump_agrees_on_prefixed_instructions() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut instructions = Vec::new();
    for row in rows().filter(|row| row.form.is_prefixed()) {
        let free = !row.mask;
        instructions.extend([row.value, row.value | free & !row.reserved]);
        instructions.extend((0..64).map(|bit| row.value | 1 << bit & free));
        for i in 0..200 {
            let mut fields = u64::from(random.next()) << 32 | u64::from(random.next());
            // Without R, without RA, with little set at all.
            fields &=
                [!0, !(1 << 52), !0x001f_0000, u64::from(random.next()) << 32 | u64::from(random.next())]
                    [i % 4];
            instructions.push(row.value | fields & if i < 180 { free & !row.reserved } else { free });
        }
    }
    let halves: Vec<u32> = instructions.iter().flat_map(|&i| [(i >> 32) as u32, i as u32]).collect();
    let theirs = lines(&halves, "power10", 0);
    let mut known = 0;
    for (&instruction, at) in instructions.iter().zip((0..).step_by(8)) {
        let ours = disassemble(Word(instruction), at, Isa::V3_1);
        let theirs = &theirs[&at];
        // pnop ignores its suffix; objdump shows some of them as pnop, we only the one that assemblers make.
        if theirs.starts_with(".long") || theirs == "pnop" && instruction as u32 != 0 {
            assert!(ours.starts_with(".long"), "{instruction:016x}: ours `{ours}`");
        } else {
            assert_eq!(&ours, theirs, "{instruction:016x}");
            known += 1;
        }
        let decoded = decode::decode(Word(instruction), Isa::V3_1);
        assert!(decoded.is_some_and(|row| row.form.is_prefixed()), "{instruction:016x}");
        assert!(decode::decode(Word(instruction), Isa::V3_0).is_none());
    }
    assert!(known > instructions.len() / 2, "{known} of {}", instructions.len());
}

#[test]
fn branch_targets_are_objdumps_wherever_the_code_is() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    // The first word of each: real and kernel addresses, either side of what 32 and 64 bits, signed or not, can hold.
    for address in [
        0,
        0x100,
        0x1000_0000,
        0x7fff_f000,
        0xffff_f000,
        0x7fff_ffff_ffff_f000,
        0xbfff_ffff_ffff_f000,
        0xc000_0000_0000_0000,
        0xc000_0000_01ff_0000,
        0xc008_0000_0000_0000,
        0xffff_ffff_fffe_0000,
    ] {
        let mut words = Vec::new();
        for _ in 0..1000 {
            // Near and far targets, each with all of AA and LK.
            let [near, far] = [random.next() & 0xfc, random.next()];
            for offset in [near, near.wrapping_neg(), far] {
                let [b, bc] = [18 << 26 | offset & 0x03ff_fffc, 16 << 26 | 20 << 21 | offset & 0x001f_fffc];
                words.extend((0..4).flat_map(|aa_lk| [b | aa_lk, bc | aa_lk]));
            }
        }
        for (i, theirs) in objdump(&words, "power9", address).into_iter().enumerate() {
            let at = address + i as u64 * 4;
            assert_eq!(disassemble(words[i], at, Isa::V3_0), theirs, "{:08x} at {at:#x}", words[i]);
        }
    }
}

#[test]
fn every_excuse_is_in_the_isa_list_or_not_as_it_says() {
    for (mnemonic, isas, _) in REFUSED {
        let row = rows().find(|row| row.mnemonic == *mnemonic);
        assert!(isas.iter().all(|isa| row.is_none_or(|row| !row.is_in(*isa))), "{mnemonic}");
    }
    for (mnemonic, ..) in KNOWN_ELSEWHERE {
        let row = rows().find(|row| row.mnemonic == mnemonic.trim_end_matches('u')).unwrap();
        assert!(EVERY.iter().all(|isa| row.is_in(*isa)), "{mnemonic}");
    }
}
