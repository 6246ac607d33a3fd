//! Outer products of floating-point numbers, and extended quotients of vectors.

use super::*;

/// Of all elements of the accumulator, whether `allows` says that ours may differ where it does; they become the peer's then.
fn elements(
    start: &Start,
    width: u32,
    ours: &mut End,
    peer: &End,
    allows: impl Fn(u32, u32, u128, u128) -> bool,
) -> bool {
    let first = 4 * Word(start.word).bf();
    let columns = 128 / width;
    let at = |end: &End, i: u32, j: u32| {
        end.registers.vsr[first + i as usize] >> (128 - width * (j + 1)) & u128::MAX >> (128 - width)
    };
    let sound = (0..4).all(|i| {
        (0..columns).all(|j| at(ours, i, j) == at(peer, i, j) || allows(i, j, at(ours, i, j), at(peer, i, j)))
    });
    if sound {
        ours.registers.vsr[first..first + 4].copy_from_slice(&peer.registers.vsr[first..first + 4]);
    }
    sound
}

/// The numbers of a register of bfloat16.
fn bfloats(register: u128) -> [f64; 8] {
    std::array::from_fn(|k| f64::from(f32::from_bits(((register >> (112 - 16 * k)) as u32) << 16)))
}

/// Whether the two products of element i, j have a sum beyond the normal numbers of a single.
fn out_of_range(start: &Start, i: u32, j: u32) -> bool {
    let w = Word(start.word);
    let [a, b] = [w.xa(), w.xb()].map(|n| bfloats(start.registers.vsr[n]));
    let (i, j) = (2 * i as usize, 2 * j as usize);
    let products = [a[i] * b[j], a[i + 1] * b[j + 1]];
    // A prefix may mask either.
    [products[0] + products[1], products[0], products[1]].into_iter().any(|sum| {
        sum != 0.0
            && sum.is_finite()
            && !(f64::from(f32::MIN_POSITIVE)..f64::from(f32::MAX)).contains(&sum.abs())
    })
}

/// In any order.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &["xvf??ger*", "pmxvf??ger*", "xvbf16ger*", "pmxvbf16ger*"],
        isa: "3.1, pmxvf32gernp: \"r <- bfp_ROUND_TO_BFP32_DEFAULT(FPSCR.RN,v)\", the result of disabled exceptions; then \
              \"r <- bfp_NEGATE(r)\": toward one infinity before is toward the other after it. pmxvbf16ger2np: \"r1 <- \
              bfp_ROUND_TO_BFP32_SIGNIFICAND(v1)\", of which only VXSNAN, VXIMZ, VXISI and XX are recorded: the range of a \
              single counts where r1 and the element are added",
        peer: "adjusts the exponent if overflow or underflow is enabled, and raises UX for an exact denormalized number; \
               negates before it rounds; rounds the sum of products of bfloat16 to a single",
        forgive: |start, isa, ours, peer| {
            let name = decode(Word(start.word), isa).map_or("", |row| row.name);
            let width = if name.contains("f64") { 64 } else { 32 };
            let (exponent, most) = if width == 64 { (52, 0x7ff) } else { (23, 0xff) };
            let out_of_range = |i, j| name.contains("bf16") && out_of_range(start, i, j);
            let negated = name.contains("gern") && start.registers.fpscr & 2 != 0;
            let enabled = start.registers.fpscr & (OE | UE);
            let allows = |i, j, ours: u128, peer: u128| {
                let biased = ours >> exponent & most;
                enabled & OE != 0 && biased >= most - 1
                    || enabled & UE != 0 && biased <= 1
                    || negated && ours.abs_diff(peer) <= 1
                    || out_of_range(i, j)
            };
            let reached = (0..16).any(|n| out_of_range(n / 4, n % 4));
            if elements(start, width, ours, peer, allows) && (enabled != 0 || negated || reached) {
                fpscr(ours, peer, OX | UX | XX | FX | FEX | if reached { VX | VXISI } else { 0 });
                same_outcome(ours, peer);
            }
        },
    },
    Allowed {
        rows: &["vdives?", "vdiveu?"],
        isa: "Book I, vdivesw: if the quotient cannot be represented, or the divisor is 0, the element is undefined; 3.1, \
              vdivesq: \"CHOP128(dividend / divisor)\", the low bits, which is what ours has",
        peer: "has something else",
        forgive: |start, isa, ours, peer| {
            let w = Word(start.word);
            let name = decode(w, isa).map_or("", |row| row.name);
            let bits = match name.as_bytes().last() {
                Some(b'w') => 32,
                Some(b'd') => 64,
                _ => 128,
            };
            let signed = name.starts_with("vdives");
            let [a, b] = [w.vra(), w.vrb()].map(|n| start.registers.vsr[32 + n]);
            for i in 0..128 / bits {
                let element = |v: u128| v >> (i * bits) & u128::MAX >> (128 - bits);
                let magnitude = |v: u128| {
                    let negative = signed && v >> (bits - 1) != 0;
                    if negative { v.wrapping_neg() & u128::MAX >> (128 - bits) } else { v }
                };
                // The quotient fits if the dividend's upper half is less than the divisor, by its half if it has a sign.
                let (high, divisor) = (magnitude(element(a)), magnitude(element(b)));
                let fits = if signed { high < divisor.div_ceil(2) } else { high < divisor };
                if !fits {
                    let mask = (u128::MAX >> (128 - bits)) << (i * bits);
                    let t = &mut ours.registers.vsr[32 + w.vrt()];
                    *t = *t & !mask | peer.registers.vsr[32 + w.vrt()] & mask;
                }
            }
        },
    },
];
