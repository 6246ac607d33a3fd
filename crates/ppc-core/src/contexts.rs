//! Contexts: which cached translations hold, and forgetting them when MSR, keys, the SLB or the hash table change.

use crate::{
    mmu::VIRTUAL_REAL,
    msr,
    ram::{PAGE, RealAddr},
    spr::LPCR_VPM0,
    state::Cpu,
    tlb::{Context, Halves},
};
use hpt::{SegmentSize, VirtualAddress, VirtualPage};

impl Cpu {
    /// Writes MSR: only the guest's bits change, and problem state implies EE, IR and DR (2.07 Book III-S,
    /// `mtmsrd`: PR = 1 sets EE, IR and DR).
    pub fn set_msr(&mut self, value: u64) {
        let mut value = value & msr::GUEST;
        if value & msr::PR != 0 {
            value |= msr::EE | msr::IR | msr::DR;
        }
        self.msr = value;
        self.context_changed();
    }

    /// The relocation bits, privilege, byte order, width or authority masks may have changed.
    pub fn context_changed(&mut self) {
        let problem = self.msr & msr::PR != 0;
        let on = |bit| self.msr & bit != 0;
        let mode = 4 | (on(msr::LE) as u8) << 1 | on(msr::SF) as u8;
        // Virtual real mode goes through the hash table, too, but is not the relocated mode.
        let vrma = self.lpcr & LPCR_VPM0 != 0;
        let virtual_real = |relocated: bool| if vrma && !relocated { VIRTUAL_REAL } else { 0 };
        let (dr, ir) = (on(msr::DR), on(msr::IR));
        // Data has one number for both halves, since compiled code compares it at every access.
        let data =
            Context { relocate: dr || vrma, problem, half: 0, keys: self.amr(), mode: virtual_real(dr) };
        let (number, wrapped) = self.data_contexts.number(data);
        self.data_context = number.into();
        if wrapped {
            self.tlb.clear();
        }
        for half in 0..2 {
            let fetch = Context {
                relocate: ir || vrma,
                problem,
                half,
                keys: self.iamr(),
                mode: mode | virtual_real(ir),
            };
            let (number, wrapped) = self.fetch_contexts.number(fetch);
            self.fetch_context[half] = number;
            if wrapped {
                // The other half's number, too, belongs to the generation that is over.
                self.fetch_flush = true;
                self.fetch_context[0] = self.fetch_contexts.number(Context { half: 0, ..fetch }).0;
            }
        }
        self.request_event();
    }

    /// Translations in these halves of the address space may have changed: SLB or hash table.
    pub fn flush_halves(&mut self, halves: Halves) {
        if !halves.is_empty() {
            if halves == Halves::of(0) {
                self.tlb.drop_lower();
            } else {
                self.data_contexts.forget_translated(Halves::BOTH);
            }
            self.fetch_contexts.forget_translated(halves);
            self.context_changed();
        }
    }

    /// All translations may have changed.
    pub fn flush_translations(&mut self) {
        self.flush_halves(Halves::BOTH);
    }

    /// The virtual page `page`, which is at `ra`, may have lost its translation, or rights.
    pub fn flush_page(&mut self, page: &VirtualPage, ra: RealAddr) {
        let len = 1 << page.actual_shift;
        self.tlb.drop_offset(page.first(), len);
        // Whatever was fetched from a page has left a mark there.
        if (ra.0..ra.0.saturating_add(len))
            .step_by(PAGE as usize)
            .any(|page| self.ram.is_code(RealAddr(page)))
        {
            let halves = self.halves_with(page);
            if !halves.is_empty() {
                self.fetch_contexts.forget_translated(halves);
                self.context_changed();
            }
        }
    }

    /// The halves in which a translation of `page` may be cached; entries that the SLB has lost were forgotten then.
    fn halves_with(&self, page: &VirtualPage) -> Halves {
        if self.lpcr & LPCR_VPM0 != 0 {
            return Halves::BOTH;
        }
        let address = |vsid, segment| VirtualAddress {
            vsid,
            segment,
            base_shift: page.base_shift,
            offset: page.offset,
        };
        let avpn = address(page.vsid, page.segment).avpn();
        let mut halves = Halves::default();
        for entry in self.slb.entries().iter().filter(|entry| entry.valid()) {
            let segment = if entry.segment_shift() == 40 { SegmentSize::T1 } else { SegmentSize::M256 };
            if address(entry.vsid_value(), segment).avpn() == avpn {
                halves.add(Halves::of(entry.esid));
            }
        }
        halves
    }

    /// The next store to every page must mark it again.
    pub fn protect_writes(&mut self) {
        self.tlb.protect_all();
    }
}
