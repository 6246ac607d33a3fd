//! GDB's remote protocol for a machine with 64-bit POWER processors.
//!
//! Enters: bytes that a debugger sent, and why the guest has stopped. Leaves: bytes for the debugger, and calls of a
//! [`Machine`], which are made while no instruction runs. Framing, checksums and the packets themselves are `gdbstub`'s; here
//! are the registers ([`registers`]), as GDB's target description of this processor has them, and one debugger's
//! [`Session`].
//!
//! Must hold: whatever bytes come, memory is bounded by [`PACKET`], nothing panics, and the machine sees well-formed requests
//! only. A packet that is damaged or makes no sense ends the session with an error.

mod arch;
pub mod registers;
mod session;
mod target;

pub use session::{Error, PACKET, Session, State};
pub use target::{Machine, Point, PointKind, Resume, Stopped};
