//! THE instruction table: one row per instruction. Decoding, disassembly and execution all read it.
//!
//! A row, in the chapter files beside this one:
//!
//! ```text
//! name, "mnemonic", Variants, value, mask, reserved, Form, Chapter, Level, "operands", Facility, "formula"[, ends] => exec;
//! ```
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
//! | `pick system::pick_mfspr`| the function `system::pick_mfspr(word) -> ExecFn` returns, once per decode    |
//!
//! `ends` marks instructions after which the interpreter must look at the world again (branches, context changes,
//! reads of time) or which need `cia`.
//!
//! `mask` covers the opcode bits only; the variant bits (Rc, OE, LK, AA) and the operand fields are outside it.
//! `reserved` are the bits the ISA draws as `/`: the processor ignores them, other disassemblers do not.

use crate::{exec::ExecFn, fields::Word, model::Isa};

mod atomic;
mod branch;
mod decimal;
mod fixed;
mod float;
mod loadstore;
mod system;
mod vector;
mod vsx;

pub mod decode;
pub mod disas;
pub mod storage;

/// Which bits select variants of one row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variants {
    /// One form only.
    None,
    /// Rc in bit 31.
    Rc,
    /// Rc in bit 21 (vector and VSX compares).
    Rc21,
    /// OE in bit 21, Rc in bit 31.
    OeRc,
    /// LK in bit 31.
    Lk,
    /// AA in bit 30, LK in bit 31.
    AaLk,
}

/// Instruction format (Book I, "Instruction Formats").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the ISA's")]
pub enum Form {
    A,
    B,
    D,
    Dq,
    Ds,
    Dx,
    I,
    M,
    Md,
    Mds,
    Sc,
    Va,
    Vc,
    Vn,
    Vx,
    X,
    Xfl,
    Xfx,
    Xl,
    Xo,
    Xs,
    Xx2,
    Xx3,
    Xx4,
    Z22,
    Z23,
}

/// Family of instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chapter {
    /// Fixed-point arithmetic and logic.
    Fixed,
    /// Branches and system calls.
    Branch,
    /// Condition register.
    Condition,
    /// Fixed-point loads and stores.
    LoadStore,
    /// Atomics and synchronisation.
    Atomic,
    /// Binary floating point.
    Float,
    /// Vector.
    Vector,
    /// Vector-scalar.
    Vsx,
    /// Decimal floating point.
    Decimal,
    /// Privileged and special.
    System,
    /// Cache management.
    Cache,
}

/// Version of the architecture an instruction appeared in (Book Appendices, "Version" column).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "the names are the ISA's")]
pub enum Level {
    P1,
    P2,
    Ppc,
    V2_00,
    V2_01,
    V2_02,
    V2_03,
    V2_05,
    V2_06,
    V2_07,
    V3_0,
    V3_0B,
    V3_0C,
    V3_1,
    V3_1B,
}

/// Facility that must be enabled in the MSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facility {
    /// None.
    None,
    /// MSR\[FP\].
    Fp,
    /// MSR\[VEC\].
    Vec,
    /// MSR\[VSX\].
    Vsx,
    /// MSR\[VSX\] if the VSR is 0..31, else MSR\[VEC\] (TX or SX; bit 28 in DQ form, else bit 31).
    VsxOrVec,
    /// MSR\[FP\] if the VSR is 0..31, else MSR\[VEC\] (SX or TX, bit 31).
    FpOrVec,
}

impl Facility {
    /// The facility this word needs: never `VsxOrVec` or `FpOrVec`.
    pub fn of(self, word: Word, form: Form) -> Facility {
        let high = word.bit(if form == Form::Dq { 28 } else { 31 });
        match self {
            Facility::VsxOrVec | Facility::FpOrVec if high => Facility::Vec,
            Facility::VsxOrVec => Facility::Vsx,
            Facility::FpOrVec => Facility::Fp,
            plain => plain,
        }
    }
}

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
    /// By a function of the word.
    Pick(fn(Word) -> ExecFn),
}

/// One instruction.
pub struct Row {
    /// Rust identifier of its semantics; unique.
    pub name: &'static str,
    /// Base mnemonic.
    pub mnemonic: &'static str,
    /// Variant bits.
    pub variants: Variants,
    /// Opcode bits.
    pub value: u32,
    /// Which bits are opcode bits.
    pub mask: u32,
    /// Reserved bits, ignored by the processor.
    pub reserved: u32,
    /// Format.
    pub form: Form,
    /// Family.
    pub chapter: Chapter,
    /// First version of the architecture.
    pub level: Level,
    /// Operands in ISA notation.
    pub operands: &'static str,
    /// Needed facility.
    pub facility: Facility,
    /// What it does, in one line.
    pub formula: &'static str,
    /// Ends a basic block.
    pub ends: bool,
    /// Semantics.
    pub exec: Exec,
}

/// Index of a row, stable within a build.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RowId(pub u16);

impl Row {
    /// Oldest instruction set level of a model that has this instruction.
    pub fn isa(&self) -> Isa {
        match self.level {
            l if l <= Level::V2_07 => Isa::V2_07,
            l if l <= Level::V3_0C => Isa::V3_0,
            _ => Isa::V3_1,
        }
    }

    /// Whether a model of level `isa` has this instruction. Version 3.0 replaced the power-saving instructions by
    /// `stop` (Book III, "Power-Saving Mode Instructions").
    pub fn is_in(&self, isa: Isa) -> bool {
        let replaced = isa >= Isa::V3_0 && matches!(self.name, "doze" | "nap" | "sleep" | "rvwinkle");
        self.isa() <= isa && !replaced
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
            Exec::Pick(pick) => Some(pick(word)),
        }
    }
}

static CHAPTERS: [&[Row]; 9] = [
    fixed::ROWS,
    branch::ROWS,
    loadstore::ROWS,
    atomic::ROWS,
    float::ROWS,
    vector::ROWS,
    vsx::ROWS,
    decimal::ROWS,
    system::ROWS,
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
    (pick $m:ident :: $f:ident) => {
        $crate::insn::Exec::Pick($crate::exec::$m::$f)
    };
    ($m:ident :: $f:ident) => {
        $crate::insn::Exec::One($crate::exec::$m::$f)
    };
}

macro_rules! flag {
    (ends) => {
        true
    };
}

macro_rules! table {
    ($($name:ident, $mnemonic:literal, $variants:ident, $value:literal, $mask:literal, $reserved:literal, $form:ident,
       $chapter:ident, $level:ident, $operands:literal, $facility:ident, $formula:literal $(, $ends:ident)?
       => $($exec:ident)+ $(:: $function:ident)?;)*) => {
        &[$($crate::insn::Row {
            name: stringify!($name),
            mnemonic: $mnemonic,
            variants: $crate::insn::Variants::$variants,
            value: $value,
            mask: $mask,
            reserved: $reserved,
            form: $crate::insn::Form::$form,
            chapter: $crate::insn::Chapter::$chapter,
            level: $crate::insn::Level::$level,
            operands: $operands,
            facility: $crate::insn::Facility::$facility,
            formula: $formula,
            ends: false $(|| $crate::insn::flag!($ends))?,
            exec: $crate::insn::exec!($($exec)+ $(:: $function)?),
        }),*]
    };
}

pub(crate) use {exec, flag, table};
