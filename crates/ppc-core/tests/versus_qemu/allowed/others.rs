//! Fixed point, atomic memory operations, moves to special registers, and registers that are undefined in part.

use super::*;

/// In this order.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &["ldat", "lwat"],
        isa: "3.1B, lwat: \"(RT 32:63, mem(EA,4)) <- lat(mem(EA-4,12), [...])\", \"RT 0:31 <- 0\". A bounded fetch that finds its \
              bound returns 1 << (8s-1), s = 4 or 8 (Book II, 4.5.1, list of the functions; no copy at hand).",
        peer: "returns 2^31, sign-extended, for both sizes",
        forgive: |start, _, ours, peer| {
            let t = Word(start.word).rt();
            if Word(start.word).rb() >= 24 && peer.registers.gpr[t] == !0 << 31 {
                ours.registers.gpr[t] = peer.registers.gpr[t];
            }
        },
    },
    Allowed {
        rows: &["divde"],
        isa: "2.03, Divide Doubleword: \"the contents of register RT are undefined as are (if Rc=1) the contents of the LT, GT, \
              and EQ bits of CR Field 0. In these cases, if OE=1 then OV is set to 1.\" Divide Doubleword Extended has the same \
              if the quotient cannot be represented in 64 bits.",
        peer: "has another undefined result, and misses overflows to less than 2^64",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let dividend = i128::from(start.registers.gpr[w.ra()] as i64) << 64;
            let divisor = i128::from(start.registers.gpr[w.rb()] as i64);
            if dividend.checked_div(divisor).is_none_or(|q| i64::try_from(q).is_err()) {
                ours.registers.gpr[w.rt()] = peer.registers.gpr[w.rt()];
                if w.rc() {
                    cr(ours, peer, 0xe << 28);
                }
                if w.oe() && dividend.checked_div(divisor).is_some_and(|q| q.unsigned_abs() >> 64 == 0) {
                    ours.registers.xer = take(ours.registers.xer, peer.registers.xer, 0xc008_0000);
                    cr(ours, peer, if w.rc() { 0xf << 28 } else { 0 });
                }
            }
        },
    },
    Allowed {
        rows: &[
            "lxsd*", "lxsiwax", "lxsiwzx", "lxssp*", "lxsibzx", "lxsihzx", "mtvsrd", "mtvsrwa", "mtvsrwz",
        ],
        isa: "3.1B: \"Previous versions of the architecture allowed the contents of doubleword 1 of the result register to be \
              undefined. However, all processors that support this instruction write 0s into doubleword 1\"",
        peer: "leaves it",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let t = if w.opcd() == 31 { w.xt() } else { 32 + w.vrt() };
            let low = u128::from(u64::MAX);
            if ours.registers.vsr[t] & low == 0 {
                ours.registers.vsr[t] |= peer.registers.vsr[t] & low;
            }
        },
    },
    Allowed {
        rows: &["mtspr"],
        isa: "reserved bits of a register read as 0 or as last written (Book I, 1.3.2, Reserved Fields; no copy at hand): XER",
        peer: "as last written; 0 here",
        forgive: |start, isa, ours, peer| {
            let defined = if isa >= Isa::V3_0 { 0xe00c_007f } else { 0xe000_007f };
            if Word(start.word).spr() == 1 && ours.registers.xer & !defined == 0 {
                ours.registers.xer = take(ours.registers.xer, peer.registers.xer, !defined);
            }
        },
    },
    Allowed {
        rows: &["mtspr"],
        isa: "VRSAVE is a 32-bit register (Book I, 6.3.3, VR Save Register; no copy at hand)",
        peer: "keeps 64 bits",
        forgive: |start, _, ours, peer| {
            if Word(start.word).spr() == 256 && ours.registers.vrsave >> 32 == 0 {
                ours.registers.vrsave = take(ours.registers.vrsave, peer.registers.vrsave, !0xffff_ffff);
            }
        },
    },
    Allowed {
        rows: &["mtvscr"],
        isa: "the same of VSCR, of which NJ and SAT are defined (Book I, 6.3.2; no copy at hand)",
        peer: "as last written; 0 here",
        forgive: |_, _, ours, peer| {
            if ours.registers.vscr & !0x1_0001 == 0 {
                ours.registers.vscr = take(ours.registers.vscr, peer.registers.vscr, !0x1_0001);
            }
        },
    },
];
