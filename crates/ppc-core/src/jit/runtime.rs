//! What compiled code finds at fixed places of its [`Cpu`]: helpers, exits, and what it leaves
//! there for the engine. Nothing here is state; it is filled in when an engine starts.

use crate::{state::Cpu, trap::Trap};

/// Compiled code returned because …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Leave {
    /// … the engine must look up the instruction at `cia`.
    Next = 0,
    /// … the branch through `Runtime::slot` is not linked.
    Unlinked = 1,
    /// … the instruction at `cia` ended in `Runtime::trap`.
    Trap = 2,
}

/// A branch of compiled code to other compiled code, or to the stub that leaves.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slot {
    /// The slots of the region that `code` belongs to.
    pub slots: *const Slot,
    /// Where to jump.
    pub code: *const u8,
    /// For a branch to another page: the page in which, seen from where the branch was linked, the target lies. The same
    /// code may be mapped elsewhere, with another neighbour.
    pub page: u64,
    /// For a branch to another page: the fetch context in which this is true.
    pub context: u32,
    /// Where the target lies in its page.
    pub offset: u32,
}

/// An indirect branch taken before.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Jump {
    /// Effective address.
    pub ea: u64,
    /// Fetch context; 0: none.
    pub context: u32,
    /// As in [`Slot`].
    pub slots: *const Slot,
    /// As in [`Slot`].
    pub code: *const u8,
}

/// Entries of the table of indirect branches.
pub const JUMP_SLOTS: usize = 8192;

/// The data that compiled code reaches through its processor.
#[repr(C)]
pub struct Runtime {
    /// CR fields for less, greater and equal, with XER\[SO\].
    pub order: [u32; 3],
    /// A [`Trap`] by number.
    pub trap: u32,
    /// The page of the running region: effective address of its first byte.
    pub page: u64,
    /// The branch that was not linked.
    pub slot: *mut Slot,
    /// An effective address that must survive a call.
    pub ea: u64,
    /// [`Jump`]s.
    pub jumps: *const Jump,
    /// Stubs: leave with [`Leave::Next`] for the page offset in EAX.
    pub leave_next: *const u8,
    /// Leave with [`Leave::Next`]; `cia` is set.
    pub leave_here: *const u8,
    /// Leave with [`Leave::Unlinked`]; the slot is in RCX.
    pub leave_unlinked: *const u8,
    /// Leave with [`Leave::Trap`]: the trap in EAX; ECX holds the page offset and, above it, the instructions begun
    /// too many.
    pub leave_trap: *const u8,
    /// The host's address of guest address 0.
    pub ram: u64,
    /// `helpers::exec`.
    pub exec: *const u8,
    /// Loads of 1, 2, 4, 8 and 16 bytes.
    pub load: [*const u8; 5],
    /// Stores of 1, 2, 4, 8 and 16 bytes.
    pub store: [*const u8; 5],
}

// SAFETY: the pointers are to code, to boxed tables of the engine that owns the processor, and to slots of regions that
// the same engine keeps; all of them move to another thread only together with their engine.
unsafe impl Send for Runtime {}

impl Default for Runtime {
    fn default() -> Self {
        use std::ptr::{null, null_mut};
        Self {
            order: [8, 4, 2],
            trap: 0,
            page: 0,
            slot: null_mut(),
            ea: 0,
            jumps: null(),
            leave_next: null(),
            leave_here: null(),
            leave_unlinked: null(),
            leave_trap: null(),
            ram: 0,
            exec: null(),
            load: [null(); 5],
            store: [null(); 5],
        }
    }
}

impl Cpu {
    /// Makes compiled compares see XER\[SO\].
    #[inline(always)]
    pub(crate) fn note_so(&mut self) {
        let so = u32::from(self.xer.so);
        self.runtime.order = [8 | so, 4 | so, 2 | so];
    }
}

/// The trap with this number. Helpers hand out only numbers of traps.
pub(crate) fn trap_from(number: u32) -> Trap {
    ALL_TRAPS[number as usize]
}

const ALL_TRAPS: [Trap; 20] = {
    use Trap::*;
    [
        MachineCheck,
        DataStorage,
        DataSegment,
        InstStorage,
        InstSegment,
        Alignment,
        Illegal,
        Privileged,
        TrapInstruction,
        FpEnabled,
        FpUnavailable,
        VecUnavailable,
        VsxUnavailable,
        FacilityUnavailable,
        SystemCall,
        SystemCallVectored,
        Hypercall,
        Trace,
        CodeModified,
        Asks,
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traps_are_numbered_in_order() {
        for (number, trap) in ALL_TRAPS.iter().enumerate() {
            assert_eq!(*trap as usize, number);
        }
        assert_eq!(ALL_TRAPS[ALL_TRAPS.len() - 1], Trap::Asks);
    }
}
