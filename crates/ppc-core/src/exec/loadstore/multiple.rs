//! Load and store multiple words, and strings of bytes.
//!
//! In little-endian mode these raise the alignment interrupt (Book III, "Alignment Interrupt"). A string load into a
//! register of its address, also into GPR 0 when RA is 0, is an invalid form and illegal; a multiple load into RA is
//! invalid too, but runs. A count of 0 in XER leaves RT, then undefined, as it is.

use super::misaligned;
use crate::{
    fields::Word,
    state::Cpu,
    trap::{Done, Trap},
};

/// Loads words from the effective address into RT to GPR 31.
pub fn lmw(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_d(w);
    if cpu.le() {
        return Err(misaligned(cpu, w, ea));
    }
    let count = 32 - w.rt();
    let mut words = [0u32; 32];
    for (i, word) in words.iter_mut().enumerate().take(count) {
        *word = cpu.load(cpu.wrap(ea.wrapping_add(4 * i as u64)))?;
    }
    for (gpr, word) in cpu.gpr[w.rt()..].iter_mut().zip(words) {
        *gpr = u64::from(word);
    }
    Ok(())
}

/// Stores the low words of RS to GPR 31 at the effective address.
pub fn stmw(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_d(w);
    if cpu.le() {
        return Err(misaligned(cpu, w, ea));
    }
    cpu.probe_store(ea, 4 * (32 - w.rs() as u64))?;
    for (i, n) in (w.rs()..32).enumerate() {
        cpu.store(cpu.wrap(ea.wrapping_add(4 * i as u64)), cpu.gpr[n] as u32)?;
    }
    Ok(())
}

/// The byte count of the immediate forms: NB, with 0 for 32.
fn immediate_count(w: Word) -> usize {
    if w.nb() == 0 { 32 } else { w.nb() }
}

/// Loads `count` bytes (at most 127) into the low words of consecutive registers from RT, after GPR 31 comes GPR 0.
/// `sources` are the registers of the address.
fn load_string(cpu: &mut Cpu, w: Word, ea: u64, count: usize, sources: &[usize]) -> Done {
    if cpu.le() {
        return Err(misaligned(cpu, w, ea));
    }
    if sources.iter().any(|n| n.wrapping_sub(w.rt()) & 31 < count.div_ceil(4)) {
        return Err(Trap::Illegal);
    }
    let mut bytes = [0u8; 128];
    for (i, byte) in bytes.iter_mut().enumerate().take(count) {
        *byte = cpu.load(cpu.wrap(ea.wrapping_add(i as u64)))?;
    }
    for (i, word) in bytes.chunks_exact(4).enumerate().take(count.div_ceil(4)) {
        cpu.gpr[(w.rt() + i) & 31] = word.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
    }
    Ok(())
}

/// Stores `count` bytes (at most 127) from the low words of consecutive registers from RS.
fn store_string(cpu: &mut Cpu, w: Word, ea: u64, count: usize) -> Done {
    if cpu.le() {
        return Err(misaligned(cpu, w, ea));
    }
    cpu.probe_store(ea, count as u64)?;
    for i in 0..count {
        let byte = (cpu.gpr[(w.rs() + i / 4) & 31] >> (24 - i % 4 * 8)) as u8;
        cpu.store(cpu.wrap(ea.wrapping_add(i as u64)), byte)?;
    }
    Ok(())
}

/// Loads NB bytes from (RA|0).
pub fn lswi(cpu: &mut Cpu, w: Word) -> Done {
    load_string(cpu, w, cpu.wrap(cpu.ra0(w)), immediate_count(w), &[w.ra()])
}

/// Loads as many bytes as XER\[57:63\] says.
pub fn lswx(cpu: &mut Cpu, w: Word) -> Done {
    // RA = 0 names no register. The ISA calls it an invalid form all the same if GPR 0 is loaded; processors run it.
    let sources = if w.ra() == 0 { [w.rb(); 2] } else { [w.ra(), w.rb()] };
    load_string(cpu, w, cpu.ea_x(w), usize::from(cpu.xer.count & 127), &sources)
}

/// Stores NB bytes at (RA|0).
pub fn stswi(cpu: &mut Cpu, w: Word) -> Done {
    store_string(cpu, w, cpu.wrap(cpu.ra0(w)), immediate_count(w))
}

/// Stores as many bytes as XER\[57:63\] says.
pub fn stswx(cpu: &mut Cpu, w: Word) -> Done {
    store_string(cpu, w, cpu.ea_x(w), usize::from(cpu.xer.count & 127))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixed::tests::cpu;
    use super::*;
    use crate::msr;

    #[test]
    fn multiples_go_through_memory_and_refuse_little_endian() {
        let mut c = cpu();
        for n in 28..32 {
            c.gpr[n] = 0xffff_0000_0000_0000 | n as u64;
        }
        c.gpr[4] = 0x101;
        stmw(&mut c, Word(28 << 21 | 4 << 16)).unwrap();
        lmw(&mut c, Word(29 << 21 | 4 << 16)).unwrap();
        assert_eq!(c.gpr[29..], [28, 29, 30]);
        c.gpr[4] = 4092;
        assert_eq!(lmw(&mut c, Word(28 << 21 | 4 << 16)), Err(Trap::MachineCheck));
        assert_eq!(c.gpr[29..], [28, 29, 30]);
        c.msr |= msr::LE;
        assert_eq!(lmw(&mut c, Word(28 << 21 | 4 << 16)), Err(Trap::Alignment));
        assert_eq!(c.fault.dar, 4092);
    }

    #[test]
    fn strings_wrap_from_gpr_31_to_gpr_0_and_pad_with_zeros() {
        let mut c = cpu();
        (c.gpr[31], c.gpr[0], c.gpr[1]) = (0x6162_6364, 0x6566_6768, u64::MAX);
        c.gpr[4] = 0x100;
        stswi(&mut c, Word(31 << 21 | 4 << 16 | 7 << 11)).unwrap();
        lswi(&mut c, Word(31 << 21 | 4 << 16 | 7 << 11)).unwrap();
        assert_eq!((c.gpr[31], c.gpr[0], c.gpr[1]), (0x6162_6364, 0x6566_6700, u64::MAX));
        c.xer.count = 0;
        c.gpr[5] = 1 << 30;
        lswx(&mut c, Word(31 << 21 | 4 << 16 | 5 << 11)).unwrap();
        assert_eq!(c.gpr[31], 0x6162_6364);
        c.xer.count = 5;
        c.gpr[5] = 0;
        lswx(&mut c, Word(6 << 21 | 4 << 16 | 5 << 11)).unwrap();
        assert_eq!((c.gpr[6], c.gpr[7]), (0x6162_6364, 0x6500_0000));
        assert_eq!(lswx(&mut c, Word(3 << 21 | 4 << 16 | 6 << 11)), Err(Trap::Illegal));
        assert_eq!(lswi(&mut c, Word(31 << 21 | 8 << 11)), Err(Trap::Illegal));
    }
}
