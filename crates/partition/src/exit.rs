//! Why a run ended.

use ppc_core::outside::Question;

/// Why [`crate::Partition::run`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The processor has reached the instruction count that the run was for.
    Limit,
    /// A hypercall without a native answer: the caller's turn. See [`crate::Vcpu::arguments`].
    Hypercall,
    /// The processor waits, and nothing that it waits for has come. With virtual time, the idle limit is reached.
    Halted,
    /// [`crate::Kick::kick`] was called.
    Kicked,
    /// Strict mode: an instruction of the table without semantics.
    Unimplemented {
        /// Its address.
        cia: u64,
        /// Its word; with a prefix, which is above its suffix, both.
        word: u64,
    },
    /// Nothing of an access was done yet. To a window: the device's turn, and then [`crate::Partition::answer`]. To watched
    /// bytes: the next run continues over it.
    Asks(Question),
    /// A branch to itself with external interrupts masked: nothing in this processor can end that.
    Hung,
    /// The caller had time for output between two slices, and there is some.
    Output,
    /// The processor has reached the place of [`crate::Vcpu::stop_at`].
    Place,
    /// The clock log needs the caller: it is full, or there is nothing left to replay.
    ClockLog,
    /// A replay differs from its recording: see [`crate::Vcpu::astray`].
    Diverged,
}
