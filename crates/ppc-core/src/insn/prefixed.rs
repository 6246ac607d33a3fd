//! Rows: prefixed instructions (3.1, Book I), in the order of their mnemonics.
//!
//! Columns are explained at the top of `insn/mod.rs`. With R = 1 an address is relative to the instruction's own, and RA
//! must be 0.

use super::{
    effect::{Value::Signed, load, store},
    table,
};

#[rustfmt::skip]
table! {
    LoadStore, after crate::insn::system::COUNT;
    paddi: PMlsD(14), operands [RT, RA0, SI34, R_P], in Fixed, since V3_1, does "RT ← (RA|0, or CIA if R) + EXTS(SI)" => prefixed::paddi;
    plbz: PMlsD(34), operands [RT, D34, RA0, R_P], since V3_1, effect load(1), does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 1)" => prefixed::plbz;
    pld: P8LsD(57), operands [RT, D34, RA0, R_P], since V3_1, effect load(8), does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 8)" => prefixed::pld;
    plfd: PMlsD(50), operands [FRT, D34, RA0, R_P], needs Fp, in Float, since V3_1, effect load(8), does "FRT ← MEM((RA|0, or CIA if R) + EXTS(D), 8)" => prefixed::plfd;
    plfs: PMlsD(48), operands [FRT, D34, RA0, R_P], needs Fp, in Float, since V3_1, accesses Load, does "FRT ← DOUBLE(MEM((RA|0, or CIA if R) + EXTS(D), 4))" => prefixed::plfs;
    plha: PMlsD(42), operands [RT, D34, RA0, R_P], since V3_1, effect load(2).of(Signed), does "RT ← EXTS(MEM((RA|0, or CIA if R) + EXTS(D), 2))" => prefixed::plha;
    plhz: PMlsD(40), operands [RT, D34, RA0, R_P], since V3_1, effect load(2), does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 2)" => prefixed::plhz;
    plq: P8LsD(56), operands [RTp, D34, RA0, R_P], since V3_1, accesses Load, does "RTp ← MEM((RA|0, or CIA if R) + EXTS(D), 16)" => prefixed::plq;
    plwa: P8LsD(41), operands [RT, D34, RA0, R_P], since V3_1, effect load(4).of(Signed), does "RT ← EXTS(MEM((RA|0, or CIA if R) + EXTS(D), 4))" => prefixed::plwa;
    plwz: PMlsD(32), operands [RT, D34, RA0, R_P], since V3_1, effect load(4), does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 4)" => prefixed::plwz;
    plxsd: P8LsD(42), operands [VRT, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, effect load(8), does "VRT.dword[0] ← MEM((RA|0, or CIA if R) + EXTS(D), 8)" => prefixed::plxsd;
    plxssp: P8LsD(43), operands [VRT, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, accesses Load, does "VRT.dword[0] ← DOUBLE(MEM((RA|0, or CIA if R) + EXTS(D), 4))" => prefixed::plxssp;
    plxv: P8LsD(; 0:4 = 25), operands [XT5, D34, RA0, R_P], needs VsxOrVec, in Vsx, since V3_1, effect load(16), does "XT ← MEM((RA|0, or CIA if R) + EXTS(D), 16)" => prefixed::plxv;
    plxvp: P8LsD(58), operands [XTp, D34, RA0, R_P], needs Vsx, in Vsx, since V3_1, accesses Load, does "XTp ← MEM((RA|0, or CIA if R) + EXTS(D), 32)" => prefixed::plxvp;
    pmxvbf16ger2: PMmirrXx3(59, 51), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), bfloat16, where the masks are 1, else 0" => mma::xvbf16ger2;
    pmxvbf16ger2nn: PMmirrXx3(59, 242), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← -(sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), bfloat16) - (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvbf16ger2nn;
    pmxvbf16ger2np: PMmirrXx3(59, 114), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← -(sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), bfloat16) + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvbf16ger2np;
    pmxvbf16ger2pn: PMmirrXx3(59, 178), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), bfloat16 - (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvbf16ger2pn;
    pmxvbf16ger2pp: PMmirrXx3(59, 50), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), bfloat16 + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvbf16ger2pp;
    pmxvf16ger2: PMmirrXx3(59, 19), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), half, where the masks are 1, else 0" => mma::xvf16ger2;
    pmxvf16ger2nn: PMmirrXx3(59, 210), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← -(sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), half) - (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf16ger2nn;
    pmxvf16ger2np: PMmirrXx3(59, 82), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← -(sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), half) + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf16ger2np;
    pmxvf16ger2pn: PMmirrXx3(59, 146), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), half - (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf16ger2pn;
    pmxvf16ger2pp: PMmirrXx3(59, 18), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), half + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf16ger2pp;
    pmxvf32ger: PMmirrXx3(59, 27), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← (XA.word[i]) × (XB.word[j]), where the masks are 1, else 0" => mma::xvf32ger;
    pmxvf32gernn: PMmirrXx3(59, 218), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← -((XA.word[i]) × (XB.word[j])) - (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf32gernn;
    pmxvf32gernp: PMmirrXx3(59, 90), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← -((XA.word[i]) × (XB.word[j])) + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf32gernp;
    pmxvf32gerpn: PMmirrXx3(59, 154), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← (XA.word[i]) × (XB.word[j]) - (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf32gerpn;
    pmxvf32gerpp: PMmirrXx3(59, 26), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← (XA.word[i]) × (XB.word[j]) + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvf32gerpp;
    pmxvf64ger: PMmirrXx3(59, 59), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].dword[j] ← (XAp.dword[i]) × (XB.dword[j]), where the masks are 1, else 0" => mma::xvf64ger;
    pmxvf64gernn: PMmirrXx3(59, 250), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].dword[j] ← -((XAp.dword[i]) × (XB.dword[j])) - (ACC[AT][i].dword[j]), where the masks are 1, else 0" => mma::xvf64gernn;
    pmxvf64gernp: PMmirrXx3(59, 122), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].dword[j] ← -((XAp.dword[i]) × (XB.dword[j])) + (ACC[AT][i].dword[j]), where the masks are 1, else 0" => mma::xvf64gernp;
    pmxvf64gerpn: PMmirrXx3(59, 186), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].dword[j] ← (XAp.dword[i]) × (XB.dword[j]) - (ACC[AT][i].dword[j]), where the masks are 1, else 0" => mma::xvf64gerpn;
    pmxvf64gerpp: PMmirrXx3(59, 58), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].dword[j] ← (XAp.dword[i]) × (XB.dword[j]) + (ACC[AT][i].dword[j]), where the masks are 1, else 0" => mma::xvf64gerpp;
    pmxvi16ger2: PMmirrXx3(59, 75), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), signed, where the masks are 1, else 0" => mma::xvi16ger2;
    pmxvi16ger2pp: PMmirrXx3(59, 107), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), signed + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvi16ger2pp;
    pmxvi16ger2s: PMmirrXx3(59, 43), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), signed, saturated, where the masks are 1, else 0" => mma::xvi16ger2s;
    pmxvi16ger2spp: PMmirrXx3(59, 42), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.hword[2i+k]) × (XB.hword[2j+k]), signed + (ACC[AT][i].word[j]), saturated, where the masks are 1, else 0" => mma::xvi16ger2spp;
    pmxvi4ger8: PMmirrXx3(59, 35), operands [AT, XA, XB, XMSK, YMSK, PMSK8], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.nibble[8i+k]) × (XB.nibble[8j+k]), signed, where the masks are 1, else 0" => mma::xvi4ger8;
    pmxvi4ger8pp: PMmirrXx3(59, 34), operands [AT, XA, XB, XMSK, YMSK, PMSK8], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.nibble[8i+k]) × (XB.nibble[8j+k]), signed + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvi4ger8pp;
    pmxvi8ger4: PMmirrXx3(59, 3), operands [AT, XA, XB, XMSK, YMSK, PMSK4], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.byte[4i+k]), signed × (XB.byte[4j+k]), unsigned, where the masks are 1, else 0" => mma::xvi8ger4;
    pmxvi8ger4pp: PMmirrXx3(59, 2), operands [AT, XA, XB, XMSK, YMSK, PMSK4], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.byte[4i+k]), signed × (XB.byte[4j+k]), unsigned + (ACC[AT][i].word[j]), where the masks are 1, else 0" => mma::xvi8ger4pp;
    pmxvi8ger4spp: PMmirrXx3(59, 99), operands [AT, XA, XB, XMSK, YMSK, PMSK4], needs Vsx, in Vsx, since V3_1, does "ACC[AT][i].word[j] ← sum of (XA.byte[4i+k]), signed × (XB.byte[4j+k]), unsigned + (ACC[AT][i].word[j]), saturated, where the masks are 1, else 0" => mma::xvi8ger4spp;
    pnop: PMrr(; prefix 14:30 = 0), operands [], in Fixed, since V3_1, does "nothing" => prefixed::pnop;
    pstb: PMlsD(38), operands [RS, D34, RA0, R_P], since V3_1, effect store(1), does "MEM((RA|0, or CIA if R) + EXTS(D), 1) ← (RS)" => prefixed::pstb;
    pstd: P8LsD(61), operands [RS, D34, RA0, R_P], since V3_1, effect store(8), does "MEM((RA|0, or CIA if R) + EXTS(D), 8) ← (RS)" => prefixed::pstd;
    pstfd: PMlsD(54), operands [FRS, D34, RA0, R_P], needs Fp, in Float, since V3_1, effect store(8), does "MEM((RA|0, or CIA if R) + EXTS(D), 8) ← (FRS)" => prefixed::pstfd;
    pstfs: PMlsD(52), operands [FRS, D34, RA0, R_P], needs Fp, in Float, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 4) ← SINGLE((FRS))" => prefixed::pstfs;
    psth: PMlsD(44), operands [RS, D34, RA0, R_P], since V3_1, effect store(2), does "MEM((RA|0, or CIA if R) + EXTS(D), 2) ← (RS)" => prefixed::psth;
    pstq: P8LsD(60), operands [RSp, D34, RA0, R_P], since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 16) ← (RSp)" => prefixed::pstq;
    pstw: PMlsD(36), operands [RS, D34, RA0, R_P], since V3_1, effect store(4), does "MEM((RA|0, or CIA if R) + EXTS(D), 4) ← (RS)" => prefixed::pstw;
    pstxsd: P8LsD(46), operands [VRS, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, effect store(8), does "MEM((RA|0, or CIA if R) + EXTS(D), 8) ← (VRS.dword[0])" => prefixed::pstxsd;
    pstxssp: P8LsD(47), operands [VRS, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 4) ← SINGLE((VRS.dword[0]))" => prefixed::pstxssp;
    pstxv: P8LsD(; 0:4 = 27), operands [XS5, D34, RA0, R_P], needs VsxOrVec, in Vsx, since V3_1, effect store(16), does "MEM((RA|0, or CIA if R) + EXTS(D), 16) ← (XS)" => prefixed::pstxv;
    pstxvp: P8LsD(62), operands [XSp, D34, RA0, R_P], needs Vsx, in Vsx, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 32) ← (XSp)" => prefixed::pstxvp;
    xxblendvb: P8RrXx4(33, 0), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "XT.byte[i] ← (XB.byte[i]) if bit 0 of (XC.byte[i]) else (XA.byte[i])" => vsx::xxblendvb;
    xxblendvd: P8RrXx4(33, 3), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "XT.dword[i] ← (XB.dword[i]) if bit 0 of (XC.dword[i]) else (XA.dword[i])" => vsx::xxblendvd;
    xxblendvh: P8RrXx4(33, 1), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "XT.hword[i] ← (XB.hword[i]) if bit 0 of (XC.hword[i]) else (XA.hword[i])" => vsx::xxblendvh;
    xxblendvw: P8RrXx4(33, 2), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "XT.word[i] ← (XB.word[i]) if bit 0 of (XC.word[i]) else (XA.word[i])" => vsx::xxblendvw;
    xxeval: P8RrXx4(34, 1), operands [XT, XA, XB, XC, IMM_P], needs Vsx, in Vsx, since V3_1, does "XT[i] ← IMM[(XA)[i] || (XB)[i] || (XC)[i]]" => vsx::xxeval;
    xxpermx: P8RrXx4(34, 0), operands [XT, XA, XB, XC, UIM_P], needs Vsx, in Vsx, since V3_1, does "XT.byte[i] ← byte (XC.byte[i])[3:7] of (XA) || (XB) if (XC.byte[i])[0:2] = UIM else 0" => vsx::xxpermx;
    xxsplti32dx: P8RrD(32; 11:13 = 0), operands [XT15, IX, IMM32], needs Vsx, in Vsx, since V3_1, does "XT.word[IX], XT.word[IX+2] ← IMM32" => vsx::xxsplti32dx;
    xxspltidp: P8RrD(32; 11:14 = 2), operands [XT15, IMM32], needs Vsx, in Vsx, since V3_1, does "XT.dword[i] ← DOUBLE(IMM32)" => vsx::xxspltidp;
    xxspltiw: P8RrD(32; 11:14 = 3), operands [XT15, IMM32], needs Vsx, in Vsx, since V3_1, does "XT.word[i] ← IMM32" => vsx::xxspltiw;
}
