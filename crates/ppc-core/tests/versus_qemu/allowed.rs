//! Differences that are allowed, each with the reason: the ISA leaves the result undefined, or the peer departs
//! from it.

use crate::record::{End, Outcome, Registers, Start};
use ppc_core::{fields::Word, insn::Row, model::Isa};

/// One allowed difference: for these rows, `forgive` makes both sides equal where the ISA lets them differ.
pub struct Allowed {
    /// Rows, by name; `?` is any character, a final `*` any rest.
    pub rows: &'static [&'static str],
    /// The ISA's wording, or what the peer does wrong. For readers.
    #[expect(dead_code)]
    pub reason: &'static str,
    /// Copies the peer's value over ours in exactly the undefined parts.
    pub forgive: fn(&Start, Isa, &mut End, &End),
}

/// FPSCR bits.
const FX: u64 = 1 << 31;
const FR: u64 = 1 << 18;
const FI: u64 = 1 << 17;
const FPRF: u64 = 0x1f << 12;
const FPRF_C: u64 = 1 << 16;
const NI: u64 = 1 << 2;
const FEX: u64 = 1 << 30;
const OX: u64 = 1 << 28;
const UX: u64 = 1 << 27;
const ZX: u64 = 1 << 26;
const XX: u64 = 1 << 25;
const VXIMZ: u64 = 1 << 20;
const VXSNAN: u64 = 1 << 24;
const VXCVI: u64 = 1 << 8;
const VE: u64 = 1 << 7;
const OE: u64 = 1 << 6;
const UE: u64 = 1 << 5;
const ZE: u64 = 1 << 4;
/// OX, UX, ZX, XX and every VX bit but the summary.
const EXCEPTIONS: u64 = 0x1ff8_0700;
const CR1_FX: u64 = 1 << 27;

/// Scalars rounded to single-precision.
const SINGLE: &[&str] = &[
    "fadds",
    "fsubs",
    "fmuls",
    "fdivs",
    "fsqrts",
    "fres",
    "frsqrtes",
    "fmadds",
    "fmsubs",
    "fnmadds",
    "fnmsubs",
    "fcfid*",
    "frsp",
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
    "xsrsp",
    "xscv?xdsp",
];

/// Every allowed difference. Order matters: the first entries make FX what the ISA says before others look.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        rows: &["f*", "x*", "mtfsb1"],
        reason: "\"Every floating-point instruction [...] implicitly sets FPSCR.FX to 1 if that instruction causes any of the \
                 floating-point exception bits in the FPSCR to change from 0 to 1\": the peer sets it for bits that were 1, too, \
                 and not in mtfsb1",
        forgive: |start, _, ours, peer| {
            let before = start.registers.fpscr;
            let raised = ours.registers.fpscr & !before & EXCEPTIONS != 0;
            if (ours.registers.fpscr & FX != 0) == (before & FX != 0 || raised) {
                ours.registers.fpscr = take(ours.registers.fpscr, peer.registers.fpscr, FX);
                if start.word & 1 != 0 {
                    ours.registers.cr = take(ours.registers.cr, peer.registers.cr, CR1_FX);
                }
            }
        },
    },
    Allowed {
        rows: &["f*", "x*"],
        reason: "FR, \"Fraction Rounded [...] indicates whether rounding incremented the fraction\": the peer does not \
                 compute it. The unit tests of `softfp` do.",
        forgive: |_, _, ours, peer| fpscr(ours, peer, FR),
    },
    Allowed {
        rows: &["xv*", "fcmp*", "xscmp*"],
        reason: "\"Special Registers Altered\" does not list FI: the peer clears it",
        forgive: |start, _, ours, peer| {
            if (ours.registers.fpscr ^ start.registers.fpscr) & FI == 0 {
                fpscr(ours, peer, FI);
            }
        },
    },
    Allowed {
        rows: &["fcmp*", "xscmp*"],
        reason: "only FPCC is set to the result: the peer makes C 1 in an invalid comparison",
        forgive: |start, _, ours, peer| {
            if (ours.registers.fpscr ^ start.registers.fpscr) & FPRF_C == 0 {
                fpscr(ours, peer, FPRF_C);
            }
        },
    },
    Allowed {
        rows: &["x?max*", "x?min*"],
        reason: "\"Special Registers Altered: FX VXSNAN\": the peer adds exceptions of an earlier instruction",
        forgive: |_, _, ours, peer| {
            fpscr(ours, peer, FX | FEX | OX | UX | ZX | XX | FI);
            if ours.outcome == Outcome::Completed && peer.outcome == Outcome::FpEnabled {
                ours.outcome = peer.outcome;
            }
        },
    },
    Allowed {
        rows: &["xvcmp*"],
        reason: "\"If a trap-enabled exception occurs, no results are written\": the peer writes them and does not trap",
        forgive: |start, _, ours, peer| {
            if start.registers.fpscr & VE != 0 && ours.outcome == Outcome::FpEnabled {
                ours.outcome = peer.outcome;
                ours.registers = peer.registers.clone();
            }
        },
    },
    Allowed {
        rows: &["fre*", "frsqrte*", "x?re*", "x?rsqrte*"],
        reason: "\"If a Zero Divide exception occurs, ZX is set\": the peer forgets it in reciprocal estimates",
        forgive: |start, _, ours, peer| {
            if ours.registers.fpscr & ZX != 0 && peer.registers.fpscr & ZX == 0 {
                fpscr(ours, peer, ZX | FX);
                ours.registers.cr =
                    take(ours.registers.cr, peer.registers.cr, if start.word & 1 != 0 { CR1_FX } else { 0 });
            }
            if start.registers.fpscr & ZE != 0 && ours.outcome == Outcome::FpEnabled {
                ours.outcome = peer.outcome;
                ours.registers = peer.registers.clone();
            }
        },
    },
    Allowed {
        rows: &["fre", "fres"],
        reason: "the reciprocal estimate of a zero is an infinity: the peer says 0.5",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            if start.registers.vsr[w.frb()] >> 64 << 1 & u128::from(u64::MAX) == 0 {
                ours.registers.vsr[w.frt()] = peer.registers.vsr[w.frt()];
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: &["xvcv?p?xds", "xvcv?p?xws"],
        reason: "each element is converted by itself: the peer gives elements after an invalid one its result",
        forgive: |start, _, ours, peer| {
            if ours.registers.fpscr & (VXCVI | VXSNAN) != 0 {
                let t = Word(start.word).xt();
                ours.registers.vsr[t] = peer.registers.vsr[t];
            }
        },
    },
    Allowed {
        rows: &["bcd*"],
        reason: "\"If [an operand] is an invalid encoding, the result is undefined\" and CR6 is 0b0001; the peer may set its \
                 other bits, too, or find a zero",
        forgive: |start, _, ours, peer| {
            let t = 32 + Word(start.word).vrt();
            let peer_cr6 = peer.registers.cr >> 4 & 15;
            if ours.registers.cr >> 4 & 15 == 1 && (peer_cr6 & 1 == 1 || peer_cr6 == 2) {
                ours.registers.cr = take(ours.registers.cr, peer.registers.cr, 0xf0);
                ours.registers.vsr[t] = peer.registers.vsr[t];
            }
        },
    },
    Allowed {
        rows: &["bcdadd_rc", "bcdsub_rc"],
        reason: "a zero is neither less nor greater than zero, and its sign is plus: the peer keeps the operands' sign",
        forgive: |start, _, ours, peer| {
            let t = 32 + Word(start.word).vrt();
            if ours.registers.cr & peer.registers.cr & 0x20 != 0 && ours.registers.vsr[t] >> 4 == 0 {
                ours.registers.vsr[t] = peer.registers.vsr[t];
                ours.registers.cr = take(ours.registers.cr, peer.registers.cr, 0xc0);
            }
        },
    },
    Allowed {
        rows: &["fmadd*", "fmsub*", "fnm*", "x?madd*", "x?msub*", "x?nm*"],
        reason: "an infinity times zero plus a signalling NaN raises VXSNAN and VXIMZ: the peer raises VXIMZ only",
        forgive: |_, _, ours, peer| {
            if peer.registers.fpscr & VXIMZ != 0 && ours.registers.fpscr & VXSNAN != 0 {
                fpscr(ours, peer, VXSNAN);
            }
        },
    },
    Allowed {
        rows: &["bcdcpsgn_rc", "bcdsetsgn_rc", "bcdctsq_rc", "bcdcfsq_rc", "bcdctn_rc", "bcdctz_rc"],
        reason: "the peer reads its source after it has written the target",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            if w.vrt() == w.vrb() {
                let t = 32 + w.vrt();
                ours.registers.vsr[t] = peer.registers.vsr[t];
                ours.registers.cr = take(ours.registers.cr, peer.registers.cr, 0xf0);
            }
        },
    },
    Allowed {
        rows: &["bcdus_rc", "bcdutrunc_rc"],
        reason: "an unsigned decimal has no sign: the peer takes its last digit for one",
        forgive: |_, _, ours, peer| {
            if ours.registers.cr >> 4 & 14 == 4 {
                ours.registers.cr = take(ours.registers.cr, peer.registers.cr, 0xe0);
            }
        },
    },
    Allowed {
        rows: &["xvcvsx*", "xvcvux*"],
        reason: "exact: the peer adds exceptions of an earlier instruction",
        forgive: |start, _, ours, peer| {
            if ours.outcome == Outcome::Completed && peer.outcome == Outcome::FpEnabled {
                ours.outcome = peer.outcome;
            } else if (ours.registers.fpscr ^ start.registers.fpscr) & XX == 0 {
                fpscr(ours, peer, FX | XX);
            }
        },
    },
    Allowed {
        rows: SINGLE,
        reason: "\"the exponent of the normalized intermediate result is adjusted by adding 192\": the peer adjusts the double \
                 by 1536 first, and rounds that to single",
        forgive: |start, _, ours, peer| {
            let adjusts = start.registers.fpscr & (UE | OE) != 0;
            if adjusts && ours.outcome == Outcome::FpEnabled && peer.outcome == Outcome::Completed {
                ours.outcome = peer.outcome;
                ours.registers = peer.registers.clone();
            }
        },
    },
    Allowed {
        rows: &["xsrqpi", "xsrqpxp"],
        reason: "R=0, RMC=3 rounds by FPSCR.RN: the peer takes its value for a number of its own list of modes",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            if w.0 & 1 << 16 == 0 && w.bits(21, 2) == 3 && start.registers.fpscr & 1 != 0 {
                let t = 32 + w.vrt();
                ours.registers.vsr[t] = peer.registers.vsr[t];
                ours.registers.fpscr = peer.registers.fpscr;
            }
        },
    },
    Allowed {
        rows: &["xv*"],
        reason: "each element may raise its own exception: the peer forgets UX when another element overflows",
        forgive: |start, _, ours, peer| {
            if ours.registers.fpscr & UX != 0 && peer.registers.fpscr & OX != 0 {
                fpscr(ours, peer, UX);
                if start.registers.fpscr & UE != 0 && ours.outcome == Outcome::FpEnabled {
                    ours.outcome = peer.outcome;
                    ours.registers = peer.registers.clone();
                }
            }
        },
    },
    Allowed {
        rows: &["xststdcsp"],
        reason: "a value below the normal singles matches only the denormal classes: the peer lets it match any",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let exponent = (start.registers.vsr[w.xb()] >> 116) as u32 & 0x7ff;
            if (1..0x381).contains(&exponent) {
                ours.registers.cr = take(ours.registers.cr, peer.registers.cr, 2 << (28 - 4 * w.bf()));
                fpscr(ours, peer, 1 << 13);
            }
        },
    },
    Allowed {
        rows: &["xsnmsubqp"],
        reason: "\"round to odd if RO=1\": the peer rounds by RN",
        forgive: |start, _, ours, peer| {
            if start.word & 1 != 0 {
                let t = 32 + Word(start.word).vrt();
                ours.registers.vsr[t] = peer.registers.vsr[t];
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: &["vexptefp"],
        reason: "\"the estimate has a relative error in precision no greater than one part in 16\": the peer's series is \
                 far off for large arguments",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let (a, b) = (ours.registers.vsr[32 + w.vrt()], peer.registers.vsr[32 + w.vrt()]);
            for lane in [0, 32, 64, 96] {
                let of = |v: u128| f32::from_bits((v >> lane) as u32);
                let x = of(start.registers.vsr[32 + w.vrb()]);
                if x.abs() > 2.0 || (of(a) - of(b)).abs() <= of(b) / 16.0 {
                    let mask = u128::from(u32::MAX) << lane;
                    ours.registers.vsr[32 + w.vrt()] = ours.registers.vsr[32 + w.vrt()] & !mask | b & mask;
                }
            }
        },
    },
    Allowed {
        rows: &["ldat", "lwat"],
        reason: "a bounded fetch that does nothing returns 2^63, or 2^31: the peer sign-extends 2^31",
        forgive: |start, _, ours, peer| {
            let t = Word(start.word).rt();
            if Word(start.word).rb() >= 24 && peer.registers.gpr[t] == !0 << 31 {
                ours.registers.gpr[t] = peer.registers.gpr[t];
            }
        },
    },
    Allowed {
        rows: &["divde"],
        reason: "\"if the quotient cannot be represented in 64 bits [...] the contents of register RT are undefined as are \
                 (if Rc=1) the contents of the LT, GT, and EQ bits of CR Field 0\"",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let dividend = i128::from(start.registers.gpr[w.ra()] as i64) << 64;
            let divisor = i128::from(start.registers.gpr[w.rb()] as i64);
            if dividend.checked_div(divisor).is_none_or(|q| i64::try_from(q).is_err()) {
                ours.registers.gpr[w.rt()] = peer.registers.gpr[w.rt()];
                if w.rc() {
                    ours.registers.cr = take(ours.registers.cr, peer.registers.cr, 0xe << 28);
                }
                // The peer misses overflows to less than 2^64.
                if w.oe() && dividend.checked_div(divisor).is_some_and(|q| q.unsigned_abs() >> 64 == 0) {
                    ours.registers.xer = peer.registers.xer;
                    ours.registers.cr = peer.registers.cr;
                }
            }
        },
    },
    Allowed {
        rows: &["fcti*", "xscvdp?x*", "xscvqp??z"],
        reason: "\"FPRF is set to an undefined value\"",
        forgive: |_, _, ours, peer| fpscr(ours, peer, FPRF),
    },
    Allowed {
        rows: &["fcfid*"],
        reason: "\"FPRF is set to the class and sign of the result\": the peer leaves it",
        forgive: |start, _, ours, peer| {
            if (peer.registers.fpscr ^ start.registers.fpscr) & FPRF == 0 {
                fpscr(ours, peer, FPRF);
            }
        },
    },
    Allowed {
        rows: SINGLE,
        reason: "FPRF tells a denormalized number of the target format: the peer looks at the double that holds it",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let t = if w.opcd() == 60 { w.xt() } else { w.frt() };
            let result = f64::from_bits((ours.registers.vsr[t] >> 64) as u64).abs();
            if result > 0.0 && result < f64::from(f32::MIN_POSITIVE) {
                fpscr(ours, peer, 1 << 16);
            }
        },
    },
    Allowed {
        rows: &[
            "fadds", "fsubs", "fmuls", "fdivs", "fsqrts", "fres", "frsqrtes", "fmadds", "fmsubs", "fnmadds",
            "fnmsubs",
        ],
        reason: "\"if FRA is a NaN then FRT <- FRA\": all of it, only `frsp` clears bits 35:63; the peer clears them always",
        forgive: |start, _, ours, peer| {
            let t = Word(start.word).frt();
            let (a, b) = ((ours.registers.vsr[t] >> 64) as u64, (peer.registers.vsr[t] >> 64) as u64);
            if f64::from_bits(a).is_nan() && a >> 29 << 29 == b {
                ours.registers.vsr[t] = peer.registers.vsr[t];
            }
        },
    },
    Allowed {
        rows: &["fnm*", "xsnm*", "xvnm*"],
        reason: "\"rounded [...], then negated\": the peer negates before it rounds, which shows when rounding towards \
                 an infinity",
        forgive: |start, _, ours, peer| {
            if start.registers.fpscr & 2 != 0 {
                let w = Word(start.word);
                let t = match w.opcd() {
                    60 => w.xt(),
                    _ if start.registers.vsr[w.frt()] == peer.registers.vsr[w.frt()] => 32 + w.vrt(),
                    _ => w.frt(),
                };
                ours.outcome = peer.outcome;
                ours.registers.vsr[t] = peer.registers.vsr[t];
                ours.registers.fpscr = peer.registers.fpscr;
                ours.registers.cr = take(ours.registers.cr, peer.registers.cr, 0xf << 24);
            }
        },
    },
    Allowed {
        rows: &["mtfs*"],
        reason: "NI: \"floating-point non-IEEE mode\" is the implementation's; the peer keeps it 0",
        forgive: |_, _, ours, peer| fpscr(ours, peer, NI),
    },
    Allowed {
        rows: &[
            "lxsd*", "lxsiwax", "lxsiwzx", "lxssp*", "lxsibzx", "lxsihzx", "mtvsrd", "mtvsrwa", "mtvsrwz",
        ],
        reason: "\"The contents of doubleword element 1 of VSR[XT] are undefined\"",
        forgive: |start, _, ours, peer| {
            let w = Word(start.word);
            let t = if w.opcd() == 31 { w.xt() } else { 32 + w.vrt() };
            let low = u128::from(u64::MAX);
            ours.registers.vsr[t] = ours.registers.vsr[t] & !low | peer.registers.vsr[t] & low;
        },
    },
    Allowed {
        rows: &["mtspr"],
        reason: "reserved bits of XER read as 0 here, as last written from the peer",
        forgive: |start, isa, ours, peer| {
            let defined = if isa >= Isa::V3_0 { 0xe00c_007f } else { 0xe000_007f };
            if Word(start.word).spr() == 1 {
                ours.registers.xer = take(ours.registers.xer, peer.registers.xer, !defined);
            }
        },
    },
    Allowed {
        rows: &["mtspr"],
        reason: "\"VRSAVE is a 32-bit register\": the peer keeps 64",
        forgive: |start, _, ours, peer| {
            if Word(start.word).spr() == 256 {
                ours.registers.vrsave = take(ours.registers.vrsave, peer.registers.vrsave, !0xffff_ffff);
            }
        },
    },
    Allowed {
        rows: &["mtvscr"],
        reason: "reserved bits of VSCR read as 0 here, as last written from the peer",
        forgive: |_, _, ours, peer| {
            ours.registers.vscr = take(ours.registers.vscr, peer.registers.vscr, !0x1_0001)
        },
    },
];

/// `ours` with the bits of `mask` from `peer`.
fn take(ours: u64, peer: u64, mask: u64) -> u64 {
    ours & !mask | peer & mask
}

fn fpscr(ours: &mut End, peer: &End, mask: u64) {
    ours.registers.fpscr = take(ours.registers.fpscr, peer.registers.fpscr, mask);
}

/// Whether a row's name fits a pattern: `?` is any character, a final `*` any rest.
pub fn applies(pattern: &str, name: &str) -> bool {
    let (stem, open) = pattern.strip_suffix('*').map_or((pattern, false), |stem| (stem, true));
    let fits = stem.bytes().zip(name.bytes()).all(|(p, n)| p == b'?' || p == n);
    fits && (name.len() == stem.len() || open && name.len() > stem.len())
}

/// What differs between our end and the peer's, after the allowances; empty if nothing does.
pub fn differences(row: &Row, isa: Isa, start: &Start, mut ours: End, peer: &End) -> Vec<String> {
    for allowed in ALLOWED {
        let done = peer.outcome == Outcome::Completed || peer.outcome == Outcome::FpEnabled;
        if done && allowed.rows.iter().any(|pattern| applies(pattern, row.name)) {
            (allowed.forgive)(start, isa, &mut ours, peer);
        }
    }
    let mut found = Vec::new();
    if ours.outcome != peer.outcome {
        found.push(format!("outcome {:?}, peer {:?}", ours.outcome, peer.outcome));
        return found;
    }
    match ours.outcome {
        Outcome::Completed => {}
        // These leave everything as it was.
        Outcome::Storage | Outcome::Alignment => {
            if start.prefix == 0 && ours.registers != start.registers {
                found.push("a storage or alignment trap changed registers".into());
            }
            if start.prefix == 0 && ours.memory != start.memory {
                found.push("a storage or alignment trap changed memory".into());
            }
            return found;
        }
        _ => return found,
    }
    if ours.next != peer.next {
        found.push(format!("next {:#x}, peer {:#x}", ours.next, peer.next));
    }
    compare_registers(start, &ours.registers, &peer.registers, &mut found);
    if let (Some(a), Some(b)) = (&ours.memory, &peer.memory)
        && let Some(i) = (0..a.len()).find(|&i| a[i] != b[i])
    {
        let range = i & !7..((i & !7) + 16).min(a.len());
        found.push(format!("memory at +{:#x} {:02x?}, peer {:02x?}", i & !7, &a[range.clone()], &b[range]));
    }
    found
}

fn compare_registers(start: &Start, ours: &Registers, peer: &Registers, found: &mut Vec<String>) {
    let mut field = |name: String, a: u64, b: u64| {
        if a != b {
            found.push(format!("{name} {a:#x}, peer {b:#x}"));
        }
    };
    for i in 0..32 {
        field(format!("r{i}"), ours.gpr[i], peer.gpr[i]);
    }
    field("CR".into(), ours.cr, peer.cr);
    field("XER".into(), ours.xer, peer.xer);
    field("LR".into(), ours.lr, peer.lr);
    field("CTR".into(), ours.ctr, peer.ctr);
    if start.branch {
        return;
    }
    field("FPSCR".into(), ours.fpscr, peer.fpscr);
    field("VSCR".into(), ours.vscr, peer.vscr);
    field("VRSAVE".into(), ours.vrsave, peer.vrsave);
    for i in 0..64 {
        if ours.vsr[i] != peer.vsr[i] {
            found.push(format!("vs{i} {:#034x}, peer {:#034x}", ours.vsr[i], peer.vsr[i]));
        }
    }
}
