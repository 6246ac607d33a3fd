//! Rows: Privileged, transactional and special purpose register instructions (Books I to III).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    mfmsr, "mfmsr", None, 0x7c0000a6, 0xfc0007fe, 0x001ff801, X, System, P1, "RT", None, "Move From MSR" => system::mfmsr;
    mfspr, "mfspr", None, 0x7c0002a6, 0xfc0007fe, 0x00000001, Xfx, System, P1, "RT,SPR", None, "Move From Special Purpose Register", ends => system::mfspr;
    mtmsr, "mtmsr", None, 0x7c000124, 0xfc0007fe, 0x001ef801, X, System, P1, "RS,L", None, "Move To MSR", ends => system::mtmsr;
    mtspr, "mtspr", None, 0x7c0003a6, 0xfc0007fe, 0x00000001, Xfx, System, P1, "SPR,RS", None, "Move To Special Purpose Register", ends => system::mtspr;
    tlbie, "tlbie", None, 0x7c000264, 0xfc0007fe, 0x00100001, X, System, P1, "RB,RS,RIC,PRS,R", None, "TLB Invalidate Entry", ends => system::hypervisor_only;
    mftb, "mftb", None, 0x7c0002e6, 0xfc0007fe, 0x00000001, Xfx, System, Ppc, "RT,TBR", None, "Move From Time Base", ends => system::mftb;
    mtmsrd, "mtmsrd", None, 0x7c000164, 0xfc0007fe, 0x001ef801, X, System, Ppc, "RS,L", None, "Move To MSR Doubleword", ends => system::mtmsrd;
    rfid, "rfid", None, 0x4c000024, 0xfc0007fe, 0x03fff801, Xl, System, Ppc, "", None, "Return from Interrupt Doubleword", ends => system::rfid;
    slbia, "slbia", None, 0x7c0003e4, 0xfc0007fe, 0x031ff801, X, System, Ppc, "IH", None, "SLB Invalidate All", ends => system::slbia;
    slbie, "slbie", None, 0x7c000364, 0xfc0007fe, 0x03ff0001, X, System, Ppc, "RB", None, "SLB Invalidate Entry", ends => system::slbie;
    tlbsync, "tlbsync", None, 0x7c00046c, 0xfc0007fe, 0x03fff801, X, System, Ppc, "", None, "TLB Synchronize", ends => system::privileged_barrier;
    slbmfee, "slbmfee", None, 0x7c000726, 0xfc0007fe, 0x001e0001, X, System, V2_00, "RT,RB", None, "SLB Move From Entry ESID" => system::slbmfee;
    slbmfev, "slbmfev", None, 0x7c0006a6, 0xfc0007fe, 0x001e0001, X, System, V2_00, "RT,RB", None, "SLB Move From Entry VSID" => system::slbmfev;
    slbmte, "slbmte", None, 0x7c000324, 0xfc0007fe, 0x001f0001, X, System, V2_00, "RS,RB", None, "SLB Move To Entry", ends => system::slbmte;
    doze, "doze", None, 0x4c000324, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Doze", ends => system::hypervisor_only;
    hrfid, "hrfid", None, 0x4c000224, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Return From Interrupt Doubleword Hypervisor", ends => system::hypervisor_only;
    nap, "nap", None, 0x4c000364, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Nap", ends => system::hypervisor_only;
    rvwinkle, "rvwinkle", None, 0x4c0003e4, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Rvwinkle", ends => system::hypervisor_only;
    sleep, "sleep", None, 0x4c0003a4, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "Sleep", ends => system::hypervisor_only;
    tlbiel, "tlbiel", None, 0x7c000224, 0xfc0007fe, 0x00100001, X, System, V2_03, "RB,RS,RIC,PRS,R", None, "TLB Invalidate Entry Local", ends => system::invalidate_local;
    slbfee_rc, "slbfee.", None, 0x7c0007a7, 0xfc0007ff, 0x001f0000, X, System, V2_05, "RT,RB", None, "SLB Find Entry ESID", ends => system::slbfee_rc;
    clrbhrb, "clrbhrb", None, 0x7c00035c, 0xfc0007fe, 0x03fff801, X, System, V2_07, "", None, "Clear BHRB" => system::clrbhrb;
    mfbhrbe, "mfbhrbe", None, 0x7c00025c, 0xfc0007fe, 0x00000001, Xfx, System, V2_07, "RT,BHRBE", None, "Move From BHRB" => system::mfbhrbe;
    msgclr, "msgclr", None, 0x7c0001dc, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Clear" => system::hypervisor_only;
    msgclrp, "msgclrp", None, 0x7c00015c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Clear Privileged" => system::msgclrp;
    msgsnd, "msgsnd", None, 0x7c00019c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Send" => system::hypervisor_only;
    msgsndp, "msgsndp", None, 0x7c00011c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "Message Send Privileged", ends => system::msgsndp;
    rfebb, "rfebb", None, 0x4c000124, 0xfc0007fe, 0x03fff001, Xl, System, V2_07, "S", None, "Return from Event Based Branch", ends => system::rfebb;
    tabort_rc, "tabort.", None, 0x7c00071d, 0xfc0007ff, 0x03e0f800, X, System, V2_07, "RA", None, "Transaction Abort" => system::transactional;
    tabortdc_rc, "tabortdc.", None, 0x7c00065d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,RB", None, "Transaction Abort Doubleword Conditional" => system::transactional;
    tabortdci_rc, "tabortdci.", None, 0x7c0006dd, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,SI", None, "Transaction Abort Doubleword Conditional Immediate" => system::transactional;
    tabortwc_rc, "tabortwc.", None, 0x7c00061d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,RB", None, "Transaction Abort Word Conditional" => system::transactional;
    tabortwci_rc, "tabortwci.", None, 0x7c00069d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,SI", None, "Transaction Abort Word Conditional Immediate" => system::transactional;
    tbegin_rc, "tbegin.", None, 0x7c00051d, 0xfc0007ff, 0x03dff800, X, System, V2_07, "R", None, "Transaction Begin", ends => system::transactional;
    tcheck, "tcheck", None, 0x7c00059c, 0xfc0007fe, 0x007ff801, X, System, V2_07, "BF", None, "Transaction Check" => system::transactional;
    tend_rc, "tend.", None, 0x7c00055d, 0xfc0007ff, 0x01fff800, X, System, V2_07, "A", None, "Transaction End" => system::transactional;
    trechkpt_rc, "trechkpt.", None, 0x7c0007dd, 0xfc0007ff, 0x03fff800, X, System, V2_07, "", None, "Transaction Recheckpoint", ends => system::transactional;
    treclaim_rc, "treclaim.", None, 0x7c00075d, 0xfc0007ff, 0x03e0f800, X, System, V2_07, "RA", None, "Transaction Reclaim", ends => system::transactional;
    tsr_rc, "tsr.", None, 0x7c0005dd, 0xfc0007ff, 0x03dff800, X, System, V2_07, "L", None, "Transaction Suspend or Resume" => system::transactional;
    darn, "darn", None, 0x7c0005e6, 0xfc0007fe, 0x001cf801, X, System, V3_0, "RT,L", None, "Deliver A Random Number" => system::darn;
    msgsync, "msgsync", None, 0x7c0006ec, 0xfc0007fe, 0x03fff801, X, System, V3_0, "", None, "Message Synchronize", ends => system::hypervisor_only;
    rfscv, "rfscv", None, 0x4c0000a4, 0xfc0007fe, 0x03fff801, Xl, System, V3_0, "", None, "Return From System Call Vectored", ends => system::rfscv;
    slbieg, "slbieg", None, 0x7c0003a4, 0xfc0007fe, 0x001f0001, X, System, V3_0, "RS,RB", None, "SLB Invalidate Entry Global", ends => system::invalidate_local;
    slbsync, "slbsync", None, 0x7c0002a4, 0xfc0007fe, 0x03fff801, X, System, V3_0, "", None, "SLB Synchronize", ends => system::privileged_barrier;
    stop, "stop", None, 0x4c0002e4, 0xfc0007fe, 0x03fff801, Xl, System, V3_0, "", None, "Stop", ends => system::stop;
    slbiag, "slbiag", None, 0x7c0006a4, 0xfc0007fe, 0x001ef801, X, System, V3_0B, "RS,L", None, "SLB Invalidate All Global", ends => system::invalidate_local;
    msgclru, "msgclru", None, 0x7c0000dc, 0xfc0007fe, 0x03ff0001, X, System, V3_0C, "RB", None, "Ultravisor Message Clear" => system::hypervisor_only;
    msgsndu, "msgsndu", None, 0x7c00009c, 0xfc0007fe, 0x03ff0001, X, System, V3_0C, "RB", None, "Ultravisor Message" => system::hypervisor_only;
    urfid, "urfid", None, 0x4c000264, 0xfc0007fe, 0x03fff801, Xl, System, V3_0C, "", None, "Ultravisor Return From Interrupt Doubleword", ends => system::hypervisor_only;
};
