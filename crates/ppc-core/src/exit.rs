//! Why the engine came back.

use crate::outside::Question;

/// Why [`crate::engine::Engine::run`] returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EngineExit {
    /// The instruction count asked for is reached.
    Limit,
    /// `sc 1`: the hypervisor's turn. The next instruction is the one behind the `sc`.
    Hypercall {
        /// Address of the `sc`.
        sc: u64,
    },
    /// Strict mode: an instruction of the table without semantics.
    Unimplemented {
        /// Its address.
        cia: u64,
        /// Its word; with a prefix, which is above its suffix, both.
        word: u64,
    },
    /// The instruction at the processor's address waits for an answer: see [`crate::engine::Engine::answer`].
    Asks(Question),
    /// A branch to itself with external interrupts masked: nothing in this processor can end that.
    Hung,
}
