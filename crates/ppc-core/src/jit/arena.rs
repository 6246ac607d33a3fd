//! Executable memory: mapped twice, once to write and once to execute, so that no page is ever both.
//!
//! It is shared anonymous memory where the host can map that twice, otherwise a memfd: `perf` looks for names of code only
//! where no file is mapped, but emulated kernels do not know how else to do it.
//!
//! Caches of instructions need not see what is written to memory (Arm Architecture Reference Manual, "Concurrent
//! modification and execution of instructions", "Synchronization and coherency issues between data and instruction
//! accesses"): a writer of code cleans the data cache and invalidates the instruction caches for the address that is
//! executed, and every thread that executes it passes a context synchronization event after that. On x86-64 both are
//! nothing.

use dynasmrt::cache_control::{prepare_for_execution, synchronize_icache};
use rustix::{
    fs::{MemfdFlags, ftruncate, memfd_create},
    mm::{MapFlags, MprotectFlags, MremapFlags, ProtFlags, mmap, mmap_anonymous, mprotect, mremap, munmap},
};
use std::{
    io,
    ptr::{null, null_mut},
};

/// A piece of executable memory that is filled from its start.
pub struct Arena {
    write: *mut u8,
    execute: *const u8,
    size: usize,
    used: usize,
}

// SAFETY: the mappings belong to this object alone; writing needs `&mut`, and what is written is never changed again.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

/// Makes this thread see all code that was added before, by whatever thread.
pub fn see_code() {
    prepare_for_execution(&[]);
}

/// Code starts at multiples of this.
const ALIGN: usize = 16;

impl Arena {
    /// Room for `size` bytes of code, a multiple of the host's page size.
    pub fn new(size: usize) -> io::Result<Self> {
        Self::anonymous(size).or_else(|_| Self::of_file(size))
    }

    fn anonymous(size: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice.
        let write = unsafe {
            mmap_anonymous(null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED)
        }?;
        let mut arena = Self { write: write.cast(), execute: null(), size, used: 0 };
        // SAFETY: an old size of 0 makes a second mapping of the same pages, and leaves the first (mremap(2)).
        let execute = unsafe { mremap(write, 0, size, MremapFlags::MAYMOVE) }?;
        arena.execute = execute.cast();
        // SAFETY: the mapping made above, which has no other user.
        unsafe { mprotect(execute, size, MprotectFlags::READ | MprotectFlags::EXEC) }?;
        Ok(arena)
    }

    fn of_file(size: usize) -> io::Result<Self> {
        let fd = memfd_create("pyspapr-code", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, size as u64)?;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let write =
            unsafe { mmap(null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &fd, 0) }?;
        let mut arena = Self { write: write.cast(), execute: null(), size, used: 0 };
        // SAFETY: as above.
        let execute =
            unsafe { mmap(null_mut(), size, ProtFlags::READ | ProtFlags::EXEC, MapFlags::SHARED, &fd, 0) }?;
        arena.execute = execute.cast();
        Ok(arena)
    }

    /// No more code will be added: the mapping to write is given back, which would otherwise count once more as memory.
    pub fn seal(&mut self) {
        if !self.write.is_null() {
            // SAFETY: the mapping made by `new`; only `add` uses it, and it no longer does.
            let _ = unsafe { munmap(self.write.cast(), self.size) };
            self.write = null_mut();
        }
    }

    /// Adds `code` and returns where it can be executed; `None` when there is no room.
    pub fn add(&mut self, code: &[u8]) -> Option<*const u8> {
        if self.write.is_null() {
            return None;
        }
        let start = self.used.next_multiple_of(ALIGN);
        let end = start.checked_add(code.len()).filter(|&end| end <= self.size)?;
        // SAFETY: `start..end` lies in the mapping and holds no code yet.
        unsafe { self.write.add(start).copy_from_nonoverlapping(code.as_ptr(), code.len()) };
        self.used = end;
        let executed = self.execute.wrapping_add(start);
        // SAFETY: as above, through the other mapping; it is never changed again.
        synchronize_icache(unsafe { std::slice::from_raw_parts(executed, code.len()) });
        Some(executed)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mappings made by `new`, unmapped once; code runs only while the arena is held.
        unsafe {
            if !self.write.is_null() {
                let _ = munmap(self.write.cast(), self.size);
            }
            if !self.execute.is_null() {
                let _ = munmap(self.execute.cast_mut().cast(), self.size);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_seen_where_it_is_executed() {
        for arena in [Arena::anonymous(4096), Arena::of_file(4096)] {
            let mut arena = arena.expect("executable memory");
            for code in [&[1u8, 2, 3][..], &[4; 16]] {
                let at = arena.add(code).expect("room");
                // SAFETY: `add` has just put that many bytes there.
                assert_eq!(unsafe { std::slice::from_raw_parts(at, code.len()) }, code);
            }
            assert!(arena.add(&[0; 4096]).is_none());
            let at = arena.add(&[5]).expect("room");
            arena.seal();
            assert!(arena.add(&[6]).is_none());
            // SAFETY: as above.
            assert_eq!(unsafe { *at }, 5);
        }
    }
}
