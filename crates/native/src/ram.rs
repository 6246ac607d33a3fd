//! `Ram`: guest memory for Python.

use crate::error;
use ppc_core::ram::Ram as Core;
use ppc_core::tlb::GRAIN;
use pyo3::{buffer::PyBuffer, prelude::*, types::PyBytes};
use std::sync::Arc;

/// Guest RAM of `size` bytes from real address 0, shared by everything that holds it.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct Ram(pub Arc<Core>);

#[pymethods]
impl Ram {
    #[new]
    fn new(size: u64) -> PyResult<Self> {
        if size == 0 || !size.is_multiple_of(GRAIN) || size > 1 << 46 {
            return Err(error::config(format!(
                "RAM of {size} bytes: wanted a multiple of {GRAIN} up to 2^46"
            )));
        }
        Core::new(size)
            .map(|ram| Self(Arc::new(ram)))
            .map_err(|e| error::config(format!("RAM of {size} bytes cannot be had: {e}")))
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.size()
    }

    /// Copies `length` bytes out.
    fn read<'py>(&self, py: Python<'py>, address: u64, length: u64) -> PyResult<Bound<'py, PyBytes>> {
        if !self.0.contains(address, length) {
            return Err(error::outside(address, length, self.0.size()));
        }
        PyBytes::new_with(py, length as usize, |buf| {
            self.0.read_bytes(address, buf).ok_or_else(|| error::outside(address, length, self.0.size()))
        })
    }

    /// Copies `data` in.
    fn write(&self, py: Python<'_>, address: u64, data: PyBuffer<u8>) -> PyResult<()> {
        let bytes = data.to_vec(py)?;
        let length = bytes.len() as u64;
        self.0.write_bytes(address, &bytes).ok_or_else(|| error::outside(address, length, self.0.size()))
    }

    /// Sets `length` bytes to `byte`.
    #[pyo3(signature = (address, length, byte = 0))]
    fn fill(&self, address: u64, length: u64, byte: u8) -> PyResult<()> {
        self.0.fill(address, length, byte).ok_or_else(|| error::outside(address, length, self.0.size()))
    }

    /// 32 bytes that depend on size and contents only.
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let ram = &self.0;
        PyBytes::new(py, &py.detach(|| ram.digest()))
    }
}
