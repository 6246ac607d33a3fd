//! Semantics: vector instructions.
