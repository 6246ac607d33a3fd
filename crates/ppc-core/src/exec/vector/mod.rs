//! Semantics: the vector facility (Power ISA 3.1B, Book I, chapter 6), all but its floating-point instructions.
//!
//! Enters: VRs (VSR 32 to 63), GPRs for addresses and element numbers. Leaves: a VR or GPR, CR field 6 for record
//! forms, VSCR\[SAT\], which instructions set and only `mtvscr` clears.

pub mod lanes;

mod arithmetic;
mod bits;
mod compare;
mod crypto;
mod decimal;
mod decimal_convert;
mod divide;
mod element;
mod logical;
mod mask;
mod memory;
mod multiply;
mod pack;
pub mod parallel;
mod permute;
mod quadword;
mod shift;
mod status;
mod string;

pub use self::{
    arithmetic::*,
    bits::*,
    compare::*,
    crypto::*,
    decimal::*,
    decimal_convert::*,
    divide::*,
    element::*,
    logical::*,
    mask::*,
    memory::*,
    multiply::*,
    pack::*,
    parallel::{vcfuged, vclzdm, vctzdm, vpdepd, vpextd},
    permute::*,
    quadword::*,
    shift::*,
    status::*,
    string::*,
};

/// A processor and an instruction word, for the tests of this chapter.
#[cfg(test)]
pub(crate) mod testing {
    use crate::{fields::Word, model::POWER9, ram::Ram, state::Cpu};
    use std::sync::Arc;

    /// A POWER9 with 64 KiB of RAM; VR 1, 2 and 3 hold the operands.
    pub fn cpu(a: u128, b: u128, c: u128) -> Cpu {
        let ram = Ram::new(0x1_0000).expect("64 KiB of RAM");
        let mut cpu = Cpu::new(&POWER9, Arc::new(ram), Arc::new(hpt::Hpt::new(18).expect("a table")));
        cpu.set_vr(1, a);
        cpu.set_vr(2, b);
        cpu.set_vr(3, c);
        cpu
    }

    /// VRT = 0, VRA = 1, VRB = 2, VRC = 3.
    pub const W: Word = Word(1 << 16 | 2 << 11 | 3 << 6);

    /// What `$name` leaves in VR 0.
    macro_rules! run {
        ($name:expr, $a:expr, $b:expr, $c:expr) => {{
            let mut cpu = $crate::exec::vector::testing::cpu($a, $b, $c);
            assert_eq!($name(&mut cpu, $crate::exec::vector::testing::W), Ok(()));
            cpu.vr(0)
        }};
        ($name:expr, $a:expr, $b:expr) => {
            run!($name, $a, $b, 0)
        };
    }
    pub(crate) use run;
}
