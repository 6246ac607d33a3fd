//! Guest instructions and registers as the compiler sees them.

use crate::{
    exec::ExecFn,
    fields::Word,
    insn::{Effect, Row, effect::Branch},
};

/// A guest register that can be mapped: GPR 0 to 31, [`LR`], [`CTR`].
pub type Guest = usize;
pub const LR: Guest = 32;
pub const CTR: Guest = 33;
/// Number of [`Guest`] registers.
pub const GUESTS: usize = 34;

/// Set of guest registers.
pub type Set = u64;

/// An instruction in its place.
#[derive(Clone, Copy)]
pub struct Insn {
    pub word: Word,
    pub row: Option<&'static Row>,
    pub exec: ExecFn,
    /// Address in its page.
    pub offset: u32,
    /// Instructions of the block that follow it.
    pub after: u32,
}

impl Insn {
    /// Where the next instruction is in the page, or behind it.
    pub fn next(&self) -> i64 {
        i64::from(self.offset + self.word.bytes())
    }

    /// What it does; nothing is known of one without semantics.
    pub fn effect(&self) -> Option<Effect> {
        self.row.map(|row| row.effect)
    }

    /// Whether it needs its own address, and nothing else makes it end its block.
    pub fn is_relative(&self) -> bool {
        self.row.is_some_and(|row| row.is_relative(self.word))
    }

    /// Which branch it is, if it is one.
    pub fn branch(&self) -> Option<Branch> {
        match self.effect() {
            Some(Effect::Branch(branch)) => Some(branch),
            _ => None,
        }
    }

    /// What [`leave_trap`](super::runtime::Runtime::leave_trap) wants to know.
    pub fn place(&self) -> i32 {
        (self.offset | self.after << 16) as i32
    }
}

/// The guest registers that an instruction may read or write.
pub fn gprs(row: &Row, w: Word) -> Set {
    if row.effect == Effect::ManyGprs {
        return (1 << 32) - 1;
    }
    row.operands.iter().fold(0, |set, operand| set | Set::from(operand.gprs(w)))
}

/// Bit `n` of the condition register: its field and its mask there.
pub fn cr_bit(n: usize) -> (usize, u8) {
    (n >> 2, 8 >> (n & 3))
}

/// MASK(mb, me) of 64 bits.
pub const fn mask(mb: u32, me: u32) -> u64 {
    let (from, to) = (u64::MAX >> mb, u64::MAX << (63 - me));
    if mb <= me { from & to } else { from | to }
}
