//! `Hpt`: the hash page table for Python.

use crate::stream::{HptPass, Start};
use crate::{error::Result, fork::Presence};
use hpt::Hpt as Core;
use pyo3::{prelude::*, types::PyBytes};
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

    fn here(&self) -> Result<&Arc<Core>> {
        self.presence.check()?;
        Ok(&self.core)
    }
}

#[pymethods]
impl Hpt {
    #[new]
    fn new(shift: u32) -> Result<Self> {
        let core = Arc::new(Core::new(shift)?);
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
    fn entry(&self, ptex: u64) -> Result<(u64, u64)> {
        let entry = self.here()?.guest_entry(ptex)?;
        Ok((entry.v, entry.r))
    }

    /// Valid entries.
    fn valid_entries(&self) -> Result<u64> {
        Ok(self.here()?.valid_entries())
    }

    /// Empties the table.
    fn clear(&self) -> Result<()> {
        self.here()?.clear();
        Ok(())
    }

    /// Places the bolted entries in `to`, an empty table; returns how many there are, or `None` when they do not fit.
    fn rehash_bolted(&self, py: Python<'_>, to: &Self) -> Result<Option<u64>> {
        let _use = to.presence.enter()?;
        self.presence.detach(py, || self.core.rehash_bolted(&to.core).ok())
    }

    /// 32 bytes that depend on the entries only.
    fn digest<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.presence.detach(py, || self.core.digest())?))
    }

    /// Begins a pass. Processors may run meanwhile.
    fn start_pass(&self, py: Python<'_>, start: Start) -> Result<HptPass> {
        let pass = self.presence.detach(py, || hpt::HptPass::start(&self.core, start.into()))?;
        Ok(HptPass::new(pass?, self.presence.clone()))
    }

    /// Checks a chunk of a pass and puts its entries in; returns how many came with a value and how many went.
    /// Each processor needs `flush_translations` afterwards.
    fn load_chunk(&self, py: Python<'_>, chunk: &[u8]) -> Result<(u64, u64)> {
        Ok(self.presence.detach(py, || self.core.load_chunk(chunk))??)
    }

    /// Number of entries that a live pass would send now.
    fn dirty_entries(&self, py: Python<'_>) -> Result<u64> {
        self.presence.detach(py, || self.core.pending())
    }

    /// Makes the table's present contents the base: changes are counted from here.
    fn set_base(&self) -> Result<()> {
        self.here()?.set_base();
        Ok(())
    }

    #[getter]
    fn has_base(&self) -> bool {
        self.core.has_base()
    }
}
