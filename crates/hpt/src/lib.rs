//! The hash page table of a PAPR guest.
//!
//! The table lies outside guest RAM; a guest reaches it by hypercalls ([`hcall`]), a processor by [`Hpt::lookup`]
//! and [`Hpt::set_rc`], a migration by the dirty marks ([`Hpt::take_dirty`] and its neighbours). Nothing here
//! knows a processor, guest RAM, Python or a socket.
//!
//! | file | idea |
//! |---|---|
//! | `hpte` | every bit position of an entry, once |
//! | `page_size` | the one table of page size encodings |
//! | `hash` | virtual addresses, the hash, and its inverse |
//! | `table` | storage, and the one path by which an entry changes |
//! | `lookup` | the page table search, reference and change updates |
//! | `hcall`, `bulk` | the hypercalls' semantics; `ret` their return codes, `outcome` their results, `real_map` the
//! address space that they query |
//! | `dirty` | which entries changed, found without reading the others |
//! | `passes`, `chunk` | a pass that sends what changed, and the bytes it sends |
//! | `resize` | a table of another size takes over the bolted entries |
//! | `frozen` | a table as it was at some moment: copies of it, and the way back to it |
//! | `whole` | operations on the whole table: clear, count, digest |

mod address;
pub mod bulk;
pub mod chunk;
mod dirty;
mod error;
mod frozen;
mod hash;
pub mod hcall;
pub mod hpte;
mod lookup;
mod outcome;
pub mod page_size;
pub mod passes;
mod real_map;
mod resize;
pub mod ret;
mod table;
#[cfg(test)]
mod testing;
mod whole;

pub use address::RealAddr;
pub use dirty::DirtyEntry;
pub use error::HptError;
pub use frozen::Frozen;
pub use hash::{SegmentSize, VirtualAddress, VirtualPage};
pub use hpte::Hpte;
pub use lookup::Found;
pub use outcome::{Invalidated, Outcome};
pub use page_size::PageSize;
pub use passes::{Chunk, HptPass};
pub use real_map::{RamLimit, RealMap, Region};
pub use resize::GroupsFull;
pub use table::{Hpt, MAX_SHIFT, MIN_SHIFT};
