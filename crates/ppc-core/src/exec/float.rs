//! Semantics: float instructions.
