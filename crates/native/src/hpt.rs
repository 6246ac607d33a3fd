//! `Hpt`: the hash page table for Python.

use crate::stream::{HptPass, Start};
use crate::{error, fork::Presence};
use hpt::Hpt as Core;
use pyo3::{exceptions::PyIndexError, prelude::*, types::PyBytes};
use std::sync::Arc;
use track::Tracked;

/// A hash page table of 2**shift bytes.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct Hpt {
    core: Arc<Core>,
    presence: Arc<Presence>,
}

impl Hpt {
    /// The table, and whether it is here.
    pub fn parts(&self) -> (&Arc<Core>, &Arc<Presence>) {
        (&self.core, &self.presence)
    }

    fn here(&self) -> PyResult<&Arc<Core>> {
        self.presence.check()?;
        Ok(&self.core)
    }
}

#[pymethods]
impl Hpt {
    #[new]
    fn new(shift: u32) -> PyResult<Self> {
        let core = Core::new(shift).map(Arc::new).map_err(error::config)?;
        Ok(Self { core, presence: Presence::new() })
    }

    #[getter]
    fn shift(&self) -> u32 {
        self.core.shift()
    }

    #[getter]
    fn slots(&self) -> u64 {
        self.core.slots()
    }

    /// Entry `ptex` as the guest reads it: two doublewords.
    fn entry(&self, ptex: u64) -> PyResult<(u64, u64)> {
        let entry = self.here()?.guest_entry(ptex).map_err(|e| PyIndexError::new_err(e.to_string()))?;
        Ok((entry.v, entry.r))
    }

    /// Valid entries.
    fn valid_entries(&self) -> PyResult<u64> {
        Ok(self.here()?.valid_entries())
    }

    /// Empties the table.
    fn clear(&self) -> PyResult<()> {
        self.here()?.clear();
        Ok(())
    }

    /// Places the bolted entries in `to`, an empty table; returns how many there are, or `None` when they do not fit.
    fn rehash_bolted(&self, py: Python<'_>, to: &Self) -> PyResult<Option<u64>> {
        let _use = to.presence.enter()?;
        self.presence.detach(py, || self.core.rehash_bolted(&to.core).ok())
    }

    /// 32 bytes that depend on the entries only.
    fn digest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.presence.detach(py, || self.core.digest())?))
    }

    /// Begins a pass. Processors may run while it goes on.
    fn start_pass(&self, py: Python<'_>, start: Start) -> PyResult<HptPass> {
        let pass = self.presence.detach(py, || hpt::HptPass::start(&self.core, start.into()))?;
        Ok(HptPass::new(pass.map_err(error::pass)?, self.presence.clone()))
    }

    /// Checks a chunk of a pass and puts its entries in; returns how many came with a value and how many went.
    /// Each processor needs `flush_translations` afterwards.
    fn load_chunk(&self, py: Python<'_>, chunk: &[u8]) -> PyResult<(u64, u64)> {
        self.presence.detach(py, || self.core.load_chunk(chunk))?.map_err(error::stream)
    }

    /// Number of entries that a live pass would send now.
    fn dirty_entries(&self, py: Python<'_>) -> PyResult<u64> {
        self.presence.detach(py, || self.core.pending())
    }

    /// What the table holds now is a base: changes are those since it.
    fn set_base(&self) -> PyResult<()> {
        self.here()?.set_base();
        Ok(())
    }

    #[getter]
    fn has_base(&self) -> bool {
        self.core.has_base()
    }
}
