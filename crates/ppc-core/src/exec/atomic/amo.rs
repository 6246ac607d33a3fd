//! Atomic memory operations (ISA 3.0 Book II, "Atomic Memory Operations").
//!
//! The function code selects the operation; operands are RT + 1 and RT + 2 (loads) or RS (stores). A code the ISA does
//! not define raises a data storage interrupt. QEMU 7.2 departs from this in the signed comparisons of words, in the
//! doubleword result of a bound that was reached, and in the side on which a decrement looks for its bound.

use super::misaligned;
use crate::{
    fields::Word,
    ram::MemInt,
    state::Cpu,
    trap::{Done, Trap},
};

/// DSISR: an atomic memory operation with an undefined function code.
const BAD_AMO: u32 = 0x0000_0004;

/// Words and doublewords, as signed and unsigned numbers.
trait Operand: MemInt + Ord {
    const MIN: Self;
    fn of(value: u64) -> Self;
    fn to_u64(self) -> u64;
    fn add(self, other: Self) -> Self;
    fn bitwise(self, other: Self, code: u32) -> Self;
    fn less_signed(self, other: Self) -> bool;
}

macro_rules! operand {
    ($t:ty, $signed:ty) => {
        impl Operand for $t {
            const MIN: Self = 1 << (<$t>::BITS - 1);
            fn of(value: u64) -> Self {
                value as $t
            }
            fn to_u64(self) -> u64 {
                u64::from(self)
            }
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn bitwise(self, other: Self, code: u32) -> Self {
                match code {
                    1 => self ^ other,
                    2 => self | other,
                    _ => self & other,
                }
            }
            fn less_signed(self, other: Self) -> bool {
                (self as $signed) < other as $signed
            }
        }
    };
}
operand!(u32, i32);
operand!(u64, i64);

/// The operations that loads and stores share: codes 0 to 7.
fn combine<T: Operand>(old: T, operand: T, code: u32) -> T {
    let pick = |first: bool| if first { old } else { operand };
    match code {
        0 => old.add(operand),
        1..=3 => old.bitwise(operand, code),
        4 => old.max(operand),
        5 => pick(!old.less_signed(operand)),
        6 => old.min(operand),
        _ => pick(old.less_signed(operand)),
    }
}

/// The address in (RA|0); with `pair`, the neighbour must lie in the same aligned 32 bytes.
fn address<T: MemInt>(cpu: &mut Cpu, w: Word, neighbour: Option<i64>) -> Result<u64, Trap> {
    let ea = cpu.wrap(cpu.ra0(w));
    let apart = neighbour.is_some_and(|offset| (ea ^ ea.wrapping_add(offset as u64)) & !31 != 0);
    if ea & (T::SIZE - 1) != 0 || apart {
        return Err(misaligned(cpu, w, ea));
    }
    cpu.needs_cached(ea, T::SIZE, false)?;
    Ok(ea)
}

fn undefined_code(cpu: &mut Cpu, w: Word) -> Done {
    cpu.fault.dar = cpu.wrap(cpu.ra0(w));
    cpu.fault.dsisr = BAD_AMO;
    Err(Trap::DataStorage)
}

fn load_atomic<T: Operand>(cpu: &mut Cpu, w: Word) -> Done {
    let code = w.nb() as u32;
    let operand = |cpu: &Cpu, n: usize| T::of(cpu.gpr[(w.rt() + n) & 31]);
    let result = match code {
        0..=8 | 16 => {
            let ea = address::<T>(cpu, w, None)?;
            let old: T = cpu.load(ea)?;
            let new = match code {
                8 => operand(cpu, 1),
                16 if old != operand(cpu, 1) => operand(cpu, 2),
                16 => old,
                _ => combine(old, operand(cpu, 1), code),
            };
            cpu.store(ea, new)?;
            old
        }
        // Increment bounded and equal, decrement bounded: the neighbour is the bound.
        24 | 25 | 28 => {
            let size = T::SIZE as i64;
            let offset = if code == 28 { -size } else { size };
            let ea = address::<T>(cpu, w, Some(offset))?;
            let old: T = cpu.load(ea)?;
            let bound: T = cpu.load(cpu.wrap(ea.wrapping_add(offset as u64)))?;
            if (old == bound) == (code == 25) {
                let step = if code == 28 { u64::MAX } else { 1 };
                cpu.store(ea, old.add(T::of(step)))?;
                old
            } else {
                T::MIN
            }
        }
        _ => return undefined_code(cpu, w),
    };
    cpu.gpr[w.rt()] = result.to_u64();
    Ok(())
}

fn store_atomic<T: Operand>(cpu: &mut Cpu, w: Word) -> Done {
    let code = w.nb() as u32;
    let operand = T::of(cpu.gpr[w.rs()]);
    match code {
        0..=7 => {
            let ea = address::<T>(cpu, w, None)?;
            let old: T = cpu.load(ea)?;
            cpu.store(ea, combine(old, operand, code))
        }
        // Store twin: both or neither.
        24 => {
            let ea = address::<T>(cpu, w, Some(T::SIZE as i64))?;
            let (first, second): (T, T) = (cpu.load(ea)?, cpu.load(ea + T::SIZE)?);
            if first == second {
                cpu.probe_store(ea, 2 * T::SIZE)?;
                cpu.store(ea, operand)?;
                cpu.store(ea + T::SIZE, operand)?;
            }
            Ok(())
        }
        _ => undefined_code(cpu, w),
    }
}

/// Atomic operation on a word; RT gets what it held.
pub fn lwat(cpu: &mut Cpu, w: Word) -> Done {
    load_atomic::<u32>(cpu, w)
}

/// Atomic operation on a doubleword; RT gets what it held.
pub fn ldat(cpu: &mut Cpu, w: Word) -> Done {
    load_atomic::<u64>(cpu, w)
}

/// Atomic operation on a word, without a result.
pub fn stwat(cpu: &mut Cpu, w: Word) -> Done {
    store_atomic::<u32>(cpu, w)
}

/// Atomic operation on a doubleword, without a result.
pub fn stdat(cpu: &mut Cpu, w: Word) -> Done {
    store_atomic::<u64>(cpu, w)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixed::tests::cpu;
    use super::*;

    fn amo(c: &mut Cpu, f: fn(&mut Cpu, Word) -> Done, code: u32) -> Done {
        f(c, Word::from(6 << 21 | 4 << 16 | code << 11))
    }

    #[test]
    fn fetch_operations_return_the_old_value() {
        let mut c = cpu();
        c.gpr[4] = 0x100;
        c.store(0x100, 0xffff_fff0u32).unwrap();
        c.gpr[7] = 0x20;
        amo(&mut c, lwat, 0).unwrap();
        assert_eq!((c.gpr[6], c.load(0x100)), (0xffff_fff0, Ok(0x10u32)));
        c.gpr[7] = 0x8000_0000;
        amo(&mut c, lwat, 5).unwrap();
        assert_eq!(c.load(0x100), Ok(0x10u32));
        amo(&mut c, lwat, 4).unwrap();
        assert_eq!(c.load(0x100), Ok(0x8000_0000u32));
        (c.gpr[7], c.gpr[8]) = (5, 9);
        amo(&mut c, lwat, 16).unwrap();
        assert_eq!((c.gpr[6], c.load(0x100)), (0x8000_0000, Ok(9u32)));
    }

    #[test]
    fn bounded_operations_stop_at_the_neighbour() {
        let mut c = cpu();
        c.gpr[4] = 0x108;
        c.store(0x108, 1u64).unwrap();
        c.store(0x110, 2u64).unwrap();
        amo(&mut c, ldat, 24).unwrap();
        assert_eq!((c.gpr[6], c.load(0x108)), (1, Ok(2u64)));
        amo(&mut c, ldat, 24).unwrap();
        assert_eq!((c.gpr[6], c.load(0x108)), (1 << 63, Ok(2u64)));
        amo(&mut c, ldat, 28).unwrap();
        assert_eq!((c.gpr[6], c.load(0x108)), (2, Ok(1u64)));
    }

    #[test]
    fn twins_are_stored_only_while_they_are_equal() {
        let mut c = cpu();
        (c.gpr[4], c.gpr[6]) = (0x100, 7);
        amo(&mut c, stwat, 24).unwrap();
        assert_eq!(c.load(0x100), Ok(7u64 << 32 | 7));
        c.store(0x100, 1u32).unwrap();
        amo(&mut c, stwat, 24).unwrap();
        assert_eq!(c.load(0x100), Ok(1u64 << 32 | 7));
    }

    #[test]
    fn bad_codes_and_addresses_are_interrupts() {
        let mut c = cpu();
        c.gpr[4] = 0x11c;
        assert_eq!(amo(&mut c, ldat, 0), Err(Trap::Alignment));
        assert_eq!(amo(&mut c, lwat, 24), Err(Trap::Alignment));
        assert_eq!(amo(&mut c, lwat, 9), Err(Trap::DataStorage));
        assert_eq!(c.fault.dsisr, BAD_AMO);
    }
}
