//! `os.fork()`: the child's machines are copies, and nothing that machines share is left locked in it.
//!
//! Python calls the hooks on the thread that forks, which has the GIL. Whatever cannot be copied whole is lost in the child,
//! and every use of it there is a StateError: RAM that the host gave no memory to make private, and what another thread was
//! using without the GIL at that moment, since its locks stay locked for ever and its work half done.
//!
//! Must hold: RAM and hash tables are reached through a [`Presence`] only, and work on them that goes on without the GIL is
//! done within [`Presence::detach`] or between [`Presence::enter`] and the end of what it returns.

use crate::error::{self, Result};
use ppc_core::{jit, ram::Ram as Core};
use pyo3::{prelude::*, types::PyDict};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

/// Why something is not here.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Lost {
    /// It would have been shared with the parent.
    NotCopied = 1,
    /// A thread that the child does not have was at work on it.
    InUse = 2,
}

/// Whether RAM, a hash table or a processor is here: a child of `fork` may have lost it.
pub struct Presence {
    /// Uses that run without the GIL.
    users: AtomicUsize,
    /// 0, or a [`Lost`].
    lost: AtomicU8,
}

/// A use that runs without the GIL, by the thread that began it.
pub struct Use<'a>(&'a Presence);

/// The objects that the hooks must handle.
struct Known {
    presences: Vec<Weak<Presence>>,
    /// Length of `presences` at which those that are gone are removed.
    prune_at: usize,
    /// RAM that a child would share with us.
    shared: Vec<(Weak<Core>, Arc<Presence>)>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known { presences: Vec::new(), prune_at: 64, shared: Vec::new() });

struct Held {
    known: MutexGuard<'static, Known>,
    jit: jit::HeldForFork,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
    /// Objects that this thread is using: they survive in a child that it forks.
    static MINE: RefCell<Vec<*const Presence>> = const { RefCell::new(Vec::new()) };
}

fn known() -> MutexGuard<'static, Known> {
    // Held for moments by threads that have the GIL, and through a fork.
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`known`], for who may have the GIL: a thread that forks holds the list and needs the GIL to go on, since Python calls
/// other hooks between ours and the fork.
fn known_without_gil() -> MutexGuard<'static, Known> {
    loop {
        match KNOWN.try_lock() {
            Ok(known) => return known,
            Err(TryLockError::Poisoned(error)) => return error.into_inner(),
            Err(TryLockError::WouldBlock) => Python::attach(|py| py.detach(|| drop(known()))),
        }
    }
}

impl Presence {
    /// Of something new.
    pub fn new() -> Arc<Self> {
        let new = Arc::new(Self { users: AtomicUsize::new(0), lost: AtomicU8::new(0) });
        let mut known = known_without_gil();
        if known.presences.len() >= known.prune_at {
            known.presences.retain(|presence| presence.strong_count() > 0);
            known.prune_at = (2 * known.presences.len()).max(64);
        }
        known.presences.push(Arc::downgrade(&new));
        new
    }

    /// Of new RAM that a child must not write.
    pub fn of_shared(ram: &Arc<Core>) -> Arc<Self> {
        let new = Self::new();
        let mut known = known_without_gil();
        known.shared.retain(|(ram, _)| ram.strong_count() > 0);
        known.shared.push((Arc::downgrade(ram), new.clone()));
        new
    }

    /// Raises StateError if it is not here.
    #[inline]
    pub fn check(&self) -> Result<()> {
        match self.lost.load(Relaxed) {
            0 => Ok(()),
            why if why == Lost::InUse as u8 => Err(error::IN_USE),
            _ => Err(error::NOT_COPIED),
        }
    }

    /// Begins a use. Raises StateError if it is not here.
    pub fn enter(&self) -> Result<Use<'_>> {
        self.check()?;
        self.users.fetch_add(1, Relaxed);
        MINE.with_borrow_mut(|mine| mine.push(self));
        Ok(Use(self))
    }

    /// The result of `function`, which runs without the GIL. Raises StateError if it is not here.
    pub fn detach<T: Send>(&self, py: Python<'_>, function: impl FnOnce() -> T + Send) -> Result<T> {
        let _use = self.enter()?;
        Ok(py.detach(function))
    }

    /// In the child: the object is present unless another thread was using it.
    fn after_fork(&self) {
        let mine = MINE.with_borrow(|mine| mine.iter().filter(|p| std::ptr::eq(**p, self)).count());
        if self.users.swap(mine, Relaxed) > mine {
            self.lost.store(Lost::InUse as u8, Relaxed);
        }
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Relaxed);
        MINE.with_borrow_mut(|mine| {
            if let Some(at) = mine.iter().rposition(|p| std::ptr::eq(*p, self.0)) {
                mine.remove(at);
            }
        });
    }
}

#[pyfunction]
fn before_fork() {
    // Python may let other threads run before the fork: a thread that makes RAM then waits for the list without the
    // GIL, and no holder of one of the other locks waits for it.
    let mut known = known();
    // The host may have no memory to make RAM private: then the child does not get the mapping, and the next fork tries again.
    known.shared.retain(|(ram, _)| ram.upgrade().is_some_and(|ram| ram.keep_to_this_process().is_err()));
    HELD.with_borrow_mut(|held| *held = Some(Held { known, jit: jit::hold_for_fork() }));
}

#[pyfunction]
fn after_fork_in_parent() {
    HELD.with_borrow_mut(|held| *held = None);
}

#[pyfunction]
fn after_fork_in_child() {
    let Some(mut held) = HELD.with_borrow_mut(Option::take) else { return };
    for (ram, presence) in held.known.shared.drain(..) {
        presence.lost.store(Lost::NotCopied as u8, Relaxed);
        if let Some(ram) = ram.upgrade() {
            ram.lose_mapping();
        }
    }
    for presence in held.known.presences.iter().filter_map(Weak::upgrade) {
        presence.after_fork();
    }
    held.jit.start_anew();
}

/// Has Python call the above.
pub fn watch(py: Python<'_>) -> PyResult<()> {
    let hooks = PyDict::new(py);
    hooks.set_item("before", wrap_pyfunction!(before_fork, py)?)?;
    hooks.set_item("after_in_parent", wrap_pyfunction!(after_fork_in_parent, py)?)?;
    hooks.set_item("after_in_child", wrap_pyfunction!(after_fork_in_child, py)?)?;
    py.import("os")?.call_method("register_at_fork", (), Some(&hooks))?;
    Ok(())
}
