//! The host's memory. An allocation that fails inside Rust ends the process, so code that is about to allocate much
//! checks first.

use crate::error::{Error, Result};
use pyo3::{prelude::*, types::PyBytes};

/// A generous estimate of what a processor with its caches takes.
pub const PROCESSOR: usize = 8 << 20;
/// What reading or writing all of RAM piece by piece takes, amply.
pub const PIECES: usize = 8 << 20;

/// Raises MemoryError unless the host can provide `bytes` now; they are released at once, for the allocation that
/// follows.
pub fn room(bytes: usize) -> Result<()> {
    let mut probe = Vec::<u8>::new();
    let given = probe.try_reserve_exact(bytes);
    // The compiler may remove an unused allocation.
    std::hint::black_box(&probe);
    given.map_err(|_| Error::Memory(bytes))
}

/// `data` for Python, or MemoryError (`PyBytes::new` panics).
pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> Result<Bound<'py, PyBytes>> {
    Ok(PyBytes::new_with(py, data.len(), |buffer| {
        buffer.copy_from_slice(data);
        Ok(())
    })?)
}
