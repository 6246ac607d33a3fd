//! Zeroed words that cost host memory only where they were written.
//!
//! Enters: a number of words. Leaves: a slice of atomics. Must hold: the mapping lives as long as the slice.

use crate::error::NoMemory;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// A private anonymous mapping without a reservation of swap: reading an untouched page maps the host's zero page.
pub struct LazyWords {
    base: NonNull<AtomicU64>,
    len: usize,
}

// SAFETY: the mapping belongs to this object alone and is reached only as `&[AtomicU64]`, which is `Send + Sync`.
unsafe impl Send for LazyWords {}
// SAFETY: as above.
unsafe impl Sync for LazyWords {}

impl LazyWords {
    /// `len` zeroed words, at least one.
    ///
    /// # Errors
    /// [`NoMemory`] when the host has no address space for them.
    pub fn new(len: u64) -> Result<Self, NoMemory> {
        let bytes = len.saturating_mul(8);
        let refused = |source| NoMemory { bytes, source };
        if len == 0 || bytes > isize::MAX as u64 {
            return Err(refused(std::io::ErrorKind::OutOfMemory.into()));
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other.
        let base = unsafe {
            mmap_anonymous(std::ptr::null_mut(), bytes as usize, ProtFlags::READ | ProtFlags::WRITE, flags)
        }
        .map_err(|errno| refused(errno.into()))?;
        let base =
            NonNull::new(base.cast()).ok_or_else(|| refused(std::io::ErrorKind::OutOfMemory.into()))?;
        Ok(Self { base, len: len as usize })
    }
}

impl Deref for LazyWords {
    type Target = [AtomicU64];

    #[inline(always)]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `base` is page-aligned, `len` words long, zeroed by the kernel (any bit pattern is a valid word)
        // and mapped until `drop`.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }
}

impl Drop for LazyWords {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made by `new`, to which no reference outlives `self`. A failure only leaks.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.len * 8) };
    }
}
