//! Integer compares: a lane of ones where the relation holds; record forms sum up in CR field 6.

use super::lanes::{Lane, map2};
use crate::{fields::Word, softfp::compare::crf, state::Cpu, trap::Done};
use std::cmp::Ordering;

/// Writes a compare's result and, for the record form, CR6 = all lanes true, 0, all lanes false, 0.
#[inline(always)]
pub fn finish_compare<const RC: bool>(cpu: &mut Cpu, register: usize, mask: u128) -> Done {
    cpu.set_vr(register, mask);
    if RC {
        cpu.set_crf(6, ((mask == u128::MAX) as u32) << 3 | ((mask == 0) as u32) << 1);
    }
    Ok(())
}

/// Lanes of ones where `relation` holds.
#[inline(always)]
fn mask<T: Lane>(a: u128, b: u128, relation: impl Fn(T, T) -> bool) -> u128 {
    map2::<T>(a, b, |a, b| if relation(a, b) { T::narrow(-1) } else { T::narrow(0) })
}

macro_rules! compares {
    ($($name:ident: $t:ty, $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let mask = mask::<$t>(cpu.vr(w.vra()), cpu.vr(w.vrb()), $f);
            finish_compare::<RC>(cpu, w.vrt(), mask)
        }
    )* };
}
compares! {
    vcmpequb: u8, |a, b| a == b;
    vcmpequh: u16, |a, b| a == b;
    vcmpequw: u32, |a, b| a == b;
    vcmpequd: u64, |a, b| a == b;
    vcmpgtsb: i8, |a, b| a > b;
    vcmpgtsh: i16, |a, b| a > b;
    vcmpgtsw: i32, |a, b| a > b;
    vcmpgtsd: i64, |a, b| a > b;
    vcmpgtub: u8, |a, b| a > b;
    vcmpgtuh: u16, |a, b| a > b;
    vcmpgtuw: u32, |a, b| a > b;
    vcmpgtud: u64, |a, b| a > b;
    vcmpneb: u8, |a, b| a != b;
    vcmpneh: u16, |a, b| a != b;
    vcmpnew: u32, |a, b| a != b;
    vcmpnezb: u8, |a, b| a != b || a == 0 || b == 0;
    vcmpnezh: u16, |a, b| a != b || a == 0 || b == 0;
    vcmpnezw: u32, |a, b| a != b || a == 0 || b == 0;
}

macro_rules! quadwords {
    ($($name:ident: $t:ty, $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name<const RC: bool>(cpu: &mut Cpu, w: Word) -> Done {
            let relation: fn(&$t, &$t) -> bool = $f;
            let holds = relation(&(cpu.vr(w.vra()) as $t), &(cpu.vr(w.vrb()) as $t));
            finish_compare::<RC>(cpu, w.vrt(), if holds { u128::MAX } else { 0 })
        }
    )* };
}
quadwords! {
    vcmpequq: u128, PartialEq::eq;
    vcmpgtuq: u128, PartialOrd::gt;
    vcmpgtsq: i128, PartialOrd::gt;
}

/// CR field BF as an integer compare sets it, its last bit 0.
#[inline(always)]
fn into_cr(cpu: &mut Cpu, w: Word, order: Ordering) -> Done {
    cpu.set_crf(w.bf(), crf(Some(order)));
    Ok(())
}

/// `vcmpuq`
pub fn vcmpuq(cpu: &mut Cpu, w: Word) -> Done {
    into_cr(cpu, w, cpu.vr(w.vra()).cmp(&cpu.vr(w.vrb())))
}

/// `vcmpsq`
pub fn vcmpsq(cpu: &mut Cpu, w: Word) -> Done {
    into_cr(cpu, w, (cpu.vr(w.vra()) as i128).cmp(&(cpu.vr(w.vrb()) as i128)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{W, cpu, run},
        *,
    };

    #[test]
    fn signed_and_unsigned_order_differ() {
        let a = 0xff00_0000_0000_0000_8000_0000_0000_0001;
        assert_eq!(run!(vcmpgtsd::<false>, a, 0), 0);
        assert_eq!(run!(vcmpgtud::<false>, a, 0), u128::MAX);
        assert_eq!(run!(vcmpgtsb::<false>, a, 0), 0xff);
        assert_eq!(run!(vcmpnezb::<false>, 0x0102, 0x0103), !0xff00);
    }

    #[test]
    fn cr6_tells_all_true_from_all_false() {
        for (a, b, want) in [(5, 5, 8), (0, u128::MAX, 2), (1, 0, 0)] {
            let mut cpu = cpu(a, b, 0);
            vcmpequb::<true>(&mut cpu, W).unwrap();
            assert_eq!(cpu.crf(6), want);
            assert_eq!(cpu.cr() & !0xf0, 0);
        }
    }

    #[test]
    fn quadwords_compare_as_a_whole() {
        let (a, b) = (1 << 127, 5);
        assert_eq!(run!(vcmpgtuq::<true>, a, b), u128::MAX);
        assert_eq!(run!(vcmpgtsq::<true>, a, b), 0);
        assert_eq!(run!(vcmpequq::<false>, b, b), u128::MAX);
        let mut cpu = cpu(a, b, 0);
        for (f, want) in [(vcmpuq as crate::exec::ExecFn, 4), (vcmpsq, 8)] {
            f(&mut cpu, Word(W.0 | 7 << 23)).unwrap();
            assert_eq!(cpu.crf(7), want);
        }
    }
}
