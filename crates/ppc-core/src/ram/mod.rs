//! Guest RAM: one mapping, addressed by real address from 0.
//!
//! Every access is checked against the size here. Nothing outside this file holds a pointer into RAM, except that the
//! entries of a processor's TLB, filled from checked addresses, hold host addresses for compiled code.
//!
//! | file | idea |
//! |---|---|
//! | `dirty` | which pages were written, by purpose |
//! | `passes` | a walk that sends what was written |
//! | `chunk` | the bytes it sends |
//! | `cow` | RAM from files and snapshots, copied when written |
//! | `image` | a pass into a file that is mapped later |
//! | `digest` | a digest of the contents |

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex};

mod chunk;
mod cow;
mod digest;
mod dirty;
mod image;
mod passes;

pub use chunk::{Chunk, MAX_CHUNK_PAGES, parse_index};
pub use cow::Snapshot;
pub use digest::Digest;
pub use image::Image;
pub use passes::RamPass;

use dirty::DirtyMap;
use track::LazyWords;

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

/// log2 of [`PAGE`].
pub const PAGE_SHIFT: u32 = 12;
/// Bytes of a page of RAM: the unit of dirty marks, of chunks and of the TLB, whatever page sizes the guest uses.
pub const PAGE: u64 = 1 << PAGE_SHIFT;

pub use hpt::RealAddr;

/// An address of this process where guest RAM may be mapped. Compiled code and TLB entries hold sums with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct HostAddr(pub u64);

impl HostAddr {
    /// What has to be added to the effective address `ea` to get here.
    #[inline(always)]
    #[must_use]
    pub fn delta_from(self, ea: u64) -> u64 {
        self.0.wrapping_sub(ea)
    }
}

/// Guest RAM.
pub struct Ram {
    base: *mut u8,
    size: u64,
    /// What the mapping is backed by.
    backing: Mutex<Backing>,
    marks: DirtyMap,
    /// The snapshot that `marks.since` compares with; 0: none.
    origin: AtomicU64,
    /// A bit for each page: decoded code was made from it.
    code: LazyWords,
    code_changed: AtomicBool,
    changed_pages: Mutex<Vec<u64>>,
    /// This process has no mapping: see [`Ram::lose_mapping`].
    lost: AtomicBool,
}

/// What a mapping of RAM is backed by.
enum Backing {
    /// A memfd of its own, written in place.
    Own(Arc<OwnedFd>),
    /// Pages of a file or of a snapshot, copied when they are written.
    CopyOnWrite,
}

// SAFETY: `base` points to a mapping that lives as long as the `Ram`; accesses are plain loads and stores of
// memory that Rust never references, which is what a guest's processors do to it as well.
unsafe impl Send for Ram {}
// SAFETY: as above.
unsafe impl Sync for Ram {}

impl Ram {
    /// Zeroed RAM of `size` bytes.
    ///
    /// # Errors
    /// What the host says when it has no memory or address space.
    pub fn new(size: u64) -> std::io::Result<Self> {
        let fd = memfd_create("pyspapr-ram", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, size)?;
        let base = map(&fd, 0, size, MapFlags::SHARED)?;
        let ram = Self::with(base, size, Backing::Own(Arc::new(fd)))?;
        // A child must never write what we share: it gets nothing at all until `keep_to_this_process` replaces the mapping.
        // SAFETY: the mapping made above; this changes nothing of it in this process.
        unsafe { madvise(base.cast(), size as usize, Advice::LinuxDontFork) }?;
        Ok(ram)
    }

    /// RAM whose bytes are those of `fd` from `offset` on, copied when they are written; nothing is marked yet.
    ///
    /// `fd` must hold that many bytes as long as the `Ram` lives.
    fn copy_on_write(fd: &OwnedFd, offset: u64, size: u64) -> std::io::Result<Self> {
        let base = map(fd, offset, size, MapFlags::PRIVATE | MapFlags::NORESERVE)?;
        Self::with(base, size, Backing::CopyOnWrite)
    }

    /// Takes over a mapping of `size` bytes.
    fn with(base: *mut u8, size: u64, backing: Backing) -> std::io::Result<Self> {
        let pages = size.div_ceil(PAGE);
        let sets =
            DirtyMap::new(pages).and_then(|marks| Ok((marks, LazyWords::new(pages.div_ceil(64).max(1))?)));
        let (marks, code) = match sets {
            Ok(sets) => sets,
            Err(error) => {
                // SAFETY: the mapping that is taken over, which has no other user.
                let _ = unsafe { munmap(base.cast(), size as usize) };
                return Err(std::io::Error::other(error));
            }
        };
        Ok(Self {
            base,
            size,
            backing: Mutex::new(backing),
            marks,
            origin: AtomicU64::new(0),
            code,
            code_changed: AtomicBool::new(false),
            changed_pages: Mutex::new(Vec::new()),
            lost: AtomicBool::new(false),
        })
    }

    /// Replaces the mapping by a copy-on-write one of `fd`, which has the same contents; pointers stay right.
    fn remap(&self, fd: &OwnedFd) -> std::io::Result<()> {
        // SAFETY: replaces exactly the mapping that this object owns, in one step, by one of the same length and
        // the same contents.
        unsafe {
            mmap(
                self.base.cast(),
                self.size as usize,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
                fd,
                0,
            )
        }?;
        Ok(())
    }

    /// In a child of `fork` that has not got the mapping, because [`Ram::keep_to_this_process`] failed: what lies at its
    /// addresses by now is not ours to unmap. This RAM must not be read, written or run any more.
    pub fn lose_mapping(&self) {
        self.lost.store(true, Relaxed);
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Number of pages of 4 KiB.
    pub fn pages(&self) -> u64 {
        self.size.div_ceil(PAGE)
    }

    /// Whether `len` bytes at `addr` lie inside.
    #[inline(always)]
    pub fn contains(&self, addr: RealAddr, len: u64) -> bool {
        addr.0.checked_add(len).is_some_and(|end| end <= self.size)
    }

    /// The host address of `addr`.
    #[inline(always)]
    pub fn host_address(&self, addr: RealAddr) -> HostAddr {
        HostAddr((self.base.addr() as u64).wrapping_add(addr.0))
    }

    /// The real address of what [`Ram::host_address`] gave.
    #[inline(always)]
    pub fn real_address(&self, host: HostAddr) -> RealAddr {
        RealAddr(host.0.wrapping_sub(self.base.addr() as u64))
    }

    /// Reads in the host's byte order (little-endian). `None` outside RAM.
    #[inline(always)]
    pub fn read<T: MemInt>(&self, addr: RealAddr) -> Option<T> {
        if !self.contains(addr, T::SIZE) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above); any bit pattern is a valid integer.
        Some(unsafe { self.base.add(addr.0 as usize).cast::<T>().read_unaligned() })
    }

    /// Writes in the host's byte order (little-endian), without marks: the caller has seen to them.
    /// `None` outside RAM.
    #[inline(always)]
    pub fn write<T: MemInt>(&self, addr: RealAddr, value: T) -> Option<()> {
        if !self.contains(addr, T::SIZE) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above).
        unsafe { self.base.add(addr.0 as usize).cast::<T>().write_unaligned(value) };
        Some(())
    }
}

impl Ram {
    #[inline(always)]
    fn code(&self, addr: RealAddr) -> Option<(&AtomicU64, u64)> {
        let page = addr.0 >> PAGE_SHIFT;
        Some((self.code.get((page >> 6) as usize)?, 1 << (page & 63)))
    }

    /// Marks the page at `addr` as a source of decoded code; returns whether it was not one before.
    pub fn mark_code(&self, addr: RealAddr) -> bool {
        self.code(addr).is_some_and(|(word, bit)| word.fetch_or(bit, AcqRel) & bit == 0)
    }

    /// The page holds no decoded code any more.
    pub fn clear_code(&self, addr: RealAddr) {
        if let Some((word, bit)) = self.code(addr) {
            word.fetch_and(!bit, Release);
        }
    }

    /// Whether decoded code was made from the page at `addr`.
    #[inline(always)]
    pub fn is_code(&self, addr: RealAddr) -> bool {
        self.code(addr).is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
    }

    /// Copies out `buf.len()` bytes at `addr`. `None` outside RAM.
    pub fn read_bytes(&self, addr: RealAddr, buf: &mut [u8]) -> Option<()> {
        if !self.contains(addr, buf.len() as u64) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above); `buf` is ours and cannot overlap guest memory.
        unsafe { std::ptr::copy_nonoverlapping(self.base.add(addr.0 as usize), buf.as_mut_ptr(), buf.len()) };
        Some(())
    }

    /// A device, a hypercall or the host writes `data` at `addr`: marks included. `None` outside RAM.
    pub fn write_bytes(&self, addr: RealAddr, data: &[u8]) -> Option<()> {
        self.put(addr, data)?;
        self.note_write(addr, data.len() as u64);
        Some(())
    }

    /// Copies `data` to `addr`, without marks: the caller has seen to them. `None` outside RAM.
    pub fn put(&self, addr: RealAddr, data: &[u8]) -> Option<()> {
        if !self.contains(addr, data.len() as u64) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above); `data` is ours and cannot overlap guest memory.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), self.base.add(addr.0 as usize), data.len()) };
        Some(())
    }

    /// Zeroes `len` bytes at `addr`, without marks: the caller has seen to them. `None` outside RAM.
    #[inline]
    pub fn zero(&self, addr: RealAddr, len: u64) -> Option<()> {
        if !self.contains(addr, len) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above).
        unsafe { std::ptr::write_bytes(self.base.add(addr.0 as usize), 0, len as usize) };
        Some(())
    }

    /// Fills `len` bytes at `addr`, as [`Ram::write_bytes`] does.
    pub fn fill(&self, addr: RealAddr, len: u64, byte: u8) -> Option<()> {
        if !self.contains(addr, len) {
            return None;
        }
        // SAFETY: in bounds of the mapping (checked above).
        unsafe { std::ptr::write_bytes(self.base.add(addr.0 as usize), byte, len as usize) };
        self.note_write(addr, len);
        Some(())
    }

    /// Marks `len` bytes at `addr` as written from outside the processors.
    fn note_write(&self, addr: RealAddr, len: u64) {
        if len == 0 {
            return;
        }
        let range = addr.0 >> PAGE_SHIFT..((addr.0 + len - 1) >> PAGE_SHIFT) + 1;
        // After the bytes, so that a pass that took the marks before them finds the new ones.
        self.marks.set_range(range.clone());
        for n in range {
            if self.code[(n >> 6) as usize].load(Acquire) >> (n & 63) & 1 != 0 {
                self.lock_changed().push(n);
                self.code_changed.store(true, Release);
            }
        }
    }

    fn lock_changed(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.changed_pages.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Page numbers with decoded code that were written from outside the processors since the last call.
    pub fn take_changed_code(&self) -> Vec<u64> {
        if self.code_changed.swap(false, AcqRel) {
            std::mem::take(&mut *self.lock_changed())
        } else {
            Vec::new()
        }
    }
}

/// Maps `size` bytes of `fd` at an address of the kernel's choice.
fn map(fd: &OwnedFd, offset: u64, size: u64, flags: MapFlags) -> std::io::Result<*mut u8> {
    // SAFETY: a new mapping at an address of the kernel's choice disturbs no other.
    let base = unsafe {
        mmap(std::ptr::null_mut(), size as usize, ProtFlags::READ | ProtFlags::WRITE, flags, fd, offset)
    }?;
    Ok(base.cast())
}

impl Drop for Ram {
    fn drop(&mut self) {
        if *self.lost.get_mut() {
            return;
        }
        // SAFETY: the mapping made by `new`, unmapped once.
        let _ = unsafe { munmap(self.base.cast::<c_void>(), self.size as usize) };
    }
}
