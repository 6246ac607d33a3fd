//! Rows: Branches, system calls and condition register logic (Book I chapter 2).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    b, "b", AaLk, 0x48000000, 0xfc000000, 0x00000000, I, Branch, P1, "target_addr", None, "NIA ← CIA + EXTS(LI || 0b00), without CIA if AA; LR ← CIA + 4 if LK", ends => branch::b;
    bc, "bc", AaLk, 0x40000000, 0xfc000000, 0x00000000, B, Branch, P1, "BO,BI,target_addr", None, "CTR and CR[BI] tests of BO: NIA ← CIA + EXTS(BD || 0b00), without CIA if AA; LR ← CIA + 4 if LK", ends => branch::bc;
    bcctr, "bcctr", Lk, 0x4c000420, 0xfc0007fe, 0x0000e000, Xl, Branch, P1, "BO,BI,BH", None, "CR[BI] test of BO: NIA ← CTR; LR ← CIA + 4 if LK", ends => lk branch::bcctr;
    bclr, "bclr", Lk, 0x4c000020, 0xfc0007fe, 0x0000e000, Xl, Branch, P1, "BO,BI,BH", None, "CTR and CR[BI] tests of BO: NIA ← LR; LR ← CIA + 4 if LK", ends => lk branch::bclr;
    crand, "crand", None, 0x4c000202, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← CR[BA] & CR[BB]" => branch::crand;
    crandc, "crandc", None, 0x4c000102, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← CR[BA] & ¬CR[BB]" => branch::crandc;
    creqv, "creqv", None, 0x4c000242, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← CR[BA] ≡ CR[BB]" => branch::creqv;
    crnand, "crnand", None, 0x4c0001c2, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← ¬(CR[BA] & CR[BB])" => branch::crnand;
    crnor, "crnor", None, 0x4c000042, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← ¬(CR[BA] | CR[BB])" => branch::crnor;
    cror, "cror", None, 0x4c000382, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← CR[BA] | CR[BB]" => branch::cror;
    crorc, "crorc", None, 0x4c000342, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← CR[BA] | ¬CR[BB]" => branch::crorc;
    crxor, "crxor", None, 0x4c000182, 0xfc0007fe, 0x00000001, Xl, Condition, P1, "BT,BA,BB", None, "CR[BT] ← CR[BA] ⊕ CR[BB]" => branch::crxor;
    mcrf, "mcrf", None, 0x4c000000, 0xfc0007fe, 0x0063f801, Xl, Condition, P1, "BF,BFA", None, "CR[BF] ← CR[BFA]" => branch::mcrf;
    sc, "sc", None, 0x44000002, 0xfc000002, 0x03fff01d, Sc, Branch, Ppc, "LEV", None, "system call interrupt; LEV = 1: hypercall", ends => system::sc;
    bctar, "bctar", Lk, 0x4c000460, 0xfc0007fe, 0x0000e000, Xl, Branch, V2_07, "BO,BI,BH", None, "CTR and CR[BI] tests of BO: NIA ← TAR; LR ← CIA + 4 if LK", ends => lk branch::bctar;
    mcrxrx, "mcrxrx", None, 0x7c000480, 0xfc0007fe, 0x007ff801, X, Condition, V3_0, "BF", None, "CR[BF] ← OV || OV32 || CA || CA32" => fixed::mcrxrx;
    scv, "scv", None, 0x44000001, 0xfc000003, 0x03fff01c, Sc, Branch, V3_0, "LEV", None, "system call vectored interrupt LEV", ends => system::scv;
};
