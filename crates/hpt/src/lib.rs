//! The hash page table of a PAPR guest.
//!
//! The table lies outside guest RAM; a guest reaches it by hypercalls ([`hcall`]), a processor by [`Hpt::lookup`]
//! and [`Hpt::set_rc`], a migration by the dirty marks ([`Hpt::take_dirty`] and its neighbours). Nothing here
//! knows a processor, Python or a socket.
//!
//! | file | idea |
//! |---|---|
//! | `hpte` | every bit position of an entry, once |
//! | `page_size` | the one table of page size encodings |
//! | `hash` | virtual addresses, the hash, and its inverse |
//! | `table` | storage, and the one path by which an entry changes |
//! | `lookup` | the page table search, reference and change updates |
//! | `hcall`, `bulk` | the hypercalls' semantics; `ret` their return codes, `outcome` what they leave, `real_map` what they ask |
//! | `dirty`, `bits` | which entries changed, found without reading the others |
//! | `passes`, `chunk` | a walk that sends what changed, and the bytes it sends |
//! | `varint`, `stream_error` | numbers on a stream, and what a stream is refused for |
//! | `resize` | a table of another size takes over the bolted entries |
//! | `whole` | operations on the whole table: clear, count, digest |
//! | `mem` | lazily backed memory, the only `unsafe` of this crate |

pub mod bits;
mod bulk;
pub mod chunk;
mod dirty;
mod error;
mod hash;
pub mod hcall;
pub mod hpte;
mod lookup;
mod mem;
mod outcome;
pub mod page_size;
pub mod passes;
mod real_map;
mod resize;
pub mod ret;
mod stream_error;
mod table;
#[cfg(test)]
mod testing;
pub mod varint;
mod whole;

pub use dirty::DirtyEntry;
pub use error::HptError;
pub use hash::{SegmentSize, VirtualAddress, VirtualPage};
pub use hpte::Hpte;
pub use lookup::Found;
pub use outcome::{Invalidated, Outcome};
pub use page_size::PageSize;
pub use passes::{HptPass, Marks};
pub use real_map::{RamLimit, RealMap, Region};
pub use resize::GroupsFull;
pub use stream_error::StreamError;
pub use table::{Hpt, MAX_SHIFT, MIN_SHIFT};
