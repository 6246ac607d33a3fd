//! A digest of RAM that depends on its size and contents, not on the way that led there.

use super::Ram;
use crate::tlb::GRAIN;

impl Ram {
    /// A BLAKE3 hash of the size and of every grain that is not all zero, with its address. Grains that nobody
    /// has written are not looked at.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.size().to_le_bytes());
        let mut page = [0u8; GRAIN as usize];
        for n in self.marks.touched.iter() {
            let page = &mut page[..self.grain_len(n)];
            if self.read_bytes(n * GRAIN, page).is_some() && !is_zero(page) {
                hasher.update(&(n * GRAIN).to_le_bytes()).update(page);
            }
        }
        hasher.finalize().into()
    }

    /// Bytes of grain `n`: the last one may be short.
    pub(super) fn grain_len(&self, n: u64) -> usize {
        GRAIN.min(self.size().saturating_sub(n * GRAIN)) as usize
    }
}

/// Whether every byte is zero.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<64>();
    words.iter().all(|word| word.iter().fold(0, |any, byte| any | byte) == 0) && rest.iter().all(|b| *b == 0)
}
