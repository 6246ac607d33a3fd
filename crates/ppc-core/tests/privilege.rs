//! Which instructions problem state may not begin, against a list of its own.

use std::sync::Arc;

use hpt::Hpt;
use ppc_core::{fields::Word, insn::rows, model::MODELS, msr, ram::Ram, state::Cpu, trap::Trap};

/// Privileged instructions and the hypervisor's (3.0B, Appendix "Power ISA Instruction Set Sorted by Opcode", column
/// Privilege; 2.07 for power saving, 3.1B for hashes under the privileged key). mfspr and mtspr depend on the number.
#[rustfmt::skip]
const PRIVILEGED: &[&str] = &[
    "mfmsr", "mtmsr", "mtmsrd", "rfid", "rfscv", "hrfid", "urfid",
    "slbfee_rc", "slbia", "slbiag", "slbie", "slbieg", "slbmfee", "slbmfev", "slbmte", "slbsync",
    "tlbie", "tlbiel", "tlbsync",
    "msgclr", "msgclrp", "msgclru", "msgsnd", "msgsndp", "msgsndu", "msgsync",
    "doze", "nap", "rvwinkle", "sleep", "stop",
    "lbzcix", "ldcix", "lhzcix", "lwzcix", "stbcix", "stdcix", "sthcix", "stwcix",
    "trechkpt_rc", "treclaim_rc",
    "hashchkp", "hashstp",
];

#[test]
fn problem_state_is_refused_privileged_instructions_and_no_others() {
    let mut wrong = Vec::new();
    for model in MODELS.iter().copied() {
        for row in rows().filter(|row| row.is_in(model.isa) && !matches!(row.name, "mfspr" | "mtspr")) {
            let word = Word(row.value);
            let Some(exec) = row.exec_for(word) else { continue };
            let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
            let mut cpu = Cpu::new(model, ram, Arc::new(Hpt::new(18).expect("table")));
            cpu.msr = msr::SF | msr::PR;
            cpu.context_changed();
            let refused = exec(&mut cpu, word) == Err(Trap::Privileged);
            if refused != PRIVILEGED.contains(&row.name) {
                wrong.push(format!("{}: {}", model.name, row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
