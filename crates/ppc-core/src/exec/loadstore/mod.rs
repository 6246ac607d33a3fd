//! Semantics: fixed-point loads and stores (Book I, "Fixed-Point Load Instructions" and following).
//!
//! Nothing is written to registers or memory until every access of the instruction has succeeded. Plain accesses work
//! at any alignment; what hardware refuses raises the alignment interrupt through [`misaligned`].

mod multiple;
mod plain;
mod quad;

pub use multiple::*;
pub use plain::*;
pub use quad::*;

use crate::{
    fields::Word,
    model::Isa,
    state::Cpu,
    trap::{Done, Trap},
};

/// The alignment interrupt for `ea`: DAR, and before ISA 3.0 a DSISR that describes the instruction
/// (2.07 Book III-S, "Alignment Interrupt").
#[cold]
pub fn misaligned(cpu: &mut Cpu, w: Word, ea: u64) -> Trap {
    cpu.fault.dar = ea;
    cpu.fault.dsisr = if cpu.model.isa >= Isa::V3_0 { 0 } else { describe(w) };
    Trap::Alignment
}

/// DSISR: bits 12:13 = instruction bits 30:31 (DS form), 15:16 = 29:30 (X form), 17 = 25 (X) or 5, 18:21 = 21:24 (X)
/// or 1:4, 22:26 = RT, 27:31 = RA.
fn describe(w: Word) -> u32 {
    let opcode = match w.opcd() {
        31 => w.bits(29, 2) << 15 | w.bits(25, 1) << 14 | w.bits(21, 4) << 10,
        58 | 62 => w.bits(30, 2) << 18 | w.bits(5, 1) << 14 | w.bits(1, 4) << 10,
        _ => w.bits(5, 1) << 14 | w.bits(1, 4) << 10,
    };
    opcode | w.bits(6, 10)
}

/// Loads and stores with caching inhibited (`lwzcix` and family) belong to the hypervisor.
pub fn caching_inhibited(_cpu: &mut Cpu, _w: Word) -> Done {
    Err(Trap::Privileged)
}

#[cfg(test)]
mod tests {
    use super::super::fixed::tests::cpu;
    use super::*;
    use crate::model;

    #[test]
    fn dsisr_describes_the_instruction_before_isa_3_0() {
        let mut c = cpu();
        // lwarx r3,r4,r5
        let w = Word(0x7c64_2828);
        assert_eq!(misaligned(&mut c, w, 0x1001), Trap::Alignment);
        assert_eq!((c.fault.dar, c.fault.dsisr), (0x1001, 0));
        c.model = &model::POWER8;
        misaligned(&mut c, w, 0x1001);
        assert_eq!(c.fault.dsisr, 3 << 5 | 4);
        // lmw r29,0(r4): opcode 46 = 0b101110
        misaligned(&mut c, Word(46 << 26 | 29 << 21 | 4 << 16), 0);
        assert_eq!(c.fault.dsisr, 0b0111 << 10 | 29 << 5 | 4);
    }
}
