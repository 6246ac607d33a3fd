//! Decimal floating point. The peer traps for none of its exceptions and computes neither FR nor FI; results of enabled
//! overflows and underflows, which it lacks with that, are compared in `softdfp` with independent arithmetic.

use super::*;
use ppc_core::softdfp::{EXTENDED, LONG, Num};

/// Every row of the chapter that can cause an exception or sets FR and FI.
const COMPUTING: &[&str] = &[
    "dadd*", "dsub*", "dmul*", "ddiv", "ddivq", "dqua*", "drrnd*", "drint*", "dctdp", "dctqpq", "drsp",
    "drdpq", "dcffix*", "dctfix*", "denbcd*",
];

/// Comparisons.
const COMPARING: &[&str] = &["dcmp*"];

/// Instructions on the parts of a datum.
const PARTS: &[&str] = &["dscli*", "dscri*", "diex*", "ddedpd*"];

fn is_quad(start: &Start) -> bool {
    Word(start.word).opcd() == 63
}

/// The special datum in the source, if it is one.
fn special(start: &Start) -> Option<Num> {
    let w = Word(start.word);
    let shift = [66, 98].contains(&w.bits(22, 9));
    let n = if shift { w.fra() } else { w.frb() };
    let high = start.registers.vsr[n] >> 64;
    let num = if is_quad(start) {
        EXTENDED.unpack(high << 64 | start.registers.vsr[n | 1] >> 64)
    } else {
        LONG.unpack(high)
    };
    (!num.is_finite()).then_some(num)
}

fn same_pair(start: &Start, isa: Isa, ours: &mut End, peer: &End) {
    let t = target(start, isa);
    for n in [t, if is_quad(start) { t | 1 } else { t }] {
        ours.registers.vsr[n] = peer.registers.vsr[n];
    }
}

/// Order matters: what is not computed, then traps.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: COMPUTING,
        isa: "Book I, FPSCR: FR is 1 if the last instruction that rounds incremented the magnitude, FI if its result was \
              inexact, and both are 0 otherwise",
        peer: "leaves FR, and never clears FI",
        forgive: |start, _, ours, peer| {
            let [ours_fpscr, peer_fpscr, before] =
                [&ours.registers, &peer.registers, &start.registers].map(|r| r.fpscr);
            let sound = ours_fpscr & FR == 0 || ours_fpscr & FI != 0;
            if sound && (peer_fpscr ^ before) & FR == 0 && peer_fpscr & FI == (before | ours_fpscr) & FI {
                fpscr(ours, peer, FR | FI);
            }
        },
    },
    Allowed {
        rows: &["drdpq"],
        isa: "the long result is in the first register of FRTp, as gcc's truncation from _Decimal128 has it (\"drdpq \
              %2,%1\", then \"fmr %0,%2\"), and zeros in the second",
        peer: "swaps the two",
        forgive: |start, _, ours, peer| {
            let t = Word(start.word).frt();
            let [ours_pair, peer_pair] =
                [&*ours, peer].map(|end| [end.registers.vsr[t], end.registers.vsr[t | 1]]);
            if ours_pair == [peer_pair[1], peer_pair[0]] && peer_pair[0] == 0 {
                (ours.registers.vsr[t], ours.registers.vsr[t | 1]) = (peer_pair[0], peer_pair[1]);
            }
        },
    },
    Allowed {
        rows: COMPUTING,
        isa: "Book I, Invalid Operation and Zero Divide Exception, enabled: the target and FPRF are unchanged, FR and FI \
              are 0. Overflow and Underflow Exception, enabled: the exponent is adjusted, and an underflow that is exact \
              occurs, too. Any enabled exception invokes the error handler if FE0 or FE1 says so",
        peer: "raises the exceptions of the disabled case, writes its result and goes on",
        forgive: |start, isa, ours, peer| {
            let enables = start.registers.fpscr & (VE | OE | UE | ZE | 8);
            let new = ours.registers.fpscr;
            let summary = new & (OX | UX | ZX | XX) | if raised(start, ours) & INVALID != 0 { VX } else { 0 };
            if ours.outcome != Outcome::FpEnabled || summary & enables << 22 == 0 {
                return;
            }
            same_outcome(ours, peer);
            if summary & enables << 22 & (VX | ZX) != 0 {
                fpscr(ours, peer, FPRF | FR | FI);
                same_pair(start, isa, ours, peer);
            }
            if summary & enables << 22 & (OX | UX) != 0 {
                fpscr(ours, peer, FPRF | FR | FI | XX | UX | OX | FEX | FX);
                cr(ours, peer, if start.word & 1 != 0 { CR1 } else { 0 });
                same_pair(start, isa, ours, peer);
            }
        },
    },
    Allowed {
        rows: COMPARING,
        isa: "an enabled exception invokes the error handler if FE0 or FE1 says so",
        peer: "goes on",
        forgive: |start, _, ours, peer| {
            if ours.outcome == Outcome::FpEnabled && start.registers.fpscr & VE != 0 {
                same_outcome(ours, peer);
            }
        },
    },
    Allowed {
        rows: &["denbcd*"],
        isa: "DFP Encode BCD To DPD: an invalid digit or sign code is an invalid operation (VXCVI), whose result is the \
              default QNaN if it is disabled; digits are 0 to 9",
        peer: "takes ten as a digit, otherwise leaves the target, FPRF, FR and FI, and makes FEX what RN is",
        forgive: |start, isa, ours, peer| {
            if ours.registers.fpscr & VXCVI != 0 {
                fpscr(ours, peer, FX | FEX | VX | VXCVI | FPRF | FR | FI);
                cr(ours, peer, if start.word & 1 != 0 { CR1 } else { 0 });
                same_pair(start, isa, ours, peer);
            }
        },
    },
    Allowed {
        rows: &["drrnd*"],
        isa: "FEX is the OR of the exceptions whose enables are 1",
        peer: "takes the rounding mode for the enable of VXCVI and VXSNAN",
        forgive: |start, _, ours, peer| {
            if ours.registers.fpscr & INVALID != 0 {
                fpscr(ours, peer, FEX);
                cr(ours, peer, if start.word & 1 != 0 { CR1_FEX } else { 0 });
            }
        },
    },
    Allowed {
        rows: &["drsp", "drdpq"],
        isa: "a long SNaN that is converted to the short format is no exception and stays one; a narrower \
              NaN has the rightmost digits, so that a payload that was widened comes back",
        peer: "drops all digits if one does not fit, and makes the NaN quiet before it looks for a signalling one",
        forgive: |start, isa, ours, peer| {
            if special(start).is_some_and(|num| num.is_nan()) {
                fpscr(ours, peer, VX | VXSNAN | FX | FEX | FPRF);
                cr(ours, peer, if start.word & 1 != 0 { CR1 } else { 0 });
                same_outcome(ours, peer);
                same_pair(start, isa, ours, peer);
            }
        },
    },
    Allowed {
        rows: &["diex*"],
        isa: "every declet of a result is a preferred one",
        peer: "copies the declets when the result is an infinity or a NaN",
        forgive: |start, isa, ours, peer| {
            let t = target(start, isa);
            let datum = |end: &End| {
                let high = end.registers.vsr[t] >> 64;
                let low = end.registers.vsr[t | 1] >> 64;
                if is_quad(start) { EXTENDED.unpack(high << 64 | low) } else { LONG.unpack(high) }
            };
            if !datum(ours).is_finite() && datum(ours) == datum(peer) {
                same_pair(start, isa, ours, peer);
            }
        },
    },
    Allowed {
        rows: PARTS,
        isa: "DFP Shift Significand Left Immediate: the digits of a NaN or infinity are those of the trailing \
              significand field; what an infinity's field holds is shifted, extracted and inserted like a NaN's",
        peer: "takes an infinity's digits as 0, and keeps reserved bits of an infinity or NaN",
        forgive: |start, isa, ours, peer| {
            if special(start).is_some_and(|num| num.is_inf() || ours.registers != peer.registers) {
                same_pair(start, isa, ours, peer);
            }
        },
    },
];
