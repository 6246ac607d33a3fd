//! Where things lie: real memory, and the effective addresses that lead there when relocation is on.
//!
//! Low effective addresses are the real ones, so that a program runs with and without relocation.

/// RAM without pages of 16 MiB.
pub const RAM: u64 = 0x8_0000;
/// RAM with them: the second such page begins at [`HUGE`].
pub const LARGE_RAM: u64 = 0x200_0000;
/// A real page of 16 MiB.
pub const HUGE: u64 = 0x100_0000;

/// Bytes of a device's window, which begins where RAM ends.
pub const WINDOW: u64 = 0x2_0000;

/// The interrupt vectors at 0, for AIL 2, and for AIL 3 (behind the linear map); what precedes the latter are the
/// entries of `scv`.
pub const VECTORS: [u64; 3] = [0, 0x1_8000, 0x4000];
pub const SCV_VECTORS: [u64; 2] = [0x1_7000, 0x3000];
/// The tables that a program loads from, one page for either byte order (big, little).
pub const TABLES: [u64; 2] = [0x2000, 0x6000];
/// The main program and the one in the other byte order.
pub const CODE: [std::ops::Range<u64>; 2] = [0x8000..0x1_0000, 0x1_0000..0x1_4000];
/// What loads and stores are meant to hit.
pub const DATA: std::ops::Range<u64> = 0x2_0000..0x3_0000;
/// Where each part of the effective address space begins whose offsets are real addresses: a second name in pages of
/// 4 KiB,
pub const ALIAS: u64 = 0x10_0000;
/// a segment of 64 KiB pages,
pub const SEGMENT_64K: u64 = 0x1000_0000;
/// a segment of 16 MiB pages,
pub const SEGMENT_16M: u64 = 0x2000_0000;
/// one that no SLB entry translates,
pub const SEGMENT_NONE: u64 = 0x3000_0000;
/// and the linear map.
pub const LINEAR: u64 = 0xc000_0000_0000_0000;

/// Offsets in a page of tables, with the number of entries.
pub const ADDRESSES: (u64, u64) = (0x000, 64);
pub const CODE_ADDRESSES: (u64, u64) = (0x200, 32);
pub const MSRS: (u64, u64) = (0x300, 16);
pub const INTEGERS: (u64, u64) = (0x380, 64);
pub const SITES: (u64, u64) = (0x580, 16);
pub const OTHER_ENTRIES: (u64, u64) = (0x600, 8);
pub const OTHER_MSRS: (u64, u64) = (0x640, 8);
/// Words.
pub const PATCHES: (u64, u64) = (0x680, 32);
/// Quadwords.
pub const VALUES: (u64, u64) = (0x700, 144);
