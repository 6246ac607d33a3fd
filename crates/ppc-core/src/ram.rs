//! Guest RAM: one memfd, addressed by real address from 0.
//!
//! Every access is checked against the size here; nothing outside this file holds a pointer into RAM.

use rustix::fs::{MemfdFlags, SeekFrom, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::*};

use crate::tlb::{GRAIN, GRAIN_SHIFT};

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
    grains: Box<[AtomicU8]>,
    code_changed: AtomicBool,
    changed_grains: Mutex<Vec<u64>>,
}

/// Grain flag: written since the mark was last taken.
const DIRTY: u8 = 1;
/// Grain flag: decoded code was made from it.
const CODE: u8 = 2;

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
        let mut grains = Vec::new();
        grains.resize_with(size.div_ceil(GRAIN) as usize, || AtomicU8::new(0));
        Ok(Self {
            base: base.cast(),
            size,
            fd,
            grains: grains.into_boxed_slice(),
            code_changed: AtomicBool::new(false),
            changed_grains: Mutex::new(Vec::new()),
        })
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

    /// Writes in the host's byte order (little-endian), without marks: the caller has seen to them.
    /// `None` outside RAM.
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

impl Ram {
    #[inline(always)]
    fn grain(&self, addr: u64) -> Option<&AtomicU8> {
        self.grains.get((addr >> GRAIN_SHIFT) as usize)
    }

    /// Marks the grain at `addr` written.
    pub fn mark_dirty(&self, addr: u64) {
        if let Some(grain) = self.grain(addr) {
            grain.fetch_or(DIRTY, Relaxed);
        }
    }

    /// Whether the grain at `addr` was written since its mark was taken.
    pub fn is_dirty(&self, addr: u64) -> bool {
        self.grain(addr).is_some_and(|g| g.load(Relaxed) & DIRTY != 0)
    }

    /// Takes and clears the dirty marks: the numbers of the written grains, ascending. Processors must be told
    /// (`Cpu::protect_writes`), so that their next write to each grain marks it again.
    pub fn take_dirty(&self) -> Vec<u64> {
        let taken =
            |(n, g): (usize, &AtomicU8)| (g.fetch_and(!DIRTY, AcqRel) & DIRTY != 0).then_some(n as u64);
        self.grains.iter().enumerate().filter_map(taken).collect()
    }

    /// Marks the grain at `addr` as a source of decoded code; returns whether it was not one before.
    pub fn mark_code(&self, addr: u64) -> bool {
        self.grain(addr).is_some_and(|g| g.fetch_or(CODE, AcqRel) & CODE == 0)
    }

    /// The grain holds no decoded code any more.
    pub fn clear_code(&self, addr: u64) {
        if let Some(grain) = self.grain(addr) {
            grain.fetch_and(!CODE, AcqRel);
        }
    }

    /// Whether decoded code was made from the grain at `addr`.
    #[inline(always)]
    pub fn is_code(&self, addr: u64) -> bool {
        self.grain(addr).is_some_and(|g| g.load(Relaxed) & CODE != 0)
    }

    /// Copies out `buf.len()` bytes at `addr`. `None` outside RAM.
    pub fn read_bytes(&self, addr: u64, buf: &mut [u8]) -> Option<()> {
        if !self.contains(addr, buf.len() as u64) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above); `buf` is ours and cannot overlap guest memory.
        unsafe { std::ptr::copy_nonoverlapping(self.base.add(addr as usize), buf.as_mut_ptr(), buf.len()) };
        Some(())
    }

    /// A device, a hypercall or the host writes `data` at `addr`: marks included. `None` outside RAM.
    pub fn write_bytes(&self, addr: u64, data: &[u8]) -> Option<()> {
        if !self.contains(addr, data.len() as u64) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above); `data` is ours and cannot overlap guest memory.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), self.base.add(addr as usize), data.len()) };
        self.note_write(addr, data.len() as u64);
        Some(())
    }

    /// Zeroes `len` bytes at `addr`, without marks: the caller has seen to them. `None` outside RAM.
    #[inline]
    pub fn zero(&self, addr: u64, len: u64) -> Option<()> {
        if !self.contains(addr, len) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above).
        unsafe { std::ptr::write_bytes(self.base.add(addr as usize), 0, len as usize) };
        Some(())
    }

    /// Fills `len` bytes at `addr`, as [`Ram::write_bytes`] does.
    pub fn fill(&self, addr: u64, len: u64, byte: u8) -> Option<()> {
        if !self.contains(addr, len) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above).
        unsafe { std::ptr::write_bytes(self.base.add(addr as usize), byte, len as usize) };
        self.note_write(addr, len);
        Some(())
    }

    /// Marks `len` bytes at `addr` as written from outside the processors.
    fn note_write(&self, addr: u64, len: u64) {
        if len == 0 {
            return;
        }
        for n in addr >> GRAIN_SHIFT..=(addr + len - 1) >> GRAIN_SHIFT {
            let before = self.grains[n as usize].fetch_or(DIRTY, AcqRel);
            if before & CODE != 0 {
                self.lock_changed().push(n);
                self.code_changed.store(true, Release);
            }
        }
    }

    fn lock_changed(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.changed_grains.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Grain numbers with decoded code that were written from outside the processors since the last call.
    pub fn take_changed_code(&self) -> Vec<u64> {
        if self.code_changed.swap(false, AcqRel) {
            std::mem::take(&mut *self.lock_changed())
        } else {
            Vec::new()
        }
    }

    /// A digest of size and contents. Grains of zeroes cost no more than finding them.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.size.to_le_bytes());
        let mut page = [0u8; GRAIN as usize];
        let mut addr = 0;
        while let Some(data) = self.next_data(addr) {
            let start = data & !(GRAIN - 1);
            let len = GRAIN.min(self.size - start) as usize;
            if self.read_bytes(start, &mut page[..len]).is_some() && page[..len].iter().any(|b| *b != 0) {
                hasher.update(&start.to_le_bytes()).update(&page[..len]);
            }
            addr = start + GRAIN;
        }
        hasher.finalize().into()
    }

    /// The first offset at or after `addr` that the kernel has memory for: untouched RAM is a hole of the memfd.
    fn next_data(&self, addr: u64) -> Option<u64> {
        if addr >= self.size {
            return None;
        }
        match rustix::fs::seek(&self.fd, SeekFrom::Data(addr)) {
            Ok(at) => Some(at),
            Err(Errno::NXIO) => None,
            Err(_) => Some(addr),
        }
    }
}

impl Drop for Ram {
    fn drop(&mut self) {
        // SAFETY: the mapping made by `new`, unmapped once.
        let _ = unsafe { munmap(self.base.cast::<c_void>(), self.size as usize) };
    }
}
