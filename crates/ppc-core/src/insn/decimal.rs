//! Rows: Decimal floating point (Book I chapter 5).
//!
//! Columns are explained at the top of `insn/mod.rs`.

use super::table;

#[rustfmt::skip]
table! {
    Decimal, after crate::insn::vsx::COUNT;
    dadd: X(59, 2), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) + (FRB)" => none;
    daddq: X(63, 2), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) + (FRBp)" => none;
    dcffixq: X(63, 802), operands [FRTp, FRB], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRB) as a signed doubleword" => none;
    dcmpo: X(59, 130), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRA) compared with (FRB); invalid for any NaN" => none;
    dcmpoq: X(63, 130), operands [BF, FRAp, FRBp], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRAp) compared with (FRBp); invalid for any NaN" => none;
    dcmpu: X(59, 642), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRA) compared with (FRB)" => none;
    dcmpuq: X(63, 642), operands [BF, FRAp, FRBp], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRAp) compared with (FRBp)" => none;
    dctdp: X(59, 258), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) from short to long" => none;
    dctfix: X(59, 290), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to a signed doubleword" => none;
    dctfixq: X(63, 290), operands [FRT, FRBp], variants Rc, needs Fp, since V2_05, does "FRT ← (FRBp) rounded to a signed doubleword" => none;
    dctqpq: X(63, 258), operands [FRTp, FRB], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRB) from long to extended" => none;
    ddedpd: X(59, 322), operands [SP, FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← digits of (FRB) as BCD, signed by SP" => none;
    ddedpdq: X(63, 322), operands [SP, FRTp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← digits of (FRBp) as BCD, signed by SP" => none;
    ddiv: X(59, 546), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) ÷ (FRB)" => none;
    ddivq: X(63, 546), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) ÷ (FRBp)" => none;
    denbcd: X(59, 834), operands [S, FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← BCD of (FRB) as a decimal, signed if S" => none;
    denbcdq: X(63, 834), operands [S, FRTp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← BCD of (FRBp) as a decimal, signed if S" => none;
    diex: X(59, 866), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) with the biased exponent (FRA)" => none;
    diexq: X(63, 866), operands [FRTp, FRA, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) with the biased exponent (FRA)" => none;
    dmul: X(59, 34), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) × (FRB)" => none;
    dmulq: X(63, 34), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) × (FRBp)" => none;
    dqua: Z23(59, 3), operands [FRT, FRA, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) with the exponent of (FRA), rounded by RMC" => none;
    dquai: Z23(59, 67), operands [TE, FRT, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) with exponent TE, rounded by RMC" => none;
    dquaiq: Z23(63, 67), operands [TE, FRTp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) with exponent TE, rounded by RMC" => none;
    dquaq: Z23(63, 3), operands [FRTp, FRAp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) with the exponent of (FRAp), rounded by RMC" => none;
    drdpq: X(63, 770), operands [FRTp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to long" => none;
    drintn: Z23(59, 227), operands [R, FRT, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to an integer by R and RMC, never inexact" => none;
    drintnq: Z23(63, 227), operands [R, FRTp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to an integer by R and RMC, never inexact" => none;
    drintx: Z23(59, 99), operands [R, FRT, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to an integer by R and RMC" => none;
    drintxq: Z23(63, 99), operands [R, FRTp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to an integer by R and RMC" => none;
    drrnd: Z23(59, 35), operands [FRT, FRA, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to (FRA)[58:63] digits by RMC" => none;
    drrndq: Z23(63, 35), operands [FRTp, FRA, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to (FRA)[58:63] digits by RMC" => none;
    drsp: X(59, 770), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to short" => none;
    dscli: Z22(59, 66), operands [FRT, FRA, SH16], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) with its digits shifted left by SH" => none;
    dscliq: Z22(63, 66), operands [FRTp, FRAp, SH16], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) with its digits shifted left by SH" => none;
    dscri: Z22(59, 98), operands [FRT, FRA, SH16], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) with its digits shifted right by SH" => none;
    dscriq: Z22(63, 98), operands [FRTp, FRAp, SH16], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) with its digits shifted right by SH" => none;
    dsub: X(59, 514), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) - (FRB)" => none;
    dsubq: X(63, 514), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) - (FRBp)" => none;
    dtstdc: Z22(59, 194), operands [BF, FRA, DCM], needs Fp, since V2_05, does "CR[BF] ← whether the class of (FRA) is in DCM" => none;
    dtstdcq: Z22(63, 194), operands [BF, FRAp, DCM], needs Fp, since V2_05, does "CR[BF] ← whether the class of (FRAp) is in DCM" => none;
    dtstdg: Z22(59, 226), operands [BF, FRA, DGM], needs Fp, since V2_05, does "CR[BF] ← whether the group of (FRA) is in DGM" => none;
    dtstdgq: Z22(63, 226), operands [BF, FRAp, DGM], needs Fp, since V2_05, does "CR[BF] ← whether the group of (FRAp) is in DGM" => none;
    dtstex: X(59, 162), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF] ← exponent of (FRA) compared with that of (FRB)" => none;
    dtstexq: X(63, 162), operands [BF, FRAp, FRBp], needs Fp, since V2_05, does "CR[BF] ← exponent of (FRAp) compared with that of (FRBp)" => none;
    dtstsf: X(59, 674), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF] ← (FRA)[58:63] compared with the digits of (FRB)" => none;
    dtstsfq: X(63, 674), operands [BF, FRA, FRBp], needs Fp, since V2_05, does "CR[BF] ← (FRA)[58:63] compared with the digits of (FRBp)" => none;
    dxex: X(59, 354), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← biased exponent of (FRB)" => none;
    dxexq: X(63, 354), operands [FRT, FRBp], variants Rc, needs Fp, since V2_05, does "FRT ← biased exponent of (FRBp)" => none;
    dcffix: X(59, 802), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← (FRB) as a signed doubleword" => none;
    dtstsfi: X(59, 675), operands [BF, UIM10, FRB], needs Fp, since V3_0, does "CR[BF] ← UIM compared with the digits of (FRB)" => none;
    dtstsfiq: X(63, 675), operands [BF, UIM10, FRBp], needs Fp, since V3_0, does "CR[BF] ← UIM compared with the digits of (FRBp)" => none;
    dcffixqq: X(63, 994; 11:15 = 0), operands [FRTp, VRB], needs Fp, since V3_1, does "DFP Convert From Fixed Quadword Quad" => none;
    dctfixqq: X(63, 994; 11:15 = 1), operands [VRT, FRBp], needs Fp, since V3_1, does "DFP Convert To Fixed Quadword Quad" => none;
}
