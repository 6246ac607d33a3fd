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
use crate::hpte::{
    GROUP_SLOTS, Hpte, R_C, R_I, R_KEY_HI, R_KEY_LO, R_M, R_N, R_PP, R_PP0, R_PROTECTION, R_R, R_RESERVED,
    R_W, R_WIMG, V_AVPN_COMPARE, V_VALID,
};
use crate::outcome::Outcome;
use crate::real_map::{RealMap, Region};
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

/// A hypercall on the table.
pub struct Row {
    /// Its number, in R3.
    pub number: u64,
    /// Its name in LoPAR.
    pub name: &'static str,
    /// The handler.
    pub handler: Handler,
}

/// The handler of a hypercall, with R4 to R12.
pub type Handler = fn(&Hpt, &[u64; 9], &dyn RealMap) -> Outcome;

/// Every hypercall on the table.
pub static ROWS: [Row; 7] = [
    Row { number: H_REMOVE, name: "H_REMOVE", handler: |hpt, a, _| hpt.h_remove(a[0], a[1], a[2]) },
    Row {
        number: H_ENTER,
        name: "H_ENTER",
        handler: |hpt, a, map| hpt.h_enter(a[0], a[1], Hpte { v: a[2], r: a[3] }, map),
    },
    Row { number: H_READ, name: "H_READ", handler: |hpt, a, _| hpt.h_read(a[0], a[1]) },
    Row { number: H_CLEAR_MOD, name: "H_CLEAR_MOD", handler: |hpt, a, _| hpt.h_clear(a[1], R_C) },
    Row { number: H_CLEAR_REF, name: "H_CLEAR_REF", handler: |hpt, a, _| hpt.h_clear(a[1], R_R) },
    Row { number: H_PROTECT, name: "H_PROTECT", handler: |hpt, a, _| hpt.h_protect(a[0], a[1], a[2]) },
    Row { number: H_BULK_REMOVE, name: "H_BULK_REMOVE", handler: |hpt, a, _| bulk::h_bulk_remove(hpt, a) },
];

impl Hpt {
    /// Runs hypercall `number` with `args` from R4 on; `None` if the table does not have it.
    pub fn dispatch(&self, number: u64, args: &[u64; 9], map: &dyn RealMap) -> Option<Outcome> {
        ROWS.iter().find(|row| row.number == number).map(|row| (row.handler)(self, args, map))
    }

    fn h_enter(&self, flags: u64, ptex: u64, asked: Hpte, map: &dyn RealMap) -> Outcome {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpte::{V_BOLTED, V_LARGE};
    use crate::outcome::Invalidated;
    use crate::real_map::RamLimit;
    use crate::testing::{Result, address, call, enter, entry_for, map, read, remove};

    /// What the page callbacks were asked, and memory with a device at 1 GiB.
    #[derive(Default)]
    struct Space(std::cell::RefCell<Vec<(&'static str, u64, u64)>>);

    impl RealMap for Space {
        fn region(&self, addr: u64, len: u64) -> Region {
            match addr >> 30 {
                0 => RamLimit(1 << 29).region(addr, len),
                1 => Region::Io,
                _ => Region::Missing,
            }
        }

        fn zero(&self, addr: u64, len: u64) {
            self.0.borrow_mut().push(("zero", addr, len));
        }

        fn flush_instructions(&self, addr: u64, len: u64) {
            self.0.borrow_mut().push(("flush", addr, len));
        }
    }

    fn enter_in(hpt: &Hpt, space: &Space, flags: u64, v: u64, r: u64) -> i64 {
        hpt.dispatch(H_ENTER, &[flags, 0, v, r, 0, 0, 0, 0, 0], space).map_or(1, |outcome| outcome.rc)
    }

    #[test]
    fn h_enter_takes_the_first_free_slot_of_the_group_and_then_says_full() -> Result {
        let hpt = Hpt::new(18)?;
        let entry = entry_for(&address(1), 16, 0);
        for slot in 0..8 {
            assert_eq!(enter(&hpt, 0, 0x45, entry).out(), [0x40 + slot]);
        }
        assert_eq!(enter(&hpt, 0, 0x40, entry), Outcome::new(H_PTEG_FULL));
        assert_eq!(enter(&hpt, H_EXACT, 0x43, entry), Outcome::new(H_PTEG_FULL));
        remove(&hpt, 0x43);
        assert_eq!(enter(&hpt, H_EXACT, 0x44, entry).rc, H_PTEG_FULL);
        assert_eq!(enter(&hpt, 0, 0x40, entry).out(), [0x43]);
        Ok(())
    }

    #[test]
    fn h_enter_accepts_only_the_storage_control_that_suits_the_address() -> Result {
        let (hpt, space) = (Hpt::new(18)?, Space::default());
        for wimg in 0..16 {
            let memory = enter_in(&hpt, &space, H_EXACT, 0, wimg << 3);
            assert_eq!(memory == H_SUCCESS, wimg == 0b0010, "memory {wimg:04b}");
            let device = enter_in(&hpt, &space, H_EXACT, 0, 1 << 30 | wimg << 3);
            assert_eq!(device == H_SUCCESS, wimg >> 2 == 0b01, "device {wimg:04b}");
            assert_eq!(enter_in(&hpt, &space, 0, 1, 2 << 30 | wimg << 3), H_PARAMETER, "nothing {wimg:04b}");
        }
        Ok(())
    }

    #[test]
    fn h_enter_refuses_a_page_that_reaches_beyond_memory_or_has_no_known_size() -> Result {
        let (hpt, space) = (Hpt::new(18)?, Space::default());
        assert_eq!(enter_in(&hpt, &space, 0, 1, ((1 << 29) - 0x1000) | R_M), H_SUCCESS);
        assert_eq!(enter_in(&hpt, &space, 0, 1, 1 << 29 | R_M), H_PARAMETER);
        assert_eq!(enter_in(&hpt, &space, 0, 1 | V_LARGE, 3 << 12 | R_M), H_PARAMETER, "16 GiB page");
        assert_eq!(enter_in(&hpt, &space, 0, 1 | V_LARGE, 2 << 12 | R_M), H_PARAMETER, "no such LP");
        assert_eq!(enter_in(&hpt, &space, 0, 1 | V_LARGE, 1 << 20 | R_M), H_PARAMETER, "misaligned 16 MiB");
        assert_eq!(enter_in(&hpt, &space, 0, 1 | V_LARGE, 1 << 24 | R_M), H_SUCCESS);
        Ok(())
    }

    #[test]
    fn h_enter_zeroes_and_flushes_small_pages_of_memory_only() -> Result {
        let (hpt, space) = (Hpt::new(18)?, Space::default());
        let every = H_ZERO_PAGE | H_ICACHE_INVALIDATE | H_ICACHE_SYNCHRONIZE;
        assert_eq!(enter_in(&hpt, &space, every, 1 | V_LARGE, 0x12_1000 | R_M), H_SUCCESS);
        assert_eq!(enter_in(&hpt, &space, every, 1, 1 << 30 | R_I), H_SUCCESS);
        for flag in [H_ZERO_PAGE, H_ICACHE_INVALIDATE, H_ICACHE_SYNCHRONIZE] {
            assert_eq!(enter_in(&hpt, &space, flag, 1 | V_LARGE, 1 << 24 | R_M), H_TOO_BIG);
        }
        assert_eq!(space.0.into_inner(), [("zero", 0x12_0000, 0x1_0000), ("flush", 0x12_0000, 0x1_0000)]);
        Ok(())
    }

    #[test]
    fn h_remove_checks_avpn_and_mask_and_leaves_the_entry_otherwise() -> Result {
        let hpt = Hpt::new(18)?;
        let mut entry = entry_for(&address(1), 16, 0);
        entry.v |= V_BOLTED;
        enter(&hpt, H_EXACT, 9, entry);
        let avpn = address(1).avpn();
        for (flags, condition) in [(H_ANDCOND, V_BOLTED), (H_AVPN, avpn | 1), (H_AVPN, !avpn), (H_ANDCOND, 1)]
        {
            assert_eq!(call(&hpt, H_REMOVE, &[flags, 9, condition]), Outcome::new(H_NOT_FOUND));
        }
        assert_eq!(call(&hpt, H_REMOVE, &[H_AVPN, 10, avpn]).rc, H_NOT_FOUND, "not valid");
        let done = call(&hpt, H_REMOVE, &[H_AVPN, 9, avpn]);
        assert_eq!((done.rc, done.out()), (H_SUCCESS, &[entry.v, entry.r][..]));
        assert_eq!(done.invalidated(), [Invalidated { ptex: 9, entry }]);
        assert_eq!(read(&hpt, 9), [0, 0]);
        Ok(())
    }

    #[test]
    fn h_read_gives_one_entry_or_the_aligned_four() -> Result {
        let hpt = Hpt::new(18)?;
        for n in 0..8 {
            hpt.store(8 + n, Hpte { v: n << 8, r: n << 4 })?;
        }
        assert_eq!(read(&hpt, 13), [0x500, 0x50]);
        let four = call(&hpt, H_READ, &[H_READ_4 | H_R_XLATE, 14]);
        assert_eq!(four.out(), [0x400, 0x40, 0x500, 0x50, 0x600, 0x60, 0x700, 0x70]);
        Ok(())
    }

    #[test]
    fn h_protect_changes_protection_and_key_and_nothing_else() -> Result {
        let hpt = Hpt::new(18)?;
        let ptex = map(&hpt, 3, 0x77_0000);
        let found = hpt.guest_entry(ptex)?;
        hpt.set_rc(ptex, found, true);
        let old = hpt.guest_entry(ptex)?;
        // pp0, pp1, pp2 and n; key 0b10101; and noise in the other flags.
        let flags = 0x100 | 0x7 | 0b10 << 12 | 0b101 << 9 | 0xf8;
        let done = call(&hpt, H_PROTECT, &[flags | H_AVPN, ptex, address(3).avpn()]);
        assert_eq!((done.rc, done.out()), (H_SUCCESS, &[][..]));
        assert_eq!(done.invalidated(), [Invalidated { ptex, entry: old }]);
        let new = hpt.guest_entry(ptex)?;
        assert_eq!((new.key(), new.pp(), new.r & R_N), (0b10101, 0b111, R_N));
        assert_eq!((new.v, new.r & !R_PROTECTION), (old.v, old.r & !R_PROTECTION));
        assert!(call(&hpt, H_PROTECT, &[flags, ptex, 0]).invalidated().is_empty(), "the same again");
        assert_eq!(call(&hpt, H_PROTECT, &[H_AVPN, ptex, address(400).avpn()]).rc, H_NOT_FOUND);
        assert_eq!(call(&hpt, H_PROTECT, &[0, ptex + 1, 0]).rc, H_NOT_FOUND);
        Ok(())
    }

    #[test]
    fn h_clear_ref_and_h_clear_mod_return_the_second_doubleword_as_it_was() -> Result {
        let hpt = Hpt::new(18)?;
        let ptex = map(&hpt, 3, 0);
        let clean = hpt.guest_entry(ptex)?;
        hpt.set_rc(ptex, clean, true);
        assert_eq!(call(&hpt, H_CLEAR_REF, &[0, ptex]).out(), [clean.r | R_R | R_C]);
        assert_eq!(call(&hpt, H_CLEAR_MOD, &[0, ptex]).out(), [clean.r | R_C]);
        let idle = call(&hpt, H_CLEAR_MOD, &[0, ptex]);
        assert_eq!((idle.out(), idle.invalidated()), (&[clean.r][..], &[][..]));
        assert_eq!(call(&hpt, H_CLEAR_REF, &[0, ptex + 1]).rc, H_NOT_FOUND);
        assert_eq!(call(&hpt, H_CLEAR_MOD, &[0, hpt.slots()]).rc, H_PARAMETER);
        Ok(())
    }

    #[test]
    fn every_row_is_found_by_its_own_number_and_no_other_number_is_answered() -> Result {
        let hpt = Hpt::new(18)?;
        for (i, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..i].iter().all(|other| (other.number, other.name) != (row.number, row.name)));
        }
        for number in (0..0x1000).chain([u64::MAX]) {
            let answered = hpt.dispatch(number, &[0; 9], &RamLimit(0)).is_some();
            assert_eq!(answered, ROWS.iter().any(|row| row.number == number), "{number:#x}");
        }
        Ok(())
    }
}
