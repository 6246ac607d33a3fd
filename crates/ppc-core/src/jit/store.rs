//! The compiled code of a process: machines that run the same guest code share it.
//!
//! Code is found by a digest of everything it was made from. It depends on no address: not of the machine, whose
//! processor and slots are in registers, and not of the guest's page. When the store is full it starts anew; old code
//! lives as long as a machine still has it.

use super::{
    arena::Arena,
    code::{Exit, Fresh},
};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

/// One piece of executable memory.
const ARENA: usize = 4 << 20;
/// The store starts anew when it holds more than this.
const LARGEST: usize = 96 << 20;

/// Compiled code of one region.
pub struct Code {
    /// Where each block can be entered: its place in the page, and the code.
    pub entries: Vec<(u32, *const u8)>,
    /// Branches out of the region.
    pub exits: Vec<Exit>,
    /// The machine code.
    pub start: *const u8,
    /// Its bytes.
    pub len: usize,
    /// Whether it has a name in the map for `perf`: that of the first place that it was compiled for.
    pub named: AtomicBool,
    /// Keeps the memory.
    _arena: Arc<Mutex<Arena>>,
}

// SAFETY: the pointers are into executable memory that is never changed and that `_arena` keeps.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

#[derive(Default)]
pub struct Store {
    known: HashMap<[u8; 32], Arc<Code>>,
    arena: Option<Arc<Mutex<Arena>>>,
    bytes: usize,
}

static STORE: Mutex<Option<Store>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives nobody changes the store: for a fork, whose child would find it locked for ever otherwise.
pub struct Held {
    store: MutexGuard<'static, Option<Store>>,
}

impl Held {
    /// In the child: the memory that is being filled is shared with the parent, which goes on filling it. What is in it
    /// stays as it is and can be executed.
    pub fn start_anew(&mut self) {
        if let Some(store) = &mut *self.store {
            store.arena = None;
        }
    }
}

/// Waits until nobody changes the store. Memory for code is filled by who has it, so that stands still as well.
pub fn hold() -> Held {
    Held { store: lock(&STORE) }
}

/// The code with this digest.
pub fn find(digest: &[u8; 32]) -> Option<Arc<Code>> {
    lock(&STORE).as_ref()?.known.get(digest).cloned()
}

/// Adds code.
///
/// # Errors
/// When the host gives no executable memory.
pub fn add(digest: [u8; 32], fresh: Fresh) -> io::Result<Arc<Code>> {
    let mut guard = lock(&STORE);
    let store = guard.get_or_insert_default();
    if store.bytes + fresh.code.len() > LARGEST {
        *store = Store::default();
    }
    let mut place = None;
    if let Some(arena) = &store.arena {
        place = lock(arena).add(&fresh.code).map(|at| (at, arena.clone()));
    }
    let (at, arena) = match place {
        Some(place) => place,
        None => {
            let mut arena = Arena::new(ARENA.max(fresh.code.len().next_multiple_of(ARENA)))?;
            let at = arena.add(&fresh.code).ok_or_else(|| io::Error::other("code larger than its memory"))?;
            let arena = Arc::new(Mutex::new(arena));
            store.arena = Some(arena.clone());
            (at, arena)
        }
    };
    store.bytes += fresh.code.len();
    let code = Arc::new(Code {
        entries: fresh.entries.iter().map(|&(place, offset)| (place, at.wrapping_add(offset))).collect(),
        exits: fresh.exits,
        start: at,
        len: fresh.code.len(),
        named: AtomicBool::new(false),
        _arena: arena,
    });
    store.known.insert(digest, code.clone());
    Ok(code)
}
