//! Semantics: cache management (Book II, "Cache Management Instructions"). Blocks are 128 bytes.
//!
//! There is no cache to manage: touches are hints, and the others only make the access checks of a load. The engine
//! sees stores to decoded code by itself.

use super::loadstore::misaligned;
use crate::{
    fields::Word,
    memory::CACHE_BLOCK,
    state::Cpu,
    trap::{Done, Trap},
};

/// Touches: hints, never an interrupt.
#[inline]
pub fn touch(_cpu: &mut Cpu, _w: Word) -> Done {
    Ok(())
}

/// Flush, store and invalidate (`dcbf`, `dcbst`, `icbi`): checked as a load from the addressed byte.
#[inline]
pub fn examine(cpu: &mut Cpu, w: Word) -> Done {
    cpu.examine(cpu.ea_x(w))
}

/// Zeroes the block that contains the effective address: an alignment interrupt in storage that cannot be cached.
#[inline]
pub fn dcbz(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w);
    cpu.store_zeros(ea & !(CACHE_BLOCK - 1), CACHE_BLOCK).map_err(|trap| match trap {
        Trap::Alignment => misaligned(cpu, w, ea),
        trap => trap,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixed::tests::cpu;
    use super::*;

    #[test]
    fn dcbz_clears_the_whole_block_and_nothing_else() {
        let mut c = cpu();
        for ea in (0..0x200).step_by(8) {
            c.store(ea, u64::MAX).unwrap();
        }
        c.gpr[4] = 0x10f;
        dcbz(&mut c, Word(4 << 16 | 5 << 11)).unwrap();
        let cleared: Vec<u64> = (0..0x200).step_by(8).filter(|&ea| c.load(ea) == Ok(0u64)).collect();
        assert_eq!(cleared, (0x100..0x180).step_by(8).collect::<Vec<u64>>());
    }

    #[test]
    fn flushes_check_the_address_and_touches_do_not() {
        let mut c = cpu();
        c.gpr[4] = 1 << 40;
        assert_eq!(examine(&mut c, Word(4 << 16 | 5 << 11)), Err(Trap::MachineCheck));
        assert_eq!(touch(&mut c, Word(4 << 16 | 5 << 11)), Ok(()));
    }
}
