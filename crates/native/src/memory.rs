//! The host's memory. An allocation that fails inside Rust ends the process, so whatever is about to allocate much asks first.

use pyo3::{exceptions::PyMemoryError, prelude::*, types::PyBytes};

/// What a processor with its caches takes, amply.
pub const PROCESSOR: usize = 8 << 20;
/// What reading or writing all of RAM piece by piece takes, amply.
pub const PIECES: usize = 8 << 20;

/// Raises MemoryError unless the host gives `bytes` now; they are given back at once, for what comes next.
pub fn room(bytes: usize) -> PyResult<()> {
    let mut probe = Vec::<u8>::new();
    let given = probe.try_reserve_exact(bytes);
    // An allocation that nobody looks at need not be made.
    std::hint::black_box(&probe);
    given.map_err(|_| PyMemoryError::new_err(format!("the host has not {bytes} bytes of memory left")))
}

/// `data` for Python, or MemoryError (`PyBytes::new` panics).
pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, data.len(), |buffer| {
        buffer.copy_from_slice(data);
        Ok(())
    })
}
