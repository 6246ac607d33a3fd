//! A 128-bit register as lanes in ISA order: lane 0 is the most significant, whatever the byte order.
//!
//! Everything that looks at elements goes through [`Lane`]; the macros below make one line of one instruction.

/// An element type of a vector register.
pub trait Lane: Copy + Default + Eq + Ord {
    /// All lanes of a register, lane 0 first.
    type Lanes: Copy + AsRef<[Self]> + AsMut<[Self]>;
    /// Lanes in a register.
    const COUNT: usize;
    /// Smallest value, as a wide integer.
    const LOW: i64;
    /// Largest value; `i64::MAX` for `u64`, which no saturating instruction uses.
    const HIGH: i64;
    /// Splits a register.
    fn split(register: u128) -> Self::Lanes;
    /// Joins lanes to a register.
    fn join(lanes: Self::Lanes) -> u128;
    /// A register that holds `value` in every lane.
    fn splat(value: Self) -> u128;
    /// Lane `n`; `n` is taken modulo the number of lanes.
    fn lane(register: u128, n: usize) -> Self;
    /// Truncates.
    fn narrow(value: i64) -> Self;
}

macro_rules! lane {
    ($($t:ty, $u:ty, $n:literal, $low:expr, $high:expr;)*) => { $(
        impl Lane for $t {
            type Lanes = [$t; $n];
            const COUNT: usize = $n;
            const LOW: i64 = $low;
            const HIGH: i64 = $high;
            #[inline(always)]
            fn split(register: u128) -> [$t; $n] {
                let bytes = register.to_be_bytes();
                let (chunks, _) = bytes.as_chunks();
                std::array::from_fn(|i| <$t>::from_be_bytes(chunks[i]))
            }
            #[inline(always)]
            fn join(lanes: [$t; $n]) -> u128 {
                let mut bytes = [0; 16];
                for (chunk, lane) in bytes.as_chunks_mut().0.iter_mut().zip(lanes) {
                    *chunk = lane.to_be_bytes();
                }
                u128::from_be_bytes(bytes)
            }
            #[inline(always)]
            fn splat(value: $t) -> u128 {
                value as $u as u128 * (u128::MAX / <$u>::MAX as u128)
            }
            #[inline(always)]
            fn lane(register: u128, n: usize) -> $t {
                (register >> ((128 / $n) * ($n - 1 - n % $n))) as $t
            }
            #[inline(always)]
            fn narrow(value: i64) -> $t {
                value as $t
            }
        }
    )* };
}
lane! {
    u8, u8, 16, 0, u8::MAX as i64;
    i8, u8, 16, i8::MIN as i64, i8::MAX as i64;
    u16, u16, 8, 0, u16::MAX as i64;
    i16, u16, 8, i16::MIN as i64, i16::MAX as i64;
    u32, u32, 4, 0, u32::MAX as i64;
    i32, u32, 4, i32::MIN as i64, i32::MAX as i64;
    u64, u64, 2, 0, i64::MAX;
    i64, u64, 2, i64::MIN, i64::MAX;
}

/// `f` of each lane.
#[inline(always)]
pub fn map1<T: Lane>(b: u128, f: impl Fn(T) -> T) -> u128 {
    let mut lanes = T::split(b);
    for lane in lanes.as_mut() {
        *lane = f(*lane);
    }
    T::join(lanes)
}

/// `f` of each pair of lanes.
#[inline(always)]
pub fn map2<T: Lane>(a: u128, b: u128, f: impl Fn(T, T) -> T) -> u128 {
    let mut lanes = T::split(a);
    for (a, b) in lanes.as_mut().iter_mut().zip(T::split(b).as_ref()) {
        *a = f(*a, *b);
    }
    T::join(lanes)
}

/// All lanes made from their number.
#[inline(always)]
pub fn build<T: Lane>(f: impl Fn(usize) -> T) -> u128 {
    let mut lanes = T::split(0);
    for (i, lane) in lanes.as_mut().iter_mut().enumerate() {
        *lane = f(i);
    }
    T::join(lanes)
}

/// `f` of each lane number, saturated to the lane, and whether any was out of range.
#[inline(always)]
pub fn build_saturated<T: Lane>(f: impl Fn(usize) -> i64) -> (u128, bool) {
    let mut saturated = false;
    let mut lanes = T::split(0);
    for (i, lane) in lanes.as_mut().iter_mut().enumerate() {
        let exact = f(i);
        let value = exact.clamp(T::LOW, T::HIGH);
        saturated |= value != exact;
        *lane = T::narrow(value);
    }
    (T::join(lanes), saturated)
}

/// The lanes in the opposite order.
#[inline(always)]
pub fn reversed<T: Lane>(register: u128) -> u128 {
    let mut lanes = T::split(register);
    lanes.as_mut().reverse();
    T::join(lanes)
}

/// Defines instructions `name: |a, b| value;` on whole registers: VRT from VRA and VRB.
macro_rules! registers_ab {
    ($($name:ident: $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(u128, u128) -> u128 = $f;
            let value = f(cpu.vr(w.vra()), cpu.vr(w.vrb()));
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
    )* };
}

/// Defines instructions `name: |b| value;` on whole registers: VRT from VRB.
macro_rules! registers_b {
    ($($name:ident: $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(u128) -> u128 = $f;
            let value = f(cpu.vr(w.vrb()));
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
    )* };
}

/// Defines instructions `name: |a, b, c| value;` on whole registers: VRT from VRA, VRB and VRC.
macro_rules! registers_abc {
    ($($name:ident: $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(u128, u128, u128) -> u128 = $f;
            let value = f(cpu.vr(w.vra()), cpu.vr(w.vrb()), cpu.vr(w.vrc()));
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
    )* };
}

/// Defines instructions `name: type, |a, b| value;` lane by lane: VRT from VRA and VRB.
macro_rules! lanes_ab {
    ($($name:ident: $t:ty, $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let value = map2::<$t>(cpu.vr(w.vra()), cpu.vr(w.vrb()), $f);
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
    )* };
}

/// Defines instructions `name: type, |b| value;` lane by lane: VRT from VRB.
macro_rules! lanes_b {
    ($($name:ident: $t:ty, $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let value = map1::<$t>(cpu.vr(w.vrb()), $f);
            cpu.set_vr(w.vrt(), value);
            Ok(())
        }
    )* };
}

pub(crate) use {lanes_ab, lanes_b, registers_ab, registers_abc, registers_b};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lane_0_is_the_most_significant() {
        let r = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeffu128;
        assert_eq!(<u8 as Lane>::split(r)[1], 0x11);
        assert_eq!(<u16 as Lane>::lane(r, 7), 0xeeff);
        assert_eq!(<i64 as Lane>::split(r)[1], 0x8899_aabb_ccdd_eeffu64 as i64);
        assert_eq!(<i32 as Lane>::join(<i32 as Lane>::split(r)), r);
        assert_eq!(<i16 as Lane>::splat(-2), 0xfffe_fffe_fffe_fffe_fffe_fffe_fffe_fffe);
        assert_eq!(reversed::<u32>(r), 0xccdd_eeff_8899_aabb_4455_6677_0011_2233);
    }

    #[test]
    fn saturation_is_reported_when_any_lane_leaves_its_range() {
        assert_eq!(
            build_saturated::<i8>(|i| i as i64 * 9),
            (build::<i8>(|i| (i as i64 * 9).min(127) as i8), true)
        );
        assert!(!build_saturated::<u16>(|i| i as i64).1);
    }
}
