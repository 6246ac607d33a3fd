//! Single-precision memory format and double-precision register format: DOUBLE and SINGLE of the ISA (Book I,
//! "Floating-Point Load Instructions" and "Floating-Point Store Instructions"). Bit moves: no rounding, no exceptions.

/// DOUBLE(x): exact; NaNs keep their payload and their kind.
#[inline]
pub fn single_to_double(x: u32) -> u64 {
    let sign = (x as u64 & 0x8000_0000) << 32;
    let (exponent, fraction) = (x >> 23 & 0xff, x as u64 & 0x7f_ffff);
    let magnitude = match exponent {
        0xff => 0x7ff << 52 | fraction << 29,
        0 if fraction == 0 => 0,
        0 => {
            // Normalise: the leading one of the fraction becomes the hidden bit.
            let shift = fraction.leading_zeros() - 40;
            (897 - shift as u64) << 52 | (fraction << (29 + shift)) & 0xf_ffff_ffff_ffff
        }
        e => (e as u64 + 896) << 52 | fraction << 29,
    };
    sign | magnitude
}

/// SINGLE(x): excess fraction bits are dropped; values too small become denormal or zero by shifting.
#[inline]
pub fn double_to_single(x: u64) -> u32 {
    let exponent = (x >> 52 & 0x7ff) as u32;
    if exponent > 896 || x << 1 == 0 {
        return (x >> 32) as u32 & 0xc000_0000 | (x >> 29) as u32 & 0x3fff_ffff;
    }
    let sign = (x >> 32) as u32 & 0x8000_0000;
    if exponent < 874 {
        // Undefined by the ISA.
        return sign;
    }
    let significand = 1 << 52 | x & 0xf_ffff_ffff_ffff;
    sign | (significand >> (29 + 897 - exponent)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finite_values_survive_the_round_trip() {
        for x in [0, 1, 0x7f_ffff, 0x80_0000, 0x3f80_0000, 0x7f7f_ffff, 0x7f80_0000, 0x40_0000, 0x3] {
            for x in [x, x | 0x8000_0000] {
                assert_eq!(single_to_double(x), (f32::from_bits(x) as f64).to_bits(), "{x:#x}");
                assert_eq!(double_to_single(single_to_double(x)), x);
            }
        }
    }

    #[test]
    fn signalling_nans_stay_signalling() {
        assert_eq!(single_to_double(0x7f80_0001), 0x7ff0_0000_2000_0000);
        assert_eq!(double_to_single(0x7ff0_0000_2000_0000), 0x7f80_0001);
    }
}
