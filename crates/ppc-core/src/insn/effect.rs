//! Properties of an instruction that engines need beside its operands.

/// The column `effect`. A row without it [`Computes`](Effect::Computes).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Reads and writes no GPR that its operands do not name, neither CIA nor NIA, and nothing that fetching or counting
    /// instructions depends on: it may stand anywhere in a block. It may well access storage, in its own way.
    Computes,
    /// As [`Computes`](Effect::Computes), and all it does is to move a value between a register and storage.
    Memory(Memory),
    /// As [`Computes`](Effect::Computes), but reads or writes GPRs that its operands do not name.
    ManyGprs,
    /// Reads or writes the SPR that its word names: the register's row says whether the block ends.
    MovesSpr,
    /// Ends its block, because it needs its own address or the exact count. The next instruction follows.
    EndsBlock,
    /// Ends its block, because translation, context or what is pending may have changed: if it has, an event was asked
    /// for. The next instruction follows.
    Synchronises,
    /// Ends its block and may go elsewhere.
    Branch(Branch),
    /// Ends its block with an interrupt, or with a hypercall.
    SystemCall,
    /// Ends its block, and goes where an interrupt came from.
    Returns,
}

/// Where a branch goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Branch {
    /// To LI, always.
    Always,
    /// To BD, if BO and BI say so.
    Conditional,
    /// To LR, if BO and BI say so.
    ToLr,
    /// To CTR, if BO and BI say so.
    ToCtr,
    /// To TAR, if BO and BI say so.
    ToTar,
    /// To EBBRR.
    EventBased,
}

/// A load or store. Its address is formed by its operands: a displacement and RA, or RA and RB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// Whether it stores.
    pub store: bool,
    /// Bytes, as a shift.
    pub size: u32,
    /// How the value is converted.
    pub value: Value,
    /// RA ← EA. Forms without a base register, and loads into it, are invalid.
    pub update: bool,
}

/// The conversion between storage and a register. A VSR has a value of less than 16 bytes in doubleword 0; a load
/// clears doubleword 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// A load extends it with zeros.
    Plain,
    /// A load extends its sign.
    Signed,
    /// Its bytes are in the opposite order; a load extends it with zeros.
    Reversed,
    /// The low bits of its address are ignored.
    Aligned,
    /// Its two doublewords, each in the current byte order, doubleword 0 at the lower address.
    Doublewords,
}

/// A load of `bytes` bytes, for the table.
pub(super) const fn load(bytes: u32) -> Effect {
    Effect::Memory(Memory { store: false, size: bytes.ilog2(), value: Value::Plain, update: false })
}

/// A store of `bytes` bytes, for the table.
pub(super) const fn store(bytes: u32) -> Effect {
    Effect::Memory(Memory { store: true, size: bytes.ilog2(), value: Value::Plain, update: false })
}

impl Effect {
    const fn memory(self) -> Memory {
        match self {
            Effect::Memory(memory) => memory,
            _ => panic!("a load or store"),
        }
    }

    /// With `value`.
    pub(super) const fn of(self, value: Value) -> Self {
        Effect::Memory(Memory { value, ..self.memory() })
    }

    /// With update.
    pub(super) const fn update(self) -> Self {
        Effect::Memory(Memory { update: true, ..self.memory() })
    }

    /// Whether a block ends behind it, wherever it stands; [`MovesSpr`](Effect::MovesSpr) asks the register.
    pub const fn ends_block(self) -> bool {
        !matches!(self, Effect::Computes | Effect::Memory(_) | Effect::ManyGprs | Effect::MovesSpr)
    }

    /// Whether the next instruction is the one that follows in memory, unless this one is interrupted.
    pub const fn goes_on(self) -> bool {
        !matches!(self, Effect::Branch(_) | Effect::SystemCall | Effect::Returns)
    }
}
