//! Return codes of hypercalls (LoPAR, "Hypervisor Call Return Codes"), in R3.

/// It worked.
pub const H_SUCCESS: i64 = 0;
/// The hardware failed.
pub const H_HARDWARE: i64 = -1;
/// No such hypercall.
pub const H_FUNCTION: i64 = -2;
/// A hypercall from problem state.
pub const H_PRIVILEGE: i64 = -3;
/// A parameter is out of range.
pub const H_PARAMETER: i64 = -4;
/// The group, or with H_EXACT the entry, is in use.
pub const H_PTEG_FULL: i64 = -6;
/// No valid entry that satisfies the condition.
pub const H_NOT_FOUND: i64 = -7;
/// The page is too large for what the flags ask.
pub const H_TOO_BIG: i64 = -64;
