//! Integer add, subtract, average, absolute difference, maximum, minimum and negation, lane by lane.

use super::{
    lanes::{Lane, build_saturated, lanes_ab, lanes_b, map1, map2},
    status::finish_saturated,
};
use crate::{fields::Word, state::Cpu, trap::Done};

lanes_ab! {
    vaddubm: u8, |a, b| a.wrapping_add(b);
    vadduhm: u16, |a, b| a.wrapping_add(b);
    vadduwm: u32, |a, b| a.wrapping_add(b);
    vaddudm: u64, |a, b| a.wrapping_add(b);
    vsububm: u8, |a, b| a.wrapping_sub(b);
    vsubuhm: u16, |a, b| a.wrapping_sub(b);
    vsubuwm: u32, |a, b| a.wrapping_sub(b);
    vsubudm: u64, |a, b| a.wrapping_sub(b);

    // The carry out of each word; for a subtraction, 1 means no borrow.
    vaddcuw: u32, |a, b| a.overflowing_add(b).1 as u32;
    vsubcuw: u32, |a, b| (a >= b) as u32;

    // Rounded up.
    vavgub: u8, |a, b| ((a as u16 + b as u16 + 1) >> 1) as u8;
    vavguh: u16, |a, b| ((a as u32 + b as u32 + 1) >> 1) as u16;
    vavguw: u32, |a, b| ((a as u64 + b as u64 + 1) >> 1) as u32;
    vavgsb: i8, |a, b| ((a as i16 + b as i16 + 1) >> 1) as i8;
    vavgsh: i16, |a, b| ((a as i32 + b as i32 + 1) >> 1) as i16;
    vavgsw: i32, |a, b| ((a as i64 + b as i64 + 1) >> 1) as i32;

    vabsdub: u8, |a, b| a.abs_diff(b);
    vabsduh: u16, |a, b| a.abs_diff(b);
    vabsduw: u32, |a, b| a.abs_diff(b);

    vmaxub: u8, |a, b| a.max(b);
    vmaxuh: u16, |a, b| a.max(b);
    vmaxuw: u32, |a, b| a.max(b);
    vmaxud: u64, |a, b| a.max(b);
    vmaxsb: i8, |a, b| a.max(b);
    vmaxsh: i16, |a, b| a.max(b);
    vmaxsw: i32, |a, b| a.max(b);
    vmaxsd: i64, |a, b| a.max(b);
    vminub: u8, |a, b| a.min(b);
    vminuh: u16, |a, b| a.min(b);
    vminuw: u32, |a, b| a.min(b);
    vminud: u64, |a, b| a.min(b);
    vminsb: i8, |a, b| a.min(b);
    vminsh: i16, |a, b| a.min(b);
    vminsw: i32, |a, b| a.min(b);
    vminsd: i64, |a, b| a.min(b);
}

lanes_b! {
    vnegw: i32, |b| b.wrapping_neg();
    vnegd: i64, |b| b.wrapping_neg();
}

macro_rules! saturating {
    ($($name:ident: $t:ty, $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(i64, i64) -> i64 = $f;
            let (a, b) = (<$t>::split(cpu.vr(w.vra())), <$t>::split(cpu.vr(w.vrb())));
            let result = build_saturated::<$t>(|i| f(a[i] as i64, b[i] as i64));
            finish_saturated(cpu, w, result)
        }
    )* };
}
saturating! {
    vaddubs: u8, |a, b| a + b;
    vadduhs: u16, |a, b| a + b;
    vadduws: u32, |a, b| a + b;
    vaddsbs: i8, |a, b| a + b;
    vaddshs: i16, |a, b| a + b;
    vaddsws: i32, |a, b| a + b;
    vsububs: u8, |a, b| a - b;
    vsubuhs: u16, |a, b| a - b;
    vsubuws: u32, |a, b| a - b;
    vsubsbs: i8, |a, b| a - b;
    vsubshs: i16, |a, b| a - b;
    vsubsws: i32, |a, b| a - b;
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu, run},
        *,
    };

    #[test]
    fn modulo_sums_stay_in_their_lane() {
        assert_eq!(run!(vaddubm, 0x01ff, 0x0101), 0x0200);
        assert_eq!(run!(vadduhm, 0x01ff, 0x0101), 0x0300);
        assert_eq!(run!(vsubudm, 0, 1), u64::MAX as u128);
        assert_eq!(run!(vaddcuw, 0xffff_ffff, 1), 1);
        assert_eq!(run!(vsubcuw, 0, 1), 1 << 96 | 1 << 64 | 1 << 32);
    }

    #[test]
    fn averages_round_up_and_never_overflow() {
        assert_eq!(run!(vavgub, 0xff02, 0xff01), 0xff02);
        assert_eq!(run!(vavgsb, 0xff80, 0xfe80), 0xff80);
        assert_eq!(run!(vabsduh, 3, 5), 2);
        assert_eq!(run!(vmaxsb, 0x80, 0x01), 0x01);
        assert_eq!(run!(vmaxub, 0x80, 0x01), 0x80);
        assert_eq!(run!(vnegw, 0, 1), 0xffff_ffff);
    }

    #[test]
    fn saturation_sticks_until_the_vscr_is_written() {
        let mut cpu = cpu(0x7f, 0x01, 0);
        vaddubs(&mut cpu, W).unwrap();
        assert_eq!((cpu.vr(0), cpu.vscr.sat), (0x80, false));
        vaddsbs(&mut cpu, W).unwrap();
        assert_eq!((cpu.vr(0), cpu.vscr.sat), (0x7f, true));
        vaddubs(&mut cpu, W).unwrap();
        assert!(cpu.vscr.sat);
        assert_eq!(run!(vsubuws, 1, 2), 0);
        assert_eq!(run!(vsubsws, 0x8000_0000, 1), 0x8000_0000);
    }
}
