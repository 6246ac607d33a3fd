//! RAM in files and in snapshots: written page by page with holes, mapped so that a write copies.
//!
//! A snapshot is a memfd that is never written again. RAM that has a memfd of its own hands it over and continues with
//! a copy-on-write mapping of it: no byte is copied. RAM that is such a mapping already (a fork, a restored file, or
//! one that was frozen before) is copied into a new memfd.
//!
//! Must hold: a mapped file keeps its size and contents as long as RAM made from it lives. Those that pyspapr writes
//! are replaced by renaming and never changed in place.

use super::digest::is_zero;
use super::dirty::new_set;
use super::{Backing, PAGE, Ram, RealAddr};
use rustix::fs::{FallocateFlags, MemfdFlags, SeekFrom, fallocate, fstat, ftruncate, memfd_create, seek};
use rustix::io::{Errno, pwrite};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError};
use track::bits::BitTree;

/// Pages written at once.
const RUN: u64 = 256;

/// RAM as it was at some moment; any number of [`Ram::from_snapshot`] share it.
pub struct Snapshot {
    fd: Arc<OwnedFd>,
    size: u64,
    /// Pages that may be other than zero.
    touched: BitTree,
    /// Unlike that of every other in this process.
    number: u64,
    /// The contents, for those who go back to them.
    view: OnceLock<View>,
}

/// A mapping that is only read.
struct View {
    base: *const u8,
    size: usize,
}

// SAFETY: the mapping is of a memfd that is never written again, lives as long as the object and is only read.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    fn new(fd: &OwnedFd, size: u64) -> Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other.
        let base = unsafe {
            mmap(null_mut(), size as usize, ProtFlags::READ, MapFlags::SHARED | MapFlags::NORESERVE, fd, 0)
        }?;
        Ok(Self { base: base.cast(), size: size as usize })
    }

    /// The bytes of page `n`, whose length is `len`.
    fn page(&self, n: u64, len: usize) -> &[u8] {
        let at = n as usize * PAGE as usize;
        assert!(at.checked_add(len).is_some_and(|end| end <= self.size), "page {n} of a snapshot");
        // SAFETY: in bounds of the mapping, which nobody changes any more.
        unsafe { std::slice::from_raw_parts(self.base.add(at), len) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: the mapping made by `new`, to which no reference is left. A failure only leaks.
        let _ = unsafe { munmap(self.base.cast_mut().cast(), self.size) };
    }
}

/// The number of the next snapshot.
static SNAPSHOTS: AtomicU64 = AtomicU64::new(1);

impl Snapshot {
    /// Size of the RAM in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Ram {
    /// RAM of `size` bytes with the contents of `fd` from `offset` on, copied when they are written. Holes of the
    /// file are known to be zero. Nothing is dirty, and the contents are a base.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the region is not page-aligned or not inside the file; or what the host says.
    pub fn map_file(fd: impl AsFd, offset: u64, size: u64) -> Result<Self> {
        let fd = fd.as_fd().try_clone_to_owned()?;
        let held = u64::try_from(fstat(&fd)?.st_size).unwrap_or(0);
        let end = offset.checked_add(size).filter(|end| *end <= held);
        let (Some(end), true) = (end, offset.is_multiple_of(PAGE) && size.is_multiple_of(PAGE)) else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "{size:#x} bytes at {offset:#x} are not page-aligned or not inside the file's {held:#x}"
                ),
            ));
        };
        let ram = Self::copy_on_write(&fd, offset, size)?;
        // The descriptor's own position belongs to the caller, and a duplicate shares it.
        let position = seek(&fd, SeekFrom::Current(0))?;
        let ranges = DataRanges { fd: &fd, at: offset, end };
        ranges.for_each(|(from, to)| {
            ram.marks.touched.set_range((from - offset) / PAGE..(to - offset).div_ceil(PAGE));
        });
        seek(&fd, SeekFrom::Start(position))?;
        ram.set_base();
        Ok(ram)
    }

    /// Writes the contents into a file from `offset` on, leaving holes for pages of zeroes; returns the bytes that
    /// are not holes. What the file had there is gone; it reaches to the end of the RAM at least.
    ///
    /// # Errors
    /// What the host says; the region holds rubbish then.
    pub fn write_sparse(&self, fd: impl AsFd, offset: u64) -> Result<u64> {
        let fd = fd.as_fd();
        let end = offset.checked_add(self.size()).ok_or(ErrorKind::InvalidInput)?;
        let held = u64::try_from(fstat(fd)?.st_size).unwrap_or(0);
        if held > offset {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(fd, flags, offset, self.size())?;
        }
        if held < end {
            ftruncate(fd, end)?;
        }
        let mut run = Run { bytes: Vec::with_capacity((RUN * PAGE) as usize), at: 0, written: 0 };
        for n in self.marks.touched.iter() {
            let at = offset + n * PAGE;
            if run.at + run.bytes.len() as u64 != at || run.bytes.len() as u64 == RUN * PAGE {
                run.flush(fd)?;
                run.at = at;
            }
            let start = run.bytes.len();
            run.bytes.resize(start + self.page_len(n), 0);
            let page = &mut run.bytes[start..];
            if self.read_bytes(RealAddr(n * PAGE), page).is_none() || is_zero(page) {
                run.bytes.truncate(start);
            }
        }
        run.flush(fd)?;
        Ok(run.written)
    }

    /// As [`Ram::write_bytes`], for many pages that were perhaps never written: through the memfd, if it is RAM's own,
    /// which is half the work of having each page mapped, zeroed and copied to. Outside RAM nothing is written.
    pub(super) fn write_pages(&self, addr: RealAddr, data: &[u8]) {
        if !self.contains(addr, data.len() as u64) {
            return;
        }
        let backing = self.backing.lock().unwrap_or_else(PoisonError::into_inner);
        match &*backing {
            Backing::Own(fd) if write_at(fd, data, addr.0).is_ok() => {
                drop(backing);
                self.note_write(addr, data.len() as u64);
            }
            _ => {
                drop(backing);
                let _ = self.write_bytes(addr, data);
            }
        }
    }

    /// Freezes the contents. No processor runs meanwhile, and each needs `Cpu::protect_writes`.
    ///
    /// # Errors
    /// What the host says; the RAM is as before.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut backing = self.backing.lock().unwrap_or_else(PoisonError::into_inner);
        let fd = match &*backing {
            Backing::Own(fd) => fd.clone(),
            Backing::CopyOnWrite => {
                let fd = memfd_create("pyspapr-snapshot", MemfdFlags::CLOEXEC)?;
                self.write_sparse(&fd, 0)?;
                Arc::new(fd)
            }
        };
        let touched = new_set(self.pages()).map_err(Error::other)?;
        self.marks.touched.for_each_word(|parent, bits| touched.set_word(parent, bits));
        self.marks.begin_since(self.pages()).map_err(Error::other)?;
        self.remap(&fd)?;
        *backing = Backing::CopyOnWrite;
        let number = SNAPSHOTS.fetch_add(1, Relaxed);
        self.origin.store(number, Relaxed);
        Ok(Snapshot { fd, size: self.size(), touched, number, view: OnceLock::new() })
    }

    /// Whether nothing was written since the contents were those of `snapshot`.
    pub fn is_still(&self, snapshot: &Snapshot) -> bool {
        let since = self.marks.since.get();
        self.origin.load(Relaxed) == snapshot.number
            && since.is_some_and(|since| since.next_from(0).is_none())
    }

    /// Goes back to the contents of a snapshot: of the one that this RAM was frozen as last, or made from, by undoing what was
    /// written since; of another one by mapping that. What changes is marked as written, and decoded code of it is noted as
    /// changed. Returns the number of pages, or `None` if all of it was mapped. No processor runs meanwhile, and each needs
    /// `Cpu::protect_writes` and forgets what it knows of translations.
    ///
    /// # Errors
    /// What the host says, or [`ErrorKind::InvalidInput`] for a snapshot of another size; the RAM is as before.
    pub fn reset_to(&self, snapshot: &Snapshot) -> Result<Option<u64>> {
        if snapshot.size != self.size() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let known = self.origin.load(Relaxed) == snapshot.number;
        let Some(since) = self.marks.since.get().filter(|_| known) else {
            let mut backing = self.backing.lock().unwrap_or_else(PoisonError::into_inner);
            self.marks.begin_since(self.pages()).map_err(Error::other)?;
            self.remap(&snapshot.fd)?;
            *backing = Backing::CopyOnWrite;
            snapshot.touched.for_each_word(|parent, bits| self.marks.touched.set_word(parent, bits));
            self.marks.touched.for_each_word(|parent, bits| self.note_pages(parent, bits));
            self.marks.begin_since(self.pages()).map_err(Error::other)?;
            self.origin.store(snapshot.number, Relaxed);
            return Ok(None);
        };
        let view = match snapshot.view.get() {
            Some(view) => view,
            None => {
                let view = View::new(&snapshot.fd, snapshot.size)?;
                snapshot.view.get_or_init(|| view)
            }
        };
        let mut pages = 0;
        since.drain(|parent, bits| {
            let mut left = bits;
            while left != 0 {
                let n = parent << 6 | u64::from(left.trailing_zeros());
                left &= left - 1;
                pages += 1;
                let _ = self.put(RealAddr(n * PAGE), view.page(n, self.page_len(n)));
            }
            self.note_pages(parent, bits);
        });
        // The marks that were just made.
        since.drain(|_, _| ());
        Ok(Some(pages))
    }

    /// Marks the pages of a word of a set as written from outside the processors.
    fn note_pages(&self, parent: u64, bits: u64) {
        let mut left = bits;
        while left != 0 {
            let n = parent << 6 | u64::from(left.trailing_zeros());
            left &= left - 1;
            self.note_write(RealAddr(n * PAGE), self.page_len(n) as u64);
        }
    }

    /// From now on writes go to pages of this process: to be called before it forks, or its child and it would share
    /// them. Processors may run meanwhile.
    ///
    /// # Errors
    /// What the host says; the RAM is as before.
    pub fn keep_to_this_process(&self) -> Result<()> {
        let mut backing = self.backing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Backing::Own(fd) = &*backing {
            self.remap(fd)?;
            *backing = Backing::CopyOnWrite;
        }
        Ok(())
    }

    /// New RAM with the contents of a snapshot, copied when they are written. Nothing is dirty, and the contents
    /// are a base.
    ///
    /// # Errors
    /// What the host says.
    pub fn from_snapshot(snapshot: &Snapshot) -> Result<Self> {
        let ram = Self::copy_on_write(&snapshot.fd, 0, snapshot.size)?;
        snapshot.touched.for_each_word(|parent, bits| ram.marks.touched.set_word(parent, bits));
        ram.set_base();
        ram.marks.begin_since(ram.pages()).map_err(Error::other)?;
        ram.origin.store(snapshot.number, Relaxed);
        Ok(ram)
    }
}

/// Pages in a row on their way to a file.
struct Run {
    bytes: Vec<u8>,
    /// Where in the file.
    at: u64,
    written: u64,
}

impl Run {
    fn flush(&mut self, fd: impl AsFd) -> Result<()> {
        write_at(fd, &self.bytes, self.at)?;
        self.written += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }
}

/// Writes all of `bytes` from `at` on.
pub(super) fn write_at(fd: impl AsFd, bytes: &[u8], at: u64) -> Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match pwrite(&fd, &bytes[done..], at + done as u64) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The parts of a file that are not holes.
struct DataRanges<'a> {
    fd: &'a OwnedFd,
    at: u64,
    end: u64,
}

impl Iterator for DataRanges<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        if self.at >= self.end {
            return None;
        }
        let from = match seek(self.fd, SeekFrom::Data(self.at)) {
            Ok(from) => from,
            Err(Errno::NXIO) => self.end,
            // The file system cannot tell: treat everything as data.
            Err(_) => self.at,
        };
        if from >= self.end {
            self.at = self.end;
            return None;
        }
        let to = seek(self.fd, SeekFrom::Hole(from)).unwrap_or(self.end).clamp(from + 1, self.end);
        self.at = to;
        Some((from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::RamPass;
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use track::{Marks, Start, Tracked};

    type Fallible = std::result::Result<(), Box<dyn std::error::Error>>;

    fn file() -> Result<File> {
        Ok(memfd_create("test", MemfdFlags::CLOEXEC)?.into())
    }

    fn used() -> Result<Ram> {
        let ram = Ram::new(1 << 24)?;
        ram.write_bytes(RealAddr(0x3ff0), &[1; 40]);
        ram.fill(RealAddr(0x10_0000), 0x20_0000, 3);
        ram.fill(RealAddr(0x11_0000), 0x1_0000, 0);
        ram.write_bytes(RealAddr((1 << 24) - 1), &[9]);
        Ok(ram)
    }

    #[test]
    fn a_file_has_holes_for_zeroes_and_comes_back_mapped() -> Fallible {
        let (ram, mut file) = (used()?, file()?);
        file.write_all(&[7; 8192])?;
        let written = ram.write_sparse(&file, 8192)?;
        assert_eq!(written, (2 + 512 - 16 + 1) * PAGE);
        assert_eq!(file.metadata()?.len(), 8192 + (1 << 24));
        file.rewind()?;
        let mapped = Ram::map_file(&file, 8192, 1 << 24)?;
        let mut head = [0; 8192];
        file.read_exact(&mut head)?;
        assert_eq!(head, [7; 8192]);
        assert_eq!(mapped.digest(), ram.digest());
        assert_eq!(
            (mapped.dirty_pages(), mapped.has_base(), mapped.marks.touched.contains(0x400)),
            (0, true, false)
        );
        mapped.fill(RealAddr(0), 1 << 20, 5);
        assert_ne!(mapped.digest(), ram.digest());
        assert_eq!(Ram::map_file(&file, 8192, 1 << 24)?.digest(), ram.digest());
        Ok(())
    }

    #[test]
    fn what_a_file_had_before_does_not_shine_through_the_holes() -> Fallible {
        let (ram, mut file) = (used()?, file()?);
        file.write_all(&vec![7; 1 << 20])?;
        ram.write_sparse(&file, 4096)?;
        assert_eq!(Ram::map_file(&file, 4096, 1 << 24)?.digest(), ram.digest());
        Ok(())
    }

    #[test]
    fn pages_are_written_the_same_into_a_memfd_and_into_a_copy_on_write_mapping() -> Fallible {
        let (own, copied) = (used()?, used()?);
        copied.keep_to_this_process()?;
        let data: Vec<u8> = (0..3 * PAGE).map(|n| n as u8 ^ (n >> 8) as u8).collect();
        let sums: Vec<_> = [&own, &copied]
            .into_iter()
            .map(|ram| {
                ram.mark_code(RealAddr(0x40_1000));
                ram.write_pages(RealAddr(0x40_0000), &data);
                ram.write_pages(RealAddr((1 << 24) - PAGE), &data[..PAGE as usize]);
                ram.write_pages(RealAddr((1 << 24) - PAGE), &data); // beyond the end
                let mut page = [0; PAGE as usize];
                ram.read_bytes(RealAddr(0x40_1000), &mut page);
                assert_eq!(page, data[PAGE as usize..2 * PAGE as usize]);
                assert!(ram.marks.touched.contains(0x402) && ram.marks.live.contains(0x402));
                assert_eq!(ram.take_changed_code(), [0x401]);
                ram.digest()
            })
            .collect();
        assert_eq!(sums[0], sums[1]);
        Ok(())
    }

    #[test]
    fn a_region_that_is_not_aligned_or_not_there_is_refused() -> Fallible {
        let file = file()?;
        file.set_len(1 << 20)?;
        for (offset, size) in [(1, 4096), (0, 4095), (4096, 1 << 20), (u64::MAX - 4095, 4096), (0, u64::MAX)]
        {
            let refused = Ram::map_file(&file, offset, size).err().map(|e| e.kind());
            assert_eq!(refused, Some(ErrorKind::InvalidInput), "{size:#x} at {offset:#x}");
        }
        Ok(())
    }

    #[test]
    fn forks_share_a_snapshot_and_go_their_own_ways() -> Fallible {
        let ram = used()?;
        let then = ram.digest();
        let snapshot = ram.snapshot()?;
        let forks = [Ram::from_snapshot(&snapshot)?, Ram::from_snapshot(&snapshot)?];
        assert_eq!(ram.digest(), then);
        ram.fill(RealAddr(0), 4096, 1);
        forks[0].fill(RealAddr(0), 4096, 2);
        assert_eq!(forks[1].digest(), then);
        assert_ne!(forks[0].digest(), ram.digest());
        forks[1].fill(RealAddr(0), 4096, 1);
        assert_eq!(forks[1].digest(), ram.digest(), "same contents, same digest, whatever the history");
        drop((ram, forks));
        assert_eq!(Ram::from_snapshot(&snapshot)?.digest(), then);
        Ok(())
    }

    #[test]
    fn a_fork_and_an_original_can_be_frozen_again() -> Fallible {
        let ram = used()?;
        let first = ram.snapshot()?;
        ram.fill(RealAddr(0x5000), 10, 4);
        let second = ram.snapshot()?;
        let fork = Ram::from_snapshot(&second)?;
        assert_eq!(fork.digest(), ram.digest());
        fork.fill(RealAddr(0x6000), 10, 4);
        let third = Ram::from_snapshot(&fork.snapshot()?)?;
        assert_eq!(third.digest(), fork.digest());
        assert_eq!(Ram::from_snapshot(&first)?.digest(), used()?.digest());
        Ok(())
    }

    #[test]
    fn ram_that_keeps_to_its_process_holds_what_it_held_and_can_be_frozen() -> Fallible {
        let ram = used()?;
        let then = ram.digest();
        ram.keep_to_this_process()?;
        assert_eq!(ram.digest(), then);
        ram.fill(RealAddr(0x5000), 10, 4);
        ram.keep_to_this_process()?;
        let fork = Ram::from_snapshot(&ram.snapshot()?)?;
        assert_eq!(fork.digest(), ram.digest());
        assert_ne!(fork.digest(), then);
        Ok(())
    }

    #[test]
    fn going_back_to_a_snapshot_undoes_what_was_written_since_and_marks_it() -> Fallible {
        let ram = used()?;
        let then = ram.digest();
        let snapshot = ram.snapshot()?;
        let fork = Ram::from_snapshot(&snapshot)?;
        for ram in [&ram, &fork] {
            for round in 0..3 {
                assert!(ram.is_still(&snapshot));
                ram.fill(RealAddr(0), 3 * PAGE, round + 9);
                ram.mark_dirty(RealAddr(0x20_0000));
                ram.write(RealAddr(0x20_0000), 5u64);
                ram.mark_code(RealAddr(0x20_0000));
                ram.set_base();
                assert!(!ram.is_still(&snapshot));
                assert_eq!(ram.reset_to(&snapshot)?, Some(4));
                assert_eq!(ram.digest(), then);
                assert_eq!(ram.take_changed_code(), [0x200]);
                assert_eq!(ram.marks.base.count(), 4, "an incremental save has them");
                assert_eq!(ram.reset_to(&snapshot)?, Some(0));
            }
        }
        Ok(())
    }

    #[test]
    fn a_snapshot_of_other_ram_is_mapped_and_gone_back_to_as_well() -> Fallible {
        let (ram, other) = (Ram::new(1 << 24)?, used()?);
        ram.fill(RealAddr(0x80_0000), 10, 1);
        ram.mark_code(RealAddr(0x80_0000));
        let snapshot = other.snapshot()?;
        assert_eq!(ram.reset_to(&snapshot)?, None);
        assert_eq!((ram.digest(), ram.take_changed_code()), (other.digest(), vec![0x800]));
        ram.fill(RealAddr(0x80_0000), 10, 1);
        assert_eq!(ram.reset_to(&snapshot)?, Some(1));
        assert_eq!(ram.digest(), other.digest());
        assert_eq!(
            Ram::new(1 << 23)?.reset_to(&snapshot).map_err(|e| e.kind()),
            Err(ErrorKind::InvalidInput)
        );
        Ok(())
    }

    #[test]
    fn freezing_keeps_the_marks() -> Fallible {
        let ram = Arc::new(used()?);
        let before = ram.dirty_pages();
        ram.snapshot()?;
        assert_eq!(ram.dirty_pages(), before);
        let to = Ram::new(1 << 24)?;
        let pass = RamPass::start(&ram, Start::Full(Marks::Live))?;
        while let Some(batch) = pass.next(1 << 20) {
            to.load_chunk(&batch.index, &batch.data)?;
        }
        assert_eq!(to.digest(), ram.digest());
        Ok(())
    }
}
