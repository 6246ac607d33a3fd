//! The registers of one virtual processor.

use crate::{
    fields::Word,
    jit::runtime::Runtime,
    model::Model,
    msr,
    outside::Outside,
    ram::{Ram, RealAddr},
    slb::Slb,
    spr::LPCR_LD,
    time::{Clock, Decrementer},
    tlb::{Contexts, LAST_DATA_CONTEXT, Tlb},
    trap::{Done, Fault, Trap},
};
use hpt::Hpt;
use std::sync::Arc;

/// Fixed-point exception register, kept apart so that each bit costs one store.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Xer {
    /// Summary overflow.
    pub so: bool,
    /// Overflow.
    pub ov: bool,
    /// Carry.
    pub ca: bool,
    /// Overflow of the low word (ISA 3.0; not visible on POWER8).
    pub ov32: bool,
    /// Carry of the low word (ISA 3.0; not visible on POWER8).
    pub ca32: bool,
    /// Byte count for lswx and stswx, bits 57:63.
    pub count: u8,
}

/// Vector status and control register.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Vscr {
    /// Non-Java mode.
    pub nj: bool,
    /// Saturation.
    pub sat: bool,
}

/// Reservation made by a load-and-reserve; none is all zeros. Compiled code knows it by its fields.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Reservation {
    /// Real address of the reservation granule (128 bytes).
    pub granule: RealAddr,
    /// Real address the load named.
    pub addr: RealAddr,
    /// Bytes the load read: 1, 2, 4, 8 or 16. 0: there is no reservation.
    pub len: u8,
    /// The value it read, in guest-register order.
    pub value: u128,
}

/// One virtual processor: architected registers and its window onto memory.
pub struct Cpu {
    /// General purpose registers.
    pub gpr: [u64; 32],
    /// Condition register fields 0 to 7, each LT, GT, EQ, SO from bit 3 down: apart, so that a compare is one store.
    pub crf: [u8; 8],
    /// Fixed-point exception register.
    pub xer: Xer,
    /// Link register.
    pub lr: u64,
    /// Count register.
    pub ctr: u64,
    /// Machine state register. Write through `set_msr` when translation or endianness may change.
    pub msr: u64,
    /// Address of the current instruction; see [`crate::exec`] for when it is valid.
    pub cia: u64,
    /// Address of the next instruction, written by instructions that end a block.
    pub nia: u64,
    /// Vector-scalar registers. Doubleword 0 is the upper half: FPRs are the upper halves of VSR 0 to 31,
    /// VRs are VSR 32 to 63.
    pub vsr: [u128; 64],
    /// Floating-point status and control register.
    pub fpscr: u64,
    /// Vector status and control register.
    pub vscr: Vscr,
    /// VRSAVE.
    pub vrsave: u32,
    /// The reservation.
    pub reservation: Reservation,
    /// Details of the latest trap.
    pub fault: Fault,
    /// Which processor this is.
    pub model: &'static Model,
    /// Which processor of the machine this is (PIR).
    pub index: u32,
    /// Guest memory.
    pub ram: Arc<Ram>,
    /// Hash page table.
    pub hpt: Arc<Hpt>,
    /// Segment lookaside buffer. After a change that takes something away, `flush_translations`.
    pub slb: Slb,
    /// Registers that are only stored, by SPR number.
    pub spr: Box<[u64; 1024]>,
    /// The parts of LPCR that the hypervisor sets on the guest's behalf: ILE, AIL, LD.
    pub lpcr: u64,

    /// Instructions begun: those that ended in an interrupt count, too.
    pub icount: u64,
    /// The engine stops to look around when `icount` would pass this.
    pub limit: u64,
    /// What [`Cpu::spend`] has counted since `Engine::run_a_while` was called.
    pub(crate) spent: u32,
    /// Virtual nanoseconds that an idle processor skipped.
    pub idle_nanos: u64,
    /// Where nanoseconds come from.
    pub clock: Clock,
    /// TB when the clock shows 0.
    pub tb_offset: u64,
    /// Ticks of TB that passed while the machine was stopped.
    pub stood: u64,
    /// Decrementer.
    pub dec: Decrementer,

    /// State of the seeded random number generator.
    pub random_state: u64,

    /// Level of the external interrupt line.
    pub external: bool,
    /// A system reset interrupt is pending.
    pub system_reset: bool,
    /// A directed privileged doorbell is pending.
    pub doorbell: bool,
    /// Number of this thread in its core (TIR), and how many threads that has.
    pub thread: [u32; 2],
    /// Other threads of the core, a bit each, whose doorbells this one has rung and that have not heard yet.
    pub rung: u64,

    pub(crate) tlb: Tlb,
    pub(crate) data_contexts: Contexts,
    pub(crate) fetch_contexts: Contexts,
    /// Context number of data accesses, as a TLB tag wants it.
    pub(crate) data_context: u64,
    /// Entries of the TLB cover less than they did: code that was compiled for their size must go.
    pub(crate) pages_shrunk: bool,
    /// Context numbers of instruction fetches in either half of the address space.
    pub(crate) fetch_context: [u32; 2],
    /// Context numbers have started again: caches of fetched code must forget theirs.
    pub(crate) fetch_flush: bool,
    /// Stores to pages with decoded code are allowed, and noted in `changed_code`.
    pub(crate) code_writable: bool,
    /// Real addresses and lengths of stores to pages with decoded code.
    pub(crate) changed_code: Vec<(RealAddr, u64)>,
    /// What accesses are not made before the caller has seen them.
    pub(crate) outside: Outside,
    /// Data for compiled code.
    pub(crate) runtime: Runtime,
}

impl Cpu {
    /// A processor of `model` in its reset state: 64-bit, big-endian, real mode, all registers 0.
    pub fn new(model: &'static Model, ram: Arc<Ram>, hpt: Arc<Hpt>) -> Self {
        let mut cpu = Self {
            gpr: [0; 32],
            crf: [0; 8],
            xer: Xer::default(),
            lr: 0,
            ctr: 0,
            msr: msr::SF | msr::ME,
            cia: 0,
            nia: 0,
            vsr: [0; 64],
            fpscr: 0,
            vscr: Vscr { nj: false, sat: false },
            vrsave: 0,
            reservation: Reservation::default(),
            fault: Fault::default(),
            model,
            index: 0,
            ram,
            hpt,
            slb: Slb::new(model),
            spr: Box::new([0; 1024]),
            // The hypervisor of a processor with a large decrementer turns it on: the device tree announces its width.
            lpcr: if model.decrementer_bits > 32 { LPCR_LD } else { 0 },
            icount: 0,
            limit: 0,
            spent: 0,
            idle_nanos: 0,
            clock: Clock::Virtual,
            tb_offset: 0,
            stood: 0,
            dec: Decrementer { value: i64::from(i32::MAX), at: 0 },
            random_state: 0,
            external: false,
            system_reset: false,
            doorbell: false,
            thread: [0, 1],
            rung: 0,
            tlb: Tlb::default(),
            data_contexts: Contexts::new(LAST_DATA_CONTEXT),
            fetch_contexts: Contexts::new(u32::MAX),
            data_context: 0,
            pages_shrunk: false,
            fetch_context: [0; 2],
            fetch_flush: false,
            code_writable: false,
            changed_code: Vec::new(),
            outside: Outside::default(),
            runtime: Runtime::default(),
        };
        cpu.context_changed();
        cpu
    }

    /// FPR `n`.
    #[inline(always)]
    pub fn fpr(&self, n: usize) -> u64 {
        (self.vsr[n & 31] >> 64) as u64
    }

    /// Writes FPR `n`. Doubleword 1 of the VSR is undefined before ISA 3.1; hardware and this model clear it.
    #[inline(always)]
    pub fn set_fpr(&mut self, n: usize, value: u64) {
        self.vsr[n & 31] = (value as u128) << 64;
    }

    /// VR `n`.
    #[inline(always)]
    pub fn vr(&self, n: usize) -> u128 {
        self.vsr[32 + (n & 31)]
    }

    /// Writes VR `n`.
    #[inline(always)]
    pub fn set_vr(&mut self, n: usize, value: u128) {
        self.vsr[32 + (n & 31)] = value;
    }

    /// Whether the processor is in 64-bit mode.
    #[inline(always)]
    pub fn sf(&self) -> bool {
        self.msr & msr::SF != 0
    }

    /// Whether data and instructions are little-endian.
    #[inline(always)]
    pub fn le(&self) -> bool {
        self.msr & msr::LE != 0
    }

    /// `Err(Privileged)` in problem state.
    #[inline(always)]
    pub fn supervisor(&self) -> Done {
        if self.msr & msr::PR != 0 { Err(Trap::Privileged) } else { Ok(()) }
    }

    /// CR; bit 0 is the most significant bit.
    #[inline]
    pub fn cr(&self) -> u32 {
        self.crf.iter().fold(0, |cr, &field| cr << 4 | u32::from(field))
    }

    /// Writes CR.
    #[inline]
    pub fn set_cr(&mut self, value: u32) {
        for (n, field) in self.crf.iter_mut().enumerate() {
            *field = (value >> (28 - 4 * n) & 0xf) as u8;
        }
    }

    /// CR field `field`: LT, GT, EQ, SO from the most significant bit.
    #[inline(always)]
    pub fn crf(&self, field: usize) -> u32 {
        u32::from(self.crf[field & 7])
    }

    /// Writes CR field `field`.
    #[inline(always)]
    pub fn set_crf(&mut self, field: usize, value: u32) {
        self.crf[field & 7] = (value & 0xf) as u8;
    }

    /// CR bit `n` (0 to 31).
    #[inline(always)]
    pub fn cr_bit(&self, n: usize) -> bool {
        self.crf[n >> 2 & 7] & 8 >> (n & 3) != 0
    }

    /// Writes CR bit `n`.
    #[inline(always)]
    pub fn set_cr_bit(&mut self, n: usize, value: bool) {
        let (field, mask) = (&mut self.crf[n >> 2 & 7], 8 >> (n & 3));
        *field = if value { *field | mask } else { *field & !mask };
    }

    /// Sets CR field 0 from a result compared with 0 in the width of the current mode, and XER\[SO\].
    #[inline(always)]
    pub fn record(&mut self, result: u64) {
        let value = if self.sf() { result as i64 } else { result as i32 as i64 };
        let order = if value < 0 {
            8
        } else if value > 0 {
            4
        } else {
            2
        };
        self.crf[0] = order | u8::from(self.xer.so);
    }

    /// An effective address in the width of the current mode.
    #[inline(always)]
    pub fn wrap(&self, ea: u64) -> u64 {
        if self.sf() { ea } else { ea & 0xffff_ffff }
    }

    /// (RA|0).
    #[inline(always)]
    pub fn ra0(&self, w: Word) -> u64 {
        if w.ra() == 0 { 0 } else { self.gpr[w.ra()] }
    }

    /// EA of the D form: (RA|0) + D.
    #[inline(always)]
    pub fn ea_d(&self, w: Word) -> u64 {
        self.wrap(self.ra0(w).wrapping_add(w.si() as u64))
    }

    /// EA of the DS form: (RA|0) + DS || 0b00.
    #[inline(always)]
    pub fn ea_ds(&self, w: Word) -> u64 {
        self.wrap(self.ra0(w).wrapping_add(w.ds() as u64))
    }

    /// EA of the DQ form: (RA|0) + DQ || 0b0000.
    #[inline(always)]
    pub fn ea_dq(&self, w: Word) -> u64 {
        self.wrap(self.ra0(w).wrapping_add(w.dq() as u64))
    }

    /// EA of the X form: (RA|0) + (RB).
    #[inline(always)]
    pub fn ea_x(&self, w: Word) -> u64 {
        self.wrap(self.ra0(w).wrapping_add(self.gpr[w.rb()]))
    }
}
