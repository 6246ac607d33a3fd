//! A processor's profile as a dictionary.

use ppc_core::profile::{Report, TIERS};
use pyo3::{prelude::*, types::PyDict};

/// `report` by name; `name` names native hypercalls.
pub fn profile<'py>(
    py: Python<'py>,
    report: Report,
    name: impl Fn(u64) -> Option<&'static str>,
) -> PyResult<Bound<'py, PyDict>> {
    let exits = PyDict::new(py);
    for (name, count) in &report.exits {
        exits.set_item(name, count)?;
    }
    for (number, count) in &report.native_hypercalls {
        let name = name(*number).unwrap_or("without a name");
        exits.set_item(format!("hypercall {name}, native"), count)?;
    }
    let tiers = PyDict::new(py);
    let seconds = PyDict::new(py);
    for (name, count) in TIERS.iter().zip(report.instructions) {
        tiers.set_item(name, count)?;
    }
    for (name, time) in TIERS.iter().zip(report.times) {
        seconds.set_item(name, time.as_secs_f64())?;
    }
    let all = PyDict::new(py);
    all.set_item("samples", report.samples.into_iter().collect::<Vec<_>>())?;
    all.set_item("tiers", tiers)?;
    all.set_item("seconds", seconds)?;
    all.set_item("exits", exits)?;
    all.set_item("hypercalls", report.hypercalls)?;
    Ok(all)
}
