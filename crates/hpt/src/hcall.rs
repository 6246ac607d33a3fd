//! The hypercalls on the table: LoPAR, "Page Frame Table Access".
//!
//! Enters: a hypercall's number and R4 to R12. Leaves: the return code, the result registers and the translations
//! that processors may no longer use. Where LoPAR leaves room or contradicts itself, this does what the
//! hypervisors in use do:
//! - H_REMOVE and its relatives answer H_NOT_FOUND for an invalid entry;
//! - H_BULK_REMOVE's andcond compares all of doubleword 0, as H_REMOVE's does, for the guest's software bits are
//!   what it is used for (LoPAR masks bits 57 to 63);
//! - H_PROTECT leaves R alone (LoPAR lists the bits to change without R, and then clears it);
//! - pages of system memory are WIMG = 0010; strong access ordering is not offered.

use crate::bulk;
use crate::hash::VirtualPage;
use crate::hpte::{
    GROUP_SLOTS, Hpte, R_C, R_I, R_KEY_HI, R_KEY_LO, R_M, R_N, R_PP, R_PP0, R_PROTECTION, R_R, R_RESERVED,
    R_W, R_WIMG, V_AVPN_COMPARE, V_VALID,
};
use crate::ret::{H_NOT_FOUND, H_PARAMETER, H_PTEG_FULL, H_SUCCESS, H_TOO_BIG};
use crate::table::Hpt;

/// Removes an entry.
pub const H_REMOVE: u64 = 0x04;
/// Enters an entry.
pub const H_ENTER: u64 = 0x08;
/// Reads one entry or four.
pub const H_READ: u64 = 0x0c;
/// Clears the change bit.
pub const H_CLEAR_MOD: u64 = 0x10;
/// Clears the reference bit.
pub const H_CLEAR_REF: u64 = 0x14;
/// Changes protection and key.
pub const H_PROTECT: u64 = 0x18;
/// Removes up to four entries.
pub const H_BULK_REMOVE: u64 = 0x124;

/// A flag by its bit number, bit 0 the most significant (LoPAR, "Page Frame Table Access flags field definition").
const fn flag(bit: u32) -> u64 {
    1 << (63 - bit)
}
/// This entry and no other of the group.
pub const H_EXACT: u64 = flag(24);
/// Return logical page numbers; they are never anything else here.
pub const H_R_XLATE: u64 = flag(25);
/// Read four entries.
pub const H_READ_4: u64 = flag(26);
/// Only if B and AVPN are these.
pub const H_AVPN: u64 = flag(32);
/// Only if doubleword 0 has none of these bits.
pub const H_ANDCOND: u64 = flag(33);
/// Invalidate the instruction cache for the page.
pub const H_ICACHE_INVALIDATE: u64 = flag(40);
/// Make the instruction cache agree with the data cache for the page.
pub const H_ICACHE_SYNCHRONIZE: u64 = flag(41);
/// Zero the page.
pub const H_ZERO_PAGE: u64 = flag(48);

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

/// System memory from zero to a limit and nothing else, whose content is not this crate's: for tests and tools.
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

/// A translation that the guest has taken back or narrowed: processors must forget it before the hypercall returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invalidated {
    /// Index of the entry.
    pub ptex: u64,
    /// The entry as it was.
    pub entry: Hpte,
}

/// What a hypercall did. `rc` goes to R3, [`Outcome::out`] to R4 and on.
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
    pub(crate) fn new(rc: i64) -> Self {
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

    pub(crate) fn with_out(mut self, out: &[u64]) -> Self {
        self.out[..out.len()].copy_from_slice(out);
        self.out_len = out.len();
        self
    }

    pub(crate) fn invalidating(mut self, ptex: u64, entry: Hpte) -> Self {
        self.invalidated[self.invalidated_len] = Invalidated { ptex, entry };
        self.invalidated_len += 1;
        self
    }
}

impl Hpt {
    /// Runs hypercall `number` with `args` from R4 on; `None` if it is none of the table's.
    #[inline]
    pub fn dispatch(&self, number: u64, args: &[u64; 9], map: &impl RealMap) -> Option<Outcome> {
        Some(match number {
            H_ENTER => self.h_enter(args[0], args[1], Hpte { v: args[2], r: args[3] }, map),
            H_REMOVE => self.h_remove(args[0], args[1], args[2]),
            H_READ => self.h_read(args[0], args[1]),
            H_PROTECT => self.h_protect(args[0], args[1], args[2]),
            H_CLEAR_REF => self.h_clear(args[1], R_R),
            H_CLEAR_MOD => self.h_clear(args[1], R_C),
            H_BULK_REMOVE => bulk::h_bulk_remove(self, args),
            _ => return None,
        })
    }

    /// The virtual page that an entry maps, for selective invalidation; `None` if it can match no search.
    #[inline]
    pub fn virtual_page(&self, ptex: u64, entry: Hpte) -> Option<VirtualPage> {
        VirtualPage::of_entry(self.groups(), ptex, entry)
    }

    fn h_enter(&self, flags: u64, ptex: u64, asked: Hpte, map: &impl RealMap) -> Outcome {
        if ptex >= self.slots() {
            return Outcome::new(H_PARAMETER);
        }
        // An address that is not aligned to the page size has no valid encoding either.
        let Some(size) = asked.page_size() else {
            return Outcome::new(H_PARAMETER);
        };
        let (real, len) = (asked.real_page(size.actual_shift), 1 << size.actual_shift);
        let region = map.region(real, len);
        let wimg = asked.r & R_WIMG;
        let suits = match region {
            Region::Ram => wimg == R_M,
            Region::Io => wimg & (R_W | R_I) == R_I,
            Region::Missing => false,
        };
        if !suits {
            return Outcome::new(H_PARAMETER);
        }
        let on_page = flags & (H_ZERO_PAGE | H_ICACHE_INVALIDATE | H_ICACHE_SYNCHRONIZE);
        if on_page != 0 && size.actual_shift > 16 {
            return Outcome::new(H_TOO_BIG);
        }
        if region == Region::Ram {
            if on_page & H_ZERO_PAGE != 0 {
                map.zero(real, len);
            }
            if on_page & (H_ICACHE_INVALIDATE | H_ICACHE_SYNCHRONIZE) != 0 {
                map.flush_instructions(real, len);
            }
        }
        // An entry comes in as the guest gave it, valid or not. The update path drops the hypervisor's bits.
        let new = Hpte { v: asked.v, r: asked.r & !R_RESERVED };
        let candidates = if flags & H_EXACT != 0 {
            ptex..ptex + 1
        } else {
            let first = ptex / GROUP_SLOTS * GROUP_SLOTS;
            first..first + GROUP_SLOTS
        };
        for slot in candidates {
            if self.peek_v(slot) & V_VALID == 0
                && !self.update(slot, |old| (!old.is_valid()).then_some(new)).is_valid()
            {
                return Outcome::new(H_SUCCESS).with_out(&[slot]);
            }
        }
        Outcome::new(H_PTEG_FULL)
    }

    /// Takes an entry out if it is valid and satisfies the flags.
    pub(crate) fn remove(&self, flags: u64, ptex: u64, avpn: u64) -> Option<Hpte> {
        self.update_valid(ptex, |old| meets(flags, old.v, avpn).then(Hpte::default))
    }

    fn h_remove(&self, flags: u64, ptex: u64, avpn: u64) -> Outcome {
        if ptex >= self.slots() {
            return Outcome::new(H_PARAMETER);
        }
        match self.remove(flags, ptex, avpn) {
            Some(old) => Outcome::new(H_SUCCESS).with_out(&[old.v, old.r]).invalidating(ptex, old),
            None => Outcome::new(H_NOT_FOUND),
        }
    }

    fn h_read(&self, flags: u64, ptex: u64) -> Outcome {
        if ptex >= self.slots() {
            return Outcome::new(H_PARAMETER);
        }
        let (first, count) = if flags & H_READ_4 != 0 { (ptex & !3, 4) } else { (ptex, 1) };
        let mut out = [0; 8];
        for (pair, ptex) in out.as_chunks_mut::<2>().0.iter_mut().zip(first..first + count) {
            let entry = self.read(ptex).guest();
            *pair = [entry.v, entry.r];
        }
        Outcome::new(H_SUCCESS).with_out(&out[..2 * count as usize])
    }

    fn h_protect(&self, flags: u64, ptex: u64, avpn: u64) -> Outcome {
        if ptex >= self.slots() {
            return Outcome::new(H_PARAMETER);
        }
        // The flags hold pp1, pp2, n and key2 to key4 where doubleword 1 has them, pp0 and key0, key1 elsewhere.
        let bits = (flags << 55 & R_PP0) | (flags << 48 & R_KEY_HI) | (flags & (R_KEY_LO | R_N | R_PP));
        let new_r = |r: u64| r & !R_PROTECTION | bits;
        let old = self.update_valid(ptex, |old| {
            meets(flags & H_AVPN, old.v, avpn).then_some(Hpte { v: old.v, r: new_r(old.r) })
        });
        match old {
            None => Outcome::new(H_NOT_FOUND),
            Some(old) if new_r(old.r) == old.r => Outcome::new(H_SUCCESS),
            Some(old) => Outcome::new(H_SUCCESS).invalidating(ptex, old),
        }
    }

    /// H_CLEAR_REF and H_CLEAR_MOD: clears a bit of doubleword 1 and returns the doubleword as it was.
    fn h_clear(&self, ptex: u64, bit: u64) -> Outcome {
        if ptex >= self.slots() {
            return Outcome::new(H_PARAMETER);
        }
        match self.update_valid(ptex, |old| Some(Hpte { v: old.v, r: old.r & !bit })) {
            None => Outcome::new(H_NOT_FOUND),
            Some(old) if old.r & bit == 0 => Outcome::new(H_SUCCESS).with_out(&[old.r]),
            Some(old) => Outcome::new(H_SUCCESS).with_out(&[old.r]).invalidating(ptex, old),
        }
    }
}

/// Whether doubleword 0 satisfies the conditions of the flags.
#[inline]
fn meets(flags: u64, v: u64, avpn: u64) -> bool {
    (flags & H_AVPN == 0 || v & V_AVPN_COMPARE == avpn) && (flags & H_ANDCOND == 0 || v & avpn == 0)
}
