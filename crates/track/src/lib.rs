//! What guest RAM and the hash page table have in common: which of their pages or entries changed, and the passes
//! that send them in chunks.
//!
//! | word | meaning |
//! |---|---|
//! | unit | what changes as a whole: a page of RAM, an entry of the hash page table |
//! | mark | "this unit changed", in one of two independent sets, [`Marks`] |
//! | pass | one walk over the units that [`Start`] names |
//! | chunk | some units on their way, as bytes |
//!
//! | file | idea |
//! |---|---|
//! | `bits` | sets of small integers, found without reading the words that have none |
//! | `words` | lazily backed memory, the only `unsafe` of this crate |
//! | `pass` | passes |
//! | `varint` | numbers in a chunk |
//! | `error` | why a chunk or a pass is rejected |
//! | `contract` | what every pass promises, as tests |
//!
//! Nothing here knows a page, an entry, a processor, Python or a socket.

pub mod bits;
#[cfg(feature = "contract")]
#[expect(missing_docs, reason = "a test's name is its sentence")]
pub mod contract;
mod error;
mod pass;
pub mod varint;
mod words;

pub use error::{NoMemory, PassError, StreamError};
pub use pass::{Marks, Pass, Start, Tracked};
pub use words::{FrozenWords, LazyWords};
