//! A digest of RAM that depends on its size and contents, not on the way that led there.

use super::{PAGE, Ram, RealAddr};

/// Bytes hashed at once.
const PIECE: usize = 1 << 17;

impl Ram {
    /// A BLAKE3 hash of the size and of every page that is not all zero, with its address. Pages that nobody
    /// has written are not looked at.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.size().to_le_bytes());
        // The hash is quicker over long pieces; where they are cut makes no difference to it.
        let mut piece = Vec::with_capacity(PIECE);
        for n in self.marks.touched.iter() {
            let start = piece.len();
            piece.extend_from_slice(&(n * PAGE).to_le_bytes());
            piece.resize(start + 8 + self.page_len(n), 0);
            let page = &mut piece[start + 8..];
            if self.read_bytes(RealAddr(n * PAGE), page).is_none() || is_zero(page) {
                piece.truncate(start);
            }
            if piece.len() + 8 + PAGE as usize > PIECE {
                hasher.update(&piece);
                piece.clear();
            }
        }
        hasher.update(&piece);
        hasher.finalize().into()
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
