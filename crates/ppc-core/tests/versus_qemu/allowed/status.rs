//! FPSCR bits that the peer keeps otherwise.

use super::*;

/// Order matters: FX first.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &[
            "f*", "x*", "pmx*", "mtfsb1", "dadd*", "dsub*", "dmul*", "ddiv", "ddivq", "dqua*", "dr*", "dct*",
            "dcffix*", "dcmp*", "denbcd*",
        ],
        isa: "Book I, 4.2.2: \"Every floating-point instruction, except mtfsfi and mtfsf, implicitly sets FPSCR FX \
              to 1 if that instruction causes any of the floating-point exception bits in the FPSCR to change from \
              0 to 1.\"",
        peer: "sets it for bits that were 1, too, and does not in mtfsb1",
        forgive: |start, _, ours, peer| {
            let rule = start.registers.fpscr & FX != 0 || raised(start, ours) != 0;
            if (ours.registers.fpscr & FX != 0) == rule {
                fpscr(ours, peer, FX);
                if start.word & 1 != 0 && ours.registers.fpscr & FX == (peer.registers.fpscr & FX) {
                    cr(ours, peer, CR1_FX);
                }
            }
        },
    },
    Allowed {
        rows: &["f*", "x*", "pmx*"],
        isa: "3.1, xscvdpsp: \"FPSCR.FR <- inc_flag\", \"FPSCR.FI <- xx_flag\"; FR without FI can't be. 2.03, \
              4.4.3, a disabled overflow: \"FPSCR FR is undefined\".",
        peer: "does not compute FR: it is 0, or as it was. `softfp` compares ours with an independent rounding.",
        forgive: |start, _, ours, peer| {
            let [ours_fr, peer_fr, before] =
                [&ours.registers, &peer.registers, &start.registers].map(|r| r.fpscr & FR != 0);
            let sound = !ours_fr || ours.registers.fpscr & FI != 0 || before;
            if sound && (!peer_fr || before) {
                fpscr(ours, peer, FR);
            }
        },
    },
    Allowed {
        rows: &["xv*", "pmx*", "fcmp*", "xscmp*"],
        isa: "3.1, xvcvsxddp and others: \"if xx_flag=1 then SetFX(FPSCR.XX)\" is all that is set, and xscmpodp: \
              VXSNAN, VXVC, FL, FG, FE, FU",
        peer: "clears FI",
        forgive: |start, _, ours, peer| {
            if (ours.registers.fpscr ^ start.registers.fpscr) & FI == 0 && peer.registers.fpscr & FI == 0 {
                fpscr(ours, peer, FI);
            }
        },
    },
    Allowed {
        rows: &["fcmp*", "xscmp*"],
        isa: "3.1, xscmpodp: \"CR.bit[4*BF+32] <- FPSCR.FL <- src1 < src2\" and so on for FG, FE and FU; nothing \
              sets C",
        peer: "makes C 1 in an invalid comparison",
        forgive: |start, _, ours, peer| {
            let unordered = ours.registers.fpscr & FPRF_FU != 0;
            if (ours.registers.fpscr ^ start.registers.fpscr) & FPRF_C == 0 && unordered {
                fpscr(ours, peer, FPRF_C);
            }
        },
    },
    Allowed {
        rows: &["fcmpo", "dcmpo*"],
        isa: "3.1, xscmpodp: \"if src1.class.SNaN=1 | src2.class.SNaN=1 then do vxsnan_flag <- 0b1; if FPSCR.VE=0 \
              then vxvc_flag <- 0b1 end\"; Floating Compare Ordered has the same",
        peer: "raises VXVC for a signalling NaN also while invalid operations are enabled",
        forgive: |start, _, ours, peer| {
            if start.registers.fpscr & VE != 0 && ours.registers.fpscr & VXSNAN != 0 {
                fpscr(ours, peer, VXVC);
            }
        },
    },
    Allowed {
        rows: &["x?max*", "x?min*", "xvcvsx*", "xvcvux*"],
        isa: "3.1, xsmaxcdp: registers altered \"FX, VXSNAN\"; xvcvsxddp: \"SetFX(FPSCR.XX)\" only if inexact",
        peer: "adds exceptions of an earlier instruction, traps for them, and then leaves the target or adjusts a \
               denormalized number in it as for an underflow",
        forgive: |start, isa, ours, peer| {
            let stale = peer.registers.fpscr & !ours.registers.fpscr & (OX | UX | ZX | XX);
            let trapped = ours.outcome == Outcome::Completed && peer.outcome == Outcome::FpEnabled;
            fpscr(ours, peer, stale | if stale != 0 { FX | FEX } else { 0 });
            if trapped && stale & (start.registers.fpscr & (OE | UE | ZE | 8)) << 22 != 0 {
                same_outcome(ours, peer);
                same_target(start, isa, ours, peer);
            }
        },
    },
    Allowed {
        rows: &["fcfid*"],
        isa: "fcfid: \"FPSCR[FPRF] is set to the class and sign of the result.\" (as IBM's AIX assembler reference \
              has it)",
        peer: "leaves it",
        forgive: |start, _, ours, peer| {
            if (peer.registers.fpscr ^ start.registers.fpscr) & FPRF == 0 {
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: SINGLE,
        isa: "3.1, \"FPSCR.FPRF <- fprf_CLASS_BFP32(result)\": the class in the target format, in which a result \
              below 2^-126 is a denormalized number",
        peer: "looks at the double that holds it",
        forgive: |start, isa, ours, peer| {
            let result = f64::from_bits((ours.registers.vsr[target(start, isa)] >> 64) as u64).abs();
            if result > 0.0 && result < f64::from(f32::MIN_POSITIVE) {
                fpscr(ours, peer, FPRF_C);
            }
        },
    },
    Allowed {
        rows: &["fmadd*", "fmsub*", "fnm*", "x?madd*", "x?msub*", "x?nm*"],
        isa: "3.1, xsmaddqp, of one sum: \"if vxsnan_flag=1 then SetFX(FPSCR.VXSNAN) if vximz_flag=1 then \
              SetFX(FPSCR.VXIMZ)\", \"vx_flag <- vxsnan_flag | vximz_flag | vxisi_flag\": an infinity times zero plus \
              a signalling NaN raises both (Book I, 4.4, lists it among what may set more than one exception bit)",
        peer: "raises VXIMZ only",
        forgive: |_, _, ours, peer| {
            if peer.registers.fpscr & ours.registers.fpscr & VXIMZ != 0 && ours.registers.fpscr & VXSNAN != 0
            {
                fpscr(ours, peer, VXSNAN);
            }
        },
    },
    Allowed {
        rows: &["mtfs*"],
        isa: "2.03, 4.2.2: \"Floating-point non-IEEE mode is optional. If floating-point non-IEEE mode is not \
              implemented, this bit is treated as reserved\"",
        peer: "keeps it 0",
        forgive: |_, _, ours, peer| {
            if peer.registers.fpscr & NI == 0 {
                fpscr(ours, peer, NI);
            }
        },
    },
];
