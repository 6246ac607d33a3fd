//! What can go wrong on our own side. A guest's mistake is never one of these: it is a return code.

use std::fmt;

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
    Memory {
        /// Bytes asked for.
        bytes: u64,
        /// The host's answer.
        source: std::io::Error,
    },
    /// An entry index beyond the table.
    Ptex {
        /// The index.
        ptex: u64,
        /// Number of entries.
        slots: u64,
    },
    /// The changes since a base were asked for, and there is none.
    NoBase,
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
            Self::Memory { bytes, source } => {
                write!(
                    f,
                    "Cannot reserve {bytes:#x} bytes of address space for the hash page table: {source}"
                )
            }
            Self::NoBase => f.write_str("There is no base whose changes could be sent"),
            Self::Ptex { ptex, slots } => {
                write!(f, "Hash page table entry {ptex:#x} does not exist, the table has {slots:#x} entries")
            }
        }
    }
}

impl std::error::Error for HptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Memory { source, .. } => Some(source),
            _ => None,
        }
    }
}
