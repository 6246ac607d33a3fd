//! Bits under a mask, byte reversal, and condition bits as numbers (3.1, Book I, "Fixed-Point Logical Instructions" and
//! "Set Boolean").
//!
//! The functions on doublewords are those of the vector instructions as well, which apply them to each.

use crate::{fields::Word, state::Cpu, trap::Done};

/// The bits of `value` that `mask` names, packed to the right in their order.
pub fn extract(value: u64, mut mask: u64) -> u64 {
    let (mut packed, mut place) = (0, 0);
    while mask != 0 {
        let bit = mask.trailing_zeros();
        packed |= (value >> bit & 1) << place;
        place += 1;
        mask &= mask - 1;
    }
    packed
}

/// The low bits of `value` in the places that `mask` names, in their order; zeros elsewhere.
pub fn deposit(mut value: u64, mut mask: u64) -> u64 {
    let mut spread = 0;
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        if value & 1 != 0 {
            spread |= lowest;
        }
        value >>= 1;
        mask ^= lowest;
    }
    spread
}

/// The bits of `value` where `mask` is 0 on the left, those where it is 1 on the right, each in their order.
pub fn centrifuge(value: u64, mask: u64) -> u64 {
    // With no zero in the mask, nothing is on the left.
    extract(value, !mask).checked_shl(mask.count_ones()).unwrap_or(0) | extract(value, mask)
}

/// How many of the bits that `mask` names stand before the first 1 among them, from the left.
pub fn leading_zeros(value: u64, mask: u64) -> u64 {
    let before = u64::MAX.checked_shl(64 - (value & mask).leading_zeros()).unwrap_or(0);
    u64::from((mask & before).count_ones())
}

/// The same from the right.
pub fn trailing_zeros(value: u64, mask: u64) -> u64 {
    let ones = value & mask;
    u64::from((mask & !ones & ones.wrapping_sub(1)).count_ones())
}

macro_rules! under_mask {
    ($($(#[$doc:meta])* $name:ident: $function:ident;)*) => { $(
        $(#[$doc])*
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            cpu.gpr[w.ra()] = $function(cpu.gpr[w.rs()], cpu.gpr[w.rb()]);
            Ok(())
        }
    )* };
}

under_mask! {
    /// Centrifuge Doubleword.
    cfuged: centrifuge;
    /// Parallel Bits Deposit Doubleword.
    pdepd: deposit;
    /// Parallel Bits Extract Doubleword.
    pextd: extract;
    /// Count Leading Zeros Doubleword under bit Mask.
    cntlzdm: leading_zeros;
    /// Count Trailing Zeros Doubleword under bit Mask.
    cnttzdm: trailing_zeros;
}

/// Byte-Reverse Halfword, in each of the four.
pub fn brh(cpu: &mut Cpu, w: Word) -> Done {
    const LOW_BYTES: u64 = 0x00ff_00ff_00ff_00ff;
    let s = cpu.gpr[w.rs()];
    cpu.gpr[w.ra()] = (s & LOW_BYTES) << 8 | s >> 8 & LOW_BYTES;
    Ok(())
}

/// Byte-Reverse Word, in both.
pub fn brw(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.ra()] = cpu.gpr[w.rs()].swap_bytes().rotate_left(32);
    Ok(())
}

/// Byte-Reverse Doubleword.
pub fn brd(cpu: &mut Cpu, w: Word) -> Done {
    cpu.gpr[w.ra()] = cpu.gpr[w.rs()].swap_bytes();
    Ok(())
}

/// `RT = CR[BI] ? set : clear`.
#[inline(always)]
fn condition(cpu: &mut Cpu, w: Word, set: i64, clear: i64) -> Done {
    cpu.gpr[w.rt()] = if cpu.cr_bit(w.bi()) { set } else { clear } as u64;
    Ok(())
}

/// Set Boolean Condition.
pub fn setbc(cpu: &mut Cpu, w: Word) -> Done {
    condition(cpu, w, 1, 0)
}

/// Set Boolean Condition Reverse.
pub fn setbcr(cpu: &mut Cpu, w: Word) -> Done {
    condition(cpu, w, 0, 1)
}

/// Set Negative Boolean Condition.
pub fn setnbc(cpu: &mut Cpu, w: Word) -> Done {
    condition(cpu, w, -1, 0)
}

/// Set Negative Boolean Condition Reverse.
pub fn setnbcr(cpu: &mut Cpu, w: Word) -> Done {
    condition(cpu, w, 0, -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: u64 = 0x0123_4567_89ab_cdef;
    const MASKS: [u64; 6] = [0, u64::MAX, 1, 1 << 63, 0xf0f0_0000_ff00_00ff, 0x5555_5555_5555_5555];

    #[test]
    fn bits_go_where_the_mask_says_and_come_back() {
        assert_eq!(extract(VALUE, 0xff00_0000_0000_00f0), 0x01e);
        assert_eq!(deposit(0x1e, 0xff00_0000_0000_00f0), 0x0100_0000_0000_00e0);
        for mask in MASKS {
            assert_eq!(deposit(extract(VALUE, mask), mask), VALUE & mask);
            let ones = mask.count_ones();
            let (left, right) = (extract(VALUE, !mask), extract(VALUE, mask));
            let both = u128::from(left) << ones | u128::from(right);
            assert_eq!(u128::from(centrifuge(VALUE, mask)), both);
        }
    }

    #[test]
    fn zeros_are_counted_among_the_bits_of_the_mask() {
        let naive = |bits: &mut dyn Iterator<Item = u32>, value: u64, mask: u64| {
            bits.filter(|bit| mask >> bit & 1 != 0).take_while(|bit| value >> bit & 1 == 0).count() as u64
        };
        for mask in MASKS {
            for value in [0, u64::MAX, VALUE, !VALUE, 1, 1 << 63, 0x0000_8000_0000_0000] {
                assert_eq!(leading_zeros(value, mask), naive(&mut (0..64).rev(), value, mask));
                assert_eq!(trailing_zeros(value, mask), naive(&mut (0..64), value, mask));
            }
        }
    }
}
