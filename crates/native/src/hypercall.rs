//! Hypercalls that never leave native code: the hash table's.

use ppc_core::state::Cpu;
use std::collections::BTreeSet;

/// Which hypercalls are handled here.
pub struct Native {
    enabled: BTreeSet<u64>,
}

impl Default for Native {
    fn default() -> Self {
        Self { enabled: hpt::hcall::NUMBERS.iter().copied().collect() }
    }
}

impl Native {
    /// The numbers handled here.
    pub fn numbers(&self) -> BTreeSet<u64> {
        self.enabled.clone()
    }

    /// Turns one on or off; false if there is no native handler.
    pub fn set(&mut self, number: u64, enabled: bool) -> bool {
        if !hpt::hcall::NUMBERS.contains(&number) {
            return false;
        }
        if enabled { self.enabled.insert(number) } else { self.enabled.remove(&number) };
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
        let hpt = cpu.hpt.clone();
        let Some(outcome) = hpt.dispatch(number, &args, cpu.ram.size()) else { return false };
        if !outcome.invalidated().is_empty() {
            cpu.flush_translations();
        }
        cpu.gpr[3] = outcome.rc as u64;
        for (gpr, value) in cpu.gpr[4..].iter_mut().zip(outcome.out()) {
            *gpr = *value;
        }
        true
    }
}
