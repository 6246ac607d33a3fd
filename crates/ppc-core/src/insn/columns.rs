//! The columns of a row that are choices: variants, family, version and facility.

use super::Form;
use crate::{fields::Word, model::Isa, msr, trap::Trap};

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

impl Variants {
    /// The bits.
    pub(super) const fn mask(self) -> u64 {
        match self {
            Variants::None => 0,
            Variants::Rc | Variants::Lk => 1,
            Variants::Rc21 => 1 << 10,
            Variants::OeRc => 1 << 10 | 1,
            Variants::AaLk => 3,
        }
    }
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
    /// MSR\[VSX\] if the VSR is 0..31, else MSR\[VEC\] (TX or SX; bit 28 in DQ form, bit 5 in 8LS:D form, else
    /// bit 31).
    VsxOrVec,
    /// MSR\[FP\] if the VSR is 0..31, else MSR\[VEC\] (SX or TX, bit 31).
    FpOrVec,
}

impl Facility {
    /// The facility this word needs: never `VsxOrVec` or `FpOrVec`.
    pub fn of(self, word: Word, form: Form) -> Facility {
        let high = word.bit(match form {
            Form::Dq => 28,
            Form::P8LsD => 5,
            _ => 31,
        });
        match self {
            Facility::VsxOrVec | Facility::FpOrVec if high => Facility::Vec,
            Facility::VsxOrVec => Facility::Vsx,
            Facility::FpOrVec => Facility::Fp,
            plain => plain,
        }
    }

    /// The MSR bits it stands for.
    pub fn msr_bits(self) -> u64 {
        match self {
            Facility::None => 0,
            Facility::Fp => msr::FP,
            Facility::Vec => msr::VEC,
            Facility::Vsx | Facility::VsxOrVec | Facility::FpOrVec => msr::VSX,
        }
    }

    /// The trap for missing MSR bits.
    pub fn unavailable(missing: u64) -> Trap {
        if missing & msr::FP != 0 {
            Trap::FpUnavailable
        } else if missing & msr::VEC != 0 {
            Trap::VecUnavailable
        } else {
            Trap::VsxUnavailable
        }
    }
}

impl Level {
    /// Oldest instruction set level of a model that has it.
    pub(super) fn isa(self) -> Isa {
        match self {
            l if l <= Level::V2_07 => Isa::V2_07,
            l if l <= Level::V3_0C => Isa::V3_0,
            _ => Isa::V3_1,
        }
    }
}
