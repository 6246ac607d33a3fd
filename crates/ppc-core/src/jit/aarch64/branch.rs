//! How a block ends: branches within the region, through slots to other regions, and through the table of indirect
//! branches; and instructions after which the engine must look at the world again.

use super::super::{
    code::Exit,
    edges::{Edges, PAGE_SIZE, goes_on},
    insn::{CTR, Insn, LR, Set, cr_bit},
    offsets::{CIA, FETCH_CONTEXT, ICOUNT, NIA, PAGE, SLOT_SIZE, crf},
    runtime::{JUMPS, Jump, Runtime, Slot},
};
use super::emit::{Cold, Emitter, X0, X1, X2, X16, asm};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::{offset_of, size_of};

/// Conditions of the host.
#[derive(Clone, Copy)]
enum Condition {
    Less,
    Greater,
    Equal,
    Below,
    Above,
}

// The place of an entry is a shift away from its number.
const _: () = assert!(size_of::<Jump>() == 32);

impl Emitter {
    /// Goes to `to` if `condition` is as `wanted`.
    fn jump_if(&mut self, condition: Condition, wanted: bool, to: DynamicLabel) {
        use Condition::*;
        match (condition, wanted) {
            (Less, true) => asm!(self; b.lt =>to),
            (Less, false) => asm!(self; b.ge =>to),
            (Greater, true) => asm!(self; b.gt =>to),
            (Greater, false) => asm!(self; b.le =>to),
            (Equal, true) => asm!(self; b.eq =>to),
            (Equal, false) => asm!(self; b.ne =>to),
            (Below, true) => asm!(self; b.lo =>to),
            (Below, false) => asm!(self; b.hs =>to),
            (Above, true) => asm!(self; b.hi =>to),
            (Above, false) => asm!(self; b.ls =>to),
        }
    }

    /// Goes to `to` if bit `bi` of the condition register is as `wanted`. Uses X0.
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
            Some(condition) => self.jump_if(condition, wanted, to),
            None => {
                self.load8(X0, crf(field));
                asm!(self; tst w0, u32::from(mask));
                self.jump_if(Condition::Equal, !wanted, to);
            }
        }
    }

    /// A label to branch to for the instruction at `target`, relative to this page. Going there must not change
    /// registers; the pins that are dirty now are dirty there.
    fn edge(&mut self, region: &mut Edges<'_>, target: i64) -> DynamicLabel {
        if let Some(index) = region.inside(target) {
            region.dirty[index] |= self.dirty;
            return region.labels[index].1;
        }
        let exit = region.exit(target);
        let from = self.label();
        self.push_cold(Cold::Exit { from, dirty: self.dirty, exit });
        from
    }

    /// Goes on at `target`, relative to this page.
    pub fn go(&mut self, region: &mut Edges<'_>, target: i64) {
        if let Some(index) = region.inside(target) {
            region.dirty[index] |= self.dirty;
            if region.next != Some(region.labels[index].0) {
                asm!(self; b =>region.labels[index].1);
            }
            return;
        }
        let exit = region.exit(target);
        self.leave_through(exit, self.dirty);
    }

    /// Leaves through slot `number`.
    pub(super) fn leave_through(&mut self, (number, exit): (usize, Exit), dirty: Set) {
        self.store_pins(dirty);
        self.add_constant(X1, 20, number as i64 * i64::from(SLOT_SIZE));
        if exit.page != 0 {
            let from = self.label();
            self.load(X0, PAGE);
            self.add_constant(X0, X0, exit.page.into());
            self.save(X0, PAGE);
            asm!(self; ldr x2, [x1, offset_of!(Slot, page) as u32]; cmp x0, x2; b.ne =>from);
            self.load32(X0, FETCH_CONTEXT + 4 * self.half as i32);
            asm!(self; ldr w2, [x1, offset_of!(Slot, context) as u32]; cmp w0, w2; b.ne =>from);
            self.push_cold(Cold::Stale { from });
        }
        asm!(self
            ; ldr x20, [x1, offset_of!(Slot, slots) as u32]
            ; ldr x16, [x1, offset_of!(Slot, code) as u32]
            ; br x16
        );
    }

    /// LR ← the address after `insn`. Uses X1.
    fn link(&mut self, insn: &Insn) {
        let host = self.target(LR, X1);
        self.load(host, PAGE);
        self.add_constant(host, host, i64::from(insn.offset) + 4);
        self.put(LR, host);
    }

    /// Goes to the effective address in X0.
    fn indirect(&mut self) {
        let miss = self.label();
        self.store_pins(self.dirty);
        self.load(X2, super::super::offsets::runtime(offset_of!(Runtime, jumps)));
        asm!(self
            ; and x0, x0, u64::MAX << 2
            ; ubfx x1, x0, 2, JUMPS.ilog2()
            ; add x1, x2, x1, lsl 5
            ; ldr x2, [x1, offset_of!(Jump, ea) as u32]
            ; cmp x0, x2
            ; b.ne =>miss
        );
        self.load32(X2, FETCH_CONTEXT);
        self.load32(X16, FETCH_CONTEXT + 4);
        asm!(self
            ; tst x0, x0
            ; csel w2, w16, w2, mi
            ; ldr w16, [x1, offset_of!(Jump, context) as u32]
            ; cmp w2, w16
            ; b.ne =>miss
            ; and x0, x0, -PAGE_SIZE as u64
        );
        self.save(X0, PAGE);
        asm!(self
            ; ldr x20, [x1, offset_of!(Jump, slots) as u32]
            ; ldr x16, [x1, offset_of!(Jump, code) as u32]
            ; br x16
        );
        self.push_cold(Cold::Miss { from: miss });
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
            self.count();
            self.jump_if(Condition::Equal, !w.bit(9), not);
        }
        if condition {
            self.jump_if_cr(w.bi(), !w.bit(7), not);
        }
        Some(not)
    }

    /// CTR ← CTR - 1, and the host's flags.
    fn count(&mut self) {
        let host = self.value(CTR, X0);
        asm!(self; subs X(host), XSP(host), 1);
        self.put(CTR, host);
    }
}

/// The last instruction of a block.
pub fn terminate(e: &mut Emitter, i: &Insn, region: &mut Edges<'_>) {
    let w = i.word;
    let next = i64::from(i.offset) + 4;
    let name = i.row.map_or("", |row| row.name);
    match name {
        "b" | "bc" if w.aa() => world(e, i, region, false),
        "b" => {
            if w.lk() {
                e.link(i);
            }
            e.go(region, i64::from(i.offset) + w.li());
        }
        "bc" => {
            let target = i64::from(i.offset) + w.bd();
            if w.lk() {
                // Linking changes no flags of the guest's, but those of the host.
                let not = e.unless_taken(i);
                let before = e.dirty;
                e.link(i);
                e.go_over(region, target);
                if let Some(not) = not {
                    e.dirty = before;
                    asm!(e; =>not);
                    e.link(i);
                    e.go(region, next);
                }
                return;
            }
            match (!w.bit(8), !w.bit(6)) {
                (false, false) => return e.go(region, target),
                (false, true) => {
                    let to = e.edge(region, target);
                    e.jump_if_cr(w.bi(), w.bit(7), to);
                }
                (true, false) => {
                    e.count();
                    let to = e.edge(region, target);
                    e.jump_if(Condition::Equal, w.bit(9), to);
                }
                (true, true) => {
                    e.count();
                    let not = e.edge(region, next);
                    e.jump_if(Condition::Equal, !w.bit(9), not);
                    let to = e.edge(region, target);
                    e.jump_if_cr(w.bi(), w.bit(7), to);
                }
            }
            e.go(region, next);
        }
        "bclr" => {
            let not = e.unless_taken(i);
            e.get(X0, LR);
            to_register(e, i, region, not);
        }
        // The invalid form that decrements CTR has its own function.
        "bcctr" if w.bit(8) => {
            let not = e.unless_taken(i);
            e.get(X0, CTR);
            to_register(e, i, region, not);
        }
        _ => world(e, i, region, goes_on(i)),
    }
}

impl Emitter {
    /// [`Emitter::go`] where the block that is emitted next does not follow at once.
    fn go_over(&mut self, region: &mut Edges<'_>, target: i64) {
        let next = region.next.take();
        self.go(region, target);
        region.next = next;
    }
}

/// Goes to X0; links; and where `not` leads, goes on behind `i`.
fn to_register(e: &mut Emitter, i: &Insn, region: &mut Edges<'_>, not: Option<DynamicLabel>) {
    let before = e.dirty;
    if i.word.lk() {
        e.link(i);
    }
    e.indirect();
    if let Some(not) = not {
        asm!(e; =>not);
        e.dirty = before;
        if i.word.lk() {
            e.link(i);
        }
        e.go(region, i64::from(i.offset) + 4);
    }
}

/// Calls the function of an instruction that may change the world.
fn world(e: &mut Emitter, i: &Insn, region: &mut Edges<'_>, go_on: bool) {
    e.load(X0, PAGE);
    e.add_constant(X0, X0, i.offset.into());
    e.save(X0, CIA);
    e.add_constant(X0, X0, 4);
    e.save(X0, NIA);
    e.save(21, ICOUNT);
    e.store_pins(e.dirty);
    e.dirty = 0;
    e.call_exec(i);
    if go_on {
        e.go(region, i64::from(i.offset) + 4);
    } else {
        e.load(X0, NIA);
        e.save(X0, CIA);
        e.jump(offset_of!(Runtime, leave_here));
    }
}
