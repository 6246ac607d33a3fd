//! Processor models: what differs between a POWER8, a POWER9 and a POWER10, by name.

/// Instruction set level, as the "Version" column of the ISA's appendix of mnemonics orders them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Isa {
    /// Everything up to and including 2.07: POWER8.
    V2_07,
    /// 3.0, 3.0B and 3.0C: POWER9.
    V3_0,
    /// 3.1 and 3.1B: POWER10.
    V3_1,
}

impl Isa {
    /// Whether primary opcode 1 begins an instruction of two words.
    pub fn has_prefixes(self) -> bool {
        self >= Isa::V3_1
    }
}

/// A processor model.
#[derive(Debug)]
pub struct Model {
    /// Name on the command line.
    pub name: &'static str,
    /// Processor version register.
    pub pvr: u32,
    /// Newest instructions it has.
    pub isa: Isa,
    /// SLB entries.
    pub slb_size: usize,
    /// Width of the large decrementer in bits, or 32.
    pub decrementer_bits: u32,
    /// Data address watchpoints that a hypervisor lets its guests set.
    pub watchpoints: u32,
}

/// POWER8, version 2.0.
pub static POWER8: Model = Model {
    name: "power8",
    pvr: 0x004d_0200,
    isa: Isa::V2_07,
    slb_size: 32,
    decrementer_bits: 32,
    watchpoints: 1,
};

/// POWER9, version 2.2. A watchpoint on caching-inhibited storage stops the whole processor there, so hypervisors offer
/// none, and Linux knows a POWER9 without one (CPU_FTR_DAWR).
pub static POWER9: Model = Model {
    name: "power9",
    pvr: 0x004e_1202,
    isa: Isa::V3_0,
    slb_size: 32,
    decrementer_bits: 56,
    watchpoints: 0,
};

/// POWER10, version 2.0.
pub static POWER10: Model = Model {
    name: "power10",
    pvr: 0x0080_0200,
    isa: Isa::V3_1,
    slb_size: 32,
    decrementer_bits: 56,
    watchpoints: 2,
};

/// Every model, oldest first.
pub static MODELS: &[&Model] = &[&POWER8, &POWER9, &POWER10];

/// The model called `name`.
pub fn by_name(name: &str) -> Option<&'static Model> {
    MODELS.iter().copied().find(|m| m.name == name)
}
