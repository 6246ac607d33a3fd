//! Loads and stores of whole VSRs and of scalars.
//!
//! A vector of n-byte elements is n-byte accesses in the current byte order at ascending addresses, element 0 first.
//! Here it is one quadword access: in big-endian mode that already is the register; in little-endian mode it is the
//! register with its lanes in the opposite order.

use crate::{
    exec::vector::lanes::{Lane, reversed},
    fields::Word,
    ram::MemInt,
    softfp::convert::{double, single},
    state::Cpu,
    trap::{Done, Trap},
};

/// A vector of lanes `T` from memory.
#[inline(always)]
fn load_lanes<T: Lane>(cpu: &mut Cpu, ea: u64) -> Result<u128, Trap> {
    let quadword = cpu.load::<u128>(ea)?;
    Ok(if cpu.le() { reversed::<T>(quadword) } else { quadword })
}

/// A vector of lanes `T` to memory.
#[inline(always)]
fn store_lanes<T: Lane>(cpu: &mut Cpu, ea: u64, value: u128) -> Done {
    cpu.store(ea, if cpu.le() { reversed::<T>(value) } else { value })
}

macro_rules! vectors {
    ($($load:ident, $store:ident: $t:ty;)*) => { $(
        #[doc = concat!("`", stringify!($load), "`")]
        pub fn $load(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[w.xt()] = load_lanes::<$t>(cpu, cpu.ea_x(w))?;
            Ok(())
        }
        #[doc = concat!("`", stringify!($store), "`")]
        pub fn $store(cpu: &mut Cpu, w: Word) -> Done {
            store_lanes::<$t>(cpu, cpu.ea_x(w), cpu.vsr[w.xt()])
        }
    )* };
}
vectors! {
    lxvd2x, stxvd2x: u64;
    lxvw4x, stxvw4x: u32;
    lxvh8x, stxvh8x: u16;
    lxvb16x, stxvb16x: u8;
}

/// `lxvx`: one quadword in the current byte order.
pub fn lxvx(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = cpu.load::<u128>(cpu.ea_x(w))?;
    Ok(())
}

/// `stxvx`: one quadword in the current byte order.
pub fn stxvx(cpu: &mut Cpu, w: Word) -> Done {
    cpu.store(cpu.ea_x(w), cpu.vsr[w.xt()])
}

/// `lxv`: `lxvx` with a displacement.
pub fn lxv(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt_dq()] = cpu.load::<u128>(cpu.ea_dq(w))?;
    Ok(())
}

/// `stxv`: `stxvx` with a displacement.
pub fn stxv(cpu: &mut Cpu, w: Word) -> Done {
    cpu.store(cpu.ea_dq(w), cpu.vsr[w.xt_dq()])
}

/// Loads a pair of VSRs: one datum of 32 bytes, so in little-endian mode the even register is at the higher address.
pub fn load_pair(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    let first = cpu.load(ea)?;
    let second = cpu.load(cpu.wrap(ea.wrapping_add(16)))?;
    let (high, low) = if cpu.le() { (second, first) } else { (first, second) };
    (cpu.vsr[w.xtp()], cpu.vsr[w.xtp() + 1]) = (high, low);
    Ok(())
}

/// Stores a pair of VSRs.
pub fn store_pair(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    let (high, low) = (cpu.vsr[w.xtp()], cpu.vsr[w.xtp() + 1]);
    let (first, second) = if cpu.le() { (low, high) } else { (high, low) };
    cpu.probe_store(ea, 32)?;
    cpu.store(ea, first)?;
    cpu.store(cpu.wrap(ea.wrapping_add(16)), second)
}

/// `lxvp`
pub fn lxvp(cpu: &mut Cpu, w: Word) -> Done {
    load_pair(cpu, w, cpu.ea_dq(w))
}

/// `stxvp`
pub fn stxvp(cpu: &mut Cpu, w: Word) -> Done {
    store_pair(cpu, w, cpu.ea_dq(w))
}

/// `lxvpx`
pub fn lxvpx(cpu: &mut Cpu, w: Word) -> Done {
    load_pair(cpu, w, cpu.ea_x(w))
}

/// `stxvpx`
pub fn stxvpx(cpu: &mut Cpu, w: Word) -> Done {
    store_pair(cpu, w, cpu.ea_x(w))
}

/// `lxvdsx`: a doubleword into both doublewords.
pub fn lxvdsx(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = u64::splat(cpu.load(cpu.ea_x(w))?);
    Ok(())
}

/// `lxvwsx`: a word into all four words.
pub fn lxvwsx(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = u32::splat(cpu.load(cpu.ea_x(w))?);
    Ok(())
}

/// Loads a scalar into doubleword 0.
#[inline(always)]
fn load_scalar<T: MemInt>(cpu: &mut Cpu, ea: u64, register: usize, convert: impl Fn(T) -> u64) -> Done {
    cpu.vsr[register] = (convert(cpu.load(ea)?) as u128) << 64;
    Ok(())
}

macro_rules! scalars {
    ($($load:ident, $from:expr; $store:ident, $to:expr; $t:ty;)*) => { $(
        #[doc = concat!("`", stringify!($load), "`")]
        pub fn $load(cpu: &mut Cpu, w: Word) -> Done {
            load_scalar::<$t>(cpu, cpu.ea_x(w), w.xt(), $from)
        }
        #[doc = concat!("`", stringify!($store), "`")]
        pub fn $store(cpu: &mut Cpu, w: Word) -> Done {
            let to: fn(u64) -> $t = $to;
            let value = to((cpu.vsr[w.xt()] >> 64) as u64);
            cpu.store(cpu.ea_x(w), value)
        }
    )* };
}
scalars! {
    lxsdx, |v| v; stxsdx, |v| v; u64;
    lxsspx, double; stxsspx, single; u32;
    lxsiwzx, |v| v as u64; stxsiwx, |v| v as u32; u32;
    lxsihzx, |v| v as u64; stxsihx, |v| v as u16; u16;
    lxsibzx, |v| v as u64; stxsibx, |v| v as u8; u8;
}

macro_rules! rightmost {
    ($($load:ident, $store:ident: $t:ty;)*) => { $(
        #[doc = concat!("`", stringify!($load), "`: into the rightmost element, zeros elsewhere.")]
        pub fn $load(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[w.xt()] = cpu.load::<$t>(cpu.ea_x(w))?.into();
            Ok(())
        }
        #[doc = concat!("`", stringify!($store), "`: the rightmost element.")]
        pub fn $store(cpu: &mut Cpu, w: Word) -> Done {
            cpu.store(cpu.ea_x(w), cpu.vsr[w.xt()] as $t)
        }
    )* };
}
rightmost! {
    lxvrbx, stxvrbx: u8;
    lxvrhx, stxvrhx: u16;
    lxvrwx, stxvrwx: u32;
    lxvrdx, stxvrdx: u64;
}

/// `lxsiwax`
pub fn lxsiwax(cpu: &mut Cpu, w: Word) -> Done {
    load_scalar::<u32>(cpu, cpu.ea_x(w), w.xt(), |v| v as i32 as u64)
}

/// `lxsd`
pub fn lxsd(cpu: &mut Cpu, w: Word) -> Done {
    load_scalar::<u64>(cpu, cpu.ea_ds(w), 32 + w.vrt(), |v| v)
}

/// `lxssp`
pub fn lxssp(cpu: &mut Cpu, w: Word) -> Done {
    load_scalar::<u32>(cpu, cpu.ea_ds(w), 32 + w.vrt(), double)
}

/// `stxsd`
pub fn stxsd(cpu: &mut Cpu, w: Word) -> Done {
    cpu.store(cpu.ea_ds(w), (cpu.vr(w.vrt()) >> 64) as u64)
}

/// `stxssp`
pub fn stxssp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.store(cpu.ea_ds(w), single((cpu.vr(w.vrt()) >> 64) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::RealAddr;
    use crate::{exec::ExecFn, exec::vector::testing::cpu, msr};

    /// T = 7, RA = 0, RB = 4.
    const X: Word = Word(7 << 21 | 4 << 11);
    const BYTES: u128 = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100;

    /// Loads the bytes 00, 01, .. 0f with `load`, stores them back with `store`; returns what the VSR held.
    fn through(load: ExecFn, store: ExecFn, le: bool) -> u128 {
        let mut cpu = cpu(0, 0, 0);
        cpu.msr |= if le { msr::LE } else { 0 };
        cpu.ram.write(RealAddr(0x103), BYTES);
        cpu.gpr[4] = 0x103;
        load(&mut cpu, X).unwrap();
        cpu.gpr[4] = 0x203;
        store(&mut cpu, X).unwrap();
        assert_eq!(cpu.ram.read(RealAddr(0x203)), Some(BYTES));
        cpu.vsr[7]
    }

    #[test]
    fn big_endian_vectors_are_bytes_in_order() {
        for (load, store) in [
            (lxvd2x as ExecFn, stxvd2x as ExecFn),
            (lxvw4x, stxvw4x),
            (lxvh8x, stxvh8x),
            (lxvb16x, stxvb16x),
            (lxvx, stxvx),
        ] {
            assert_eq!(through(load, store, false), BYTES.swap_bytes());
        }
    }

    #[test]
    fn little_endian_vectors_swap_inside_elements_only() {
        assert_eq!(through(lxvd2x, stxvd2x, true), 0x0706_0504_0302_0100_0f0e_0d0c_0b0a_0908);
        assert_eq!(through(lxvw4x, stxvw4x, true), 0x0302_0100_0706_0504_0b0a_0908_0f0e_0d0c);
        assert_eq!(through(lxvh8x, stxvh8x, true), 0x0100_0302_0504_0706_0908_0b0a_0d0c_0f0e);
        assert_eq!(through(lxvb16x, stxvb16x, true), BYTES.swap_bytes());
        assert_eq!(through(lxvx, stxvx, true), BYTES);
    }

    #[test]
    fn scalars_go_to_doubleword_0() {
        let mut cpu = cpu(0, 0, 0);
        cpu.gpr[4] = 0x100;
        cpu.ram.write(RealAddr(0x100), 0x8877_6655_c020_0080u64.swap_bytes());
        let cases: [(ExecFn, u64); 5] = [
            (lxsdx, 0x8877_6655_c020_0080),
            (lxsiwax, 0xffff_ffff_8877_6655),
            (lxsiwzx, 0x8877_6655),
            (lxsihzx, 0x8877),
            (lxsibzx, 0x88),
        ];
        for (f, want) in cases {
            cpu.vsr[7] = u128::MAX;
            f(&mut cpu, X).unwrap();
            assert_eq!(cpu.vsr[7], (want as u128) << 64);
        }
        lxvdsx(&mut cpu, X).unwrap();
        assert_eq!(cpu.vsr[7], 0x8877_6655_c020_0080_8877_6655_c020_0080);
        lxvwsx(&mut cpu, X).unwrap();
        assert_eq!(cpu.vsr[7], 0x8877_6655_8877_6655_8877_6655_8877_6655);
        lxsiwzx(&mut cpu, X).unwrap();
        cpu.gpr[4] = 0x200;
        stxsiwx(&mut cpu, X).unwrap();
        assert_eq!(cpu.ram.read(RealAddr(0x200)), Some(0x8877_6655u32.swap_bytes()));
        stxsibx(&mut cpu, X).unwrap();
        assert_eq!(cpu.ram.read(RealAddr(0x200)), Some(0x55u8));
    }

    #[test]
    fn the_rightmost_element_is_loaded_and_stored_alone() {
        let mut cpu = cpu(0, 0, 0);
        cpu.ram.write(RealAddr(0x100), 0x8877_6655_4433_2211u64.swap_bytes());
        let cases: [(ExecFn, ExecFn, u64); 4] = [
            (lxvrbx, stxvrbx, 0x88),
            (lxvrhx, stxvrhx, 0x8877),
            (lxvrwx, stxvrwx, 0x8877_6655),
            (lxvrdx, stxvrdx, 0x8877_6655_4433_2211),
        ];
        for (i, (load, store, want)) in cases.into_iter().enumerate() {
            cpu.gpr[4] = 0x100;
            cpu.vsr[7] = u128::MAX;
            load(&mut cpu, X).unwrap();
            assert_eq!(cpu.vsr[7], want.into());
            cpu.gpr[4] = 0x200;
            store(&mut cpu, X).unwrap();
            assert_eq!(cpu.ram.read::<u64>(RealAddr(0x200)).unwrap().swap_bytes() >> (64 - (8 << i)), want);
        }
    }

    #[test]
    fn single_precision_loads_and_stores_convert() {
        let mut cpu = cpu(0, 0, 0);
        cpu.gpr[4] = 0x100;
        cpu.ram.write(RealAddr(0x100), 0xc020_0000u32.swap_bytes());
        lxsspx(&mut cpu, X).unwrap();
        assert_eq!(cpu.fpr(7), (-2.5f64).to_bits());
        cpu.gpr[4] = 0x200;
        stxsspx(&mut cpu, X).unwrap();
        assert_eq!(cpu.ram.read(RealAddr(0x200)), Some(0xc020_0000u32.swap_bytes()));
    }

    #[test]
    fn a_failed_load_changes_nothing() {
        let mut cpu = cpu(0, 0, 0);
        cpu.vsr[7] = 42;
        cpu.gpr[4] = 0xfff8;
        assert!(lxvd2x(&mut cpu, X).is_err());
        assert_eq!(cpu.vsr[7], 42);
    }
}
