//! Rows: Load-and-reserve, store-conditional, synchronisation, copy-paste and cache management (Book II).
//!
//! Columns are explained at the top of `insn/mod.rs`.

use super::{
    effect::Effect::{EndsBlock, ManyGprs, Synchronises},
    table,
};

#[rustfmt::skip]
table! {
    Atomic, after crate::insn::loadstore::COUNT;
    dcbz: X(31, 1014), operands [RA0, RB], in Cache, since P1, accesses Store aligned 128, does "block at (RA|0) + (RB) ← zeros" => cache::dcbz;
    isync: Xl(19, 150), operands [], since P1, effect Synchronises, does "wait for all before; discard what was fetched after" => atomic::isync;
    sync: X(31, 598), operands [L8, SC], since P1, does "order storage accesses before and after, L: how strongly" => atomic::sync;
    dcbf: X(31, 86), operands [RA0, RB, L8], in Cache, since Ppc, accesses Load, does "write back and drop the data cache block at (RA|0) + (RB)" => cache::examine;
    dcbst: X(31, 54), operands [RA0, RB], in Cache, since Ppc, accesses Load, does "write back the data cache block at (RA|0) + (RB)" => cache::examine;
    dcbt: X(31, 278), operands [RA0, RB, TH], in Cache, since Ppc, accesses Load, does "hint: block at (RA|0) + (RB) will be loaded" => cache::touch;
    dcbtst: X(31, 246), operands [RA0, RB, TH], in Cache, since Ppc, accesses Store, does "hint: block at (RA|0) + (RB) will be stored to" => cache::touch;
    eieio: X(31, 854), operands [], since Ppc, does "order caching-inhibited accesses before and after" => atomic::eieio;
    icbi: X(31, 982), operands [RA0, RB], in Cache, since Ppc, effect Synchronises, accesses Load, does "drop the instruction cache block at (RA|0) + (RB)" => cache::examine;
    ldarx: X(31, 84), operands [RT, RA0, RB, EH], since Ppc, accesses Load, does "RT ← MEM((RA|0) + (RB), 8); reserve it" => atomic::ldarx;
    lwarx: X(31, 20), operands [RT, RA0, RB, EH], since Ppc, accesses Load, does "RT ← MEM((RA|0) + (RB), 4); reserve it" => atomic::lwarx;
    stdcx_rc "stdcx.": X(31, 214; 31:31 = 1), operands [RS, RA0, RB], since Ppc, accesses Store, does "if reserved: MEM((RA|0) + (RB), 8) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::stdcx_rc;
    stwcx_rc "stwcx.": X(31, 150; 31:31 = 1), operands [RS, RA0, RB], since Ppc, accesses Store, does "if reserved: MEM((RA|0) + (RB), 4) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::stwcx_rc;
    lbarx: X(31, 52), operands [RT, RA0, RB, EH], since V2_06, accesses Load, does "RT ← MEM((RA|0) + (RB), 1); reserve it" => atomic::lbarx;
    lharx: X(31, 116), operands [RT, RA0, RB, EH], since V2_06, accesses Load, does "RT ← MEM((RA|0) + (RB), 2); reserve it" => atomic::lharx;
    stbcx_rc "stbcx.": X(31, 694; 31:31 = 1), operands [RS, RA0, RB], since V2_06, accesses Store, does "if reserved: MEM((RA|0) + (RB), 1) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::stbcx_rc;
    sthcx_rc "sthcx.": X(31, 726; 31:31 = 1), operands [RS, RA0, RB], since V2_06, accesses Store, does "if reserved: MEM((RA|0) + (RB), 2) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::sthcx_rc;
    icbt: X(31, 22), operands [CT, RA0, RB], in Cache, since V2_07, accesses Load, does "hint: block at (RA|0) + (RB) will be executed" => cache::touch;
    lqarx: X(31, 276), operands [RTp, RA0, RB, EH], since V2_07, accesses Load, does "RTp ← MEM((RA|0) + (RB), 16); reserve it" => atomic::lqarx;
    stqcx_rc "stqcx.": X(31, 182; 31:31 = 1), operands [RSp, RA0, RB], since V2_07, accesses Store, does "if reserved: MEM((RA|0) + (RB), 16) ← (RSp); CR0 ← 0b00 || stored || SO" => atomic::stqcx_rc;
    copy: X(31, 774; 10:10 = 1), operands [RA0, RB], since V3_0, accesses Load, does "copy buffer ← block at (RA|0) + (RB)" => atomic::copy;
    cpabort: X(31, 838), operands [], since V3_0, does "clear the copy buffer" => atomic::cpabort;
    ldat: X(31, 614), operands [RT, RA0, FC], since V3_0, effect ManyGprs, accesses Load at RA, does "atomic function FC on MEM((RA|0), 8); RT ← its old value" => atomic::ldat;
    lwat: X(31, 582), operands [RT, RA0, FC], since V3_0, effect ManyGprs, accesses Load at RA, does "atomic function FC on MEM((RA|0), 4); RT ← its old value" => atomic::lwat;
    paste_rc "paste.": X(31, 902; 31:31 = 1), operands [RA0, RB, L10], since V3_0, accesses Store, does "block at (RA|0) + (RB) ← copy buffer; CR0 ← 0b00 || done || SO" => atomic::paste_rc;
    stdat: X(31, 742), operands [RS, RA0, FC], since V3_0, effect ManyGprs, accesses Store at RA, does "atomic function FC on MEM((RA|0), 8) with (RS)" => atomic::stdat;
    stwat: X(31, 710), operands [RS, RA0, FC], since V3_0, effect ManyGprs, accesses Store at RA, does "atomic function FC on MEM((RA|0), 4) with (RS)" => atomic::stwat;
    wait: X(31, 30), operands [WC, PL], since V3_0, effect EndsBlock, does "wait for an interrupt" => hint::no_operation;
    // The data stream instructions of AltiVec, phased out in 2.03; processors and Linux still take them as no-ops.
    dst: X(31, 342), operands [RA, RB, STRM], also [T], in Cache, since V2_03, does "hint: no operation" => hint::no_operation;
    dstst: X(31, 374), operands [RA, RB, STRM], also [T], in Cache, since V2_03, does "hint: no operation" => hint::no_operation;
    dss: X(31, 822), operands [STRM], also [T], in Cache, since V2_03, does "hint: no operation" => hint::no_operation;
}
