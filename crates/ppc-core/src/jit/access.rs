//! Loads and stores as the compiler sees them.

use super::insn::Guest;

/// What a loaded value becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extend {
    Zero,
    Sign,
    /// Zero, with the bytes in the opposite order.
    Reverse,
}

/// Where a value comes from or goes to.
#[derive(Clone, Copy)]
pub enum Place {
    Gpr(Guest),
    /// Doubleword 0 of this VSR; a load clears doubleword 1.
    Fpr(usize),
}

/// One load.
#[derive(Clone, Copy)]
pub struct Load {
    /// Bytes, as a shift.
    pub size: u32,
    pub extend: Extend,
    pub to: Place,
    /// RA of an update form.
    pub update: Option<Guest>,
}

/// One store.
#[derive(Clone, Copy)]
pub struct Store {
    /// Bytes, as a shift.
    pub size: u32,
    pub reverse: bool,
    pub from: Place,
    /// RA of an update form.
    pub update: Option<Guest>,
}

/// A load or store of a VSR in little-endian mode.
#[derive(Clone, Copy)]
pub struct Quad {
    pub vsr: usize,
    /// Doublewords are exchanged.
    pub swap: bool,
    pub store: bool,
}

/// Any of them.
#[derive(Clone, Copy)]
pub enum MemoryAccess {
    Load(Load),
    Store(Store),
    Quad(Quad),
}
