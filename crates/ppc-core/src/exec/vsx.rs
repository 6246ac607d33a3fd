//! Semantics: vsx instructions.
