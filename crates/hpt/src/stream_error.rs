//! What a stream may be refused for. Says what, where, wanted and got.

use std::fmt;

/// Why a chunk of RAM or of the hash page table was refused. Offsets count bytes from the chunk's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// The chunk ends too soon.
    Truncated {
        /// "ram" or "hpt".
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
        /// "ram" or "hpt".
        section: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// A grain or entry that is not behind the one before it, or not in the memory or table.
    Index {
        /// "ram" or "hpt".
        section: &'static str,
        /// Where its number is.
        offset: u64,
        /// The number.
        index: u128,
        /// The first number allowed here.
        least: u64,
        /// The first number behind the end.
        limit: u64,
    },
    /// An entry sent with a value that is zero or has hypervisor's bits.
    Entry {
        /// Where doubleword 0 is.
        offset: u64,
        /// It.
        v: u64,
    },
    /// Another amount of data than the index needs.
    Length {
        /// "ram" or "hpt".
        section: &'static str,
        /// Bytes that the index needs.
        wanted: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// More data than one chunk may have.
    TooLarge {
        /// "ram" or "hpt".
        section: &'static str,
        /// Bytes allowed.
        limit: u64,
        /// Bytes asked for.
        got: u64,
    },
    /// Data that cannot be decompressed.
    Compression {
        /// "ram" or "hpt".
        section: &'static str,
        /// Name of the method.
        method: &'static str,
        /// What the decoder said.
        reason: String,
    },
}

impl StreamError {
    /// "ram" or "hpt".
    pub fn section(&self) -> &'static str {
        match self {
            Self::Truncated { section, .. }
            | Self::Varint { section, .. }
            | Self::Index { section, .. }
            | Self::Length { section, .. }
            | Self::TooLarge { section, .. }
            | Self::Compression { section, .. } => section,
            Self::Entry { .. } => "hpt",
        }
    }

    /// Bytes from the beginning of the chunk.
    pub fn offset(&self) -> u64 {
        match self {
            Self::Truncated { offset, .. }
            | Self::Varint { offset, .. }
            | Self::Index { offset, .. }
            | Self::Entry { offset, .. } => *offset,
            Self::Length { .. } | Self::TooLarge { .. } | Self::Compression { .. } => 0,
        }
    }

    /// What would have been right.
    pub fn wanted(&self) -> String {
        match self {
            Self::Truncated { wanted, .. } => format!("{wanted} more bytes"),
            Self::Varint { .. } => "the shortest encoding of a 64-bit number".into(),
            Self::Index { least, limit, section, .. } => {
                let what = if *section == "hpt" { "an entry" } else { "a grain" };
                format!("{what} of {least:#x} to {:#x}", limit.saturating_sub(1))
            }
            Self::Entry { .. } => "a value other than zero without the hypervisor's bits".into(),
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
            Self::Entry { v, .. } => format!("{v:#x}"),
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
            Self::Entry { .. } => "Entry is not one that a table holds",
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
