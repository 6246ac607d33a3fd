//! What `gdbstub` wants to know of the architecture.

use crate::registers::{BYTES, DESCRIPTION, ROWS};
use gdbstub::arch::{self, Arch};
use std::num::NonZeroUsize;

/// A 64-bit POWER processor.
pub enum Power64 {}

impl Arch for Power64 {
    type Usize = u64;
    type Registers = Registers;
    type BreakpointKind = usize;
    type RegId = Number;

    fn target_description_xml() -> Option<&'static str> {
        Some(&DESCRIPTION)
    }
}

/// The bytes of every register, in the debugger's order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registers(pub Vec<u8>);

impl Default for Registers {
    fn default() -> Self {
        Self(vec![0; *BYTES])
    }
}

impl arch::Registers for Registers {
    type ProgramCounter = u64;

    /// Nobody asks: breakpoints stop the guest before their instruction.
    fn pc(&self) -> u64 {
        0
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        self.0.iter().for_each(|&byte| write_byte(Some(byte)));
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        if bytes.len() != self.0.len() {
            return Err(());
        }
        self.0.copy_from_slice(bytes);
        Ok(())
    }
}

/// A register, by its row.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub usize);

impl arch::RegId for Number {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        let row = ROWS.get(id)?;
        Some((Self(id), NonZeroUsize::new(row.len())))
    }

    fn to_raw_id(&self) -> Option<usize> {
        Some(self.0)
    }
}
