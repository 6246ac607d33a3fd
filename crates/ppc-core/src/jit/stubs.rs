//! Entering and leaving compiled code: machine code that every process needs once.

use super::{arena::Arena, host, perf, runtime::Slot};
use crate::state::Cpu;
use std::sync::LazyLock;

pub type Enter = unsafe extern "C" fn(*mut Cpu, *const Slot, *const u8) -> u32;

/// Code that every process needs once.
pub struct Stubs {
    pub enter: Enter,
    pub next: *const u8,
    pub here: *const u8,
    pub unlinked: *const u8,
    pub trap: *const u8,
    _arena: Arena,
}

// SAFETY: pointers into executable memory that `_arena` keeps and that never changes.
unsafe impl Send for Stubs {}
// SAFETY: as above.
unsafe impl Sync for Stubs {}

/// `None` where the host gives no executable memory.
pub static STUBS: LazyLock<Option<Stubs>> = LazyLock::new(|| Stubs::new().ok());

impl Stubs {
    fn new() -> std::io::Result<Self> {
        let stubs = host::stubs()?;
        let mut arena = Arena::new(4096)?;
        let base =
            arena.add(&stubs.code).ok_or_else(|| std::io::Error::other("no room for a page of code"))?;
        perf::name(base, stubs.code.len(), || "pyspapr_stubs".to_owned());
        Ok(Self {
            // SAFETY: this is the start of a function with this signature: the code above.
            enter: unsafe { std::mem::transmute::<*const u8, Enter>(base.wrapping_add(stubs.enter)) },
            next: base.wrapping_add(stubs.next),
            here: base.wrapping_add(stubs.here),
            unlinked: base.wrapping_add(stubs.unlinked),
            trap: base.wrapping_add(stubs.trap),
            _arena: arena,
        })
    }
}
