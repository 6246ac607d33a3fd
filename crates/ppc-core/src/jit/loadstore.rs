//! Lowerings of loads and stores.

use super::{
    access::{Access, Extend, Load, Place, Quad, Store},
    emitter::{Emitter, Registers},
    insn::Insn,
    memory::Memory,
};

/// How an instruction forms its address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    D,
    Ds,
    Dq,
    X,
}

fn address<A: Memory>(e: &mut Emitter<A>, i: &Insn, form: Form) {
    let w = i.word;
    match form {
        Form::D => A::ea_displaced(e, w.ra(), w.si()),
        Form::Ds => A::ea_displaced(e, w.ra(), w.ds()),
        Form::Dq => A::ea_displaced(e, w.ra(), w.dq()),
        Form::X => A::ea_indexed(e, w.ra(), w.rb()),
    }
}

macro_rules! loads {
    ($($name:ident: $form:ident, $size:literal, $extend:ident, $to:ident, $update:literal;)*) => { $(
        pub fn $name<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
            let w = i.word;
            // Invalid forms have their function.
            if $update && (w.ra() == 0 || loads!(@ same $to w)) {
                return e.call_exec(i);
            }
            address(e, i, Form::$form);
            let access = Access::Load(Load {
                size: $size,
                extend: Extend::$extend,
                to: loads!(@ $to w),
                update: $update.then_some(w.ra()),
            });
            e.access(i, access);
        }
    )* };
    (@ gpr $w:ident) => { Place::Gpr($w.rt()) };
    (@ fpr $w:ident) => { Place::Fpr($w.frt()) };
    (@ vsr $w:ident) => { Place::Fpr($w.xt()) };
    (@ vr $w:ident) => { Place::Fpr(32 + $w.vrt()) };
    (@ same gpr $w:ident) => { $w.ra() == $w.rt() };
    (@ same $other:ident $w:ident) => { false };
}
loads! {
    lbz: D, 0, Zero, gpr, false;
    lbzu: D, 0, Zero, gpr, true;
    lbzx: X, 0, Zero, gpr, false;
    lbzux: X, 0, Zero, gpr, true;
    lhz: D, 1, Zero, gpr, false;
    lhzu: D, 1, Zero, gpr, true;
    lhzx: X, 1, Zero, gpr, false;
    lhzux: X, 1, Zero, gpr, true;
    lha: D, 1, Sign, gpr, false;
    lhau: D, 1, Sign, gpr, true;
    lhax: X, 1, Sign, gpr, false;
    lhaux: X, 1, Sign, gpr, true;
    lwz: D, 2, Zero, gpr, false;
    lwzu: D, 2, Zero, gpr, true;
    lwzx: X, 2, Zero, gpr, false;
    lwzux: X, 2, Zero, gpr, true;
    lwa: Ds, 2, Sign, gpr, false;
    lwax: X, 2, Sign, gpr, false;
    lwaux: X, 2, Sign, gpr, true;
    ld: Ds, 3, Zero, gpr, false;
    ldu: Ds, 3, Zero, gpr, true;
    ldx: X, 3, Zero, gpr, false;
    ldux: X, 3, Zero, gpr, true;
    lhbrx: X, 1, Reverse, gpr, false;
    lwbrx: X, 2, Reverse, gpr, false;
    ldbrx: X, 3, Reverse, gpr, false;
    lfd: D, 3, Zero, fpr, false;
    lfdu: D, 3, Zero, fpr, true;
    lfdx: X, 3, Zero, fpr, false;
    lfdux: X, 3, Zero, fpr, true;
    lfiwax: X, 2, Sign, fpr, false;
    lfiwzx: X, 2, Zero, fpr, false;
    lxsdx: X, 3, Zero, vsr, false;
    lxsiwax: X, 2, Sign, vsr, false;
    lxsiwzx: X, 2, Zero, vsr, false;
    lxsihzx: X, 1, Zero, vsr, false;
    lxsibzx: X, 0, Zero, vsr, false;
    lxsd: Ds, 3, Zero, vr, false;
}

macro_rules! stores {
    ($($name:ident: $form:ident, $size:literal, $reverse:literal, $from:ident, $update:literal;)*) => { $(
        pub fn $name<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
            let w = i.word;
            if $update && w.ra() == 0 {
                return e.call_exec(i);
            }
            address(e, i, Form::$form);
            let access = Access::Store(Store {
                size: $size,
                reverse: $reverse,
                from: loads!(@ $from w),
                update: $update.then_some(w.ra()),
            });
            e.access(i, access);
        }
    )* };
}
stores! {
    stb: D, 0, false, gpr, false;
    stbu: D, 0, false, gpr, true;
    stbx: X, 0, false, gpr, false;
    stbux: X, 0, false, gpr, true;
    sth: D, 1, false, gpr, false;
    sthu: D, 1, false, gpr, true;
    sthx: X, 1, false, gpr, false;
    sthux: X, 1, false, gpr, true;
    stw: D, 2, false, gpr, false;
    stwu: D, 2, false, gpr, true;
    stwx: X, 2, false, gpr, false;
    stwux: X, 2, false, gpr, true;
    std: Ds, 3, false, gpr, false;
    stdu: Ds, 3, false, gpr, true;
    stdx: X, 3, false, gpr, false;
    stdux: X, 3, false, gpr, true;
    sthbrx: X, 1, true, gpr, false;
    stwbrx: X, 2, true, gpr, false;
    stdbrx: X, 3, true, gpr, false;
    stfd: D, 3, false, fpr, false;
    stfdu: D, 3, false, fpr, true;
    stfdx: X, 3, false, fpr, false;
    stfdux: X, 3, false, fpr, true;
    stfiwx: X, 2, false, fpr, false;
    stxsdx: X, 3, false, vsr, false;
    stxsiwx: X, 2, false, vsr, false;
    stxsihx: X, 1, false, vsr, false;
    stxsibx: X, 0, false, vsr, false;
    stxsd: Ds, 3, false, vr, false;
}

/// Quadwords. In big-endian mode their function is called.
fn quad<A: Memory>(e: &mut Emitter<A>, i: &Insn, form: Form, align: bool, access: Quad) {
    if !e.little_endian {
        return e.call_exec(i);
    }
    address(e, i, form);
    if align {
        A::align(e);
    }
    e.access(i, Access::Quad(access));
}

macro_rules! quads {
    ($($name:ident: $form:ident, $vsr:ident, $align:literal, $swap:literal, $store:literal;)*) => { $(
        pub fn $name<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
            let w = i.word;
            let access = Quad { vsr: quads!(@ $vsr w), swap: $swap, store: $store };
            quad(e, i, Form::$form, $align, access);
        }
    )* };
    (@ vr $w:ident) => { 32 + $w.vrt() };
    (@ xt $w:ident) => { $w.xt() };
    (@ xt_dq $w:ident) => { $w.xt_dq() };
}
quads! {
    lvx: X, vr, true, false, false;
    lvxl: X, vr, true, false, false;
    stvx: X, vr, true, false, true;
    stvxl: X, vr, true, false, true;
    lxvd2x: X, xt, false, true, false;
    stxvd2x: X, xt, false, true, true;
    lxv: Dq, xt_dq, false, false, false;
    stxv: Dq, xt_dq, false, false, true;
    lxvx: X, xt, false, false, false;
    stxvx: X, xt, false, false, true;
}

/// Hints.
pub fn dcbt<A: Registers>(_: &mut Emitter<A>, _: &Insn) {}
/// Hints.
pub fn dcbtst<A: Registers>(_: &mut Emitter<A>, _: &Insn) {}

/// Orders all accesses, or as lwsync.
pub fn sync<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
    A::order(e, i, true);
}
/// Orders stores.
pub fn eieio<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
    A::order(e, i, false);
}
