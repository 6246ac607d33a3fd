//! Helpers for the unit tests of several files.

use crate::hcall::{H_ENTER, H_READ, H_REMOVE};
use crate::hpte::{Hpte, R_M, R_RPN_SHIFT, V_LARGE, V_SECONDARY, V_VALID};
use crate::page_size::ENCODINGS;
use crate::{Hpt, HptError, Outcome, RamLimit, SegmentSize, VirtualAddress};

/// The guest's memory in these tests.
pub(crate) const RAM: RamLimit = RamLimit(1 << 40);

pub(crate) type Result = std::result::Result<(), HptError>;

/// A kernel address in a 1 TiB segment of 64 KiB pages.
pub(crate) fn address(page: u64) -> VirtualAddress {
    VirtualAddress { vsid: 0x7_1234_5678, segment: SegmentSize::T1, base_shift: 16, offset: page << 16 }
}

/// An entry for an address, by an encoding's row.
pub(crate) fn entry_for(va: &VirtualAddress, actual_shift: u32, real: u64) -> Hpte {
    let row =
        ENCODINGS.iter().find(|e| e.size.base_shift == va.base_shift && e.size.actual_shift == actual_shift);
    let (large, lp) = row.map_or((false, 0), |e| (e.large, e.lp));
    Hpte { v: va.avpn() | if large { V_LARGE } else { 0 } | V_VALID, r: real | lp << R_RPN_SHIFT | R_M }
}

pub(crate) fn primary(hpt: &Hpt, va: &VirtualAddress) -> u64 {
    (va.hash() & (hpt.groups() - 1)) * 8
}

pub(crate) fn secondary(hpt: &Hpt, va: &VirtualAddress) -> u64 {
    (!va.hash() & (hpt.groups() - 1)) * 8
}

pub(crate) fn call(hpt: &Hpt, number: u64, args: &[u64]) -> Outcome {
    let mut all = [0; 9];
    all[..args.len()].copy_from_slice(args);
    hpt.dispatch(number, &all, &RAM).unwrap_or_else(|| Outcome::new(crate::ret::H_FUNCTION))
}

pub(crate) fn enter(hpt: &Hpt, flags: u64, ptex: u64, entry: Hpte) -> Outcome {
    call(hpt, H_ENTER, &[flags, ptex, entry.v, entry.r])
}

pub(crate) fn remove(hpt: &Hpt, ptex: u64) -> Outcome {
    call(hpt, H_REMOVE, &[0, ptex, 0])
}

pub(crate) fn read(hpt: &Hpt, ptex: u64) -> Vec<u64> {
    call(hpt, H_READ, &[0, ptex]).out().to_vec()
}

/// Maps a 64 KiB page by its primary hash; returns where.
pub(crate) fn map(hpt: &Hpt, page: u64, real: u64) -> u64 {
    let va = address(page);
    enter(hpt, 0, primary(hpt, &va), entry_for(&va, 16, real)).out()[0]
}

/// The same entry as the secondary hash's.
pub(crate) fn as_secondary(entry: Hpte) -> Hpte {
    Hpte { v: entry.v | V_SECONDARY, ..entry }
}

/// Takes everything dirty, as indices.
pub(crate) fn take_all(hpt: &Hpt) -> Vec<u64> {
    let mut out = Vec::new();
    hpt.take_dirty(0, usize::MAX, &mut out);
    out.iter().map(|d| d.ptex).collect()
}
