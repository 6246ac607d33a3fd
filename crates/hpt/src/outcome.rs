//! The outcome of a hypercall: return code, result registers, and the translations that it invalidated.

use crate::hpte::Hpte;

/// A translation that the guest has taken back or narrowed: processors must forget it before the hypercall returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invalidated {
    /// Index of the entry.
    pub ptex: u64,
    /// The entry as it was.
    pub entry: Hpte,
}

/// The outcome of a hypercall. `rc` goes to R3, [`Outcome::out`] to R4 and up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Return code, for R3.
    pub rc: i64,
    out: [u64; 8],
    out_len: usize,
    invalidated: [Invalidated; 4],
    invalidated_len: usize,
}

impl Outcome {
    /// A return code, no results, and no translation to forget.
    #[inline]
    #[must_use]
    pub fn new(rc: i64) -> Self {
        Self { rc, out: [0; 8], out_len: 0, invalidated: [Invalidated::default(); 4], invalidated_len: 0 }
    }

    /// Results for R4 and on; registers beyond stay as they are.
    #[inline]
    #[must_use]
    pub fn out(&self) -> &[u64] {
        &self.out[..self.out_len]
    }

    /// Translations to forget.
    #[inline]
    #[must_use]
    pub fn invalidated(&self) -> &[Invalidated] {
        &self.invalidated[..self.invalidated_len]
    }

    /// The same with results for R4 and on, at most eight.
    #[inline]
    #[must_use]
    pub fn with_out(mut self, out: &[u64]) -> Self {
        self.out[..out.len()].copy_from_slice(out);
        self.out_len = out.len();
        self
    }

    #[inline]
    pub(crate) fn invalidating(mut self, ptex: u64, entry: Hpte) -> Self {
        self.invalidated[self.invalidated_len] = Invalidated { ptex, entry };
        self.invalidated_len += 1;
        self
    }
}
