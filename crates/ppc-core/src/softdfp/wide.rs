//! Unsigned 256-bit integers, as far as coefficients need them: 77 digits.

/// `high * 2^128 + low`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wide {
    /// The more significant half.
    pub high: u128,
    /// The less significant half.
    pub low: u128,
}

/// How many powers of ten there are: 10^0 to 10^77.
const POWERS: usize = 78;

/// Powers of ten.
const TEN: [Wide; POWERS] = {
    let mut table = [Wide { high: 0, low: 1 }; POWERS];
    let mut i = 1;
    while i < POWERS {
        table[i] = table[i - 1].times_small(10);
        i += 1;
    }
    table
};

/// `10^n`, `n <= 38`.
#[inline]
pub const fn ten(n: u32) -> u128 {
    TEN[n as usize].low
}

/// How many digits `n` has; 0 has none.
#[inline]
pub const fn digits(n: u128) -> u32 {
    Wide::new(n).digits()
}

impl Wide {
    /// A number of 128 bits.
    #[inline]
    pub const fn new(low: u128) -> Wide {
        Wide { high: 0, low }
    }

    /// Whether it is 0.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }

    const fn times_small(self, n: u64) -> Wide {
        let half = u64::MAX as u128;
        let a = (self.low & half) * n as u128;
        let b = (self.low >> 64) * n as u128 + (a >> 64);
        Wide { high: self.high.wrapping_mul(n as u128) + (b >> 64), low: b << 64 | a & half }
    }

    /// The product of two numbers of 128 bits.
    #[inline]
    pub const fn product(a: u128, b: u128) -> Wide {
        if (a | b) >> 64 == 0 {
            return Wide::new(a * b);
        }
        let half = u64::MAX as u128;
        let (a1, a0, b1, b0) = (a >> 64, a & half, b >> 64, b & half);
        let (low, mid, mid2) = (a0 * b0, a1 * b0, a0 * b1);
        let carry = (low >> 64) + (mid & half) + (mid2 & half);
        Wide { high: a1 * b1 + (mid >> 64) + (mid2 >> 64) + (carry >> 64), low: carry << 64 | low & half }
    }

    /// `self * 10^n`, which must fit.
    #[inline]
    pub const fn shifted(mut self, mut n: u32) -> Wide {
        if self.high == 0 && n <= 38 {
            return Wide::product(self.low, ten(n));
        }
        while n > 0 {
            let step = if n > 19 { 19 } else { n };
            self = self.times_small(ten(step) as u64);
            n -= step;
        }
        self
    }

    /// The sum, which must fit.
    #[inline]
    pub const fn plus(self, other: Wide) -> Wide {
        let (low, carry) = self.low.overflowing_add(other.low);
        Wide { high: self.high + other.high + carry as u128, low }
    }

    /// The difference; `other` is not greater.
    #[inline]
    pub const fn minus(self, other: Wide) -> Wide {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Wide { high: self.high - other.high - borrow as u128, low }
    }

    /// How many digits it has; 0 has none.
    #[inline]
    pub const fn digits(self) -> u32 {
        let bits =
            if self.high == 0 { 128 - self.low.leading_zeros() } else { 256 - self.high.leading_zeros() };
        // 1233 / 4096 is a little more than log10(2): one too many at most.
        let guess = (bits * 1233) >> 12;
        let power = TEN[guess as usize];
        let reached = self.high > power.high || self.high == power.high && self.low >= power.low;
        guess + reached as u32
    }

    /// Quotient and remainder by a doubleword.
    #[inline]
    const fn by_small(self, n: u64) -> (Wide, u64) {
        let n = n as u128;
        if self.high == 0 {
            return (Wide::new(self.low / n), (self.low % n) as u64);
        }
        let half = u64::MAX as u128;
        let (high, rest) = (self.high / n, self.high % n);
        let upper = rest << 64 | self.low >> 64;
        let lower = (upper % n) << 64 | self.low & half;
        (Wide { high, low: ((upper / n) << 64) | (lower / n) }, (lower % n) as u64)
    }

    /// `self / 10^n`, and whether digits other than 0 were lost.
    #[inline]
    pub const fn cut(mut self, mut n: u32) -> (Wide, bool) {
        if n >= POWERS as u32 {
            return (Wide::new(0), !self.is_zero());
        }
        if self.high == 0 {
            if n > 38 {
                return (Wide::new(0), self.low != 0);
            }
            let power = ten(n);
            return (Wide::new(self.low / power), !self.low.is_multiple_of(power));
        }
        let mut lost = false;
        while n > 0 {
            let step = if n > 19 { 19 } else { n };
            let (quotient, rest) = self.by_small(ten(step) as u64);
            lost |= rest != 0;
            self = quotient;
            n -= step;
        }
        (self, lost)
    }

    /// The last digit and the number without it.
    #[inline]
    pub const fn last(self) -> (Wide, u64) {
        self.by_small(10)
    }

    /// Quotient and remainder. The quotient must fit 128 bits: the divisor is greater than the more significant half.
    #[inline]
    pub const fn quotient(self, by: u128) -> (u128, u128) {
        if self.high == 0 {
            return (self.low / by, self.low % by);
        }
        // Two digits of 64 bits, the divisor's first bit at the very left (Knuth, algorithm D).
        let shift = by.leading_zeros();
        let by = by << shift;
        let Wide { high, low } = self.shifted_left(shift);
        let (first, rest) = digit(high, (low >> 64) as u64, by);
        let (second, rest) = digit(rest, low as u64, by);
        ((first as u128) << 64 | second as u128, rest >> shift)
    }

    /// `self * 2^n`, which must fit; `n < 128`.
    const fn shifted_left(self, n: u32) -> Wide {
        if n == 0 {
            return self;
        }
        Wide { high: self.high << n | self.low >> (128 - n), low: self.low << n }
    }
}

/// One digit of a quotient and the remainder: `(rest * 2^64 + next) / by`, where `rest < by` and bit 127 of `by` is set.
const fn digit(rest: u128, next: u64, by: u128) -> (u64, u128) {
    let (by_high, by_low) = (by >> 64, by as u64 as u128);
    // An estimate that is too large by 2 at most.
    let mut digit = rest / by_high;
    let mut over = rest % by_high;
    while digit >> 64 != 0 || digit * by_low > over << 64 | next as u128 {
        digit -= 1;
        over += by_high;
        if over >> 64 != 0 {
            break;
        }
    }
    let rest = (rest << 64 | next as u128).wrapping_sub(digit.wrapping_mul(by));
    (digit as u64, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_have_one_digit_more_than_what_is_below() {
        for n in 0..77 {
            let power = Wide::new(1).shifted(n);
            assert_eq!(power.digits(), n + 1);
            assert_eq!(power.minus(Wide::new(1)).digits(), n);
            assert_eq!(power.cut(n), (Wide::new(1), false));
            assert_eq!(power.plus(Wide::new(1)).cut(n), (Wide::new(if n == 0 { 2 } else { 1 }), n > 0));
        }
    }

    #[test]
    fn a_product_divides_by_its_factors() {
        let (a, b) = (ten(34) - 7, ten(34) - 12345);
        let product = Wide::product(a, b);
        assert_eq!(product.quotient(a), (b, 0));
        assert_eq!(product.plus(Wide::new(1)).quotient(b), (a, 1));
        assert_eq!(product.digits(), 68);
    }

    #[test]
    fn a_quotient_times_its_divisor_and_the_rest_is_the_dividend() {
        let ends = [
            1u128,
            2,
            3,
            1 << 63,
            1 << 64,
            u64::MAX as u128,
            (1 << 64) + 1,
            1 << 127,
            u128::MAX - 1,
            u128::MAX,
        ];
        let mixed =
            ends.iter().flat_map(|a| ends.iter().map(move |b| a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b));
        for by in ends.into_iter().chain(mixed.clone()).filter(|&by| by != 0) {
            for quotient in ends.into_iter().chain(mixed.clone()) {
                for rest in [0, 1, by / 2, by - 1] {
                    let dividend = Wide::product(quotient, by).plus(Wide::new(rest % by));
                    assert_eq!(dividend.quotient(by), (quotient, rest % by), "{dividend:?} / {by}");
                }
            }
        }
    }
}
