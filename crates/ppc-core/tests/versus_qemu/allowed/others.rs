//! Fixed point, atomic memory operations, moves to special registers, and registers that are undefined in part.

use super::*;
use crate::record::{BUFFER, BUFFER_BYTES};

/// The word at `ea` in the buffer, in either byte order.
fn word_at(memory: Option<&[u8; BUFFER_BYTES]>, ea: u64) -> Option<[u8; 4]> {
    let at = ea.checked_sub(BUFFER)? as usize;
    memory?.get(at..at + 4)?.try_into().ok()
}

fn same_bytes(ours: &mut End, peer: &End, ea: u64, bytes: usize) {
    if let (Some(a), Some(b), Some(at)) = (&mut ours.memory, &peer.memory, ea.checked_sub(BUFFER)) {
        let range = at as usize..(at as usize + bytes).min(BUFFER_BYTES);
        a[range.clone()].copy_from_slice(&b[range]);
    }
}

/// In this order.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &["ldat", "lwat"],
        isa: "3.1, lwat: \"(RT 32:63, mem(EA,4)) <- lat(mem(EA-4,12), [...])\", \"RT 0:31 <- 0\". A bounded fetch \
              that finds its bound returns 1 << (8s-1), s = 4 or 8 (Book II, 4.5.1, list of the functions).",
        peer: "returns 2^31, sign-extended, for both sizes",
        forgive: |start, _, ours, peer| {
            let t = Word(start.word).rt();
            if Word(start.word).rb() >= 24 && peer.registers.gpr[t] == !0 << 31 {
                ours.registers.gpr[t] = peer.registers.gpr[t];
            }
        },
    },
    Allowed {
        rows: &["lwat", "stwat"],
        isa: "3.0C, Book II, 4.5, list of the functions: \"Fetch and Max Unsigned/Signed\", \"Fetch and Min \
              Unsigned/Signed\", s = 4",
        peer: "compares words as unsigned numbers in the signed functions",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let ea = start.registers.gpr[w.ra()];
            let n = if w.0 >> 1 & 0x3ff == 582 { w.rt() + 1 } else { w.rs() };
            let operand = start.registers.gpr[n & 31] as u32;
            // Each side has chosen one of the two.
            let old = word_at(start.memory.as_deref(), ea);
            let choice = |end: &End| {
                let now = word_at(end.memory.as_deref(), ea);
                now == old || now == Some(operand.to_be_bytes()) || now == Some(operand.to_le_bytes())
            };
            if matches!(w.rb(), 5 | 7) && choice(ours) && choice(peer) {
                same_bytes(ours, peer, ea, 4);
            }
        },
    },
    Allowed {
        rows: &["ldat", "lwat"],
        isa: "3.1, lwat: \"lat(mem(EA-4,12), [...])\": the bound of an increment lies behind the operand, that of a \
              decrement before it",
        peer: "takes the bound from behind it in a decrement, too",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            if w.rb() == 28 {
                ours.registers.gpr[w.rt()] = peer.registers.gpr[w.rt()];
                same_bytes(ours, peer, start.registers.gpr[w.ra()], 8);
            }
        },
    },
    Allowed {
        rows: &["stqcx_rc"],
        isa: "3.1, Store Quadword Conditional Indexed: as the other store-conditionals, stores if the reservation \
              is there",
        peer: "never succeeds",
        forgive: |start, _, ours, peer| {
            if ours.registers.cr & 0x2000_0000 != 0 && peer.registers.cr & 0x2000_0000 == 0 {
                cr(ours, peer, 0x2000_0000);
                ours.memory.clone_from(&start.memory);
            }
        },
    },
    Allowed {
        rows: &["divde"],
        isa: "3.0, Divide Doubleword Extended: \"if (result_half = result) then [...] overflow <- 0 else overflow <- 1\", \
              \"if overflow = 1 then RT <- undefined\". 2.03, Divide Doubleword: \"the contents of register RT are \
              undefined as are (if Rc=1) the contents of the LT, GT, and EQ bits of CR Field 0. In these cases, if \
              OE=1 then OV is set to 1.\"",
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
        isa: "3.1: \"Previous versions of the architecture allowed the contents of doubleword 1 of the result \
              register to be undefined. However, all processors that support this instruction write 0s into \
              doubleword 1\"",
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
        rows: &["vrldmi"],
        isa: "3.1: \"VSR[VRT+32].dword[i] <- (r & m) | (src3 & ~m)\", src3 the target before",
        peer: "forgets src3 on hosts whose vectors rotate doublewords (those with AVX-512)",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let mask = |control: u128| {
                let (b, e) = (control >> 16 & 63, control >> 8 & 63);
                let (from, to) = (u64::MAX >> b, u64::MAX << (63 - e));
                if b <= e { from & to } else { from | to }
            };
            let control = start.registers.vsr[32 + w.vrb()];
            let masks = u128::from(mask(control >> 64)) << 64 | u128::from(mask(control));
            let t = 32 + w.vrt();
            if ours.registers.vsr[t] & masks == peer.registers.vsr[t] {
                ours.registers.vsr[t] = peer.registers.vsr[t];
            }
        },
    },
    Allowed {
        rows: &["mtspr"],
        isa: "Book I, 1.3.3, Reserved Fields: of a reserved bit of a System Register, as the XER's, a reading in \
              problem state returns 0 whatever was written; in privileged states it returns 0 if 0 was last written, \
              and is undefined otherwise",
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
        isa: "3.0, Move To Special Purpose Register: \"if length(SPR(n)) = 64 then SPR(n) <- (RS) else SPR(n) <- (RS) \
              [32:63]\"; of VRSAVE the length is 32 (Book I, 6.3.3, VR Save Register)",
        peer: "keeps 64 bits",
        forgive: |start, _, ours, peer| {
            if Word(start.word).spr() == 256 && ours.registers.vrsave >> 32 == 0 {
                ours.registers.vrsave = take(ours.registers.vrsave, peer.registers.vrsave, !0xffff_ffff);
            }
        },
    },
    Allowed {
        rows: &["mtvscr"],
        isa: "the same of VSCR, of which NJ and SAT are defined (Book I, 6.3.2)",
        peer: "as last written; 0 here",
        forgive: |_, _, ours, peer| {
            if ours.registers.vscr & !0x1_0001 == 0 {
                ours.registers.vscr = take(ours.registers.vscr, peer.registers.vscr, !0x1_0001);
            }
        },
    },
];
