//! Rows: Decimal floating point (Book I chapter 5).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    dadd, "dadd", Rc, 0xec000004, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "DFP Add" => none;
    daddq, "daddq", Rc, 0xfc000004, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "DFP Add Quad" => none;
    dcffixq, "dcffixq", Rc, 0xfc000644, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRTp,FRB", Fp, "DFP Convert From Fixed Quad" => none;
    dcmpo, "dcmpo", None, 0xec000104, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "DFP Compare Ordered" => none;
    dcmpoq, "dcmpoq", None, 0xfc000104, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRAp,FRBp", Fp, "DFP Compare Ordered Quad" => none;
    dcmpu, "dcmpu", None, 0xec000504, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "DFP Compare Unordered" => none;
    dcmpuq, "dcmpuq", None, 0xfc000504, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRAp,FRBp", Fp, "DFP Compare Unordered Quad" => none;
    dctdp, "dctdp", Rc, 0xec000204, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "DFP Convert To DFP Long" => none;
    dctfix, "dctfix", Rc, 0xec000244, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "DFP Convert To Fixed" => none;
    dctfixq, "dctfixq", Rc, 0xfc000244, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRBp", Fp, "DFP Convert To Fixed Quad" => none;
    dctqpq, "dctqpq", Rc, 0xfc000204, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRTp,FRB", Fp, "DFP Convert To DFP Extended" => none;
    ddedpd, "ddedpd", Rc, 0xec000284, 0xfc0007fe, 0x00070000, X, Decimal, V2_05, "SP,FRT,FRB", Fp, "DFP Decode DPD To BCD" => none;
    ddedpdq, "ddedpdq", Rc, 0xfc000284, 0xfc0007fe, 0x00070000, X, Decimal, V2_05, "SP,FRTp,FRBp", Fp, "DFP Decode DPD To BCD Quad" => none;
    ddiv, "ddiv", Rc, 0xec000444, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "DFP Divide" => none;
    ddivq, "ddivq", Rc, 0xfc000444, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "DFP Divide Quad" => none;
    denbcd, "denbcd", Rc, 0xec000684, 0xfc0007fe, 0x000f0000, X, Decimal, V2_05, "S,FRT,FRB", Fp, "DFP Encode BCD To DPD" => none;
    denbcdq, "denbcdq", Rc, 0xfc000684, 0xfc0007fe, 0x000f0000, X, Decimal, V2_05, "S,FRTp,FRBp", Fp, "DFP Encode BCD To DPD Quad" => none;
    diex, "diex", Rc, 0xec0006c4, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "DFP Insert Biased Exponent" => none;
    diexq, "diexq", Rc, 0xfc0006c4, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRA,FRBp", Fp, "DFP Insert Biased Exponent Quad" => none;
    dmul, "dmul", Rc, 0xec000044, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "DFP Multiply" => none;
    dmulq, "dmulq", Rc, 0xfc000044, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "DFP Multiply Quad" => none;
    dqua, "dqua", Rc, 0xec000006, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRT,FRA,FRB,RMC", Fp, "DFP Quantize" => none;
    dquai, "dquai", Rc, 0xec000086, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "TE,FRT,FRB,RMC", Fp, "DFP Quantize Immediate" => none;
    dquaiq, "dquaiq", Rc, 0xfc000086, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "TE,FRTp,FRBp,RMC", Fp, "DFP Quantize Immediate Quad" => none;
    dquaq, "dquaq", Rc, 0xfc000006, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRTp,FRAp,FRBp,RMC", Fp, "DFP Quantize Quad" => none;
    drdpq, "drdpq", Rc, 0xfc000604, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRTp,FRBp", Fp, "DFP Round To DFP Long" => none;
    drintn, "drintn", Rc, 0xec0001c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRT,FRB,RMC", Fp, "DFP Round To FP Integer Without Inexact" => none;
    drintnq, "drintnq", Rc, 0xfc0001c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRTp,FRBp,RMC", Fp, "DFP Round To FP Integer Without Inexact Quad" => none;
    drintx, "drintx", Rc, 0xec0000c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRT,FRB,RMC", Fp, "DFP Round To FP Integer With Inexact" => none;
    drintxq, "drintxq", Rc, 0xfc0000c6, 0xfc0001fe, 0x001e0000, Z23, Decimal, V2_05, "R,FRTp,FRBp,RMC", Fp, "DFP Round To FP Integer With Inexact Quad" => none;
    drrnd, "drrnd", Rc, 0xec000046, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRT,FRA,FRB,RMC", Fp, "DFP Reround" => none;
    drrndq, "drrndq", Rc, 0xfc000046, 0xfc0001fe, 0x00000000, Z23, Decimal, V2_05, "FRTp,FRA,FRBp,RMC", Fp, "DFP Reround Quad" => none;
    drsp, "drsp", Rc, 0xec000604, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "DFP Round To DFP Short" => none;
    dscli, "dscli", Rc, 0xec000084, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRT,FRA,SH", Fp, "DFP Shift Significand Left Immediate" => none;
    dscliq, "dscliq", Rc, 0xfc000084, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRTp,FRAp,SH", Fp, "DFP Shift Significand Left Immediate Quad" => none;
    dscri, "dscri", Rc, 0xec0000c4, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRT,FRA,SH", Fp, "DFP Shift Significand Right Immediate" => none;
    dscriq, "dscriq", Rc, 0xfc0000c4, 0xfc0003fe, 0x00000000, Z22, Decimal, V2_05, "FRTp,FRAp,SH", Fp, "DFP Shift Significand Right Immediate Quad" => none;
    dsub, "dsub", Rc, 0xec000404, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRT,FRA,FRB", Fp, "DFP Subtract" => none;
    dsubq, "dsubq", Rc, 0xfc000404, 0xfc0007fe, 0x00000000, X, Decimal, V2_05, "FRTp,FRAp,FRBp", Fp, "DFP Subtract Quad" => none;
    dtstdc, "dtstdc", None, 0xec000184, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRA,DCM", Fp, "DFP Test Data Class" => none;
    dtstdcq, "dtstdcq", None, 0xfc000184, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRAp,DCM", Fp, "DFP Test Data Class Quad" => none;
    dtstdg, "dtstdg", None, 0xec0001c4, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRA,DGM", Fp, "DFP Test Data Group" => none;
    dtstdgq, "dtstdgq", None, 0xfc0001c4, 0xfc0003fe, 0x00600001, Z22, Decimal, V2_05, "BF,FRAp,DGM", Fp, "DFP Test Data Group Quad" => none;
    dtstex, "dtstex", None, 0xec000144, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "DFP Test Exponent" => none;
    dtstexq, "dtstexq", None, 0xfc000144, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRAp,FRBp", Fp, "DFP Test Exponent Quad" => none;
    dtstsf, "dtstsf", None, 0xec000544, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRB", Fp, "DFP Test Significance" => none;
    dtstsfq, "dtstsfq", None, 0xfc000544, 0xfc0007fe, 0x00600001, X, Decimal, V2_05, "BF,FRA,FRBp", Fp, "DFP Test Significance Quad" => none;
    dxex, "dxex", Rc, 0xec0002c4, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRB", Fp, "DFP Extract Biased Exponent" => none;
    dxexq, "dxexq", Rc, 0xfc0002c4, 0xfc0007fe, 0x001f0000, X, Decimal, V2_05, "FRT,FRBp", Fp, "DFP Extract Biased Exponent Quad" => none;
    dcffix, "dcffix", Rc, 0xec000644, 0xfc0007fe, 0x001f0000, X, Decimal, V2_06, "FRT,FRB", Fp, "DFP Convert From Fixed" => none;
    dtstsfi, "dtstsfi", None, 0xec000546, 0xfc0007fe, 0x00400001, X, Decimal, V3_0, "BF,UIM,FRB", Fp, "DFP Test Significance Immediate" => none;
    dtstsfiq, "dtstsfiq", None, 0xfc000546, 0xfc0007fe, 0x00400001, X, Decimal, V3_0, "BF,UIM,FRBp", Fp, "DFP Test Significance Immediate Quad" => none;
    dcffixqq, "dcffixqq", None, 0xfc0007c4, 0xfc1f07fe, 0x00000001, X, Decimal, V3_1, "FRTp,VRB", Fp, "DFP Convert From Fixed Quadword Quad" => none;
    dctfixqq, "dctfixqq", None, 0xfc0107c4, 0xfc1f07fe, 0x00000001, X, Decimal, V3_1, "VRT,FRBp", Fp, "DFP Convert To Fixed Quadword Quad" => none;
};
