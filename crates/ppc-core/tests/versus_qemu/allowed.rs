//! Differences that are allowed, each with what the ISA says and what the peer does instead.
//!
//! The ISA is quoted from the copies that could be had. "2.03" is Book I of that version; its floating-point chapter has
//! kept these sentences and their sections. "3.1" is the pseudo-code and the notes of that version's instruction
//! descriptions as a public instruction reference reproduces them, which is not free of slips, so that a rule was
//! taken only where several descriptions agree or a processor's recorded results do. Other documents are named. Where
//! no copy of a sentence was at hand, the entry gives the rule in the ISA's terms with its section, without quotation
//! marks, and holds our side to it.

use crate::record::{End, Outcome, Registers, Start};
use ppc_core::{
    fields::Word,
    insn::{Row, decode::decode},
    model::Isa,
};

mod decimal;
mod dfp;
mod float;
mod others;
mod products;
mod status;
mod traps;

/// One allowed difference: for these rows, `forgive` makes both sides equal where the ISA lets them differ.
pub struct Allowed {
    /// Rows, by name; `?` is any character, a final `*` any rest.
    pub rows: &'static [&'static str],
    /// What the ISA says, and where. For readers.
    #[expect(dead_code)]
    pub isa: &'static str,
    /// What the peer does instead. For readers.
    #[expect(dead_code)]
    pub peer: &'static str,
    /// Copies the peer's value over ours in exactly the parts that differ for this reason.
    pub forgive: fn(&Start, Isa, &mut End, &End),
}

/// Every allowed difference. Order matters: `status` makes FX what the ISA says before others look.
pub fn allowed() -> impl Iterator<Item = &'static Allowed> {
    [
        status::ALLOWED,
        float::ALLOWED,
        traps::ALLOWED,
        decimal::ALLOWED,
        dfp::ALLOWED,
        products::ALLOWED,
        others::ALLOWED,
    ]
    .into_iter()
    .flatten()
}

/// FPSCR bits.
const FX: u64 = 1 << 31;
const FEX: u64 = 1 << 30;
const VX: u64 = 1 << 29;
const OX: u64 = 1 << 28;
const UX: u64 = 1 << 27;
const ZX: u64 = 1 << 26;
const XX: u64 = 1 << 25;
const VXSNAN: u64 = 1 << 24;
const VXISI: u64 = 1 << 23;
const VXIMZ: u64 = 1 << 20;
const VXVC: u64 = 1 << 19;
const FR: u64 = 1 << 18;
const FI: u64 = 1 << 17;
const FPRF: u64 = 0x1f << 12;
const FPRF_C: u64 = 1 << 16;
const FPRF_FU: u64 = 1 << 12;
const VXCVI: u64 = 1 << 8;
const VE: u64 = 1 << 7;
const OE: u64 = 1 << 6;
const UE: u64 = 1 << 5;
const ZE: u64 = 1 << 4;
const NI: u64 = 1 << 2;
/// Every VX bit but the summary.
const INVALID: u64 = 0x01f8_0700;
/// OX, UX, ZX, XX and every VX bit but the summary.
const EXCEPTIONS: u64 = 0x1ff8_0700;
/// CR field 1, which holds FX, FEX, VX and OX.
const CR1: u64 = 0xf << 24;
const CR1_FX: u64 = 1 << 27;
const CR1_FEX: u64 = 1 << 26;

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
    "fcfids",
    "fcfidus",
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

/// The vector-scalar register that a floating-point instruction writes.
fn target(start: &Start, isa: Isa) -> usize {
    let w = Word(start.word);
    match w.opcd() {
        60 => w.xt(),
        _ if decode(w, isa).is_some_and(|row| row.name.starts_with('x') || row.name == "dctfixqq") => {
            32 + w.vrt()
        }
        _ => w.frt(),
    }
}

/// The exceptions that `end` has in excess of what was there before.
fn raised(start: &Start, end: &End) -> u64 {
    end.registers.fpscr & !start.registers.fpscr & EXCEPTIONS
}

fn same_target(start: &Start, isa: Isa, ours: &mut End, peer: &End) {
    let t = target(start, isa);
    ours.registers.vsr[t] = peer.registers.vsr[t];
}

/// Completed or trapped, as the peer.
fn same_outcome(ours: &mut End, peer: &End) {
    ours.outcome = peer.outcome;
    ours.next = peer.next;
}

fn cr(ours: &mut End, peer: &End, mask: u64) {
    ours.registers.cr = take(ours.registers.cr, peer.registers.cr, mask);
}

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
    for allowed in allowed() {
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
        Outcome::Completed | Outcome::FpEnabled => {}
        // These leave everything as it was.
        Outcome::Storage | Outcome::Alignment => {
            if start.before == 0 && ours.registers != start.registers {
                found.push("a storage or alignment trap changed registers".into());
            }
            if start.before == 0 && ours.memory != start.memory {
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
