//! How a block ends: branches within the region, through slots to other regions, and through the table of indirect
//! branches; and context-synchronising instructions.

use super::{
    code::RegionExit,
    edges::Edges,
    emitter::{Emitter, Host, Registers},
    insn::{CTR, Guest, Insn, LR, Set, cr_bit},
    out_of_line::SlowPath,
};
use crate::{
    insn::{
        Effect,
        effect::Branch::{Always, Conditional, ToCtr, ToLr},
    },
    trap::Trap,
};
use dynasmrt::DynamicLabel;

/// Conditions of the host.
#[derive(Clone, Copy)]
pub enum Condition {
    Less,
    Greater,
    Equal,
    Below,
    Above,
}

/// Branches of a host, and the exits from its code.
pub trait Flow: Registers {
    /// Holds the target of an indirect branch.
    const ADDRESS: Host;

    /// Begins a block of `len` instructions; goes to `refuse` if the budget does not cover it or something is off that it
    /// needs ([`Block::needs`](crate::block::Block::needs)).
    fn begin(e: &mut Emitter<Self>, len: u32, needs: u64, refuse: DynamicLabel);
    /// The `len` instructions of a block that was begun do not count.
    fn take_back(e: &mut Emitter<Self>, len: u32);
    /// Goes to `to`.
    fn jump(e: &mut Emitter<Self>, to: DynamicLabel);
    /// Goes to `to` if `condition` is as `wanted`.
    fn jump_if(e: &mut Emitter<Self>, condition: Condition, wanted: bool, to: DynamicLabel);
    /// The host's flags say "equal" if the bits `mask` of CR field `field` are 0.
    fn test_cr(e: &mut Emitter<Self>, field: usize, mask: u8);
    /// CTR ← CTR - 1; the host's flags say "equal" if it is 0 now.
    fn count(e: &mut Emitter<Self>);
    /// `host ←` the address at `offset` in the page.
    fn address(e: &mut Emitter<Self>, host: Host, offset: u32);
    /// Leaves through slot `number`, every register stored. `other` is how many bytes away another page is, and where to go if that
    /// is not the slot's page and context.
    fn leave_through(e: &mut Emitter<Self>, number: usize, other: Option<(i32, DynamicLabel)>);
    /// Goes to the address in [`Flow::ADDRESS`] through the table of indirect branches, every register stored; to
    /// `miss` if it is not there.
    fn indirect(e: &mut Emitter<Self>, miss: DynamicLabel);
    /// What was begun and the addresses of `insn` and of the next instruction are in the processor.
    fn show_place(e: &mut Emitter<Self>, insn: &Insn);
    /// Leaves for the address in NIA.
    fn leave_at_nia(e: &mut Emitter<Self>);
    /// Leaves for the instruction at `offset`.
    fn leave_next(e: &mut Emitter<Self>, offset: u32);
    /// Leaves when [`Flow::indirect`] has missed.
    fn leave_miss(e: &mut Emitter<Self>);
    /// Leaves when the slot of [`Flow::leave_through`] leads elsewhere.
    fn leave_stale(e: &mut Emitter<Self>);
    /// The trap is `trap`.
    fn trap(e: &mut Emitter<Self>, trap: Trap);
    /// Leaves with the trap, at `place`.
    fn leave_trap(e: &mut Emitter<Self>, place: i32);
}

impl<A: Flow> Emitter<A> {
    /// Goes to `to` if bit `bi` of the condition register is as `wanted`.
    fn jump_if_cr(&mut self, bi: usize, wanted: bool, to: DynamicLabel) {
        let (field, mask) = cr_bit(bi);
        let condition = self.flags_of(field).and_then(|unsigned| match (bi & 3, unsigned) {
            (0, false) => Some(Condition::Less),
            (1, false) => Some(Condition::Greater),
            (0, true) => Some(Condition::Below),
            (1, true) => Some(Condition::Above),
            (2, _) => Some(Condition::Equal),
            _ => None,
        });
        match condition {
            Some(condition) => A::jump_if(self, condition, wanted, to),
            None => {
                A::test_cr(self, field, mask);
                A::jump_if(self, Condition::Equal, !wanted, to);
            }
        }
    }

    /// A label to branch to for the instruction at `target`, relative to this page. Going there must not change
    /// registers; those that are dirty now are dirty there.
    fn edge(&mut self, region: &mut Edges<'_>, target: i64) -> DynamicLabel {
        if let Some(index) = region.inside(target) {
            region.dirty[index] |= self.dirty;
            return region.labels[index].1;
        }
        let exit = region.exit(target);
        let from = self.label();
        self.push_out_of_line(from, self.dirty, SlowPath::Exit { exit });
        from
    }

    /// Continues at `target`, relative to this page.
    pub fn go(&mut self, region: &mut Edges<'_>, target: i64) {
        if let Some(index) = region.inside(target) {
            region.dirty[index] |= self.dirty;
            if region.next != Some(region.labels[index].0) {
                A::jump(self, region.labels[index].1);
            }
            return;
        }
        let exit = region.exit(target);
        self.leave_through(exit, self.dirty);
    }

    /// [`Emitter::go`] where the block that is emitted next does not follow at once.
    fn go_over(&mut self, region: &mut Edges<'_>, target: i64) {
        let next = region.next.take();
        self.go(region, target);
        region.next = next;
    }

    /// Leaves through slot `number`.
    pub(super) fn leave_through(&mut self, (number, exit): (usize, RegionExit), dirty: Set) {
        self.store_mapped(dirty);
        let other = (exit.page != 0).then(|| (exit.page, self.label()));
        A::leave_through(self, number, other);
        if let Some((_, stale)) = other {
            self.push_out_of_line(stale, 0, SlowPath::Stale);
        }
    }

    /// LR ← the address after `insn`.
    fn link(&mut self, insn: &Insn) {
        let host = self.target(LR, A::SCRATCH);
        A::address(self, host, insn.offset + insn.word.bytes());
        self.put(LR, host);
    }

    /// Tests of BO and BI: goes to a label if the branch is not taken, `None` if it always is. CTR is decremented.
    fn unless_taken(&mut self, insn: &Insn) -> Option<DynamicLabel> {
        let w = insn.word;
        let (count, condition) = (!w.bit(8), !w.bit(6));
        if !count && !condition {
            return None;
        }
        let not = self.label();
        if count {
            A::count(self);
            A::jump_if(self, Condition::Equal, !w.bit(9), not);
        }
        if condition {
            self.jump_if_cr(w.bi(), !w.bit(7), not);
        }
        Some(not)
    }

    /// The last instruction of a block.
    pub fn terminate(&mut self, i: &Insn, region: &mut Edges<'_>) {
        let w = i.word;
        let next = i.next();
        match i.branch() {
            Some(Always | Conditional) if w.aa() => self.synchronise(i, region, false),
            Some(Always) => {
                if w.lk() {
                    self.link(i);
                }
                self.go(region, i64::from(i.offset) + w.li());
            }
            Some(Conditional) if w.lk() => {
                let not = self.unless_taken(i);
                let before = self.dirty;
                self.link(i);
                self.go_over(region, i64::from(i.offset) + w.bd());
                self.otherwise(i, region, not, before);
            }
            Some(Conditional) => {
                let target = i64::from(i.offset) + w.bd();
                match (!w.bit(8), !w.bit(6)) {
                    (false, false) => return self.go(region, target),
                    (false, true) => {
                        let to = self.edge(region, target);
                        self.jump_if_cr(w.bi(), w.bit(7), to);
                    }
                    (true, false) => {
                        A::count(self);
                        let to = self.edge(region, target);
                        A::jump_if(self, Condition::Equal, w.bit(9), to);
                    }
                    (true, true) => {
                        A::count(self);
                        let not = self.edge(region, next);
                        A::jump_if(self, Condition::Equal, !w.bit(9), not);
                        let to = self.edge(region, target);
                        self.jump_if_cr(w.bi(), w.bit(7), to);
                    }
                }
                self.go(region, next);
            }
            Some(ToLr) => self.through_register(i, region, LR),
            // The invalid form that decrements CTR has its own function.
            Some(ToCtr) if w.bit(8) => self.through_register(i, region, CTR),
            // A change of context has requested an event, which the next block's budget check finds.
            _ => self.synchronise(i, region, i.effect().is_some_and(Effect::goes_on)),
        }
    }

    /// Goes to the address in `n`, if the branch is taken.
    fn through_register(&mut self, i: &Insn, region: &mut Edges<'_>, n: Guest) {
        let not = self.unless_taken(i);
        self.get(A::ADDRESS, n);
        let before = self.dirty;
        if i.word.lk() {
            self.link(i);
        }
        let miss = self.label();
        self.store_mapped(self.dirty);
        A::indirect(self, miss);
        self.push_out_of_line(miss, 0, SlowPath::Miss);
        self.otherwise(i, region, not, before);
    }

    /// Emits what runs when `i` is not taken (label `not`): it links then too, and continues behind `i`. The registers in
    /// `before` are dirty.
    fn otherwise(&mut self, i: &Insn, region: &mut Edges<'_>, not: Option<DynamicLabel>, before: Set) {
        if let Some(not) = not {
            self.bind(not);
            self.dirty = before;
            if i.word.lk() {
                self.link(i);
            }
            self.go(region, i.next());
        }
    }

    /// Calls the function of an instruction that may need its own address.
    pub(super) fn call_exec_here(&mut self, i: &Insn) {
        if i.is_relative() {
            A::show_place(self, i);
        }
        self.call_exec(i);
    }

    /// Calls the function of a context-synchronising instruction, with every register and address in memory.
    fn synchronise(&mut self, i: &Insn, region: &mut Edges<'_>, go_on: bool) {
        A::show_place(self, i);
        self.store_mapped(self.dirty);
        self.dirty = 0;
        self.call_exec(i);
        if go_on {
            self.go(region, i.next());
        } else {
            A::leave_at_nia(self);
        }
    }
}
