//! Operands and sums of operands by name, as the lines of `alias.rs` name them, and how they are written.
//!
//! Enters: an operand name or a small sum of names and numbers, and the word. Leaves: its value or its text.
//! Sums are read from left to right: `31-ME`, `MB+SH%64`. A name is one of the row's operands by the ISA's name, or any
//! operand by its own.

use super::super::{
    Row,
    operand::{Kind, Operand},
};
use crate::fields::Word;

/// The operand that `row` calls `name`.
fn find(name: &str, row: &Row) -> Option<Operand> {
    let own = || Operand::ALL.iter().find(|operand| operand.id() == name);
    row.operands.iter().find(|operand| operand.name() == name).or_else(own).copied()
}

/// The value of a sum of operand names and numbers, or `None` if it names no operand.
pub(super) fn value(sum: &str, word: Word, row: &Row) -> Option<i64> {
    let mut total = 0i64;
    let mut rest = sum;
    let mut operator = '+';
    loop {
        let end = rest.find(['+', '-', '%']).unwrap_or(rest.len());
        let term = match rest[..end].parse::<i64>() {
            Ok(number) => number,
            Err(_) => find(&rest[..end], row)?.value(word),
        };
        total = match operator {
            '+' => total + term,
            '-' => total - term,
            _ => total.checked_rem_euclid(term)?,
        };
        match rest[end..].chars().next() {
            Some(next) => operator = next,
            None => return Some(total),
        }
        rest = &rest[end + 1..];
    }
}

/// The operand or sum as it is written.
pub(super) fn text(sum: &str, word: Word, address: u64, row: &Row) -> String {
    match (find(sum, row), value(sum, word, row)) {
        (Some(operand), _) => written(operand, word, address),
        (None, Some(value)) => value.to_string(),
        (None, None) => format!("?{sum}"),
    }
}

/// The operand as it is written.
pub(super) fn written(operand: Operand, word: Word, address: u64) -> String {
    let value = operand.value(word);
    match operand.kind() {
        Kind::Gpr0 if value == 0 => "0".into(),
        Kind::Gpr | Kind::Gpr0 => format!("r{value}"),
        Kind::GprPair => format!("r{}", value & !1),
        Kind::Fpr => format!("f{value}"),
        Kind::FprPair => format!("f{}", value & !1),
        Kind::Vr => format!("v{value}"),
        Kind::Vsr => format!("vs{value}"),
        Kind::Accumulator => format!("a{value}"),
        Kind::CrField => format!("cr{value}"),
        Kind::CrBit => {
            let bit = ["lt", "gt", "eq", "so"][(value & 3) as usize];
            if value < 4 { bit.into() } else { format!("4*cr{}+{bit}", value >> 2) }
        }
        // An absolute target is shown as the 32-bit address it extends.
        Kind::Target if word.aa() => format!("{:#x}", value as u32),
        Kind::Target => format!("{:#x}", address.wrapping_add(value as u64)),
        Kind::Number | Kind::Relative | Kind::Signed | Kind::Displacement | Kind::NegativeDisplacement => {
            value.to_string()
        }
    }
}
