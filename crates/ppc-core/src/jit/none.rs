//! A host without a compiler.

use super::{
    CodeMode,
    code::{Fresh, StubCode},
    region::Region,
};
use std::io;

/// How many guest registers can be mapped to host registers.
pub const MAPPABLE: usize = 0;

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
pub fn emit(_: &Region, _: CodeMode) -> io::Result<Fresh> {
    Err(io::ErrorKind::Unsupported.into())
}
