//! Rows: Branches, system calls and condition register logic (Book I chapter 2).
//!
//! Columns are explained at the top of `insn/mod.rs`.

use super::{
    effect::{
        Branch::{Always, Conditional, ToCtr, ToLr, ToTar},
        Effect::{Branch, SystemCall},
    },
    table,
};

#[rustfmt::skip]
table! {
    Branch, after crate::insn::fixed::COUNT;
    b: I(18), operands [LI], variants AaLk, since P1, effect Branch(Always), does "NIA ← CIA + EXTS(LI || 0b00), without CIA if AA; LR ← CIA + 4 if LK" => branch::b;
    bc: B(16), operands [BO, BI, BD], variants AaLk, since P1, effect Branch(Conditional), does "CTR and CR[BI] tests of BO: NIA ← CIA + EXTS(BD || 0b00), without CIA if AA; LR ← CIA + 4 if LK" => branch::bc;
    bcctr: Xl(19, 528), operands [BO, BI, BH], variants Lk, since P1, effect Branch(ToCtr), does "CR[BI] test of BO: NIA ← CTR; LR ← CIA + 4 if LK" => lk branch::bcctr;
    bclr: Xl(19, 16), operands [BO, BI, BH], variants Lk, since P1, effect Branch(ToLr), does "CTR and CR[BI] tests of BO: NIA ← LR; LR ← CIA + 4 if LK" => lk branch::bclr;
    crand: Xl(19, 257), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← CR[BA] & CR[BB]" => branch::crand;
    crandc: Xl(19, 129), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← CR[BA] & ¬CR[BB]" => branch::crandc;
    creqv: Xl(19, 289), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← CR[BA] ≡ CR[BB]" => branch::creqv;
    crnand: Xl(19, 225), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← ¬(CR[BA] & CR[BB])" => branch::crnand;
    crnor: Xl(19, 33), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← ¬(CR[BA] | CR[BB])" => branch::crnor;
    cror: Xl(19, 449), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← CR[BA] | CR[BB]" => branch::cror;
    crorc: Xl(19, 417), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← CR[BA] | ¬CR[BB]" => branch::crorc;
    crxor: Xl(19, 193), operands [BT, BA, BB], in Condition, since P1, does "CR[BT] ← CR[BA] ⊕ CR[BB]" => branch::crxor;
    mcrf: Xl(19, 0), operands [BF, BFA], in Condition, since P1, does "CR[BF] ← CR[BFA]" => branch::mcrf;
    sc: Sc(17; 30:30 = 1), operands [LEV], since Ppc, effect SystemCall, does "system call interrupt; LEV = 1: hypercall" => system::sc;
    bctar: Xl(19, 560), operands [BO, BI, BH], variants Lk, since V2_07, effect Branch(ToTar), does "CTR and CR[BI] tests of BO: NIA ← TAR; LR ← CIA + 4 if LK" => lk branch::bctar;
    mcrxrx: X(31, 576), operands [BF], in Condition, since V3_0, does "CR[BF] ← OV || OV32 || CA || CA32" => fixed::mcrxrx;
    scv: Sc(17; 30:31 = 1), operands [LEV], since V3_0, effect SystemCall, does "system call vectored interrupt LEV" => system::scv;
}
