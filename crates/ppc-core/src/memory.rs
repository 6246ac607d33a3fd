//! Loads and stores as instructions see them: effective address in, register value out.

use crate::{
    msr,
    ram::MemInt,
    state::{Cpu, Reservation},
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

    /// Stores `len` zero bytes at `ea`, which do not cross a page.
    pub fn store_zeros(&mut self, ea: u64, len: u64) -> Done {
        self.probe_store(ea, len)?;
        for offset in (0..len).step_by(8) {
            self.store(ea.wrapping_add(offset), 0u64)?;
        }
        Ok(())
    }

    /// Load and reserve: `ea` is aligned to the size of `T`.
    pub fn reserve<T: MemInt>(&mut self, ea: u64) -> Result<T, Trap> {
        let value: T = self.load(ea)?;
        let addr = ea & 0x0fff_ffff_ffff_ffff;
        self.reservation =
            Some(Reservation { granule: addr & !127, addr, len: T::SIZE as u8, value: value.to_u128() });
        Ok(value)
    }

    /// Store conditional: `ea` is aligned to the size of `T`. Stores and returns true if the reservation covers the
    /// address; the reservation is gone afterwards either way.
    pub fn store_conditional<T: MemInt>(&mut self, ea: u64, value: T) -> Result<bool, Trap> {
        self.probe_store(ea, T::SIZE)?;
        let addr = ea & 0x0fff_ffff_ffff_ffff;
        let matches = self.reservation.is_some_and(|r| r.addr == addr && u64::from(r.len) == T::SIZE);
        if matches {
            self.store(ea, value)?;
        }
        self.reservation = None;
        Ok(matches)
    }
}
