//! The partition's real address space: RAM from 0 on, windows of devices beyond it, and nothing else.
//!
//! Must hold: windows are whole pages outside RAM, and every processor knows the same ones.

use crate::partition::Partition;
use hpt::{RealMap, Region};
use ppc_core::{
    outside::{Window, Windows},
    ram::{Ram, RealAddr},
};
use std::fmt;

/// What H_ENTER finds at a real address.
pub struct Space<'a> {
    /// System memory.
    pub ram: &'a Ram,
    /// Devices.
    pub windows: &'a Windows,
}

impl RealMap for Space<'_> {
    fn region(&self, addr: u64, len: u64) -> Region {
        let start = RealAddr(addr);
        if self.ram.contains(start, len) {
            Region::Ram
        } else if self.windows.contain(start, len) {
            Region::Io
        } else {
            Region::Missing
        }
    }

    fn zero(&self, addr: u64, len: u64) {
        // Within RAM, as `region` said.
        let _ = self.ram.fill(RealAddr(addr), len, 0);
    }

    /// Decoded code always agrees with memory.
    fn flush_instructions(&self, _addr: u64, _len: u64) {}
}

/// Why windows cannot be where they are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpaceError {
    /// Not whole pages, or beyond the address space.
    Shape {
        /// Its first byte.
        address: u64,
        /// Its bytes.
        len: u64,
    },
    /// Some of it is RAM.
    Ram(Window, u64),
    /// Two of them overlap.
    Overlap([Window; 2]),
}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { address, len } => {
                write!(f, "window of {len:#x} bytes at {address:#x}: wanted whole pages of 4 KiB below 2^60")
            }
            Self::Ram(window, size) => {
                write!(f, "window at {:#x}: wanted it outside RAM, which ends at {size:#x}", window.first)
            }
            Self::Overlap([a, b]) => {
                write!(
                    f,
                    "window at {:#x}: wanted it behind that at {:#x}, which ends at {:#x}",
                    b.first, a.first, a.last
                )
            }
        }
    }
}

impl std::error::Error for SpaceError {}

impl Partition {
    /// An access to one of these ranges, address and length, ends a run with [`crate::Exit::Asks`] from now on, and none
    /// to those from before does. No processor may be in a run.
    ///
    /// # Errors
    /// Why they cannot be there; then nothing has changed.
    pub fn set_windows(&mut self, ranges: &[(u64, u64)]) -> Result<(), SpaceError> {
        let ram = self.vcpus.iter().map(|vcpu| vcpu.engine.cpu.ram.size()).max().unwrap_or(0);
        let window = |&(address, len)| {
            let window = Window::new(address, len).ok_or(SpaceError::Shape { address, len })?;
            if window.first < ram { Err(SpaceError::Ram(window, ram)) } else { Ok(window) }
        };
        let windows = ranges.iter().map(window).collect::<Result<_, _>>()?;
        let windows = Windows::new(windows).map_err(SpaceError::Overlap)?;
        for vcpu in &mut self.vcpus {
            vcpu.engine.cpu.set_windows(windows.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ram_is_memory_to_its_last_byte_and_what_is_zeroed_is_dirty() {
        let ram = Ram::new(1 << 20).expect("memory");
        let windows = Windows::new(vec![Window::new(2 << 20, 0x1_0000).expect("pages")]).expect("one");
        let space = Space { ram: &ram, windows: &windows };
        for (address, length, region) in [
            (0, 1 << 20, Region::Ram),
            ((1 << 20) - 0x1000, 0x1000, Region::Ram),
            ((1 << 20) - 0x1000, 0x1001, Region::Missing),
            (1 << 20, 0x1000, Region::Missing),
            (2 << 20, 0x1_0000, Region::Io),
            ((2 << 20) - 0x1000, 0x2000, Region::Missing),
            ((2 << 20) + 0xf000, 0x2000, Region::Missing),
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
