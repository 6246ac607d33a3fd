//! Extracts and inserts of elements at byte offsets (ISA 3.0).
//!
//! An offset that lets the element run over the end is undefined; the choices are named where they are made.

use crate::{fields::Word, state::Cpu, trap::Done};

/// UIM, bits 12:15: a byte number.
#[inline(always)]
fn uim4(w: Word) -> u32 {
    w.bits(12, 4)
}

/// Ones in the low `bytes` bytes.
const fn low(bytes: u32) -> u128 {
    (1 << (8 * bytes)) - 1
}

/// Whether an element of so many bytes at `offset` ends inside the register.
#[inline(always)]
fn fits(offset: u32, bytes: u32) -> bool {
    offset + bytes <= 16
}

macro_rules! immediate {
    ($($extract:ident, $insert:ident: $bytes:literal;)*) => { $(
        #[doc = concat!("`", stringify!($extract), "`: into doubleword 0. An offset too large counts as 0.")]
        pub fn $extract(cpu: &mut Cpu, w: Word) -> Done {
            let offset = if fits(uim4(w), $bytes) { uim4(w) } else { 0 };
            let value = cpu.vr(w.vrb()) >> (8 * (16 - $bytes - offset)) & low($bytes);
            cpu.set_vr(w.vrt(), value << 64);
            Ok(())
        }
        #[doc = concat!("`", stringify!($insert), "`: from the end of doubleword 0. An offset too large changes nothing.")]
        pub fn $insert(cpu: &mut Cpu, w: Word) -> Done {
            if fits(uim4(w), $bytes) {
                let shift = 8 * (16 - $bytes - uim4(w));
                let element = cpu.vr(w.vrb()) >> 64 & low($bytes);
                let value = cpu.vr(w.vrt()) & !(low($bytes) << shift) | element << shift;
                cpu.set_vr(w.vrt(), value);
            }
            Ok(())
        }
    )* };
}
immediate! {
    vextractub, vinsertb: 1;
    vextractuh, vinserth: 2;
    vextractuw, vinsertw: 4;
    vextractd, vinsertd: 8;
}

/// The element whose last bit is `shift` bits from the right. One that runs over either end is undefined; here, as
/// in QEMU, the shift is taken modulo 128 and the sign comes in from the left.
#[inline(always)]
fn indexed_element(register: u128, shift: u32, bytes: u32) -> u64 {
    (register as i128 >> (shift & 127)) as u64 & low(bytes) as u64
}

macro_rules! indexed {
    ($($left:ident, $right:ident: $bytes:literal;)*) => { $(
        #[doc = concat!("`", stringify!($left), "`: RA bits 60:63 count bytes from the left.")]
        pub fn $left(cpu: &mut Cpu, w: Word) -> Done {
            let offset = (cpu.gpr[w.ra()] & 15) as u32;
            let shift = (8 * (16 - $bytes)) as u32;
            cpu.gpr[w.rt()] = indexed_element(cpu.vr(w.vrb()), shift.wrapping_sub(8 * offset), $bytes);
            Ok(())
        }
        #[doc = concat!("`", stringify!($right), "`: RA bits 60:63 count bytes from the right.")]
        pub fn $right(cpu: &mut Cpu, w: Word) -> Done {
            let offset = (cpu.gpr[w.ra()] & 15) as u32;
            cpu.gpr[w.rt()] = indexed_element(cpu.vr(w.vrb()), 8 * offset, $bytes);
            Ok(())
        }
    )* };
}
indexed! {
    vextublx, vextubrx: 1;
    vextuhlx, vextuhrx: 2;
    vextuwlx, vextuwrx: 4;
}

#[cfg(test)]
mod tests {
    use super::{super::testing::cpu, *};

    const B: u128 = 0x1011_1213_1415_1617_1819_1a1b_1c1d_1e1f;
    /// VRT = 0, VRB = 2, UIM.
    fn w(uim: u32) -> Word {
        Word::from(uim << 16 | 2 << 11)
    }

    #[test]
    fn extracts_go_right_justified_into_doubleword_0() {
        let mut cpu = cpu(0, B, 0);
        vextractub(&mut cpu, w(15)).unwrap();
        assert_eq!(cpu.vr(0), 0x1f << 64);
        vextractuh(&mut cpu, w(3)).unwrap();
        assert_eq!(cpu.vr(0), 0x1314 << 64);
        vextractuw(&mut cpu, w(12)).unwrap();
        assert_eq!(cpu.vr(0), 0x1c1d_1e1f << 64);
        vextractd(&mut cpu, w(1)).unwrap();
        assert_eq!(cpu.vr(0), 0x1112_1314_1516_1718 << 64);
    }

    #[test]
    fn inserts_keep_the_other_bytes() {
        let mut cpu = cpu(0, B, 0);
        vinsertb(&mut cpu, w(0)).unwrap();
        vinserth(&mut cpu, w(14)).unwrap();
        vinsertw(&mut cpu, w(4)).unwrap();
        assert_eq!(cpu.vr(0), 0x1700_0000_1415_1617_0000_0000_0000_1617);
        vinsertd(&mut cpu, w(9)).unwrap();
        assert_eq!(cpu.vr(0), 0x1700_0000_1415_1617_0000_0000_0000_1617);
        vinsertd(&mut cpu, w(8)).unwrap();
        assert_eq!(cpu.vr(0) as u64, 0x1011_1213_1415_1617);
    }

    #[test]
    fn indexed_extracts_count_from_either_end() {
        // RT = 0, RA = 3, VRB = 2.
        let w = Word(3 << 16 | 2 << 11);
        let mut cpu = cpu(0, B, 0);
        cpu.gpr[3] = 0xf3;
        for (f, want) in [
            (vextublx as crate::exec::ExecFn, 0x13),
            (vextubrx, 0x1c),
            (vextuhlx, 0x1314),
            (vextuhrx, 0x1b1c),
            (vextuwlx, 0x1314_1516),
            (vextuwrx, 0x191a_1b1c),
        ] {
            f(&mut cpu, w).unwrap();
            assert_eq!(cpu.gpr[0], want);
        }
    }
}
