//! `Hpt`: the hash page table for Python.

use crate::error;
use hpt::Hpt as Core;
use pyo3::{exceptions::PyIndexError, prelude::*, types::PyBytes};
use std::sync::Arc;

/// A hash page table of 2**shift bytes.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct Hpt(pub Arc<Core>);

#[pymethods]
impl Hpt {
    #[new]
    fn new(shift: u32) -> PyResult<Self> {
        Core::new(shift).map(|table| Self(Arc::new(table))).map_err(error::config)
    }

    #[getter]
    fn shift(&self) -> u32 {
        self.0.shift()
    }

    #[getter]
    fn slots(&self) -> u64 {
        self.0.slots()
    }

    /// Entry `ptex` as the guest reads it: two doublewords.
    fn entry(&self, ptex: u64) -> PyResult<(u64, u64)> {
        let entry = self.0.guest_entry(ptex).map_err(|e| PyIndexError::new_err(e.to_string()))?;
        Ok((entry.v, entry.r))
    }

    /// Valid entries.
    fn valid_entries(&self) -> u64 {
        self.0.valid_entries()
    }

    /// Empties the table.
    fn clear(&self) {
        self.0.clear();
    }

    /// 32 bytes that depend on the entries only.
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let table = &self.0;
        PyBytes::new(py, &py.detach(|| table.digest()))
    }
}
