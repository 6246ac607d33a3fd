//! Guest instructions and registers as the compiler sees them.

use crate::{exec::ExecFn, fields::Word, insn::Row};

/// A guest register that may have a pin: GPR 0 to 31, [`LR`], [`CTR`].
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
    /// What [`leave_trap`](super::runtime::Runtime::leave_trap) wants to know.
    pub fn place(&self) -> i32 {
        (self.offset | self.after << 16) as i32
    }
}

/// Instructions whose functions may touch any GPR, whatever their operands say.
const MANY: [&str; 12] =
    ["lmw", "stmw", "lswi", "lswx", "stswi", "stswx", "lq", "stq", "ldat", "lwat", "stdat", "stwat"];

/// The guest registers that an instruction may read or write, by the operands of its row.
pub fn gprs(row: &Row, w: Word) -> Set {
    if MANY.contains(&row.name) {
        return (1 << 32) - 1;
    }
    let mut set = 0;
    for token in row.operands.split([',', '(', ')']) {
        set |= match token {
            "RT" | "RS" => 1 << w.rt(),
            "RTp" | "RSp" => 3 << (w.rt() & !1),
            "RA" => 1 << w.ra(),
            "RB" => 1 << w.rb(),
            "RC" => 1 << w.rc_reg(),
            _ => 0,
        };
    }
    set
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
