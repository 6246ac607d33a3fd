//! Rows: Decimal floating point (Book I chapter 5).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    dadd, "dadd", Rc, 0xec000004, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "FRT ← (FRA) + (FRB)" => none;
    daddq, "daddq", Rc, 0xfc000004, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "FRTp ← (FRAp) + (FRBp)" => none;
    dcffixq, "dcffixq", Rc, 0xfc000644, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRTp,FRB", Fp, "FRTp ← (FRB) as a signed doubleword" => none;
    dcmpo, "dcmpo", None, 0xec000104, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "CR[BF], FPCC ← (FRA) compared with (FRB); invalid for any NaN" => none;
    dcmpoq, "dcmpoq", None, 0xfc000104, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRAp,FRBp", Fp, "CR[BF], FPCC ← (FRAp) compared with (FRBp); invalid for any NaN" => none;
    dcmpu, "dcmpu", None, 0xec000504, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "CR[BF], FPCC ← (FRA) compared with (FRB)" => none;
    dcmpuq, "dcmpuq", None, 0xfc000504, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRAp,FRBp", Fp, "CR[BF], FPCC ← (FRAp) compared with (FRBp)" => none;
    dctdp, "dctdp", Rc, 0xec000204, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "FRT ← (FRB) from short to long" => none;
    dctfix, "dctfix", Rc, 0xec000244, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "FRT ← (FRB) rounded to a signed doubleword" => none;
    dctfixq, "dctfixq", Rc, 0xfc000244, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRBp", Fp, "FRT ← (FRBp) rounded to a signed doubleword" => none;
    dctqpq, "dctqpq", Rc, 0xfc000204, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRTp,FRB", Fp, "FRTp ← (FRB) from long to extended" => none;
    ddedpd, "ddedpd", Rc, 0xec000284, 0xfc0007fe, 0x00070000, X, Decimal, V2_05, "SP,FRT,FRB", Fp, "FRT ← digits of (FRB) as BCD, signed by SP" => none;
    ddedpdq, "ddedpdq", Rc, 0xfc000284, 0xfc0007fe, 0x00070000, X, Decimal, V2_05, "SP,FRTp,FRBp", Fp, "FRTp ← digits of (FRBp) as BCD, signed by SP" => none;
    ddiv, "ddiv", Rc, 0xec000444, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "FRT ← (FRA) ÷ (FRB)" => none;
    ddivq, "ddivq", Rc, 0xfc000444, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "FRTp ← (FRAp) ÷ (FRBp)" => none;
    denbcd, "denbcd", Rc, 0xec000684, 0xfc0007fe, 0x000f0000, X, Decimal, V2_05, "S,FRT,FRB", Fp, "FRT ← BCD of (FRB) as a decimal, signed if S" => none;
    denbcdq, "denbcdq", Rc, 0xfc000684, 0xfc0007fe, 0x000f0000, X, Decimal, V2_05, "S,FRTp,FRBp", Fp, "FRTp ← BCD of (FRBp) as a decimal, signed if S" => none;
    diex, "diex", Rc, 0xec0006c4, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "FRT ← (FRB) with the biased exponent (FRA)" => none;
    diexq, "diexq", Rc, 0xfc0006c4, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRA,FRBp", Fp, "FRTp ← (FRBp) with the biased exponent (FRA)" => none;
    dmul, "dmul", Rc, 0xec000044, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "FRT ← (FRA) × (FRB)" => none;
    dmulq, "dmulq", Rc, 0xfc000044, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "FRTp ← (FRAp) × (FRBp)" => none;
    dqua, "dqua", Rc, 0xec000006, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRT,FRA,FRB,RMC", Fp, "FRT ← (FRB) with the exponent of (FRA), rounded by RMC" => none;
    dquai, "dquai", Rc, 0xec000086, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "TE,FRT,FRB,RMC", Fp, "FRT ← (FRB) with exponent TE, rounded by RMC" => none;
    dquaiq, "dquaiq", Rc, 0xfc000086, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "TE,FRTp,FRBp,RMC", Fp, "FRTp ← (FRBp) with exponent TE, rounded by RMC" => none;
    dquaq, "dquaq", Rc, 0xfc000006, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRTp,FRAp,FRBp,RMC", Fp, "FRTp ← (FRBp) with the exponent of (FRAp), rounded by RMC" => none;
    drdpq, "drdpq", Rc, 0xfc000604, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRTp,FRBp", Fp, "FRTp ← (FRBp) rounded to long" => none;
    drintn, "drintn", Rc, 0xec0001c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRT,FRB,RMC", Fp, "FRT ← (FRB) rounded to an integer by R and RMC, never inexact" => none;
    drintnq, "drintnq", Rc, 0xfc0001c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRTp,FRBp,RMC", Fp, "FRTp ← (FRBp) rounded to an integer by R and RMC, never inexact" => none;
    drintx, "drintx", Rc, 0xec0000c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRT,FRB,RMC", Fp, "FRT ← (FRB) rounded to an integer by R and RMC" => none;
    drintxq, "drintxq", Rc, 0xfc0000c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRTp,FRBp,RMC", Fp, "FRTp ← (FRBp) rounded to an integer by R and RMC" => none;
    drrnd, "drrnd", Rc, 0xec000046, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRT,FRA,FRB,RMC", Fp, "FRT ← (FRB) rounded to (FRA)[58:63] digits by RMC" => none;
    drrndq, "drrndq", Rc, 0xfc000046, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRTp,FRA,FRBp,RMC", Fp, "FRTp ← (FRBp) rounded to (FRA)[58:63] digits by RMC" => none;
    drsp, "drsp", Rc, 0xec000604, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "FRT ← (FRB) rounded to short" => none;
    dscli, "dscli", Rc, 0xec000084, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRT,FRA,SH", Fp, "FRT ← (FRA) with its digits shifted left by SH" => none;
    dscliq, "dscliq", Rc, 0xfc000084, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRTp,FRAp,SH", Fp, "FRTp ← (FRAp) with its digits shifted left by SH" => none;
    dscri, "dscri", Rc, 0xec0000c4, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRT,FRA,SH", Fp, "FRT ← (FRA) with its digits shifted right by SH" => none;
    dscriq, "dscriq", Rc, 0xfc0000c4, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRTp,FRAp,SH", Fp, "FRTp ← (FRAp) with its digits shifted right by SH" => none;
    dsub, "dsub", Rc, 0xec000404, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "FRT ← (FRA) - (FRB)" => none;
    dsubq, "dsubq", Rc, 0xfc000404, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "FRTp ← (FRAp) - (FRBp)" => none;
    dtstdc, "dtstdc", None, 0xec000184, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRA,DCM", Fp, "CR[BF] ← whether the class of (FRA) is in DCM" => none;
    dtstdcq, "dtstdcq", None, 0xfc000184, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRAp,DCM", Fp, "CR[BF] ← whether the class of (FRAp) is in DCM" => none;
    dtstdg, "dtstdg", None, 0xec0001c4, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRA,DGM", Fp, "CR[BF] ← whether the group of (FRA) is in DGM" => none;
    dtstdgq, "dtstdgq", None, 0xfc0001c4, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRAp,DGM", Fp, "CR[BF] ← whether the group of (FRAp) is in DGM" => none;
    dtstex, "dtstex", None, 0xec000144, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "CR[BF] ← exponent of (FRA) compared with that of (FRB)" => none;
    dtstexq, "dtstexq", None, 0xfc000144, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRAp,FRBp", Fp, "CR[BF] ← exponent of (FRAp) compared with that of (FRBp)" => none;
    dtstsf, "dtstsf", None, 0xec000544, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "CR[BF] ← (FRA)[58:63] compared with the digits of (FRB)" => none;
    dtstsfq, "dtstsfq", None, 0xfc000544, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRBp", Fp, "CR[BF] ← (FRA)[58:63] compared with the digits of (FRBp)" => none;
    dxex, "dxex", Rc, 0xec0002c4, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "FRT ← biased exponent of (FRB)" => none;
    dxexq, "dxexq", Rc, 0xfc0002c4, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRBp", Fp, "FRT ← biased exponent of (FRBp)" => none;
    dcffix, "dcffix", Rc, 0xec000644, 0xfc0007fe, 0x001f0000, X, Decimal, V2_06, "FRT,FRB", Fp, "FRT ← (FRB) as a signed doubleword" => none;
    dtstsfi, "dtstsfi", None, 0xec000546, 0xfc0007fe, 0x00400001, X, Decimal, V3_0, "BF,UIM,FRB", Fp, "CR[BF] ← UIM compared with the digits of (FRB)" => none;
    dtstsfiq, "dtstsfiq", None, 0xfc000546, 0xfc0007fe, 0x00400001, X, Decimal, V3_0, "BF,UIM,FRBp", Fp, "CR[BF] ← UIM compared with the digits of (FRBp)" => none;
    dcffixqq, "dcffixqq", None, 0xfc0007c4, 0xfc1f07fe, 0x00000001, X, Decimal, V3_1, "FRTp,VRB", Fp, "DFP Convert From Fixed Quadword Quad" => none;
    dctfixqq, "dctfixqq", None, 0xfc0107c4, 0xfc1f07fe, 0x00000001, X, Decimal, V3_1, "VRT,FRBp", Fp, "DFP Convert To Fixed Quadword Quad" => none;
};
