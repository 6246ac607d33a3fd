//! A digest of RAM that depends on its size and contents, not on the way that led there.

use super::Ram;
use crate::tlb::GRAIN;

/// Bytes hashed at once.
const PIECE: usize = 1 << 17;

impl Ram {
    /// A BLAKE3 hash of the size and of every grain that is not all zero, with its address. Grains that nobody
    /// has written are not looked at.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.size().to_le_bytes());
        // The hash is quicker over long pieces; where they are cut makes no difference to it.
        let mut piece = Vec::with_capacity(PIECE);
        for n in self.marks.touched.iter() {
            let start = piece.len();
            piece.extend_from_slice(&(n * GRAIN).to_le_bytes());
            piece.resize(start + 8 + self.grain_len(n), 0);
            let page = &mut piece[start + 8..];
            if self.read_bytes(n * GRAIN, page).is_none() || is_zero(page) {
                piece.truncate(start);
            }
            if piece.len() + 8 + GRAIN as usize > PIECE {
                hasher.update(&piece);
                piece.clear();
            }
        }
        hasher.update(&piece);
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
