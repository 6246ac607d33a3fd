//! `os.fork()`: the child's machines are copies, and nothing that machines share is left locked in it.
//!
//! Python calls these on the thread that forks. A machine that another thread runs, saves or migrates just then is of no
//! use in the child, as is true of whatever other threads hold.

use crate::ram::Ram;
use ppc_core::{jit, ram::Ram as Core};
use pyo3::{prelude::*, types::PyDict};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// RAM that a child would share with us.
static SHARED: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

struct Held {
    _shared: MutexGuard<'static, Vec<Weak<Core>>>,
    _jit: jit::HeldForFork,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

fn shared() -> MutexGuard<'static, Vec<Weak<Core>>> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// RAM that a child of this process must not write.
pub fn register(ram: Core) -> Ram {
    let ram = Arc::new(ram);
    let mut all = shared();
    all.retain(|ram| ram.strong_count() > 0);
    all.push(Arc::downgrade(&ram));
    Ram(ram)
}

#[pyfunction]
fn before_fork() -> PyResult<()> {
    // Python stays ours: who makes RAM has it and waits for the list, and nobody who has one of the others waits for it.
    let mut all = shared();
    for ram in all.drain(..).filter_map(|ram| ram.upgrade()) {
        ram.keep_to_this_process()?;
    }
    HELD.with_borrow_mut(|held| *held = Some(Held { _shared: all, _jit: jit::hold_for_fork() }));
    Ok(())
}

#[pyfunction]
fn after_fork() {
    HELD.with_borrow_mut(|held| *held = None);
}

/// Has Python call the above.
pub fn watch(py: Python<'_>) -> PyResult<()> {
    let hooks = PyDict::new(py);
    hooks.set_item("before", wrap_pyfunction!(before_fork, py)?)?;
    let after = wrap_pyfunction!(after_fork, py)?;
    hooks.set_item("after_in_parent", &after)?;
    hooks.set_item("after_in_child", &after)?;
    py.import("os")?.call_method("register_at_fork", (), Some(&hooks))?;
    Ok(())
}
