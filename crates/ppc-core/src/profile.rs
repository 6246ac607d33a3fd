//! What a profile counts: where instructions were executed and by which engine, host time, and exits from the guest's
//! code.
//!
//! Every [`PERIOD`] instructions the engine looks where the guest stands; the count is exact, so two runs of one
//! configuration have the same samples on every engine. Nothing here is state of the guest, and without a profile no
//! clock is read.

use crate::{interrupt::Vector, trap::Trap};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Instructions between two samples: a prime, so that no loop keeps step with it.
pub const PERIOD: u64 = 99_991;
/// Addresses that are counted separately.
const MOST_ADDRESSES: usize = 1 << 20;
/// The address of samples when there are more than `MOST_ADDRESSES`; no instruction is here.
pub const ELSEWHERE: u64 = u64::MAX;
/// Hypercalls have numbers up to here; others are counted as [`ELSEWHERE`].
const LAST_HYPERCALL: u64 = 0xffff;

/// Where host time is spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// Instructions one by one.
    Interpreter,
    /// Compiled code and the functions that it calls.
    Compiled,
    /// Making it.
    Compiling,
    /// Finding code, taking interrupts, looking at events.
    Between,
    /// Hypercalls with a native handler.
    Hypercalls,
    /// Everything else: the caller.
    Outside,
}

/// Names of [`Tier`]s, in their order.
pub const TIERS: [&str; 6] = [
    "interpreter",
    "compiled code",
    "compiling",
    "between: lookups, interrupts, events",
    "native hypercalls",
    "Python and idle",
];

/// Why compiled code was left, other than for an interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitReason {
    /// A direct branch that was not linked, or whose link is stale.
    Unlinked,
    /// An indirect branch whose target is not in the table.
    Missed,
    /// A context-synchronising instruction.
    ContextSynchronising,
    /// An event was requested.
    Event,
    /// The end of a budget, or a deadline of the decrementer.
    Limit,
    /// A facility is off that the next block needs.
    Facility,
    /// A store to memory that holds decoded code.
    CodeModified,
    /// A hypercall from problem state.
    ProblemHypercall,
}

/// Names of [`ExitReason`]s, in their order.
const EXIT_REASONS: [&str; 8] = [
    "branch without a link",
    "indirect branch not in the table",
    "instruction that changes the context (rfid, mtmsrd, ...)",
    "event",
    "budget or deadline",
    "facility that is off",
    "store to decoded code",
    "hypercall from problem state",
];

/// The name of an interrupt in a profile; `None` if the trap is not an interrupt.
fn interrupt_name(trap: Trap) -> Option<&'static str> {
    Some(match trap {
        Trap::MachineCheck => "interrupt 0x200 machine check",
        Trap::DataStorage => "interrupt 0x300 data storage",
        Trap::DataSegment => "interrupt 0x380 data segment",
        Trap::InstStorage => "interrupt 0x400 instruction storage",
        Trap::InstSegment => "interrupt 0x480 instruction segment",
        Trap::Alignment => "interrupt 0x600 alignment",
        Trap::Illegal => "interrupt 0x700 program: illegal instruction",
        Trap::Privileged => "interrupt 0x700 program: privileged instruction",
        Trap::TrapInstruction => "interrupt 0x700 program: trap",
        Trap::FpEnabled => "interrupt 0x700 program: floating point",
        Trap::FpUnavailable => "interrupt 0x800 floating point unavailable",
        Trap::SystemCall => "interrupt 0xc00 system call",
        Trap::Trace => "interrupt 0xd00 trace",
        Trap::VecUnavailable => "interrupt 0xf20 vector unavailable",
        Trap::VsxUnavailable => "interrupt 0xf40 VSX unavailable",
        Trap::FacilityUnavailable => "interrupt 0xf60 facility unavailable",
        Trap::SystemCallVectored => "interrupt 0x3000 system call vectored",
        Trap::Hypercall | Trap::CodeModified | Trap::Asks => return None,
    })
}

/// How an interrupt that no instruction causes is called.
fn vector_name(vector: Vector) -> &'static str {
    match vector {
        Vector::SystemReset => "interrupt 0x100 system reset",
        Vector::External => "interrupt 0x500 external",
        Vector::Decrementer => "interrupt 0x900 decrementer",
        Vector::Doorbell => "interrupt 0xa00 doorbell",
        _ => "interrupt of another kind",
    }
}

/// The counters of a processor since profiling was turned on.
pub struct Profile {
    /// Instruction count up to which samples were taken.
    sampled: u64,
    /// Instructions in compiled code when it began.
    compiled: u64,
    samples: BTreeMap<u64, u64>,
    tier: Tier,
    since: Instant,
    times: [Duration; TIERS.len()],
    exits: BTreeMap<&'static str, u64>,
    /// Hypercalls that the caller handled, by number.
    hypercalls: BTreeMap<u64, u64>,
    /// Hypercalls with a native handler, by number.
    native_hypercalls: BTreeMap<u64, u64>,
}

/// What [`Profile::report`] gives.
pub struct Report {
    /// Instructions by address.
    pub samples: BTreeMap<u64, u64>,
    /// Instructions in the interpreter and in compiled code.
    pub instructions: [u64; 2],
    /// Host time by tier.
    pub times: [Duration; TIERS.len()],
    /// Ways out of the guest's code.
    pub exits: BTreeMap<&'static str, u64>,
    /// Hypercalls that the caller handled, by number.
    pub hypercalls: BTreeMap<u64, u64>,
    /// Hypercalls with a native handler, by number.
    pub native_hypercalls: BTreeMap<u64, u64>,
}

fn add(samples: &mut BTreeMap<u64, u64>, address: u64, instructions: u64) {
    let room = samples.len() < MOST_ADDRESSES || samples.contains_key(&address);
    *samples.entry(if room { address } else { ELSEWHERE }).or_default() += instructions;
}

impl Profile {
    /// An empty profile of a processor that has executed `icount` instructions, `compiled` of them in compiled code.
    pub fn new(icount: u64, compiled: u64) -> Self {
        Self {
            sampled: icount,
            compiled,
            samples: BTreeMap::new(),
            tier: Tier::Outside,
            since: Instant::now(),
            times: Default::default(),
            exits: BTreeMap::new(),
            hypercalls: BTreeMap::new(),
            native_hypercalls: BTreeMap::new(),
        }
    }

    /// The instruction count at which the next sample is due.
    pub fn next(&self) -> u64 {
        self.sampled + PERIOD
    }

    /// The instructions since the latest sample were executed around `address`.
    pub fn sample(&mut self, icount: u64, address: u64) {
        add(&mut self.samples, address, icount - self.sampled);
        self.sampled = icount;
    }

    /// The instruction count has become another without instructions: a state was loaded.
    pub fn restart_at(&mut self, icount: u64) {
        self.sampled = icount;
    }

    /// Host time is spent on `tier` from now on.
    pub fn switch(&mut self, tier: Tier) {
        if tier != self.tier {
            let now = Instant::now();
            self.times[self.tier as usize] += now - self.since;
            (self.tier, self.since) = (tier, now);
        }
    }

    /// Compiled code was left.
    pub fn left(&mut self, reason: ExitReason) {
        self.exit(EXIT_REASONS[reason as usize]);
    }

    /// An instruction ended in `trap`.
    pub fn trapped(&mut self, trap: Trap) {
        match interrupt_name(trap) {
            Some(name) => self.exit(name),
            None if trap == Trap::CodeModified => self.left(ExitReason::CodeModified),
            // Counted by number, when it is known who handles it.
            None => {}
        }
    }

    /// An interrupt was taken that no instruction caused.
    pub fn interrupted(&mut self, vector: Vector) {
        self.exit(vector_name(vector));
    }

    /// One more exit of this kind.
    pub fn exit(&mut self, name: &'static str) {
        *self.exits.entry(name).or_default() += 1;
    }

    /// One more hypercall.
    pub fn hypercall(&mut self, number: u64, native: bool) {
        let counts = if native { &mut self.native_hypercalls } else { &mut self.hypercalls };
        *counts.entry(if number <= LAST_HYPERCALL { number } else { ELSEWHERE }).or_default() += 1;
    }

    /// All of it, of a processor that now stands at `address` and has executed `icount` instructions, `compiled` of
    /// them in compiled code.
    pub fn report(&self, icount: u64, compiled: u64, address: u64) -> Report {
        let mut samples = self.samples.clone();
        if icount > self.sampled {
            add(&mut samples, address, icount - self.sampled);
        }
        let all = samples.values().sum::<u64>();
        let compiled = compiled - self.compiled;
        let mut times = self.times;
        times[self.tier as usize] += self.since.elapsed();
        Report {
            samples,
            instructions: [all.saturating_sub(compiled), compiled],
            times,
            exits: self.exits.clone(),
            hypercalls: self.hypercalls.clone(),
            native_hypercalls: self.native_hypercalls.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_is_in_a_sample() {
        let mut profile = Profile::new(1000, 400);
        profile.sample(1000 + PERIOD, 0x100);
        profile.sample(1000 + 2 * PERIOD, 0x200);
        let report = profile.report(1007 + 2 * PERIOD, 400 + PERIOD, 0x100);
        assert_eq!(report.samples, BTreeMap::from([(0x100, PERIOD + 7), (0x200, PERIOD)]));
        assert_eq!(report.instructions, [PERIOD + 7, PERIOD]);
    }

    #[test]
    fn a_guest_that_runs_everywhere_costs_bounded_memory() {
        let mut samples = BTreeMap::new();
        (0..MOST_ADDRESSES as u64 + 5).for_each(|n| add(&mut samples, 4 * n, 1));
        add(&mut samples, 0, 1);
        assert_eq!(samples.len(), MOST_ADDRESSES + 1);
        assert_eq!((samples[&0], samples[&ELSEWHERE]), (2, 5));
        let mut profile = Profile::new(0, 0);
        (0..1 << 20).for_each(|number| profile.hypercall(number, false));
        assert_eq!(profile.hypercalls.len(), 65_537);
    }

    #[test]
    fn all_time_belongs_to_a_tier() {
        let mut profile = Profile::new(0, 0);
        let begin = profile.since;
        for tier in [Tier::Between, Tier::Interpreter, Tier::Interpreter, Tier::Outside] {
            profile.switch(tier);
        }
        assert_eq!(profile.times.iter().sum::<Duration>(), profile.since - begin);
        assert_eq!(profile.times[Tier::Compiled as usize], Duration::ZERO);
    }

    #[test]
    fn names_are_as_many_as_what_they_name() {
        assert_eq!(Tier::Outside as usize, TIERS.len() - 1);
        assert_eq!(ExitReason::ProblemHypercall as usize, EXIT_REASONS.len() - 1);
    }
}
