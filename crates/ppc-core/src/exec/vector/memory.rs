//! Loads and stores of the vector facility, and the alignment helpers `lvsl` and `lvsr`.
//!
//! Addresses are truncated to the size of the access: none of these is ever unaligned.

use super::lanes::{Lane, build};
use crate::{fields::Word, ram::MemInt, state::Cpu, trap::Done};

/// Bits to shift a lane of `T` down by so that it is the one which memory address `ea` names.
#[inline(always)]
fn lane_shift<T: MemInt>(cpu: &Cpu, ea: u64) -> u64 {
    let byte = ea & 15;
    8 * if cpu.le() { byte } else { 16 - T::SIZE - byte }
}

/// Loads one element and keeps the others, which the ISA leaves undefined.
#[inline(always)]
fn load_element<T: MemInt>(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w) & !(T::SIZE - 1);
    let value = cpu.load::<T>(ea)?.to_u128();
    let shift = lane_shift::<T>(cpu, ea);
    let mask = ((1u128 << (8 * T::SIZE)) - 1) << shift;
    let register = cpu.vr(w.vrt()) & !mask | value << shift;
    cpu.set_vr(w.vrt(), register);
    Ok(())
}

/// Stores one element.
#[inline(always)]
fn store_element<T: MemInt>(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w) & !(T::SIZE - 1);
    let value = cpu.vr(w.vrt()) >> lane_shift::<T>(cpu, ea);
    cpu.store(ea, T::from_u128(value))
}

macro_rules! elements {
    ($($load:ident, $store:ident: $t:ty;)*) => { $(
        #[doc = concat!("`", stringify!($load), "`")]
        pub fn $load(cpu: &mut Cpu, w: Word) -> Done {
            load_element::<$t>(cpu, w)
        }
        #[doc = concat!("`", stringify!($store), "`")]
        pub fn $store(cpu: &mut Cpu, w: Word) -> Done {
            store_element::<$t>(cpu, w)
        }
    )* };
}
elements! {
    lvebx, stvebx: u8;
    lvehx, stvehx: u16;
    lvewx, stvewx: u32;
}

/// `lvx`
pub fn lvx(cpu: &mut Cpu, w: Word) -> Done {
    let value = cpu.load::<u128>(cpu.ea_x(w) & !15)?;
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// `lvxl`: `lvx` with a hint.
pub fn lvxl(cpu: &mut Cpu, w: Word) -> Done {
    lvx(cpu, w)
}

/// `stvx`
pub fn stvx(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w) & !15;
    cpu.store(ea, cpu.vr(w.vrt()))
}

/// `stvxl`: `stvx` with a hint.
pub fn stvxl(cpu: &mut Cpu, w: Word) -> Done {
    stvx(cpu, w)
}

/// `lvsl`: the permute control that shifts left by the low four bits of the address.
pub fn lvsl(cpu: &mut Cpu, w: Word) -> Done {
    let value = build(|i| i as u8) + <u8 as Lane>::splat(cpu.ea_x(w) as u8 & 15);
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// `lvsr`: the permute control that shifts right by the low four bits of the address.
pub fn lvsr(cpu: &mut Cpu, w: Word) -> Done {
    let value = build(|i| i as u8 + 16) - <u8 as Lane>::splat(cpu.ea_x(w) as u8 & 15);
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::testing::cpu, *};
    use crate::msr;
    use crate::ram::RealAddr;

    /// VRT = 0, RA = 0, RB = 4.
    const X: Word = Word(4 << 11);

    #[test]
    fn element_loads_and_stores_touch_the_lane_the_address_names() {
        for (le, want) in [(false, 0x0000_3344u128 << 80), (true, 0x2211u128 << 32)] {
            let mut cpu = cpu(0, 0, 0);
            cpu.msr |= if le { msr::LE } else { 0 };
            cpu.ram.write(RealAddr(0x104), if le { 0x2211u16 } else { 0x4433 });
            cpu.gpr[4] = 0x105;
            lvehx(&mut cpu, X).unwrap();
            let want = if le { want } else { 0x3344u128 << (8 * (16 - 2 - 4)) };
            assert_eq!(cpu.vr(0), want, "le {le}");
            cpu.ram.write(RealAddr(0x104), 0u16);
            stvehx(&mut cpu, X).unwrap();
            assert_eq!(cpu.ram.read::<u16>(RealAddr(0x104)), Some(if le { 0x2211 } else { 0x4433 }));
        }
    }

    #[test]
    fn quadwords_ignore_the_low_address_bits() {
        let mut cpu = cpu(0, 0, 0);
        cpu.ram.write(RealAddr(0x200), 0x0011_2233_4455_6677_8899_aabb_ccdd_eeffu128);
        cpu.gpr[4] = 0x20f;
        cpu.msr |= msr::LE;
        lvx(&mut cpu, X).unwrap();
        assert_eq!(cpu.vr(0), 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        cpu.msr &= !msr::LE;
        lvx(&mut cpu, X).unwrap();
        assert_eq!(cpu.vr(0), 0xffee_ddcc_bbaa_9988_7766_5544_3322_1100);
        stvx(&mut cpu, Word(1 << 21 | 4 << 11)).unwrap();
        assert_eq!(cpu.ram.read::<u128>(RealAddr(0x200)), Some(0));
    }

    #[test]
    fn permute_controls_follow_the_address() {
        let mut cpu = cpu(0, 0, 0);
        cpu.gpr[4] = 0x1003;
        lvsl(&mut cpu, X).unwrap();
        assert_eq!(cpu.vr(0), 0x0304_0506_0708_090a_0b0c_0d0e_0f10_1112);
        lvsr(&mut cpu, X).unwrap();
        assert_eq!(cpu.vr(0), 0x0d0e_0f10_1112_1314_1516_1718_191a_1b1c);
    }
}
