//! Rows: Privileged, transactional and special purpose register instructions (Books I to III).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    mfmsr, "mfmsr", None, 0x7c0000a6, 0xfc0007fe, 0x001ff801, X, System, P1, "RT", None, "Move From MSR" => none;
    mfspr, "mfspr", None, 0x7c0002a6, 0xfc0007fe, 0x00000001, Xfx, System, P1, "RT,SPR", None, "Move From Special Purpose Register", ends => none;
    mtmsr, "mtmsr", None, 0x7c000124, 0xfc0007fe, 0x001ef801, X, System, P1, "RS,L", None, "Move To MSR", ends => none;
    mtspr, "mtspr", None, 0x7c0003a6, 0xfc0007fe, 0x00000001, Xfx, System, P1, "SPR,RS", None, "Move To Special Purpose Register", ends => none;
    tlbie, "tlbie", None, 0x7c000264, 0xfc0007fe, 0x00100001, X, System, P1, "RB,RS,RIC,PRS,R", None, "TLB Invalidate Entry", ends => none;
    mftb, "mftb", None, 0x7c0002e6, 0xfc0007fe, 0x00000001, Xfx, System, Ppc, "RT,TBR", None, "Move From Time Base", ends => none;
    mtmsrd, "mtmsrd", None, 0x7c000164, 0xfc0007fe, 0x001ef801, X, System, Ppc, "RS,L", None, "Move To MSR Doubleword", ends => none;
    rfid, "rfid", None, 0x4c000024, 0xfc0007fe, 0x03fff801, Xl, System, Ppc, "", None, "Return from Interrupt Doubleword", ends => none;
    slbia, "slbia", None, 0x7c0003e4, 0xfc0007fe, 0x031ff801, X, System, Ppc, "IH", None, "SLB Invalidate All", ends => none;
    slbie, "slbie", None, 0x7c000364, 0xfc0007fe, 0x03ff0001, X, System, Ppc, "RB", None, "SLB Invalidate Entry", ends => none;
    tlbsync, "tlbsync", None, 0x7c00046c, 0xfc0007fe, 0x03fff801, X, System, Ppc, "", None, "TLB Synchronize", ends => none;
    slbmfee, "slbmfee", None, 0x7c000726, 0xfc0007fe, 0x001e0001, X, System, V2_00, "RT,RB", None, "SLB Move From Entry ESID" => none;
    slbmfev, "slbmfev", None, 0x7c0006a6, 0xfc0007fe, 0x001e0001, X, System, V2_00, "RT,RB", None, "SLB Move From Entry VSID" => none;
    slbmte, "slbmte", None, 0x7c000324, 0xfc0007fe, 0x001f0001, X, System, V2_00, "RS,RB", None, "SLB Move To Entry", ends => none;
    doze, "doze", None, 0x4c000324, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Doze", ends => none;
    hrfid, "hrfid", None, 0x4c000224, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Return From Interrupt Doubleword Hypervisor", ends => none;
    nap, "nap", None, 0x4c000364, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Nap", ends => none;
    rvwinkle, "rvwinkle", None, 0x4c0003e4, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Rvwinkle", ends => none;
    sleep, "sleep", None, 0x4c0003a4, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Sleep", ends => none;
    tlbiel, "tlbiel", None, 0x7c000224, 0xfc0007fe, 0x00100001, X, System, V2_03, "RB,RS,RIC,PRS,R", None, "TLB Invalidate Entry Local", ends => none;
    slbfee_rc, "slbfee.", None, 0x7c0007a7, 0xfc0007ff, 0x001f0000, X, System, V2_05, "RT,RB", None, "SLB Find Entry ESID", ends => none;
    clrbhrb, "clrbhrb", None, 0x7c00035c, 0xfc0007fe, 0x03fff801, X, System, V2_07, "", None, "Clear BHRB" => none;
    mfbhrbe, "mfbhrbe", None, 0x7c00025c, 0xfc0007fe, 0x00000001, Xfx, System, V2_07, "RT,BHRBE", None, "Move From BHRB" => none;
    msgclr, "msgclr", None, 0x7c0001dc, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Clear" => none;
    msgclrp, "msgclrp", None, 0x7c00015c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Clear Privileged" => none;
    msgsnd, "msgsnd", None, 0x7c00019c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Send" => none;
    msgsndp, "msgsndp", None, 0x7c00011c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Send Privileged" => none;
    rfebb, "rfebb", None, 0x4c000124, 0xfc0007fe, 0x03fff001, Xl, System, V2_07, "S", None, "Return from Event Based Branch", ends => none;
    tabort_rc, "tabort.", None, 0x7c00071d, 0xfc0007ff, 0x03e0f800, X, System, V2_07, "RA", None, "Transaction Abort" => none;
    tabortdc_rc, "tabortdc.", None, 0x7c00065d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,RB", None, "Transaction Abort Doubleword Conditional" => none;
    tabortdci_rc, "tabortdci.", None, 0x7c0006dd, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,SI", None, "Transaction Abort Doubleword Conditional Immediate" => none;
    tabortwc_rc, "tabortwc.", None, 0x7c00061d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,RB", None, "Transaction Abort Word Conditional" => none;
    tabortwci_rc, "tabortwci.", None, 0x7c00069d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,SI", None, "Transaction Abort Word Conditional Immediate" => none;
    tbegin_rc, "tbegin.", None, 0x7c00051d, 0xfc0007ff, 0x03dff800, X, System, V2_07, "R", None, "Transaction Begin", ends => none;
    tcheck, "tcheck", None, 0x7c00059c, 0xfc0007fe, 0x007ff801, X, System, V2_07, "BF", None, "Transaction Check" => none;
    tend_rc, "tend.", None, 0x7c00055d, 0xfc0007ff, 0x01fff800, X, System, V2_07, "A", None, "Transaction End" => none;
    trechkpt_rc, "trechkpt.", None, 0x7c0007dd, 0xfc0007ff, 0x03fff800, X, System, V2_07, "", None, "Transaction Recheckpoint", ends => none;
    treclaim_rc, "treclaim.", None, 0x7c00075d, 0xfc0007ff, 0x03e0f800, X, System, V2_07, "RA", None, "Transaction Reclaim", ends => none;
    tsr_rc, "tsr.", None, 0x7c0005dd, 0xfc0007ff, 0x03dff800, X, System, V2_07, "L", None, "Transaction Suspend or Resume" => none;
    darn, "darn", None, 0x7c0005e6, 0xfc0007fe, 0x001cf801, X, System, V3_0, "RT,L", None, "Deliver A Random Number" => none;
    msgsync, "msgsync", None, 0x7c0006ec, 0xfc0007fe, 0x03fff801, X, System, V3_0, "", None, "Message Synchronize", ends => none;
    rfscv, "rfscv", None, 0x4c0000a4, 0xfc0007fe, 0x03fff801, Xl, System, V3_0, "", None, "Return From System Call Vectored", ends => none;
    slbieg, "slbieg", None, 0x7c0003a4, 0xfc0007fe, 0x001f0001, X, System, V3_0, "RS,RB", None, "SLB Invalidate Entry Global", ends => none;
    slbsync, "slbsync", None, 0x7c0002a4, 0xfc0007fe, 0x03fff801, X, System, V3_0, "", None, "SLB Synchronize", ends => none;
    stop, "stop", None, 0x4c0002e4, 0xfc0007fe, 0x03fff801, Xl, System, V3_0, "", None, "Stop", ends => none;
    slbiag, "slbiag", None, 0x7c0006a4, 0xfc0007fe, 0x001ef801, X, System, V3_0B, "RS,L", None, "SLB Invalidate All Global", ends => none;
    msgclru, "msgclru", None, 0x7c0000dc, 0xfc0007fe, 0x03ff0001, X, System, V3_0C, "RB", None, "Ultravisor Message Clear" => none;
    msgsndu, "msgsndu", None, 0x7c00009c, 0xfc0007fe, 0x03ff0001, X, System, V3_0C, "RB", None, "Ultravisor Message" => none;
    urfid, "urfid", None, 0x4c000264, 0xfc0007fe, 0x03fff801, Xl, System, V3_0C, "", None, "Ultravisor Return From Interrupt Doubleword", ends => none;
};
