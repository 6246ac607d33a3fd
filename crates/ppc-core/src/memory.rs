//! Loads and stores as instructions see them: effective address in, register value out.
//!
//! The quick path is one TLB compare and one host access; everything else (misses, pages crossed, stores to
//! decoded code, watched bytes, windows) goes through `Cpu::locate`, which does all that may fail before anything is
//! written. An access to a window is the caller's (see `outside`).

use crate::{
    mmu::{Access, DSISR_STORE},
    msr,
    outside::DSISR_INHIBITED,
    ram::{MemInt, PAGE, RealAddr},
    state::{Cpu, Reservation},
    tlb::Tlb,
    trap::{Done, Trap},
    watch::Stored,
    watchpoint::kind,
};

/// Bytes of a reservation granule and of a cache block.
pub const CACHE_BLOCK: u64 = 128;

/// Up to two pieces of guest memory that make up one access.
#[derive(Clone, Copy)]
struct Located {
    first: RealAddr,
    first_len: u64,
    second: RealAddr,
}

impl Cpu {
    /// Loads from `ea` in the current byte order; any alignment.
    #[inline(always)]
    pub fn load<T: MemInt>(&mut self, ea: u64) -> Result<T, Trap> {
        let value = match self.tlb.read(ea, T::SIZE, self.data_context) {
            Some(host) => self.ram.read(self.ram.real_address(host)),
            None => None,
        };
        let value = match value {
            Some(value) => value,
            None => self.load_slowly(ea)?,
        };
        Ok(if self.msr & msr::LE != 0 { value } else { value.swap() })
    }

    /// Stores to `ea` in the current byte order; any alignment. Nothing is written when it fails.
    #[inline(always)]
    pub fn store<T: MemInt>(&mut self, ea: u64, value: T) -> Done {
        let value = if self.msr & msr::LE != 0 { value } else { value.swap() };
        match self.tlb.write(ea, T::SIZE, self.data_context) {
            Some(host) if self.ram.write(self.ram.real_address(host), value).is_some() => Ok(()),
            _ => self.store_slowly(ea, value),
        }
    }

    #[cold]
    #[inline(never)]
    fn load_slowly<T: MemInt>(&mut self, ea: u64) -> Result<T, Trap> {
        if let Some(host) = self.tlb.read_displaced(ea, T::SIZE, self.data_context)
            && let Some(value) = self.ram.read(self.ram.real_address(host))
        {
            return Ok(value);
        }
        let at = self.locate(ea, T::SIZE, false)?;
        if self.is_watched() {
            self.watched_access(&at, ea, T::SIZE, false, None)?;
        }
        let mut bytes = [0u8; 16];
        let mut rest = &mut bytes[..T::SIZE as usize];
        for (ra, len) in at.pieces(T::SIZE) {
            let (piece, behind) = rest.split_at_mut(len as usize);
            if self.ram.read_bytes(ra, piece).is_none() {
                self.load_outside(ra, piece)?;
            }
            rest = behind;
        }
        Ok(T::from_u128(u128::from_le_bytes(bytes)))
    }

    #[cold]
    #[inline(never)]
    fn store_slowly<T: MemInt>(&mut self, ea: u64, value: T) -> Done {
        if let Some(host) = self.tlb.write_displaced(ea, T::SIZE, self.data_context)
            && self.ram.write(self.ram.real_address(host), value).is_some()
        {
            return Ok(());
        }
        let at = self.locate(ea, T::SIZE, true)?;
        let bytes = value.to_u128().to_le_bytes();
        if self.is_watched() {
            self.watched_access(&at, ea, T::SIZE, true, Some(bytes))?;
        }
        let mut rest = &bytes[..T::SIZE as usize];
        for (ra, len) in at.pieces(T::SIZE) {
            let (piece, behind) = rest.split_at(len as usize);
            if self.ram.put(ra, piece).is_none() {
                self.store_outside(ra, piece)?;
            }
            rest = behind;
        }
        self.note_code_written(&at, T::SIZE);
        Ok(())
    }

    /// Finds `len` bytes (at most a page) at `ea`: every check an access can fail is made here.
    fn locate(&mut self, ea: u64, len: u64, write: bool) -> Result<Located, Trap> {
        let at = self.find(ea, len, write)?;
        self.watch(ea, at.first_len, write)?;
        if at.first_len < len {
            self.watch(self.wrap(ea.wrapping_add(at.first_len)), len - at.first_len, write)?;
        }
        if write && !self.code_writable && at.pieces(len).any(|(ra, _)| self.ram.is_code(ra)) {
            return Err(Trap::CodeModified);
        }
        Ok(at)
    }

    /// An access that may be made is about to be: who watches its bytes is told first, also which bytes it stores.
    #[cold]
    fn watched_access(&mut self, at: &Located, ea: u64, len: u64, write: bool, stored: Stored) -> Done {
        let (mut ea, mut stored) = (ea, stored);
        for (ra, len) in at.pieces(len) {
            self.tell_owners(kind(write), ea, ra, len, stored)?;
            ea = self.wrap(ea.wrapping_add(len));
            stored.as_mut().iter_mut().for_each(|bytes| bytes.rotate_left(len as usize % 16));
        }
        Ok(())
    }

    /// As [`Cpu::locate`], without an access: nothing matches a watchpoint or is written.
    fn find(&mut self, ea: u64, len: u64, write: bool) -> Result<Located, Trap> {
        let first_len = len.min(PAGE - ea % PAGE);
        let first = self.fill_data(ea, write)?;
        let second = if first_len < len {
            self.fill_data(self.wrap(ea.wrapping_add(first_len)), write)?
        } else {
            RealAddr::default()
        };
        Ok(Located { first, first_len, second })
    }

    fn note_code_written(&mut self, at: &Located, len: u64) {
        for (ra, len) in at.pieces(len) {
            if self.ram.is_code(ra) {
                self.changed_code.push((ra, len));
            }
        }
    }

    /// Checks that the byte at `ea` can be loaded: what cache management does, which never matches a watchpoint.
    pub fn examine(&mut self, ea: u64) -> Done {
        if self.tlb.read(ea, 1, self.data_context).is_none() {
            self.find(ea, 1, false)?;
        }
        Ok(())
    }

    /// Checks that `len` bytes at `ea` can be read, so that an instruction with several accesses is restartable.
    pub fn probe_load(&mut self, ea: u64, len: u64) -> Done {
        self.probe(ea, len, false)
    }

    /// Checks that `len` bytes at `ea` can be written.
    pub fn probe_store(&mut self, ea: u64, len: u64) -> Done {
        self.probe(ea, len, true)
    }

    fn probe(&mut self, ea: u64, len: u64, write: bool) -> Done {
        let mut done = 0;
        while done < len {
            let at = self.wrap(ea.wrapping_add(done));
            let piece = (len - done).min(PAGE - at % PAGE);
            self.locate(at, piece, write)?;
            done += piece;
        }
        Ok(())
    }

    /// Checks that `len` bytes at `ea`, at most a page, are in storage that is not caching inhibited.
    pub fn needs_cached(&mut self, ea: u64, len: u64, write: bool) -> Done {
        let known = if write { Tlb::write } else { Tlb::read };
        if known(&self.tlb, ea, len, self.data_context).is_some() {
            return Ok(());
        }
        let at = self.find(ea, len, write)?;
        at.pieces(len).try_for_each(|(ra, _)| self.check_cached(ea, ra, write))
    }

    fn check_cached(&mut self, ea: u64, ra: RealAddr, write: bool) -> Done {
        if self.ram.contains(ra, 1) {
            return Ok(());
        }
        self.fault.dar = ea;
        self.fault.dsisr = DSISR_INHIBITED | if write { DSISR_STORE } else { 0 };
        Err(Trap::DataStorage)
    }

    /// Stores `len` zero bytes at `ea`, which do not cross a page; an alignment interrupt where they would go to a
    /// window.
    pub fn store_zeros(&mut self, ea: u64, len: u64) -> Done {
        if let Some(host) = self.tlb.write(ea, len, self.data_context)
            && self.ram.zero(self.ram.real_address(host), len).is_some()
        {
            return Ok(());
        }
        let at = self.locate(ea, len, true)?;
        if self.is_watched() {
            self.watched_access(&at, ea, len, true, None)?;
        }
        for (ra, len) in at.pieces(len) {
            self.ram.zero(ra, len).ok_or(Trap::Alignment)?;
        }
        self.note_code_written(&at, len);
        Ok(())
    }

    /// Load and reserve: `ea` is aligned to the size of `T`.
    pub fn reserve<T: MemInt>(&mut self, ea: u64) -> Result<T, Trap> {
        let addr = match self.tlb.read(ea, T::SIZE, self.data_context) {
            Some(host) => self.ram.real_address(host),
            None => {
                let addr = self.locate(ea, T::SIZE, false)?.first;
                self.check_cached(ea, addr, false)?;
                addr
            }
        };
        let value: T = self.load(ea)?;
        self.reservation = Reservation {
            granule: addr.align_down(CACHE_BLOCK),
            addr,
            len: T::SIZE as u8,
            value: value.to_u128(),
        };
        Ok(value)
    }

    /// Store conditional: `ea` is aligned to the size of `T`. Stores and returns true if the reservation covers the
    /// address; the reservation is gone afterwards either way.
    ///
    /// Whether a store to another address of the granule succeeds is undefined (2.07 Book II, "Store Conditional
    /// Instructions"); here it fails, as it does when the size differs. A store that is not performed matches no
    /// watchpoint.
    pub fn store_conditional<T: MemInt>(&mut self, ea: u64, value: T) -> Result<bool, Trap> {
        // Storage checks come first: an interrupt is taken whether or not the store would be performed.
        let addr = match self.tlb.write(ea, T::SIZE, self.data_context) {
            Some(host) => self.ram.real_address(host),
            None => {
                let addr = self.find(ea, T::SIZE, true)?.first;
                self.check_cached(ea, addr, true)?;
                addr
            }
        };
        let matches = self.reservation.addr == addr && u64::from(self.reservation.len) == T::SIZE;
        if matches {
            self.store(ea, value)?;
        }
        self.reservation = Reservation::default();
        Ok(matches)
    }

    /// Fetches the instruction word at `ea`. For the engine and for reports; does not use the TLB.
    pub fn fetch(&mut self, ea: u64) -> Result<u32, Trap> {
        let ra = self.translate(ea, Access::Fetch)?.ra;
        let word: u32 = self.ram.read(ra).unwrap_or(0);
        Ok(if self.le() { word } else { word.swap_bytes() })
    }
}

impl Located {
    /// The pieces of an access of `len` bytes: real address and length.
    fn pieces(&self, len: u64) -> impl Iterator<Item = (RealAddr, u64)> + use<> {
        let second = (self.first_len < len).then_some((self.second, len.saturating_sub(self.first_len)));
        std::iter::once((self.first, self.first_len)).chain(second)
    }
}
