//! Which instructions have a lowering of their own.

use super::super::{
    loadstore,
    lower::{Lower, Lowered, by_id, lowerings},
};
use super::{condition, emit::A64, fixed, rotate};
use crate::insn::RowId;
use std::sync::LazyLock;

static LOWERINGS: &[(RowId, Lower<A64>)] = lowerings! {
    fixed: add addc adde addi addic addic_rc addis addme addze and andc andi_rc andis_rc brd brh brw cntlzd cntlzw cnttzd cnttzw divd divdu divw
        divwu eqv extsb extsh extsw maddhd maddhdu maddld modsd modsw modud moduw mulhd mulhdu mulhw mulhwu mulld mulli mullw nand neg nor or orc ori oris subf
        subfc subfe subfic subfme subfze xor xori xoris;
    rotate: extswsli rldcl rldcr rldic rldicl rldicr rldimi rlwimi rlwinm rlwnm sld slw sradi srawi srd srw;
    condition: cmp cmpi cmpl cmpli crand crandc creqv crnand crnor cror crorc crxor isel mcrf mcrxrx mfcr mfocrf mfspr mtcrf
        mtocrf mtspr setb setbc setbcr setnbc setnbcr td tdi tw twi;
    loadstore: paddi dcbt dcbtst sync eieio;
};

impl Lowered for A64 {
    fn lowerings() -> &'static [Option<Lower<A64>>] {
        static BY_ID: LazyLock<Vec<Option<Lower<A64>>>> = LazyLock::new(|| by_id(LOWERINGS));
        &BY_ID
    }
}

#[cfg(test)]
#[test]
fn every_lowering_belongs_to_a_row() {
    super::super::lower::check(LOWERINGS);
}
