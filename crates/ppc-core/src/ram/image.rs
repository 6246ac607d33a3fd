//! RAM on its way into a file, page by page from a pass: each at its place, with holes for zeroes, and hashed meanwhile.
//!
//! The guest may run between two chunks. What the file holds and the digest says is then each page as it was when its
//! chunk was made; those that were written since are marked, as after any pass.

use super::chunk::parse_index;
use super::cow::write_at;
use super::digest::Digest;
use super::{PAGE, PAGE_SHIFT, RealAddr};
use rustix::fs::{fstat, ftruncate};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, OwnedFd};

/// An image that is being written.
pub struct Image {
    fd: OwnedFd,
    /// Where in the file RAM begins.
    offset: u64,
    size: u64,
    digest: Digest,
    /// The page behind the last one.
    after: u64,
}

impl Image {
    /// An image of `size` bytes from `offset` of `fd` on, where so far there is nothing.
    ///
    /// # Errors
    /// What the host says; [`ErrorKind::InvalidInput`] if it would not fit into any file.
    pub fn new(fd: impl AsFd, offset: u64, size: u64) -> Result<Self> {
        let fd = fd.as_fd().try_clone_to_owned()?;
        let end = offset.checked_add(size).ok_or(ErrorKind::InvalidInput)?;
        if u64::try_from(fstat(&fd)?.st_size).unwrap_or(0) < end {
            ftruncate(&fd, end)?;
        }
        Ok(Self { fd, offset, size, digest: Digest::new(size), after: 0 })
    }

    /// The pages of a chunk, which is right for this RAM and whose pages come behind those that were added before.
    ///
    /// # Errors
    /// What the host says; [`ErrorKind::InvalidInput`] for another chunk.
    pub fn add(&mut self, index: &[u8], data: &[u8]) -> Result<()> {
        let mut pages = Vec::new();
        parse_index(index, self.size.div_ceil(PAGE), |n, zero| pages.push((n, zero)))
            .map_err(Error::other)?;
        let kept = || pages.iter().filter(|(_, zero)| !zero).map(|(n, _)| *n);
        let rises = pages.first().is_none_or(|(n, _)| *n >= self.after);
        if !rises || kept().count() << PAGE_SHIFT != data.len() {
            return Err(ErrorKind::InvalidInput.into());
        }
        self.after = pages.last().map_or(self.after, |(n, _)| n + 1);
        // Pages that follow each other in RAM do so in the data as well.
        let (mut start, mut end) = (0, 0);
        let mut next = None;
        let mut first = 0;
        for (n, page) in kept().zip(data.chunks_exact(PAGE as usize)) {
            let len = PAGE.min(self.size - n * PAGE) as usize;
            if next != Some(n) {
                write_at(&self.fd, &data[start..end], self.offset + first * PAGE)?;
                (start, first) = (end, n);
            }
            end += len;
            next = Some(n + 1);
            self.digest.page(RealAddr(n * PAGE), len, |bytes| {
                bytes.copy_from_slice(&page[..len]);
                true
            });
        }
        write_at(&self.fd, &data[start..end], self.offset + first * PAGE)
    }

    /// What [`Ram::digest`](super::Ram::digest) says of RAM with these pages.
    pub fn finish(self) -> [u8; 32] {
        self.digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::{Ram, RamPass};
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::fs::File;
    use std::sync::Arc;
    use track::Start;

    type Fallible = std::result::Result<(), Box<dyn std::error::Error>>;

    fn file() -> Result<File> {
        Ok(memfd_create("test", MemfdFlags::CLOEXEC)?.into())
    }

    fn used() -> Result<Arc<Ram>> {
        let ram = Ram::new(1 << 24)?;
        ram.write_bytes(RealAddr(0x3ff0), &[1; 40]);
        ram.fill(RealAddr(0x10_0000), 0x20_0000, 3);
        ram.fill(RealAddr(0x11_0000), 0x1_0000, 0);
        ram.write_bytes(RealAddr((1 << 24) - 1), &[9]);
        Ok(Arc::new(ram))
    }

    #[test]
    fn an_image_written_in_chunks_of_any_size_is_mapped_with_its_contents_and_digest() -> Fallible {
        for limit in [1, 5000, 100_000, 1 << 23] {
            let (ram, file) = (used()?, file()?);
            let mut image = Image::new(&file, 0x1_0000, ram.size())?;
            let pass = RamPass::start(&ram, Start::Untracked)?;
            while let Some(chunk) = pass.next(limit) {
                image.add(&chunk.index, &chunk.data)?;
            }
            assert_eq!(image.finish(), ram.digest());
            let mapped = Ram::map_file(&file, 0x1_0000, ram.size())?;
            assert_eq!(mapped.digest(), ram.digest());
            let blocks = rustix::fs::fstat(&file)?.st_blocks;
            assert!(blocks * 512 < 0x20_0000, "zeroes are holes: {blocks} blocks");
        }
        Ok(())
    }

    #[test]
    fn a_page_that_changes_behind_the_pass_is_in_the_image_as_it_was() -> Fallible {
        let (ram, file) = (used()?, file()?);
        let then = ram.digest();
        let mut image = Image::new(&file, 0, ram.size())?;
        let pass = RamPass::start(&ram, Start::Untracked)?;
        while let Some(chunk) = pass.next(1 << 16) {
            image.add(&chunk.index, &chunk.data)?;
            ram.write_bytes(RealAddr(0x3ff0), &[7]);
        }
        assert_eq!(image.finish(), then);
        let mapped = Ram::map_file(&file, 0, ram.size())?;
        assert_eq!(mapped.digest(), then);
        assert_ne!(ram.digest(), then);
        Ok(())
    }

    #[test]
    fn a_chunk_out_of_order_or_with_other_data_is_refused() -> Fallible {
        let (ram, file) = (used()?, file()?);
        let mut image = Image::new(&file, 0, ram.size())?;
        let pass = RamPass::start(&ram, Start::Untracked)?;
        let first = pass.next(1 << 16).ok_or("a chunk")?;
        image.add(&first.index, &first.data)?;
        assert!(image.add(&first.index, &first.data).is_err());
        let second = pass.next(1 << 16).ok_or("a chunk")?;
        assert!(image.add(&second.index, &second.data[1..]).is_err());
        assert!(Image::new(&file, u64::MAX, 4096).is_err());
        Ok(())
    }
}
