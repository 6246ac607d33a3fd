//! THE instruction table: one row per instruction.
