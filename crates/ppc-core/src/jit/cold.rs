//! Code off the straight path, emitted behind the region.

use super::{
    access::Access,
    code::Exit,
    emitter::{Emitter, Registers},
    insn::{Insn, Set, gprs},
    memory::Memory,
};
use crate::trap::Trap;
use dynasmrt::DynamicLabel;

/// What was put off.
pub struct Cold {
    /// Where it begins.
    from: DynamicLabel,
    /// Pins that may be dirty there.
    dirty: Set,
    off: Off,
}

/// Why the straight path is left.
pub enum Off {
    /// What was called has trapped.
    Failed { place: i32 },
    /// The instruction traps.
    Trap { place: i32, trap: Trap },
    /// The budget does not cover the block, or a facility is off: the interpreter shall see.
    Refuse { offset: u32, len: u32 },
    /// A load or store that misses the TLB.
    Access { done: DynamicLabel, place: i32, access: Access },
    /// What the straight path leaves to the instruction's own function.
    Exec { done: DynamicLabel, insn: Insn },
    /// A branch out of the region, through a slot by number.
    Exit { exit: (usize, Exit) },
    /// An indirect branch that is not in the table.
    Miss,
    /// A branch to another page in another context.
    Stale,
}

impl<A: Registers> Emitter<A> {
    /// Puts off what `from` leads to, where the pins in `dirty` may be dirty.
    pub fn push_cold(&mut self, from: DynamicLabel, dirty: Set, off: Off) {
        self.cold.push(Cold { from, dirty, off });
    }
}

impl<A: Memory> Emitter<A> {
    /// Emits what was put off.
    pub fn finish_cold(&mut self) {
        let volatile = self.volatile();
        // What was put off may itself have something to put off.
        while let Some(Cold { from, dirty, off }) = self.cold.pop() {
            self.bind(from);
            match off {
                Off::Failed { place } => self.fail(place, dirty),
                Off::Trap { place, trap } => {
                    A::trap(self, trap);
                    self.fail(place, dirty);
                }
                Off::Refuse { offset, len } => {
                    A::take_back(self, len);
                    self.store_pins(dirty);
                    A::leave_next(self, offset);
                }
                Off::Access { done, place, access } => {
                    self.access_cold(&access, place, dirty);
                    A::jump(self, done);
                }
                Off::Exec { done, insn } => {
                    let touched = volatile | insn.row.map_or(0, |row| gprs(row, insn.word));
                    self.store_pins(dirty & touched);
                    A::exec(self, &insn);
                    let from = self.label();
                    A::on_trap(self, from);
                    self.push_cold(from, dirty & !touched, Off::Failed { place: insn.place() });
                    self.load_pins(touched);
                    A::jump(self, done);
                }
                Off::Exit { exit } => self.leave_through(exit, dirty),
                Off::Miss => A::leave_miss(self),
                Off::Stale => A::leave_stale(self),
            }
        }
    }

    /// Leaves with the trap that a helper has given or [`Flow::trap`](super::flow::Flow::trap) has set.
    fn fail(&mut self, place: i32, dirty: Set) {
        self.store_pins(dirty);
        A::leave_trap(self, place);
    }
}
