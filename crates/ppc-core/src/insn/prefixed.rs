//! Rows: prefixed instructions (3.1, Book I), in the order of their mnemonics.
//!
//! Columns are explained at the top of `insn/mod.rs`. With R = 1 an address is relative to the instruction's own, and RA
//! must be 0.

use super::table;

#[rustfmt::skip]
table! {
    LoadStore, after crate::insn::system::COUNT;
    paddi: PMlsD(14), operands [RT, RA0, SI34, R_P], in Fixed, since V3_1, does "RT ← (RA|0, or CIA if R) + EXTS(SI)" => none;
    plbz: PMlsD(34), operands [RT, D34, RA0, R_P], since V3_1, accesses Load, does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 1)" => none;
    pld: P8LsD(57), operands [RT, D34, RA0, R_P], since V3_1, accesses Load, does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 8)" => none;
    plfd: PMlsD(50), operands [FRT, D34, RA0, R_P], needs Fp, in Float, since V3_1, accesses Load, does "FRT ← MEM((RA|0, or CIA if R) + EXTS(D), 8)" => none;
    plfs: PMlsD(48), operands [FRT, D34, RA0, R_P], needs Fp, in Float, since V3_1, accesses Load, does "FRT ← DOUBLE(MEM((RA|0, or CIA if R) + EXTS(D), 4))" => none;
    plha: PMlsD(42), operands [RT, D34, RA0, R_P], since V3_1, accesses Load, does "RT ← EXTS(MEM((RA|0, or CIA if R) + EXTS(D), 2))" => none;
    plhz: PMlsD(40), operands [RT, D34, RA0, R_P], since V3_1, accesses Load, does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 2)" => none;
    plq: P8LsD(56), operands [RTp, D34, RA0, R_P], since V3_1, accesses Load, does "RTp ← MEM((RA|0, or CIA if R) + EXTS(D), 16)" => none;
    plwa: P8LsD(41), operands [RT, D34, RA0, R_P], since V3_1, accesses Load, does "RT ← EXTS(MEM((RA|0, or CIA if R) + EXTS(D), 4))" => none;
    plwz: PMlsD(32), operands [RT, D34, RA0, R_P], since V3_1, accesses Load, does "RT ← MEM((RA|0, or CIA if R) + EXTS(D), 4)" => none;
    plxsd: P8LsD(42), operands [VRT, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, accesses Load, does "VRT.dword[0] ← MEM((RA|0, or CIA if R) + EXTS(D), 8)" => none;
    plxssp: P8LsD(43), operands [VRT, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, accesses Load, does "VRT.dword[0] ← DOUBLE(MEM((RA|0, or CIA if R) + EXTS(D), 4))" => none;
    plxv: P8LsD(; 0:4 = 25), operands [XT5, D34, RA0, R_P], needs VsxOrVec, in Vsx, since V3_1, accesses Load, does "XT ← MEM((RA|0, or CIA if R) + EXTS(D), 16)" => none;
    plxvp: P8LsD(58), operands [XTp, D34, RA0, R_P], needs Vsx, in Vsx, since V3_1, accesses Load, does "XTp ← MEM((RA|0, or CIA if R) + EXTS(D), 32)" => none;
    pmxvbf16ger2: PMmirrXx3(59, 51), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector bfloat16 GER (Rank-2 Update)" => none;
    pmxvbf16ger2nn: PMmirrXx3(59, 242), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector bfloat16 GER (Rank-2 Update) Negative multiply, Negative accumulate" => none;
    pmxvbf16ger2np: PMmirrXx3(59, 114), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector bfloat16 GER (Rank-2 Update) Negative multiply, Positive accumulate" => none;
    pmxvbf16ger2pn: PMmirrXx3(59, 178), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector bfloat16 GER (Rank-2 Update) Positive multiply, Negative accumulate" => none;
    pmxvbf16ger2pp: PMmirrXx3(59, 50), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector bfloat16 GER (Rank-2 Update) Positive multiply, Positive accumulate" => none;
    pmxvf16ger2: PMmirrXx3(59, 19), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Floating-Point GER (rank-2 update)" => none;
    pmxvf16ger2nn: PMmirrXx3(59, 210), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Floating-Point GER (rank-2 update) Negative multiply, Negative accumulate" => none;
    pmxvf16ger2np: PMmirrXx3(59, 82), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Floating-Point GER (rank-2 update) Negative multiply, Positive accumulate" => none;
    pmxvf16ger2pn: PMmirrXx3(59, 146), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Floating-Point GER (rank-2 update) Positive multiply, Negative accumulate" => none;
    pmxvf16ger2pp: PMmirrXx3(59, 18), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Floating-Point GER (rank-2 update) Positive multiply, Positive accumulate" => none;
    pmxvf32ger: PMmirrXx3(59, 27), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 32-bit Floating-Point GER (rank-1 update)" => none;
    pmxvf32gernn: PMmirrXx3(59, 218), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 32-bit Floating-Point GER (rank-1 update) Negative multiply, Negative accumulate" => none;
    pmxvf32gernp: PMmirrXx3(59, 90), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 32-bit Floating-Point GER (rank-1 update) Negative multiply, Positive accumulate" => none;
    pmxvf32gerpn: PMmirrXx3(59, 154), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 32-bit Floating-Point GER (rank-1 update) Positive multiply, Negative accumulate" => none;
    pmxvf32gerpp: PMmirrXx3(59, 26), operands [AT, XA, XB, XMSK, YMSK], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 32-bit Floating-Point GER (rank-1 update) Positive multiply, Positive accumulate" => none;
    pmxvf64ger: PMmirrXx3(59, 59), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 64-bit Floating-Point GER (rank-1 update)" => none;
    pmxvf64gernn: PMmirrXx3(59, 250), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 64-bit Floating-Point GER (rank-1 update) Negative multiply, Negative accumulate" => none;
    pmxvf64gernp: PMmirrXx3(59, 122), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 64-bit Floating-Point GER (rank-1 update) Negative multiply, Positive accumulate" => none;
    pmxvf64gerpn: PMmirrXx3(59, 186), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 64-bit Floating-Point GER (rank-1 update) Positive multiply, Negative accumulate" => none;
    pmxvf64gerpp: PMmirrXx3(59, 58), operands [AT, XAp, XB, XMSK, YMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 64-bit Floating-Point GER (rank-1 update) Positive multiply, Positive accumulate" => none;
    pmxvi16ger2: PMmirrXx3(59, 75), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Signed Integer GER (rank-2 update)" => none;
    pmxvi16ger2pp: PMmirrXx3(59, 107), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Signed Integer GER (rank-2 update) Positive multiply, Positive accumulate" => none;
    pmxvi16ger2s: PMmirrXx3(59, 43), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Signed Integer GER (rank-2 update) with Saturation" => none;
    pmxvi16ger2spp: PMmirrXx3(59, 42), operands [AT, XA, XB, XMSK, YMSK, PMSK2], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 16-bit Signed Integer GER (rank-2 update) with Saturation Positive multiply, Positive accumulate" => none;
    pmxvi4ger8: PMmirrXx3(59, 35), operands [AT, XA, XB, XMSK, YMSK, PMSK8], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 4-bit Signed Integer GER (rank-8 update)" => none;
    pmxvi4ger8pp: PMmirrXx3(59, 34), operands [AT, XA, XB, XMSK, YMSK, PMSK8], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 4-bit Signed Integer GER (rank-8 update) Positive multiply, Positive accumulate" => none;
    pmxvi8ger4: PMmirrXx3(59, 3), operands [AT, XA, XB, XMSK, YMSK, PMSK4], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 8-bit Signed/Unsigned Integer GER (rank-4 update)" => none;
    pmxvi8ger4pp: PMmirrXx3(59, 2), operands [AT, XA, XB, XMSK, YMSK, PMSK4], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 8-bit Signed/Unsigned Integer GER (rank-4 update) Positive multiply, Positive accumulate" => none;
    pmxvi8ger4spp: PMmirrXx3(59, 99), operands [AT, XA, XB, XMSK, YMSK, PMSK4], needs Vsx, in Vsx, since V3_1, does "Prefixed Masked VSX Vector 8-bit Signed/Unsigned Integer GER (rank-4 update) with Saturate Positive multiply, Positive accumulate" => none;
    pnop: PMrr(; prefix 14:30 = 0), operands [], in Fixed, since V3_1, does "Prefixed Nop" => none;
    pstb: PMlsD(38), operands [RS, D34, RA0, R_P], since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 1) ← (RS)" => none;
    pstd: P8LsD(61), operands [RS, D34, RA0, R_P], since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 8) ← (RS)" => none;
    pstfd: PMlsD(54), operands [FRS, D34, RA0, R_P], needs Fp, in Float, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 8) ← (FRS)" => none;
    pstfs: PMlsD(52), operands [FRS, D34, RA0, R_P], needs Fp, in Float, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 4) ← SINGLE((FRS))" => none;
    psth: PMlsD(44), operands [RS, D34, RA0, R_P], since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 2) ← (RS)" => none;
    pstq: P8LsD(60), operands [RSp, D34, RA0, R_P], since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 16) ← (RSp)" => none;
    pstw: PMlsD(36), operands [RS, D34, RA0, R_P], since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 4) ← (RS)" => none;
    pstxsd: P8LsD(46), operands [VRS, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 8) ← (VRS.dword[0])" => none;
    pstxssp: P8LsD(47), operands [VRS, D34, RA0, R_P], needs Vec, in Vsx, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 4) ← SINGLE((VRS.dword[0]))" => none;
    pstxv: P8LsD(; 0:4 = 27), operands [XS5, D34, RA0, R_P], needs VsxOrVec, in Vsx, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 16) ← (XS)" => none;
    pstxvp: P8LsD(62), operands [XSp, D34, RA0, R_P], needs Vsx, in Vsx, since V3_1, accesses Store, does "MEM((RA|0, or CIA if R) + EXTS(D), 32) ← (XSp)" => none;
    xxblendvb: P8RrXx4(33, 0), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "VSX Vector Blend Variable Byte" => none;
    xxblendvd: P8RrXx4(33, 3), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "VSX Vector Blend Variable Doubleword" => none;
    xxblendvh: P8RrXx4(33, 1), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "VSX Vector Blend Variable Halfword" => none;
    xxblendvw: P8RrXx4(33, 2), operands [XT, XA, XB, XC], needs Vsx, in Vsx, since V3_1, does "VSX Vector Blend Variable Word" => none;
    xxeval: P8RrXx4(34, 1), operands [XT, XA, XB, XC, IMM_P], needs Vsx, in Vsx, since V3_1, does "VSX Vector Evaluate" => none;
    xxpermx: P8RrXx4(34, 0), operands [XT, XA, XB, XC, UIM_P], needs Vsx, in Vsx, since V3_1, does "VSX Vector Permute Extended" => none;
    xxsplti32dx: P8RrD(32; 11:13 = 0), operands [XT15, IX, IMM32], needs Vsx, in Vsx, since V3_1, does "VSX Vector Splat Immediate32 Doubleword Indexed" => none;
    xxspltidp: P8RrD(32; 11:14 = 2), operands [XT15, IMM32], needs Vsx, in Vsx, since V3_1, does "VSX Vector Splat Immediate Double-Precision" => none;
    xxspltiw: P8RrD(32; 11:14 = 3), operands [XT15, IMM32], needs Vsx, in Vsx, since V3_1, does "VSX Vector Splat Immediate Word" => none;
}
