//! `pyspapr._native`: thin PyO3 wrappers around `ppc-core` and `hpt`; no semantics of its own.
use pyo3::prelude::*;

/// The compiled half of pyspapr.
#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
