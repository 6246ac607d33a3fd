//! THE table of registers that a debugger sees: the order of its rows is GDB's numbering.
//!
//! The first four features have GDB's own names and order (GDB manual, "PowerPC Features"), so GDB knows what they are; the last
//! one is ours and has the registers that a kernel's developer asks for. A VSR from 0 to 31 is a floating-point register and
//! a `vsNh`, its right half; the others are the vector registers.

use std::{fmt::Write, sync::LazyLock};

/// Which part of a register of ours a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// All of it.
    Whole,
    /// The right doubleword of a VSR.
    Right,
}

/// One register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// GDB's name.
    pub name: String,
    /// The machine's name.
    pub source: String,
    /// Which part of the machine's.
    pub part: Part,
    /// Its width: 32, 64 or 128.
    pub bits: usize,
    /// Where its bytes begin among those of all registers.
    pub offset: usize,
    kind: &'static str,
    group: Option<&'static str>,
    feature: usize,
}

impl Row {
    /// Its width in bytes.
    pub fn len(&self) -> usize {
        self.bits / 8
    }

    /// No register is.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Its bytes in a byte order, from the machine's register.
    pub fn bytes(&self, value: u128, little_endian: bool) -> Vec<u8> {
        let mut bytes = value.to_be_bytes()[16 - self.len()..].to_vec();
        if little_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The machine's register after this one was written, if the machine's was `before`. `None`: wrong number of bytes.
    pub fn changed(&self, before: u128, bytes: &[u8], little_endian: bool) -> Option<u128> {
        if bytes.len() != self.len() {
            return None;
        }
        let value = if little_endian {
            bytes.iter().rev().fold(0, |value, &byte| value << 8 | u128::from(byte))
        } else {
            bytes.iter().fold(0, |value, &byte| value << 8 | u128::from(byte))
        };
        Some(match self.part {
            Part::Whole => value,
            Part::Right => before & !u128::from(u64::MAX) | value,
        })
    }
}

const FEATURES: [&str; 5] = [
    "org.gnu.gdb.power.core",
    "org.gnu.gdb.power.fpu",
    "org.gnu.gdb.power.altivec",
    "org.gnu.gdb.power.vsx",
    "org.pyspapr.spr",
];

/// SPRs, by the names that the Power ISA gives them. PIDR is what `pid` is to `mtspr`.
const SPRS: [&str; 28] = [
    "srr0", "srr1", "dar", "dsisr", "cfar", "sprg0", "sprg1", "sprg2", "sprg3", "dec", "tb", "vtb", "pvr",
    "pir", "pidr", "lpcr", "amr", "iamr", "uamor", "dscr", "fscr", "tar", "ppr", "ctrl", "dawr0", "dawrx0",
    "purr", "spurr",
];

/// Every register, in the order of GDB's numbers.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(rows);

/// Bytes of all registers together.
pub static BYTES: LazyLock<usize> = LazyLock::new(|| ROWS.iter().map(Row::len).sum());

/// The target description, as GDB reads it.
pub static DESCRIPTION: LazyLock<String> = LazyLock::new(description);

fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |feature, name: String, source: String, part, bits, kind, group| {
        let offset = rows.last().map_or(0, |last| last.offset + last.len());
        rows.push(Row { name, source, part, bits, offset, kind, group, feature });
    };
    let same = |name: &str| (name.to_owned(), name.to_owned());
    for n in 0..32 {
        let (name, source) = same(&format!("r{n}"));
        add(0, name, source, Part::Whole, 64, "uint64", None);
    }
    for (name, bits, kind) in [
        ("pc", 64, "code_ptr"),
        ("msr", 64, "uint64"),
        ("cr", 32, "uint32"),
        ("lr", 64, "code_ptr"),
        ("ctr", 64, "uint64"),
        ("xer", 32, "uint32"),
    ] {
        add(0, name.into(), name.into(), Part::Whole, bits, kind, None);
    }
    for n in 0..32 {
        let (name, source) = same(&format!("f{n}"));
        add(1, name, source, Part::Whole, 64, "ieee_double", None);
    }
    add(1, "fpscr".into(), "fpscr".into(), Part::Whole, 64, "uint64", Some("float"));
    for n in 0..32 {
        let (name, source) = same(&format!("vr{n}"));
        add(2, name, source, Part::Whole, 128, "vec128", None);
    }
    for name in ["vscr", "vrsave"] {
        add(2, name.into(), name.into(), Part::Whole, 32, "int", Some("vector"));
    }
    for n in 0..32 {
        add(3, format!("vs{n}h"), format!("vs{n}"), Part::Right, 64, "uint64", None);
    }
    for name in SPRS {
        let source = if name == "pidr" { "pid" } else { name };
        add(4, name.into(), source.into(), Part::Whole, 64, "uint64", Some("system"));
    }
    rows
}

/// GDB's union for a vector register: the types and names are those of GDB's own descriptions.
const VECTOR: &str = r#"<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/><vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/><union id="vec128"><field name="uint128" type="uint128"/><field name="v2_double" type="v2d"/><field name="v4_float" type="v4f"/><field name="v4_int32" type="v4i32"/><field name="v8_int16" type="v8i16"/><field name="v16_int8" type="v16i8"/></union>"#;

fn description() -> String {
    let mut text = String::from(
        r#"<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0"><architecture>powerpc:common64</architecture>"#,
    );
    for (number, feature) in FEATURES.iter().enumerate() {
        let _ = write!(text, r#"<feature name="{feature}">"#);
        if *feature == "org.gnu.gdb.power.altivec" {
            text += VECTOR;
        }
        for (n, row) in ROWS.iter().enumerate().filter(|(_, row)| row.feature == number) {
            let _ = write!(
                text,
                r#"<reg name="{}" bitsize="{}" type="{}" regnum="{n}""#,
                row.name, row.bits, row.kind
            );
            if let Some(group) = row.group {
                let _ = write!(text, r#" group="{group}""#);
            }
            text += "/>";
        }
        text += "</feature>";
    }
    text + "</target>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_registers_have_the_numbers_that_gdb_gives_them() {
        for (name, number) in [("r31", 31), ("f0", 38), ("fpscr", 70), ("pc", 32), ("xer", 37), ("vr0", 71)] {
            assert_eq!(ROWS.iter().position(|row| row.name == name), Some(number), "{name}");
        }
    }

    #[test]
    fn bytes_follow_each_other_and_names_are_unique() {
        let mut at = 0;
        for row in ROWS.iter() {
            assert_eq!(row.offset, at);
            at += row.len();
            assert_eq!(ROWS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
        assert_eq!(at, *BYTES);
    }

    #[test]
    fn a_register_that_is_written_as_it_was_read_keeps_its_value() {
        let value = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210_u128;
        for row in ROWS.iter() {
            let whole = match row.bits {
                128 => value,
                bits if row.part == Part::Whole => value & ((1 << bits) - 1),
                _ => value,
            };
            for little_endian in [false, true] {
                let bytes = row.bytes(whole, little_endian);
                assert_eq!(row.changed(whole, &bytes, little_endian), Some(whole), "{}", row.name);
                assert_eq!(row.changed(whole, &bytes[1..], little_endian), None);
            }
        }
    }
}
