//! What H_ENTER must know of the guest's real address space, which is not this crate's.

/// What lies at a range of guest real addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// System memory: WIMG must be 0010.
    Ram,
    /// A device: WIMG must be 01xx, here with M as the guest likes.
    Io,
    /// Nothing, or more than one thing, or a page larger than it may have: H_PARAMETER.
    Missing,
}

/// What H_ENTER must know of the guest's real address space.
pub trait RealMap {
    /// What lies at `len` bytes from `addr` on.
    fn region(&self, addr: u64, len: u64) -> Region;

    /// Zeroes `len` bytes of system memory from `addr` on, which `region` called [`Region::Ram`]: 4 KiB or 64 KiB.
    fn zero(&self, addr: u64, len: u64);

    /// Makes instruction fetches from `len` bytes at `addr` see earlier stores: 4 KiB or 64 KiB.
    fn flush_instructions(&self, addr: u64, len: u64);
}

/// System memory from zero to a limit and nothing else, without contents: for tests and tools.
#[derive(Clone, Copy, Debug)]
pub struct RamLimit(pub u64);

impl RealMap for RamLimit {
    fn region(&self, addr: u64, len: u64) -> Region {
        match addr.checked_add(len) {
            Some(end) if end <= self.0 => Region::Ram,
            _ => Region::Missing,
        }
    }

    fn zero(&self, _addr: u64, _len: u64) {}

    fn flush_instructions(&self, _addr: u64, _len: u64) {}
}
