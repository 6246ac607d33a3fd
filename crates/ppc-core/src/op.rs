//! Decoding one instruction: its word or words, and the function that executes it.

use crate::{
    exec::ExecFn,
    fields::Word,
    insn::{self, decode},
    interrupt::SRR1_BOUNDARY,
    ram::RealAddr,
    state::Cpu,
    trap::{Done, Trap},
};

/// A decoded instruction.
#[derive(Clone, Copy)]
pub struct Op {
    /// Semantics.
    pub exec: ExecFn,
    /// The word or words, in instruction order.
    pub word: Word,
}

/// A word that no row of the model's level matches, or whose row has no semantics.
pub fn illegal(_cpu: &mut Cpu, _w: Word) -> Done {
    Err(Trap::Illegal)
}

/// A prefixed instruction that crosses 64 bytes.
fn crossing(cpu: &mut Cpu, _w: Word) -> Done {
    cpu.fault.dar = cpu.cia;
    cpu.fault.srr1 = SRR1_BOUNDARY;
    Err(Trap::Alignment)
}

/// The instruction at real address `at`, in the current byte order. A prefix at the end of its 64 bytes has no suffix:
/// 0, which is none's.
fn fetch(cpu: &Cpu, at: RealAddr) -> Word {
    // Instructions are whole words within RAM, whose size is a multiple of a page.
    let word = |at: RealAddr| {
        let raw: u32 = cpu.ram.read(at).unwrap_or(0);
        if cpu.le() { raw } else { raw.swap_bytes() }
    };
    let first = word(at);
    if first >> 26 != Word::PREFIX || !cpu.model.isa.has_prefixes() {
        return first.into();
    }
    let next = at + 4;
    Word::prefixed(first, if next.0.is_multiple_of(Word::PREFIXED_BLOCK) { 0 } else { word(next) })
}

/// Whether memory has these instructions at real address `at`, in the current byte order.
pub fn same_words(cpu: &Cpu, at: RealAddr, ops: &[Op]) -> bool {
    let mut at = at;
    ops.iter().all(|op| {
        let same = fetch(cpu, at) == op.word;
        at = at + u64::from(op.word.bytes());
        same
    })
}

/// The instruction at real address `at`; its row, if it has semantics.
pub fn decoded(cpu: &Cpu, at: RealAddr) -> (Op, Option<&'static insn::Row>) {
    let word = fetch(cpu, at);
    let row = decode::decode(word, cpu.model.isa);
    if word.prefix() != 0 && (at + 4).0.is_multiple_of(Word::PREFIXED_BLOCK) {
        return (Op { exec: crossing, word }, None);
    }
    match row.and_then(|row| row.exec_for(word)) {
        Some(exec) => (Op { exec, word }, row),
        None => (Op { exec: illegal, word }, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        insn::Row,
        model::{Model, POWER9, POWER10},
        msr,
        ram::Ram,
    };
    use hpt::Hpt;
    use std::sync::Arc;

    const BASE: u64 = 0x1_0000;
    const PREFIX: u32 = 0x0600_0000;
    const ADDI: u32 = 14 << 26 | 3 << 21 | 3 << 16 | 1;

    fn cpu(model: &'static Model) -> Cpu {
        let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
        Cpu::new(model, ram, Arc::new(Hpt::new(18).expect("table")))
    }

    #[test]
    fn a_prefix_has_its_suffix_with_it_unless_64_bytes_end_between() {
        let at = |model, address: u64, le: bool| {
            let mut cpu = cpu(model);
            cpu.set_msr(msr::SF | if le { msr::LE } else { 0 });
            for (n, word) in [PREFIX, ADDI].into_iter().enumerate() {
                let raw = if le { word } else { word.swap_bytes() };
                cpu.ram.write(RealAddr(address + 4 * n as u64), raw).expect("memory");
            }
            let (op, row): (Op, Option<&Row>) = decoded(&cpu, RealAddr(address));
            let whole = op.word.prefix() != 0 && op.word.low() != 0;
            assert_eq!(row.map(|row| row.name), whole.then_some("paddi"));
            op.word
        };
        for le in [false, true] {
            assert_eq!(at(&POWER10, BASE, le), Word::prefixed(PREFIX, ADDI));
            assert_eq!(at(&POWER10, BASE + 0x3c, le), Word::prefixed(PREFIX, 0));
            assert_eq!(at(&POWER9, BASE, le), Word::from(PREFIX));
        }
        assert_eq!(at(&POWER10, BASE + 0xffc, true).bytes(), 8);
    }
}
