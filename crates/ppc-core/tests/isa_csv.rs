//! The instruction table against a list of the Power ISA 3.1B's instructions, `data/power-isa-3.1b.csv`.
//!
//! The list is the work of the Go authors, under the licence beside it.

use std::collections::HashMap;

use ppc_core::insn::{Row, Variants, rows};

/// Rows the list does not have, and where they come from.
const NOT_IN_LIST: &[(&str, &str)] = &[
    ("doze nap sleep rvwinkle", "2.07 Book III-S, Power-Saving Mode Instructions"),
    ("tbegin_rc tend_rc tcheck tsr_rc treclaim_rc trechkpt_rc", "2.07 and 3.0 Book II, Transactional Memory"),
    (
        "tabort_rc tabortwc_rc tabortwci_rc tabortdc_rc tabortdci_rc",
        "2.07 and 3.0 Book II, Transactional Memory",
    ),
    ("dst dstst dss", "AltiVec data stream instructions, no-ops on later processors"),
    ("reserved_nop", "Book Appendices, Reserved Instructions"),
];

/// What the mask of a row without a prefix has where those of others have their prefix.
const NO_PREFIX: u64 = 0xffff_ffff << 32;

/// Where a row departs from the list: name, mask, reserved, why.
const DIFFERENT: &[(&str, u64, u64, &str)] = &[
    (
        "mffs",
        NO_PREFIX | 0xfc00_07fe,
        0x001f_f800,
        "bits 11:15 are reserved in 2.07; 3.0 gave some values to its variants",
    ),
    ("xsnabsqp", NO_PREFIX | 0xfc1f_07fe, 0x0000_0001, "the list calls the reserved bit 31 TX"),
];

struct Entry {
    form: String,
    mnemonics: Vec<String>,
    operands: String,
    value: u64,
    mask: u64,
    reserved: u64,
    version: String,
}

const LIST: &str = include_str!("data/power-isa-3.1b.csv");

/// The mnemonic and the operands of an alternative like `add. RT,RA,RB (OE=0 Rc=1)`.
fn alternative(text: &str) -> (String, String) {
    let (mnemonic, rest) = text.split_once(' ').unwrap_or((text, ""));
    let condition = rest.rfind('(').filter(|&i| rest[i..].contains('=')).unwrap_or(rest.len());
    (mnemonic.to_owned(), rest[..condition].replace(' ', ""))
}

/// Value, mask and reserved bits of one word: `31@0|RT@6|RA@11|RB@16|/@21|266@22|/@31`.
fn word(encoding: &str) -> [u64; 3] {
    let fields: Vec<(&str, u32)> = encoding
        .split('|')
        .filter_map(|f| f.split_once('@'))
        .map(|(name, start)| (name, start.parse().unwrap()))
        .collect();
    let (mut value, mut mask, mut reserved) = (0, 0, 0);
    for (i, &(name, start)) in fields.iter().enumerate() {
        let end = fields.get(i + 1).map_or(32, |f| f.1);
        let bits = ((1u64 << (end - start)) - 1) << (32 - end);
        if let Ok(number) = name.parse::<u64>() {
            value |= number << (32 - end);
            mask |= bits;
        } else if name.starts_with('/') || name == "??" {
            reserved |= bits;
        }
    }
    [value, mask, reserved]
}

fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for line in LIST.lines().filter(|l| l.starts_with('"')) {
        let columns: Vec<&str> = line.trim_matches('"').split("\",\"").collect();
        let &[title, forms, encoding, version] = columns.as_slice() else { panic!("four columns: {line}") };
        let [value, mask, reserved] = match encoding.strip_prefix(',').and_then(|words| words.split_once(','))
        {
            Some((prefix, suffix)) => {
                let (prefix, suffix) = (word(prefix), word(suffix));
                std::array::from_fn(|i| prefix[i] << 32 | suffix[i])
            }
            None => {
                let [value, mask, reserved] = word(encoding);
                [value, NO_PREFIX | mask, reserved]
            }
        };
        let alternatives: Vec<_> = forms.split('|').map(alternative).collect();
        entries.push(Entry {
            form: title
                .rsplit(' ')
                .next()
                .unwrap()
                .replace("-form", "")
                .replace("Xform", "X")
                .replace("SendX", "X")
                // 8RR:XX4 is also written 8RR-XX4, and pnop's format MRR:*.
                .replace([':', '-', '*'], ""),
            operands: alternatives[0].1.clone(),
            mnemonics: alternatives.into_iter().map(|a| a.0).collect(),
            value,
            mask,
            reserved,
            version: version.to_owned(),
        });
    }
    entries
}

fn spellings(row: &Row) -> Vec<String> {
    let suffixes: &[&str] = match row.variants {
        Variants::None => &[""],
        Variants::Rc | Variants::Rc21 => &["", "."],
        Variants::OeRc => &["", ".", "o", "o."],
        Variants::Lk => &["", "l"],
        Variants::AaLk => &["", "a", "l", "la"],
    };
    suffixes.iter().map(|suffix| format!("{}{suffix}", row.mnemonic)).collect()
}

#[test]
fn every_listed_instruction_has_exactly_its_row() {
    let by_mnemonic: HashMap<&str, &Row> = rows().map(|r| (r.mnemonic, r)).collect();
    let mut wrong = Vec::new();
    for entry in entries() {
        let name = &entry.mnemonics[0];
        let Some(row) = by_mnemonic.get(name.as_str()) else {
            wrong.push(format!("{name}: no row"));
            continue;
        };
        let different = DIFFERENT.iter().find(|d| d.0 == row.name);
        let (mask, reserved) = different.map_or((entry.mask, entry.reserved), |d| (d.1, d.2));
        let mut check = |what: &str, good: bool| {
            if !good {
                wrong.push(format!("{name}: {what}"));
            }
        };
        check("value", row.value == entry.value & mask);
        check("mask", row.mask == mask);
        check("reserved", row.reserved == reserved);
        check("operands", row.notation() == entry.operands);
        // A name cannot begin with a digit: prefixed formats have a P before theirs.
        let form = format!("{:?}", row.form);
        let form = if row.form.is_prefixed() { &form[1..] } else { &form };
        check("form", form.eq_ignore_ascii_case(&entry.form));
        check("version", format!("{:?}", row.level).replace('_', ".").eq_ignore_ascii_case(&entry.version));
        // The list also gives extended mnemonics (li, nop, xsaddqpo), which are not rows.
        let spellings = spellings(row);
        let extended =
            ["li", "lis", "nop", "cmpw", "cmpd", "cmpwi", "cmpdi", "cmplw", "cmpld", "cmplwi", "cmpldi"];
        let known = |m: &String| {
            spellings.contains(m)
                || extended.contains(&m.as_str())
                || m.strip_suffix(['o', 'x']) == Some(row.mnemonic)
        };
        check("mnemonics", entry.mnemonics.iter().all(known));
        check(
            "variants",
            row.variants == Variants::None || spellings.iter().all(|s| entry.mnemonics.contains(s)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_is_listed_or_accounted_for() {
    let entries = entries();
    let extra: Vec<&str> = NOT_IN_LIST.iter().flat_map(|(names, _)| names.split(' ')).collect();
    for row in rows() {
        let listed = entries.iter().any(|e| e.mnemonics[0] == row.mnemonic);
        assert!(listed != extra.contains(&row.name), "{}", row.name);
    }
}

#[test]
fn a_row_is_named_after_its_mnemonic() {
    for row in rows() {
        let name = row.mnemonic.replace('.', "_rc");
        assert!(row.name == name, "{} for {}", row.name, row.mnemonic);
    }
}
