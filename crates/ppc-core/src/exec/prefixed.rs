//! Semantics: prefixed instructions that add to a register or to their own address (3.1, Book I, "Fixed-Point Load
//! Instructions" and following, the prefixed forms).
//!
//! Enters: `cpu.cia` where R = 1, which ends the instruction's block. R = 1 with a base register is an invalid form, which
//! is illegal here.

use crate::{
    fields::Word,
    insn::{self, decode::decode_id, id},
    softfp::convert::{double, single},
    state::Cpu,
    trap::{Done, Trap},
};

impl Cpu {
    /// (RA|0) or, with R = 1, CIA, plus the displacement or immediate; in 32-bit mode its high half is there still.
    #[inline(always)]
    fn prefixed_sum(&self, w: Word) -> Result<u64, Trap> {
        let base = match (w.relative(), w.ra()) {
            (false, _) => self.ra0(w),
            (true, 0) => self.cia,
            (true, _) => return Err(Trap::Illegal),
        };
        Ok(base.wrapping_add(w.d34() as u64))
    }

    /// The effective address.
    #[inline(always)]
    fn ea_prefixed(&self, w: Word) -> Result<u64, Trap> {
        Ok(self.wrap(self.prefixed_sum(w)?))
    }
}

/// `paddi`, `pli`, `pla`.
pub fn paddi(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = cpu.prefixed_sum(w)?;
    Ok(())
}

/// `pnop`. With a suffix that branches, returns, calls the system, writes the MSR or is `attn` it is an invalid form.
pub fn pnop(cpu: &mut Cpu, w: Word) -> Done {
    const ATTN: u32 = 256;
    let suffix = Word::from(w.low());
    let valid = match decode_id(suffix, cpu.model.isa) {
        Some(id::mtmsr | id::mtmsrd) => suffix.bit(15),
        Some(row) => insn::row(row).is_none_or(|row| row.effect.goes_on()),
        None => suffix.opcd() != 0 || suffix.bits(21, 10) != ATTN,
    };
    if valid { Ok(()) } else { Err(Trap::Illegal) }
}

macro_rules! loads {
    ($($name:ident: |$v:ident: $t:ty| $value:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let $v: $t = cpu.load(cpu.ea_prefixed(w)?)?;
            cpu.gpr[w.rt()] = $value;
            Ok(())
        }
    )* };
}
loads! {
    plbz: |v: u8| v.into();
    plhz: |v: u16| v.into();
    plha: |v: u16| v as i16 as u64;
    plwz: |v: u32| v.into();
    plwa: |v: u32| v as i32 as u64;
    pld: |v: u64| v;
}

macro_rules! stores {
    ($($name:ident: $t:ty;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            cpu.store(cpu.ea_prefixed(w)?, cpu.gpr[w.rs()] as $t)
        }
    )* };
}
stores! {
    pstb: u8;
    psth: u16;
    pstw: u32;
    pstd: u64;
}

/// The registers of a pair in the order of significance: RTp has what is at the lower address in both byte orders, other
/// than with `lq` and `stq`.
fn pair(cpu: &Cpu, even: usize) -> (usize, usize) {
    if cpu.le() { (even + 1, even) } else { (even, even + 1) }
}

/// `plq`. RTp odd or equal to RA is an invalid form.
pub fn plq(cpu: &mut Cpu, w: Word) -> Done {
    if w.rt() & 1 != 0 || w.rt() == w.ra() {
        return Err(Trap::Illegal);
    }
    let value: u128 = cpu.load(cpu.ea_prefixed(w)?)?;
    let (high, low) = pair(cpu, w.rt());
    (cpu.gpr[high], cpu.gpr[low]) = ((value >> 64) as u64, value as u64);
    Ok(())
}

/// `pstq`. RSp odd is an invalid form.
pub fn pstq(cpu: &mut Cpu, w: Word) -> Done {
    if w.rs() & 1 != 0 {
        return Err(Trap::Illegal);
    }
    let (high, low) = pair(cpu, w.rs());
    let value = u128::from(cpu.gpr[high]) << 64 | u128::from(cpu.gpr[low]);
    cpu.store(cpu.ea_prefixed(w)?, value)
}

/// Scalars: doubleword 0 of a VSR, whose doubleword 1 a load clears.
macro_rules! scalars {
    ($($load:ident, $store:ident: $register:expr, $t:ty, $from:expr, $to:expr;)*) => { $(
        #[doc = concat!("`", stringify!($load), "`")]
        pub fn $load(cpu: &mut Cpu, w: Word) -> Done {
            let register: fn(Word) -> usize = $register;
            let from: fn($t) -> u64 = $from;
            let value = cpu.load(cpu.ea_prefixed(w)?)?;
            cpu.vsr[register(w)] = u128::from(from(value)) << 64;
            Ok(())
        }
        #[doc = concat!("`", stringify!($store), "`")]
        pub fn $store(cpu: &mut Cpu, w: Word) -> Done {
            let register: fn(Word) -> usize = $register;
            let to: fn(u64) -> $t = $to;
            cpu.store(cpu.ea_prefixed(w)?, to((cpu.vsr[register(w)] >> 64) as u64))
        }
    )* };
}
scalars! {
    plfd, pstfd: |w| w.frt(), u64, |v| v, |v| v;
    plfs, pstfs: |w| w.frt(), u32, double, single;
    plxsd, pstxsd: |w| 32 + w.vrt(), u64, |v| v, |v| v;
    plxssp, pstxssp: |w| 32 + w.vrt(), u32, double, single;
}

/// TX or SX is the lowest bit of the opcode.
fn vsr(w: Word) -> usize {
    w.rt() | (w.bits(5, 1) << 5) as usize
}

/// `plxv`
pub fn plxv(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[vsr(w)] = cpu.load(cpu.ea_prefixed(w)?)?;
    Ok(())
}

/// `pstxv`
pub fn pstxv(cpu: &mut Cpu, w: Word) -> Done {
    cpu.store(cpu.ea_prefixed(w)?, cpu.vsr[vsr(w)])
}

/// `plxvp`
pub fn plxvp(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_prefixed(w)?;
    super::vsx::load_pair(cpu, w, ea)
}

/// `pstxvp`
pub fn pstxvp(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_prefixed(w)?;
    super::vsx::store_pair(cpu, w, ea)
}

#[cfg(test)]
mod tests {
    use super::super::fixed::tests::cpu;
    use super::*;
    use crate::msr;

    const MLS: u32 = 0x0600_0000;
    const RELATIVE: u32 = 1 << 20;

    #[test]
    fn an_immediate_of_34_bits_is_added_to_a_register_or_to_the_address() {
        let mut c = cpu();
        c.cia = 0x1000_0000;
        c.gpr[4] = 7;
        let at = |prefix, ra: u32| Word::prefixed(MLS | prefix, 14 << 26 | 3 << 21 | ra << 16 | 0xfffe);
        for (word, sum) in [
            (at(0x3_ffff, 4), 5),
            (at(0x3_ffff, 0), -2i64 as u64),
            (at(0x1_ffff, 4), (1 << 33) + 5),
            (at(0x2_0000, 0), 0xffff_fffe_0000_fffe),
            (at(RELATIVE | 0x3_ffff, 0), 0x0fff_fffe),
        ] {
            paddi(&mut c, word).unwrap();
            assert_eq!(c.gpr[3], sum);
        }
        assert_eq!(paddi(&mut c, at(RELATIVE, 4)), Err(Trap::Illegal));
        assert_eq!(plbz(&mut c, at(RELATIVE, 4)), Err(Trap::Illegal));
    }

    #[test]
    fn a_pair_has_its_first_doubleword_in_the_even_register_in_both_byte_orders() {
        let mut c = cpu();
        for le in [0, msr::LE] {
            c.msr = msr::SF | le;
            (c.gpr[6], c.gpr[7], c.gpr[4]) = (1, 2, 0x108);
            pstq(&mut c, Word::prefixed(0x0400_0000, 60 << 26 | 6 << 21 | 4 << 16)).unwrap();
            assert_eq!((c.load(0x108), c.load(0x110)), (Ok(1u64), Ok(2u64)));
            plq(&mut c, Word::prefixed(0x0400_0000, 56 << 26 | 8 << 21 | 4 << 16)).unwrap();
            assert_eq!((c.gpr[8], c.gpr[9]), (1, 2));
        }
        for word in [9 << 21 | 4 << 16, 4 << 21 | 4 << 16] {
            assert_eq!(plq(&mut c, Word::prefixed(0x0400_0000, 56 << 26 | word)), Err(Trap::Illegal));
        }
    }

    #[test]
    fn what_branches_is_no_suffix_of_a_no_operation() {
        let mut c = cpu();
        c.model = &crate::model::POWER10;
        let pnop_of = |suffix| Word::prefixed(0x0700_0000, suffix);
        for suffix in [0, 0x6000_0000, 0x3860_0001, 0x4c00_012c, 0x7c01_0164] {
            assert_eq!(pnop(&mut c, pnop_of(suffix)), Ok(()), "{suffix:#x}");
        }
        // b, bc, bclr, sc, rfid, rfebb, mtmsrd, attn
        for suffix in
            [18 << 26, 16 << 26, 0x4e80_0020, 0x4400_0002, 0x4c00_0024, 0x4c00_0124, 0x7c00_0164, 0x200]
        {
            assert_eq!(pnop(&mut c, pnop_of(suffix)), Err(Trap::Illegal), "{suffix:#x}");
        }
    }

    #[test]
    fn addresses_have_32_bits_in_32_bit_mode_and_sums_do_not() {
        let mut c = cpu();
        c.msr = 0;
        c.gpr[4] = 0xffff_ffff;
        let word = |op: u32| Word::prefixed(MLS, op << 26 | 3 << 21 | 4 << 16 | 0x101);
        c.store(0x100, 0x5au8).unwrap();
        plbz(&mut c, word(34)).unwrap();
        assert_eq!(c.gpr[3], 0x5a);
        paddi(&mut c, word(14)).unwrap();
        assert_eq!(c.gpr[3], 0x1_0000_0100);
    }
}
