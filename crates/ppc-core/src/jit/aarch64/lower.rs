//! Which instructions have a lowering of their own. All others call the function of their row.

use super::super::insn::Insn;
use super::{condition, emit::Emitter, fixed, loadstore, rotate};
use crate::insn::{self, RowId};
use std::{collections::HashMap, sync::LazyLock};

/// Emits an instruction that does not end a block.
pub type Lower = fn(&mut Emitter, &Insn);

macro_rules! lowerings {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($((stringify!($name), $module::$name as Lower)),*),*]
    };
}

static LOWERINGS: &[(&str, Lower)] = lowerings! {
    fixed: add addc adde addi addic addic_rc addis addme addze and andc andi_rc andis_rc cntlzd cntlzw divd divdu divw
        divwu eqv extsb extsh extsw mulhd mulhdu mulhw mulhwu mulld mulli mullw nand neg nor or orc ori oris subf
        subfc subfe subfic subfme subfze xor xori xoris;
    rotate: rldcl rldcr rldic rldicl rldicr rldimi rlwimi rlwinm rlwnm sld slw sradi srawi srd srw;
    condition: cmp cmpi cmpl cmpli crand crandc creqv crnand crnor cror crorc crxor isel mcrf mfcr mfocrf mfspr mtcrf
        mtocrf mtspr td tdi tw twi;
    loadstore: lbz lbzu lbzux lbzx ld ldbrx ldu ldux ldx lfd lfdu lfdux lfdx lha lhau lhaux lhax lhbrx lhz lhzu lhzux
        lhzx lwa lwaux lwax lwbrx lwz lwzu lwzux lwzx stb stbu stbux stbx std stdbrx stdu stdux stdx stfd stfdu stfdux
        stfdx sth sthbrx sthu sthux sthx stw stwbrx stwu stwux stwx lvx lvxl stvx stvxl lxvd2x stxvd2x lxv stxv lxvx stxvx
        lxsdx stxsdx dcbt dcbtst sync eieio;
};

/// Instructions whose OE forms have no lowering.
static BY_ID: LazyLock<Vec<Option<Lower>>> = LazyLock::new(|| {
    let by_name: HashMap<_, _> = LOWERINGS.iter().copied().collect();
    insn::rows().map(|row| by_name.get(row.name).copied()).collect()
});

/// Emits `insn`, which does not end its block.
pub fn lower(e: &mut Emitter, insn: &Insn, id: Option<RowId>) {
    let known = id.and_then(|id| BY_ID[usize::from(id.0)]);
    let overflow = insn.row.is_some_and(|row| row.variants == insn::Variants::OeRc) && insn.word.oe();
    match known {
        Some(lower) if !overflow => lower(e, insn),
        _ => e.call_exec(insn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lowering_belongs_to_a_row() {
        for (name, _) in LOWERINGS {
            let row = insn::rows().find(|row| row.name == *name);
            assert!(row.is_some_and(|row| !row.ends || matches!(row.name, "mfspr" | "mtspr")), "{name}");
        }
        let names: std::collections::HashSet<_> = LOWERINGS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), LOWERINGS.len());
    }
}
