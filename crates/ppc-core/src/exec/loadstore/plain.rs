//! Loads and stores of one value: zero-extending, algebraic, byte-reversing, with and without update.
//!
//! The update forms are invalid when RA is 0, or in a load when RA is RT; they are then illegal here, as in QEMU.

use crate::{
    fields::Word,
    state::Cpu,
    trap::{Done, Trap},
};

macro_rules! loads {
    ($($name:ident, $update:ident: $ea:ident, |$v:ident: $t:ty| $value:expr, $what:literal;)*) => { $(
        #[doc = concat!("`RT = ", $what, "` at the effective address.")]
        #[inline]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let $v: $t = cpu.load(cpu.$ea(w))?;
            cpu.gpr[w.rt()] = $value;
            Ok(())
        }

        #[doc = concat!("`RT = ", $what, "` at the effective address, which replaces RA.")]
        #[inline]
        pub fn $update(cpu: &mut Cpu, w: Word) -> Done {
            if w.ra() == 0 || w.ra() == w.rt() {
                return Err(Trap::Illegal);
            }
            let ea = cpu.$ea(w);
            let $v: $t = cpu.load(ea)?;
            cpu.gpr[w.rt()] = $value;
            cpu.gpr[w.ra()] = ea;
            Ok(())
        }
    )* };
}

loads! {
    lbz, lbzu: ea_d, |v: u8| u64::from(v), "byte";
    lbzx, lbzux: ea_x, |v: u8| u64::from(v), "byte";
    lhz, lhzu: ea_d, |v: u16| u64::from(v), "halfword";
    lhzx, lhzux: ea_x, |v: u16| u64::from(v), "halfword";
    lha, lhau: ea_d, |v: u16| v as i16 as u64, "sign-extended halfword";
    lhax, lhaux: ea_x, |v: u16| v as i16 as u64, "sign-extended halfword";
    lwz, lwzu: ea_d, |v: u32| u64::from(v), "word";
    lwzx, lwzux: ea_x, |v: u32| u64::from(v), "word";
    lwax, lwaux: ea_x, |v: u32| v as i32 as u64, "sign-extended word";
    ld, ldu: ea_ds, |v: u64| v, "doubleword";
    ldx, ldux: ea_x, |v: u64| v, "doubleword";
}

macro_rules! single_loads {
    ($($name:ident: $ea:ident, |$v:ident: $t:ty| $value:expr, $what:literal;)*) => { $(
        #[doc = concat!("`RT = ", $what, "` at the effective address.")]
        #[inline]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let $v: $t = cpu.load(cpu.$ea(w))?;
            cpu.gpr[w.rt()] = $value;
            Ok(())
        }
    )* };
}

single_loads! {
    lwa: ea_ds, |v: u32| v as i32 as u64, "sign-extended word";
    lhbrx: ea_x, |v: u16| u64::from(v.swap_bytes()), "byte-reversed halfword";
    lwbrx: ea_x, |v: u32| u64::from(v.swap_bytes()), "byte-reversed word";
    ldbrx: ea_x, |v: u64| v.swap_bytes(), "byte-reversed doubleword";
}

macro_rules! stores {
    ($($name:ident, $update:ident: $ea:ident, $t:ty, $what:literal;)*) => { $(
        #[doc = concat!("Stores the low ", $what, " of RS at the effective address.")]
        #[inline]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            cpu.store(cpu.$ea(w), cpu.gpr[w.rs()] as $t)
        }

        #[doc = concat!("Stores the low ", $what, " of RS at the effective address, which replaces RA.")]
        #[inline]
        pub fn $update(cpu: &mut Cpu, w: Word) -> Done {
            if w.ra() == 0 {
                return Err(Trap::Illegal);
            }
            let ea = cpu.$ea(w);
            cpu.store(ea, cpu.gpr[w.rs()] as $t)?;
            cpu.gpr[w.ra()] = ea;
            Ok(())
        }
    )* };
}

stores! {
    stb, stbu: ea_d, u8, "byte";
    stbx, stbux: ea_x, u8, "byte";
    sth, sthu: ea_d, u16, "halfword";
    sthx, sthux: ea_x, u16, "halfword";
    stw, stwu: ea_d, u32, "word";
    stwx, stwux: ea_x, u32, "word";
    std, stdu: ea_ds, u64, "doubleword";
    stdx, stdux: ea_x, u64, "doubleword";
}

macro_rules! reversed_stores {
    ($($name:ident: $t:ty, $what:literal;)*) => { $(
        #[doc = concat!("Stores the low ", $what, " of RS byte-reversed.")]
        #[inline]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            cpu.store(cpu.ea_x(w), (cpu.gpr[w.rs()] as $t).swap_bytes())
        }
    )* };
}

reversed_stores! {
    sthbrx: u16, "halfword";
    stwbrx: u32, "word";
    stdbrx: u64, "doubleword";
}

#[cfg(test)]
mod tests {
    use super::super::super::fixed::tests::cpu;
    use super::*;
    use crate::msr;
    use crate::ram::RealAddr;

    const W: u32 = 3 << 21 | 4 << 16 | 5 << 11;

    #[test]
    fn values_follow_the_byte_order_and_reversals_oppose_it() {
        let mut c = cpu();
        for le in [0, msr::LE] {
            c.msr = msr::SF | le;
            (c.gpr[3], c.gpr[4], c.gpr[5]) = (0x0102_0304_0506_0708, 0x100, 3);
            stdx(&mut c, Word::from(W)).unwrap();
            assert_eq!(c.ram.read::<u8>(RealAddr(0x103)), Some(if le != 0 { 8 } else { 1 }));
            ldbrx(&mut c, Word::from(W)).unwrap();
            assert_eq!(c.gpr[3], 0x0807_0605_0403_0201);
            lwbrx(&mut c, Word::from(W)).unwrap();
            assert_eq!(c.gpr[3], if le != 0 { 0x0506_0708u32 } else { 0x0102_0304 }.swap_bytes().into());
        }
    }

    #[test]
    fn algebraic_loads_extend_the_sign() {
        let mut c = cpu();
        (c.gpr[3], c.gpr[4]) = (0xfffe_fffd, 0x100);
        stw(&mut c, Word(3 << 21 | 4 << 16 | 8)).unwrap();
        lwa(&mut c, Word(3 << 21 | 4 << 16 | 8 | 2)).unwrap();
        assert_eq!(c.gpr[3], 0xffff_ffff_fffe_fffd);
        lha(&mut c, Word(3 << 21 | 4 << 16 | 8)).unwrap();
        assert_eq!(c.gpr[3], -2i64 as u64);
        lhz(&mut c, Word(3 << 21 | 4 << 16 | 8)).unwrap();
        assert_eq!(c.gpr[3], 0xfffe);
    }

    #[test]
    fn a_failed_update_form_changes_nothing() {
        let mut c = cpu();
        (c.gpr[3], c.gpr[4], c.gpr[5]) = (7, 1 << 20, 8);
        assert_eq!(lwzux(&mut c, Word::from(W)), Err(Trap::MachineCheck));
        assert_eq!(stwux(&mut c, Word::from(W)), Err(Trap::MachineCheck));
        assert_eq!((c.gpr[3], c.gpr[4]), (7, 1 << 20));
        assert_eq!(ldu(&mut c, Word(3 << 21 | 3 << 16)), Err(Trap::Illegal));
        c.gpr[4] = 0x108;
        stdu(&mut c, Word(4 << 21 | 4 << 16 | 0xfff9)).unwrap();
        assert_eq!((c.gpr[4], c.load(0x100)), (0x100, Ok(0x108u64)));
    }
}
