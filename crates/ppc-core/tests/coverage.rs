//! Every instruction POWER8 and POWER9 have is executed.

use ppc_core::{
    insn::{Exec, Row, rows},
    model::Isa,
};

fn of_a_model(row: &Row) -> bool {
    row.is_in(Isa::V2_07) || row.is_in(Isa::V3_0)
}

#[test]
fn every_instruction_of_a_model_is_executed() {
    let missing: Vec<&str> =
        rows().filter(|row| of_a_model(row) && matches!(row.exec, Exec::None)).map(|row| row.name).collect();
    assert!(missing.is_empty(), "{} rows: {}", missing.len(), missing.join(" "));
}

#[test]
fn every_row_of_a_model_says_what_it_does() {
    for row in rows().filter(|row| of_a_model(row)) {
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
