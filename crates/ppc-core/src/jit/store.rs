//! The compiled code of a process: machines that run the same guest code share it.
//!
//! Code is found by a digest of everything it was made from. It depends on no address: not of the machine, whose
//! processor and slots are in registers, and not of the guest's page. When the store is full it starts anew, and so does every
//! machine before it continues: its references would keep all of the old memory, of which it may need little.

use super::{
    arena::Arena,
    budget,
    code::{Fresh, RegionExit},
};
use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
};

/// One piece of executable memory.
const ARENA: usize = 1 << 20;
/// What an entry of the store takes beside its code: key, reference, and the map's free places.
const ENTRY: usize = 2 * (size_of::<[u8; 32]>() + size_of::<Arc<Code>>());
/// How often the store has started anew.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Compiled code of one region.
pub struct Code {
    /// Where each block can be entered: its place in the page, and the code.
    pub entries: Vec<(u32, *const u8)>,
    /// Branches out of the region.
    pub exits: Vec<RegionExit>,
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

impl Code {
    /// Bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.entries) + size_of_val(&*self.exits) + self.len
    }
}

#[derive(Default)]
pub struct Store {
    known: HashMap<[u8; 32], Arc<Code>>,
    arena: Option<Arc<Mutex<Arena>>>,
    /// What all of it takes.
    bytes: usize,
}

static STORE: Mutex<Option<Store>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives the store does not change: for a fork, whose child would otherwise find it locked for ever.
pub struct Held {
    store: MutexGuard<'static, Option<Store>>,
}

impl Held {
    /// In the child: the memory being filled is shared with the parent, which keeps filling it. What is in it
    /// stays as it is and can be executed.
    pub fn start_anew(&mut self) {
        if let Some(store) = &mut *self.store {
            store.seal();
        }
    }
}

/// Locks the store. Code memory is only written with the lock held, so it does not change either.
pub fn hold() -> Held {
    Held { store: lock(&STORE) }
}

impl Store {
    /// Has the next code go to new memory.
    fn seal(&mut self) {
        if let Some(arena) = self.arena.take() {
            lock(&arena).seal();
        }
    }
}

/// A number that changes when the store starts anew.
pub fn generation() -> u64 {
    GENERATION.load(Relaxed)
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
    if store.bytes + fresh.code.len() > budget::of_store() {
        *store = Store::default();
        GENERATION.fetch_add(1, Relaxed);
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
            store.seal();
            store.arena = Some(arena.clone());
            (at, arena)
        }
    };
    let code = Arc::new(Code {
        entries: fresh.entries.iter().map(|&(place, offset)| (place, at.wrapping_add(offset))).collect(),
        exits: fresh.exits,
        start: at,
        len: fresh.code.len(),
        named: AtomicBool::new(false),
        _arena: arena,
    });
    store.bytes += code.bytes() + ENTRY;
    store.known.insert(digest, code.clone());
    Ok(code)
}
