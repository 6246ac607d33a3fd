//! Executable memory: mapped twice, once to write and once to execute, so that no page is ever both.
//!
//! It is shared anonymous memory and not a memfd: `perf` looks for names of code only where no file is mapped.
//!
//! Caches of instructions need not see what is written to memory (Arm Architecture Reference Manual, "Concurrent
//! modification and execution of instructions", "Synchronization and coherency issues between data and instruction
//! accesses"): whoever writes code cleans the data cache and invalidates the instruction caches for the address that is
//! executed, and every thread that executes it passes a context synchronization event after that. On x86-64 both are
//! nothing.

use dynasmrt::cache_control::{prepare_for_execution, synchronize_icache};
use rustix::mm::{MapFlags, MprotectFlags, MremapFlags, ProtFlags, mmap_anonymous, mprotect, mremap, munmap};
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
        // SAFETY: a new mapping at an address of the kernel's choice.
        let write = unsafe {
            mmap_anonymous(null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED)
        }?;
        let mut arena = Self { write: write.cast(), execute: null(), size, used: 0 };
        // SAFETY: an old size of 0 makes a second mapping of the same pages, and leaves the first (mremap(2)).
        let execute = unsafe { mremap(write, 0, size, MremapFlags::MAYMOVE) }?;
        arena.execute = execute.cast();
        // SAFETY: the mapping made above, which nobody else knows.
        unsafe { mprotect(execute, size, MprotectFlags::READ | MprotectFlags::EXEC) }?;
        Ok(arena)
    }

    /// Adds `code` and returns where it can be executed; `None` when there is no room.
    pub fn add(&mut self, code: &[u8]) -> Option<*const u8> {
        let start = self.used.next_multiple_of(ALIGN);
        let end = start.checked_add(code.len()).filter(|&end| end <= self.size)?;
        // SAFETY: `start..end` lies in the mapping and holds no code yet.
        unsafe { self.write.add(start).copy_from_nonoverlapping(code.as_ptr(), code.len()) };
        self.used = end;
        let executed = self.execute.wrapping_add(start);
        // SAFETY: as above, seen through the other mapping; nobody changes it any more.
        synchronize_icache(unsafe { std::slice::from_raw_parts(executed, code.len()) });
        Some(executed)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mappings made by `new`, unmapped once; whoever runs code from them holds the arena.
        unsafe {
            let _ = munmap(self.write.cast(), self.size);
            if !self.execute.is_null() {
                let _ = munmap(self.execute.cast_mut().cast(), self.size);
            }
        }
    }
}
