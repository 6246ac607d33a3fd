//! Why a run ended, as the numbers that Python knows.

use partition::{Exit, Question};
use pyo3::prelude::*;

pub const EXIT_LIMIT: u32 = 0;
pub const EXIT_HYPERCALL: u32 = 1;
pub const EXIT_HALTED: u32 = 2;
pub const EXIT_KICKED: u32 = 3;
pub const EXIT_UNIMPLEMENTED: u32 = 4;
pub const EXIT_HUNG: u32 = 5;
pub const EXIT_OUTPUT: u32 = 6;
pub const EXIT_PLACE: u32 = 7;
pub const EXIT_CLOCK_LOG: u32 = 8;
pub const EXIT_DIVERGED: u32 = 9;
pub const EXIT_MMIO: u32 = 10;
pub const EXIT_WATCHED: u32 = 11;
/// Beside each of them: output waits in `take_output`.
pub const OUTPUT: u32 = 0x100;

/// The number of an exit; its details are the caller's to keep.
pub fn number(exit: &Exit) -> u32 {
    match exit {
        Exit::Limit => EXIT_LIMIT,
        Exit::Hypercall => EXIT_HYPERCALL,
        Exit::Halted => EXIT_HALTED,
        Exit::Kicked => EXIT_KICKED,
        Exit::Unimplemented { .. } => EXIT_UNIMPLEMENTED,
        Exit::Asks(Question::Mmio { .. }) => EXIT_MMIO,
        Exit::Asks(Question::Watched { .. }) => EXIT_WATCHED,
        Exit::Hung => EXIT_HUNG,
        Exit::Output => EXIT_OUTPUT,
        Exit::Place => EXIT_PLACE,
        Exit::ClockLog => EXIT_CLOCK_LOG,
        Exit::Diverged => EXIT_DIVERGED,
    }
}

/// Adds the numbers to the module.
pub fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    for (name, number) in [
        ("EXIT_LIMIT", EXIT_LIMIT),
        ("EXIT_HYPERCALL", EXIT_HYPERCALL),
        ("EXIT_HALTED", EXIT_HALTED),
        ("EXIT_KICKED", EXIT_KICKED),
        ("EXIT_UNIMPLEMENTED", EXIT_UNIMPLEMENTED),
        ("EXIT_HUNG", EXIT_HUNG),
        ("EXIT_OUTPUT", EXIT_OUTPUT),
        ("EXIT_PLACE", EXIT_PLACE),
        ("EXIT_CLOCK_LOG", EXIT_CLOCK_LOG),
        ("EXIT_DIVERGED", EXIT_DIVERGED),
        ("EXIT_MMIO", EXIT_MMIO),
        ("EXIT_WATCHED", EXIT_WATCHED),
        ("OUTPUT", OUTPUT),
    ] {
        m.add(name, number)?;
    }
    Ok(())
}
