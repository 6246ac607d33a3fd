//! The guest's real address space: RAM from 0 on, and nothing else.

use hpt::{RealMap, Region};
use ppc_core::ram::Ram;
use ppc_core::ram::RealAddr;

/// What H_ENTER finds at a real address.
pub struct Space<'a>(pub &'a Ram);

impl RealMap for Space<'_> {
    fn region(&self, addr: u64, len: u64) -> Region {
        if self.0.contains(RealAddr(addr), len) { Region::Ram } else { Region::Missing }
    }

    fn zero(&self, addr: u64, len: u64) {
        // Within RAM, as `region` said.
        let _ = self.0.fill(RealAddr(addr), len, 0);
    }

    /// Decoded code always agrees with memory.
    fn flush_instructions(&self, _addr: u64, _len: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ram_is_memory_to_its_last_byte_and_what_is_zeroed_is_dirty() {
        let ram = Ram::new(1 << 20).expect("memory");
        let space = Space(&ram);
        for (address, length, region) in [
            (0, 1 << 20, Region::Ram),
            ((1 << 20) - 0x1000, 0x1000, Region::Ram),
            ((1 << 20) - 0x1000, 0x1001, Region::Missing),
            (1 << 20, 0x1000, Region::Missing),
            (u64::MAX, 2, Region::Missing),
        ] {
            assert_eq!(space.region(address, length), region, "{length:#x} bytes at {address:#x}");
        }
        ram.write::<u64>(RealAddr(0x2000), 7).expect("inside");
        space.zero(0x2000, 0x1000);
        assert_eq!(
            (
                ram.read::<u64>(RealAddr(0x2000)),
                ram.is_dirty(RealAddr(0x2000)),
                ram.is_dirty(RealAddr(0x3000))
            ),
            (Some(0), true, false)
        );
    }
}
