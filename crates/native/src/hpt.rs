//! `Hpt`: the hash page table for Python.

use crate::error;
use crate::stream::{HptPass, hpt_marks};
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

    /// Places the bolted entries in `to`, an empty table; returns how many there are, or `None` when they do not fit.
    fn rehash_bolted(&self, py: Python<'_>, to: &Self) -> Option<u64> {
        py.detach(|| self.0.rehash_bolted(&to.0).ok())
    }

    /// 32 bytes that depend on the entries only.
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let table = &self.0;
        PyBytes::new(py, &py.detach(|| table.digest()))
    }

    /// Begins a pass. Processors may run while it goes on.
    #[pyo3(signature = (everything, which = "live"))]
    fn start_pass(&self, py: Python<'_>, everything: bool, which: &str) -> PyResult<HptPass> {
        let marks = hpt_marks(which)?;
        py.detach(|| hpt::HptPass::start(&self.0, everything, marks)).map(HptPass).map_err(error::config)
    }

    /// Checks a chunk of a pass and puts its entries in; returns how many came with a value and how many went.
    /// Each processor needs `flush_translations` afterwards.
    fn load_chunk(&self, py: Python<'_>, chunk: &[u8]) -> PyResult<(u64, u64)> {
        py.detach(|| self.0.load_chunk(chunk)).map_err(error::stream)
    }

    /// Number of entries that a live pass would send now.
    fn dirty_entries(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.0.pending())
    }

    /// What the table holds now is a base: changes are those since it.
    fn set_base(&self) {
        self.0.set_base();
    }

    #[getter]
    fn has_base(&self) -> bool {
        self.0.has_base()
    }
}
