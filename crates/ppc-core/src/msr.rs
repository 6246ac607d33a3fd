//! Machine State Register bits (Power ISA 3.0B, Book III, "Machine State Register").

/// Sixty-four-bit mode.
pub const SF: u64 = 1 << 63;
/// Hypervisor state; always 0 in a PAPR guest.
pub const HV: u64 = 1 << 60;
/// Vector (VMX) available.
pub const VEC: u64 = 1 << 25;
/// VSX available.
pub const VSX: u64 = 1 << 23;
/// External interrupt enable.
pub const EE: u64 = 1 << 15;
/// Problem state.
pub const PR: u64 = 1 << 14;
/// Floating point available.
pub const FP: u64 = 1 << 13;
/// Machine check enable.
pub const ME: u64 = 1 << 12;
/// Floating-point exception mode 0.
pub const FE0: u64 = 1 << 11;
/// Single-step trace enable.
pub const SE: u64 = 1 << 10;
/// Branch trace enable.
pub const BE: u64 = 1 << 9;
/// Floating-point exception mode 1.
pub const FE1: u64 = 1 << 8;
/// Instruction relocate.
pub const IR: u64 = 1 << 5;
/// Data relocate.
pub const DR: u64 = 1 << 4;
/// Performance monitor mark.
pub const PMM: u64 = 1 << 2;
/// Recoverable interrupt.
pub const RI: u64 = 1 << 1;
/// Little-endian mode.
pub const LE: u64 = 1;

/// The bits a guest may set; every other bit reads 0, those of transactional memory (TM, TS) among them.
pub const GUEST: u64 = SF | VEC | VSX | EE | PR | FP | ME | FE0 | SE | BE | FE1 | IR | DR | PMM | RI | LE;
