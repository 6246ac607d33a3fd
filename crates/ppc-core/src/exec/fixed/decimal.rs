//! Decimal helpers in GPRs: sixes, declets and binary coded decimal (Book I, "Binary Coded Decimal Assist").

use crate::{fields::Word, state::Cpu, trap::Done};

/// 6 in each digit of RT whose sum in RA + RB did not carry out, 0 elsewhere.
pub fn addg6s(cpu: &mut Cpu, w: Word) -> Done {
    let (a, b) = (cpu.gpr[w.ra()], cpu.gpr[w.rb()]);
    let sum = a.wrapping_add(b);
    // The carry out of every bit; that of a digit's top bit is the digit's.
    let out = (a & b) | ((a | b) & !sum);
    let none = !out >> 3 & 0x1111_1111_1111_1111;
    cpu.gpr[w.rt()] = none * 6;
    Ok(())
}

/// One declet (10 bits, densely packed decimal) as three BCD digits (Book I, "Densely Packed Decimal").
fn declet_to_bcd(declet: u32) -> u32 {
    let bit = |n: u32| declet >> (9 - n) & 1;
    let (pqr, stu, wxy) = (declet >> 7 & 7, declet >> 4 & 7, declet & 7);
    let (r, u, y) = (bit(2), bit(5), bit(9));
    let (pq, st) = (bit(0) << 1 | bit(1), bit(3) << 1 | bit(4));
    let digits = if bit(6) == 0 {
        [pqr, stu, wxy]
    } else {
        match bit(7) << 1 | bit(8) {
            0 => [pqr, stu, 8 | y],
            1 => [pqr, 8 | u, st << 1 | y],
            2 => [8 | r, stu, pq << 1 | y],
            _ => match st {
                0 => [8 | r, 8 | u, pq << 1 | y],
                1 => [8 | r, pq << 1 | u, 8 | y],
                2 => [pqr, 8 | u, 8 | y],
                _ => [8 | r, 8 | u, 8 | y],
            },
        }
    };
    digits[0] << 8 | digits[1] << 4 | digits[2]
}

/// Three BCD digits as one declet. Digits above 9 are undefined; here their high bit says what they are.
fn bcd_to_declet(bcd: u32) -> u32 {
    let (d0, d1, d2) = (bcd >> 8 & 15, bcd >> 4 & 15, bcd & 15);
    let (r, u, y) = (d0 & 1, d1 & 1, d2 & 1);
    let (pqr, stu, wx) = (d0 & 7, d1 & 7, d2 >> 1 & 3);
    let rest = |pq: u32, st: u32, vwx: u32| pq << 8 | r << 7 | st << 5 | u << 4 | vwx << 1 | y;
    match (d0 >> 3) << 2 | (d1 >> 3) << 1 | d2 >> 3 {
        0 => rest(pqr >> 1, stu >> 1, wx),
        1 => rest(pqr >> 1, stu >> 1, 0b100),
        2 => rest(pqr >> 1, wx, 0b101),
        4 => rest(wx, stu >> 1, 0b110),
        6 => rest(wx, 0, 0b111),
        5 => rest(stu >> 1, 1, 0b111),
        3 => rest(pqr >> 1, 2, 0b111),
        _ => rest(0, 3, 0b111),
    }
}

/// The two declets of each word of RS as six BCD digits.
pub fn cdtbcd(cpu: &mut Cpu, w: Word) -> Done {
    let s = cpu.gpr[w.rs()];
    let word = |s: u32| u64::from(declet_to_bcd(s >> 10 & 0x3ff) << 12 | declet_to_bcd(s & 0x3ff));
    cpu.gpr[w.ra()] = word((s >> 32) as u32) << 32 | word(s as u32);
    Ok(())
}

/// The six BCD digits of each word of RS as two declets.
pub fn cbcdtd(cpu: &mut Cpu, w: Word) -> Done {
    let s = cpu.gpr[w.rs()];
    let word = |s: u32| u64::from(bcd_to_declet(s >> 12 & 0xfff) << 10 | bcd_to_declet(s & 0xfff));
    cpu.gpr[w.ra()] = word((s >> 32) as u32) << 32 | word(s as u32);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cpu, xo};
    use super::*;

    #[test]
    fn every_number_survives_the_way_through_a_declet() {
        for n in 0..1000u32 {
            let bcd = (n / 100) << 8 | ((n / 10) % 10) << 4 | (n % 10);
            assert_eq!(declet_to_bcd(bcd_to_declet(bcd)), bcd);
        }
        // Values of the ISA's table: 005 = 0x005, 079 = 0x079, 999 = 0x0ff.
        assert_eq!((bcd_to_declet(0x005), bcd_to_declet(0x079), bcd_to_declet(0x999)), (0x005, 0x079, 0x0ff));
        assert_eq!(declet_to_bcd(0x3ff), 0x999);
    }

    #[test]
    fn sixes_stand_where_no_digit_carried() {
        let mut c = cpu();
        assert_eq!(xo(&mut c, addg6s, 0xf, 0x1), 0x6666_6666_6666_6660);
        assert_eq!(xo(&mut c, addg6s, u64::MAX, 1), 0);
    }
}
