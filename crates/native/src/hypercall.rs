//! Hypercalls that never leave native code: the hash table's.

use hpt::{RealMap, Region, VirtualPage, hcall};
use ppc_core::{ram::Ram, state::Cpu};
use std::collections::BTreeSet;

/// Every hypercall that can be handled here.
const NUMBERS: [u64; 7] = [
    hcall::H_REMOVE,
    hcall::H_ENTER,
    hcall::H_READ,
    hcall::H_CLEAR_MOD,
    hcall::H_CLEAR_REF,
    hcall::H_PROTECT,
    hcall::H_BULK_REMOVE,
];

/// The name of one of them.
pub fn name(number: u64) -> &'static str {
    match number {
        hcall::H_REMOVE => "H_REMOVE",
        hcall::H_ENTER => "H_ENTER",
        hcall::H_READ => "H_READ",
        hcall::H_CLEAR_MOD => "H_CLEAR_MOD",
        hcall::H_CLEAR_REF => "H_CLEAR_REF",
        hcall::H_PROTECT => "H_PROTECT",
        hcall::H_BULK_REMOVE => "H_BULK_REMOVE",
        _ => crate::terminal::name(number).unwrap_or("without a name"),
    }
}

/// The guest's real address space: RAM and nothing else.
struct Memory<'a>(&'a Ram);

impl RealMap for Memory<'_> {
    fn region(&self, addr: u64, len: u64) -> Region {
        if self.0.contains(addr, len) { Region::Ram } else { Region::Missing }
    }

    fn zero(&self, addr: u64, len: u64) {
        // Within RAM, as `region` said.
        let _ = self.0.fill(addr, len, 0);
    }

    /// Decoded code always agrees with memory.
    fn flush_instructions(&self, _addr: u64, _len: u64) {}
}

/// Which hypercalls are handled here.
pub struct Native {
    enabled: BTreeSet<u64>,
}

impl Default for Native {
    fn default() -> Self {
        Self { enabled: NUMBERS.into_iter().collect() }
    }
}

impl Native {
    /// The numbers handled here.
    pub fn numbers(&self) -> BTreeSet<u64> {
        self.enabled.clone()
    }

    /// Turns one on or off; false if there is no native handler.
    pub fn set(&mut self, number: u64, enabled: bool) -> bool {
        if !NUMBERS.contains(&number) {
            return false;
        }
        if enabled {
            self.enabled.insert(number)
        } else {
            self.enabled.remove(&number)
        };
        true
    }

    /// Handles the hypercall in R3, if it is one of these.
    pub fn handle(&self, cpu: &mut Cpu) -> bool {
        let number = cpu.gpr[3];
        if !self.enabled.contains(&number) {
            return false;
        }
        let mut args = [0; 9];
        args.copy_from_slice(&cpu.gpr[4..13]);
        let (hpt, ram) = (cpu.hpt.clone(), cpu.ram.clone());
        let Some(outcome) = hpt.dispatch(number, &args, &Memory(&ram)) else { return false };
        for gone in outcome.invalidated() {
            match VirtualPage::of_entry(hpt.groups(), gone.ptex, gone.entry) {
                Some(page) => {
                    let real = gone.entry.real_page(page.actual_shift);
                    cpu.flush_page(&page, real);
                }
                None => cpu.flush_translations(),
            }
        }
        cpu.gpr[3] = outcome.rc as u64;
        for (gpr, value) in cpu.gpr[4..].iter_mut().zip(outcome.out()) {
            *gpr = *value;
        }
        true
    }
}
