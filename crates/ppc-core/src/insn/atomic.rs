//! Rows: Load-and-reserve, store-conditional, synchronisation, copy-paste and cache management (Book II).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    dcbz, "dcbz", None, 0x7c0007ec, 0xfc0007fe, 0x03e00001, X, Cache, P1, "RA,RB", None, "block at (RA|0) + (RB) ← zeros" => cache::dcbz;
    isync, "isync", None, 0x4c00012c, 0xfc0007fe, 0x03fff801, Xl, Atomic, P1, "", None, "wait for all before; discard what was fetched after", ends => atomic::isync;
    sync, "sync", None, 0x7c0004ac, 0xfc0007fe, 0x031cf801, X, Atomic, P1, "L,SC", None, "order storage accesses before and after, L: how strongly" => atomic::sync;
    dcbf, "dcbf", None, 0x7c0000ac, 0xfc0007fe, 0x03000001, X, Cache, Ppc, "RA,RB,L", None, "write back and drop the data cache block at (RA|0) + (RB)" => cache::examine;
    dcbst, "dcbst", None, 0x7c00006c, 0xfc0007fe, 0x03e00001, X, Cache, Ppc, "RA,RB", None, "write back the data cache block at (RA|0) + (RB)" => cache::examine;
    dcbt, "dcbt", None, 0x7c00022c, 0xfc0007fe, 0x00000001, X, Cache, Ppc, "RA,RB,TH", None, "hint: block at (RA|0) + (RB) will be loaded" => cache::touch;
    dcbtst, "dcbtst", None, 0x7c0001ec, 0xfc0007fe, 0x00000001, X, Cache, Ppc, "RA,RB,TH", None, "hint: block at (RA|0) + (RB) will be stored to" => cache::touch;
    eieio, "eieio", None, 0x7c0006ac, 0xfc0007fe, 0x03fff801, X, Atomic, Ppc, "", None, "order caching-inhibited accesses before and after" => atomic::eieio;
    icbi, "icbi", None, 0x7c0007ac, 0xfc0007fe, 0x03e00001, X, Cache, Ppc, "RA,RB", None, "drop the instruction cache block at (RA|0) + (RB)", ends => cache::examine;
    ldarx, "ldarx", None, 0x7c0000a8, 0xfc0007fe, 0x00000000, X, Atomic, Ppc, "RT,RA,RB,EH", None, "RT ← MEM((RA|0) + (RB), 8); reserve it" => atomic::ldarx;
    lwarx, "lwarx", None, 0x7c000028, 0xfc0007fe, 0x00000000, X, Atomic, Ppc, "RT,RA,RB,EH", None, "RT ← MEM((RA|0) + (RB), 4); reserve it" => atomic::lwarx;
    stdcx_rc, "stdcx.", None, 0x7c0001ad, 0xfc0007ff, 0x00000000, X, Atomic, Ppc, "RS,RA,RB", None, "if reserved: MEM((RA|0) + (RB), 8) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::stdcx_rc;
    stwcx_rc, "stwcx.", None, 0x7c00012d, 0xfc0007ff, 0x00000000, X, Atomic, Ppc, "RS,RA,RB", None, "if reserved: MEM((RA|0) + (RB), 4) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::stwcx_rc;
    lbarx, "lbarx", None, 0x7c000068, 0xfc0007fe, 0x00000000, X, Atomic, V2_06, "RT,RA,RB,EH", None, "RT ← MEM((RA|0) + (RB), 1); reserve it" => atomic::lbarx;
    lharx, "lharx", None, 0x7c0000e8, 0xfc0007fe, 0x00000000, X, Atomic, V2_06, "RT,RA,RB,EH", None, "RT ← MEM((RA|0) + (RB), 2); reserve it" => atomic::lharx;
    stbcx_rc, "stbcx.", None, 0x7c00056d, 0xfc0007ff, 0x00000000, X, Atomic, V2_06, "RS,RA,RB", None, "if reserved: MEM((RA|0) + (RB), 1) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::stbcx_rc;
    sthcx_rc, "sthcx.", None, 0x7c0005ad, 0xfc0007ff, 0x00000000, X, Atomic, V2_06, "RS,RA,RB", None, "if reserved: MEM((RA|0) + (RB), 2) ← (RS); CR0 ← 0b00 || stored || SO" => atomic::sthcx_rc;
    icbt, "icbt", None, 0x7c00002c, 0xfc0007fe, 0x02000001, X, Cache, V2_07, "CT,RA,RB", None, "hint: block at (RA|0) + (RB) will be executed" => cache::touch;
    lqarx, "lqarx", None, 0x7c000228, 0xfc0007fe, 0x00000000, X, Atomic, V2_07, "RTp,RA,RB,EH", None, "RTp ← MEM((RA|0) + (RB), 16); reserve it" => atomic::lqarx;
    stqcx_rc, "stqcx.", None, 0x7c00016d, 0xfc0007ff, 0x00000000, X, Atomic, V2_07, "RSp,RA,RB", None, "if reserved: MEM((RA|0) + (RB), 16) ← (RSp); CR0 ← 0b00 || stored || SO" => atomic::stqcx_rc;
    copy, "copy", None, 0x7c20060c, 0xfc2007fe, 0x03c00001, X, Atomic, V3_0, "RA,RB", None, "copy buffer ← block at (RA|0) + (RB)" => atomic::copy;
    cpabort, "cpabort", None, 0x7c00068c, 0xfc0007fe, 0x03fff801, X, Atomic, V3_0, "", None, "clear the copy buffer" => atomic::cpabort;
    ldat, "ldat", None, 0x7c0004cc, 0xfc0007fe, 0x00000001, X, Atomic, V3_0, "RT,RA,FC", None, "atomic function FC on MEM((RA|0), 8); RT ← its old value" => atomic::ldat;
    lwat, "lwat", None, 0x7c00048c, 0xfc0007fe, 0x00000001, X, Atomic, V3_0, "RT,RA,FC", None, "atomic function FC on MEM((RA|0), 4); RT ← its old value" => atomic::lwat;
    paste_rc, "paste.", None, 0x7c00070d, 0xfc0007ff, 0x03c00000, X, Atomic, V3_0, "RA,RB,L", None, "block at (RA|0) + (RB) ← copy buffer; CR0 ← 0b00 || done || SO" => atomic::paste_rc;
    stdat, "stdat", None, 0x7c0005cc, 0xfc0007fe, 0x00000001, X, Atomic, V3_0, "RS,RA,FC", None, "atomic function FC on MEM((RA|0), 8) with (RS)" => atomic::stdat;
    stwat, "stwat", None, 0x7c00058c, 0xfc0007fe, 0x00000001, X, Atomic, V3_0, "RS,RA,FC", None, "atomic function FC on MEM((RA|0), 4) with (RS)" => atomic::stwat;
    wait, "wait", None, 0x7c00003c, 0xfc0007fe, 0x039cf801, X, Atomic, V3_0, "WC,PL", None, "wait for an interrupt", ends => hint::no_operation;
    // The data stream instructions of AltiVec, phased out in 2.03; processors and Linux still take them as no-ops.
    dst, "dst", None, 0x7c0002ac, 0xfc0007fe, 0x01800001, X, Cache, V2_03, "RA,RB,STRM", None, "hint: no operation" => hint::no_operation;
    dstst, "dstst", None, 0x7c0002ec, 0xfc0007fe, 0x01800001, X, Cache, V2_03, "RA,RB,STRM", None, "hint: no operation" => hint::no_operation;
    dss, "dss", None, 0x7c00066c, 0xfc0007fe, 0x019ff801, X, Cache, V2_03, "STRM", None, "hint: no operation" => hint::no_operation;
};
