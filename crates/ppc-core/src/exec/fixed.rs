//! Semantics: fixed instructions.
