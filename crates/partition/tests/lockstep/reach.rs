//! What the random programs reach: which rows complete, in which states of the processor.

use crate::events::before_step;
use crate::hunt::fetched;
use crate::layout::VECTORS;
use crate::shared::operands::TRANSACTIONAL;
use crate::shared::random::Random;
use crate::side::{How, Side};
use crate::world::World;
use partition::Exit;
use ppc_core::{
    engine::EngineKind,
    fields::Word,
    insn::{Chapter, decode::decode},
    msr,
};
use std::collections::BTreeMap;

/// Counts of instructions.
#[derive(Default)]
pub struct Reach {
    /// That completed, by row.
    pub completed: BTreeMap<&'static str, u64>,
    /// That were begun.
    pub begun: u64,
    /// That were begun in problem state.
    pub problem: u64,
    /// That were begun with relocation.
    pub relocated: u64,
    /// That were begun in the vectors' pages.
    pub handlers: u64,
    /// That ended in an interrupt, or came after one.
    pub interrupted: u64,
}

/// Whether a guest's processor refuses the row always: it is the hypervisor's, or transactional memory.
pub fn never_completes(name: &str) -> bool {
    let hypervisor = [
        "doze", "hrfid", "msgclr", "msgclru", "msgsnd", "msgsndu", "msgsync", "nap", "rvwinkle", "sleep",
        "tlbie", "urfid",
    ];
    name.ends_with("cix") || hypervisor.contains(&name) || TRANSACTIONAL.contains(&name)
}

/// Steps through programs instruction by instruction.
pub fn reach(seeds: std::ops::Range<u64>, steps: u64) -> Reach {
    let mut reach = Reach::default();
    for seed in seeds {
        let world = World::of(seed);
        let mut side = Side::new(&world, How::By(EngineKind::Interp));
        let mut stuck = false;
        for number in 0..steps {
            let mut random = Random::new(seed << 16 ^ number);
            for event in before_step(&world, stuck, &mut random) {
                side.apply(&world, &event);
            }
            stuck = (0..random.below(600))
                .any(|_| matches!(reach.step(&world, &mut side), Exit::Hung | Exit::Halted));
        }
    }
    reach
}

impl Reach {
    fn step(&mut self, world: &World, side: &mut Side) -> Exit {
        let cpu = side.cpu();
        let (at, msr, icount) = (cpu.cia, cpu.msr, cpu.icount);
        let word = fetched(cpu);
        let exit = side.run(icount + 1, None);
        if exit == Exit::Hypercall {
            side.hypercalled(world);
        }
        self.begun += 1;
        self.problem += u64::from(msr & msr::PR != 0);
        self.relocated += u64::from(msr & msr::DR != 0);
        self.handlers +=
            u64::from(VECTORS.iter().any(|base| (base..&(base + 0x1000)).contains(&&(at & 0xf_ffff))));
        let row = word.and_then(|word| decode(word, world.setup.model.isa));
        let bytes = u64::from(word.map_or(4, Word::bytes));
        let cpu = side.cpu();
        match row {
            // Wherever these go, they have been there; what returns from interrupts goes anywhere, too.
            Some(row) if row.chapter == Chapter::Branch || cpu.cia == cpu.wrap(at.wrapping_add(bytes)) => {
                *self.completed.entry(row.name).or_default() += 1;
            }
            Some(row) if ["rfid", "rfscv", "rfebb"].contains(&row.name) && msr & msr::PR == 0 => {
                *self.completed.entry(row.name).or_default() += 1;
            }
            _ => self.interrupted += 1,
        }
        exit
    }
}
