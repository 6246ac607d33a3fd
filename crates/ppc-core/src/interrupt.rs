//! Interrupts: where each goes and what it leaves in the registers (Power ISA 2.07 and 3.0B, Book III,
//! "Interrupt Definitions").

use crate::{
    msr,
    spr::{
        LPCR_AIL, LPCR_AIL_SHIFT, LPCR_ILE,
        number::{DAR, DSISR, SRR0, SRR1},
    },
    state::Cpu,
    trap::Trap,
};

/// SRR1 bits that interrupts clear before they set their own: 33:36 and 42:47.
const SRR1_CLEAR: u64 = 0x783f_0000;

/// SRR1 of a machine check: caused by a load or store, not by a fetch.
pub const SRR1_MC_DATA: u64 = 0x0020_0000;
/// SRR1 of a program interrupt: enabled floating-point exception.
pub const SRR1_FP: u64 = 0x0010_0000;
/// SRR1 of a program interrupt: SRR0 names an instruction after the one that caused it.
pub const SRR1_LATER: u64 = 0x0001_0000;
/// FPSCR\[FEX\]: an enabled floating-point exception is pending.
const FPSCR_FEX: u64 = 1 << 30;
/// SRR1 of a program interrupt: illegal instruction.
pub const SRR1_ILLEGAL: u64 = 0x0008_0000;
/// SRR1 of a program interrupt: privileged instruction.
pub const SRR1_PRIVILEGED: u64 = 0x0004_0000;
/// SRR1 of a program interrupt: trap.
pub const SRR1_TRAP: u64 = 0x0002_0000;

/// SRR1: the instruction that is interrupted has a prefix (3.1, Book III, "Interrupt Definitions": of every interrupt
/// that an instruction causes other than by being fetched).
pub const SRR1_PREFIXED: u64 = 0x2000_0000;
/// SRR1 of an alignment interrupt: the prefixed instruction crosses 64 bytes.
pub const SRR1_BOUNDARY: u64 = 0x1000_0000;

/// SRR1 of a trace interrupt (3.0B, Book III, "Trace Interrupt"): always.
pub const SRR1_TRACE: u64 = 0x4000_0000;
/// The traced instruction is a Load, or treated as one.
pub const SRR1_TRACE_LOAD: u64 = 0x1000_0000;
/// The traced instruction is a Store, or treated as one.
pub const SRR1_TRACE_STORE: u64 = 0x0800_0000;

/// Interrupt vectors, as offsets from the interrupt base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Vector {
    /// System reset.
    SystemReset = 0x100,
    /// Machine check.
    MachineCheck = 0x200,
    /// Data storage.
    DataStorage = 0x300,
    /// Data segment.
    DataSegment = 0x380,
    /// Instruction storage.
    InstStorage = 0x400,
    /// Instruction segment.
    InstSegment = 0x480,
    /// External.
    External = 0x500,
    /// Alignment.
    Alignment = 0x600,
    /// Program.
    Program = 0x700,
    /// Floating-point unavailable.
    FpUnavailable = 0x800,
    /// Decrementer.
    Decrementer = 0x900,
    /// Directed privileged doorbell.
    Doorbell = 0xa00,
    /// System call.
    SystemCall = 0xc00,
    /// Trace.
    Trace = 0xd00,
    /// Performance monitor.
    PerformanceMonitor = 0xf00,
    /// Vector unavailable.
    VecUnavailable = 0xf20,
    /// VSX unavailable.
    VsxUnavailable = 0xf40,
    /// Facility unavailable.
    FacilityUnavailable = 0xf60,
}

impl Cpu {
    /// Takes the interrupt that `trap` asks for. `cia` is the instruction it belongs to; if it is a system call, `nia` is
    /// the next one.
    ///
    /// [`Trap::Hypercall`], [`Trap::CodeModified`] and [`Trap::Asks`] are the engine's own and change nothing here.
    pub fn take_trap(&mut self, trap: Trap, cia: u64) {
        let fault = std::mem::take(&mut self.fault);
        let next = self.nia;
        let prefix = if fault.prefixed { SRR1_PREFIXED } else { 0 };
        match trap {
            Trap::MachineCheck => {
                if fault.srr1 & SRR1_MC_DATA != 0 {
                    self.spr[DAR] = fault.dar;
                    self.spr[DSISR] = 0;
                }
                self.interrupt(Vector::MachineCheck, cia, fault.srr1 | prefix);
            }
            Trap::DataStorage => {
                self.spr[DAR] = fault.dar;
                self.spr[DSISR] = fault.dsisr.into();
                self.interrupt(Vector::DataStorage, cia, prefix);
            }
            Trap::DataSegment => {
                self.spr[DAR] = fault.dar;
                self.interrupt(Vector::DataSegment, cia, prefix);
            }
            Trap::InstStorage => self.interrupt(Vector::InstStorage, cia, fault.srr1),
            Trap::InstSegment => self.interrupt(Vector::InstSegment, cia, 0),
            Trap::Alignment => {
                self.spr[DAR] = fault.dar;
                self.spr[DSISR] = fault.dsisr.into();
                self.interrupt(Vector::Alignment, cia, fault.srr1 | prefix);
            }
            Trap::Illegal => self.interrupt(Vector::Program, cia, SRR1_ILLEGAL | prefix),
            Trap::Privileged => self.interrupt(Vector::Program, cia, SRR1_PRIVILEGED | prefix),
            Trap::TrapInstruction => self.interrupt(Vector::Program, cia, SRR1_TRAP | prefix),
            Trap::FpEnabled => self.interrupt(Vector::Program, cia, SRR1_FP | prefix),
            Trap::FpUnavailable => self.interrupt(Vector::FpUnavailable, cia, prefix),
            Trap::VecUnavailable => self.interrupt(Vector::VecUnavailable, cia, prefix),
            Trap::VsxUnavailable => self.interrupt(Vector::VsxUnavailable, cia, prefix),
            Trap::FacilityUnavailable => {
                self.set_fscr_cause(fault.ic);
                self.interrupt(Vector::FacilityUnavailable, cia, prefix);
            }
            Trap::SystemCall => self.interrupt(Vector::SystemCall, next, 0),
            Trap::SystemCallVectored => self.system_call_vectored(fault.ic, next),
            Trap::Trace => self.interrupt(Vector::Trace, cia, fault.srr1 | prefix),
            Trap::Hypercall | Trap::CodeModified | Trap::Asks => {}
        }
    }

    /// Takes `vector`: SRR0 and SRR1 are set, the MSR and the next instruction's address follow.
    pub fn interrupt(&mut self, vector: Vector, srr0: u64, srr1_bits: u64) {
        self.spr[SRR0] = srr0;
        self.spr[SRR1] = self.msr & !SRR1_CLEAR | srr1_bits;
        let alternate = self.alternate_location(vector);
        let mut new = self.interrupt_msr();
        if alternate.is_some() {
            new |= msr::IR | msr::DR;
        }
        self.nia = alternate.unwrap_or(0).wrapping_add(vector as u64);
        self.cia = self.nia;
        self.set_msr(new);
    }

    /// The base that LPCR\[AIL\] gives this interrupt when relocation is on (3.0B, Book III, "Logical
    /// Partitioning Control Register"). Machine check and system reset never relocate.
    fn alternate_location(&self, vector: Vector) -> Option<u64> {
        let relocated = self.msr & (msr::IR | msr::DR) == msr::IR | msr::DR;
        if !relocated || matches!(vector, Vector::SystemReset | Vector::MachineCheck) {
            return None;
        }
        match (self.lpcr & LPCR_AIL) >> LPCR_AIL_SHIFT {
            2 => Some(0x1_8000),
            3 => Some(0xc000_0000_0000_4000),
            _ => None,
        }
    }

    /// MSR\[ME\] stays on in a machine check: a guest could not set it again, and its hypervisor would do so at once.
    fn interrupt_msr(&self) -> u64 {
        let le = if self.lpcr & LPCR_ILE != 0 { msr::LE } else { 0 };
        msr::SF | self.msr & msr::ME | le
    }

    /// `scv LEV`: LR and CTR take the place of SRR0 and SRR1, and EE and RI stay as they are (3.0B, Book III,
    /// "System Call Vectored Interrupt").
    fn system_call_vectored(&mut self, lev: u8, next: u64) {
        self.lr = next;
        self.ctr = self.msr & !SRR1_CLEAR;
        let relocated = self.msr & (msr::IR | msr::DR) == msr::IR | msr::DR;
        let (base, translate) = match (self.lpcr & LPCR_AIL) >> LPCR_AIL_SHIFT {
            3 if relocated => (0xc000_0000_0000_3000, msr::IR | msr::DR),
            _ => (0x1_7000, 0),
        };
        let kept = self.msr & (msr::EE | msr::RI);
        self.nia = base + u64::from(lev) * 0x20;
        self.cia = self.nia;
        let new = self.interrupt_msr() | kept | translate;
        self.set_msr(new);
    }

    /// Takes the program interrupt that is due when MSR\[FE0\] or MSR\[FE1\] is set while FPSCR\[FEX\] is 1 already (3.0B
    /// Book III, "Program Interrupt"): an arithmetic instruction that sets FEX causes the interrupt itself. Returns
    /// whether it is due.
    pub fn take_floating_point(&mut self) -> bool {
        let due = self.msr & (msr::FE0 | msr::FE1) != 0 && self.fpscr & FPSCR_FEX != 0;
        if due {
            self.interrupt(Vector::Program, self.cia, SRR1_FP | SRR1_LATER);
        }
        due
    }

    /// Takes the most important asynchronous interrupt that is pending and enabled; returns which, if there was one.
    /// `cia` names the next instruction.
    pub fn take_pending(&mut self) -> Option<Vector> {
        let vector = if self.system_reset {
            self.system_reset = false;
            Vector::SystemReset
        } else if self.msr & msr::EE == 0 {
            return None;
        } else if self.external {
            Vector::External
        } else if self.decrementer_interrupts() {
            Vector::Decrementer
        } else if self.doorbell {
            self.doorbell = false;
            Vector::Doorbell
        } else if self.performance_monitor_pending() {
            Vector::PerformanceMonitor
        } else {
            return None;
        };
        self.interrupt(vector, self.cia, 0);
        Some(vector)
    }

    /// Whether an interrupt is pending that wakes a processor that waits with EE = 1.
    pub fn wakeup_pending(&self) -> bool {
        self.system_reset
            || self.external
            || self.doorbell
            || self.decrementer_pending()
            || self.performance_monitor_pending()
    }
}
