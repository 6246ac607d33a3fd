//! A host without a compiler.

use super::{
    Mode,
    code::{Fresh, StubCode},
    region::Region,
};
use std::io;

/// How many guest registers may have a pin.
pub const PINS: usize = 0;

/// Nothing can be entered.
///
/// # Errors
/// Always.
pub fn stubs() -> io::Result<StubCode> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing can be compiled.
///
/// # Errors
/// Always.
pub fn emit(_: &Region, _: Mode) -> io::Result<Fresh> {
    Err(io::ErrorKind::Unsupported.into())
}
