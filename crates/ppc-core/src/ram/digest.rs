//! A digest of RAM that depends on its size and contents, not on the way that led there.

use super::{PAGE, Ram, RealAddr};

/// Bytes hashed at once.
const PIECE: usize = 1 << 17;

/// A BLAKE3 hash of RAM's size and of every page that is not all zero, with its address, in the order of addresses.
pub struct Digest {
    hasher: blake3::Hasher,
    /// What is to be hashed next. The hash is quicker over long pieces; where they are cut makes no difference to it.
    piece: Vec<u8>,
    /// Where [`Digest::go_on`] does.
    cursor: u64,
}

impl Digest {
    /// Of RAM of `size` bytes, so far without pages.
    pub fn new(size: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&size.to_le_bytes());
        Self { hasher, piece: Vec::with_capacity(PIECE), cursor: 0 }
    }

    /// The next page, of `len` bytes at `address`, which `read` copies; it says whether the page counts.
    pub(super) fn page(&mut self, address: RealAddr, len: usize, read: impl FnOnce(&mut [u8]) -> bool) {
        let start = self.piece.len();
        self.piece.extend_from_slice(&address.0.to_le_bytes());
        self.piece.resize(start + 8 + len, 0);
        if !read(&mut self.piece[start + 8..]) {
            self.piece.truncate(start);
        }
        if self.piece.len() + 8 + PAGE as usize > PIECE {
            self.hasher.update(&self.piece);
            self.piece.clear();
        }
    }

    /// The next `pages` of `ram` that were written; false when there were no more.
    pub fn go_on(&mut self, ram: &Ram, pages: u64) -> bool {
        for _ in 0..pages {
            let Some(n) = ram.marks.touched.next_from(self.cursor) else { return false };
            self.page(RealAddr(n * PAGE), ram.page_len(n), |page| {
                ram.read_bytes(RealAddr(n * PAGE), page).is_some() && !is_zero(page)
            });
            self.cursor = n + 1;
        }
        true
    }

    /// Of the pages so far.
    pub fn finish(mut self) -> [u8; 32] {
        self.hasher.update(&self.piece);
        self.hasher.finalize().into()
    }
}

impl Ram {
    /// A digest of the size and of every page that is not all zero. Pages that were never written are not read.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Digest::new(self.size());
        while digest.go_on(self, u64::MAX) {}
        digest.finish()
    }

    /// Number of pages that were written, or that a file holds; all others are zero.
    pub fn touched_pages(&self) -> u64 {
        self.marks.touched.count()
    }

    /// Numbers of the pages whose contents are not the same as in `other`, where what lies behind its end is zero.
    pub fn unlike(&self, other: &Self) -> Vec<u64> {
        let mut found = Vec::new();
        let mut next = Some(0);
        let (mut mine, mut theirs) = ([0; PAGE as usize], [0; PAGE as usize]);
        while let Some(from) = next {
            let touched = [self, other].map(|ram| ram.marks.touched.next_from(from));
            let Some(n) = touched.into_iter().flatten().min() else { break };
            for (ram, page) in [(self, &mut mine), (other, &mut theirs)] {
                page.fill(0);
                // Behind its end it is zero.
                let _ = ram.read_bytes(RealAddr(n * PAGE), &mut page[..ram.page_len(n)]);
            }
            if mine != theirs {
                found.push(n);
            }
            next = n.checked_add(1);
        }
        found
    }

    /// Bytes of page `n`: the last one may be short.
    pub(super) fn page_len(&self, n: u64) -> usize {
        PAGE.min(self.size().saturating_sub(n * PAGE)) as usize
    }
}

/// Whether every byte is zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<64>();
    words.iter().all(|word| word.iter().fold(0, |any, byte| any | byte) == 0) && rest.iter().all(|b| *b == 0)
}
