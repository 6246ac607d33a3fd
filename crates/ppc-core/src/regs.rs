//! Registers by name, for people and tools: `r3`, `pc`, `msr`, `cr`, `f1`, `vr2`, `vs40`, and every SPR of the table in
//! lower case.

use crate::{
    memory::CACHE_BLOCK,
    ram::RealAddr,
    spr,
    state::{Cpu, Vscr},
    time::Clock,
    time::END,
};

/// VSCR\[NJ\] and VSCR\[SAT\] in the register's image.
const VSCR_NJ: u128 = 0x1_0000;
const VSCR_SAT: u128 = 1;

/// Names of [`Cpu::internal`].
pub const INTERNAL: &[&str] = &[
    "icount",
    "idle_nanos",
    "tb_offset",
    "stood",
    "dec_value",
    "dec_at",
    "random_state",
    "external",
    "system_reset",
    "doorbell",
    "reserve_addr",
    "reserve_value",
    "reserve_len",
];

fn numbered(name: &str, prefix: &str, count: usize) -> Option<usize> {
    let digits = name.strip_prefix(prefix)?;
    let canonical = digits == "0" || !digits.starts_with('0');
    let n: usize = digits.parse().ok()?;
    (canonical && n < count && digits.bytes().all(|b| b.is_ascii_digit())).then_some(n)
}

impl Cpu {
    /// The value of register `name`; VRs and VSRs are 128 bits wide, all others 64 or less.
    pub fn register(&self, name: &str) -> Option<u128> {
        Some(match name {
            "pc" => self.cia.into(),
            "msr" => self.msr.into(),
            "cr" => self.cr().into(),
            "fpscr" => self.fpscr.into(),
            "vscr" => VSCR_NJ * u128::from(self.vscr.nj) + VSCR_SAT * u128::from(self.vscr.sat),
            "lpcr" => self.lpcr.into(),
            _ => {
                if let Some(n) = numbered(name, "r", 32) {
                    self.gpr[n].into()
                } else if let Some(n) = numbered(name, "f", 32) {
                    self.fpr(n).into()
                } else if let Some(n) = numbered(name, "vr", 32) {
                    self.vr(n)
                } else if let Some(n) = numbered(name, "vs", 64) {
                    self.vsr[n]
                } else {
                    (spr::by_name(&name.to_ascii_uppercase())?.get)(self).into()
                }
            }
        })
    }

    /// Sets register `name` to `value`, truncated to its width. `None`: no such register.
    pub fn set_register(&mut self, name: &str, value: u128) -> Option<()> {
        let low = value as u64;
        match name {
            // Instructions are words: no branch goes anywhere else (Book I, 2.4, Branch Instructions).
            "pc" => self.cia = low & !3,
            "msr" => self.set_msr(low),
            "cr" => self.set_cr(low as u32),
            "fpscr" => self.fpscr = low,
            "vscr" => self.vscr = Vscr { nj: value & VSCR_NJ != 0, sat: value & VSCR_SAT != 0 },
            "lpcr" => {
                self.lpcr = low;
                self.flush_translations();
            }
            "tb" => self.set_timebase(low),
            _ => {
                if let Some(n) = numbered(name, "r", 32) {
                    self.gpr[n] = low;
                } else if let Some(n) = numbered(name, "f", 32) {
                    self.set_fpr(n, low);
                } else if let Some(n) = numbered(name, "vr", 32) {
                    self.set_vr(n, value);
                } else if let Some(n) = numbered(name, "vs", 64) {
                    self.vsr[n] = value;
                } else {
                    (spr::by_name(&name.to_ascii_uppercase())?.set)(self, low);
                }
            }
        }
        Some(())
    }

    /// Every name that [`Cpu::register`] knows.
    pub fn register_names() -> Vec<String> {
        let mut names: Vec<String> = (0..32).map(|n| format!("r{n}")).collect();
        names.extend(["pc", "msr", "cr", "fpscr", "vscr", "lpcr"].map(String::from));
        names.extend((0..32).map(|n| format!("f{n}")));
        names.extend((0..32).map(|n| format!("vr{n}")));
        names.extend((0..64).map(|n| format!("vs{n}")));
        names.extend(spr::SPRS.iter().map(|s| s.name.to_ascii_lowercase()));
        names
    }

    /// A processor's state beside its registers, by name: for saving and restoring it. See [`INTERNAL`].
    pub fn internal(&self, name: &str) -> Option<u128> {
        Some(match name {
            "icount" => self.icount.into(),
            "idle_nanos" => self.idle_nanos.into(),
            "tb_offset" => self.tb_offset.into(),
            "stood" => self.stood.into(),
            "dec_value" => (self.dec.value as u64).into(),
            "dec_at" => self.dec.at.into(),
            "random_state" => self.random_state.into(),
            "external" => self.external.into(),
            "system_reset" => self.system_reset.into(),
            "doorbell" => self.doorbell.into(),
            "reserve_addr" => self.reservation.addr.0.into(),
            "reserve_len" => self.reservation.len.into(),
            "reserve_value" => self.reservation.value,
            _ => return None,
        })
    }

    /// The largest value of one of [`INTERNAL`]. Times and offsets are those of clocks that wrap: they can be anything.
    pub fn internal_limit(name: &str) -> u128 {
        match name {
            "icount" | "idle_nanos" => END.into(),
            "external" | "system_reset" | "doorbell" => 1,
            "reserve_len" => 16,
            "reserve_value" => u128::MAX,
            _ => u64::MAX.into(),
        }
    }

    /// Sets one of [`INTERNAL`] to a value that [`Cpu::internal`] gave, at most [`Cpu::internal_limit`].
    pub fn set_internal(&mut self, name: &str, value: u128) -> Option<()> {
        let low = value as u64;
        let reservation = &mut self.reservation;
        match name {
            "icount" => self.icount = low,
            "idle_nanos" => self.idle_nanos = low,
            "tb_offset" => self.tb_offset = low,
            "stood" => self.stood = low,
            "dec_value" => self.dec.value = low as i64,
            "dec_at" => self.dec.at = low,
            "random_state" => self.random_state = low,
            "external" => self.external = low != 0,
            "system_reset" => self.system_reset = low != 0,
            "doorbell" => self.doorbell = low != 0,
            "reserve_addr" => {
                let addr = RealAddr(low);
                (reservation.addr, reservation.granule) = (addr, addr.align_down(CACHE_BLOCK))
            }
            "reserve_len" => reservation.len = low as u8,
            "reserve_value" => reservation.value = value,
            _ => return None,
        }
        self.request_event();
        Some(())
    }

    /// A digest of everything of this processor that a guest can observe.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut word = |value: u64| {
            hasher.update(&value.to_le_bytes());
        };
        self.gpr.iter().chain(self.spr.iter()).for_each(|v| word(*v));
        for v in &self.vsr {
            word(*v as u64);
            word((*v >> 64) as u64);
        }
        for entry in self.slb.entries() {
            word(entry.esid);
            word(entry.vsid);
        }
        // As the guest reads it: OV32 and CA32 are kept, but not visible, before ISA 3.0.
        word(self.read_xer());
        let flags = [self.vscr.nj, self.vscr.sat];
        flags.iter().for_each(|f| word(u64::from(*f)));
        [self.external, self.system_reset, self.doorbell].iter().for_each(|f| word(u64::from(*f)));
        for v in [
            u64::from(self.cr()),
            self.lr,
            self.ctr,
            self.msr,
            self.cia,
            self.fpscr,
            u64::from(self.vrsave),
            self.lpcr,
            self.icount,
            self.idle_nanos,
            // The start of a host's clock is not observable; its reading is.
            if matches!(self.clock, Clock::Virtual) { self.tb_offset } else { self.timebase() },
            self.dec.value as u64,
            self.dec.at,
            self.random_state,
        ] {
            word(v);
        }
        if self.stood != 0 {
            word(self.stood);
        }
        if self.reservation.len != 0 {
            word(self.reservation.addr.0);
            word(u64::from(self.reservation.len));
        }
        hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::POWER9, ram::Ram};
    use std::sync::Arc;

    #[test]
    fn every_name_reads_and_names_are_unique() {
        let ram = Arc::new(Ram::new(1 << 16).expect("memory"));
        let hpt = Arc::new(hpt::Hpt::new(18).expect("table"));
        let cpu = Cpu::new(&POWER9, ram, hpt);
        let mut names = Cpu::register_names();
        for name in &names {
            assert!(cpu.register(name).is_some(), "{name}");
        }
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in ["r32", "r01", "vs64", "f-1", "", "r+1"] {
            assert!(cpu.register(name).is_none(), "{name}");
        }
    }
}
