//! A PAPR partition: processors, the address space that they share, and the hypercalls that are answered natively.
//!
//! Enters: processors ([`ppc_core`]), and what the caller allows for a run. Leaves: an [`Exit`], and what the guest
//! printed. Nothing here knows Python or a socket; the caller says how long a run may be and handles everything else
//! between two slices.
//!
//! | file | idea |
//! |---|---|
//! | `partition` | the processors together: runs, slices, hypercalls, and forgetting translations |
//! | `schedule` | several processors: whose turn it is, and what changes under a processor meanwhile |
//! | `vcpu` | a processor between runs: waiting, stopped at a hypercall, kicked |
//! | `replay` | recorded and replayed runs: where a run must stop, and whether it follows its recording |
//! | `exit` | why a run ended |
//! | `hypercall` | native hypercalls: one row each |
//! | `terminal` | those of the virtual terminal |
//! | `space` | the real address space: RAM, and windows of devices |

mod exit;
mod hypercall;
mod partition;
mod replay;
mod schedule;
mod space;
pub mod terminal;
mod vcpu;

pub use exit::Exit;
pub use hypercall::{Handler, Hypercalls, Row};
pub use partition::Partition;
pub use ppc_core::outside::Question;
pub use replay::Place;
pub use schedule::{Areas, TURN, Turn};
pub use space::{Space, SpaceError};
pub use vcpu::{Frozen, Kick, Vcpu};
