//! The one rounding at the end of every operation, and the choice among the forms of one value (Book I, "Decimal
//! Floating-Point Facility": rounding, ideal exponents, exceptions).

use super::{
    num::{Format, Num, Raw},
    wide::{Wide, ten},
};
use crate::{
    fields::Word,
    softfp::bits::{DRN, FI, FR, OE, OX, UE, UX, XX},
};

/// A rounding mode, by its number in FPSCR\[DRN\].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecimalRounding {
    /// To nearest, ties to even.
    Even,
    /// Toward zero.
    Zero,
    /// Toward +infinity.
    Up,
    /// Toward -infinity.
    Down,
    /// To nearest, ties away from zero.
    TiesAway,
    /// To nearest, ties toward zero.
    TiesZero,
    /// Away from zero.
    Away,
    /// To prepare for shorter precision: away from zero if the last digit is 0 or 5.
    Shorter,
}

/// What a rounding cuts off: the first digit lost, and whether more than zeros follow it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rest {
    digit: u64,
    more: bool,
}

impl Rest {
    /// `rest` of twice `half`, and something behind it if `sticky`.
    #[inline]
    pub const fn of(rest: u64, half: u64, sticky: bool) -> Rest {
        // Of the first digit only counts on which side of 5 it is.
        Rest { digit: if rest >= half { 5 } else { 0 }, more: sticky || rest != 0 && rest != half }
    }
}

impl DecimalRounding {
    /// All, in the order of DRN.
    pub const ALL: [DecimalRounding; 8] = [
        DecimalRounding::Even,
        DecimalRounding::Zero,
        DecimalRounding::Up,
        DecimalRounding::Down,
        DecimalRounding::TiesAway,
        DecimalRounding::TiesZero,
        DecimalRounding::Away,
        DecimalRounding::Shorter,
    ];

    /// The mode FPSCR\[DRN\] selects.
    #[inline]
    pub const fn of(fpscr: u64) -> DecimalRounding {
        DecimalRounding::ALL[((fpscr & DRN) >> DRN.trailing_zeros()) as usize]
    }

    /// The mode that RMC selects; 3 is DRN.
    #[inline]
    pub const fn of_rmc(w: Word, fpscr: u64) -> DecimalRounding {
        match w.bits(21, 2) {
            0 => DecimalRounding::Even,
            1 => DecimalRounding::Zero,
            2 => DecimalRounding::TiesAway,
            _ => DecimalRounding::of(fpscr),
        }
    }

    /// The mode that R and RMC select.
    #[inline]
    pub const fn of_r_rmc(w: Word, fpscr: u64) -> DecimalRounding {
        if !w.bit(15) {
            return DecimalRounding::of_rmc(w, fpscr);
        }
        match w.bits(21, 2) {
            0 => DecimalRounding::Up,
            1 => DecimalRounding::Down,
            2 => DecimalRounding::Away,
            _ => DecimalRounding::TiesZero,
        }
    }

    /// Whether a magnitude with last digit `last` is incremented.
    #[inline]
    pub(super) const fn increments(self, sign: bool, last: u64, rest: Rest) -> bool {
        let tie = rest.digit == 5 && !rest.more;
        match self {
            DecimalRounding::Even if tie => !last.is_multiple_of(2),
            DecimalRounding::TiesZero if tie => false,
            DecimalRounding::Even | DecimalRounding::TiesAway | DecimalRounding::TiesZero => rest.digit >= 5,
            DecimalRounding::Zero => false,
            DecimalRounding::Up => !sign,
            DecimalRounding::Down => sign,
            DecimalRounding::Away => true,
            DecimalRounding::Shorter => last.is_multiple_of(5),
        }
    }

    /// Whether a disabled overflow becomes infinity.
    #[inline]
    const fn overflows(self, sign: bool) -> bool {
        match self {
            DecimalRounding::Zero | DecimalRounding::Shorter => false,
            DecimalRounding::Up => !sign,
            DecimalRounding::Down => sign,
            _ => true,
        }
    }
}

/// What of the FPSCR decides a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Env {
    /// Rounding mode.
    pub mode: DecimalRounding,
    /// Overflow exceptions are enabled: the exponent is adjusted instead.
    pub oe: bool,
    /// Underflow exceptions are enabled: the exponent is adjusted instead.
    pub ue: bool,
}

impl Env {
    /// The environment of an FPSCR.
    #[inline]
    pub const fn of(fpscr: u64) -> Env {
        Env { mode: DecimalRounding::of(fpscr), oe: fpscr & OE != 0, ue: fpscr & UE != 0 }
    }
}

/// A value before rounding.
#[derive(Clone, Copy, Debug)]
pub struct Exact {
    /// Whether it is negative.
    pub sign: bool,
    /// Exponent of the last digit.
    pub exp: i32,
    /// Digits.
    pub coef: Wide,
    /// The magnitude lies between this coefficient and the next. The coefficient then has at least two digits more than
    /// the format.
    pub sticky: bool,
    /// The exponent of the last digit that an exact result has, if it can.
    pub ideal: i32,
}

/// `coef` without its last `cut` digits (at least 1), rounded; FR, FI and XX.
#[inline]
pub fn rounded(mode: DecimalRounding, sign: bool, coef: Wide, cut: u32, sticky: bool) -> (u128, u64) {
    let (with_digit, lost) = coef.cut(cut - 1);
    let (kept, digit) = with_digit.last();
    let (kept, more) = (kept.low, lost || sticky);
    if digit == 0 && !more {
        return (kept, 0);
    }
    if mode.increments(sign, (kept % 10) as u64, Rest { digit, more }) {
        (kept + 1, XX | FI | FR)
    } else {
        (kept, XX | FI)
    }
}

/// Rounds to the precision and range of `format`. The result fits it (unless an enabled exception adjusted the
/// exponent). Tininess is detected before rounding.
#[inline]
pub fn round(format: Format, env: Env, value: Exact) -> Raw {
    let Exact { sign, mut exp, coef, sticky, mut ideal } = value;
    let digits = coef.digits();
    if digits == 0 {
        return Raw::exact(Num::finite(sign, ideal.clamp(format.exp_min(), format.exp_max()), 0));
    }
    let mut flags = 0;
    let mut least = format.exp_min();
    let tiny = exp + (digits as i32) - 1 < format.normal_min();
    if tiny && env.ue {
        flags |= UX;
        exp += format.adjust;
        ideal += format.adjust;
        // If this was not enough, the exponent has no meaning, but the digits do.
        least = least.min(exp);
    }
    let cut = (digits as i32 - format.precision() as i32).max(least - exp);
    let mut kept = coef.low;
    if cut > 0 {
        let causes;
        (kept, causes) = rounded(env.mode, sign, coef, cut as u32, sticky);
        flags |= causes;
        exp += cut;
        if kept == ten(format.precision()) {
            kept /= 10;
            exp += 1;
        }
    }
    let inexact = flags & FI != 0;
    if tiny && inexact {
        flags |= UX;
    }
    let mut most = format.exp_max();
    if kept != 0 && exp + (super::wide::digits(kept) as i32) - 1 > most + format.precision() as i32 - 1 {
        flags |= OX;
        if !env.oe {
            return overflow(format, env.mode, sign, flags);
        }
        exp -= format.adjust;
        ideal -= format.adjust;
        most = most.max(exp);
    }
    if !inexact {
        (exp, kept) = toward(exp, kept, ideal.clamp(least, most), format.precision());
    }
    if exp > most {
        (exp, kept) = toward(exp, kept, most, format.precision());
    }
    Raw { num: Num::finite(sign, exp, kept), flags }
}

/// The form of a value whose exponent is nearest to `wanted`.
#[inline]
fn toward(mut exp: i32, mut coef: u128, wanted: i32, precision: u32) -> (i32, u128) {
    if coef == 0 {
        return (wanted, 0);
    }
    if exp > wanted {
        let room = precision - super::wide::digits(coef);
        let by = room.min((exp - wanted) as u32);
        return (exp - by as i32, coef * ten(by));
    }
    while exp < wanted {
        // Most numbers fit a doubleword, whose division is cheap.
        let (quotient, rest) = match u64::try_from(coef) {
            Ok(small) => (u128::from(small / 10), !small.is_multiple_of(10)),
            Err(_) => (coef / 10, !coef.is_multiple_of(10)),
        };
        if rest {
            break;
        }
        coef = quotient;
        exp += 1;
    }
    (exp, coef)
}

/// The result of a disabled overflow: infinity or the largest number, by mode and sign.
#[cold]
fn overflow(format: Format, mode: DecimalRounding, sign: bool, flags: u64) -> Raw {
    let flags = flags & !FR | XX | FI;
    if mode.overflows(sign) {
        return Raw { num: Num::inf(sign), flags: flags | FR };
    }
    Raw { num: Num::finite(sign, format.exp_max(), ten(format.precision()) - 1), flags }
}
