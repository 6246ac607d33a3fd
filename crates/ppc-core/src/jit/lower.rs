//! Which instructions have a lowering of their own. All others call the function of their row.

use super::{
    emitter::{Emitter, Registers},
    insn::Insn,
    loadstore,
    memory::Memory,
};
use crate::insn::{self, Effect, RowId};

/// Emits an instruction that does not end a block.
pub type Lower<A> = fn(&mut Emitter<A>, &Insn);

/// A table of lowerings: modules, and in each the functions, named as their rows.
macro_rules! lowerings {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($(($crate::insn::id::$name, $module::$name as $crate::jit::lower::Lower<_>)),*),*]
    };
}
pub(super) use lowerings;

/// A host with lowerings.
pub trait Lowered: Registers + 'static {
    /// By the number of the row. Their OE forms have none.
    fn lowerings() -> &'static [Option<Lower<Self>>];
}

/// A table by the number of the row, with the loads and stores that the rows themselves describe.
pub fn by_id<A: Memory>(table: &[(RowId, Lower<A>)]) -> Vec<Option<Lower<A>>> {
    let memory: Lower<A> = loadstore::memory;
    let described = |row: &insn::Row| matches!(row.effect, Effect::Memory(_)).then_some(memory);
    let mut lowerings: Vec<_> = insn::rows().map(described).collect();
    for &(id, lower) in table {
        lowerings[usize::from(id.0)] = Some(lower);
    }
    lowerings
}

impl<A: Lowered> Emitter<A> {
    /// Whether instructions of this row have a lowering.
    pub fn lowers(&self, id: Option<RowId>) -> bool {
        id.is_some_and(|id| A::lowerings()[usize::from(id.0)].is_some())
    }

    /// Emits `insn`, which does not end its block, or needs no more than its own address.
    pub fn lower(&mut self, insn: &Insn, id: Option<RowId>) {
        let known = id.and_then(|id| A::lowerings()[usize::from(id.0)]);
        let overflow = insn.row.is_some_and(|row| row.variants == insn::Variants::OeRc) && insn.word.oe();
        match known {
            Some(lower) if !overflow => lower(self, insn),
            _ => self.call_exec(insn),
        }
    }
}

/// Checks that every lowering belongs to a row that need not end its block and has semantics, and none is there twice.
#[cfg(test)]
pub fn check<A: Registers>(table: &[(RowId, Lower<A>)]) {
    for &(id, _) in table {
        let row = insn::row(id).expect("a row");
        let described = matches!(row.effect, Effect::Memory(_));
        assert!(!row.effect.ends_block() && !described, "{}", row.name);
        assert!(row.exec_for(crate::fields::Word(row.value)).is_some(), "{}", row.name);
    }
    let ids: std::collections::HashSet<_> = table.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), table.len());
}
