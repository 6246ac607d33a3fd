//! Runs two engines side by side from a seed, and finds the instruction after which they differ.

use crate::compare::{differences, same, same_digests};
use crate::events::{Event, before_step};
use crate::shared::random::Random;
use crate::side::{How, Plant, Side};
use crate::world::World;
use partition::Exit;
use ppc_core::{fields::Word, insn::disas, mmu::Access, state::Cpu};

/// Instructions that a report lists.
const LISTED: u64 = 24;
/// Steps between looks at the digests.
const DIGESTS: u64 = 40;

/// One seed's machines, under way.
pub struct Pair<'a> {
    world: &'a World,
    plant: Option<&'a Plant>,
    hows: [How; 2],
    a: Side,
    b: Side,
    stuck: bool,
    /// How the latest run ended on either machine.
    exits: [Exit; 2],
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
    pub fn new(world: &'a World, hows: [How; 2], plant: Option<&'a Plant>) -> Self {
        let [a, b] = hows.map(|how| Side::new(world, how));
        Self { world, plant, hows, a, b, stuck: false, exits: [Exit::Limit; 2] }
    }

    fn step(&self, number: u64) -> Step {
        let mut random = Random::new(self.world.setup.seed << 16 ^ number ^ 0x57e9 << 40);
        let events = before_step(self.world, self.stuck, &mut random);
        let longest = random.of(&[4, 40, 400, 1000, 1000, 4000]);
        Step { events, budget: 1 + random.below(longest) }
    }

    fn begin(&mut self, step: &Step) -> bool {
        for event in &step.events {
            self.a.apply(self.world, event);
            self.b.apply(self.world, event);
        }
        same(&self.a, &self.b)
    }

    fn icount(&self) -> u64 {
        self.a.cpu().icount
    }

    /// Runs both to `until`. False: they differ.
    fn run(&mut self, until: u64) -> bool {
        loop {
            // A planted difference is looked for before anything can hide it.
            let planted = self.plant.map_or(until, |plant| plant.at);
            let stop = if (self.icount() + 1..until).contains(&planted) { planted } else { until };
            let exit = self.a.run(stop, None);
            let other = self.b.run(stop, self.plant);
            self.exits = [exit, other];
            if exit != other || !same(&self.a, &self.b) {
                return false;
            }
            match exit {
                Exit::Hypercall => {
                    self.a.hypercalled(self.world);
                    self.b.hypercalled(self.world);
                }
                Exit::Limit if stop < until => {}
                exit => {
                    self.stuck = matches!(exit, Exit::Hung | Exit::Halted);
                    return same(&self.a, &self.b);
                }
            }
        }
    }

    /// The machines as they are after `steps` whole steps and `count` instructions of the next.
    fn replayed(&self, steps: u64, count: u64) -> (Self, bool) {
        let mut pair = Self::new(self.world, self.hows, self.plant);
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

    /// The instructions on the way from here to the difference, by the first machine.
    fn listing(&mut self, until: u64) -> String {
        let mut lines = String::new();
        while self.icount() < until {
            lines += &format!("    {}\n", self.describe());
            if self.a.run(self.icount() + 1, None) == Exit::Hypercall {
                self.a.hypercalled(self.world);
            }
        }
        lines
    }

    fn describe(&self) -> String {
        let cpu = self.a.cpu();
        let at = cpu.cia;
        let instruction = match fetched(cpu) {
            Some(word) => format!("{:#010x} {}", word.0, disas::disassemble(word, at, cpu.model.isa)),
            None => "not mapped".to_owned(),
        };
        format!("{at:#x}: {instruction} (MSR {:#x})", cpu.msr)
    }
}

/// The instruction that is next. None with a prefix lies in two pages.
pub fn fetched(cpu: &Cpu) -> Option<Word> {
    let real = cpu.peek_translation(cpu.cia, Access::Fetch)?;
    let word = |ra| cpu.ram.read::<u32>(ra).map(|raw| if cpu.le() { raw } else { raw.swap_bytes() });
    let first = word(real)?;
    let prefix = first >> 26 == Word::PREFIX && cpu.model.isa.has_prefixes();
    Some(if prefix { Word::prefixed(first, word(real + 4).unwrap_or(0)) } else { Word::from(first) })
}

/// Runs one seed. `Ok`: instructions, and how many of them the second machine ran as compiled code.
pub fn run(seed: u64, hows: [How; 2], steps: u64, plant: Option<&Plant>) -> Result<(u64, u64), Difference> {
    let world = World::of(seed);
    let mut pair = Pair::new(&world, hows, plant);
    for number in 0..steps {
        let step = pair.step(number);
        let start = pair.icount();
        let looked = number % DIGESTS == DIGESTS - 1;
        let agree =
            pair.begin(&step) && pair.run(start + step.budget) && (!looked || same_digests(&pair.a, &pair.b));
        if !agree {
            return Err(bisect(&pair, number, step.budget));
        }
    }
    Ok((pair.icount(), pair.b.vcpu().engine.compiled))
}

/// The first instruction of step `steps` after which the machines differ, which at its end were as in `seen`.
fn bisect(seen: &Pair<'_>, steps: u64, budget: u64) -> Difference {
    let (mut good, mut bad) = (None, budget);
    let mut low = 0;
    while low < bad {
        let middle = low + (bad - low) / 2;
        if seen.replayed(steps, middle).1 {
            (good, low) = (Some(middle), middle + 1);
        } else {
            bad = middle;
        }
    }
    let before = good.map(|count| seen.replayed(steps, count).0.describe());
    let (after, agree) = seen.replayed(steps, bad);
    let setup = &seen.world.setup;
    let mut report = format!("seed {}: {}\n", setup.seed, setup.describe());
    let events = after.step(steps).events;
    report += &format!("step {steps}, instruction {bad} of it, count {}\n", after.icount());
    match before {
        Some(instruction) => {
            report += &format!("after {instruction}\n");
            report += "compiled code runs when a whole block fits into the budget, so look at all of the last one:\n";
            report += &seen.replayed(steps, bad.saturating_sub(LISTED)).0.listing(after.icount());
        }
        None => report += &format!("before any instruction, after {events:?}\n"),
    }
    report += &format!("now {}\n", after.describe());
    report += "the first / the second:\n";
    if after.exits[0] != after.exits[1] {
        report += &format!("    exit: {:?} / {:?}\n", after.exits[0], after.exits[1]);
    }
    let found = differences(&after.a, &after.b);
    if agree {
        report +=
            "    not this time: it depends on something beside the seed; before, at the end of the step:\n";
    }
    for line in if agree { differences(&seen.a, &seen.b) } else { found } {
        report += &format!("    {line}\n");
    }
    report += &format!(
        "again: PYSPAPR_LOCKSTEP_SEED={} cargo test --release -p partition --test lockstep",
        setup.seed
    );
    Difference { icount: after.icount(), report }
}
