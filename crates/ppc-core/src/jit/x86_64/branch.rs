//! How a block ends: branches within the region, through slots to other regions, and through the table of indirect
//! branches; and instructions after which the engine must look at the world again.

use super::super::{
    code::Exit,
    edges::{Edges, PAGE_SIZE, goes_on},
    insn::{CTR, Insn, LR, Set, cr_bit},
    offsets::{CIA, FETCH_CONTEXT, ICOUNT, NIA, PAGE, SLOT_SIZE, crf, guest, runtime},
    runtime::{JUMPS, Jump, Runtime, Slot},
};
use super::emit::{Cold, Emitter, RAX, asm};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::offset_of;

/// Conditions of the host.
#[derive(Clone, Copy)]
enum Condition {
    Less,
    Greater,
    Equal,
    Below,
    Above,
}

impl Emitter {
    /// Goes to `to` if `condition` is as `wanted`.
    fn jump_if(&mut self, condition: Condition, wanted: bool, to: DynamicLabel) {
        use Condition::*;
        match (condition, wanted) {
            (Less, true) => asm!(self; jl =>to),
            (Less, false) => asm!(self; jge =>to),
            (Greater, true) => asm!(self; jg =>to),
            (Greater, false) => asm!(self; jle =>to),
            (Equal, true) => asm!(self; je =>to),
            (Equal, false) => asm!(self; jne =>to),
            (Below, true) => asm!(self; jb =>to),
            (Below, false) => asm!(self; jae =>to),
            (Above, true) => asm!(self; ja =>to),
            (Above, false) => asm!(self; jbe =>to),
        }
    }

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
            Some(condition) => self.jump_if(condition, wanted, to),
            None => {
                asm!(self; test BYTE [rbp + crf(field)], mask as i8);
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
                asm!(self; jmp =>region.labels[index].1);
            }
            return;
        }
        let exit = region.exit(target);
        self.leave_through(exit, self.dirty);
    }

    /// Leaves through slot `number`.
    pub(super) fn leave_through(&mut self, (number, exit): (usize, Exit), dirty: Set) {
        self.store_pins(dirty);
        asm!(self; lea rcx, [r14 + number as i32 * SLOT_SIZE]);
        if exit.page != 0 {
            let from = self.label();
            asm!(self
                ; mov rax, [rbp + PAGE]
                ; add rax, exit.page
                ; mov [rbp + PAGE], rax
                ; cmp rax, [rcx + offset_of!(Slot, page) as i32]
                ; jne =>from
                ; mov eax, [rbp + FETCH_CONTEXT + 4 * self.half as i32]
                ; cmp eax, [rcx + offset_of!(Slot, context) as i32]
                ; jne =>from
            );
            self.push_cold(Cold::Stale { from });
        }
        asm!(self
            ; mov r14, [rcx + offset_of!(Slot, slots) as i32]
            ; jmp QWORD [rcx + offset_of!(Slot, code) as i32]
        );
    }

    /// LR ← the address after `insn`. Uses RAX.
    fn link(&mut self, insn: &Insn) {
        let host = self.target(LR, RAX);
        asm!(self; mov Rq(host), [rbp + PAGE]; add Rq(host), insn.offset as i32 + 4);
        self.put(LR, host);
    }

    /// Goes to the effective address in RAX.
    fn indirect(&mut self) {
        let miss = self.label();
        self.store_pins(self.dirty);
        asm!(self
            ; and rax, BYTE -4
            ; mov ecx, eax
            ; and ecx, (JUMPS as i32 - 1) << 2
            ; mov rdx, [rbp + runtime(offset_of!(Runtime, jumps))]
            ; lea rcx, [rdx + rcx * 8]
            ; cmp rax, [rcx + offset_of!(Jump, ea) as i32]
            ; jne =>miss
            ; mov edx, [rbp + FETCH_CONTEXT]
            ; test rax, rax
            ; cmovs edx, [rbp + FETCH_CONTEXT + 4]
            ; cmp edx, [rcx + offset_of!(Jump, context) as i32]
            ; jne =>miss
            ; and rax, -PAGE_SIZE as i32
            ; mov [rbp + PAGE], rax
            ; mov r14, [rcx + offset_of!(Jump, slots) as i32]
            ; jmp QWORD [rcx + offset_of!(Jump, code) as i32]
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
        match self.pin(CTR) {
            Some(pin) => {
                asm!(self; sub Rq(pin), 1);
                self.dirty |= 1 << CTR;
            }
            None => asm!(self; sub QWORD [rbp + guest(CTR)], 1),
        }
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
            e.get(RAX, LR);
            to_register(e, i, region, not);
        }
        // The invalid form that decrements CTR has its own function.
        "bcctr" if w.bit(8) => {
            let not = e.unless_taken(i);
            e.get(RAX, CTR);
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

/// Goes to RAX; links; and where `not` leads, goes on behind `i`.
fn to_register(e: &mut Emitter, i: &Insn, region: &mut Edges<'_>, not: Option<DynamicLabel>) {
    let before = e.dirty;
    if i.word.lk() {
        asm!(e; mov rdx, rax);
        e.link(i);
        asm!(e; mov rax, rdx);
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
    asm!(e
        ; mov rax, [rbp + PAGE]
        ; add rax, i.offset as i32
        ; mov [rbp + CIA], rax
        ; add rax, 4
        ; mov [rbp + NIA], rax
        ; mov [rbp + ICOUNT], r15
    );
    e.store_pins(e.dirty);
    e.dirty = 0;
    e.call_exec(i);
    if go_on {
        e.go(region, i64::from(i.offset) + 4);
    } else {
        asm!(e
            ; mov rax, [rbp + NIA]
            ; mov [rbp + CIA], rax
            ; jmp QWORD [rbp + runtime(offset_of!(Runtime, leave_here))]
        );
    }
}
