//! Semantics: reservations, memory barriers, copy-paste and atomic memory operations (Book II, chapter 4).

mod amo;

pub use amo::*;

use super::loadstore::misaligned;
use crate::{
    fields::Word,
    ram::MemInt,
    state::Cpu,
    trap::{Done, Trap},
};
use std::sync::atomic::{Ordering, fence};

/// The effective address of an X form, aligned to `T` or an alignment interrupt.
#[inline(always)]
fn aligned_ea<T: MemInt>(cpu: &mut Cpu, w: Word) -> Result<u64, Trap> {
    let ea = cpu.ea_x(w);
    if ea & (T::SIZE - 1) != 0 { Err(misaligned(cpu, w, ea)) } else { Ok(ea) }
}

macro_rules! reservations {
    ($($load:ident, $store:ident: $t:ty, $what:literal;)*) => { $(
        #[doc = concat!("Loads a ", $what, " and makes the reservation.")]
        #[inline]
        pub fn $load(cpu: &mut Cpu, w: Word) -> Done {
            let ea = aligned_ea::<$t>(cpu, w)?;
            cpu.gpr[w.rt()] = u64::from(cpu.reserve::<$t>(ea)?);
            Ok(())
        }

        #[doc = concat!("Stores a ", $what, " if the reservation still holds; CR0 tells.")]
        #[inline]
        pub fn $store(cpu: &mut Cpu, w: Word) -> Done {
            let ea = aligned_ea::<$t>(cpu, w)?;
            let stored = cpu.store_conditional(ea, cpu.gpr[w.rs()] as $t)?;
            record(cpu, stored);
            Ok(())
        }
    )* };
}

reservations! {
    lbarx, stbcx_rc: u8, "byte";
    lharx, sthcx_rc: u16, "halfword";
    lwarx, stwcx_rc: u32, "word";
    ldarx, stdcx_rc: u64, "doubleword";
}

/// `CR0 = 0b00 || stored || XER[SO]`.
#[inline(always)]
fn record(cpu: &mut Cpu, stored: bool) {
    cpu.set_crf(0, u32::from(stored) << 1 | u32::from(cpu.xer.so));
}

/// Loads a quadword into RT (even) and RT + 1 and makes the reservation. RT odd or equal to RA or RB is invalid.
pub fn lqarx(cpu: &mut Cpu, w: Word) -> Done {
    if w.rt() & 1 != 0 || w.rt() == w.ra() || w.rt() == w.rb() {
        return Err(Trap::Illegal);
    }
    let ea = aligned_ea::<u128>(cpu, w)?;
    let value: u128 = cpu.reserve(ea)?;
    cpu.gpr[w.rt()] = (value >> 64) as u64;
    cpu.gpr[w.rt() + 1] = value as u64;
    Ok(())
}

/// Stores RS (even) and RS + 1 if the reservation still holds; CR0 tells.
pub fn stqcx_rc(cpu: &mut Cpu, w: Word) -> Done {
    if w.rs() & 1 != 0 {
        return Err(Trap::Illegal);
    }
    let ea = aligned_ea::<u128>(cpu, w)?;
    let value = u128::from(cpu.gpr[w.rs()]) << 64 | u128::from(cpu.gpr[w.rs() + 1]);
    let stored = cpu.store_conditional(ea, value)?;
    record(cpu, stored);
    Ok(())
}

/// `sync`, `lwsync` (L = 1), `ptesync` (L = 2): orders this processor's accesses for other host threads.
#[inline]
pub fn sync(_cpu: &mut Cpu, w: Word) -> Done {
    fence(if w.bits(9, 2) == 1 { Ordering::AcqRel } else { Ordering::SeqCst });
    Ok(())
}

/// Orders stores.
#[inline]
pub fn eieio(_cpu: &mut Cpu, _w: Word) -> Done {
    fence(Ordering::AcqRel);
    Ok(())
}

/// Context synchronisation: the row ends a block, so what follows is fetched anew. Behind a branch on a value that was
/// loaded it is the barrier that ends the taking of a lock (Book II, "Lock Acquisition and Import Barriers").
#[inline]
pub fn isync(_cpu: &mut Cpu, _w: Word) -> Done {
    fence(Ordering::Acquire);
    Ok(())
}

/// Reads the block for a `paste.`; there is no accelerator to paste to, so nothing is kept.
pub fn copy(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w);
    if ea & 127 != 0 {
        return Err(misaligned(cpu, w, ea));
    }
    cpu.needs_cached(ea, 128, false)?;
    cpu.probe_load(ea, 128)
}

/// Fails: `CR0 = 0b000 || XER[SO]`.
pub fn paste_rc(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w);
    if ea & 127 != 0 {
        return Err(misaligned(cpu, w, ea));
    }
    cpu.needs_cached(ea, 128, true)?;
    cpu.probe_store(ea, 128)?;
    record(cpu, false);
    Ok(())
}

/// Forgets a `copy`.
pub fn cpabort(_cpu: &mut Cpu, _w: Word) -> Done {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixed::tests::cpu;
    use super::*;

    const W: Word = Word(6 << 21 | 4 << 16 | 5 << 11);

    #[test]
    fn a_conditional_store_succeeds_once_per_reservation() {
        let mut c = cpu();
        c.gpr[4] = 0x100;
        c.xer.so = true;
        stwcx_rc(&mut c, W).unwrap();
        assert_eq!(c.crf(0), 1);
        lwarx(&mut c, W).unwrap();
        c.gpr[6] = 0x1_2345_6789;
        stwcx_rc(&mut c, W).unwrap();
        assert_eq!((c.crf(0), c.load(0x100)), (3, Ok(0x2345_6789u32)));
        stwcx_rc(&mut c, W).unwrap();
        assert_eq!(c.crf(0), 1);
    }

    #[test]
    fn unaligned_reservations_are_alignment_interrupts() {
        let mut c = cpu();
        c.gpr[4] = 0x108;
        for f in [lqarx, stqcx_rc] {
            assert_eq!(f(&mut c, W), Err(Trap::Alignment));
        }
        c.gpr[5] = 1;
        for f in [lharx, lwarx, ldarx, sthcx_rc, stwcx_rc, stdcx_rc, copy, paste_rc] {
            assert_eq!(f(&mut c, W), Err(Trap::Alignment));
            assert_eq!(c.fault.dar, 0x109);
        }
        assert_eq!(lbarx(&mut c, W), Ok(()));
    }

    #[test]
    fn quadword_reservations_hold_both_registers() {
        let mut c = cpu();
        c.gpr[4] = 0x100;
        lqarx(&mut c, W).unwrap();
        (c.gpr[6], c.gpr[7]) = (1, 2);
        stqcx_rc(&mut c, W).unwrap();
        assert_eq!((c.crf(0), c.load(0x100)), (2, Ok(1u128 << 64 | 2)));
    }
}
