//! Our side: the same words by the table's own functions, in real mode, with RAM at the same addresses.

use crate::record::{BUFFER, BUFFER_BYTES, CIA, End, Outcome, Registers, Start};
use hpt::Hpt;
use ppc_core::ram::RealAddr;
use ppc_core::{
    fields::Word,
    insn::decode::decode,
    model::{Isa, Model},
    msr,
    ram::Ram,
    state::{Cpu, Vscr, Xer},
    trap::Trap,
};
use std::sync::Arc;

const TAR: usize = 815;
const FSCR: usize = 153;

/// A processor in problem state whose RAM ends where the buffer ends.
pub fn processor(model: &'static Model, little: bool) -> Cpu {
    let ram = Arc::new(Ram::new(BUFFER + BUFFER_BYTES as u64).unwrap());
    let mut cpu = Cpu::new(model, ram, Arc::new(Hpt::new(18).unwrap()));
    let bits = msr::SF | msr::ME | msr::RI | msr::PR | msr::FP | msr::VEC | msr::VSX | msr::FE0 | msr::FE1;
    // Problem state without relocation: no guest can get there, but it needs no page table.
    cpu.msr = bits | if little { msr::LE } else { 0 };
    cpu.spr[FSCR] = !0;
    cpu.context_changed();
    cpu
}

fn load(cpu: &mut Cpu, r: &Registers) {
    cpu.gpr = r.gpr;
    cpu.set_cr(r.cr as u32);
    let bit = |n: u32| r.xer >> n & 1 != 0;
    let isa3 = cpu.model.isa >= Isa::V3_0;
    cpu.xer = Xer {
        so: bit(31),
        ov: bit(30),
        ca: bit(29),
        ov32: isa3 && bit(19),
        ca32: isa3 && bit(18),
        count: (r.xer & 0x7f) as u8,
    };
    cpu.lr = r.lr;
    cpu.ctr = r.ctr;
    cpu.spr[TAR] = r.tar;
    cpu.fpscr = r.fpscr;
    cpu.vscr = Vscr { nj: r.vscr >> 16 & 1 != 0, sat: r.vscr & 1 != 0 };
    cpu.vrsave = r.vrsave as u32;
    cpu.vsr = r.vsr;
    cpu.reservation = Default::default();
}

fn unload(cpu: &Cpu) -> Registers {
    let x = cpu.xer;
    let isa3 = cpu.model.isa >= Isa::V3_0;
    let bits = [(x.so, 31), (x.ov, 30), (x.ca, 29), (isa3 && x.ov32, 19), (isa3 && x.ca32, 18)];
    Registers {
        gpr: cpu.gpr,
        cr: u64::from(cpu.cr()),
        xer: bits.iter().fold(u64::from(x.count), |value, &(bit, n)| value | u64::from(bit) << n),
        lr: cpu.lr,
        ctr: cpu.ctr,
        tar: cpu.spr[TAR],
        fpscr: cpu.fpscr,
        vscr: u64::from(cpu.vscr.nj) << 16 | u64::from(cpu.vscr.sat),
        vrsave: u64::from(cpu.vrsave),
        vsr: cpu.vsr,
    }
}

fn outcome(trap: Trap) -> Outcome {
    match trap {
        Trap::Illegal | Trap::Privileged | Trap::FacilityUnavailable => Outcome::Illegal,
        Trap::TrapInstruction => Outcome::Trap,
        Trap::Alignment => Outcome::Alignment,
        Trap::FpEnabled => Outcome::FpEnabled,
        Trap::MachineCheck | Trap::DataStorage | Trap::DataSegment => Outcome::Storage,
        other => Outcome::Unknown(other as i64),
    }
}

/// Runs `start` and tells what it left. Panics when a storage or alignment trap changed anything.
pub fn run(cpu: &mut Cpu, start: &Start) -> End {
    load(cpu, &start.registers);
    if let Some(memory) = &start.memory {
        for (i, bytes) in memory.chunks_exact(8).enumerate() {
            let bytes: [u8; 8] = std::array::from_fn(|k| bytes[k]);
            cpu.ram.write(RealAddr(BUFFER + 8 * i as u64), u64::from_le_bytes(bytes)).unwrap();
        }
    }
    let mut outcome_of = |word: Word| {
        cpu.cia = CIA;
        cpu.nia = CIA + u64::from(word.bytes());
        let Some(exec) = decode(word, cpu.model.isa).and_then(|row| row.exec_for(word)) else {
            return Outcome::Illegal;
        };
        exec(cpu, word).map_or_else(outcome, |()| Outcome::Completed)
    };
    let mut result = Outcome::Completed;
    if start.before != 0 {
        result = outcome_of(Word::from(start.before));
    }
    if result == Outcome::Completed {
        result = outcome_of(Word(start.word));
    }
    End {
        outcome: result,
        next: match result {
            Outcome::Completed if start.branch => cpu.nia,
            Outcome::Completed => CIA + u64::from(Word(start.word).bytes()),
            _ => CIA,
        },
        registers: unload(cpu),
        memory: start.memory.is_some().then(|| {
            Box::new(std::array::from_fn(|i| cpu.ram.read::<u8>(RealAddr(BUFFER + i as u64)).unwrap()))
        }),
    }
}
