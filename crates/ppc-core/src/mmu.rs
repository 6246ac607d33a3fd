//! Address translation: effective to real, through segments and the hash table (Power ISA 2.07, Book III-S,
//! "Storage Addressing").

use crate::{
    interrupt::SRR1_MC_DATA,
    msr,
    ram::{PAGE_SHIFT, RealAddr},
    slb::{ESID_V, SlbEntry, VSID_KP, VSID_KS, VSID_N, VSID_PAGE_SIZE},
    spr::{LPCR_VPM0, LPCR_VRMASD_SHIFT},
    state::Cpu,
    tlb::LARGE_SHIFT,
    trap::Trap,
};
use hpt::{
    Found, SegmentSize, VirtualAddress,
    hpte::{R_C, R_G, R_N, R_R},
};

/// What a translation of data costs, in instructions that compiled code calls a function for ([`Cpu::spend`]): behind it
/// there may be sixteen pages that the host has to find memory for, at microseconds each.
const FILL_COST: u32 = 100;

/// DSISR: no translation found.
pub const DSISR_NOHPTE: u32 = 0x4000_0000;
/// DSISR: protection.
pub const DSISR_PROTECTION: u32 = 0x0800_0000;
/// DSISR: the access was a store.
pub const DSISR_STORE: u32 = 0x0200_0000;
/// DSISR: storage key protection.
pub const DSISR_KEY: u32 = 0x0020_0000;
/// SRR1 of an instruction storage interrupt: no translation found.
pub const SRR1_NOHPTE: u64 = 0x4000_0000;
/// SRR1 of an instruction storage interrupt: no-execute or guarded storage.
pub const SRR1_NOEXEC: u64 = 0x1000_0000;
/// SRR1 of an instruction storage interrupt: protection.
pub const SRR1_PROTECTION: u64 = 0x0800_0000;
/// SRR1 of an instruction storage interrupt: storage key protection.
pub const SRR1_KEY: u64 = 0x0020_0000;

/// Real mode ignores the upper four bits of an effective address.
const REAL_MODE_MASK: u64 = 0x0fff_ffff_ffff_ffff;

/// 1 TiB, VSID 0x01ffffff, keys 0.
const VRMA_VSID: u64 = 0x4000_0000_0000_0000 | 0x01ff_ffff << 24;

/// In [`Context::mode`](crate::tlb::Context::mode): real mode that is translated.
pub(crate) const VIRTUAL_REAL: u8 = 8;

/// The kind of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Load.
    Read,
    /// Store.
    Write,
    /// Instruction fetch.
    Fetch,
}

/// Where an effective address is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translation {
    /// Real address, in RAM or, for data, in a window.
    pub ra: RealAddr,
    /// Reads of the same page are allowed, and reach RAM.
    pub readable: bool,
    /// Stores to the same page are allowed, reach RAM and change no hash table entry.
    pub writable: bool,
    /// All of this holds for a page of this size, as a shift: the segment's, because a larger page has an entry for each of
    /// those that it consists of, with reference and change bits of its own.
    pub page_shift: u32,
}

/// Why a translation failed, before it is dressed as an interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    Segment,
    NoEntry,
    NoExecute,
    /// By page protection, by storage key, or both.
    Denied {
        page: bool,
        key: bool,
    },
}

struct Rights {
    read: bool,
    write: bool,
}

/// Page protection (2.07 Book III-S, "Storage Protection, Address Translation Enabled"): the key is Kp in
/// problem state, Ks otherwise.
fn page_rights(key: bool, pp: u32) -> Rights {
    let (read, write) = match (key, pp) {
        (false, 0b000..=0b010) => (true, true),
        (false, 0b011) | (false, 0b110) => (true, false),
        (true, 0b000) => (false, false),
        (true, 0b001) | (true, 0b011) => (true, false),
        (true, 0b010) => (true, true),
        _ => (false, false),
    };
    Rights { read, write }
}

/// The two bits of `mask` (AMR or IAMR) for `key`.
fn key_bits(mask: u64, key: u32) -> u64 {
    mask >> (62 - 2 * key) & 3
}

impl Cpu {
    /// Translates for `access`. Sets the entry's reference and change bits as the access needs.
    pub fn translate(&mut self, ea: u64, access: Access) -> Result<Translation, Trap> {
        let on = if access == Access::Fetch { msr::IR } else { msr::DR };
        let real_mode = self.msr & on == 0;
        if real_mode && self.lpcr & LPCR_VPM0 == 0 {
            return self.real_mode(ea, access);
        }
        match self.walk(ea, access, real_mode) {
            Ok((found, rights, page_shift)) => {
                let write = access == Access::Write;
                let r = found.entry.r | R_R | if write { R_C } else { 0 };
                if r != found.entry.r {
                    self.hpt.set_rc(found.ptex, found.entry, write);
                }
                if !self.ram.contains(found.real, 1) {
                    if access == Access::Fetch || !self.outside.windows.contain(found.real, 1) {
                        return Err(self.refuse(ea, access, Refusal::NoEntry));
                    }
                    return Ok(Translation { ra: found.real, readable: false, writable: false, page_shift });
                }
                Ok(Translation {
                    ra: found.real,
                    readable: rights.read,
                    writable: rights.write && r & R_C != 0,
                    page_shift,
                })
            }
            Err(refusal) => Err(self.refuse(ea, access, refusal)),
        }
    }

    /// Where `ea` is, without a side effect on the guest.
    pub fn peek_translation(&self, ea: u64, access: Access) -> Option<RealAddr> {
        let on = if access == Access::Fetch { msr::IR } else { msr::DR };
        let real_mode = self.msr & on == 0;
        let ra = if real_mode && self.lpcr & LPCR_VPM0 == 0 {
            RealAddr(ea & REAL_MODE_MASK)
        } else {
            self.walk(ea, access, real_mode).ok()?.0.real
        };
        self.ram.contains(ra, 1).then_some(ra)
    }

    /// A PAPR guest's real mode: its memory from address 0. Where there is none, the processor's memory subsystem
    /// reports an uncorrectable error.
    fn real_mode(&mut self, ea: u64, access: Access) -> Result<Translation, Trap> {
        let ra = RealAddr(ea & REAL_MODE_MASK);
        if !self.ram.contains(ra, 1) {
            if access != Access::Fetch && self.outside.windows.contain(ra, 1) {
                return Ok(Translation { ra, readable: false, writable: false, page_shift: LARGE_SHIFT });
            }
            self.fault.dar = ea;
            self.fault.srr1 = if access == Access::Fetch { 0 } else { SRR1_MC_DATA };
            return Err(Trap::MachineCheck);
        }
        Ok(Translation { ra, readable: true, writable: true, page_shift: LARGE_SHIFT })
    }

    /// The segment of the virtual real mode area: what real mode is when LPCR\[VPM0\] is 1 (2.07 Book III-S, "Virtual
    /// Real Mode Area"). Its base page size is LPCR\[VRMASD\]; access is as with key 0.
    fn virtual_real_mode_segment(&self) -> SlbEntry {
        SlbEntry { esid: ESID_V, vsid: VRMA_VSID | self.lpcr >> LPCR_VRMASD_SHIFT & VSID_PAGE_SIZE }
    }

    fn walk(&self, ea: u64, access: Access, real_mode: bool) -> Result<(Found, Rights, u32), Refusal> {
        let vrma = self.virtual_real_mode_segment();
        let segment = if real_mode { &vrma } else { self.slb.find(ea).ok_or(Refusal::Segment)? };
        if real_mode && (ea & REAL_MODE_MASK) >> segment.segment_shift() != 0 {
            return Err(Refusal::NoEntry);
        }
        let base_shift = segment.base_page_shift().ok_or(Refusal::NoEntry)?;
        if access == Access::Fetch && segment.vsid & VSID_N != 0 {
            return Err(Refusal::NoExecute);
        }
        let address = VirtualAddress {
            vsid: segment.vsid_value(),
            segment: if segment.segment_shift() == 40 { SegmentSize::T1 } else { SegmentSize::M256 },
            base_shift,
            offset: ea,
        };
        let found = self.hpt.lookup(&address).ok_or(Refusal::NoEntry)?;
        let key_bit = if self.msr & msr::PR != 0 { VSID_KP } else { VSID_KS };
        let page = page_rights(segment.vsid & key_bit != 0, found.entry.pp());
        let key = found.entry.key();
        // AMR: the first bit of a key's pair forbids stores, the second loads; IAMR: the second forbids fetches.
        let keys = if access == Access::Fetch { self.iamr() } else { self.amr() };
        let denied = key_bits(keys, key);
        if access == Access::Fetch && found.entry.r & (R_N | R_G) != 0 {
            return Err(Refusal::NoExecute);
        }
        let (page_allows, key_allows) = if access == Access::Write {
            (page.write, denied & 2 == 0)
        } else {
            (page.read, denied & 1 == 0)
        };
        if !page_allows || !key_allows {
            return Err(Refusal::Denied { page: !page_allows, key: !key_allows });
        }
        let rights = Rights { read: page.read && denied & 1 == 0, write: page.write && denied & 2 == 0 };
        Ok((found, rights, base_shift))
    }

    fn refuse(&mut self, ea: u64, access: Access, refusal: Refusal) -> Trap {
        let flag = |set, bit| if set { bit } else { 0 };
        if access == Access::Fetch {
            self.fault.srr1 = match refusal {
                Refusal::Segment => return Trap::InstSegment,
                Refusal::NoEntry => SRR1_NOHPTE,
                Refusal::NoExecute => SRR1_NOEXEC,
                Refusal::Denied { page, key } => flag(page, SRR1_PROTECTION) | flag(key, SRR1_KEY),
            };
            return Trap::InstStorage;
        }
        self.fault.dar = ea;
        let cause = match refusal {
            Refusal::Segment => return Trap::DataSegment,
            Refusal::NoEntry => u64::from(DSISR_NOHPTE),
            Refusal::NoExecute => u64::from(DSISR_PROTECTION),
            Refusal::Denied { page, key } => {
                flag(page, u64::from(DSISR_PROTECTION)) | flag(key, u64::from(DSISR_KEY))
            }
        };
        self.fault.dsisr = cause as u32 | if access == Access::Write { DSISR_STORE } else { 0 };
        Trap::DataStorage
    }

    /// Translates data at `ea` and caches it, unless it is in a window.
    #[cold]
    pub(crate) fn fill_data(&mut self, ea: u64, write: bool) -> Result<RealAddr, Trap> {
        let t = self.translate(ea, if write { Access::Write } else { Access::Read })?;
        if !self.ram.contains(t.ra, 1) {
            return Ok(t.ra);
        }
        self.spend(FILL_COST);
        if write {
            self.ram.mark_dirty(t.ra);
        }
        let host = self.ram.host_address(t.ra);
        if t.readable {
            // A guest page that reaches beyond the end of RAM is cached 4 KiB at a time.
            let page = 1 << LARGE_SHIFT;
            let large = t.page_shift >= LARGE_SHIFT && self.ram.contains(t.ra.align_down(page), page);
            if !large && self.tlb.read_shift() == LARGE_SHIFT {
                self.tlb.shrink();
                self.pages_shrunk = true;
                self.request_event();
            }
            // Until the engine has forgotten code that was compiled for larger entries, there are none to find.
            if !self.pages_shrunk && !self.watches_page(ea, t.ra, self.tlb.read_shift(), false) {
                self.tlb.fill_read(ea, host, self.data_context);
            }
        }
        // A later store may skip this path only if there is nothing left to record.
        let recorded = self.ram.is_dirty(t.ra) && !self.ram.is_code(t.ra);
        if t.readable && t.writable && recorded && !self.watches_page(ea, t.ra, PAGE_SHIFT, true) {
            self.tlb.fill_write(ea, host, self.data_context);
        }
        Ok(t.ra)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_follows_the_table_of_the_isa() {
        let rights = |key, pp| {
            let rights = page_rights(key, pp);
            (rights.read, rights.write)
        };
        for pp in 0..8 {
            let expected = match pp {
                0..=2 => (true, true),
                3 | 6 => (true, false),
                _ => (false, false),
            };
            assert_eq!(rights(false, pp), expected, "key 0 pp {pp:03b}");
        }
        assert_eq!(rights(true, 0), (false, false));
        assert_eq!(rights(true, 1), (true, false));
        assert_eq!(rights(true, 2), (true, true));
        assert_eq!(rights(true, 3), (true, false));
        assert_eq!(rights(true, 6), (false, false));
    }

    #[test]
    fn virtual_real_mode_goes_through_the_hash_table() {
        use crate::{model::POWER8, ram::Ram};
        use hpt::{Hpt, RamLimit, hcall::H_ENTER};
        use std::sync::Arc;
        let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
        let table = Arc::new(Hpt::new(18).expect("table"));
        let mut cpu = Cpu::new(&POWER8, ram, table.clone());
        // Base pages of 4 KiB: L || LP = 000.
        cpu.set_register("lpcr", u128::from(LPCR_VPM0)).expect("a register");
        assert_eq!(cpu.translate(0x3008, Access::Read), Err(Trap::DataStorage));
        assert_eq!(cpu.fault.dsisr, DSISR_NOHPTE);
        let va =
            VirtualAddress { vsid: 0x01ff_ffff, segment: SegmentSize::T1, base_shift: 12, offset: 0x3008 };
        let ptex = (va.hash() & (table.groups() - 1)) * 8;
        let entered = table
            .dispatch(H_ENTER, &[0, ptex, va.avpn() | 1, 0x5000 | 0x10, 0, 0, 0, 0, 0], &RamLimit(1 << 20))
            .expect("a table hypercall");
        assert_eq!(entered.rc, 0);
        assert_eq!(cpu.translate(0x3008, Access::Read).map(|t| t.ra), Ok(RealAddr(0x5008)));
        cpu.set_register("lpcr", 0).expect("a register");
        assert_eq!(cpu.translate(0x3008, Access::Read).map(|t| t.ra), Ok(RealAddr(0x3008)));
    }

    #[test]
    fn the_first_key_has_the_first_two_bits_of_a_mask() {
        assert_eq!(key_bits(0b10 << 62, 0), 2);
    }
}
