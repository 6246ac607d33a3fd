//! Why a run ended.

use ppc_core::{ram::RealAddr, watch::Kind};

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
    /// An access to a window: the device's turn, and then [`crate::Partition::answer`]. Nothing of it was done.
    Mmio {
        /// Real address, a multiple of `size`.
        address: RealAddr,
        /// Bytes: 1, 2, 4 or 8.
        size: u8,
        /// What is written; `None` for a load. Values are big-endian: the byte at `address` is the most significant one.
        write: Option<u64>,
    },
    /// Watched bytes are about to be loaded, stored or executed, and nothing was done yet. The next run continues over it.
    Watched {
        /// Who watches them.
        owner: u32,
        /// What is about to happen.
        kind: Kind,
        /// Effective address.
        ea: u64,
        /// Real address.
        address: RealAddr,
        /// Bytes of the access that lie there together: an access that crosses a page is two.
        size: u64,
    },
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
