//! `pyspapr._native`: Python's view of `partition`, `ppc-core` and `hpt`. Conversions only: everything that a guest
//! can observe is in the crates below.

use ppc_core::watch::Kind;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::atomic::{AtomicUsize, Ordering};

mod constants;
mod error;
mod exit;
mod fork;
mod gdb;
mod hpt;
mod memory;
mod options;
mod profile;
mod ram;
mod stream;
mod unpack;
mod vcpu;

/// The processor models: name to PVR, instruction set level, SLB size, decrementer width and watchpoints.
#[pyfunction]
fn models(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let all = PyDict::new(py);
    for model in ppc_core::model::MODELS {
        let one = PyDict::new(py);
        one.set_item("pvr", model.pvr)?;
        one.set_item("isa", format!("{:?}", model.isa).trim_start_matches('V').replace('_', "."))?;
        one.set_item("slb_size", model.slb_size)?;
        one.set_item("decrementer_bits", model.decrementer_bits)?;
        one.set_item("watchpoints", model.watchpoints)?;
        all.set_item(model.name, one)?;
    }
    Ok(all)
}

/// The disassembly of one instruction, a word or a prefix above its suffix, as a processor of the newest model decodes it
/// that has it.
#[pyfunction]
#[pyo3(signature = (word, address = 0))]
fn disassemble(word: u64, address: u64) -> String {
    ppc_core::insn::disas::by_newest(ppc_core::fields::Word(word), address)
}

/// Bytes of memory that decoded code of a machine with `ram` bytes of RAM may take, and as many that compiled code may.
#[pyfunction]
fn code_share(ram: u64) -> usize {
    ppc_core::engine::code_share(ram)
}

/// Where the `builtins` of the interpreter are that has loaded this module; 0 before.
static INTERPRETER: AtomicUsize = AtomicUsize::new(0);

/// Refuses to be loaded by a second interpreter: it would get the first one's classes. From 3.12 on Python does so itself.
fn claim(py: Python<'_>) -> PyResult<()> {
    let mine = py.import("builtins")?.as_ptr().addr();
    match INTERPRETER.compare_exchange(0, mine, Ordering::SeqCst, Ordering::SeqCst) {
        Err(other) if other != mine => {
            Err(PyImportError::new_err("pyspapr is loaded by another interpreter of this process"))
        }
        _ => Ok(()),
    }
}

/// The compiled half of pyspapr.
#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    claim(m.py())?;
    fork::watch(m.py())?;
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    constants::add(m)?;
    exit::add(m)?;
    m.add("WATCH_READ", Kind::Read as u8)?;
    m.add("WATCH_WRITE", Kind::Write as u8)?;
    m.add("WATCH_EXECUTE", Kind::Execute as u8)?;
    m.add_function(wrap_pyfunction!(models, m)?)?;
    m.add_function(wrap_pyfunction!(code_share, m)?)?;
    m.add_function(wrap_pyfunction!(disassemble, m)?)?;
    m.add_function(wrap_pyfunction!(stream::hpt_chunk_entries, m)?)?;
    m.add_function(wrap_pyfunction!(stream::ram_chunk_pages, m)?)?;
    m.add_function(wrap_pyfunction!(stream::ram_chunk_data, m)?)?;
    m.add_class::<ram::Ram>()?;
    m.add_class::<hpt::Hpt>()?;
    m.add_class::<stream::Marks>()?;
    m.add_class::<stream::Start>()?;
    m.add_class::<stream::RamPass>()?;
    m.add_class::<stream::RamImage>()?;
    m.add_class::<stream::RamSnapshot>()?;
    m.add_class::<stream::HptPass>()?;
    m.add_class::<hpt::HptSnapshot>()?;
    m.add_class::<unpack::ZstdDecompressor>()?;
    m.add_class::<vcpu::Vcpu>()?;
    m.add_class::<vcpu::VcpuState>()?;
    m.add_class::<gdb::GdbSession>()?;
    Ok(())
}
