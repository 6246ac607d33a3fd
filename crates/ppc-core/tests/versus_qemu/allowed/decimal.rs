//! Packed decimal arithmetic. What POWER9 answers, as recorded in the tests of valgrind (some 16,000 cases), agrees with
//! ours in all of them.

use super::*;

fn lost_by_a_shift(start: &Start, ours: &End, peer: &End) -> bool {
    // The low bit, overflow, is the same; ours has LT or GT, the peer EQ.
    let [a, b] = [&ours.registers, &peer.registers].map(|r| r.cr >> 4 & 15);
    let result = ours.registers.vsr[32 + Word(start.word).vrt()];
    a & 12 != 0 && b & 14 == 2 && (a ^ b) & 1 == 0 && (result >> 4 == 0)
}

/// In this order.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &["bcd*"],
        isa: "3.1, bcds.: \"VSR[VRT+32] <- inv_flag ? undefined : result\", \"CR.bit[56] <- inv_flag ? 0b0 : lt_flag\" \
              and so on, \"CR.bit[59] <- inv_flag | ox_flag\": CR6 is 0b0001",
        peer: "may set the other bits, too, or find a zero",
        forgive: |start, _, ours, peer| {
            let t = 32 + Word(start.word).vrt();
            let peer_cr6 = peer.registers.cr >> 4 & 15;
            if ours.registers.cr >> 4 & 15 == 1 && (peer_cr6 & 1 == 1 || peer_cr6 == 2) {
                cr(ours, peer, 0xf0);
                ours.registers.vsr[t] = peer.registers.vsr[t];
            }
        },
    },
    Allowed {
        rows: &["bcdadd_rc", "bcdsub_rc"],
        isa: "3.1, bcdadd.: PS sets the sign code to 0b1100 or 0b1111 if the unbounded result is zero; lt_flag, gt_flag and \
              eq_flag are of the unbounded result",
        peer: "keeps the operands' sign in a zero, and its order",
        forgive: |start, _, ours, peer| {
            let t = 32 + Word(start.word).vrt();
            let zeros =
                [&ours.registers, &peer.registers].iter().all(|r| r.vsr[t] >> 4 == 0 && r.cr & 0x20 != 0);
            if zeros {
                ours.registers.vsr[t] = peer.registers.vsr[t];
                cr(ours, peer, 0xc0);
            }
        },
    },
    Allowed {
        rows: &["bcds_rc", "bcdsr_rc", "bcdtrunc_rc", "bcdus_rc", "bcdutrunc_rc"],
        isa: "3.1: \"eq_flag <- (VSR[VRB+32].nibble[0:30] = 0)\", for unsigned numbers \"nibble[0:31]\": of the source",
        peer: "looks at what the shift or the truncation has left",
        forgive: |start, _, ours, peer| {
            if lost_by_a_shift(start, ours, peer) {
                cr(ours, peer, 0xe0);
            }
        },
    },
    Allowed {
        rows: &["bcdus_rc", "bcdutrunc_rc"],
        isa: "3.1: \"CR.bit[56] <- 0b0\", \"gt_flag <- (eq_flag=0)\": an unsigned number is never negative",
        peer: "takes its last digit for a sign",
        forgive: |_, _, ours, peer| {
            if ours.registers.cr >> 4 & 14 == 4 {
                cr(ours, peer, 0xe0);
            }
        },
    },
    Allowed {
        rows: &["bcdcpsgn_rc", "bcdsetsgn_rc", "bcdctsq_rc", "bcdcfsq_rc", "bcdctn_rc", "bcdctz_rc"],
        isa: "3.1, bcdctsq.: the flags are of VSR[VRB+32], \"result <- si128_CONVERT_FROM_BCD(VSR[VRB+32])\", and only \
              then \"VSR[VRT+32] <- inv_flag ? undefined : result\"",
        peer: "reads its source after it has written the target",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            if w.vrt() == w.vrb() {
                let t = 32 + w.vrt();
                ours.registers.vsr[t] = peer.registers.vsr[t];
                cr(ours, peer, 0xf0);
            }
        },
    },
];
