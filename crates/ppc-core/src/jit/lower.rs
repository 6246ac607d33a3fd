//! Which instructions have a lowering of their own. All others call the function of their row.

use super::{
    emitter::{Emitter, Registers},
    insn::Insn,
};
use crate::insn::{self, RowId};
use std::collections::HashMap;

/// Emits an instruction that does not end a block.
pub type Lower<A> = fn(&mut Emitter<A>, &Insn);

/// A table of lowerings: modules, and in each the functions, named as their rows.
macro_rules! lowerings {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($((stringify!($name), $module::$name as $crate::jit::lower::Lower<_>)),*),*]
    };
}
pub(super) use lowerings;

/// A host with lowerings.
pub trait Lowered: Registers + 'static {
    /// By the number of the row. Their OE forms have none.
    fn lowerings() -> &'static [Option<Lower<Self>>];
}

/// A table by the number of the row.
pub fn by_id<A: Registers>(table: &[(&str, Lower<A>)]) -> Vec<Option<Lower<A>>> {
    let by_name: HashMap<_, _> = table.iter().copied().collect();
    insn::rows().map(|row| by_name.get(row.name).copied()).collect()
}

impl<A: Lowered> Emitter<A> {
    /// Emits `insn`, which does not end its block.
    pub fn lower(&mut self, insn: &Insn, id: Option<RowId>) {
        let known = id.and_then(|id| A::lowerings()[usize::from(id.0)]);
        let overflow = insn.row.is_some_and(|row| row.variants == insn::Variants::OeRc) && insn.word.oe();
        match known {
            Some(lower) if !overflow => lower(self, insn),
            _ => self.call_exec(insn),
        }
    }
}

/// Checks that every lowering belongs to a row that does not end its block, and none is there twice.
#[cfg(test)]
pub fn check<A: Registers>(table: &[(&str, Lower<A>)]) {
    for (name, _) in table {
        let row = insn::rows().find(|row| row.name == *name);
        assert!(row.is_some_and(|row| !row.ends || matches!(row.name, "mfspr" | "mtspr")), "{name}");
    }
    let names: std::collections::HashSet<_> = table.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), table.len());
}
