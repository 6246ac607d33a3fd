//! What keeps an instruction from completing: the guest's own interrupts, as values.
//!
//! An instruction function returns `Err(Trap)`; the details that the interrupt will report (DAR, DSISR,
//! SRR1 bits, FSCR cause) stand in [`crate::state::Cpu::fault`]. `crate::interrupt` delivers it.

/// Why an instruction did not complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Trap {
    /// Machine check: an access to a real address where nothing is; `fault.dar`, `fault.srr1`.
    MachineCheck,
    /// Data storage interrupt: `fault.dar`, `fault.dsisr`.
    DataStorage,
    /// Data segment interrupt: `fault.dar`.
    DataSegment,
    /// Instruction storage interrupt: `fault.srr1`.
    InstStorage,
    /// Instruction segment interrupt.
    InstSegment,
    /// Alignment interrupt: `fault.dar`, `fault.dsisr`.
    Alignment,
    /// Program interrupt: an illegal instruction.
    Illegal,
    /// Program interrupt: a privileged instruction in problem state.
    Privileged,
    /// Program interrupt: a trap instruction whose condition holds.
    TrapInstruction,
    /// Program interrupt: an enabled floating-point exception. The instruction's architected results,
    /// if any, are already written.
    FpEnabled,
    /// Floating-point unavailable.
    FpUnavailable,
    /// Vector unavailable.
    VecUnavailable,
    /// VSX unavailable.
    VsxUnavailable,
    /// Facility unavailable: the cause (FSCR\[IC\]) is in `fault.ic`.
    FacilityUnavailable,
    /// `sc 0`: system call interrupt; the instruction has completed.
    SystemCall,
    /// `scv LEV`: system call vectored; LEV is in `fault.ic`; the instruction has completed.
    SystemCallVectored,
    /// `sc 1`: leave to the hypervisor; the instruction has completed.
    Hypercall,
    /// Trace interrupt after a completed instruction.
    Trace,
    /// The instruction wrote to memory that holds decoded code; it has completed, but the code that follows
    /// must be looked up again.
    CodeModified,
    /// The caller has to answer an access before it is made; nothing was done.
    Asks,
}

/// The details of the latest [`Trap`], to be reported in DAR, DSISR, SRR1 or FSCR.
#[derive(Clone, Copy, Default, Debug)]
pub struct Fault {
    /// Effective address to put into DAR.
    pub dar: u64,
    /// DSISR of a data storage or alignment interrupt.
    pub dsisr: u32,
    /// Bits to OR into SRR1.
    pub srr1: u64,
    /// Facility number (FSCR\[IC\]) or the LEV field of `scv`.
    pub ic: u8,
    /// The instruction has a prefix.
    pub prefixed: bool,
}

/// What an instruction function returns.
pub type Done = Result<(), Trap>;
