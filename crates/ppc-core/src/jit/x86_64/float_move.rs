//! Lowerings of floating-point moves: bit patterns, no exceptions.

use super::super::{
    insn::Insn,
    offsets::{FPSCR, crf, vsr},
};
use super::emit::{Emitter, asm};
use super::vector::vsx;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Doubleword 0 of VSR `t` ← RAX.
fn finish(e: &mut Emitter, t: usize, rc: bool) {
    asm!(e; mov [rbp + vsr(t) + 8], rax; mov QWORD [rbp + vsr(t)], 0);
    if rc {
        asm!(e; mov eax, [rbp + FPSCR]; shr eax, 28; mov [rbp + crf(1)], al);
    }
}

macro_rules! moves {
    ($($fpr:ident $vsr:ident: |$e:ident| $code:expr;)*) => { $(
        pub fn $fpr($e: &mut Emitter, i: &Insn) {
            asm!($e; mov rax, [rbp + vsr(i.word.frb()) + 8]);
            $code;
            finish($e, i.word.frt(), i.word.rc());
        }
        pub fn $vsr($e: &mut Emitter, i: &Insn) {
            asm!($e; mov rax, [rbp + vsr(i.word.xb()) + 8]);
            $code;
            finish($e, i.word.xt(), false);
        }
    )* };
}
moves! {
    fneg xsnegdp: |e| asm!(e; btc rax, 63);
    fabs xsabsdp: |e| asm!(e; btr rax, 63);
    fnabs xsnabsdp: |e| asm!(e; bts rax, 63);
}
pub fn fmr(e: &mut Emitter, i: &Insn) {
    asm!(e; mov rax, [rbp + vsr(i.word.frb()) + 8]);
    finish(e, i.word.frt(), i.word.rc());
}

/// RAX ← doubleword 0 of VSR `b` with the sign of that of VSR `a`.
fn copy_sign(e: &mut Emitter, a: usize, b: usize) {
    asm!(e
        ; mov rax, [rbp + vsr(b) + 8]
        ; mov rcx, [rbp + vsr(a) + 8]
        ; add rax, rax
        ; add rcx, rcx
        ; rcr rax, 1
    );
}
pub fn fcpsgn(e: &mut Emitter, i: &Insn) {
    copy_sign(e, i.word.fra(), i.word.frb());
    finish(e, i.word.frt(), i.word.rc());
}
pub fn xscpsgndp(e: &mut Emitter, i: &Insn) {
    copy_sign(e, i.word.xa(), i.word.xb());
    finish(e, i.word.xt(), false);
}

/// FRC if FRA >= 0, -0 included, else FRB.
pub fn fsel(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    asm!(e
        ; mov rcx, [rbp + vsr(w.fra()) + 8]
        ; mov rax, [rbp + vsr(w.frb()) + 8]
        ; mov rdx, QWORD 0x7ff0_0000_0000_0000
        ; cmp rcx, rdx
        ; cmovbe rax, [rbp + vsr(w.frc()) + 8]
        ; mov rdx, QWORD i64::MIN
        ; cmp rcx, rdx
        ; cmove rax, [rbp + vsr(w.frc()) + 8]
    );
    finish(e, w.frt(), w.rc());
}

const DOUBLES: u128 = 0x80000000_00000000_80000000_00000000;
const SINGLES: u128 = 0x80000000_80000000_80000000_80000000;

macro_rules! vectors {
    ($($negate:ident $abs:ident $nabs:ident $copy:ident: $signs:ident;)*) => { $(
        pub fn $negate(e: &mut Emitter, i: &Insn) {
            let (o, signs) = (vsx(i), e.constant128($signs));
            asm!(e; movaps xmm0, [=>signs]; xorps xmm0, [rbp + o.b]; movaps [rbp + o.t], xmm0);
        }
        pub fn $abs(e: &mut Emitter, i: &Insn) {
            let (o, signs) = (vsx(i), e.constant128($signs));
            asm!(e; movaps xmm0, [=>signs]; andnps xmm0, [rbp + o.b]; movaps [rbp + o.t], xmm0);
        }
        pub fn $nabs(e: &mut Emitter, i: &Insn) {
            let (o, signs) = (vsx(i), e.constant128($signs));
            asm!(e; movaps xmm0, [=>signs]; orps xmm0, [rbp + o.b]; movaps [rbp + o.t], xmm0);
        }
        pub fn $copy(e: &mut Emitter, i: &Insn) {
            let (o, signs) = (vsx(i), e.constant128($signs));
            asm!(e; movaps xmm0, [rbp + o.b]);
            // With both sources the same it is how programs copy.
            if o.a != o.b {
                asm!(e
                    ; movaps xmm1, [=>signs]
                    ; movaps xmm2, xmm1
                    ; andnps xmm1, xmm0
                    ; andps xmm2, [rbp + o.a]
                    ; movaps xmm0, xmm1
                    ; orps xmm0, xmm2
                );
            }
            asm!(e; movaps [rbp + o.t], xmm0);
        }
    )* };
}
vectors! {
    xvnegdp xvabsdp xvnabsdp xvcpsgndp: DOUBLES;
    xvnegsp xvabssp xvnabssp xvcpsgnsp: SINGLES;
}
