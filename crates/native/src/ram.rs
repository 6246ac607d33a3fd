//! `Ram`: guest memory for Python.

use crate::error::{Error, Result};
use crate::options::Compression;
use crate::stream::{self, RamPass, RamSnapshot, Start};
use crate::{fork::Presence, memory};
use ppc_core::ram::PAGE;
use ppc_core::ram::RealAddr;
use ppc_core::ram::{Digest, Ram as Core, RamPass as Pass};
use pyo3::{buffer::PyBuffer, prelude::*, types::PyBytes};
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use track::Tracked;

/// Pages whose hashing takes a few tens of milliseconds.
const DIGEST_PAGES: u64 = 1 << 14;

/// Guest RAM of `size` bytes from real address 0, shared by everything that holds it.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct Ram {
    core: Arc<Core>,
    presence: Arc<Presence>,
}

impl Ram {
    /// RAM that a child of this process copies automatically.
    fn private(core: Core) -> Self {
        Self { core: Arc::new(core), presence: Presence::new() }
    }

    /// The RAM, and whether it is here.
    pub fn parts(&self) -> (&Arc<Core>, &Arc<Presence>) {
        (&self.core, &self.presence)
    }

    /// The error of an access to these bytes.
    fn outside(&self, address: u64, length: u64) -> Error {
        Error::Outside { address, length, size: self.core.size() }
    }

    fn here(&self) -> Result<&Arc<Core>> {
        self.presence.check()?;
        Ok(&self.core)
    }
}

#[pymethods]
impl Ram {
    #[new]
    fn new(size: u64) -> Result<Self> {
        check_size(size)?;
        memory::room(memory::PIECES)?;
        let core = Core::new(size)
            .map(Arc::new)
            .map_err(|e| Error::config(format!("RAM of {size} bytes cannot be had: {e}")))?;
        let presence = Presence::of_shared(&core);
        Ok(Self { core, presence })
    }

    #[getter]
    fn size(&self) -> u64 {
        self.core.size()
    }

    /// Copies `length` bytes out.
    fn read<'py>(&self, py: Python<'py>, address: u64, length: u64) -> Result<Bound<'py, PyBytes>> {
        let ram = self.here()?;
        if !ram.contains(RealAddr(address), length) {
            return Err(self.outside(address, length));
        }
        Ok(PyBytes::new_with(py, length as usize, |buf| {
            Ok(ram.read_bytes(RealAddr(address), buf).ok_or_else(|| self.outside(address, length))?)
        })?)
    }

    /// Copies `data` in.
    fn write(&self, py: Python<'_>, address: u64, data: PyBuffer<u8>) -> Result<()> {
        let bytes = data.to_vec(py)?;
        let length = bytes.len() as u64;
        let ram = self.here()?;
        ram.write_bytes(RealAddr(address), &bytes).ok_or_else(|| self.outside(address, length))
    }

    /// Sets `length` bytes to `byte`.
    #[pyo3(signature = (address, length, byte = 0))]
    fn fill(&self, address: u64, length: u64, byte: u8) -> Result<()> {
        let ram = self.here()?;
        ram.fill(RealAddr(address), length, byte).ok_or_else(|| self.outside(address, length))
    }

    /// 32 bytes that depend on size and contents only. `watch` is called now and then; an exception from it ends the
    /// work.
    #[pyo3(signature = (watch = None))]
    fn digest<'py>(&self, py: Python<'py>, watch: Option<Bound<'py, PyAny>>) -> Result<Bound<'py, PyBytes>> {
        memory::room(memory::PIECES)?;
        let mut digest = Digest::new(self.core.size());
        while self.presence.detach(py, || digest.go_on(&self.core, DIGEST_PAGES))? {
            py.check_signals().map_err(Error::Python)?;
            if let Some(watch) = &watch {
                watch.call0().map_err(Error::Python)?;
            }
        }
        memory::bytes(py, &digest.finish())
    }

    /// Number of pages that were written, or that the mapped file holds; all others are zero.
    fn touched_pages(&self) -> Result<u64> {
        Ok(self.here()?.touched_pages())
    }

    /// Numbers of the pages whose contents are not the same as in `other`; behind the end of either they are zero.
    fn unlike(&self, py: Python<'_>, other: &Self) -> Result<Vec<u64>> {
        let _use = other.presence.enter()?;
        self.presence.detach(py, || self.core.unlike(&other.core))
    }

    /// RAM backed copy-on-write by `size` bytes of a file from `offset` on, both multiples of 4096. The file must
    /// keep its contents as long as the RAM lives; the descriptor may be closed.
    #[staticmethod]
    fn map_file(py: Python<'_>, fd: RawFd, offset: u64, size: u64) -> Result<Self> {
        check_size(size)?;
        let fd = borrow(fd)?;
        Ok(Self::private(py.detach(|| Core::map_file(fd, offset, size))?))
    }

    /// Writes the contents into a file from `offset` on, with holes for zeroes; returns the bytes that are none.
    fn write_sparse(&self, py: Python<'_>, fd: RawFd, offset: u64) -> Result<u64> {
        memory::room(memory::PIECES)?;
        let fd = borrow(fd)?;
        Ok(self.presence.detach(py, || self.core.write_sparse(fd, offset))??)
    }

    /// Freezes the contents. No processor may be running.
    fn snapshot(&self, py: Python<'_>) -> Result<RamSnapshot> {
        memory::room(memory::PIECES)?;
        Ok(RamSnapshot(Arc::new(self.presence.detach(py, || self.core.snapshot())??)))
    }

    /// New RAM with the contents of a snapshot, copied as it is written.
    #[staticmethod]
    fn from_snapshot(snapshot: &RamSnapshot) -> Result<Self> {
        Ok(Self::private(Core::from_snapshot(&snapshot.0)?))
    }

    /// Goes back to the contents of a snapshot of the same size; returns how many pages had been written, or `None` if all of
    /// it had to be mapped, because this RAM was neither frozen as that snapshot last nor made from it. No processor may be
    /// running, and each needs `thaw`, or `protect_writes` and `flush_translations`, afterwards.
    fn reset_to(&self, py: Python<'_>, snapshot: &RamSnapshot) -> Result<Option<u64>> {
        Ok(self.presence.detach(py, || self.core.reset_to(&snapshot.0))??)
    }

    /// Whether no page was written since the snapshot.
    fn is_still(&self, snapshot: &RamSnapshot) -> Result<bool> {
        Ok(self.here()?.is_still(&snapshot.0))
    }

    /// Begins a pass, which takes its marks all at once. No processor may be running; each needs `protect_writes` afterwards.
    fn start_pass(&self, py: Python<'_>, start: Start) -> Result<RamPass> {
        let pass = self.presence.detach(py, || Pass::start(&self.core, start.into()))?;
        Ok(RamPass::new(pass?, self.presence.clone()))
    }

    /// Checks a chunk of a pass and writes it; returns the number of pages.
    #[pyo3(signature = (index, data, compression = None))]
    fn load_chunk(
        &self,
        py: Python<'_>,
        index: &[u8],
        data: &[u8],
        compression: Option<Compression>,
    ) -> Result<u64> {
        Ok(self.presence.detach(py, || stream::load(&self.core, index, data, compression))??)
    }

    /// Number of pages written since a live pass took them.
    fn dirty_pages(&self) -> Result<u64> {
        Ok(self.here()?.dirty_pages())
    }

    /// What RAM holds now is a base. As for a pass, each processor needs `protect_writes` afterwards.
    fn set_base(&self) -> Result<()> {
        self.here()?.set_base();
        Ok(())
    }

    #[getter]
    fn has_base(&self) -> bool {
        self.core.has_base()
    }
}

fn check_size(size: u64) -> Result<()> {
    if size == 0 || !size.is_multiple_of(PAGE) || size > 1 << 46 {
        return Err(Error::config(format!("RAM of {size} bytes: wanted a multiple of {PAGE} up to 2^46")));
    }
    Ok(())
}

/// A descriptor that Python keeps open during the call.
pub fn borrow<'fd>(fd: RawFd) -> Result<BorrowedFd<'fd>> {
    if fd < 0 {
        return Err(Error::Value(format!("file descriptor {fd} is none")));
    }
    // SAFETY: the number is only handed to system calls, which reject one that is not open; the caller keeps it open
    // until they return, as for every function of Python that takes a descriptor.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}
