//! Runs two engines side by side from a seed, and finds the instruction after which they differ.

use crate::compare::{differences, same, same_digests};
use crate::events::{Event, before_step};
use crate::shared::random::Random;
use crate::side::{Plant, Side};
use crate::world::World;
use ppc_core::{exit::Exit, insn::disas, interp::EngineKind, mmu::Access};

/// Runs of one seed.
pub const STEPS: u64 = 120;
/// Steps between looks at the digests.
const DIGESTS: u64 = 40;

/// One seed's machines, under way.
pub struct Pair<'a> {
    world: &'a World,
    plant: Option<&'a Plant>,
    interp: Side,
    jit: Side,
    hung: bool,
}

/// Where two engines differ.
#[derive(Debug)]
pub struct Difference {
    /// The instruction count after which they do.
    pub icount: u64,
    /// Everything there is to say.
    pub report: String,
}

/// One step: events, then a run of this many instructions.
struct Step {
    events: Vec<Event>,
    budget: u64,
}

impl<'a> Pair<'a> {
    /// Both machines at the beginning.
    pub fn new(world: &'a World, plant: Option<&'a Plant>) -> Self {
        let interp = Side::new(world, EngineKind::Interp);
        let jit = Side::new(world, EngineKind::Jit);
        Self { world, plant, interp, jit, hung: false }
    }

    fn step(&self, number: u64) -> Step {
        let mut random = Random::new(self.world.setup.seed << 16 ^ number ^ 0x57e9 << 40);
        let events = before_step(self.world, self.hung, &mut random);
        let longest = random.of(&[4, 40, 400, 1000, 1000, 4000]);
        Step { events, budget: 1 + random.below(longest) }
    }

    fn begin(&mut self, step: &Step) -> bool {
        for event in &step.events {
            self.interp.apply(self.world, event);
            self.jit.apply(self.world, event);
        }
        same(&self.interp, &self.jit)
    }

    fn icount(&self) -> u64 {
        self.interp.engine.cpu.icount
    }

    /// Runs both to `until`. False: they differ.
    fn run(&mut self, until: u64) -> bool {
        loop {
            let exit = self.interp.run(until, None);
            let other = self.jit.run(until, self.plant);
            if exit != other || !same(&self.interp, &self.jit) {
                return false;
            }
            match exit {
                Exit::Hypercall => {
                    self.interp.hypercalled(self.world);
                    self.jit.hypercalled(self.world);
                }
                exit => {
                    self.hung = exit == Exit::Hung;
                    return same(&self.interp, &self.jit);
                }
            }
        }
    }

    /// The machines as they are after `steps` whole steps and `count` instructions of the next.
    fn replayed(world: &'a World, plant: Option<&'a Plant>, steps: u64, count: u64) -> (Self, bool) {
        let mut pair = Self::new(world, plant);
        for number in 0..steps {
            let step = pair.step(number);
            pair.begin(&step);
            pair.run(pair.icount() + step.budget);
        }
        let step = pair.step(steps);
        let mut agree = pair.begin(&step);
        if agree && count > 0 {
            agree = pair.run(pair.icount() + count);
        }
        (pair, agree)
    }

    fn describe(&mut self) -> String {
        let cpu = &mut self.interp.engine.cpu;
        let at = cpu.cia;
        let word = cpu.peek_translation(at, Access::Fetch).and_then(|ra| cpu.ram.read::<u32>(ra));
        let instruction = match word {
            Some(raw) => {
                let word = if cpu.le() { raw } else { raw.swap_bytes() };
                format!("{word:#010x} {}", disas::disassemble(word, at, cpu.model.isa))
            }
            None => "not mapped".to_owned(),
        };
        format!("{at:#x}: {instruction} (MSR {:#x})", cpu.msr)
    }
}

/// Runs one seed. `Ok`: instructions.
pub fn run(seed: u64, plant: Option<&Plant>) -> Result<u64, Difference> {
    let world = World::of(seed);
    let mut pair = Pair::new(&world, plant);
    for number in 0..STEPS {
        let step = pair.step(number);
        let start = pair.icount();
        let looked = number % DIGESTS == DIGESTS - 1;
        let agree = pair.begin(&step)
            && pair.run(start + step.budget)
            && (!looked || same_digests(&pair.interp, &pair.jit));
        if !agree {
            let seen = differences(&pair.interp, &pair.jit);
            return Err(bisect(&world, plant, number, step.budget, &seen));
        }
    }
    Ok(pair.icount())
}

/// The first instruction of step `steps` after which the engines differ; `seen` is how they differed at its end.
fn bisect(world: &World, plant: Option<&Plant>, steps: u64, budget: u64, seen: &[String]) -> Difference {
    let (mut good, mut bad) = (None, budget);
    let mut low = 0;
    while low < bad {
        let middle = low + (bad - low) / 2;
        if Pair::replayed(world, plant, steps, middle).1 {
            (good, low) = (Some(middle), middle + 1);
        } else {
            bad = middle;
        }
    }
    let before = good.map(|count| Pair::replayed(world, plant, steps, count).0.describe());
    let (mut after, agree) = Pair::replayed(world, plant, steps, bad);
    let setup = &world.setup;
    let mut report = format!("seed {}: {}\n", setup.seed, setup.describe());
    let events = after.step(steps).events;
    report += &format!("step {steps}, instruction {bad} of it, count {}\n", after.icount());
    match before {
        Some(instruction) => report += &format!("after {instruction}\n"),
        None => report += &format!("before any instruction, after {events:?}\n"),
    }
    report += &format!("now {}\n", after.describe());
    report += "interp / jit:\n";
    let found = differences(&after.interp, &after.jit);
    if agree {
        report +=
            "    not this time: it depends on something beside the seed; before, at the end of the step:\n";
    }
    for line in if agree { seen } else { &found } {
        report += &format!("    {line}\n");
    }
    report += &format!(
        "again: PYSPAPR_LOCKSTEP_SEED={} cargo test --release -p ppc-core --test lockstep",
        setup.seed
    );
    Difference { icount: after.icount(), report }
}
