//! Rows: Fixed-point loads and stores (Book I chapter 3).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    lbz, "lbz", None, 0x88000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Byte and Zero" => none;
    lbzu, "lbzu", None, 0x8c000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Byte and Zero with Update" => none;
    lbzux, "lbzux", None, 0x7c0000ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Byte and Zero with Update Indexed" => none;
    lbzx, "lbzx", None, 0x7c0000ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Byte and Zero Indexed" => none;
    lha, "lha", None, 0xa8000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword Algebraic" => none;
    lhau, "lhau", None, 0xac000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword Algebraic with Update" => none;
    lhaux, "lhaux", None, 0x7c0002ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword Algebraic with Update Indexed" => none;
    lhax, "lhax", None, 0x7c0002ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword Algebraic Indexed" => none;
    lhbrx, "lhbrx", None, 0x7c00062c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword Byte-Reverse Indexed" => none;
    lhz, "lhz", None, 0xa0000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword and Zero" => none;
    lhzu, "lhzu", None, 0xa4000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Halfword and Zero with Update" => none;
    lhzux, "lhzux", None, 0x7c00026e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword and Zero with Update Indexed" => none;
    lhzx, "lhzx", None, 0x7c00022e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Halfword and Zero Indexed" => none;
    lmw, "lmw", None, 0xb8000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Multiple Word" => none;
    lswi, "lswi", None, 0x7c0004aa, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,NB", None, "Load String Word Immediate" => none;
    lswx, "lswx", None, 0x7c00042a, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load String Word Indexed" => none;
    lwbrx, "lwbrx", None, 0x7c00042c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Word Byte-Reverse Indexed" => none;
    lwz, "lwz", None, 0x80000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Word and Zero" => none;
    lwzu, "lwzu", None, 0x84000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RT,D(RA)", None, "Load Word and Zero with Update" => none;
    lwzux, "lwzux", None, 0x7c00006e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Word and Zero with Update Indexed" => none;
    lwzx, "lwzx", None, 0x7c00002e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RT,RA,RB", None, "Load Word and Zero Indexed" => none;
    stb, "stb", None, 0x98000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Byte" => none;
    stbu, "stbu", None, 0x9c000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Byte with Update" => none;
    stbux, "stbux", None, 0x7c0001ee, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Byte with Update Indexed" => none;
    stbx, "stbx", None, 0x7c0001ae, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Byte Indexed" => none;
    sth, "sth", None, 0xb0000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Halfword" => none;
    sthbrx, "sthbrx", None, 0x7c00072c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Halfword Byte-Reverse Indexed" => none;
    sthu, "sthu", None, 0xb4000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Halfword with Update" => none;
    sthux, "sthux", None, 0x7c00036e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Halfword with Update Indexed" => none;
    sthx, "sthx", None, 0x7c00032e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Halfword Indexed" => none;
    stmw, "stmw", None, 0xbc000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Multiple Word" => none;
    stswi, "stswi", None, 0x7c0005aa, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,NB", None, "Store String Word Immediate" => none;
    stswx, "stswx", None, 0x7c00052a, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store String Word Indexed" => none;
    stw, "stw", None, 0x90000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Word" => none;
    stwbrx, "stwbrx", None, 0x7c00052c, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Word Byte-Reverse Indexed" => none;
    stwu, "stwu", None, 0x94000000, 0xfc000000, 0x00000000, D, LoadStore, P1, "RS,D(RA)", None, "Store Word with Update" => none;
    stwux, "stwux", None, 0x7c00016e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Word with Update Indexed" => none;
    stwx, "stwx", None, 0x7c00012e, 0xfc0007fe, 0x00000001, X, LoadStore, P1, "RS,RA,RB", None, "Store Word Indexed" => none;
    ld, "ld", None, 0xe8000000, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "Load Doubleword" => none;
    ldu, "ldu", None, 0xe8000001, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "Load Doubleword with Update" => none;
    ldux, "ldux", None, 0x7c00006a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Doubleword with Update Indexed" => none;
    ldx, "ldx", None, 0x7c00002a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Doubleword Indexed" => none;
    lwa, "lwa", None, 0xe8000002, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RT,DS(RA)", None, "Load Word Algebraic" => none;
    lwaux, "lwaux", None, 0x7c0002ea, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Word Algebraic with Update Indexed" => none;
    lwax, "lwax", None, 0x7c0002aa, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RT,RA,RB", None, "Load Word Algebraic Indexed" => none;
    std, "std", None, 0xf8000000, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RS,DS(RA)", None, "Store Doubleword" => none;
    stdu, "stdu", None, 0xf8000001, 0xfc000003, 0x00000000, Ds, LoadStore, Ppc, "RS,DS(RA)", None, "Store Doubleword with Update" => none;
    stdux, "stdux", None, 0x7c00016a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RS,RA,RB", None, "Store Doubleword with Update Indexed" => none;
    stdx, "stdx", None, 0x7c00012a, 0xfc0007fe, 0x00000001, X, LoadStore, Ppc, "RS,RA,RB", None, "Store Doubleword Indexed" => none;
    lq, "lq", None, 0xe0000000, 0xfc000000, 0x0000000f, Dq, LoadStore, V2_03, "RTp,DQ(RA)", None, "Load Quadword" => none;
    stq, "stq", None, 0xf8000002, 0xfc000003, 0x00000000, Ds, LoadStore, V2_03, "RSp,DS(RA)", None, "Store Quadword" => none;
    lbzcix, "lbzcix", None, 0x7c0006aa, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Byte & Zero Caching Inhibited Indexed" => none;
    ldcix, "ldcix", None, 0x7c0006ea, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Doubleword Caching Inhibited Indexed" => none;
    lhzcix, "lhzcix", None, 0x7c00066a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Halfword & Zero Caching Inhibited Indexed" => none;
    lwzcix, "lwzcix", None, 0x7c00062a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RT,RA,RB", None, "Load Word & Zero Caching Inhibited Indexed" => none;
    stbcix, "stbcix", None, 0x7c0007aa, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Byte Caching Inhibited Indexed" => none;
    stdcix, "stdcix", None, 0x7c0007ea, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Doubleword Caching Inhibited Indexed" => none;
    sthcix, "sthcix", None, 0x7c00076a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Halfword Caching Inhibited Indexed" => none;
    stwcix, "stwcix", None, 0x7c00072a, 0xfc0007fe, 0x00000001, X, LoadStore, V2_05, "RS,RA,RB", None, "Store Word Caching Inhibited Indexed" => none;
    ldbrx, "ldbrx", None, 0x7c000428, 0xfc0007fe, 0x00000001, X, LoadStore, V2_06, "RT,RA,RB", None, "Load Doubleword Byte-Reverse Indexed" => none;
    stdbrx, "stdbrx", None, 0x7c000528, 0xfc0007fe, 0x00000001, X, LoadStore, V2_06, "RS,RA,RB", None, "Store Doubleword Byte-Reverse Indexed" => none;
};
