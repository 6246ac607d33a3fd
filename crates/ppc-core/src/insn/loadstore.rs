//! Rows: Fixed-point loads and stores (Book I chapter 3).
//!
//! Columns are explained at the top of `insn/mod.rs`.

use super::{
    effect::{
        Effect::ManyGprs,
        Value::{Reversed, Signed},
        load, store,
    },
    table,
};

#[rustfmt::skip]
table! {
    LoadStore, after crate::insn::branch::COUNT;
    lbz: D(34), operands [RT, D, RA0], since P1, effect load(1), does "RT ← MEM((RA|0) + EXTS(D), 1)" => loadstore::lbz;
    lbzu: D(35), operands [RT, D, RA], since P1, effect load(1).update(), does "RT ← MEM((RA) + EXTS(D), 1); RA ← EA" => loadstore::lbzu;
    lbzux: X(31, 119), operands [RT, RA, RB], since P1, effect load(1).update(), does "RT ← MEM((RA) + (RB), 1); RA ← EA" => loadstore::lbzux;
    lbzx: X(31, 87), operands [RT, RA0, RB], since P1, effect load(1), does "RT ← MEM((RA|0) + (RB), 1)" => loadstore::lbzx;
    lha: D(42), operands [RT, D, RA0], since P1, effect load(2).of(Signed), does "RT ← EXTS(MEM((RA|0) + EXTS(D), 2))" => loadstore::lha;
    lhau: D(43), operands [RT, D, RA], since P1, effect load(2).of(Signed).update(), does "RT ← EXTS(MEM((RA) + EXTS(D), 2)); RA ← EA" => loadstore::lhau;
    lhaux: X(31, 375), operands [RT, RA, RB], since P1, effect load(2).of(Signed).update(), does "RT ← EXTS(MEM((RA) + (RB), 2)); RA ← EA" => loadstore::lhaux;
    lhax: X(31, 343), operands [RT, RA0, RB], since P1, effect load(2).of(Signed), does "RT ← EXTS(MEM((RA|0) + (RB), 2))" => loadstore::lhax;
    lhbrx: X(31, 790), operands [RT, RA0, RB], since P1, effect load(2).of(Reversed), does "RT ← bytes of MEM((RA|0) + (RB), 2) reversed" => loadstore::lhbrx;
    lhz: D(40), operands [RT, D, RA0], since P1, effect load(2), does "RT ← MEM((RA|0) + EXTS(D), 2)" => loadstore::lhz;
    lhzu: D(41), operands [RT, D, RA], since P1, effect load(2).update(), does "RT ← MEM((RA) + EXTS(D), 2); RA ← EA" => loadstore::lhzu;
    lhzux: X(31, 311), operands [RT, RA, RB], since P1, effect load(2).update(), does "RT ← MEM((RA) + (RB), 2); RA ← EA" => loadstore::lhzux;
    lhzx: X(31, 279), operands [RT, RA0, RB], since P1, effect load(2), does "RT ← MEM((RA|0) + (RB), 2)" => loadstore::lhzx;
    lmw: D(46), operands [RT, D, RA0], since P1, effect ManyGprs, accesses Load, does "RT..31 ← words of MEM((RA|0) + EXTS(D), 4 × (32 - RT))" => loadstore::lmw;
    lswi: X(31, 597), operands [RT, RA0, NB], since P1, effect ManyGprs, accesses Load at RA, does "RT.. ← bytes of MEM((RA|0), NB or 32), four a register" => loadstore::lswi;
    lswx: X(31, 533), operands [RT, RA0, RB], since P1, effect ManyGprs, accesses Load, does "RT.. ← bytes of MEM((RA|0) + (RB), XER[57:63]), four a register" => loadstore::lswx;
    lwbrx: X(31, 534), operands [RT, RA0, RB], since P1, effect load(4).of(Reversed), does "RT ← bytes of MEM((RA|0) + (RB), 4) reversed" => loadstore::lwbrx;
    lwz: D(32), operands [RT, D, RA0], since P1, effect load(4), does "RT ← MEM((RA|0) + EXTS(D), 4)" => loadstore::lwz;
    lwzu: D(33), operands [RT, D, RA], since P1, effect load(4).update(), does "RT ← MEM((RA) + EXTS(D), 4); RA ← EA" => loadstore::lwzu;
    lwzux: X(31, 55), operands [RT, RA, RB], since P1, effect load(4).update(), does "RT ← MEM((RA) + (RB), 4); RA ← EA" => loadstore::lwzux;
    lwzx: X(31, 23), operands [RT, RA0, RB], since P1, effect load(4), does "RT ← MEM((RA|0) + (RB), 4)" => loadstore::lwzx;
    stb: D(38), operands [RS, D, RA0], since P1, effect store(1), does "MEM((RA|0) + EXTS(D), 1) ← (RS)" => loadstore::stb;
    stbu: D(39), operands [RS, D, RA], since P1, effect store(1).update(), does "MEM((RA) + EXTS(D), 1) ← (RS); RA ← EA" => loadstore::stbu;
    stbux: X(31, 247), operands [RS, RA, RB], since P1, effect store(1).update(), does "MEM((RA) + (RB), 1) ← (RS); RA ← EA" => loadstore::stbux;
    stbx: X(31, 215), operands [RS, RA0, RB], since P1, effect store(1), does "MEM((RA|0) + (RB), 1) ← (RS)" => loadstore::stbx;
    sth: D(44), operands [RS, D, RA0], since P1, effect store(2), does "MEM((RA|0) + EXTS(D), 2) ← (RS)" => loadstore::sth;
    sthbrx: X(31, 918), operands [RS, RA0, RB], since P1, effect store(2).of(Reversed), does "MEM((RA|0) + (RB), 2) ← bytes of (RS) reversed" => loadstore::sthbrx;
    sthu: D(45), operands [RS, D, RA], since P1, effect store(2).update(), does "MEM((RA) + EXTS(D), 2) ← (RS); RA ← EA" => loadstore::sthu;
    sthux: X(31, 439), operands [RS, RA, RB], since P1, effect store(2).update(), does "MEM((RA) + (RB), 2) ← (RS); RA ← EA" => loadstore::sthux;
    sthx: X(31, 407), operands [RS, RA0, RB], since P1, effect store(2), does "MEM((RA|0) + (RB), 2) ← (RS)" => loadstore::sthx;
    stmw: D(47), operands [RS, D, RA0], since P1, effect ManyGprs, accesses Store, does "words of MEM((RA|0) + EXTS(D), 4 × (32 - RS)) ← (RS..31)" => loadstore::stmw;
    stswi: X(31, 725), operands [RS, RA0, NB], since P1, effect ManyGprs, accesses Store at RA, does "MEM((RA|0), NB or 32) ← bytes of (RS..), four a register" => loadstore::stswi;
    stswx: X(31, 661), operands [RS, RA0, RB], since P1, effect ManyGprs, accesses Store, does "MEM((RA|0) + (RB), XER[57:63]) ← bytes of (RS..), four a register" => loadstore::stswx;
    stw: D(36), operands [RS, D, RA0], since P1, effect store(4), does "MEM((RA|0) + EXTS(D), 4) ← (RS)" => loadstore::stw;
    stwbrx: X(31, 662), operands [RS, RA0, RB], since P1, effect store(4).of(Reversed), does "MEM((RA|0) + (RB), 4) ← bytes of (RS) reversed" => loadstore::stwbrx;
    stwu: D(37), operands [RS, D, RA], since P1, effect store(4).update(), does "MEM((RA) + EXTS(D), 4) ← (RS); RA ← EA" => loadstore::stwu;
    stwux: X(31, 183), operands [RS, RA, RB], since P1, effect store(4).update(), does "MEM((RA) + (RB), 4) ← (RS); RA ← EA" => loadstore::stwux;
    stwx: X(31, 151), operands [RS, RA0, RB], since P1, effect store(4), does "MEM((RA|0) + (RB), 4) ← (RS)" => loadstore::stwx;
    ld: Ds(58, 0), operands [RT, DS, RA0], since Ppc, effect load(8), does "RT ← MEM((RA|0) + EXTS(DS || 0b00), 8)" => loadstore::ld;
    ldu: Ds(58, 1), operands [RT, DS, RA], since Ppc, effect load(8).update(), does "RT ← MEM((RA) + EXTS(DS || 0b00), 8); RA ← EA" => loadstore::ldu;
    ldux: X(31, 53), operands [RT, RA, RB], since Ppc, effect load(8).update(), does "RT ← MEM((RA) + (RB), 8); RA ← EA" => loadstore::ldux;
    ldx: X(31, 21), operands [RT, RA0, RB], since Ppc, effect load(8), does "RT ← MEM((RA|0) + (RB), 8)" => loadstore::ldx;
    lwa: Ds(58, 2), operands [RT, DS, RA0], since Ppc, effect load(4).of(Signed), does "RT ← EXTS(MEM((RA|0) + EXTS(DS || 0b00), 4))" => loadstore::lwa;
    lwaux: X(31, 373), operands [RT, RA, RB], since Ppc, effect load(4).of(Signed).update(), does "RT ← EXTS(MEM((RA) + (RB), 4)); RA ← EA" => loadstore::lwaux;
    lwax: X(31, 341), operands [RT, RA0, RB], since Ppc, effect load(4).of(Signed), does "RT ← EXTS(MEM((RA|0) + (RB), 4))" => loadstore::lwax;
    std: Ds(62, 0), operands [RS, DS, RA0], since Ppc, effect store(8), does "MEM((RA|0) + EXTS(DS || 0b00), 8) ← (RS)" => loadstore::std;
    stdu: Ds(62, 1), operands [RS, DS, RA], since Ppc, effect store(8).update(), does "MEM((RA) + EXTS(DS || 0b00), 8) ← (RS); RA ← EA" => loadstore::stdu;
    stdux: X(31, 181), operands [RS, RA, RB], since Ppc, effect store(8).update(), does "MEM((RA) + (RB), 8) ← (RS); RA ← EA" => loadstore::stdux;
    stdx: X(31, 149), operands [RS, RA0, RB], since Ppc, effect store(8), does "MEM((RA|0) + (RB), 8) ← (RS)" => loadstore::stdx;
    lq: Dq(56), operands [RTp, DQ, RA0], since V2_03, effect ManyGprs, accesses Load, does "RTp ← MEM((RA|0) + EXTS(DQ || 0b0000), 16)" => loadstore::lq;
    stq: Ds(62, 2), operands [RSp, DS, RA0], since V2_03, effect ManyGprs, accesses Store, does "MEM((RA|0) + EXTS(DS || 0b00), 16) ← (RSp)" => loadstore::stq;
    lbzcix: X(31, 853), operands [RT, RA0, RB], since V2_05, accesses Load, does "RT ← MEM((RA|0) + (RB), 1), real, caching inhibited" => loadstore::caching_inhibited;
    ldcix: X(31, 885), operands [RT, RA0, RB], since V2_05, accesses Load, does "RT ← MEM((RA|0) + (RB), 8), real, caching inhibited" => loadstore::caching_inhibited;
    lhzcix: X(31, 821), operands [RT, RA0, RB], since V2_05, accesses Load, does "RT ← MEM((RA|0) + (RB), 2), real, caching inhibited" => loadstore::caching_inhibited;
    lwzcix: X(31, 789), operands [RT, RA0, RB], since V2_05, accesses Load, does "RT ← MEM((RA|0) + (RB), 4), real, caching inhibited" => loadstore::caching_inhibited;
    stbcix: X(31, 981), operands [RS, RA0, RB], since V2_05, accesses Store, does "MEM((RA|0) + (RB), 1) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    stdcix: X(31, 1013), operands [RS, RA0, RB], since V2_05, accesses Store, does "MEM((RA|0) + (RB), 8) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    sthcix: X(31, 949), operands [RS, RA0, RB], since V2_05, accesses Store, does "MEM((RA|0) + (RB), 2) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    stwcix: X(31, 917), operands [RS, RA0, RB], since V2_05, accesses Store, does "MEM((RA|0) + (RB), 4) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    ldbrx: X(31, 532), operands [RT, RA0, RB], since V2_06, effect load(8).of(Reversed), does "RT ← bytes of MEM((RA|0) + (RB), 8) reversed" => loadstore::ldbrx;
    stdbrx: X(31, 660), operands [RS, RA0, RB], since V2_06, effect store(8).of(Reversed), does "MEM((RA|0) + (RB), 8) ← bytes of (RS) reversed" => loadstore::stdbrx;
}
