//! Errors of the host or of the caller. A guest's mistake is a return code instead.

use std::fmt;
use track::NoMemory;

/// Why a table could not be made or an entry not be reached.
#[derive(Debug)]
#[non_exhaustive]
pub enum HptError {
    /// The binary logarithm of the size is outside what the architecture allows.
    Shift {
        /// What was asked for.
        shift: u32,
    },
    /// The host refused the address space.
    Memory(NoMemory),
    /// An entry index beyond the table.
    Ptex {
        /// The index.
        ptex: u64,
        /// Number of entries.
        slots: u64,
    },
}

impl From<NoMemory> for HptError {
    fn from(e: NoMemory) -> Self {
        Self::Memory(e)
    }
}

impl fmt::Display for HptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shift { shift } => write!(
                f,
                "Hash page table shift is {shift}, expected {} to {}",
                crate::table::MIN_SHIFT,
                crate::table::MAX_SHIFT
            ),
            Self::Memory(e) => write!(f, "{e} (for the hash page table)"),
            Self::Ptex { ptex, slots } => {
                write!(f, "Hash page table entry {ptex:#x} does not exist, the table has {slots:#x} entries")
            }
        }
    }
}

impl std::error::Error for HptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Memory(e) => Some(e),
            _ => None,
        }
    }
}
