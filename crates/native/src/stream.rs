//! `RamPass`, `HptPass` and `RamSnapshot`: the passes and snapshots of saves and migrations; and compression of RAM's
//! data.

use crate::error::Result;
use crate::options::Compression;
use crate::{error::Error, fork::Presence, memory, ram};
use ppc_core::ram::{Image, Ram, RamPass as RamCore, Snapshot};
use pyo3::{prelude::*, types::PyBytes};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use track::StreamError;

/// Zstandard's quickest ordinary level: about four times lz4's work for half its bytes.
const ZSTD_LEVEL: i32 = 1;

/// Bytes of contents that a pass gives out at once, at most.
const LONGEST: usize = (ppc_core::ram::MAX_CHUNK_PAGES * ppc_core::ram::PAGE) as usize;

impl Compression {
    fn compress(self, data: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Zstd => zstd::bulk::compress(data, ZSTD_LEVEL),
            Self::Lz4 => Ok(lz4_flex::block::compress(data)),
        }
    }

    /// Exactly `len` bytes, or an error: a bomb has no more room than that.
    fn decompress(self, data: &[u8], len: usize) -> Result<Vec<u8>, StreamError> {
        let failed =
            |reason: String| StreamError::Compression { section: "ram", method: self.name(), reason };
        let raw = match self {
            Self::Zstd => zstd::bulk::decompress(data, len).map_err(|e| failed(e.to_string()))?,
            Self::Lz4 => lz4_flex::block::decompress(data, len).map_err(|e| failed(e.to_string()))?,
        };
        if raw.len() == len {
            Ok(raw)
        } else {
            Err(StreamError::Length { section: "ram", wanted: len as u64, got: raw.len() as u64 })
        }
    }
}

/// Checks a chunk and writes it into `ram`; returns the number of pages.
pub fn load(
    ram: &Ram,
    index: &[u8],
    data: &[u8],
    compression: Option<Compression>,
) -> Result<u64, StreamError> {
    let len = ram.chunk_data_len(index)?;
    match compression {
        Some(method) if len > 0 => ram.load_chunk(index, &method.decompress(data, len)?),
        // Nothing compresses to nothing.
        _ => ram.load_chunk(index, data),
    }
}

/// A set of marks; see `Start`.
#[pyclass(eq, frozen, from_py_object, module = "pyspapr._native", rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    Live,
    Base,
}

/// The contents of a pass, and which marks it takes.
#[pyclass(frozen, from_py_object, module = "pyspapr._native")]
#[derive(Clone, Copy)]
pub enum Start {
    Untracked(),
    Full { marks: Marks },
    Changes { marks: Marks },
}

impl From<Marks> for track::Marks {
    fn from(marks: Marks) -> Self {
        match marks {
            Marks::Live => Self::Live,
            Marks::Base => Self::Base,
        }
    }
}

impl From<Start> for track::Start {
    fn from(start: Start) -> Self {
        match start {
            Start::Untracked() => Self::Untracked,
            Start::Full { marks } => Self::Full(marks.into()),
            Start::Changes { marks } => Self::Changes(marks.into()),
        }
    }
}

/// One pass over RAM.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct RamPass {
    core: RamCore,
    presence: Arc<Presence>,
}

impl RamPass {
    /// A pass over the RAM of `presence`.
    pub fn new(core: RamCore, presence: Arc<Presence>) -> Self {
        Self { core, presence }
    }
}

/// Index, data, pages with contents and pages of zeroes.
type RamChunk<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, u64, u64);

#[pymethods]
impl RamPass {
    /// The next chunk, or `None` when the pass is over. Threads may call it side by side.
    #[pyo3(signature = (max_bytes, compression = None))]
    fn next<'py>(
        &self,
        py: Python<'py>,
        max_bytes: usize,
        compression: Option<Compression>,
    ) -> Result<Option<RamChunk<'py>>> {
        memory::room(memory::PIECES + 3 * max_bytes.min(LONGEST))?;
        let chunk = self.presence.detach(py, || -> std::io::Result<_> {
            let Some(mut chunk) = self.core.next(max_bytes) else { return Ok(None) };
            if let Some(method) = compression.filter(|_| chunk.nonzero > 0) {
                chunk.data = method.compress(&chunk.data)?;
            }
            Ok(Some(chunk))
        })??;
        let Some(c) = chunk else { return Ok(None) };
        Ok(Some((memory::bytes(py, &c.index)?, memory::bytes(py, &c.data)?, c.nonzero, c.zero)))
    }

    /// Pages not yet given out.
    #[getter]
    fn remaining(&self) -> Result<u64> {
        self.presence.check()?;
        Ok(self.core.remaining())
    }

    /// The pass has failed: everything it took is dirty again, and it is over.
    fn put_back(&self, py: Python<'_>) -> Result<()> {
        self.presence.detach(py, || self.core.put_back())
    }
}

/// One pass over the hash page table.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct HptPass {
    core: hpt::HptPass,
    presence: Arc<Presence>,
}

/// A chunk with its numbers of valid and of removed entries.
type HptChunk<'py> = (Bound<'py, PyBytes>, u64, u64);

impl HptPass {
    /// A pass over the table of `presence`.
    pub fn new(core: hpt::HptPass, presence: Arc<Presence>) -> Self {
        Self { core, presence }
    }
}

#[pymethods]
impl HptPass {
    /// The next chunk with its numbers of entries that are not zero and that become zero, or `None` when the pass is over.
    fn next<'py>(&self, py: Python<'py>, max_bytes: usize) -> Result<Option<HptChunk<'py>>> {
        memory::room(memory::PIECES + 3 * max_bytes.min(LONGEST))?;
        let chunk = self.presence.detach(py, || self.core.next(max_bytes))?;
        let Some(chunk) = chunk else { return Ok(None) };
        Ok(Some((memory::bytes(py, &chunk.bytes)?, chunk.nonzero, chunk.zero)))
    }

    /// Entries expected to come.
    #[getter]
    fn remaining(&self) -> Result<u64> {
        self.presence.check()?;
        Ok(self.core.remaining())
    }

    /// The pass has failed: everything it took is dirty again, and it is over.
    fn put_back(&self, py: Python<'_>) -> Result<()> {
        self.presence.detach(py, || self.core.put_back())
    }
}

/// RAM on its way into a file, from the chunks of a pass without compression.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct RamImage(Mutex<Option<Image>>);

const FINISHED: Error = Error::State("the image is finished already");

impl RamImage {
    fn image(&self) -> MutexGuard<'_, Option<Image>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl RamImage {
    /// An image of `size` bytes from `offset` of a file on, where there is nothing so far. The descriptor may be closed.
    #[new]
    fn new(fd: RawFd, offset: u64, size: u64) -> Result<Self> {
        Ok(Self(Mutex::new(Some(Image::new(ram::borrow(fd)?, offset, size)?))))
    }

    /// Writes the pages of a chunk to their places. Chunks come in their order.
    fn add(&self, py: Python<'_>, index: &[u8], data: &[u8]) -> Result<()> {
        memory::room(memory::PIECES)?;
        py.detach(|| match self.image().as_mut() {
            Some(image) => Ok(image.add(index, data)?),
            None => Err(FINISHED),
        })
    }

    /// What `Ram.digest` says of RAM with these pages. Nothing can be added any more.
    fn finish<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let image = self.image().take().ok_or(FINISHED)?;
        memory::bytes(py, &image.finish())
    }
}

/// RAM as it was at some moment, shared by its forks.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct RamSnapshot(pub Arc<Snapshot>);

#[pymethods]
impl RamSnapshot {
    #[getter]
    fn size(&self) -> u64 {
        self.0.size()
    }
}

/// What a chunk of the hash page table says: (index, doubleword 0, doubleword 1) of each entry, zeroes for one that
/// is removed; first (None, 0, 0) if it erases the table.
#[pyfunction]
pub fn hpt_chunk_entries(chunk: &[u8], shift: u32) -> Result<Vec<(Option<u64>, u64, u64)>> {
    if !(hpt::MIN_SHIFT..=hpt::MAX_SHIFT).contains(&shift) {
        return Err(hpt::HptError::Shift { shift }.into());
    }
    memory::room(chunk.len().saturating_mul(64))?;
    let mut entries = Vec::new();
    hpt::chunk::parse(chunk, 1 << (shift - hpt::hpte::HPTE_SHIFT), |record| {
        entries.push(match record {
            hpt::chunk::Record::Erase => (None, 0, 0),
            hpt::chunk::Record::Entry(ptex, entry) => (Some(ptex), entry.v, entry.r),
        });
    })?;
    Ok(entries)
}

/// The pages that the index of a chunk of RAM of `size` bytes names: (number, whether it is all zero).
#[pyfunction]
pub fn ram_chunk_pages(index: &[u8], size: u64) -> Result<Vec<(u64, bool)>> {
    memory::room(index.len().saturating_mul(64))?;
    let mut pages = Vec::new();
    ppc_core::ram::parse_index(index, size.div_ceil(ppc_core::ram::PAGE), |n, zero| pages.push((n, zero)))?;
    Ok(pages)
}

/// Decompresses the data of a chunk of RAM into `length` bytes, at most 64 MiB.
#[pyfunction]
#[pyo3(signature = (data, length, compression = None))]
pub fn ram_chunk_data<'py>(
    py: Python<'py>,
    data: &[u8],
    length: usize,
    compression: Option<Compression>,
) -> Result<Bound<'py, PyBytes>> {
    let limit = ppc_core::ram::MAX_CHUNK_PAGES * ppc_core::ram::PAGE;
    if length as u64 > limit {
        let got = length as u64;
        return Err(StreamError::TooLarge { section: "ram", limit, got }.into());
    }
    match compression {
        Some(method) if length > 0 => {
            memory::room(memory::PIECES + length)?;
            let raw = py.detach(|| method.decompress(data, length))?;
            memory::bytes(py, &raw)
        }
        _ if data.len() == length => memory::bytes(py, data),
        _ => {
            let (wanted, got) = (length as u64, data.len() as u64);
            Err(StreamError::Length { section: "ram", wanted, got }.into())
        }
    }
}
