//! Guest RAM: one memfd, addressed by real address from 0.
//!
//! Every access is checked against the size here; nothing outside this file holds a pointer into RAM.

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::os::fd::OwnedFd;

/// An integer that can be read from and written to guest memory.
pub trait MemInt: Copy + Default {
    /// Size in bytes.
    const SIZE: u64;
    /// Reverses the bytes.
    fn swap(self) -> Self;
    /// Zero-extends.
    fn to_u128(self) -> u128;
    /// Truncates.
    fn from_u128(value: u128) -> Self;
}

macro_rules! mem_int {
    ($($t:ty),*) => { $(
        impl MemInt for $t {
            const SIZE: u64 = size_of::<$t>() as u64;
            #[inline(always)]
            fn swap(self) -> Self { self.swap_bytes() }
            #[inline(always)]
            fn to_u128(self) -> u128 { self as u128 }
            #[inline(always)]
            fn from_u128(value: u128) -> Self { value as $t }
        }
    )* };
}
mem_int!(u8, u16, u32, u64, u128);

/// Guest RAM.
pub struct Ram {
    base: *mut u8,
    size: u64,
    fd: OwnedFd,
}

// SAFETY: `base` points to a mapping that lives as long as the `Ram`; accesses are plain loads and stores of
// memory that Rust never references, which is what a guest's processors do to it as well.
unsafe impl Send for Ram {}
// SAFETY: as above.
unsafe impl Sync for Ram {}

impl Ram {
    /// Zeroed RAM of `size` bytes.
    pub fn new(size: u64) -> std::io::Result<Self> {
        let fd = memfd_create("pyspapr-ram", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, size)?;
        // SAFETY: a fresh mapping of a file that we own, at an address of the kernel's choice.
        let base = unsafe {
            mmap(
                std::ptr::null_mut(),
                size as usize,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &fd,
                0,
            )
        }?;
        Ok(Self { base: base.cast(), size, fd })
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The memfd behind it.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Whether `len` bytes at `addr` lie inside.
    #[inline(always)]
    pub fn contains(&self, addr: u64, len: u64) -> bool {
        addr.checked_add(len).is_some_and(|end| end <= self.size)
    }

    /// Reads in the host's byte order (little-endian). `None` outside RAM.
    #[inline(always)]
    pub fn read<T: MemInt>(&self, addr: u64) -> Option<T> {
        if !self.contains(addr, T::SIZE) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above); any bit pattern is a valid integer.
        Some(unsafe { self.base.add(addr as usize).cast::<T>().read_unaligned() })
    }

    /// Writes in the host's byte order (little-endian). `None` outside RAM.
    #[inline(always)]
    pub fn write<T: MemInt>(&self, addr: u64, value: T) -> Option<()> {
        if !self.contains(addr, T::SIZE) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above).
        unsafe { self.base.add(addr as usize).cast::<T>().write_unaligned(value) };
        Some(())
    }
}

impl Drop for Ram {
    fn drop(&mut self) {
        // SAFETY: the mapping made by `new`, unmapped once.
        let _ = unsafe { munmap(self.base.cast::<c_void>(), self.size as usize) };
    }
}
