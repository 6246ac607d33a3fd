//! Rows: Fixed-point loads and stores (Book I chapter 3).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    lbz, "lbz", None, 0x88000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← MEM((RA|0) + EXTS(D), 1)" => loadstore::lbz;
    lbzu, "lbzu", None, 0x8c000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← MEM((RA) + EXTS(D), 1); RA ← EA" => loadstore::lbzu;
    lbzux, "lbzux", None, 0x7c0000ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← MEM((RA) + (RB), 1); RA ← EA" => loadstore::lbzux;
    lbzx, "lbzx", None, 0x7c0000ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 1)" => loadstore::lbzx;
    lha, "lha", None, 0xa8000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← EXTS(MEM((RA|0) + EXTS(D), 2))" => loadstore::lha;
    lhau, "lhau", None, 0xac000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← EXTS(MEM((RA) + EXTS(D), 2)); RA ← EA" => loadstore::lhau;
    lhaux, "lhaux", None, 0x7c0002ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← EXTS(MEM((RA) + (RB), 2)); RA ← EA" => loadstore::lhaux;
    lhax, "lhax", None, 0x7c0002ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← EXTS(MEM((RA|0) + (RB), 2))" => loadstore::lhax;
    lhbrx, "lhbrx", None, 0x7c00062c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← bytes of MEM((RA|0) + (RB), 2) reversed" => loadstore::lhbrx;
    lhz, "lhz", None, 0xa0000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← MEM((RA|0) + EXTS(D), 2)" => loadstore::lhz;
    lhzu, "lhzu", None, 0xa4000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← MEM((RA) + EXTS(D), 2); RA ← EA" => loadstore::lhzu;
    lhzux, "lhzux", None, 0x7c00026e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← MEM((RA) + (RB), 2); RA ← EA" => loadstore::lhzux;
    lhzx, "lhzx", None, 0x7c00022e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 2)" => loadstore::lhzx;
    lmw, "lmw", None, 0xb8000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT..31 ← words of MEM((RA|0) + EXTS(D), 4 × (32 - RT))" => loadstore::lmw;
    lswi, "lswi", None, 0x7c0004aa, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,NB", None, "RT.. ← bytes of MEM((RA|0), NB or 32), four a register" => loadstore::lswi;
    lswx, "lswx", None, 0x7c00042a, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT.. ← bytes of MEM((RA|0) + (RB), XER[57:63]), four a register" => loadstore::lswx;
    lwbrx, "lwbrx", None, 0x7c00042c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← bytes of MEM((RA|0) + (RB), 4) reversed" => loadstore::lwbrx;
    lwz, "lwz", None, 0x80000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← MEM((RA|0) + EXTS(D), 4)" => loadstore::lwz;
    lwzu, "lwzu", None, 0x84000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "RT ← MEM((RA) + EXTS(D), 4); RA ← EA" => loadstore::lwzu;
    lwzux, "lwzux", None, 0x7c00006e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← MEM((RA) + (RB), 4); RA ← EA" => loadstore::lwzux;
    lwzx, "lwzx", None, 0x7c00002e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 4)" => loadstore::lwzx;
    stb, "stb", None, 0x98000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "MEM((RA|0) + EXTS(D), 1) ← (RS)" => loadstore::stb;
    stbu, "stbu", None, 0x9c000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "MEM((RA) + EXTS(D), 1) ← (RS); RA ← EA" => loadstore::stbu;
    stbux, "stbux", None, 0x7c0001ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA) + (RB), 1) ← (RS); RA ← EA" => loadstore::stbux;
    stbx, "stbx", None, 0x7c0001ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA|0) + (RB), 1) ← (RS)" => loadstore::stbx;
    sth, "sth", None, 0xb0000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "MEM((RA|0) + EXTS(D), 2) ← (RS)" => loadstore::sth;
    sthbrx, "sthbrx", None, 0x7c00072c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA|0) + (RB), 2) ← bytes of (RS) reversed" => loadstore::sthbrx;
    sthu, "sthu", None, 0xb4000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "MEM((RA) + EXTS(D), 2) ← (RS); RA ← EA" => loadstore::sthu;
    sthux, "sthux", None, 0x7c00036e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA) + (RB), 2) ← (RS); RA ← EA" => loadstore::sthux;
    sthx, "sthx", None, 0x7c00032e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA|0) + (RB), 2) ← (RS)" => loadstore::sthx;
    stmw, "stmw", None, 0xbc000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "words of MEM((RA|0) + EXTS(D), 4 × (32 - RS)) ← (RS..31)" => loadstore::stmw;
    stswi, "stswi", None, 0x7c0005aa, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,NB", None, "MEM((RA|0), NB or 32) ← bytes of (RS..), four a register" => loadstore::stswi;
    stswx, "stswx", None, 0x7c00052a, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA|0) + (RB), XER[57:63]) ← bytes of (RS..), four a register" => loadstore::stswx;
    stw, "stw", None, 0x90000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "MEM((RA|0) + EXTS(D), 4) ← (RS)" => loadstore::stw;
    stwbrx, "stwbrx", None, 0x7c00052c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA|0) + (RB), 4) ← bytes of (RS) reversed" => loadstore::stwbrx;
    stwu, "stwu", None, 0x94000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "MEM((RA) + EXTS(D), 4) ← (RS); RA ← EA" => loadstore::stwu;
    stwux, "stwux", None, 0x7c00016e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA) + (RB), 4) ← (RS); RA ← EA" => loadstore::stwux;
    stwx, "stwx", None, 0x7c00012e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "MEM((RA|0) + (RB), 4) ← (RS)" => loadstore::stwx;
    ld, "ld", None, 0xe8000000, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "RT ← MEM((RA|0) + EXTS(DS || 0b00), 8)" => loadstore::ld;
    ldu, "ldu", None, 0xe8000001, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "RT ← MEM((RA) + EXTS(DS || 0b00), 8); RA ← EA" => loadstore::ldu;
    ldux, "ldux", None, 0x7c00006a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "RT ← MEM((RA) + (RB), 8); RA ← EA" => loadstore::ldux;
    ldx, "ldx", None, 0x7c00002a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 8)" => loadstore::ldx;
    lwa, "lwa", None, 0xe8000002, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "RT ← EXTS(MEM((RA|0) + EXTS(DS || 0b00), 4))" => loadstore::lwa;
    lwaux, "lwaux", None, 0x7c0002ea, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "RT ← EXTS(MEM((RA) + (RB), 4)); RA ← EA" => loadstore::lwaux;
    lwax, "lwax", None, 0x7c0002aa, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "RT ← EXTS(MEM((RA|0) + (RB), 4))" => loadstore::lwax;
    std, "std", None, 0xf8000000, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RS,DS(RA)", None, "MEM((RA|0) + EXTS(DS || 0b00), 8) ← (RS)" => loadstore::std;
    stdu, "stdu", None, 0xf8000001, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RS,DS(RA)", None, "MEM((RA) + EXTS(DS || 0b00), 8) ← (RS); RA ← EA" => loadstore::stdu;
    stdux, "stdux", None, 0x7c00016a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RS,RA,RB", None, "MEM((RA) + (RB), 8) ← (RS); RA ← EA" => loadstore::stdux;
    stdx, "stdx", None, 0x7c00012a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RS,RA,RB", None, "MEM((RA|0) + (RB), 8) ← (RS)" => loadstore::stdx;
    lq, "lq", None, 0xe0000000, 0xfc000000, 0x0000000f, Dq, LoadStore, V2_03, "RTp,DQ(RA)", None, "RTp ← MEM((RA|0) + EXTS(DQ || 0b0000), 16)" => loadstore::lq;
    stq, "stq", None, 0xf8000002, 0xfc000003, 0x00000000, Ds, LoadStore, V2_03, "RSp,DS(RA)", None, "MEM((RA|0) + EXTS(DS || 0b00), 16) ← (RSp)" => loadstore::stq;
    lbzcix, "lbzcix", None, 0x7c0006aa, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 1), real, caching inhibited" => loadstore::caching_inhibited;
    ldcix, "ldcix", None, 0x7c0006ea, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 8), real, caching inhibited" => loadstore::caching_inhibited;
    lhzcix, "lhzcix", None, 0x7c00066a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 2), real, caching inhibited" => loadstore::caching_inhibited;
    lwzcix, "lwzcix", None, 0x7c00062a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "RT ← MEM((RA|0) + (RB), 4), real, caching inhibited" => loadstore::caching_inhibited;
    stbcix, "stbcix", None, 0x7c0007aa, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "MEM((RA|0) + (RB), 1) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    stdcix, "stdcix", None, 0x7c0007ea, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "MEM((RA|0) + (RB), 8) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    sthcix, "sthcix", None, 0x7c00076a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "MEM((RA|0) + (RB), 2) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    stwcix, "stwcix", None, 0x7c00072a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "MEM((RA|0) + (RB), 4) ← (RS), real, caching inhibited" => loadstore::caching_inhibited;
    ldbrx, "ldbrx", None, 0x7c000428, 0xfc0007fe, 0x00000001, X, LoadStore, V2_06, "RT,RA,RB", None, "RT ← bytes of MEM((RA|0) + (RB), 8) reversed" => loadstore::ldbrx;
    stdbrx, "stdbrx", None, 0x7c000528, 0xfc0007fe, 0x00000001, X, LoadStore, V2_06, "RS,RA,RB", None, "MEM((RA|0) + (RB), 8) ← bytes of (RS) reversed" => loadstore::stdbrx;
};
