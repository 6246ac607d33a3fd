//! `Hpt`: the hash page table for Python.

use crate::stream::{HptPass, Start};
use crate::{
    error::{Error, Result},
    fork::Presence,
};
use hpt::{Frozen, Hpt as Core, HptError};
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

/// Where memory is not the size that somebody has configured: the host's own error.
fn of_host(error: HptError) -> Error {
    match error {
        HptError::Memory(none) => Error::Host(none.source),
        other => other.into(),
    }
}

/// A hash page table as it was at some moment, shared by its copies.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct HptSnapshot(Arc<Frozen>);

#[pymethods]
impl HptSnapshot {
    #[getter]
    fn shift(&self) -> u32 {
        self.0.shift()
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

    /// Freezes the entries. No processor may be running.
    fn snapshot(&self, py: Python<'_>) -> Result<HptSnapshot> {
        let frozen = self.presence.detach(py, || self.core.freeze())?.map_err(of_host)?;
        Ok(HptSnapshot(Arc::new(frozen)))
    }

    /// A new table with the entries of a snapshot, shared until they are written.
    #[staticmethod]
    fn from_snapshot(snapshot: &HptSnapshot) -> Result<Self> {
        Ok(Self {
            core: Arc::new(Core::from_frozen(&snapshot.0).map_err(of_host)?),
            presence: Presence::new(),
        })
    }

    /// Goes back to the entries of a snapshot; returns how many groups of entries had changed, or `None`, with nothing done,
    /// if this table was neither frozen as it last nor made from it. As for `load_chunk`, each processor needs
    /// `flush_translations` afterwards.
    fn reset_to(&self, py: Python<'_>, snapshot: &HptSnapshot) -> Result<Option<u64>> {
        self.presence.detach(py, || self.core.reset_to(&snapshot.0))
    }

    /// Whether no entry has changed since the snapshot.
    fn is_still(&self, snapshot: &HptSnapshot) -> Result<bool> {
        Ok(self.here()?.is_still(&snapshot.0))
    }

    #[getter]
    fn has_base(&self) -> bool {
        self.core.has_base()
    }
}
