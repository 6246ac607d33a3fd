//! Extracts and inserts of elements at byte offsets (ISA 3.0, and 3.1 with offsets in GPRs).
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

/// Puts `element` at byte `offset` of VRT. One that runs over the end changes nothing.
#[inline(always)]
fn put(cpu: &mut Cpu, w: Word, offset: Option<u32>, bytes: u32, element: u128) -> Done {
    if let Some(offset) = offset.filter(|&offset| fits(offset, bytes)) {
        let shift = 8 * (16 - bytes - offset);
        let value = cpu.vr(w.vrt()) & !(low(bytes) << shift) | (element & low(bytes)) << shift;
        cpu.set_vr(w.vrt(), value);
    }
    Ok(())
}

/// RA bits 60:63.
#[inline(always)]
fn left_offset(cpu: &Cpu, w: Word) -> Option<u32> {
    Some((cpu.gpr[w.ra()] & 15) as u32)
}

/// The same counted from the right, where the element ends.
#[inline(always)]
fn right_offset(cpu: &Cpu, w: Word, bytes: u32) -> Option<u32> {
    (16 - bytes).checked_sub((cpu.gpr[w.ra()] & 15) as u32)
}

macro_rules! inserts {
    ($($name:ident: $bytes:literal, |$cpu:ident, $w:ident| $offset:expr, $element:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name($cpu: &mut Cpu, $w: Word) -> Done {
            let (offset, element) = ($offset, $element);
            put($cpu, $w, offset, $bytes, element)
        }
    )* };
}
inserts! {
    vinsw: 4, |cpu, w| Some(uim4(w)), cpu.gpr[w.rb()].into();
    vinsd: 8, |cpu, w| Some(uim4(w)), cpu.gpr[w.rb()].into();
    vinsblx: 1, |cpu, w| left_offset(cpu, w), cpu.gpr[w.rb()].into();
    vinshlx: 2, |cpu, w| left_offset(cpu, w), cpu.gpr[w.rb()].into();
    vinswlx: 4, |cpu, w| left_offset(cpu, w), cpu.gpr[w.rb()].into();
    vinsdlx: 8, |cpu, w| left_offset(cpu, w), cpu.gpr[w.rb()].into();
    vinsbrx: 1, |cpu, w| right_offset(cpu, w, 1), cpu.gpr[w.rb()].into();
    vinshrx: 2, |cpu, w| right_offset(cpu, w, 2), cpu.gpr[w.rb()].into();
    vinswrx: 4, |cpu, w| right_offset(cpu, w, 4), cpu.gpr[w.rb()].into();
    vinsdrx: 8, |cpu, w| right_offset(cpu, w, 8), cpu.gpr[w.rb()].into();
    // From the end of doubleword 0 of VRB.
    vinsbvlx: 1, |cpu, w| left_offset(cpu, w), cpu.vr(w.vrb()) >> 64;
    vinshvlx: 2, |cpu, w| left_offset(cpu, w), cpu.vr(w.vrb()) >> 64;
    vinswvlx: 4, |cpu, w| left_offset(cpu, w), cpu.vr(w.vrb()) >> 64;
    vinsbvrx: 1, |cpu, w| right_offset(cpu, w, 1), cpu.vr(w.vrb()) >> 64;
    vinshvrx: 2, |cpu, w| right_offset(cpu, w, 2), cpu.vr(w.vrb()) >> 64;
    vinswvrx: 4, |cpu, w| right_offset(cpu, w, 4), cpu.vr(w.vrb()) >> 64;
}

/// The element of `bytes` bytes that begins at byte `offset` of `a || b`, at the end of doubleword 0. One that runs over
/// the end counts as 0.
#[inline(always)]
fn of_pair(a: u128, b: u128, offset: Option<u32>, bytes: u32) -> u128 {
    let Some(offset) = offset.filter(|offset| offset + bytes <= 32) else { return 0 };
    // The bits right of the element, in the pair.
    let shift = 8 * (32 - bytes - offset);
    let element = if shift >= 128 {
        a >> (shift - 128)
    } else if shift == 0 {
        b
    } else {
        a << (128 - shift) | b >> shift
    };
    (element & low(bytes)) << 64
}

macro_rules! pairs {
    ($($left:ident, $right:ident: $bytes:literal;)*) => { $(
        #[doc = concat!("`", stringify!($left), "`: RC bits 59:63 count bytes from the left of VRA || VRB.")]
        pub fn $left(cpu: &mut Cpu, w: Word) -> Done {
            let offset = (cpu.gpr[w.rc_reg()] & 31) as u32;
            let value = of_pair(cpu.vr(w.vra()), cpu.vr(w.vrb()), Some(offset), $bytes);
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
        #[doc = concat!("`", stringify!($right), "`: RC bits 59:63 count bytes from the right of VRA || VRB.")]
        pub fn $right(cpu: &mut Cpu, w: Word) -> Done {
            let offset = (32u32 - $bytes).checked_sub((cpu.gpr[w.rc_reg()] & 31) as u32);
            let value = of_pair(cpu.vr(w.vra()), cpu.vr(w.vrb()), offset, $bytes);
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
    )* };
}
pairs! {
    vextdubvlx, vextdubvrx: 1;
    vextduhvlx, vextduhvrx: 2;
    vextduwvlx, vextduwvrx: 4;
    vextddvlx, vextddvrx: 8;
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

    #[test]
    fn inserts_from_registers_count_from_either_end() {
        // VRT = 0, RA = 3, RB and VRB = 2.
        let w = Word(3 << 16 | 2 << 11);
        let mut cpu = cpu(0, B, 0);
        (cpu.gpr[2], cpu.gpr[3]) = (0xa0a1_a2a3_a4a5_a6a7, 0xf3);
        vinsblx(&mut cpu, w).unwrap();
        vinswrx(&mut cpu, w).unwrap();
        vinshvrx(&mut cpu, w).unwrap();
        assert_eq!(cpu.vr(0), 0x0000_00a7_0000_0000_00a4_a516_1700_0000);
        cpu.gpr[3] = 13;
        for f in [vinswlx, vinsdlx, vinsdrx, vinswrx] {
            f(&mut cpu, w).unwrap();
            assert_eq!(cpu.vr(0), 0x0000_00a7_0000_0000_00a4_a516_1700_0000, "runs over the end");
        }
        vinsd(&mut cpu, Word(8 << 16 | 2 << 11)).unwrap();
        assert_eq!(cpu.vr(0), 0x0000_00a7_0000_0000_a0a1_a2a3_a4a5_a6a7);
    }

    #[test]
    fn elements_of_a_pair_may_lie_across_its_middle() {
        // VRT = 0, VRA = 1, VRB = 2, RC = 3.
        let w = super::super::testing::W;
        let mut cpu = cpu(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f, B, 0);
        for (offset, left, right) in
            [(14, 0x0e0f_1011, 0x0e0f_1011), (0, 0x0001_0203, 0x1c1d_1e1f), (29, 0, 0)]
        {
            cpu.gpr[3] = offset | 0x60;
            vextduwvlx(&mut cpu, w).unwrap();
            assert_eq!(cpu.vr(0), left << 64);
            vextduwvrx(&mut cpu, w).unwrap();
            assert_eq!(cpu.vr(0), right << 64);
        }
        cpu.gpr[3] = 12;
        vextddvlx(&mut cpu, w).unwrap();
        assert_eq!(cpu.vr(0), 0x0c0d_0e0f_1011_1213 << 64);
    }
}
