//! Semantics: branch instructions.
