//! What an enabled floating-point exception leaves.

use super::*;

fn both_trapped(ours: &End, peer: &End) -> bool {
    ours.outcome == Outcome::FpEnabled && peer.outcome == Outcome::FpEnabled
}

/// In this order.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &["f*"],
        isa: "Book I, 2.3.1, Condition Register: with Rc=1 CR field 1 becomes the exception status, copied from FPSCR \
              bits 32:35, regardless of whether any exceptions are enabled and of whether the writing of the result \
              is suppressed",
        peer: "traps before it writes CR field 1",
        forgive: |start, _, ours, peer| {
            let status = ours.registers.fpscr >> 28 & 7;
            // All but FX, which has its own rule.
            if both_trapped(ours, peer)
                && ours.registers.cr >> 24 & 7 == status
                && peer.registers.cr & CR1 == start.registers.cr & CR1
            {
                cr(ours, peer, CR1);
            }
        },
    },
    Allowed {
        rows: &["xvcmp*"],
        isa: "Book I, 7.6, the vector comparisons: a trap-enabled invalid operation in any element writes no result to \
              VSR[XT], and leaves CR field 6 undefined if Rc=1. (3.1, xscmpeqdp, the scalar form: \"vex_flag <- \
              FPSCR.VE & vxsnan_flag\", \"if vex_flag=0 then\" the target is written.)",
        peer: "writes the results and CR field 6, and does not trap",
        forgive: |start, isa, ours, peer| {
            let t = target(start, isa);
            let kept = ours.registers.vsr[t] == start.registers.vsr[t];
            if start.registers.fpscr & VE != 0 && ours.outcome == Outcome::FpEnabled && kept {
                same_outcome(ours, peer);
                same_target(start, isa, ours, peer);
                cr(ours, peer, 0xf0);
            }
        },
    },
    Allowed {
        rows: &["xv*"],
        isa: "3.1, xvcvsxddp: \"ex_flag <- ex_flag | (FPSCR.XE & xx_flag)\" for each element, \"if ex_flag=0 then \
              VSR[32*TX+T] <- vresult\": any enabled exception keeps the target, and every element's are recorded",
        peer: "writes the target, or some of it, and forgets the exceptions of elements after the first that traps",
        forgive: |start, isa, ours, peer| {
            let t = target(start, isa);
            if both_trapped(ours, peer) && ours.registers.vsr[t] == start.registers.vsr[t] {
                same_target(start, isa, ours, peer);
                let forgotten = ours.registers.fpscr & !peer.registers.fpscr & EXCEPTIONS;
                fpscr(ours, peer, forgotten | if forgotten & INVALID != 0 { VX } else { 0 });
            }
        },
    },
    Allowed {
        rows: &["xv*", "pmx*"],
        isa: "3.1, xvcvsxddp: \"do i = 0 to 1 reset_xflags() [...] SetFX\": each element raises its own exceptions",
        peer: "forgets UX when another element overflows",
        forgive: |start, isa, ours, peer| {
            if ours.registers.fpscr & UX != 0
                && peer.registers.fpscr & OX != 0
                && peer.registers.fpscr & UX == 0
            {
                fpscr(ours, peer, UX);
                if start.registers.fpscr & UE != 0 && ours.outcome == Outcome::FpEnabled {
                    same_outcome(ours, peer);
                    same_target(start, isa, ours, peer);
                    fpscr(ours, peer, FEX);
                }
            }
        },
    },
    Allowed {
        rows: &["fcfid*", "xsrsp", "xscv*", "xsrqp*"],
        isa: "2.06, Inexact Exception (by the A2 User's Manual, 8.4.5): \"FPR(FRT) <- rounded or overflowed \
              result\", \"FPSCR[FPRF] <- class and sign of the result\", whether enabled or not; only enabled \
              invalid operations and zero divides keep the target (3.1: \"if vex_flag=0 then do\")",
        peer: "traps before it writes the result",
        forgive: |start, isa, ours, peer| {
            let t = target(start, isa);
            let kept = peer.registers.vsr[t] == start.registers.vsr[t];
            if both_trapped(ours, peer) && kept && raised(start, ours) & (INVALID | ZX) == 0 {
                same_target(start, isa, ours, peer);
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: &["f*", "xs*"],
        isa: "3.1, xsmsubqp and the other quad-precision arithmetic: \"FPSCR.FR <- (vx_flag=0) & inc_flag\", \
              \"FPSCR.FI <- (vx_flag=0) & xx_flag\"",
        peer: "leaves FI as it was when it traps for an invalid operation or a zero divide",
        forgive: |start, _, ours, peer| {
            let cause = raised(start, ours) & (INVALID | ZX) != 0;
            let cleared = ours.registers.fpscr & FI == 0;
            let left = (peer.registers.fpscr ^ start.registers.fpscr) & FI == 0;
            if both_trapped(ours, peer) && cause && cleared && left {
                fpscr(ours, peer, FI);
            }
        },
    },
    Allowed {
        rows: &["xscmpeq?p", "xscmpge?p", "xscmpgt?p"],
        isa: "3.1, xscmpeqdp: \"if vex_flag=0 then do\" the target is written",
        peer: "writes it and traps",
        forgive: |start, isa, ours, peer| {
            if both_trapped(ours, peer) && raised(start, ours) & INVALID != 0 {
                same_target(start, isa, ours, peer);
            }
        },
    },
];
