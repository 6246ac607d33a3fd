//! Guest real addresses as a type of their own: an effective address or a host's does not pass for one.

use std::fmt;
use std::ops::Add;

/// An address in the guest's real address space. It may lie outside everything.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct RealAddr(pub u64);

impl RealAddr {
    /// The first byte of the block of `size` bytes, a power of two, that this address lies in.
    #[inline(always)]
    #[must_use]
    pub fn align_down(self, size: u64) -> Self {
        Self(self.0 & !(size - 1))
    }
}

impl Add<u64> for RealAddr {
    type Output = Self;

    /// Wraps around: the sum is checked where it is used.
    #[inline(always)]
    fn add(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

impl fmt::LowerHex for RealAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
