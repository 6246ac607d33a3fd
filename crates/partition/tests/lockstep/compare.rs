//! Whether two machines are the same, and how they differ.

use crate::side::Side;
use ppc_core::ram::RealAddr;
use ppc_core::{
    ram::{PAGE, PAGE_SHIFT, Ram},
    regs::INTERNAL,
    state::Cpu,
};

/// Whether everything that a guest can observe is the same. Quick: it is asked after every run.
///
/// Must hold: dirty marks of both were taken before the first run, so that what differs in RAM is marked in one of them.
pub fn same(a: &Side, b: &Side) -> bool {
    let (x, y) = (a.cpu(), b.cpu());
    same_processor(x, y)
        && a.vcpu().halted == b.vcpu().halted
        && a.slb() == b.slb()
        && a.accesses() == b.accesses()
        && same_memory(&x.ram, &y.ram)
        && same_table(a, b)
}

fn same_processor(x: &Cpu, y: &Cpu) -> bool {
    x.gpr == y.gpr
        && x.vsr == y.vsr
        && x.spr == y.spr
        && [x.msr, x.cia, x.lr, x.ctr, x.fpscr, x.lpcr, x.read_xer()]
            == [y.msr, y.cia, y.lr, y.ctr, y.fpscr, y.lpcr, y.read_xer()]
        && (x.crf, x.vrsave, x.vscr) == (y.crf, y.vrsave, y.vscr)
        && INTERNAL.iter().all(|name| x.internal(name) == y.internal(name))
}

fn marks(ram: &Ram) -> impl Iterator<Item = bool> {
    (0..ram.pages()).map(|n| ram.is_dirty(RealAddr(n << PAGE_SHIFT)))
}

fn page(ram: &Ram, n: u64) -> Vec<u8> {
    let mut bytes = vec![0; PAGE as usize];
    ram.read_bytes(RealAddr(n << PAGE_SHIFT), &mut bytes).expect("inside");
    bytes
}

fn same_memory(x: &Ram, y: &Ram) -> bool {
    let mut both = marks(x).zip(marks(y)).enumerate();
    both.all(|(n, (p, q))| p == q && (!p || page(x, n as u64) == page(y, n as u64)))
}

fn same_table(a: &Side, b: &Side) -> bool {
    a.dirty_entries() == b.dirty_entries()
}

/// Whether the digests, which look at everything, are the same.
pub fn same_digests(a: &Side, b: &Side) -> bool {
    let of = |cpu: &Cpu| (cpu.digest(), cpu.ram.digest(), cpu.hpt.digest());
    of(a.cpu()) == of(b.cpu())
}

/// What differs, a line for each.
pub fn differences(a: &Side, b: &Side) -> Vec<String> {
    let (x, y) = (a.cpu(), b.cpu());
    let mut lines = Vec::new();
    let mut value = |name: &str, p: Option<u128>, q: Option<u128>| {
        if p != q {
            lines.push(format!("{name}: {:#x} / {:#x}", p.unwrap_or(0), q.unwrap_or(0)));
        }
    };
    // FPRs and VRs are parts of VSRs.
    let is_part = |name: &str| {
        ["f", "vr"].iter().any(|p| name.strip_prefix(p).is_some_and(|n| n.parse::<u32>().is_ok()))
    };
    for name in Cpu::register_names().iter().filter(|name| !is_part(name)) {
        value(name, x.register(name), y.register(name));
    }
    for name in INTERNAL {
        value(name, x.internal(name), y.internal(name));
    }
    value("halted", Some(a.vcpu().halted.into()), Some(b.vcpu().halted.into()));
    for (n, (p, q)) in x.spr.iter().zip(y.spr.iter()).enumerate() {
        value(&format!("spr[{n}]"), Some((*p).into()), Some((*q).into()));
    }
    if a.accesses() != b.accesses() {
        lines.push(format!("what was seen from outside: {:x?} / {:x?}", a.accesses(), b.accesses()));
    }
    for (i, (p, q)) in a.slb().iter().zip(b.slb()).enumerate() {
        if p != q {
            lines.push(format!("slb[{i}]: {p:x?} / {q:x?}"));
        }
    }
    for (n, (p, q)) in marks(&x.ram).zip(marks(&y.ram)).enumerate() {
        let at = (n as u64) << PAGE_SHIFT;
        if p != q {
            lines.push(format!("dirty mark of {at:#x}: {p} / {q}"));
        }
        let (p, q) = (page(&x.ram, n as u64), page(&y.ram, n as u64));
        if let Some(i) = p.iter().zip(&q).position(|(p, q)| p != q) {
            let end = (i + 16).min(p.len());
            lines.push(format!("memory at {:#x}: {:02x?} / {:02x?}", at + i as u64, &p[i..end], &q[i..end]));
        }
    }
    let (p, q) = (a.dirty_entries(), b.dirty_entries());
    for (mine, others, which) in [(&p, &q, "first"), (&q, &p, "second")] {
        for entry in mine.iter().filter(|entry| !others.contains(entry)) {
            lines.push(format!("dirty entry of the {which} only: {entry:x?}"));
        }
    }
    if x.hpt.digest() != y.hpt.digest() {
        lines.push("the hash tables differ".to_owned());
    }
    lines
}
