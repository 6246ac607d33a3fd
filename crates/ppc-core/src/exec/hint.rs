//! Semantics: instructions that only give the processor advice, which an interpreter has no use for.

use crate::{fields::Word, state::Cpu, trap::Done};

/// Nothing to do: cache and data stream hints, `wait`, which software must expect to resume early, and
/// reserved no-ops (Book Appendices, "Reserved Instructions").
#[inline]
pub fn no_operation(_: &mut Cpu, _: Word) -> Done {
    Ok(())
}
