//! Logical instructions, counts, parity and sign extension (Book I, "Fixed-Point Logical Instructions").

use super::put;
use crate::{fields::Word, state::Cpu, trap::Done};

macro_rules! immediate {
    ($($(#[$doc:meta])* $name:ident: $rc:literal, |$s:ident, $ui:ident| $value:expr;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let ($s, $ui) = (cpu.gpr[w.rs()], w.ui());
            put::<$rc>(cpu, w.ra(), $value);
            Ok(())
        }
    )* };
}

immediate! {
    /// `RA = RS & UI`, CR0.
    andi_rc: true, |s, ui| s & ui;
    /// `RA = RS & (UI || 0x0000)`, CR0.
    andis_rc: true, |s, ui| s & ui << 16;
    /// `RA = RS | UI`.
    ori: false, |s, ui| s | ui;
    /// `RA = RS | (UI || 0x0000)`.
    oris: false, |s, ui| s | ui << 16;
    /// `RA = RS ^ UI`.
    xori: false, |s, ui| s ^ ui;
    /// `RA = RS ^ (UI || 0x0000)`.
    xoris: false, |s, ui| s ^ ui << 16;
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident: |$s:ident, $b:ident| $value:expr;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let ($s, $b) = (cpu.gpr[w.rs()], cpu.gpr[w.rb()]);
            put::<RC>(cpu, w.ra(), $value);
            Ok(())
        }
    )* };
}

binary! {
    /// `RA = RS & RB`.
    and: |s, b| s & b;
    /// `RA = RS & ¬RB`.
    andc: |s, b| s & !b;
    /// `RA = RS | RB`.
    or: |s, b| s | b;
    /// `RA = RS | ¬RB`.
    orc: |s, b| s | !b;
    /// `RA = RS ^ RB`.
    xor: |s, b| s ^ b;
    /// `RA = ¬(RS & RB)`.
    nand: |s, b| !(s & b);
    /// `RA = ¬(RS | RB)`.
    nor: |s, b| !(s | b);
    /// `RA = ¬(RS ^ RB)`.
    eqv: |s, b| !(s ^ b);
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident: |$s:ident| $value:expr;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let $s = cpu.gpr[w.rs()];
            put::<RC>(cpu, w.ra(), $value);
            Ok(())
        }
    )* };
}

unary! {
    /// Sign-extends a byte.
    extsb: |s| s as i8 as u64;
    /// Sign-extends a halfword.
    extsh: |s| s as i16 as u64;
    /// Sign-extends a word.
    extsw: |s| s as i32 as u64;
    /// Zero bits before the first one in the low word.
    cntlzw: |s| u64::from((s as u32).leading_zeros());
    /// Zero bits before the first one.
    cntlzd: |s| u64::from(s.leading_zeros());
    /// Zero bits after the last one in the low word.
    cnttzw: |s| u64::from((s as u32).trailing_zeros());
    /// Zero bits after the last one.
    cnttzd: |s| u64::from(s.trailing_zeros());
}

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident: |$s:ident, $b:ident| $value:expr;)*) => { $(
        $(#[$doc])*
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let ($s, $b) = (cpu.gpr[w.rs()], cpu.gpr[w.rb()]);
            cpu.gpr[w.ra()] = $value;
            Ok(())
        }
    )* };
}

plain! {
    /// One bits of each byte.
    popcntb: |s, _b| u64::from_ne_bytes(s.to_ne_bytes().map(|byte| byte.count_ones() as u8));
    /// One bits of each word.
    popcntw: |s, _b| u64::from((s as u32).count_ones()) | u64::from(((s >> 32) as u32).count_ones()) << 32;
    /// One bits.
    popcntd: |s, _b| u64::from(s.count_ones());
    /// Parity of the low bits of the bytes.
    prtyd: |s, _b| u64::from((s & 0x0101_0101_0101_0101).count_ones() & 1);
    /// Parity of the low bits of the bytes of each word.
    prtyw: |s, _b| {
        let odd = |half: u64| u64::from((half & 0x0101_0101).count_ones() & 1);
        odd(s) | odd(s >> 32) << 32
    };
    /// 0xff in each byte where RS and RB agree, 0 elsewhere.
    cmpb: |s, b| u64::from_ne_bytes((s ^ b).to_ne_bytes().map(|byte| if byte == 0 { 0xff } else { 0 }));
    /// Gathers the bits of RB that the bytes of RS number (bit 0 the most significant; above 63 gives 0).
    bpermd: |s, b| s.to_be_bytes().into_iter().fold(0, |perm, index| {
        perm << 1 | if index < 64 { b >> (63 - index) & 1 } else { 0 }
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpu;
    use super::*;

    fn run(f: fn(&mut Cpu, Word) -> Done, s: u64, b: u64) -> u64 {
        let mut c = cpu();
        (c.gpr[3], c.gpr[5]) = (s, b);
        assert_eq!(f(&mut c, Word(3 << 21 | 4 << 16 | 5 << 11)), Ok(()));
        c.gpr[4]
    }

    #[test]
    fn counts_and_parities_work_on_their_own_widths() {
        assert_eq!(run(cntlzw::<false>, 0xffff_ffff_0000_0001, 0), 31);
        assert_eq!(run(cntlzd::<false>, 0, 0), 64);
        assert_eq!(run(cnttzw::<false>, 1 << 40, 0), 32);
        assert_eq!(run(popcntb, 0xff00_0100_0000_0003, 0), 0x0800_0100_0000_0002);
        assert_eq!(run(popcntw, 0xff00_0100_0000_0003, 0), 0x0000_0009_0000_0002);
        assert_eq!(run(prtyd, 0x0101_0100_0000_0002, 0), 1);
        assert_eq!(run(prtyw, 0x0100_0000_0101_0001, 0), 0x0000_0001_0000_0001);
    }

    #[test]
    fn bytes_are_compared_and_bits_permuted() {
        assert_eq!(run(cmpb, 0x1122_3344_5566_7788, 0x1100_3300_5500_7700), 0xff00_ff00_ff00_ff00);
        assert_eq!(run(bpermd, 0x003f_40ff_0001_0203, 1 << 63 | 1), 0b1100_1000);
    }

    #[test]
    fn immediates_are_not_sign_extended() {
        let mut c = cpu();
        c.gpr[3] = u64::MAX;
        andis_rc(&mut c, Word(3 << 21 | 4 << 16 | 0xffff)).unwrap();
        assert_eq!((c.gpr[4], c.crf(0)), (0xffff_0000, 4));
    }
}
