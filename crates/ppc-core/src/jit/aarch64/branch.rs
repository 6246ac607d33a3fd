//! Branches, and exits from compiled code.

use super::super::{
    emitter::Host,
    flow::{Condition, Flow},
    insn::{CTR, Insn},
    offsets::{CIA, CODE_PAGE, FETCH_CONTEXT, ICOUNT, LIMIT, MSR, NIA, SLOT_SIZE, SPRS, crf, runtime},
    runtime::{JUMP_SLOTS, Jump, Runtime, Slot},
};
use super::emit::{A64, Emitter, X0, X1, X2, X16, asm};
use crate::{
    msr,
    needs::PREFIX,
    ram::PAGE,
    spr::{FSCR_PREFIX, number::FSCR},
    trap::Trap,
};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use std::mem::{offset_of, size_of};

// The place of an entry is a shift away from its number.
const _: () = assert!(size_of::<Jump>() == 32);

impl Flow for A64 {
    const ADDRESS: Host = X0;

    fn begin(e: &mut Emitter, len: u32, needs: u64, refuse: DynamicLabel) {
        asm!(e; add x21, x21, len);
        e.load(X0, LIMIT);
        asm!(e; cmp x21, x0; b.hi =>refuse);
        let bits = needs & !PREFIX;
        if needs != 0 {
            e.load(X0, MSR);
        }
        if bits != 0 {
            e.constant(X1, bits);
            asm!(e; bics xzr, x1, x0; b.ne =>refuse);
        }
        if needs & PREFIX != 0 {
            let available = e.label();
            asm!(e; tst x0, msr::PR; b.eq =>available);
            e.load(X0, SPRS);
            asm!(e
                ; ldr x0, [x0, 8 * FSCR as u32]
                ; tst x0, FSCR_PREFIX
                ; b.eq =>refuse
                ; =>available
            );
        }
    }

    fn take_back(e: &mut Emitter, len: u32) {
        asm!(e; sub x21, x21, len);
    }

    fn jump(e: &mut Emitter, to: DynamicLabel) {
        asm!(e; b =>to);
    }

    fn jump_if(e: &mut Emitter, condition: Condition, wanted: bool, to: DynamicLabel) {
        use Condition::*;
        match (condition, wanted) {
            (Less, true) => asm!(e; b.lt =>to),
            (Less, false) => asm!(e; b.ge =>to),
            (Greater, true) => asm!(e; b.gt =>to),
            (Greater, false) => asm!(e; b.le =>to),
            (Equal, true) => asm!(e; b.eq =>to),
            (Equal, false) => asm!(e; b.ne =>to),
            (Below, true) => asm!(e; b.lo =>to),
            (Below, false) => asm!(e; b.hs =>to),
            (Above, true) => asm!(e; b.hi =>to),
            (Above, false) => asm!(e; b.ls =>to),
        }
    }

    fn test_cr(e: &mut Emitter, field: usize, mask: u8) {
        e.load8(X1, crf(field));
        asm!(e; tst w1, u32::from(mask));
    }

    fn count(e: &mut Emitter) {
        let host = e.value(CTR, X1);
        asm!(e; subs X(host), XSP(host), 1);
        e.put(CTR, host);
    }

    fn address(e: &mut Emitter, host: Host, offset: u32) {
        e.load(host, CODE_PAGE);
        e.add_constant(host, host, offset.into());
    }

    fn leave_through(e: &mut Emitter, number: usize, other: Option<(i32, DynamicLabel)>) {
        e.add_constant(X1, 20, number as i64 * i64::from(SLOT_SIZE));
        if let Some((page, stale)) = other {
            e.load(X0, CODE_PAGE);
            e.add_constant(X0, X0, page.into());
            e.save(X0, CODE_PAGE);
            asm!(e; ldr x2, [x1, offset_of!(Slot, page) as u32]; cmp x0, x2; b.ne =>stale);
            e.load32(X0, FETCH_CONTEXT + 4 * e.half as i32);
            asm!(e; ldr w2, [x1, offset_of!(Slot, context) as u32]; cmp w0, w2; b.ne =>stale);
        }
        asm!(e
            ; ldr x20, [x1, offset_of!(Slot, slots) as u32]
            ; ldr x16, [x1, offset_of!(Slot, code) as u32]
            ; br x16
        );
    }

    fn indirect(e: &mut Emitter, miss: DynamicLabel) {
        e.load(X2, runtime(offset_of!(Runtime, jumps)));
        asm!(e
            ; and x0, x0, u64::MAX << 2
            ; ubfx x1, x0, 2, JUMP_SLOTS.ilog2()
            ; add x1, x2, x1, lsl 5
            ; ldr x2, [x1, offset_of!(Jump, ea) as u32]
            ; cmp x0, x2
            ; b.ne =>miss
        );
        e.load32(X2, FETCH_CONTEXT);
        e.load32(X16, FETCH_CONTEXT + 4);
        asm!(e
            ; tst x0, x0
            ; csel w2, w16, w2, mi
            ; ldr w16, [x1, offset_of!(Jump, context) as u32]
            ; cmp w2, w16
            ; b.ne =>miss
            ; and x0, x0, -(PAGE as i64) as u64
        );
        e.save(X0, CODE_PAGE);
        asm!(e
            ; ldr x20, [x1, offset_of!(Jump, slots) as u32]
            ; ldr x16, [x1, offset_of!(Jump, code) as u32]
            ; br x16
        );
    }

    fn show_place(e: &mut Emitter, insn: &Insn) {
        e.load(X0, CODE_PAGE);
        e.add_constant(X0, X0, insn.offset.into());
        e.save(X0, CIA);
        e.add_constant(X0, X0, insn.word.bytes().into());
        e.save(X0, NIA);
        e.save(21, ICOUNT);
    }

    fn leave_at_nia(e: &mut Emitter) {
        e.load(X0, NIA);
        Self::leave_miss(e);
    }

    fn leave_next(e: &mut Emitter, offset: u32) {
        asm!(e; movz w0, offset);
        e.jump(offset_of!(Runtime, leave_next));
    }

    fn leave_miss(e: &mut Emitter) {
        e.save(X0, CIA);
        e.jump(offset_of!(Runtime, leave_here));
    }

    fn leave_stale(e: &mut Emitter) {
        e.jump(offset_of!(Runtime, leave_unlinked));
    }

    fn trap(e: &mut Emitter, trap: Trap) {
        asm!(e; movz w0, trap as u32);
    }

    fn leave_trap(e: &mut Emitter, place: i32) {
        e.constant(X1, place as u32 as u64);
        e.jump(offset_of!(Runtime, leave_trap));
    }
}
