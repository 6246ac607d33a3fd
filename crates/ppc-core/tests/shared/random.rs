//! Deterministic random numbers and the operand values worth trying.

use ppc_core::softdfp::{Class, EXTENDED, Format, LONG, Num};

/// xorshift64*.
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }

    /// 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

const INTEGERS: &[u64] = &[
    0,
    1,
    2,
    u64::MAX,
    u64::MAX - 1,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_0000_0000,
    0x7fff_ffff_ffff_fffe,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    31,
    32,
    63,
    64,
    0x0123_4567_89ab_cdef,
];

const DOUBLES: &[u64] = &[
    0x0000_0000_0000_0000, // 0
    0x8000_0000_0000_0000, // -0
    0x3ff0_0000_0000_0000, // 1
    0xbff0_0000_0000_0000, // -1
    0x3fe0_0000_0000_0000, // 0.5
    0x4000_0000_0000_0000, // 2
    0x3ff8_0000_0000_0000, // 1.5
    0x7ff0_0000_0000_0000, // infinity
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000, // QNaN
    0xfff8_0000_dead_beef,
    0x7ff0_0000_0000_0001, // SNaN
    0xfff4_0000_2000_0000,
    0x0000_0000_0000_0001, // least denormal
    0x800f_ffff_ffff_ffff, // greatest denormal
    0x0010_0000_0000_0000, // least normal
    0x7fef_ffff_ffff_ffff, // greatest
    0xffef_ffff_ffff_ffff,
    0x41df_ffff_ffc0_0000, // 2^31 - 1
    0x41e0_0000_0000_0000, // 2^31
    0xc1e0_0000_0000_0000, // -2^31
    0xc1e0_0000_0010_0000,
    0x41ef_ffff_ffe0_0000, // 2^32 - 1
    0x41ef_ffff_fff0_0000, // 2^32 - 0.5
    0x43e0_0000_0000_0000, // 2^63
    0xc3e0_0000_0000_0000, // -2^63
    0x43f0_0000_0000_0000, // 2^64
    0x43ef_ffff_ffff_ffff,
    0x47ef_ffff_e000_0000, // greatest single
    0x47ef_ffff_f000_0000, // half way above it
    0x3810_0000_0000_0000, // least normal single
    0x36a0_0000_0000_0000, // least denormal single
    0x3690_0000_0000_0000, // half of it
    0x3690_0000_0000_0001,
    0x380f_ffff_ffff_ffff,
    0x3ff0_0000_1000_0000, // 1 + half an ulp of single
    0x4330_0000_0000_0001, // 2^52 + 1
    0x7fe0_0000_0000_0000,
    0x4004_0000_0000_0000, // 2.5
];

const SINGLES: &[u32] = &[
    0x0000_0000,
    0x8000_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x3f00_0000,
    0x4000_0000,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0xffc0_beef,
    0x7f80_0001,
    0xffa0_0000,
    0x0000_0001,
    0x807f_ffff,
    0x0080_0000,
    0x7f7f_ffff,
    0xff7f_ffff,
    0x4f00_0000,
    0xcf00_0000,
    0x4f7f_ffff,
    0x4f80_0000,
    0x5f00_0000,
    0x5f80_0000,
    0x4020_0000,
    0x3f80_0001,
    0x3380_0000,
    0x4b80_0001,
];

const QUADS: &[u128] = &[
    0,
    1 << 127,
    0x3fff << 112,
    0xbfff << 112,
    0x4000 << 112,
    0x7fff << 112,
    0xffff << 112,
    0xffff << 111,
    0xffff_0000_0000_0001 << 64,
    1,
    0x0001 << 112,
    (0x7fff << 112) - 1,
    (0x403e << 112) | 1 << 111,
    0x403e << 112,
    0xc03e << 112,
    0x403f << 112,
    0x401e << 112,
    (0x43fe << 112) | ((1 << 112) - 1),
    0x43ff << 112,
    0x3c01 << 112,
    0x3bcd << 112,
];

/// A general-purpose register's value.
pub fn integer(random: &mut Random) -> u64 {
    match random.below(8) {
        0..=2 => random.of(INTEGERS),
        3 => random.of(INTEGERS).wrapping_add(random.below(5)).wrapping_sub(2),
        4 => random.next() & 0xffff_ffff,
        5 => random.next() >> random.below(64),
        _ => random.next(),
    }
}

fn double(random: &mut Random) -> u64 {
    match random.below(8) {
        0..=2 => random.of(DOUBLES),
        3 => random.of(DOUBLES).wrapping_add(random.below(3)).wrapping_sub(1),
        // Neighbouring exponents, few or many bits.
        4 | 5 => {
            let tail = random.of(&[0, 20, 29, 40]);
            random.next() & 0x800f_ffff_ffff_ffff >> tail << tail | (1000 + random.below(60)) << 52
        }
        // A single in double format.
        6 => f64::from(f32::from_bits(single(random) & 0xffbf_ffff)).to_bits(),
        _ => random.next(),
    }
}

fn single(random: &mut Random) -> u32 {
    match random.below(6) {
        0..=2 => random.of(SINGLES),
        3 => random.of(SINGLES).wrapping_add(random.below(3) as u32).wrapping_sub(1),
        4 => random.next() as u32 & 0x807f_ffff | (110 + random.below(36) as u32) << 23,
        _ => random.next() as u32,
    }
}

fn half(random: &mut Random) -> u16 {
    const HALVES: &[u16] =
        &[0, 0x8000, 0x3c00, 0xbc00, 0x4000, 0x3800, 0x7bff, 0xfbff, 0x0001, 0x83ff, 0x0400, 0x4100];
    match random.below(8) {
        0..=3 => random.of(HALVES),
        4 if random.once_in(4) => random.of(&[0x7c00, 0xfc00, 0x7e00, 0xfe12, 0x7c01, 0xfd00]),
        _ => random.next() as u16 & !0x4000 | 0x2000,
    }
}

fn pair(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// Packed decimal: 31 digits and a sign, now and then with something wrong.
fn decimal(random: &mut Random) -> u128 {
    let digits = random.of(&[1, 5, 15, 16, 30, 31]);
    let mut value = 0;
    for _ in 0..digits {
        let digit = match random.below(40) {
            0 => random.below(16),
            1..=12 => 9,
            13..=20 => 0,
            _ => random.below(10),
        };
        value = value << 4 | u128::from(digit);
    }
    value << 4
        | u128::from(if random.once_in(12) { random.below(16) } else { random.of(&[10, 11, 12, 13, 14, 15]) })
}

/// A datum of decimal floating point: few or many digits, exponents near one another or at the ends of the range, now
/// and then special, and now and then not canonical.
fn dfp(random: &mut Random, format: Format) -> u128 {
    let class = match random.below(40) {
        0 | 1 => Class::Inf,
        2 | 3 => Class::Qnan,
        4 => Class::Snan,
        _ => Class::Finite,
    };
    let precision = u64::from(format.precision());
    let digits = random.of(&[0, 1, 2, 3, 7, 15, precision - 1, precision, precision]);
    let nines = random.of(&[1, 1, 3, 8]);
    let mut coef = 0;
    for i in 0..digits {
        let digit = match random.below(10) {
            n if n < nines => random.of(&[9, 9, 5]),
            1..=3 => 0,
            _ => random.below(10),
        };
        coef = coef * 10 + u128::from(if i == 0 { digit.max(1) } else { digit });
    }
    let (least, most) = (i64::from(format.exp_min()), i64::from(format.exp_max()));
    let exp = match random.below(8) {
        0..=3 => random.below(2 * precision) as i64 - precision as i64,
        4 => least + random.below(3 * precision) as i64,
        5 => most - random.below(3 * precision) as i64,
        6 => least / 2 + random.below(2 * precision) as i64,
        _ => least + random.below((most - least) as u64 + 1) as i64,
    };
    let bits = format.pack(Num { class, sign: random.once_in(3), exp: exp as i32, coef });
    // Redundant declets, reserved bits of a NaN, digits of an infinity.
    let odd = random.next() & random.next() & random.next() & random.next();
    if random.once_in(8) { bits ^ u128::from(odd & (u64::MAX >> 10)) } else { bits }
}

/// What kind of values the vector-scalar registers of one instance hold, mostly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Any bits.
    Bits,
    /// Doubles.
    Double,
    /// Singles.
    Single,
    /// binary16, singles among them.
    Half,
    /// bfloat16.
    Bfloat16,
    /// Quads.
    Quad,
    /// Integers of some element size.
    Integer,
    /// Packed decimal.
    Decimal,
    /// National decimal: seven characters of 16 bits and a sign.
    National,
    /// Zoned decimal: sixteen characters, the sign in the zone of the last.
    Zoned,
    /// Two decimal64 of decimal floating point.
    Dfp,
    /// A decimal128.
    DfpQuad,
}

/// A vector-scalar register's value.
pub fn vector(random: &mut Random, flavour: Flavour) -> u128 {
    match flavour {
        Flavour::Bits => pair(random.next(), random.next()),
        Flavour::Double => pair(double(random), double(random)),
        Flavour::Single => {
            let [a, b, c, d] = [(); 4].map(|()| u64::from(single(random)));
            pair(a << 32 | b, c << 32 | d)
        }
        Flavour::Half => (0..8).fold(0, |v, _| v << 16 | u128::from(half(random))),
        // The upper half of a single is one.
        Flavour::Bfloat16 => (0..8).fold(0, |v, _| v << 16 | u128::from(single(random) >> 16)),
        Flavour::Quad => match random.below(4) {
            0 | 1 => random.of(QUADS),
            2 => {
                pair(random.next() & 0x8000_ffff_ffff_ffff | (0x3fe0 + random.below(64)) << 48, random.next())
            }
            _ => pair(random.next(), random.next()),
        },
        Flavour::Integer => {
            let mut value = 0;
            let bits = random.of(&[8u32, 16, 32, 64]);
            let edges = [0, 1, 2, 1 << (bits - 1), (1 << (bits - 1)) - 1, u64::MAX, u64::MAX - 1, 3, 7];
            for _ in 0..128 / bits {
                let element = if random.once_in(3) { random.next() } else { random.of(&edges) };
                value = value << (bits % 128) | u128::from(element & (u64::MAX >> (64 - bits)));
            }
            value
        }
        Flavour::Dfp => pair(dfp(random, LONG) as u64, dfp(random, LONG) as u64),
        Flavour::DfpQuad => dfp(random, EXTENDED),
        Flavour::Decimal => decimal(random),
        Flavour::National => {
            let digits = (0..7).fold(0, |v, _| v << 16 | 0x30 | u128::from(random.below(10)));
            let odd = u128::from(if random.once_in(8) { random.next() } else { 0 }) << 16;
            (digits << 16 | u128::from(random.of(&[0x2bu16, 0x2d]))) ^ odd
        }
        Flavour::Zoned => {
            let zone = random.of(&[0x30, 0xf0]);
            let digits = (0..16).fold(0, |v, _| v << 8 | zone | u128::from(random.below(10)));
            let odd = u128::from(if random.once_in(8) { random.next() } else { 0 });
            digits ^ (u128::from(random.below(16)) << 4) ^ odd
        }
    }
}
