//! Why a chunk or a pass is rejected.

use std::fmt;

/// The host refused address space.
#[derive(Debug)]
pub struct NoMemory {
    /// Bytes asked for.
    pub bytes: u64,
    /// The host's answer.
    pub source: std::io::Error,
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cannot reserve {:#x} bytes of address space: {}", self.bytes, self.source)
    }
}

impl std::error::Error for NoMemory {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Why a pass cannot begin.
#[derive(Debug)]
#[non_exhaustive]
pub enum PassError {
    /// A pass over the changes since a base, when there is no base.
    NoBase,
    /// The host has no address space for the pass's marks.
    Memory(NoMemory),
}

impl From<NoMemory> for PassError {
    fn from(e: NoMemory) -> Self {
        Self::Memory(e)
    }
}

impl fmt::Display for PassError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBase => f.write_str("There is no base whose changes could be sent"),
            Self::Memory(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for PassError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoBase => None,
            Self::Memory(e) => Some(e),
        }
    }
}

/// Why a chunk was refused: what, where, wanted and got. Offsets count bytes from the beginning of the chunk;
/// `section` names the chunk's target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// The chunk ends too soon.
    Truncated {
        /// Whose chunk it is.
        section: &'static str,
        /// Where the missing piece begins.
        offset: u64,
        /// Bytes of that piece.
        wanted: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// A number with needless bytes or beyond 64 bits.
    Varint {
        /// Whose chunk it is.
        section: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// A unit that is not behind the one before it, or that does not exist.
    Index {
        /// Whose chunk it is.
        section: &'static str,
        /// What is counted: "a page", "an entry".
        unit: &'static str,
        /// Where its number is.
        offset: u64,
        /// The number.
        index: u128,
        /// The first number allowed here.
        least: u64,
        /// The first number behind the end.
        limit: u64,
    },
    /// A value that the sender cannot have.
    Value {
        /// Whose chunk it is.
        section: &'static str,
        /// Where the value is.
        offset: u64,
        /// What would have been right.
        wanted: &'static str,
        /// The value.
        got: u64,
    },
    /// Another amount of data than the index needs.
    Length {
        /// Whose chunk it is.
        section: &'static str,
        /// Bytes that the index needs.
        wanted: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// More data than one chunk may have.
    TooLarge {
        /// Whose chunk it is.
        section: &'static str,
        /// Bytes allowed.
        limit: u64,
        /// Bytes asked for.
        got: u64,
    },
    /// Data that cannot be decompressed.
    Compression {
        /// Whose chunk it is.
        section: &'static str,
        /// Name of the method.
        method: &'static str,
        /// What the decoder said.
        reason: String,
    },
}

impl StreamError {
    /// Whose chunk it is.
    pub fn section(&self) -> &'static str {
        match self {
            Self::Truncated { section, .. }
            | Self::Varint { section, .. }
            | Self::Index { section, .. }
            | Self::Value { section, .. }
            | Self::Length { section, .. }
            | Self::TooLarge { section, .. }
            | Self::Compression { section, .. } => section,
        }
    }

    /// Bytes from the beginning of the chunk.
    pub fn offset(&self) -> u64 {
        match self {
            Self::Truncated { offset, .. }
            | Self::Varint { offset, .. }
            | Self::Index { offset, .. }
            | Self::Value { offset, .. } => *offset,
            Self::Length { .. } | Self::TooLarge { .. } | Self::Compression { .. } => 0,
        }
    }

    /// What would have been right.
    pub fn wanted(&self) -> String {
        match self {
            Self::Truncated { wanted, .. } => format!("{wanted} more bytes"),
            Self::Varint { .. } => "the shortest encoding of a 64-bit number".into(),
            Self::Index { least, limit, unit, .. } => {
                format!("{unit} of {least:#x} to {:#x}", limit.saturating_sub(1))
            }
            Self::Value { wanted, .. } => (*wanted).into(),
            Self::Length { wanted, .. } => format!("{wanted} bytes of data"),
            Self::TooLarge { limit, .. } => format!("at most {limit} bytes of data"),
            Self::Compression { method, .. } => format!("{method} data"),
        }
    }

    /// What was there.
    pub fn got(&self) -> String {
        match self {
            Self::Truncated { got, .. } => format!("{got}"),
            Self::Varint { .. } => "another encoding".into(),
            Self::Index { index, .. } => format!("{index:#x}"),
            Self::Value { got, .. } => format!("{got:#x}"),
            Self::Length { got, .. } | Self::TooLarge { got, .. } => format!("{got}"),
            Self::Compression { reason, .. } => reason.clone(),
        }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Truncated { .. } => "Chunk ends too soon",
            Self::Varint { .. } => "Number is badly encoded",
            Self::Index { .. } => "Number is out of range",
            Self::Value { .. } => "Value is invalid",
            Self::Length { .. } => "Chunk has the wrong amount of data",
            Self::TooLarge { .. } => "Chunk is too large",
            Self::Compression { .. } => "Chunk cannot be decompressed",
        };
        write!(
            f,
            "{what}: got {}, wanted {} (section {}, offset {:#x} of the chunk)",
            self.got(),
            self.wanted(),
            self.section(),
            self.offset()
        )
    }
}

impl std::error::Error for StreamError {}
