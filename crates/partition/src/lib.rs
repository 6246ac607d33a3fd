//! A PAPR partition: processors, the address space that they share, and the hypercalls that need nobody else.
//!
//! Enters: processors ([`ppc_core`]), and what the caller allows for a run. Leaves: an [`Exit`], and what the guest
//! printed. Nothing here knows Python or a socket; the caller says how long a run may be and looks after the rest between
//! two slices.
//!
//! | file | idea |
//! |---|---|
//! | `partition` | the processors together: runs, slices, hypercalls, and who must forget a translation |
//! | `vcpu` | what a processor is while it does not run: waiting, stopped at a hypercall, kicked |
//! | `replay` | runs that are recorded or replayed: what a run must stop for, and whether it is what was recorded |
//! | `exit` | why a run ended |
//! | `hypercall` | native hypercalls: one row each |
//! | `terminal` | those of the virtual terminal |
//! | `space` | the real address space: RAM, and windows of devices |

mod exit;
mod hypercall;
mod partition;
mod replay;
mod space;
pub mod terminal;
mod vcpu;

pub use exit::Exit;
pub use hypercall::{Handler, Hypercalls, Row};
pub use partition::Partition;
pub use replay::Place;
pub use space::{Space, SpaceError};
pub use vcpu::{Kick, Vcpu};
