//! Semantics: system instructions.
