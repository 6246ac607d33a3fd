//! The one rounding at the end of every operation (ISA 4.3.6 "Rounding", 4.4 "Floating-Point Exceptions").

use super::{
    bits::{FI, FR, OE, OX, RN, UE, UX, XX},
    num::{Class, Format, Num, Raw},
};

/// A rounding mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To nearest, ties to even (RN = 0b00).
    Even,
    /// Toward zero (RN = 0b01).
    Zero,
    /// Toward +infinity (RN = 0b10).
    Up,
    /// Toward -infinity (RN = 0b11).
    Down,
    /// To nearest, ties away from zero (frin, xsrdpi).
    Away,
    /// To odd (the quad-precision instructions with RO = 1).
    Odd,
}

impl Rounding {
    /// The mode FPSCR\[RN\] selects.
    #[inline]
    pub const fn of(fpscr: u64) -> Rounding {
        match fpscr & RN {
            0 => Rounding::Even,
            1 => Rounding::Zero,
            2 => Rounding::Up,
            _ => Rounding::Down,
        }
    }

    /// Whether a magnitude is incremented: `odd` is its last bit, `rest` what is cut off in units of half its last
    /// place, as a comparison with that half.
    #[inline]
    pub const fn increments(self, sign: bool, odd: bool, rest: Rest) -> bool {
        match (self, rest) {
            (_, Rest::Nothing) => false,
            (Rounding::Even, Rest::Half) => odd,
            (Rounding::Away, Rest::Half) => true,
            (Rounding::Even | Rounding::Away, Rest::Less) => false,
            (Rounding::Even | Rounding::Away, Rest::More) => true,
            (Rounding::Zero, _) => false,
            (Rounding::Up, _) => !sign,
            (Rounding::Down, _) => sign,
            (Rounding::Odd, _) => !odd,
        }
    }
}

/// What a rounding cuts off, compared with half of the last place kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// The value is exact.
    Nothing,
    /// Less than half.
    Less,
    /// A tie.
    Half,
    /// More than half.
    More,
}

impl Rest {
    /// The lowest `cut` bits of `sig` (`1 <= cut <= 128`).
    #[inline]
    pub const fn of(sig: u128, cut: u32) -> Rest {
        let rest = sig << (128 - cut);
        const HALF: u128 = 1 << 127;
        if rest == 0 {
            Rest::Nothing
        } else if rest < HALF {
            Rest::Less
        } else if rest == HALF {
            Rest::Half
        } else {
            Rest::More
        }
    }
}

/// What of the FPSCR decides a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Env {
    /// Rounding mode.
    pub mode: Rounding,
    /// Overflow exceptions are enabled: the exponent is adjusted instead.
    pub oe: bool,
    /// Underflow exceptions are enabled: the exponent is adjusted instead.
    pub ue: bool,
}

impl Env {
    /// Round to nearest even, nothing enabled: vectors of VMX, estimates, tests.
    pub const DEFAULT: Env = Env { mode: Rounding::Even, oe: false, ue: false };

    /// The environment of an FPSCR.
    #[inline]
    pub const fn of(fpscr: u64) -> Env {
        Env { mode: Rounding::of(fpscr), oe: fpscr & OE != 0, ue: fpscr & UE != 0 }
    }
}

/// `sig` shifted right by `n` places, every lost bit ORed into bit 0.
#[inline]
pub const fn shift_jam(sig: u128, n: u32) -> u128 {
    if n == 0 {
        sig
    } else if n > 127 {
        (sig != 0) as u128
    } else {
        sig >> n | (sig << (128 - n) != 0) as u128
    }
}

/// Rounds to the precision and range of `format`. The result fits it (unless an enabled exception adjusted the
/// exponent); the flags gain OX, UX, XX, FR and FI. Tininess is detected before rounding.
#[inline]
pub fn round(format: Format, env: Env, raw: Raw) -> Raw {
    let Num { class: Class::Finite, sign, mut exp, mut sig } = raw.num else { return raw };
    let mut flags = raw.flags;
    let tiny = exp < format.emin();
    if tiny {
        if env.ue {
            flags |= UX;
            exp += format.adjust;
        } else {
            sig = shift_jam(sig, (format.emin() - exp) as u32);
            exp = format.emin();
        }
    }
    let cut = 128 - format.precision();
    let rest = Rest::of(sig, cut);
    if rest != Rest::Nothing {
        flags |= XX | FI;
        if tiny {
            flags |= UX;
        }
        let unit = 1u128 << cut;
        let inc = env.mode.increments(sign, sig & unit != 0, rest);
        sig &= !(unit - 1);
        if inc {
            flags |= FR;
            let (sum, carry) = sig.overflowing_add(unit);
            if carry {
                exp += 1;
                sig = 1 << 127;
            } else {
                sig = sum;
            }
        }
    }
    if exp > format.bias() {
        flags |= OX;
        if env.oe {
            exp -= format.adjust;
        } else {
            return overflow(format, env.mode, sign, flags);
        }
    }
    Raw { num: Num::finite(sign, exp, sig), flags }
}

/// The result of a disabled overflow: infinity or the largest number, by mode and sign. The ISA leaves FR
/// undefined; here it tells whether the magnitude grew.
#[cold]
fn overflow(format: Format, mode: Rounding, sign: bool, flags: u64) -> Raw {
    let flags = flags & !FR | XX | FI;
    let to_inf = match mode {
        Rounding::Even | Rounding::Away => true,
        Rounding::Zero | Rounding::Odd => false,
        Rounding::Up => !sign,
        Rounding::Down => sign,
    };
    if to_inf {
        return Raw { num: Num::inf(sign), flags: flags | FR };
    }
    let sig = u128::MAX << (128 - format.precision());
    Raw { num: Num { class: Class::Finite, sign, exp: format.bias(), sig }, flags }
}

#[cfg(test)]
mod tests {
    use super::{super::num::*, *};

    fn to_single(bits: u64, fpscr: u64) -> (u64, u64) {
        let r = round(SINGLE, Env::of(fpscr), Raw::exact(DOUBLE.unpack(bits as u128)));
        (DOUBLE.pack(r.num) as u64, r.flags)
    }

    #[test]
    fn ties_go_to_even_and_report_the_increment() {
        assert_eq!(to_single(0x3ff0_0000_1000_0000, 0), (0x3ff0_0000_0000_0000, XX | FI));
        assert_eq!(to_single(0x3ff0_0000_3000_0000, 0), (0x3ff0_0000_4000_0000, XX | FI | FR));
        assert_eq!(to_single(0x3ff0_0000_0000_0001, 2), (0x3ff0_0000_2000_0000, XX | FI | FR));
        assert_eq!(to_single(0xbff0_0000_0000_0001, 2), (0xbff0_0000_0000_0000, XX | FI));
    }

    #[test]
    fn tininess_is_seen_before_rounding() {
        // Just below 2^-126: rounds up to the smallest normalised single, and still is an underflow.
        assert_eq!(to_single(0x380f_ffff_ffff_ffff, 0), (0x3810_0000_0000_0000, UX | XX | FI | FR));
        // An exact denormal is no underflow while UX is disabled, and one when it is enabled.
        assert_eq!(to_single(0x3800_0000_0000_0000, 0), (0x3800_0000_0000_0000, 0));
        assert_eq!(to_single(0x3800_0000_0000_0000, UE), (0x4400_0000_0000_0000, UX));
    }

    #[test]
    fn overflow_depends_on_the_mode_and_the_enable() {
        let huge = 0x47f0_0000_0000_0000; // 2^128
        assert_eq!(to_single(huge, 0), (0x7ff0_0000_0000_0000, OX | XX | FI | FR));
        assert_eq!(to_single(huge, 1), (0x47ef_ffff_e000_0000, OX | XX | FI));
        assert_eq!(to_single(huge, OE), (0x3bf0_0000_0000_0000, OX));
    }
}
