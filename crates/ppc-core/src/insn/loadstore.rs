//! Rows: Fixed-point loads and stores (Book I chapter 3).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    lbz, "lbz", None, 0x88000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Byte and Zero" => loadstore::lbz;
    lbzu, "lbzu", None, 0x8c000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Byte and Zero with Update" => loadstore::lbzu;
    lbzux, "lbzux", None, 0x7c0000ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Byte and Zero with Update Indexed" => loadstore::lbzux;
    lbzx, "lbzx", None, 0x7c0000ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Byte and Zero Indexed" => loadstore::lbzx;
    lha, "lha", None, 0xa8000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword Algebraic" => loadstore::lha;
    lhau, "lhau", None, 0xac000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword Algebraic with Update" => loadstore::lhau;
    lhaux, "lhaux", None, 0x7c0002ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword Algebraic with Update Indexed" => loadstore::lhaux;
    lhax, "lhax", None, 0x7c0002ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword Algebraic Indexed" => loadstore::lhax;
    lhbrx, "lhbrx", None, 0x7c00062c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword Byte-Reverse Indexed" => loadstore::lhbrx;
    lhz, "lhz", None, 0xa0000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword and Zero" => loadstore::lhz;
    lhzu, "lhzu", None, 0xa4000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword and Zero with Update" => loadstore::lhzu;
    lhzux, "lhzux", None, 0x7c00026e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword and Zero with Update Indexed" => loadstore::lhzux;
    lhzx, "lhzx", None, 0x7c00022e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword and Zero Indexed" => loadstore::lhzx;
    lmw, "lmw", None, 0xb8000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Multiple Word" => loadstore::lmw;
    lswi, "lswi", None, 0x7c0004aa, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,NB", None, "Load String Word Immediate" => loadstore::lswi;
    lswx, "lswx", None, 0x7c00042a, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load String Word Indexed" => loadstore::lswx;
    lwbrx, "lwbrx", None, 0x7c00042c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Word Byte-Reverse Indexed" => loadstore::lwbrx;
    lwz, "lwz", None, 0x80000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Word and Zero" => loadstore::lwz;
    lwzu, "lwzu", None, 0x84000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Word and Zero with Update" => loadstore::lwzu;
    lwzux, "lwzux", None, 0x7c00006e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Word and Zero with Update Indexed" => loadstore::lwzux;
    lwzx, "lwzx", None, 0x7c00002e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Word and Zero Indexed" => loadstore::lwzx;
    stb, "stb", None, 0x98000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Byte" => loadstore::stb;
    stbu, "stbu", None, 0x9c000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Byte with Update" => loadstore::stbu;
    stbux, "stbux", None, 0x7c0001ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Byte with Update Indexed" => loadstore::stbux;
    stbx, "stbx", None, 0x7c0001ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Byte Indexed" => loadstore::stbx;
    sth, "sth", None, 0xb0000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Halfword" => loadstore::sth;
    sthbrx, "sthbrx", None, 0x7c00072c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Halfword Byte-Reverse Indexed" => loadstore::sthbrx;
    sthu, "sthu", None, 0xb4000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Halfword with Update" => loadstore::sthu;
    sthux, "sthux", None, 0x7c00036e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Halfword with Update Indexed" => loadstore::sthux;
    sthx, "sthx", None, 0x7c00032e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Halfword Indexed" => loadstore::sthx;
    stmw, "stmw", None, 0xbc000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Multiple Word" => loadstore::stmw;
    stswi, "stswi", None, 0x7c0005aa, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,NB", None, "Store String Word Immediate" => loadstore::stswi;
    stswx, "stswx", None, 0x7c00052a, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store String Word Indexed" => loadstore::stswx;
    stw, "stw", None, 0x90000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Word" => loadstore::stw;
    stwbrx, "stwbrx", None, 0x7c00052c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Word Byte-Reverse Indexed" => loadstore::stwbrx;
    stwu, "stwu", None, 0x94000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Word with Update" => loadstore::stwu;
    stwux, "stwux", None, 0x7c00016e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Word with Update Indexed" => loadstore::stwux;
    stwx, "stwx", None, 0x7c00012e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Word Indexed" => loadstore::stwx;
    ld, "ld", None, 0xe8000000, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "Load Doubleword" => loadstore::ld;
    ldu, "ldu", None, 0xe8000001, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "Load Doubleword with Update" => loadstore::ldu;
    ldux, "ldux", None, 0x7c00006a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Doubleword with Update Indexed" => loadstore::ldux;
    ldx, "ldx", None, 0x7c00002a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Doubleword Indexed" => loadstore::ldx;
    lwa, "lwa", None, 0xe8000002, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "Load Word Algebraic" => loadstore::lwa;
    lwaux, "lwaux", None, 0x7c0002ea, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Word Algebraic with Update Indexed" => loadstore::lwaux;
    lwax, "lwax", None, 0x7c0002aa, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Word Algebraic Indexed" => loadstore::lwax;
    std, "std", None, 0xf8000000, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RS,DS(RA)", None, "Store Doubleword" => loadstore::std;
    stdu, "stdu", None, 0xf8000001, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RS,DS(RA)", None, "Store Doubleword with Update" => loadstore::stdu;
    stdux, "stdux", None, 0x7c00016a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RS,RA,RB", None, "Store Doubleword with Update Indexed" => loadstore::stdux;
    stdx, "stdx", None, 0x7c00012a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RS,RA,RB", None, "Store Doubleword Indexed" => loadstore::stdx;
    lq, "lq", None, 0xe0000000, 0xfc000000, 0x0000000f, Dq, LoadStore, V2_03, "RTp,DQ(RA)", None, "Load Quadword" => loadstore::lq;
    stq, "stq", None, 0xf8000002, 0xfc000003, 0x00000000, Ds, LoadStore, V2_03, "RSp,DS(RA)", None, "Store Quadword" => loadstore::stq;
    lbzcix, "lbzcix", None, 0x7c0006aa, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Byte & Zero Caching Inhibited Indexed" => loadstore::caching_inhibited;
    ldcix, "ldcix", None, 0x7c0006ea, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Doubleword Caching Inhibited Indexed" => loadstore::caching_inhibited;
    lhzcix, "lhzcix", None, 0x7c00066a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Halfword & Zero Caching Inhibited Indexed" => loadstore::caching_inhibited;
    lwzcix, "lwzcix", None, 0x7c00062a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Word & Zero Caching Inhibited Indexed" => loadstore::caching_inhibited;
    stbcix, "stbcix", None, 0x7c0007aa, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Byte Caching Inhibited Indexed" => loadstore::caching_inhibited;
    stdcix, "stdcix", None, 0x7c0007ea, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Doubleword Caching Inhibited Indexed" => loadstore::caching_inhibited;
    sthcix, "sthcix", None, 0x7c00076a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Halfword Caching Inhibited Indexed" => loadstore::caching_inhibited;
    stwcix, "stwcix", None, 0x7c00072a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Word Caching Inhibited Indexed" => loadstore::caching_inhibited;
    ldbrx, "ldbrx", None, 0x7c000428, 0xfc0007fe, 0x00000001, X, LoadStore, V2_06, "RT,RA,RB", None, "Load Doubleword Byte-Reverse Indexed" => loadstore::ldbrx;
    stdbrx, "stdbrx", None, 0x7c000528, 0xfc0007fe, 0x00000001, X, LoadStore, V2_06, "RS,RA,RB", None, "Store Doubleword Byte-Reverse Indexed" => loadstore::stdbrx;
};
