//! AES rounds and SHA-2 sigma functions (Book I, "Vector Crypto").
//!
//! Byte `4 * column + row` of a register is the AES state at that row and column.

use super::lanes::{Lane, build, registers_ab};
use crate::{fields::Word, state::Cpu, trap::Done};

/// Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (FIPS 197, section 4.2).
const fn gf_mul(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

/// SubBytes of every byte: the affine transform of the inverse (FIPS 197, section 5.1.1).
const SBOX: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        // x^254 is the inverse of x, and 0 for 0.
        let x = i as u8;
        let mut inverse = 1;
        let mut n = 0;
        while n < 254 {
            inverse = gf_mul(inverse, x);
            n += 1;
        }
        let r = inverse;
        table[i] = r ^ r.rotate_left(1) ^ r.rotate_left(2) ^ r.rotate_left(3) ^ r.rotate_left(4) ^ 0x63;
        i += 1;
    }
    table
};

/// InvSubBytes of every byte.
const INVERSE_SBOX: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        table[SBOX[i] as usize] = i as u8;
        i += 1;
    }
    table
};

/// Products of every byte with a constant.
const fn multiples(factor: u8) -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = gf_mul(i as u8, factor);
        i += 1;
    }
    table
}
static TIMES_2: [u8; 256] = multiples(2);
static TIMES_3: [u8; 256] = multiples(3);
static TIMES_9: [u8; 256] = multiples(9);
static TIMES_11: [u8; 256] = multiples(11);
static TIMES_13: [u8; 256] = multiples(13);
static TIMES_14: [u8; 256] = multiples(14);

fn sub_bytes(state: u128, table: &'static [u8; 256]) -> u128 {
    u128::from_be_bytes(state.to_be_bytes().map(|byte| table[byte as usize]))
}

/// Row `r` rotates left by `r` columns, or right when `inverse`.
fn shift_rows(state: u128, inverse: bool) -> u128 {
    build::<u8>(|i| {
        let (column, row) = (i / 4, i % 4);
        let from = if inverse { column + 4 - row } else { column + row } % 4;
        u8::lane(state, 4 * from + row)
    })
}

fn mix_columns(state: u128) -> u128 {
    build::<u8>(|i| {
        let s = |n: usize| u8::lane(state, i / 4 * 4 + (i + n) % 4);
        TIMES_2[s(0) as usize] ^ TIMES_3[s(1) as usize] ^ s(2) ^ s(3)
    })
}

fn inverse_mix_columns(state: u128) -> u128 {
    build::<u8>(|i| {
        let s = |n: usize| u8::lane(state, i / 4 * 4 + (i + n) % 4) as usize;
        TIMES_14[s(0)] ^ TIMES_11[s(1)] ^ TIMES_13[s(2)] ^ TIMES_9[s(3)]
    })
}

registers_ab! {
    vcipher: |state, key| mix_columns(shift_rows(sub_bytes(state, &SBOX), false)) ^ key;
    vcipherlast: |state, key| shift_rows(sub_bytes(state, &SBOX), false) ^ key;
    vncipher: |state, key| inverse_mix_columns(sub_bytes(shift_rows(state, true), &INVERSE_SBOX) ^ key);
    vncipherlast: |state, key| sub_bytes(shift_rows(state, true), &INVERSE_SBOX) ^ key;
    vsbox: |state, _| sub_bytes(state, &SBOX);
}

/// ST, bit 16: big sigma; SIX, bits 17:20: which of the two sigmas, lane by lane.
#[inline(always)]
fn sigma_controls(w: Word, lane: usize, lanes_per_bit: usize) -> (bool, bool) {
    (w.bit(16), w.bit(17 + (lane * lanes_per_bit) as u32))
}

/// `vshasigmaw`: the SHA-256 functions (FIPS 180-4, section 4.1.2).
pub fn vshasigmaw(cpu: &mut Cpu, w: Word) -> Done {
    let a = cpu.vr(w.vra());
    let value = build::<u32>(|i| {
        let x = u32::lane(a, i);
        match sigma_controls(w, i, 1) {
            (false, false) => x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3,
            (false, true) => x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10,
            (true, false) => x.rotate_right(2) ^ x.rotate_right(13) ^ x.rotate_right(22),
            (true, true) => x.rotate_right(6) ^ x.rotate_right(11) ^ x.rotate_right(25),
        }
    });
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

/// `vshasigmad`: the SHA-512 functions (FIPS 180-4, section 4.1.3).
pub fn vshasigmad(cpu: &mut Cpu, w: Word) -> Done {
    let a = cpu.vr(w.vra());
    let value = build::<u64>(|i| {
        let x = u64::lane(a, i);
        match sigma_controls(w, i, 2) {
            (false, false) => x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7,
            (false, true) => x.rotate_right(19) ^ x.rotate_right(61) ^ x >> 6,
            (true, false) => x.rotate_right(28) ^ x.rotate_right(34) ^ x.rotate_right(39),
            (true, true) => x.rotate_right(14) ^ x.rotate_right(18) ^ x.rotate_right(41),
        }
    });
    cpu.set_vr(w.vrt(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{cpu, run},
        *,
    };

    #[test]
    fn a_round_matches_fips_197_appendix_b() {
        let state = 0x193d_e3be_a0f4_e22b_9ac6_8d2a_e9f8_4808;
        let key = 0xa0fa_fe17_8854_2cb1_23a3_3939_2a6c_7605;
        assert_eq!(run!(vcipher, state, key), 0xa49c_7ff2_689f_352b_6b5b_ea43_026a_5049);
        let last = 0xeb40_f21e_592e_3884_8ba1_13e7_1bc3_42d2;
        let last_key = 0xd014_f9a8_c9ee_2589_e13f_0cc8_b663_0ca6;
        let cipher = 0x3925_841d_02dc_09fb_dc11_8597_196a_0b32;
        assert_eq!(run!(vcipherlast, last, last_key), cipher);
        assert_eq!(run!(vncipherlast, cipher ^ last_key, 0), last);
    }

    #[test]
    fn inverse_rounds_undo_rounds() {
        let state = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;
        let round = run!(vcipher, state, 0);
        assert_eq!(run!(vncipherlast, inverse_mix_columns(round), 0), state);
        let key = run!(vncipherlast, round, 0);
        assert_eq!(run!(vncipher, round, key), 0);
        assert_eq!(run!(vsbox, 0x53, 0) as u8, 0xed);
    }

    #[test]
    fn sigmas_are_chosen_lane_by_lane() {
        // ST = 0, SIX = 0b0101.
        let mut cpu = cpu(u32::splat(1), 0, 0);
        vshasigmaw(&mut cpu, Word(1 << 16 | 0b00101 << 11)).unwrap();
        let (s0, s1) = (1 << 25 | 1 << 14, 1 << 15 | 1 << 13);
        assert_eq!(cpu.vr(0), u32::join([s0, s1, s0, s1]));
        // ST = 1, SIX = 0b0010.
        cpu.set_vr(1, u64::splat(1));
        vshasigmad(&mut cpu, Word(1 << 16 | 0b10010 << 11)).unwrap();
        let (big0, big1) = (1 << 36 | 1 << 30 | 1 << 25, 1 << 50 | 1 << 46 | 1 << 23);
        assert_eq!(cpu.vr(0), u64::join([big0, big1]));
    }
}
