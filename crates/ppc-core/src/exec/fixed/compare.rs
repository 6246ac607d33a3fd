//! Compares, traps and selection (Book I, "Fixed-Point Compare, Trap and Select").

use crate::{
    fields::Word,
    state::Cpu,
    trap::{Done, Trap},
};
use std::cmp::Ordering;

/// The L field, bit 10: doubleword operands.
#[inline(always)]
const fn long(w: Word) -> bool {
    w.bit(10)
}

#[inline(always)]
fn set_order(cpu: &mut Cpu, w: Word, order: Ordering) -> Done {
    let bits = match order {
        Ordering::Less => 8,
        Ordering::Greater => 4,
        Ordering::Equal => 2,
    };
    cpu.set_crf(w.bf(), bits | cpu.xer.so as u32);
    Ok(())
}

/// Signed compare of RA and RB.
#[inline]
pub fn cmp(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()], cpu.gpr[w.rb()]);
    let order = if long(w) { (a as i64).cmp(&(b as i64)) } else { (a as i32).cmp(&(b as i32)) };
    set_order(cpu, w, order)
}

/// Signed compare of RA and SI.
#[inline]
pub fn cmpi(cpu: &mut Cpu, w: Word) -> Done {
    let a = cpu.gpr[w.ra()];
    let a = if long(w) { a as i64 } else { i64::from(a as i32) };
    set_order(cpu, w, a.cmp(&w.si()))
}

/// Unsigned compare of RA and RB.
#[inline]
pub fn cmpl(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()], cpu.gpr[w.rb()]);
    let order = if long(w) { a.cmp(&b) } else { (a as u32).cmp(&(b as u32)) };
    set_order(cpu, w, order)
}

/// Unsigned compare of RA and UI.
#[inline]
pub fn cmpli(cpu: &mut Cpu, w: Word) -> Done {
    let a = cpu.gpr[w.ra()];
    let a = if long(w) { a } else { u64::from(a as u32) };
    set_order(cpu, w, a.cmp(&w.ui()))
}

/// Whether the low byte of RA lies in the range (or with L = 1, either range) that RB holds.
pub fn cmprb(cpu: &mut Cpu, w: Word) -> Done {
    let byte = cpu.gpr[w.ra()] as u8;
    let [hi1, lo1, hi2, lo2] = (cpu.gpr[w.rb()] as u32).to_be_bytes();
    let inside = (lo2..=hi2).contains(&byte) || long(w) && (lo1..=hi1).contains(&byte);
    cpu.set_crf(w.bf(), u32::from(inside) << 2);
    Ok(())
}

/// Whether the low byte of RA is one of the bytes of RB.
pub fn cmpeqb(cpu: &mut Cpu, w: Word) -> Done {
    let byte = cpu.gpr[w.ra()] as u8;
    let found = cpu.gpr[w.rb()].to_ne_bytes().contains(&byte);
    cpu.set_crf(w.bf(), u32::from(found) << 2);
    Ok(())
}

/// The TO field's conditions on `a` and `b`; both are sign-extended, which keeps the unsigned order of words.
#[inline(always)]
fn trap(w: Word, a: i64, b: i64) -> Done {
    let mut holds = match a.cmp(&b) {
        Ordering::Less => 0x10,
        Ordering::Greater => 0x08,
        Ordering::Equal => 0x04,
    };
    match (a as u64).cmp(&(b as u64)) {
        Ordering::Less => holds |= 0x02,
        Ordering::Greater => holds |= 0x01,
        Ordering::Equal => {}
    }
    if w.to() & holds != 0 { Err(Trap::TrapInstruction) } else { Ok(()) }
}

/// Trap on a relation of the low words of RA and RB.
#[inline]
pub fn tw(cpu: &mut Cpu, w: Word) -> Done {
    trap(w, i64::from(cpu.gpr[w.ra()] as i32), i64::from(cpu.gpr[w.rb()] as i32))
}

/// Trap on a relation of the low word of RA and SI.
#[inline]
pub fn twi(cpu: &mut Cpu, w: Word) -> Done {
    trap(w, i64::from(cpu.gpr[w.ra()] as i32), w.si())
}

/// Trap on a relation of RA and RB.
#[inline]
pub fn td(cpu: &mut Cpu, w: Word) -> Done {
    trap(w, cpu.gpr[w.ra()] as i64, cpu.gpr[w.rb()] as i64)
}

/// Trap on a relation of RA and SI.
#[inline]
pub fn tdi(cpu: &mut Cpu, w: Word) -> Done {
    trap(w, cpu.gpr[w.ra()] as i64, w.si())
}

/// `RT = CR[BC] ? (RA|0) : RB`.
#[inline]
pub fn isel(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = if cpu.cr_bit(w.rc_reg()) { cpu.ra0(w) } else { cpu.gpr[w.rb()] };
    Ok(())
}

/// `RT = LT ? -1 : GT ? 1 : 0`, from CR field BFA.
#[inline]
pub fn setb(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.rt()] = match cpu.crf(w.bfa()) {
        8.. => u64::MAX,
        4..8 => 1,
        _ => 0,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpu;
    use super::*;

    const RA4_RB5: u32 = 4 << 16 | 5 << 11;
    const L: u32 = 1 << 21;

    #[test]
    fn compares_are_signed_or_unsigned_and_of_the_width_of_l() {
        let mut c = cpu();
        (c.gpr[4], c.gpr[5]) = (0xffff_ffff, 1);
        cmp(&mut c, Word::from(RA4_RB5)).unwrap();
        assert_eq!(c.crf(0), 8);
        cmp(&mut c, Word::from(RA4_RB5 | L)).unwrap();
        assert_eq!(c.crf(0), 4);
        c.xer.so = true;
        cmpl(&mut c, Word::from(RA4_RB5 | 7 << 23)).unwrap();
        assert_eq!(c.crf(7), 5);
        cmpi(&mut c, Word(4 << 16 | 0xffff)).unwrap();
        assert_eq!(c.crf(0), 3);
        cmpli(&mut c, Word(4 << 16 | 0xffff)).unwrap();
        assert_eq!(c.crf(0), 5);
    }

    #[test]
    fn traps_follow_the_to_field() {
        let mut c = cpu();
        (c.gpr[4], c.gpr[5]) = (0xffff_ffff, 1);
        let taken = |c: &mut Cpu, f: fn(&mut Cpu, Word) -> Done, to: u32| {
            f(c, Word::from(RA4_RB5 | to << 21)).is_err()
        };
        assert!(taken(&mut c, tw, 0x10) && taken(&mut c, tw, 0x01) && !taken(&mut c, tw, 0x0e));
        assert!(taken(&mut c, td, 0x08) && taken(&mut c, td, 0x01) && !taken(&mut c, td, 0x16));
        c.gpr[4] = 1;
        assert!(taken(&mut c, tw, 0x04) && !taken(&mut c, tw, 0x1b));
    }

    #[test]
    fn byte_compares_and_selections_read_the_right_fields() {
        let mut c = cpu();
        (c.gpr[4], c.gpr[5]) = (u64::from(b'q'), 0x7a61_5a41);
        cmprb(&mut c, Word::from(RA4_RB5)).unwrap();
        assert_eq!(c.crf(0), 0);
        cmprb(&mut c, Word::from(RA4_RB5 | L)).unwrap();
        assert_eq!(c.crf(0), 4);
        setb(&mut c, Word(3 << 21)).unwrap();
        assert_eq!(c.gpr[3], 1);
        isel(&mut c, Word::from(3 << 21 | RA4_RB5 | 1 << 6)).unwrap();
        assert_eq!(c.gpr[3], u64::from(b'q'));
        cmpeqb(&mut c, Word::from(RA4_RB5)).unwrap();
        assert_eq!(c.crf(0), 0);
    }
}
