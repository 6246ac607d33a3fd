//! Results of floating-point instructions.

use super::*;

/// VSCR: non-Java mode.
const NJ: u64 = 1 << 16;

/// Whether each element of a result and its counterpart are equal or next to each other.
fn neighbours(start: &Start, isa: Isa, a: u128, b: u128) -> bool {
    let name = decode(Word(start.word), isa).map_or("", |row| row.name);
    let single = name.ends_with("sp") || name.ends_with('s');
    let bits = match (name.starts_with("xv"), single) {
        _ if name.ends_with("qp") => 128,
        (true, true) => 32,
        (false, true) => {
            // A single in a scalar register has the format of a double.
            let [a, b] = [a, b].map(|v| (f64::from_bits((v >> 64) as u64) as f32).to_bits());
            return a.abs_diff(b) <= 1;
        }
        _ => 64,
    };
    let element = |v: u128, i: u32| v >> (i * bits) & u128::MAX >> (128 - bits);
    (0..128 / bits).all(|i| element(a, i).abs_diff(element(b, i)) <= 1)
}

/// In this order.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &["fre*", "frsqrte*", "x?re*", "x?rsqrte*"],
        isa: "fres, special conditions: \"Negative 0: Negative Infinity, ZX; Positive 0: Positive Infinity, ZX\", \
              \"No result if FPSCR ZE = 1\"; frsqrte the same (as IBM's AIX assembler reference has them)",
        peer: "forgets ZX in reciprocal estimates",
        forgive: |start, isa, ours, peer| {
            if ours.registers.fpscr & ZX != 0 && peer.registers.fpscr & ZX == 0 {
                fpscr(ours, peer, ZX | FX | if start.registers.fpscr & ZE != 0 { FEX } else { 0 });
                if start.word & 1 != 0 && Word(start.word).opcd() != 60 {
                    cr(ours, peer, CR1_FX | if start.registers.fpscr & ZE != 0 { CR1 } else { 0 });
                }
                if start.registers.fpscr & ZE != 0 && ours.outcome == Outcome::FpEnabled {
                    same_outcome(ours, peer);
                    same_target(start, isa, ours, peer);
                    fpscr(ours, peer, FPRF | FR | FI);
                }
            }
        },
    },
    Allowed {
        rows: &["fre", "fres"],
        isa: "fres: \"Negative 0: Negative Infinity; Positive 0: Positive Infinity\" (as IBM's AIX assembler \
              reference has it)",
        peer: "says 0.5",
        forgive: |start, isa, ours, peer| {
            let w = Word(start.word);
            if start.registers.vsr[w.frb()] >> 64 << 1 & u128::from(u64::MAX) == 0 {
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: &["xvcv?p?xds", "xvcv?p?xws"],
        isa: "3.1, xvcvdpsxds: \"for i = 0 to 1\", a NaN gives \"T(Nmin), fx(VXCVI)\", a number its own element",
        peer: "gives elements after an invalid one that one's result",
        forgive: |start, isa, ours, peer| {
            let t = target(start, isa);
            // The first element is never affected.
            let first = (ours.registers.vsr[t] ^ peer.registers.vsr[t]) >> 96 == 0;
            if ours.registers.fpscr & (VXCVI | VXSNAN) != 0 && first {
                same_target(start, isa, ours, peer);
            }
        },
    },
    Allowed {
        rows: SINGLE,
        isa: "2.06, Underflow Exception (by the A2 User's Manual, 8.4.4): \"For single-precision arithmetic \
              instructions and the frsp instruction, the exponent of the normalized intermediate result is adjusted \
              by adding 192\" in an enabled underflow, by subtracting 192 in an enabled overflow",
        peer: "adjusts a double by 1536 and rounds that to single, or leaves out the adjustment",
        forgive: |start, isa, ours, peer| {
            let enabled = (start.registers.fpscr & (UE | OE)) << 22;
            if ours.outcome == Outcome::FpEnabled && ours.registers.fpscr & enabled & (OX | UX) != 0 {
                same_outcome(ours, peer);
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FX | FEX | OX | UX | XX | FI | FPRF);
                cr(ours, peer, if start.word & 1 != 0 && Word(start.word).opcd() != 60 { CR1 } else { 0 });
            }
        },
    },
    Allowed {
        rows: &["xscvdpsp", "xscvdphp", "xscvqpdp"],
        isa: "3.1: \"rnd <- bfp_ROUND_TO_BFP32(FPSCR.RN, src)\", \"result <- bfp32_CONVERT_FROM_BFP(rnd)\", and there \
              (Book I, 7.6.2.2) of a number that the adjustment of an enabled exception does not bring into range: \
              \"(x.exponent < -126) & (FPSCR.UE = 1)\", \"(x.exponent > 127) & (FPSCR.OE = 1)\": \"result <- \
              undefined\"",
        peer: "has other bits of it, and classes them",
        forgive: |start, isa, ours, peer| {
            let w = Word(start.word);
            let half = w.opcd() == 60 && start.word >> 16 & 31 == 17;
            let (exponent, emax, adjust) = match w.opcd() {
                63 => ((start.registers.vsr[32 + w.vrb()] >> 112) as i32 & 0x7fff, 1023, 1536),
                _ if half => ((start.registers.vsr[w.xb()] >> 116) as i32 & 0x7ff, 15, 24),
                _ => ((start.registers.vsr[w.xb()] >> 116) as i32 & 0x7ff, 127, 192),
            };
            let exponent = exponent - if w.opcd() == 63 { 16383 } else { 1023 };
            let range = 1 - emax - adjust..=emax + adjust;
            let enabled = ours.registers.fpscr & (start.registers.fpscr & (UE | OE)) << 22 & (OX | UX) != 0;
            if enabled && !range.contains(&exponent) {
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: &[
            "xsaddsp",
            "xssubsp",
            "xsmulsp",
            "xsdivsp",
            "xssqrtsp",
            "xsresp",
            "xsrsqrtesp",
            "xsmadd?sp",
            "xsmsub?sp",
            "xsnmadd?sp",
            "xsnmsub?sp",
        ],
        isa: "3.1: \"rnd <- bfp_ROUND_TO_BFP32(FPSCR.RN, v)\" of the unbounded intermediate result v: one rounding. \
              2.03, 4.2.1, leaves the result undefined where an operand is not representable in single format.",
        peer: "rounds to double first, which shows if an operand has more precision than a single",
        forgive: |start, isa, ours, peer| {
            let w = Word(start.word);
            let t = target(start, isa);
            let odd = [w.xa(), w.xb(), w.xt()].iter().any(|&n| {
                let value = f64::from_bits((start.registers.vsr[n] >> 64) as u64);
                f64::from(value as f32) != value
            });
            let [a, b] = [&ours.registers, &peer.registers].map(|r| r.vsr[t]);
            let range = (ours.registers.fpscr ^ peer.registers.fpscr) & (OX | UX) != 0;
            if odd && (range || neighbours(start, isa, a, b)) {
                same_outcome(ours, peer);
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FX | FEX | OX | UX | XX | FI | FPRF);
            }
        },
    },
    Allowed {
        rows: &["xsrqpi", "xsrqpxp"],
        isa: "3.1, xsrqpi: \"if R=0 [...] if RMC=0b11 then do [...] if FPSCR.RN=0b01 then rmode <- 0b001\" and so \
              on: RN rounds",
        peer: "takes RN for a number of its own list of modes",
        forgive: |start, isa, ours, peer| {
            let w = Word(start.word);
            if w.0 & 1 << 16 == 0 && w.bits(21, 2) == 3 && start.registers.fpscr & 1 != 0 {
                same_outcome(ours, peer);
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FX | FEX | OX | UX | XX | FI | FPRF);
            }
        },
    },
    Allowed {
        rows: &["xsmaxjdp", "xsminjdp"],
        isa: "3.1, Programming Note: \"Despite Java not recognizing the concept of exception status, VXSNAN is set \
              to 1 if either operand is an SNaN.\"",
        peer: "does not look at the second operand if the first is a NaN",
        forgive: |start, isa, ours, peer| {
            let first = f64::from_bits((start.registers.vsr[Word(start.word).xa()] >> 64) as u64);
            let missing = ours.registers.fpscr & !peer.registers.fpscr & VXSNAN != 0;
            if first.is_nan() && missing {
                fpscr(ours, peer, FX | FEX | VX | VXSNAN);
                if ours.outcome == Outcome::FpEnabled {
                    same_outcome(ours, peer);
                    same_target(start, isa, ours, peer);
                }
            }
        },
    },
    Allowed {
        rows: &["xststdcsp"],
        isa: "3.1: \"class.Zero <- (exponent = 0x000) & (fraction = 0)\", \"class.Denormal <- [...] | (exponent > \
              0x000) & (exponent < 0x381)\", each with its own bit of DCMX",
        peer: "lets a value below the normal singles match any class",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let exponent = (start.registers.vsr[w.xb()] >> 116) as u32 & 0x7ff;
            if (1..0x381).contains(&exponent) {
                cr(ours, peer, 2 << (28 - 4 * w.bf()));
                fpscr(ours, peer, 1 << 13);
            }
        },
    },
    Allowed {
        rows: &["xsnmsubqp"],
        isa: "3.1B, the list of instructions: \"VSX Scalar Negative Multiply-Subtract Quad-Precision [using round \
              to Odd]\", RO in bit 31",
        peer: "rounds by RN",
        forgive: |start, isa, ours, peer| {
            if start.word & 1 != 0 {
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: &["vexptefp"],
        isa: "Book I, 6.10, Vector 2 Raised to the Exponent Estimate Floating-Point: a relative error in precision no \
              greater than one part in 16, and an integral value of an integral one",
        peer: "its series is far off for large arguments",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            for lane in [0, 32, 64, 96] {
                let of = |v: u128| f32::from_bits((v >> lane) as u32);
                let source = of(start.registers.vsr[32 + w.vrb()]);
                let exact = f64::from(source).exp2() as f32;
                // Ours is the nearest number or the one beside it, and that itself for an integer.
                let estimate = of(ours.registers.vsr[32 + w.vrt()]);
                let off = estimate.to_bits().abs_diff(exact.to_bits());
                // In non-Java mode a denormalized number is a zero.
                let flushed = start.registers.vscr & NJ != 0 && exact < f32::MIN_POSITIVE && estimate == 0.0;
                if !source.is_nan() && (off == 0 || flushed || off == 1 && source.fract() != 0.0) {
                    let mask = u128::from(u32::MAX) << lane;
                    let [a, b] = [&ours.registers, &peer.registers].map(|r| r.vsr[32 + w.vrt()]);
                    ours.registers.vsr[32 + w.vrt()] = a & !mask | b & mask;
                }
            }
        },
    },
    Allowed {
        rows: &["fnm*", "xsnm*", "xvnm*"],
        isa: "2.03, Floating Negative Multiply-Add: \"The result is rounded to the target precision under control \
              of the Floating-Point Rounding Control field RN of the FPSCR, then negated and placed into register \
              FRT.\"",
        peer: "negates before it rounds, which shows when rounding towards an infinity",
        forgive: |start, isa, ours, peer| {
            let t = target(start, isa);
            let [a, b] = [&ours.registers, &peer.registers].map(|r| r.vsr[t]);
            let range = (ours.registers.fpscr ^ peer.registers.fpscr) & (OX | UX) != 0;
            if start.registers.fpscr & 2 != 0 && (range || neighbours(start, isa, a, b)) {
                same_outcome(ours, peer);
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FX | FEX | OX | UX | XX | FPRF);
                cr(ours, peer, if Word(start.word).opcd() != 60 && start.word & 1 != 0 { CR1 } else { 0 });
            }
        },
    },
];
