//! Zeroed words that cost host memory only where they were written.
//!
//! Enters: a number of words. Leaves: a slice of atomics. Must hold: the mapping lives as long as the slice.
//!
//! [`FrozenWords`] are what copies begin with: each copy shares the host's pages with them until it writes.

use crate::error::NoMemory;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// A private mapping without a reservation of swap. Of an anonymous one reading an untouched page maps the host's zero page.
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

    /// `len` words that begin as those of `frozen` from word `from` on, a multiple of a page's, and are copied when they
    /// are written.
    ///
    /// # Errors
    /// [`NoMemory`] when the host has no address space for them, or `frozen` has no such words.
    pub fn copy_of(frozen: &FrozenWords, from: u64, len: u64) -> Result<Self, NoMemory> {
        let bytes = len.saturating_mul(8);
        let refused = |source| NoMemory { bytes, source };
        let inside = from.checked_add(len).is_some_and(|end| end <= frozen.view.len as u64);
        if len == 0 || !inside {
            return Err(refused(std::io::ErrorKind::InvalidInput.into()));
        }
        let (protection, flags) =
            (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other.
        let base =
            unsafe { mmap(std::ptr::null_mut(), bytes as usize, protection, flags, &frozen.fd, from * 8) }
                .map_err(|errno| refused(errno.into()))?;
        let base =
            NonNull::new(base.cast()).ok_or_else(|| refused(std::io::ErrorKind::OutOfMemory.into()))?;
        Ok(Self { base, len: len as usize })
    }
}

/// Words that do not change any more.
pub struct FrozenWords {
    fd: OwnedFd,
    view: LazyWords,
}

impl FrozenWords {
    /// `len` words, zero where `write` leaves them so.
    ///
    /// # Errors
    /// [`NoMemory`] when the host has no descriptor or no address space for them.
    pub fn new(len: u64, write: impl FnOnce(&[AtomicU64])) -> Result<Self, NoMemory> {
        let bytes = len.saturating_mul(8);
        let refused = |source| NoMemory { bytes, source };
        if len == 0 || bytes > isize::MAX as u64 {
            return Err(refused(std::io::ErrorKind::OutOfMemory.into()));
        }
        let fd = memfd_create("pyspapr-frozen", MemfdFlags::CLOEXEC).map_err(|e| refused(e.into()))?;
        ftruncate(&fd, bytes).map_err(|e| refused(e.into()))?;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other. It is written here alone.
        let base = unsafe {
            mmap(
                std::ptr::null_mut(),
                bytes as usize,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &fd,
                0,
            )
        }
        .map_err(|errno| refused(errno.into()))?;
        let base =
            NonNull::new(base.cast()).ok_or_else(|| refused(std::io::ErrorKind::OutOfMemory.into()))?;
        let view = LazyWords { base, len: len as usize };
        write(&view);
        Ok(Self { fd, view })
    }
}

impl Deref for FrozenWords {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        &self.view
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn copies_share_frozen_words_and_go_their_own_ways() -> Result<(), NoMemory> {
        let frozen = FrozenWords::new(2048, |words| words[600].store(7, Relaxed))?;
        let (one, other) = (LazyWords::copy_of(&frozen, 512, 512)?, LazyWords::copy_of(&frozen, 512, 512)?);
        one[88].store(8, Relaxed);
        assert_eq!([&one[88], &other[88], &frozen[600]].map(|word| word.load(Relaxed)), [8, 7, 7]);
        assert_eq!(LazyWords::copy_of(&frozen, 512, 512)?[88].load(Relaxed), 7);
        for (from, len) in [(0, 0), (0, 2049), (2048, 1), (u64::MAX, 2)] {
            assert!(LazyWords::copy_of(&frozen, from, len).is_err(), "{len} from {from}");
        }
        Ok(())
    }
}
