//! The hash page table of a PAPR guest.
