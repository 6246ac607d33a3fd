//! How much memory code may take: in proportion to the guest's RAM, whatever the guest does.
//!
//! Everything held counts, bookkeeping included, but not the overhead of allocators. A machine that exceeds its share
//! drops all code of a kind and makes again what it needs; so does the store, which may hold as much as all machines
//! together.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// RAM per byte of a share.
const OF_RAM: u64 = 4;
/// The share of the smallest guests: a kernel's boot fits.
const LEAST: u64 = 16 << 20;
/// No guest that is known needs as much.
const MOST: u64 = 96 << 20;

/// Bytes of decoded code that a machine with so much RAM may hold, and of compiled code, each.
pub const fn share(ram: u64) -> usize {
    let share = ram / OF_RAM;
    (if share < LEAST {
        LEAST
    } else if share > MOST {
        MOST
    } else {
        share
    }) as usize
}

/// The limit for all machines of this process together.
static ALL: AtomicUsize = AtomicUsize::new(0);

/// A machine's share of compiled code while the machine lives.
pub struct Share(usize);

impl Share {
    /// The share of a machine with so much RAM.
    pub fn new(ram: u64) -> Self {
        let bytes = share(ram);
        ALL.fetch_add(bytes, Relaxed);
        Self(bytes)
    }

    /// Bytes.
    pub fn bytes(&self) -> usize {
        self.0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        ALL.fetch_sub(self.0, Relaxed);
    }
}

/// Bytes that the store may hold.
pub fn of_store() -> usize {
    ALL.load(Relaxed)
}
