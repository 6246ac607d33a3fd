//! Rows: Privileged, transactional and special purpose register instructions (Books I to III).
//!
//! Columns and the words after `=>` are explained at the top of `insn/mod.rs`.

use super::{Row, table};

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = table! {
    mfmsr, "mfmsr", None, 0x7c0000a6, 0xfc0007fe, 0x001ff801, X, System, P1, "RT", None, "RT ← MSR" => system::mfmsr;
    mfspr, "mfspr", None, 0x7c0002a6, 0xfc0007fe, 0x00000001, Xfx, System, P1, "RT,SPR", None, "RT ← SPR", ends => system::mfspr;
    mtmsr, "mtmsr", None, 0x7c000124, 0xfc0007fe, 0x001ef801, X, System, P1, "RS,L", None, "MSR[32:63] ← (RS); L: only EE and RI", ends => system::mtmsr;
    mtspr, "mtspr", None, 0x7c0003a6, 0xfc0007fe, 0x00000001, Xfx, System, P1, "SPR,RS", None, "SPR ← (RS)", ends => system::mtspr;
    tlbie, "tlbie", None, 0x7c000264, 0xfc0007fe, 0x00100001, X, System, P1, "RB,RS,RIC,PRS,R", None, "drop TLB entries for (RB), on all processors", ends => system::hypervisor_only;
    mftb, "mftb", None, 0x7c0002e6, 0xfc0007fe, 0x00000001, Xfx, System, Ppc, "RT,TBR", None, "RT ← TB or TBU", ends => system::mftb;
    mtmsrd, "mtmsrd", None, 0x7c000164, 0xfc0007fe, 0x001ef801, X, System, Ppc, "RS,L", None, "MSR ← (RS); L: only EE and RI", ends => system::mtmsrd;
    rfid, "rfid", None, 0x4c000024, 0xfc0007fe, 0x03fff801, Xl, System, Ppc, "", None, "MSR ← SRR1; NIA ← SRR0", ends => system::rfid;
    slbia, "slbia", None, 0x7c0003e4, 0xfc0007fe, 0x031ff801, X, System, Ppc, "IH", None, "drop SLB entries, IH: which", ends => system::slbia;
    slbie, "slbie", None, 0x7c000364, 0xfc0007fe, 0x03ff0001, X, System, Ppc, "RB", None, "drop the SLB entry for (RB)", ends => system::slbie;
    tlbsync, "tlbsync", None, 0x7c00046c, 0xfc0007fe, 0x03fff801, X, System, Ppc, "", None, "wait for tlbie", ends => system::privileged_barrier;
    slbmfee, "slbmfee", None, 0x7c000726, 0xfc0007fe, 0x001e0001, X, System, V2_00, "RT,RB", None, "RT ← ESID half of SLB entry (RB)[52:63]" => system::slbmfee;
    slbmfev, "slbmfev", None, 0x7c0006a6, 0xfc0007fe, 0x001e0001, X, System, V2_00, "RT,RB", None, "RT ← VSID half of SLB entry (RB)[52:63]" => system::slbmfev;
    slbmte, "slbmte", None, 0x7c000324, 0xfc0007fe, 0x001f0001, X, System, V2_00, "RS,RB", None, "SLB entry (RB)[52:63] ← (RS), (RB)", ends => system::slbmte;
    doze, "doze", None, 0x4c000324, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "power saving until an interrupt", ends => system::hypervisor_only;
    hrfid, "hrfid", None, 0x4c000224, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "MSR ← HSRR1; NIA ← HSRR0", ends => system::hypervisor_only;
    nap, "nap", None, 0x4c000364, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "power saving until an interrupt", ends => system::hypervisor_only;
    rvwinkle, "rvwinkle", None, 0x4c0003e4, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "power saving until an interrupt", ends => system::hypervisor_only;
    sleep, "sleep", None, 0x4c0003a4, 0xfc0007fe, 0x03fff801, Xl, System, V2_02, "", None, "power saving until an interrupt", ends => system::hypervisor_only;
    tlbiel, "tlbiel", None, 0x7c000224, 0xfc0007fe, 0x00100001, X, System, V2_03, "RB,RS,RIC,PRS,R", None, "drop TLB entries for (RB), on this processor", ends => system::invalidate_local;
    slbfee_rc, "slbfee.", None, 0x7c0007a7, 0xfc0007ff, 0x001f0000, X, System, V2_05, "RT,RB", None, "RT ← VSID half of the SLB entry for (RB); CR0.EQ ← found", ends => system::slbfee_rc;
    clrbhrb, "clrbhrb", None, 0x7c00035c, 0xfc0007fe, 0x03fff801, X, System, V2_07, "", None, "clear the branch history" => system::clrbhrb;
    mfbhrbe, "mfbhrbe", None, 0x7c00025c, 0xfc0007fe, 0x00000001, Xfx, System, V2_07, "RT,BHRBE", None, "RT ← branch history entry BHRBE" => system::mfbhrbe;
    msgclr, "msgclr", None, 0x7c0001dc, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "clear a directed hypervisor doorbell by (RB)" => system::hypervisor_only;
    msgclrp, "msgclrp", None, 0x7c00015c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "clear a directed privileged doorbell by (RB)" => system::msgclrp;
    msgsnd, "msgsnd", None, 0x7c00019c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "directed hypervisor doorbell by (RB)" => system::hypervisor_only;
    msgsndp, "msgsndp", None, 0x7c00011c, 0xfc0007fe, 0x03ff0001, X, System, V2_07, "RB", None, "directed privileged doorbell by (RB)", ends => system::msgsndp;
    rfebb, "rfebb", None, 0x4c000124, 0xfc0007fe, 0x03fff001, Xl, System, V2_07, "S", None, "BESCR[GE] ← S; NIA ← EBBRR", ends => system::rfebb;
    tabort_rc, "tabort.", None, 0x7c00071d, 0xfc0007ff, 0x03e0f800, X, System, V2_07, "RA", None, "fail the transaction; cause (RA)" => system::transactional;
    tabortdc_rc, "tabortdc.", None, 0x7c00065d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,RB", None, "fail the transaction if (RA) compared with (RB) is in TO" => system::transactional;
    tabortdci_rc, "tabortdci.", None, 0x7c0006dd, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,SI", None, "fail the transaction if (RA) compared with EXTS(SI) is in TO" => system::transactional;
    tabortwc_rc, "tabortwc.", None, 0x7c00061d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,RB", None, "fail the transaction if (RA)[32:63] compared with (RB)[32:63] is in TO" => system::transactional;
    tabortwci_rc, "tabortwci.", None, 0x7c00069d, 0xfc0007ff, 0x00000000, X, System, V2_07, "TO,RA,SI", None, "fail the transaction if (RA)[32:63] compared with EXTS(SI) is in TO" => system::transactional;
    tbegin_rc, "tbegin.", None, 0x7c00051d, 0xfc0007ff, 0x03dff800, X, System, V2_07, "R", None, "start a transaction; CR0 ← how", ends => system::transactional;
    tcheck, "tcheck", None, 0x7c00059c, 0xfc0007fe, 0x007ff801, X, System, V2_07, "BF", None, "CR[BF] ← state of the transaction" => system::transactional;
    tend_rc, "tend.", None, 0x7c00055d, 0xfc0007ff, 0x01fff800, X, System, V2_07, "A", None, "end a transaction; A: also the outer ones" => system::transactional;
    trechkpt_rc, "trechkpt.", None, 0x7c0007dd, 0xfc0007ff, 0x03fff800, X, System, V2_07, "", None, "state before the transaction ← registers", ends => system::privileged_transactional;
    treclaim_rc, "treclaim.", None, 0x7c00075d, 0xfc0007ff, 0x03e0f800, X, System, V2_07, "RA", None, "fail the transaction, registers ← their state before it; cause (RA)", ends => system::privileged_transactional;
    tsr_rc, "tsr.", None, 0x7c0005dd, 0xfc0007ff, 0x03dff800, X, System, V2_07, "L", None, "suspend (L = 0) or resume (L = 1) the transaction" => system::transactional;
    darn, "darn", None, 0x7c0005e6, 0xfc0007fe, 0x001cf801, X, System, V3_0, "RT,L", None, "RT ← a random number, L: which" => system::darn;
    msgsync, "msgsync", None, 0x7c0006ec, 0xfc0007fe, 0x03fff801, X, System, V3_0, "", None, "order stores before a doorbell for its receiver", ends => system::hypervisor_only;
    rfscv, "rfscv", None, 0x4c0000a4, 0xfc0007fe, 0x03fff801, Xl, System, V3_0, "", None, "MSR ← CTR; NIA ← LR", ends => system::rfscv;
    slbieg, "slbieg", None, 0x7c0003a4, 0xfc0007fe, 0x001f0001, X, System, V3_0, "RS,RB", None, "drop the SLB entries for (RB) of process (RS), on all processors", ends => system::invalidate_local;
    slbsync, "slbsync", None, 0x7c0002a4, 0xfc0007fe, 0x03fff801, X, System, V3_0, "", None, "wait for slbieg and slbiag", ends => system::privileged_barrier;
    stop, "stop", None, 0x4c0002e4, 0xfc0007fe, 0x03fff801, Xl, System, V3_0, "", None, "power saving until an interrupt, PSSCR: how deep", ends => system::stop;
    slbiag, "slbiag", None, 0x7c0006a4, 0xfc0007fe, 0x001ef801, X, System, V3_0B, "RS,L", None, "drop the SLB entries of process (RS), on all processors", ends => system::invalidate_local;
    msgclru, "msgclru", None, 0x7c0000dc, 0xfc0007fe, 0x03ff0001, X, System, V3_0C, "RB", None, "clear a directed ultravisor doorbell by (RB)" => system::hypervisor_only;
    msgsndu, "msgsndu", None, 0x7c00009c, 0xfc0007fe, 0x03ff0001, X, System, V3_0C, "RB", None, "directed ultravisor doorbell by (RB)" => system::hypervisor_only;
    urfid, "urfid", None, 0x4c000264, 0xfc0007fe, 0x03fff801, Xl, System, V3_0C, "", None, "MSR ← USRR1; NIA ← USRR0", ends => system::hypervisor_only;
};
