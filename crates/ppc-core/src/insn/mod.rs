//! THE instruction table: one row per instruction. Decoding, disassembly, execution and compilation all read it.
//!
//! A row, in the chapter files beside this one; what is in brackets may be absent:
//!
//! ```text
//! name ["mnemonic"]: Form(opcodes[; fixed bits]), operands [A, B][, also [C]][, variants Variants][, needs Facility]
//!     [, in Chapter], since Level[, until Level][, effect Effect]
//!     [, accesses Load or Store[ at RA][ aligned 16]], does "formula" => exec;
//! ```
//!
//! | column     | says                                                                                        |
//! |------------|---------------------------------------------------------------------------------------------|
//! | name       | the identifier; with a mnemonic if that is another                                           |
//! | opcodes    | see [`form`]: `Xo(31, 266)`, `X(31, 214; 31:31 = 1)`                                         |
//! | `operands` | see [`operand`], in the order of the ISA's notation                                          |
//! | `also`     | fields that the notation does not list                                                       |
//! | `variants` | bits that choose a variant: Rc, OE, LK, AA                                                   |
//! | `needs`    | the facility that must be available                                                          |
//! | `in`       | the chapter, where it is not that of the file                                                |
//! | `since`    | the version of the architecture that brought it; `until`: the one that took it away           |
//! | `effect`   | what engines must know, see [`effect`]: without it the instruction computes                  |
//! | `accesses` | of a Load or Store whose effect does not say it: which; `at RA` if RB is no address; alignment |
//! | `does`     | what it does, in one line                                                                    |
//!
//! All other bits are reserved, those the ISA draws as `/`: the processor ignores them, other disassemblers do not.
//!
//! To give an instruction its semantics, replace `none` after `=>` by one of
//!
//! | words                    | functions in `crate::exec`                                                    |
//! |--------------------------|-------------------------------------------------------------------------------|
//! | `none`                   | no semantics: the engine raises the illegal-instruction interrupt             |
//! | `fixed::addi`            | `fixed::addi`                                                                 |
//! | `rc fixed::and`          | `fixed::and::<RC>`, by bit 31 (bit 21 for rows with `Rc21`)                   |
//! | `oe_rc fixed::add`       | `fixed::add::<OE, RC>`, by bits 21 and 31                                     |
//! | `lk branch::bclr`        | `branch::bclr::<LK>`, by bit 31                                               |

use crate::{exec::ExecFn, fields::Word, model::Isa};
use form::Opcode;
use storage::Accesses;

pub use columns::{Chapter, Facility, Level, Variants};
pub use effect::Effect;
pub use form::Form;
pub use operand::Operand;

mod atomic;
mod branch;
mod columns;
mod decimal;
mod fixed;
mod float;
mod loadstore;
mod prefixed;
mod system;
mod vector;
mod vsx;

pub mod decode;
pub mod disas;
pub mod effect;
pub mod form;
pub mod operand;
pub mod storage;

/// How a row finds its semantics function.
#[derive(Clone, Copy)]
pub enum Exec {
    /// No semantics.
    None,
    /// Always the same.
    One(ExecFn),
    /// By Rc.
    Rc([ExecFn; 2]),
    /// By OE * 2 + Rc.
    OeRc([ExecFn; 4]),
    /// By LK.
    Lk([ExecFn; 2]),
}

/// One instruction.
pub struct Row {
    /// Rust identifier of its semantics; unique.
    pub name: &'static str,
    /// Base mnemonic.
    pub mnemonic: &'static str,
    /// Variant bits.
    pub variants: Variants,
    /// Opcode bits; those of a prefix are in the high half.
    pub value: u64,
    /// Which bits are opcode bits. Without a prefix all of the high half are.
    pub mask: u64,
    /// Reserved bits, ignored by the processor.
    pub reserved: u64,
    /// Format.
    pub form: Form,
    /// Family.
    pub chapter: Chapter,
    /// First version of the architecture.
    pub level: Level,
    /// The version that does not have it any more.
    pub until: Option<Level>,
    /// Operands, in the order of the ISA's notation.
    pub operands: &'static [Operand],
    /// Needed facility.
    pub facility: Facility,
    /// What engines must know.
    pub effect: Effect,
    /// The storage operand, of a Load or Store.
    pub accesses: Option<Accesses>,
    /// What it does, in one line.
    pub formula: &'static str,
    /// Semantics.
    pub exec: Exec,
}

/// Index of a row, stable within a build. [`id`] has one for each row, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RowId(pub u16);

/// The [`RowId`] of each row, by its name.
pub mod id {
    pub use super::{
        atomic::id::*, branch::id::*, decimal::id::*, fixed::id::*, float::id::*, loadstore::id::*,
        prefixed::id::*, system::id::*, vector::id::*, vsx::id::*,
    };
}

impl Row {
    /// Oldest instruction set level of a model that has this instruction.
    pub fn isa(&self) -> Isa {
        self.level.isa()
    }

    /// Whether a model of level `isa` has this instruction.
    pub fn is_in(&self, isa: Isa) -> bool {
        self.isa() <= isa && self.until.is_none_or(|until| isa < until.isa())
    }

    /// Whether `word` ends its block.
    pub fn ends_block(&self, word: Word) -> bool {
        self.effect.ends_block()
            || self.effect == Effect::MovesSpr && crate::spr::ends_block(word)
            || self.is_relative(word)
    }

    /// Whether the base of `word`'s address or sum is its own address: it needs that, and so ends its block.
    pub fn is_relative(&self, word: Word) -> bool {
        word.prefix() != 0 && self.operands.contains(&Operand::R_P) && word.relative()
    }

    /// The operands in the ISA's notation.
    pub fn notation(&self) -> String {
        let mut text = String::new();
        let mut behind = "";
        for operand in self.operands {
            text += behind;
            text += operand.name();
            if behind == "(" {
                text.push(')');
            }
            behind = if operand.kind().is_displacement() { "(" } else { "," };
        }
        text
    }

    /// The semantics of `word`, which must decode to this row.
    pub fn exec_for(&self, word: Word) -> Option<ExecFn> {
        let rc = if self.variants == Variants::Rc21 { word.bit(21) } else { word.bit(31) };
        match self.exec {
            Exec::None => None,
            Exec::One(f) => Some(f),
            Exec::Rc(f) => Some(f[usize::from(rc)]),
            Exec::OeRc(f) => Some(f[usize::from(word.oe()) * 2 + usize::from(rc)]),
            Exec::Lk(f) => Some(f[usize::from(word.lk())]),
        }
    }
}

/// The bits that are neither opcode nor variant nor in an operand.
const fn reserved(opcode: Opcode, variants: Variants, operands: &[Operand], also: &[Operand]) -> u64 {
    let mut used = opcode.mask | variants.mask();
    let mut i = 0;
    while i < operands.len() {
        used |= operands[i].mask();
        i += 1;
    }
    i = 0;
    while i < also.len() {
        used |= also[i].mask();
        i += 1;
    }
    !used
}

/// How many rows there are.
pub const COUNT: usize = prefixed::COUNT as usize;

static CHAPTERS: [&[Row]; 10] = [
    fixed::ROWS,
    branch::ROWS,
    loadstore::ROWS,
    atomic::ROWS,
    float::ROWS,
    vector::ROWS,
    vsx::ROWS,
    decimal::ROWS,
    system::ROWS,
    prefixed::ROWS,
];

/// Every row, in [`RowId`] order.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    CHAPTERS.iter().copied().flatten()
}

/// The row with this id, if there is one.
pub fn row(id: RowId) -> Option<&'static Row> {
    let mut index = usize::from(id.0);
    for chapter in CHAPTERS {
        if let Some(row) = chapter.get(index) {
            return Some(row);
        }
        index -= chapter.len();
    }
    None
}

macro_rules! exec {
    (none) => {
        $crate::insn::Exec::None
    };
    (rc $m:ident :: $f:ident) => {
        $crate::insn::Exec::Rc([$crate::exec::$m::$f::<false>, $crate::exec::$m::$f::<true>])
    };
    (lk $m:ident :: $f:ident) => {
        $crate::insn::Exec::Lk([$crate::exec::$m::$f::<false>, $crate::exec::$m::$f::<true>])
    };
    (oe_rc $m:ident :: $f:ident) => {
        $crate::insn::Exec::OeRc([
            $crate::exec::$m::$f::<false, false>,
            $crate::exec::$m::$f::<false, true>,
            $crate::exec::$m::$f::<true, false>,
            $crate::exec::$m::$f::<true, true>,
        ])
    };
    ($m:ident :: $f:ident) => {
        $crate::insn::Exec::One($crate::exec::$m::$f)
    };
}

/// Fixed bits of an opcode.
macro_rules! fixed_bits {
    (prefix $from:literal $to:literal $value:literal) => {
        $crate::insn::form::Fixed {
            word: $crate::insn::form::Half::Prefix,
            from: $from,
            to: $to,
            value: $value,
        }
    };
    ($from:literal $to:literal $value:literal) => {
        $crate::insn::form::Fixed { word: $crate::insn::form::Half::Low, from: $from, to: $to, value: $value }
    };
}

/// The value of an optional column, or its default.
macro_rules! either {
    ($default:expr;) => {
        $default
    };
    ($default:expr; $given:expr) => {
        $given
    };
}

/// The rows of `$chapter`, after `$before` others: `ROWS`, their number `COUNT` with those before, and their ids.
macro_rules! table {
    ($chapter:ident, after $before:expr;
     $($name:ident $($mnemonic:literal)?: $form:ident($($opcode:literal),* $(; $($($half:ident)? $from:literal : $to:literal = $value:literal),+)?),
       operands [$($operand:ident),*] $(, also [$($also:ident),+])? $(, variants $variants:ident)? $(, needs $facility:ident)?
       $(, in $other:ident)?, since $level:ident $(, until $until:ident)? $(, effect $effect:expr)? $(, accesses $kind:ident $(at $base:ident)? $(aligned $alignment:literal)?)?, does $formula:literal
       => $($exec:ident)+ $(:: $function:ident)?;)*) => {
        pub(super) static ROWS: &[$crate::insn::Row] = &[$({
            const FORM: $crate::insn::Form = $crate::insn::Form::$form;
            const OPCODE: $crate::insn::form::Opcode = FORM.opcode(&[$($opcode),*],
                &[$($($crate::insn::fixed_bits!($($half)? $from $to $value)),+)?]);
            const OPERANDS: &[$crate::insn::Operand] = &[$($crate::insn::Operand::$operand),*];
            const ALSO: &[$crate::insn::Operand] = &[$($($crate::insn::Operand::$also),+)?];
            const VARIANTS: $crate::insn::Variants =
                $crate::insn::either!($crate::insn::Variants::None; $($crate::insn::Variants::$variants)?);
            const EFFECT: $crate::insn::Effect = $crate::insn::either!($crate::insn::Effect::Computes; $($effect)?);
            $crate::insn::Row {
                name: stringify!($name),
                mnemonic: $crate::insn::either!(stringify!($name); $($mnemonic)?),
                variants: VARIANTS,
                value: OPCODE.value,
                mask: OPCODE.mask,
                reserved: $crate::insn::reserved(OPCODE, VARIANTS, OPERANDS, ALSO),
                form: FORM,
                chapter: $crate::insn::either!($crate::insn::Chapter::$chapter; $($crate::insn::Chapter::$other)?),
                level: $crate::insn::Level::$level,
                until: $crate::insn::either!(None; $(Some($crate::insn::Level::$until))?),
                operands: OPERANDS,
                facility: $crate::insn::either!($crate::insn::Facility::None; $($crate::insn::Facility::$facility)?),
                effect: EFFECT,
                accesses: $crate::insn::either!(EFFECT.accesses(); $(Some($crate::insn::storage::Accesses {
                    kind: $crate::insn::storage::Storage::$kind,
                    at_ra: $crate::insn::either!(false; $(matches!($crate::insn::Operand::$base, $crate::insn::Operand::RA))?),
                    alignment: $crate::insn::either!(1; $($alignment)?),
                }))?),
                formula: $formula,
                exec: $crate::insn::exec!($($exec)+ $(:: $function)?),
            }
        }),*];

        /// Rows up to here.
        pub(super) const COUNT: u16 = $before + {
            const NAMES: &[&str] = &[$(stringify!($name)),*];
            NAMES.len() as u16
        };

        #[expect(missing_docs, non_upper_case_globals, reason = "the names are the rows'")]
        pub mod id {
            #[expect(non_camel_case_types, reason = "the names are the rows'")]
            enum Place { $($name),* }
            $(pub const $name: $crate::insn::RowId = $crate::insn::RowId($before + Place::$name as u16);)*
        }
    };
}

pub(crate) use {either, exec, fixed_bits, table};
