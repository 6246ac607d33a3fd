//! Out-of-line code: slow paths, emitted behind the region.

use super::{
    access::MemoryAccess,
    code::RegionExit,
    emitter::{Emitter, Registers},
    insn::{Insn, Set, gprs},
    memory::Memory,
};
use crate::trap::Trap;
use dynasmrt::DynamicLabel;

/// Deferred code.
pub struct OutOfLine {
    /// Where it begins.
    from: DynamicLabel,
    /// Registers that may be dirty there.
    dirty: Set,
    path: SlowPath,
}

/// What a slow path does, and why it is taken.
pub enum SlowPath {
    /// What was called has trapped.
    Failed { place: i32 },
    /// The instruction traps.
    Trap { place: i32, trap: Trap },
    /// The budget does not cover the block, or a facility is off: the interpreter shall see.
    Refuse { offset: u32, len: u32 },
    /// A load or store that misses the TLB.
    Access { done: DynamicLabel, place: i32, access: MemoryAccess },
    /// What the straight path leaves to the instruction's own function.
    Exec { done: DynamicLabel, insn: Insn },
    /// A branch out of the region, through a slot by number.
    Exit { exit: (usize, RegionExit) },
    /// An indirect branch that is not in the table.
    Miss,
    /// A branch to another page in another context.
    Stale,
}

impl<A: Registers> Emitter<A> {
    /// Defers the code that `from` leads to, where the registers in `dirty` may be dirty.
    pub fn push_out_of_line(&mut self, from: DynamicLabel, dirty: Set, path: SlowPath) {
        self.out_of_line.push(OutOfLine { from, dirty, path });
    }
}

impl<A: Memory> Emitter<A> {
    /// Emits the deferred code.
    pub fn finish_out_of_line(&mut self) {
        let volatile = self.volatile();
        // Deferred code may itself defer some.
        while let Some(OutOfLine { from, dirty, path }) = self.out_of_line.pop() {
            self.bind(from);
            match path {
                SlowPath::Failed { place } => self.fail(place, dirty),
                SlowPath::Trap { place, trap } => {
                    A::trap(self, trap);
                    self.fail(place, dirty);
                }
                SlowPath::Refuse { offset, len } => {
                    A::take_back(self, len);
                    self.store_mapped(dirty);
                    A::leave_next(self, offset);
                }
                SlowPath::Access { done, place, access } => {
                    self.access_out_of_line(&access, place, dirty);
                    A::jump(self, done);
                }
                SlowPath::Exec { done, insn } => {
                    let touched = volatile | insn.row.map_or(0, |row| gprs(row, insn.word));
                    self.store_mapped(dirty & touched);
                    if insn.is_relative() {
                        A::show_place(self, &insn);
                    }
                    A::exec(self, &insn);
                    let from = self.label();
                    A::on_trap(self, from);
                    self.push_out_of_line(from, dirty & !touched, SlowPath::Failed { place: insn.place() });
                    self.load_mapped(touched);
                    A::jump(self, done);
                }
                SlowPath::Exit { exit } => self.leave_through(exit, dirty),
                SlowPath::Miss => A::leave_miss(self),
                SlowPath::Stale => A::leave_stale(self),
            }
        }
    }

    /// Leaves with the trap that a helper has given or [`Flow::trap`](super::flow::Flow::trap) has set.
    fn fail(&mut self, place: i32, dirty: Set) {
        self.store_mapped(dirty);
        A::leave_trap(self, place);
    }
}
