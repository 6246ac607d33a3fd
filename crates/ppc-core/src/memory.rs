//! Loads and stores as instructions see them: effective address in, register value out.

use crate::{
    msr,
    ram::MemInt,
    state::Cpu,
    trap::{Done, Trap},
};

impl Cpu {
    /// Loads from `ea` in the current byte order; any alignment.
    #[inline(always)]
    pub fn load<T: MemInt>(&mut self, ea: u64) -> Result<T, Trap> {
        let value: T = self.ram.read(ea & 0x0fff_ffff_ffff_ffff).ok_or(Trap::DataStorage)?;
        Ok(if self.msr & msr::LE != 0 { value } else { value.swap() })
    }

    /// Stores to `ea` in the current byte order; any alignment. Nothing is written when it fails.
    #[inline(always)]
    pub fn store<T: MemInt>(&mut self, ea: u64, value: T) -> Done {
        let value = if self.msr & msr::LE != 0 { value } else { value.swap() };
        self.ram.write(ea & 0x0fff_ffff_ffff_ffff, value).ok_or(Trap::DataStorage)
    }

    /// Checks that `len` bytes at `ea` can be read, so that an instruction with several accesses is restartable.
    pub fn probe_load(&mut self, ea: u64, len: u64) -> Done {
        for i in 0..len {
            self.load::<u8>(self.wrap(ea.wrapping_add(i)))?;
        }
        Ok(())
    }

    /// Checks that `len` bytes at `ea` can be written.
    pub fn probe_store(&mut self, ea: u64, len: u64) -> Done {
        self.probe_load(ea, len)
    }
}
