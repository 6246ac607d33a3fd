//! Every instruction is executed: those that a guest's processor refuses have functions that say so.

use ppc_core::{
    insn::{Exec, rows},
    model::MODELS,
};

#[test]
fn every_instruction_is_executed_and_some_model_has_it() {
    let executed = |exec| !matches!(exec, Exec::None);
    let missing: Vec<&str> = rows()
        .filter(|row| !executed(row.exec) || !MODELS.iter().any(|model| row.is_in(model.isa)))
        .map(|row| row.name)
        .collect();
    assert!(missing.is_empty(), "{} rows: {}", missing.len(), missing.join(" "));
}

#[test]
fn every_row_says_what_it_does() {
    for row in rows() {
        let plain =
            row.formula.is_empty() || row.formula.starts_with("VSX ") || row.formula.starts_with("Vector ");
        assert!(!plain, "{}: {}", row.name, row.formula);
    }
}

#[test]
fn operands_never_lie_in_opcode_or_reserved_bits() {
    for row in rows() {
        assert!(row.value & !row.mask == 0 && row.mask & row.reserved == 0, "{}", row.name);
    }
}
