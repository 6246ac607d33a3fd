//! Rows: Privileged, transactional and special purpose register instructions (Books I to III).
//!
//! Columns are explained at the top of `insn/mod.rs`.

use super::{
    effect::{
        Branch::EventBased,
        Effect::{Branch, EndsBlock, MovesSpr, Returns, Synchronises},
    },
    table,
};

#[rustfmt::skip]
table! {
    System, after crate::insn::decimal::COUNT;
    mfmsr: X(31, 83), operands [RT], since P1, does "RT ← MSR" => system::mfmsr;
    mfspr: Xfx(31, 339), operands [RT, SPR], since P1, effect MovesSpr, does "RT ← SPR" => system::mfspr;
    mtmsr: X(31, 146), operands [RS, L15], since P1, effect Synchronises, does "MSR[32:63] ← (RS); L: only EE and RI" => system::mtmsr;
    mtspr: Xfx(31, 467), operands [SPR, RS], since P1, effect MovesSpr, does "SPR ← (RS)" => system::mtspr;
    tlbie: X(31, 306), operands [RB, RS, RIC, PRS, R], since P1, effect Synchronises, does "drop TLB entries for (RB), on all processors" => system::hypervisor_only;
    mftb: Xfx(31, 371), operands [RT, TBR], since Ppc, effect EndsBlock, does "RT ← TB or TBU" => system::mftb;
    mtmsrd: X(31, 178), operands [RS, L15], since Ppc, effect Synchronises, does "MSR ← (RS); L: only EE and RI" => system::mtmsrd;
    rfid: Xl(19, 18), operands [], since Ppc, effect Returns, does "MSR ← SRR1; NIA ← SRR0" => system::rfid;
    slbia: X(31, 498), operands [IH], since Ppc, effect Synchronises, does "drop SLB entries, IH: which" => system::slbia;
    slbie: X(31, 434), operands [RB], since Ppc, effect Synchronises, does "drop the SLB entry for (RB)" => system::slbie;
    tlbsync: X(31, 566), operands [], since Ppc, effect Synchronises, does "wait for tlbie" => system::privileged_barrier;
    slbmfee: X(31, 915), operands [RT, RB], also [L15], since V2_00, does "RT ← ESID half of SLB entry (RB)[52:63]" => system::slbmfee;
    slbmfev: X(31, 851), operands [RT, RB], also [L15], since V2_00, does "RT ← VSID half of SLB entry (RB)[52:63]" => system::slbmfev;
    slbmte: X(31, 402), operands [RS, RB], since V2_00, effect Synchronises, does "SLB entry (RB)[52:63] ← (RS), (RB)" => system::slbmte;
    doze: Xl(19, 402), operands [], since V2_02, until V3_0, effect EndsBlock, does "power saving until an interrupt" => system::hypervisor_only;
    hrfid: Xl(19, 274), operands [], since V2_02, effect Returns, does "MSR ← HSRR1; NIA ← HSRR0" => system::hypervisor_only;
    nap: Xl(19, 434), operands [], since V2_02, until V3_0, effect EndsBlock, does "power saving until an interrupt" => system::hypervisor_only;
    rvwinkle: Xl(19, 498), operands [], since V2_02, until V3_0, effect EndsBlock, does "power saving until an interrupt" => system::hypervisor_only;
    sleep: Xl(19, 466), operands [], since V2_02, until V3_0, effect EndsBlock, does "power saving until an interrupt" => system::hypervisor_only;
    tlbiel: X(31, 274), operands [RB, RS, RIC, PRS, R], since V2_03, effect Synchronises, does "drop TLB entries for (RB), on this processor" => system::invalidate_local;
    slbfee_rc "slbfee.": X(31, 979; 31:31 = 1), operands [RT, RB], since V2_05, effect Synchronises, does "RT ← VSID half of the SLB entry for (RB); CR0.EQ ← found" => system::slbfee_rc;
    clrbhrb: X(31, 430), operands [], since V2_07, does "clear the branch history" => system::clrbhrb;
    mfbhrbe: Xfx(31, 302), operands [RT, BHRBE], since V2_07, does "RT ← branch history entry BHRBE" => system::mfbhrbe;
    msgclr: X(31, 238), operands [RB], since V2_07, does "clear a directed hypervisor doorbell by (RB)" => system::hypervisor_only;
    msgclrp: X(31, 174), operands [RB], since V2_07, does "clear a directed privileged doorbell by (RB)" => system::msgclrp;
    msgsnd: X(31, 206), operands [RB], since V2_07, does "directed hypervisor doorbell by (RB)" => system::hypervisor_only;
    msgsndp: X(31, 142), operands [RB], since V2_07, effect Synchronises, does "directed privileged doorbell by (RB)" => system::msgsndp;
    rfebb: Xl(19, 146), operands [S20], since V2_07, effect Branch(EventBased), does "BESCR[GE] ← S; NIA ← EBBRR" => system::rfebb;
    tabort_rc "tabort.": X(31, 910; 31:31 = 1), operands [RA], since V2_07, until V3_1, does "fail the transaction; cause (RA)" => system::transactional;
    tabortdc_rc "tabortdc.": X(31, 814; 31:31 = 1), operands [TO, RA, RB], since V2_07, until V3_1, does "fail the transaction if (RA) compared with (RB) is in TO" => system::transactional;
    tabortdci_rc "tabortdci.": X(31, 878; 31:31 = 1), operands [TO, RA, SI5], since V2_07, until V3_1, does "fail the transaction if (RA) compared with EXTS(SI) is in TO" => system::transactional;
    tabortwc_rc "tabortwc.": X(31, 782; 31:31 = 1), operands [TO, RA, RB], since V2_07, until V3_1, does "fail the transaction if (RA)[32:63] compared with (RB)[32:63] is in TO" => system::transactional;
    tabortwci_rc "tabortwci.": X(31, 846; 31:31 = 1), operands [TO, RA, SI5], since V2_07, until V3_1, does "fail the transaction if (RA)[32:63] compared with EXTS(SI) is in TO" => system::transactional;
    tbegin_rc "tbegin.": X(31, 654; 31:31 = 1), operands [R10], since V2_07, until V3_1, effect EndsBlock, does "start a transaction; CR0 ← how" => system::transactional;
    tcheck: X(31, 718), operands [BF], since V2_07, until V3_1, does "CR[BF] ← state of the transaction" => system::transactional;
    tend_rc "tend.": X(31, 686; 31:31 = 1), operands [A], since V2_07, until V3_1, does "end a transaction; A: also the outer ones" => system::transactional;
    trechkpt_rc "trechkpt.": X(31, 1006; 31:31 = 1), operands [], since V2_07, until V3_1, effect EndsBlock, does "state before the transaction ← registers" => system::privileged_transactional;
    treclaim_rc "treclaim.": X(31, 942; 31:31 = 1), operands [RA], since V2_07, until V3_1, effect EndsBlock, does "fail the transaction, registers ← their state before it; cause (RA)" => system::privileged_transactional;
    tsr_rc "tsr.": X(31, 750; 31:31 = 1), operands [L10], since V2_07, until V3_1, does "suspend (L = 0) or resume (L = 1) the transaction" => system::transactional;
    darn: X(31, 755), operands [RT, L14], since V3_0, does "RT ← a random number, L: which" => system::darn;
    msgsync: X(31, 886), operands [], since V3_0, effect Synchronises, does "order stores before a doorbell for its receiver" => system::hypervisor_only;
    rfscv: Xl(19, 82), operands [], since V3_0, effect Returns, does "MSR ← CTR; NIA ← LR" => system::rfscv;
    slbieg: X(31, 466), operands [RS, RB], since V3_0, effect Synchronises, does "drop the SLB entries for (RB) of process (RS), on all processors" => system::invalidate_local;
    slbsync: X(31, 338), operands [], since V3_0, effect Synchronises, does "wait for slbieg and slbiag" => system::privileged_barrier;
    stop: Xl(19, 370), operands [], since V3_0, effect EndsBlock, does "power saving until an interrupt, PSSCR: how deep" => system::stop;
    slbiag: X(31, 850), operands [RS, L15], since V3_0B, effect Synchronises, does "drop the SLB entries of process (RS), on all processors" => system::invalidate_local;
    msgclru: X(31, 110), operands [RB], since V3_0C, does "clear a directed ultravisor doorbell by (RB)" => system::hypervisor_only;
    msgsndu: X(31, 78), operands [RB], since V3_0C, does "directed ultravisor doorbell by (RB)" => system::hypervisor_only;
    urfid: Xl(19, 306), operands [], since V3_0C, effect Returns, does "MSR ← USRR1; NIA ← USRR0" => system::hypervisor_only;
}
