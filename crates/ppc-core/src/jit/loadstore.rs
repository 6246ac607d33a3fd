//! Lowerings of loads and stores, derived from their rows.

use super::{
    access::{Extend, Load, MemoryAccess, Place, Quad, Store},
    emitter::{Emitter, Registers},
    insn::Insn,
    memory::Memory,
};
use crate::{
    fields::Word,
    insn::{
        Effect, Operand, Row,
        effect::{self, Value},
        operand::Kind,
    },
};

/// The size of a quadword, as a shift.
const QUADWORD: u32 = 4;

/// Forms the address, as the operands say.
fn address<A: Memory>(e: &mut Emitter<A>, row: &Row, i: &Insn) {
    let w = i.word;
    match row.operands.iter().find(|operand| operand.kind().is_displacement()) {
        Some(displacement) if i.is_relative() => A::ea_relative(e, i.offset, displacement.value(w)),
        Some(displacement) => A::ea_displaced(e, w.ra(), displacement.value(w)),
        None => A::ea_indexed(e, w.ra(), w.rb()),
    }
}

/// The register that is loaded or stored.
fn place(operand: Operand, w: Word) -> Option<Place> {
    let number = operand.value(w) as usize;
    match operand.kind() {
        Kind::Gpr => Some(Place::Gpr(number)),
        Kind::Fpr | Kind::Vsr => Some(Place::Fpr(number)),
        Kind::Vr => Some(Place::Fpr(32 + number)),
        _ => None,
    }
}

fn accessed(memory: effect::Memory, place: Place, w: Word) -> Option<MemoryAccess> {
    let effect::Memory { store, size, value, update } = memory;
    let update = update.then_some(w.ra());
    let access = match (place, value) {
        (Place::Fpr(vsr), Value::Plain | Value::Aligned | Value::Doublewords) if size == QUADWORD => {
            MemoryAccess::Quad(Quad { vsr, swap: value == Value::Doublewords, store })
        }
        (from, Value::Plain | Value::Reversed) if store => {
            MemoryAccess::Store(Store { size, reverse: value == Value::Reversed, from, update })
        }
        (to, Value::Plain) => MemoryAccess::Load(Load { size, extend: Extend::Zero, to, update }),
        (to, Value::Signed) => MemoryAccess::Load(Load { size, extend: Extend::Sign, to, update }),
        (to, Value::Reversed) => MemoryAccess::Load(Load { size, extend: Extend::Reverse, to, update }),
        _ => return None,
    };
    Some(access)
}

/// A row's access, if it has one: how a word of it accesses storage.
fn access(row: &Row, w: Word) -> Option<(effect::Memory, MemoryAccess)> {
    let Effect::Memory(memory) = row.effect else { return None };
    let place = place(*row.operands.first()?, w)?;
    Some((memory, accessed(memory, place, w)?))
}

/// A load or store that its row describes completely.
pub fn memory<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
    let w = i.word;
    let Some((row, (memory, access))) = i.row.and_then(|row| Some((row, access(row, w)?))) else {
        return e.call_exec_here(i);
    };
    // Invalid forms have their function, and so do quadwords in big-endian mode.
    let into_base = matches!(access, MemoryAccess::Load(Load { to: Place::Gpr(to), .. }) if to == w.ra());
    let invalid = memory.update && (w.ra() == 0 || into_base) || i.is_relative() && w.ra() != 0;
    if invalid || memory.size == QUADWORD && !e.little_endian {
        return e.call_exec_here(i);
    }
    address(e, row, i);
    if memory.value == Value::Aligned {
        A::align(e);
    }
    e.access(i, access);
}

/// `RT ←` a sum of 34 bits.
pub fn paddi<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
    let w = i.word;
    match (i.is_relative(), w.ra()) {
        (true, 0) => A::ea_relative(e, i.offset, w.d34()),
        (true, _) => return e.call_exec_here(i),
        (false, ra) => A::ea_displaced(e, ra, w.d34()),
    }
    e.put(w.rt(), A::ADDRESS);
}

/// Hints.
pub fn dcbt<A: Registers>(_: &mut Emitter<A>, _: &Insn) {}
/// Hints.
pub fn dcbtst<A: Registers>(_: &mut Emitter<A>, _: &Insn) {}

/// Orders all accesses, or as lwsync.
pub fn sync<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
    A::order(e, i, true);
}
/// Orders stores.
pub fn eieio<A: Memory>(e: &mut Emitter<A>, i: &Insn) {
    A::order(e, i, false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insn::rows;

    #[test]
    fn every_load_and_store_of_the_table_is_an_access() {
        for row in rows().filter(|row| matches!(row.effect, Effect::Memory(_))) {
            assert!(access(row, Word(row.value)).is_some(), "{}", row.name);
        }
    }
}
