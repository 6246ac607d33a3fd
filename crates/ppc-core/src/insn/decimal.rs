//! Rows: Decimal floating point (Book I chapter 5).
//!
//! Columns are explained at the top of `insn/mod.rs`.

use super::table;

#[rustfmt::skip]
table! {
    Decimal, after crate::insn::vsx::COUNT;
    dadd: X(59, 2), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) + (FRB)" => rc decimal::dadd;
    daddq: X(63, 2), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) + (FRBp)" => rc decimal::daddq;
    dcffixq: X(63, 802), operands [FRTp, FRB], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRB) as a signed doubleword" => rc decimal::dcffixq;
    dcmpo: X(59, 130), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRA) compared with (FRB); invalid for any NaN" => decimal::dcmpo;
    dcmpoq: X(63, 130), operands [BF, FRAp, FRBp], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRAp) compared with (FRBp); invalid for any NaN" => decimal::dcmpoq;
    dcmpu: X(59, 642), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRA) compared with (FRB)" => decimal::dcmpu;
    dcmpuq: X(63, 642), operands [BF, FRAp, FRBp], needs Fp, since V2_05, does "CR[BF], FPCC ← (FRAp) compared with (FRBp)" => decimal::dcmpuq;
    dctdp: X(59, 258), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) from short to long" => rc decimal::dctdp;
    dctfix: X(59, 290), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to a signed doubleword" => rc decimal::dctfix;
    dctfixq: X(63, 290), operands [FRT, FRBp], variants Rc, needs Fp, since V2_05, does "FRT ← (FRBp) rounded to a signed doubleword" => rc decimal::dctfixq;
    dctqpq: X(63, 258), operands [FRTp, FRB], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRB) from long to extended" => rc decimal::dctqpq;
    ddedpd: X(59, 322), operands [SP, FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← digits of (FRB) as BCD, signed by SP" => rc decimal::ddedpd;
    ddedpdq: X(63, 322), operands [SP, FRTp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← digits of (FRBp) as BCD, signed by SP" => rc decimal::ddedpdq;
    ddiv: X(59, 546), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) ÷ (FRB)" => rc decimal::ddiv;
    ddivq: X(63, 546), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) ÷ (FRBp)" => rc decimal::ddivq;
    denbcd: X(59, 834), operands [S, FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← BCD of (FRB) as a decimal, signed if S" => rc decimal::denbcd;
    denbcdq: X(63, 834), operands [S, FRTp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← BCD of (FRBp) as a decimal, signed if S" => rc decimal::denbcdq;
    diex: X(59, 866), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) with the biased exponent (FRA)" => rc decimal::diex;
    diexq: X(63, 866), operands [FRTp, FRA, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) with the biased exponent (FRA)" => rc decimal::diexq;
    dmul: X(59, 34), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) × (FRB)" => rc decimal::dmul;
    dmulq: X(63, 34), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) × (FRBp)" => rc decimal::dmulq;
    dqua: Z23(59, 3), operands [FRT, FRA, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) with the exponent of (FRA), rounded by RMC" => rc decimal::dqua;
    dquai: Z23(59, 67), operands [TE, FRT, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) with exponent TE, rounded by RMC" => rc decimal::dquai;
    dquaiq: Z23(63, 67), operands [TE, FRTp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) with exponent TE, rounded by RMC" => rc decimal::dquaiq;
    dquaq: Z23(63, 3), operands [FRTp, FRAp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) with the exponent of (FRAp), rounded by RMC" => rc decimal::dquaq;
    drdpq: X(63, 770), operands [FRTp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to long" => rc decimal::drdpq;
    drintn: Z23(59, 227), operands [R, FRT, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to an integer by R and RMC, never inexact" => rc decimal::drintn;
    drintnq: Z23(63, 227), operands [R, FRTp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to an integer by R and RMC, never inexact" => rc decimal::drintnq;
    drintx: Z23(59, 99), operands [R, FRT, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to an integer by R and RMC" => rc decimal::drintx;
    drintxq: Z23(63, 99), operands [R, FRTp, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to an integer by R and RMC" => rc decimal::drintxq;
    drrnd: Z23(59, 35), operands [FRT, FRA, FRB, RMC], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to (FRA)[58:63] digits by RMC" => rc decimal::drrnd;
    drrndq: Z23(63, 35), operands [FRTp, FRA, FRBp, RMC], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRBp) rounded to (FRA)[58:63] digits by RMC" => rc decimal::drrndq;
    drsp: X(59, 770), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRB) rounded to short" => rc decimal::drsp;
    dscli: Z22(59, 66), operands [FRT, FRA, SH16], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) with its digits shifted left by SH" => rc decimal::dscli;
    dscliq: Z22(63, 66), operands [FRTp, FRAp, SH16], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) with its digits shifted left by SH" => rc decimal::dscliq;
    dscri: Z22(59, 98), operands [FRT, FRA, SH16], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) with its digits shifted right by SH" => rc decimal::dscri;
    dscriq: Z22(63, 98), operands [FRTp, FRAp, SH16], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) with its digits shifted right by SH" => rc decimal::dscriq;
    dsub: X(59, 514), operands [FRT, FRA, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← (FRA) - (FRB)" => rc decimal::dsub;
    dsubq: X(63, 514), operands [FRTp, FRAp, FRBp], variants Rc, needs Fp, since V2_05, does "FRTp ← (FRAp) - (FRBp)" => rc decimal::dsubq;
    dtstdc: Z22(59, 194), operands [BF, FRA, DCM], needs Fp, since V2_05, does "CR[BF] ← whether the class of (FRA) is in DCM" => decimal::dtstdc;
    dtstdcq: Z22(63, 194), operands [BF, FRAp, DCM], needs Fp, since V2_05, does "CR[BF] ← whether the class of (FRAp) is in DCM" => decimal::dtstdcq;
    dtstdg: Z22(59, 226), operands [BF, FRA, DGM], needs Fp, since V2_05, does "CR[BF] ← whether the group of (FRA) is in DGM" => decimal::dtstdg;
    dtstdgq: Z22(63, 226), operands [BF, FRAp, DGM], needs Fp, since V2_05, does "CR[BF] ← whether the group of (FRAp) is in DGM" => decimal::dtstdgq;
    dtstex: X(59, 162), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF] ← exponent of (FRA) compared with that of (FRB)" => decimal::dtstex;
    dtstexq: X(63, 162), operands [BF, FRAp, FRBp], needs Fp, since V2_05, does "CR[BF] ← exponent of (FRAp) compared with that of (FRBp)" => decimal::dtstexq;
    dtstsf: X(59, 674), operands [BF, FRA, FRB], needs Fp, since V2_05, does "CR[BF] ← (FRA)[58:63] compared with the digits of (FRB)" => decimal::dtstsf;
    dtstsfq: X(63, 674), operands [BF, FRA, FRBp], needs Fp, since V2_05, does "CR[BF] ← (FRA)[58:63] compared with the digits of (FRBp)" => decimal::dtstsfq;
    dxex: X(59, 354), operands [FRT, FRB], variants Rc, needs Fp, since V2_05, does "FRT ← biased exponent of (FRB)" => rc decimal::dxex;
    dxexq: X(63, 354), operands [FRT, FRBp], variants Rc, needs Fp, since V2_05, does "FRT ← biased exponent of (FRBp)" => rc decimal::dxexq;
    dcffix: X(59, 802), operands [FRT, FRB], variants Rc, needs Fp, since V2_06, does "FRT ← (FRB) as a signed doubleword" => rc decimal::dcffix;
    dtstsfi: X(59, 675), operands [BF, UIM10, FRB], needs Fp, since V3_0, does "CR[BF] ← UIM compared with the digits of (FRB)" => decimal::dtstsfi;
    dtstsfiq: X(63, 675), operands [BF, UIM10, FRBp], needs Fp, since V3_0, does "CR[BF] ← UIM compared with the digits of (FRBp)" => decimal::dtstsfiq;
    dcffixqq: X(63, 994; 11:15 = 0), operands [FRTp, VRB], needs Fp, since V3_1, does "FRTp ← (VRB) as a signed quadword" => decimal::dcffixqq;
    dctfixqq: X(63, 994; 11:15 = 1), operands [VRT, FRBp], needs Fp, since V3_1, does "VRT ← (FRBp) rounded to a signed quadword" => decimal::dctfixqq;
}
