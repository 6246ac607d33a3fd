//! Quadword loads and stores: the even register holds the more significant doubleword in both byte orders.

use crate::{
    fields::Word,
    state::Cpu,
    trap::{Done, Trap},
};

/// Loads a quadword into RT (even) and RT + 1. RT odd or equal to RA is an invalid form.
pub fn lq(cpu: &mut Cpu, w: Word) -> Done {
    if w.rt() & 1 != 0 || w.rt() == w.ra() {
        return Err(Trap::Illegal);
    }
    let ea = cpu.ea_dq(w);
    cpu.needs_cached(ea, 16, false)?;
    let value: u128 = cpu.load(ea)?;
    cpu.gpr[w.rt()] = (value >> 64) as u64;
    cpu.gpr[w.rt() + 1] = value as u64;
    Ok(())
}

/// Stores RS (even) and RS + 1 as a quadword. RS odd is an invalid form.
pub fn stq(cpu: &mut Cpu, w: Word) -> Done {
    if w.rs() & 1 != 0 {
        return Err(Trap::Illegal);
    }
    let value = u128::from(cpu.gpr[w.rs()]) << 64 | u128::from(cpu.gpr[w.rs() + 1]);
    let ea = cpu.ea_ds(w);
    cpu.needs_cached(ea, 16, true)?;
    cpu.store(ea, value)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixed::tests::cpu;
    use super::*;
    use crate::msr;

    #[test]
    fn a_quadword_keeps_its_halves_in_both_byte_orders() {
        let mut c = cpu();
        for le in [0, msr::LE] {
            c.msr = msr::SF | le;
            (c.gpr[6], c.gpr[7], c.gpr[4]) = (1, 2, 0x108);
            stq(&mut c, Word(6 << 21 | 4 << 16)).unwrap();
            assert_eq!(c.load(0x108), Ok(if le != 0 { 2u64 } else { 1 }));
            lq(&mut c, Word(8 << 21 | 4 << 16)).unwrap();
            assert_eq!((c.gpr[8], c.gpr[9]), (1, 2));
        }
        assert_eq!(lq(&mut c, Word(9 << 21 | 4 << 16)), Err(Trap::Illegal));
        assert_eq!(lq(&mut c, Word(4 << 21 | 4 << 16)), Err(Trap::Illegal));
    }
}
