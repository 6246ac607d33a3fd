//! Masks of one bit for each element (ISA 3.1): from and to GPRs, expanded, counted; and every Nth bit.

use super::lanes::{Lane, build};
use crate::{fields::Word, insn::Operand, state::Cpu, trap::Done};

/// Bit 0 of each lane, the first one in the most significant of `T::COUNT` bits.
#[inline(always)]
fn signs<T: Lane + Ord>(register: u128) -> u64 {
    T::split(register).as_ref().iter().fold(0, |mask, lane| mask << 1 | u64::from(*lane < T::narrow(0)))
}

/// Lanes of ones where the mask has a one; the last lane is the least significant bit.
#[inline(always)]
fn lanes<T: Lane>(mask: u64) -> u128 {
    build::<T>(|i| if mask >> (T::COUNT - 1 - i) & 1 != 0 { T::narrow(-1) } else { T::narrow(0) })
}

macro_rules! masks {
    ($($extract:ident, $expand:ident, $move:ident, $count:ident: $t:ty, $scale:literal;)*) => { $(
        #[doc = concat!("`", stringify!($extract), "`")]
        pub fn $extract(cpu: &mut Cpu, w: Word) -> Done {
            cpu.gpr[w.rt()] = signs::<$t>(cpu.vr(w.vrb()));
            Ok(())
        }
        #[doc = concat!("`", stringify!($expand), "`")]
        pub fn $expand(cpu: &mut Cpu, w: Word) -> Done {
            let value = lanes::<$t>(signs::<$t>(cpu.vr(w.vrb())));
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
        #[doc = concat!("`", stringify!($move), "`")]
        pub fn $move(cpu: &mut Cpu, w: Word) -> Done {
            cpu.set_vr(w.vrt(), lanes::<$t>(cpu.gpr[w.rb()]));
            Ok(())
        }
        #[doc = concat!("`", stringify!($count), "`: how many elements have MP in bit 0, as bytes in the leftmost byte.")]
        pub fn $count(cpu: &mut Cpu, w: Word) -> Done {
            let ones = u64::from(signs::<$t>(cpu.vr(w.vrb())).count_ones());
            let count = if w.bit(15) { ones } else { <$t>::COUNT as u64 - ones };
            cpu.gpr[w.rt()] = count << (56 + $scale);
            Ok(())
        }
    )* };
}
masks! {
    vextractbm, vexpandbm, mtvsrbm, vcntmbb: i8, 0;
    vextracthm, vexpandhm, mtvsrhm, vcntmbh: i16, 1;
    vextractwm, vexpandwm, mtvsrwm, vcntmbw: i32, 2;
    vextractdm, vexpanddm, mtvsrdm, vcntmbd: i64, 3;
}

/// `vextractqm`
pub fn vextractqm(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = (cpu.vr(w.vrb()) >> 127) as u64;
    Ok(())
}

/// `vexpandqm`
pub fn vexpandqm(cpu: &mut Cpu, w: Word) -> Done {
    cpu.set_vr(w.vrt(), (cpu.vr(w.vrb()) as i128 >> 127) as u128);
    Ok(())
}

/// `mtvsrqm`
pub fn mtvsrqm(cpu: &mut Cpu, w: Word) -> Done {
    cpu.set_vr(w.vrt(), 0u128.wrapping_sub(u128::from(cpu.gpr[w.rb()] & 1)));
    Ok(())
}

/// `mtvsrbmi`
pub fn mtvsrbmi(cpu: &mut Cpu, w: Word) -> Done {
    cpu.set_vr(w.vrt(), lanes::<u8>(Operand::bm.value(w) as u64));
    Ok(())
}

/// `vgnb`: bits 0, N, 2N and so on, from the left of RT on. "N can be any value between 2 and 7, inclusive": for others the
/// result is undefined, here RT as it was.
pub fn vgnb(cpu: &mut Cpu, w: Word) -> Done {
    let n = w.bits(13, 3);
    if n >= 2 {
        let source = cpu.vr(w.vrb());
        cpu.gpr[w.rt()] = (0..128u32.div_ceil(n))
            .fold(0, |bits, i| bits | ((source >> (127 - n * i)) as u64 & 1) << (63 - i));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::testing::cpu, *};

    /// VRT or RT = 3, VRB or RB = 2.
    const W: u32 = 3 << 21 | 2 << 11;

    #[test]
    fn the_first_element_is_the_most_significant_bit_of_the_mask() {
        let mut cpu = cpu(0, 0x80 << 120 | 0x8000, 0);
        vextractbm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.gpr[3], 0x8002);
        vextracthm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.gpr[3], 0x81);
        vextractqm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.gpr[3], 1);
        vexpandwm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.vr(3), 0xffff_ffff << 96);
        vcntmbb(&mut cpu, Word::from(W | 1 << 16)).unwrap();
        assert_eq!(cpu.gpr[3], 2 << 56);
        vcntmbw(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.gpr[3], 3 << 58, "three words of four bytes");
    }

    #[test]
    fn masks_become_elements() {
        let mut cpu = cpu(0, 0, 0);
        cpu.gpr[2] = 0xf_8001;
        mtvsrbm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.vr(3), 0xff << 120 | 0xff);
        mtvsrdm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.vr(3), u64::MAX.into());
        mtvsrqm(&mut cpu, Word::from(W)).unwrap();
        assert_eq!(cpu.vr(3), u128::MAX);
        // bm = 0x8003: b0 = 0b1000000000, b1 = 0b00001, b2 = 1.
        mtvsrbmi(&mut cpu, Word::from(3 << 21 | 1 << 16 | 0x200 << 6 | 1)).unwrap();
        assert_eq!(cpu.vr(3), 0xff << 120 | 0xffff);
    }

    #[test]
    fn every_nth_bit_is_gathered_from_the_left() {
        let mut cpu = cpu(0, 1 << 127 | 1 << 124 | 1 << 1, 0);
        cpu.gpr[3] = 7;
        vgnb(&mut cpu, Word::from(W | 1 << 16)).unwrap();
        assert_eq!(cpu.gpr[3], 7);
        vgnb(&mut cpu, Word::from(W | 3 << 16)).unwrap();
        assert_eq!(cpu.gpr[3], 3 << 62 | 1 << (63 - 42));
    }
}
