//! Rows: Binary floating point and its loads and stores (Book I chapter 4).
//!
//! Columns are explained at the top of `insn/mod.rs`.

use super::{
    effect::{Value::Signed, load, store},
    table,
};

#[rustfmt::skip]
table! {
    Float, after crate::insn::atomic::COUNT;
    fabs: X(63, 264), operands [FRT, FRB], variants Rc, needs Fp, since P1, does "FRT ← |(FRB)|" => rc float::fabs;
    fadd: A(63, 21), operands [FRT, FRA, FRB], variants Rc, needs Fp, since P1, does "FRT ← (FRA) + (FRB)" => rc float::fadd;
    fcmpo: X(63, 32), operands [BF, FRA, FRB], needs Fp, since P1, does "CR[BF], FPCC ← (FRA) compared with (FRB); invalid for any NaN" => float::fcmpo;
    fcmpu: X(63, 0), operands [BF, FRA, FRB], needs Fp, since P1, does "CR[BF], FPCC ← (FRA) compared with (FRB)" => float::fcmpu;
    fdiv: A(63, 18), operands [FRT, FRA, FRB], variants Rc, needs Fp, since P1, does "FRT ← (FRA) ÷ (FRB)" => rc float::fdiv;
    fmadd: A(63, 29), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since P1, does "FRT ← (FRA) × (FRC) + (FRB)" => rc float::fmadd;
    fmr: X(63, 72), operands [FRT, FRB], variants Rc, needs Fp, since P1, does "FRT ← (FRB)" => rc float::fmr;
    fmsub: A(63, 28), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since P1, does "FRT ← (FRA) × (FRC) - (FRB)" => rc float::fmsub;
    fmul: A(63, 25), operands [FRT, FRA, FRC], variants Rc, needs Fp, since P1, does "FRT ← (FRA) × (FRC)" => rc float::fmul;
    fnabs: X(63, 136), operands [FRT, FRB], variants Rc, needs Fp, since P1, does "FRT ← -|(FRB)|" => rc float::fnabs;
    fneg: X(63, 40), operands [FRT, FRB], variants Rc, needs Fp, since P1, does "FRT ← -(FRB)" => rc float::fneg;
    fnmadd: A(63, 31), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since P1, does "FRT ← -((FRA) × (FRC) + (FRB))" => rc float::fnmadd;
    fnmsub: A(63, 30), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since P1, does "FRT ← -((FRA) × (FRC) - (FRB))" => rc float::fnmsub;
    frsp: X(63, 12), operands [FRT, FRB], variants Rc, needs Fp, since P1, does "FRT ← SINGLE((FRB))" => rc float::frsp;
    fsub: A(63, 20), operands [FRT, FRA, FRB], variants Rc, needs Fp, since P1, does "FRT ← (FRA) - (FRB)" => rc float::fsub;
    lfd: D(50), operands [FRT, D, RA0], needs Fp, since P1, effect load(8), does "FRT ← MEM((RA|0) + EXTS(D), 8)" => float::lfd;
    lfdu: D(51), operands [FRT, D, RA], needs Fp, since P1, effect load(8).update(), does "FRT ← MEM((RA) + EXTS(D), 8); RA ← EA" => float::lfdu;
    lfdux: X(31, 631), operands [FRT, RA, RB], needs Fp, since P1, effect load(8).update(), does "FRT ← MEM((RA) + (RB), 8); RA ← EA" => float::lfdux;
    lfdx: X(31, 599), operands [FRT, RA0, RB], needs Fp, since P1, effect load(8), does "FRT ← MEM((RA|0) + (RB), 8)" => float::lfdx;
    lfs: D(48), operands [FRT, D, RA0], needs Fp, since P1, accesses Load, does "FRT ← DOUBLE(MEM((RA|0) + EXTS(D), 4))" => float::lfs;
    lfsu: D(49), operands [FRT, D, RA], needs Fp, since P1, accesses Load, does "FRT ← DOUBLE(MEM((RA) + EXTS(D), 4)); RA ← EA" => float::lfsu;
    lfsux: X(31, 567), operands [FRT, RA, RB], needs Fp, since P1, accesses Load, does "FRT ← DOUBLE(MEM((RA) + (RB), 4)); RA ← EA" => float::lfsux;
    lfsx: X(31, 535), operands [FRT, RA0, RB], needs Fp, since P1, accesses Load, does "FRT ← DOUBLE(MEM((RA|0) + (RB), 4))" => float::lfsx;
    mcrfs: X(63, 64), operands [BF, BFA], needs Fp, since P1, does "CR[BF] ← FPSCR field BFA; its exception bits ← 0" => float::mcrfs;
    mffs: X(63, 583), operands [FRT], variants Rc, needs Fp, since P1, does "FRT ← FPSCR" => rc float::mffs;
    mtfsb0: X(63, 70), operands [BT], variants Rc, needs Fp, since P1, does "FPSCR[BT] ← 0" => rc float::mtfsb0;
    mtfsb1: X(63, 38), operands [BT], variants Rc, needs Fp, since P1, does "FPSCR[BT] ← 1" => rc float::mtfsb1;
    mtfsf: Xfl(63, 711), operands [FLM, FRB, L6, W], variants Rc, needs Fp, since P1, does "FPSCR fields FLM (all if L) ← (FRB)" => rc float::mtfsf;
    mtfsfi: X(63, 134), operands [BF, U, W], variants Rc, needs Fp, since P1, does "FPSCR field BF + 8 × (1 - W) ← U" => rc float::mtfsfi;
    stfd: D(54), operands [FRS, D, RA0], needs Fp, since P1, effect store(8), does "MEM((RA|0) + EXTS(D), 8) ← (FRS)" => float::stfd;
    stfdu: D(55), operands [FRS, D, RA], needs Fp, since P1, effect store(8).update(), does "MEM((RA) + EXTS(D), 8) ← (FRS); RA ← EA" => float::stfdu;
    stfdux: X(31, 759), operands [FRS, RA, RB], needs Fp, since P1, effect store(8).update(), does "MEM((RA) + (RB), 8) ← (FRS); RA ← EA" => float::stfdux;
    stfdx: X(31, 727), operands [FRS, RA0, RB], needs Fp, since P1, effect store(8), does "MEM((RA|0) + (RB), 8) ← (FRS)" => float::stfdx;
    stfs: D(52), operands [FRS, D, RA0], needs Fp, since P1, accesses Store, does "MEM((RA|0) + EXTS(D), 4) ← SINGLE((FRS))" => float::stfs;
    stfsu: D(53), operands [FRS, D, RA], needs Fp, since P1, accesses Store, does "MEM((RA) + EXTS(D), 4) ← SINGLE((FRS)); RA ← EA" => float::stfsu;
    stfsux: X(31, 695), operands [FRS, RA, RB], needs Fp, since P1, accesses Store, does "MEM((RA) + (RB), 4) ← SINGLE((FRS)); RA ← EA" => float::stfsux;
    stfsx: X(31, 663), operands [FRS, RA0, RB], needs Fp, since P1, accesses Store, does "MEM((RA|0) + (RB), 4) ← SINGLE((FRS))" => float::stfsx;
    fctiw: X(63, 14), operands [FRT, FRB], variants Rc, needs Fp, since P2, does "FRT ← (FRB) rounded to a signed word" => rc float::fctiw;
    fctiwz: X(63, 15), operands [FRT, FRB], variants Rc, needs Fp, since P2, does "FRT ← (FRB) rounded toward 0 to a signed word" => rc float::fctiwz;
    fsqrt: A(63, 22), operands [FRT, FRB], variants Rc, needs Fp, since P2, does "FRT ← √(FRB)" => rc float::fsqrt;
    fadds: A(59, 21), operands [FRT, FRA, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE((FRA) + (FRB))" => rc float::fadds;
    fcfid: X(63, 846), operands [FRT, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← DOUBLE((FRB) as a signed doubleword)" => rc float::fcfid;
    fctid: X(63, 814), operands [FRT, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← (FRB) rounded to a signed doubleword" => rc float::fctid;
    fctidz: X(63, 815), operands [FRT, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← (FRB) rounded toward 0 to a signed doubleword" => rc float::fctidz;
    fdivs: A(59, 18), operands [FRT, FRA, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE((FRA) ÷ (FRB))" => rc float::fdivs;
    fmadds: A(59, 29), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE((FRA) × (FRC) + (FRB))" => rc float::fmadds;
    fmsubs: A(59, 28), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE((FRA) × (FRC) - (FRB))" => rc float::fmsubs;
    fmuls: A(59, 25), operands [FRT, FRA, FRC], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE((FRA) × (FRC))" => rc float::fmuls;
    fnmadds: A(59, 31), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← -SINGLE((FRA) × (FRC) + (FRB))" => rc float::fnmadds;
    fnmsubs: A(59, 30), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← -SINGLE((FRA) × (FRC) - (FRB))" => rc float::fnmsubs;
    fres: A(59, 24), operands [FRT, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE(estimate of 1 ÷ (FRB))" => rc float::fres;
    frsqrte: A(63, 26), operands [FRT, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← estimate of 1 ÷ √(FRB)" => rc float::frsqrte;
    fsel: A(63, 23), operands [FRT, FRA, FRC, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← (FRC) if (FRA) ≥ 0 else (FRB)" => rc float::fsel;
    fsqrts: A(59, 22), operands [FRT, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE(√(FRB))" => rc float::fsqrts;
    fsubs: A(59, 20), operands [FRT, FRA, FRB], variants Rc, needs Fp, since Ppc, does "FRT ← SINGLE((FRA) - (FRB))" => rc float::fsubs;
    stfiwx: X(31, 983), operands [FRS, RA0, RB], needs Fp, since Ppc, effect store(4), does "MEM((RA|0) + (RB), 4) ← (FRS)[32:63]" => float::stfiwx;
    fre: A(63, 24), operands [FRT, FRB], variants Rc, needs Fp, since V2_02, does "FRT ← estimate of 1 ÷ (FRB)" => rc float::fre;
    frim: X(63, 488), operands [FRT, FRB], variants Rc, needs Fp, since V2_02, does "FRT ← (FRB) rounded to an integer toward -∞" => rc float::frim;
    frin: X(63, 392), operands [FRT, FRB], variants Rc, needs Fp, since V2_02, does "FRT ← (FRB) rounded to the nearest integer, ties away" => rc float::frin;
    frip: X(63, 456), operands [FRT, FRB], variants Rc, needs Fp, since V2_02, does "FRT ← (FRB) rounded to an integer toward +∞" => rc float::frip;
    friz: X(63, 424), operands [FRT, FRB], variants Rc, needs Fp, since V2_02, does "FRT ← (FRB) rounded to an integer toward 0" => rc float::friz;
    frsqrtes: A(59, 26), operands [FRT, FRB], variants Rc, needs Fp, since V2_02, does "FRT ← SINGLE(estimate of 1 ÷ √(FRB))" => rc float::frsqrtes;
    fcpsgn: X(63, 8), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← sign of (FRA) || (FRB)[1:63]" => rc float::fcpsgn;
    lfdp: Ds(57, 0), operands [FRTp, DS, RA0], needs Fp, since V2_05, accesses Load, does "FRTp ← MEM((RA|0) + EXTS(DS || 0b00), 16)" => float::lfdp;
    lfdpx: X(31, 791), operands [FRTp, RA0, RB], needs Fp, since V2_05, accesses Load, does "FRTp ← MEM((RA|0) + (RB), 16)" => float::lfdpx;
    lfiwax: X(31, 855), operands [FRT, RA0, RB], needs Fp, since V2_05, effect load(4).of(Signed), does "FRT ← EXTS(MEM((RA|0) + (RB), 4))" => float::lfiwax;
    stfdp: Ds(61, 0), operands [FRSp, DS, RA0], needs Fp, since V2_05, accesses Store, does "MEM((RA|0) + EXTS(DS || 0b00), 16) ← (FRSp)" => float::stfdp;
    stfdpx: X(31, 919), operands [FRSp, RA0, RB], needs Fp, since V2_05, accesses Store, does "MEM((RA|0) + (RB), 16) ← (FRSp)" => float::stfdpx;
    fcfids: X(59, 846), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← SINGLE((FRB) as a signed doubleword)" => rc float::fcfids;
    fcfidu: X(63, 974), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← DOUBLE((FRB) as an unsigned doubleword)" => rc float::fcfidu;
    fcfidus: X(59, 974), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← SINGLE((FRB) as an unsigned doubleword)" => rc float::fcfidus;
    fctidu: X(63, 942), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← (FRB) rounded to an unsigned doubleword" => rc float::fctidu;
    fctiduz: X(63, 943), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← (FRB) rounded toward 0 to an unsigned doubleword" => rc float::fctiduz;
    fctiwu: X(63, 142), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← (FRB) rounded to an unsigned word" => rc float::fctiwu;
    fctiwuz: X(63, 143), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← (FRB) rounded toward 0 to an unsigned word" => rc float::fctiwuz;
    ftdiv: X(63, 128), operands [BF, FRA, FRB], needs Fp, since V2_06, does "CR[BF] ← whether (FRA) ÷ (FRB) needs care in software" => float::ftdiv;
    ftsqrt: X(63, 160), operands [BF, FRB], needs Fp, since V2_06, does "CR[BF] ← whether √(FRB) needs care in software" => float::ftsqrt;
    lfiwzx: X(31, 887), operands [FRT, RA0, RB], needs Fp, since V2_06, effect load(4), does "FRT ← MEM((RA|0) + (RB), 4)" => float::lfiwzx;
    fmrgew: X(63, 966), operands [FRT, FRA, FRB], needs Fp, since V2_07, does "FRT ← (FRA)[0:31] || (FRB)[0:31]" => float::fmrgew;
    fmrgow: X(63, 838), operands [FRT, FRA, FRB], needs Fp, since V2_07, does "FRT ← (FRA)[32:63] || (FRB)[32:63]" => float::fmrgow;
    mffscdrn: X(63, 583; 11:15 = 20), operands [FRT, FRB], needs Fp, since V3_0B, does "FRT ← control bits of FPSCR; FPSCR[DRN] ← (FRB)[29:31]" => float::mffscdrn;
    mffscdrni: X(63, 583; 11:15 = 21), operands [FRT, DRM], needs Fp, since V3_0B, does "FRT ← control bits of FPSCR; FPSCR[DRN] ← DRM" => float::mffscdrni;
    mffsce: X(63, 583; 11:15 = 1), operands [FRT], needs Fp, since V3_0B, does "FRT ← FPSCR; FPSCR[VE,OE,UE,ZE,XE] ← 0" => float::mffsce;
    mffscrn: X(63, 583; 11:15 = 22), operands [FRT, FRB], needs Fp, since V3_0B, does "FRT ← control bits of FPSCR; FPSCR[RN] ← (FRB)[62:63]" => float::mffscrn;
    mffscrni: X(63, 583; 11:15 = 23), operands [FRT, RM], needs Fp, since V3_0B, does "FRT ← control bits of FPSCR; FPSCR[RN] ← RM" => float::mffscrni;
    mffsl: X(63, 583; 11:15 = 24), operands [FRT], needs Fp, since V3_0B, does "FRT ← control and status bits of FPSCR" => float::mffsl;
}
