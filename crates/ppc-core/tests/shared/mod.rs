//! Random instructions and operands, for every test that makes up programs.

pub mod operands;
pub mod random;
