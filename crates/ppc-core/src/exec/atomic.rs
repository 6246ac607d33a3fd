//! Semantics: atomic instructions.
