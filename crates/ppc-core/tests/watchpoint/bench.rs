//! A processor that is given one instruction after the other, and says what each did.

use hpt::{Hpt, RamLimit, SegmentSize, VirtualAddress, hcall::H_ENTER};
use ppc_core::ram::RealAddr;
use ppc_core::{
    engine::{Engine, EngineKind},
    mmu::DSISR_STORE,
    model::POWER8,
    msr,
    ram::Ram,
    slb::{ESID_V, SlbEntry},
    state::Cpu,
    watchpoint::{DAWRX_MRD_SHIFT, DSISR_WATCHPOINT},
};
use std::sync::Arc;

/// Where the instruction lies that is tried; a hang follows.
pub const CODE: u64 = 0x1000;
/// Where the bytes lie that are accessed: the last bytes of 4 KiB, and of a guest page, are among them.
pub const DATA: u64 = 0x1_8000;
pub const DATA_END: u64 = 0x2_2000;
/// The vector of a data storage interrupt.
pub const DSI: u64 = 0x300;
/// Neither mapped, with relocation; see [`mapped`].
pub const HOLE: u64 = 0x1_d000;
/// Mapped to be read alone.
pub const READ_ONLY: u64 = 0x1_f000;

pub const MEMORY: u64 = 1 << 20;
pub const BASE: u64 = msr::SF | msr::ME | msr::FP | msr::VEC | msr::VSX;
/// A branch to itself.
pub const HANG: u32 = 18 << 26;

/// One instruction after the other.
pub struct Bench {
    /// The processor.
    pub engine: Engine,
}

/// What an instruction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Done,
    /// DAR and DSISR.
    Interrupted(u64, u32),
}
use Outcome::*;

pub fn matched(dar: u64, write: bool) -> Outcome {
    Interrupted(dar, DSISR_WATCHPOINT | if write { DSISR_STORE } else { 0 })
}

impl Bench {
    pub fn new(kind: EngineKind) -> Self {
        let ram = Arc::new(Ram::new(MEMORY).expect("memory"));
        let cpu = Cpu::new(&POWER8, ram, Arc::new(Hpt::new(18).expect("table")));
        let mut engine = Engine::with_kind(cpu, kind);
        engine.compile_after = 0;
        let mut bench = Self { engine };
        bench.set("msr", BASE);
        // Vectors hang, in either byte order.
        bench.put(DSI, &[HANG], false);
        for (i, at) in (DATA..DATA_END).enumerate() {
            bench.engine.cpu.ram.write(RealAddr(at), i as u8 ^ 0x5a).expect("inside");
        }
        for n in 0..64 {
            bench.engine.cpu.vsr[n] = 0x3ff0_1111_2222_3333_4444_5555_6666_7777;
        }
        bench
    }

    pub fn set(&mut self, name: &str, value: u64) {
        self.engine.cpu.set_register(name, value.into()).expect("a register");
    }

    /// `doublewords` from `first` on.
    pub fn watch(&mut self, first: u64, doublewords: u64, dawrx: u64) {
        self.set("dawr0", first);
        self.set("dawrx0", dawrx | (doublewords - 1) << DAWRX_MRD_SHIFT);
    }

    pub fn put(&mut self, at: u64, words: &[u32], little: bool) {
        for (i, word) in words.iter().enumerate() {
            let bytes = if little { word.to_le_bytes() } else { word.to_be_bytes() };
            self.engine.cpu.ram.write_bytes(RealAddr(at + 4 * i as u64), &bytes).expect("inside");
        }
    }

    /// Executes `word` with r4 = `ea` and r5 = 0.
    pub fn attempt(&mut self, word: u32, ea: u64) -> Outcome {
        let before = self.engine.cpu.msr;
        self.put(CODE, &[word, HANG], self.engine.cpu.le());
        self.set("r4", ea);
        self.set("r5", 0);
        self.set("pc", CODE);
        // The instruction, or its attempt, and one hang.
        self.engine.run(self.engine.cpu.icount + 2);
        let cpu = &self.engine.cpu;
        if cpu.cia == CODE + 4 {
            return Done;
        }
        assert_eq!((cpu.cia, cpu.spr[26]), (DSI, CODE), "{word:#010x} at {ea:#x}");
        let outcome = Interrupted(cpu.spr[19], cpu.spr[18] as u32);
        self.set("msr", before);
        outcome
    }

    /// Registers and memory.
    pub fn traces(&self) -> (Vec<u64>, Vec<u128>, u32, Vec<u8>) {
        let cpu = &self.engine.cpu;
        let mut bytes = vec![0; (DATA_END - DATA) as usize];
        cpu.ram.read_bytes(RealAddr(DATA), &mut bytes).expect("inside");
        (cpu.gpr.to_vec(), cpu.vsr.to_vec(), cpu.cr(), bytes)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Code in 32-bit mode is not.
        let compiles = self.engine.kind() == EngineKind::Jit && self.engine.cpu.sf();
        assert!(std::thread::panicking() || !compiles || self.engine.compiled > 0, "nothing was compiled");
    }
}

/// Enters a page of 4 KiB of segment `vsid` into the hash table.
pub fn map(cpu: &mut Cpu, vsid: u64, offset: u64, real: u64, rights: u64) {
    let page = VirtualAddress { vsid, segment: SegmentSize::M256, base_shift: 12, offset };
    let ptex = (page.hash() & (cpu.hpt.groups() - 1)) * 8;
    let args = [0, ptex, page.avpn() | 1, real | 0x10 | rights, 0, 0, 0, 0, 0];
    let entered = cpu.hpt.dispatch(H_ENTER, &args, &RamLimit(MEMORY)).expect("a table hypercall");
    assert_eq!(entered.rc, 0);
}

/// Everything is where it is in real mode, in pages of 4 KiB, but for [`HOLE`]; stores to [`READ_ONLY`] are not allowed.
pub fn mapped(kind: EngineKind) -> Bench {
    let mut bench = Bench::new(kind);
    let cpu = &mut bench.engine.cpu;
    cpu.slb.set(0, SlbEntry { esid: ESID_V, vsid: 0x1234 << 12 });
    for at in (0..MEMORY).step_by(0x1000).filter(|at| *at != HOLE) {
        map(cpu, 0x1234, at, at, if at == READ_ONLY { 3 } else { 2 });
    }
    cpu.flush_translations();
    bench.set("msr", BASE | msr::IR | msr::DR);
    bench
}
