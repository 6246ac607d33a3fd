//! Semantics: loadstore instructions.
