//! One of the two machines: an engine with its own memory and hash table.

use crate::events::{self, Event};
use crate::layout::{DATA, WINDOW};
use crate::shared::random::Random;
use crate::world::World;
use hpt::{
    DirtyEntry, Hpt, Outcome,
    hcall::H_ENTER,
    hpte::{R_RPN, R_WIMG},
};
use partition::{Exit, Partition, Question, Vcpu};
use ppc_core::ram::RealAddr;
use ppc_core::{
    engine::{Engine, EngineKind},
    ram::{Ram, RamPass},
    slb::SlbEntry,
    state::Cpu,
    watch::Watch,
};
use std::{convert::Infallible, sync::Arc};
use track::{Marks, Start};

/// How a machine runs its instructions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By an engine.
    By(EngineKind),
    /// By the interpreter, one by one, and every cache is dropped before each.
    WithoutCaches,
}

/// One machine.
pub struct Side {
    partition: Partition,
    how: How,
    /// Where each mapping is in the hash table.
    entries: Vec<Option<u64>>,
    /// What was seen from outside, by the device behind the window and by who watches, and how often.
    device: (u64, u64),
}

/// A register that one side finds changed at some instruction: what a wrong engine would do.
#[derive(Clone, Debug)]
pub struct Plant {
    /// The instruction count.
    pub at: u64,
    /// The register.
    pub register: &'static str,
}

impl Side {
    /// The machine that `world` begins with.
    pub fn new(world: &World, how: How) -> Self {
        let setup = &world.setup;
        let ram = Arc::new(Ram::new(setup.ram()).expect("memory"));
        let table = Arc::new(Hpt::new(18).expect("a table"));
        let kind = match how {
            How::By(kind) => kind,
            How::WithoutCaches => EngineKind::Interp,
        };
        let mut engine = Engine::with_kind(Cpu::new(setup.model, ram, table), kind);
        engine.compile_after = setup.compile_after;
        let cpu = &mut engine.cpu;
        cpu.random_state = setup.seed;
        let set = cpu.set_register("lpcr", setup.lpcr.into());
        set.expect("LPCR is a register");
        let mut partition = Partition::new(vec![Vcpu::new(engine)]);
        if setup.window {
            partition.set_windows(&[(setup.ram(), WINDOW)]).expect("behind RAM");
        }
        let mut side = Self { partition, how, entries: Vec::new(), device: (setup.seed, 0) };
        for mapping in &world.space.pages {
            let ptex = mapping.group(side.cpu().hpt.groups());
            let entered = side.hypercall(H_ENTER, &[0, ptex, mapping.v, mapping.r]);
            side.entries.push(entered.out().first().copied());
        }
        let mut random = Random::new(setup.seed ^ 0x1000);
        side.apply(world, &Event::Image);
        side.apply(world, &Event::Write(DATA.start, world.data.clone()));
        side.apply(world, &Event::Begin { pc: world.blocks[0][0], msr: setup.first_msr() });
        side.apply(world, &events::registers(world, &mut random));
        side.apply(world, &Event::TakeRam);
        side
    }

    /// The processor and its engine.
    pub fn vcpu(&self) -> &Vcpu {
        &self.partition.vcpus[0]
    }

    fn vcpu_mut(&mut self) -> &mut Vcpu {
        &mut self.partition.vcpus[0]
    }

    /// The processor.
    pub fn cpu(&self) -> &Cpu {
        &self.vcpu().engine.cpu
    }

    fn hypercall(&mut self, number: u64, args: &[u64]) -> Outcome {
        let mut all = [0; 9];
        all[..args.len()].copy_from_slice(args);
        self.partition.hypercall(0, number, &all).expect("a native hypercall")
    }

    /// Lets an event happen.
    pub fn apply(&mut self, world: &World, event: &Event) {
        let vcpu = self.vcpu_mut();
        let cpu = &mut vcpu.engine.cpu;
        match event {
            Event::Begin { pc, msr } => {
                vcpu.halted = false;
                for i in 0..cpu.slb.entries().len() {
                    cpu.slb.set(i, world.space.slb.get(i).copied().unwrap_or_default());
                }
                let masks = [("amr", world.space.amr), ("iamr", world.space.iamr), ("uamor", u64::MAX)];
                for (name, value) in masks.into_iter().chain([("msr", *msr), ("pc", *pc)]) {
                    cpu.set_register(name, value.into()).expect("a register");
                }
                cpu.flush_translations();
            }
            Event::Registers(values) => {
                for (name, value) in values {
                    cpu.set_register(name, *value).expect("a register");
                }
            }
            Event::Write(at, bytes) => cpu.ram.write_bytes(RealAddr(*at), bytes).expect("inside"),
            Event::Image => {
                for (at, bytes) in &world.image {
                    cpu.ram.write_bytes(RealAddr(*at), bytes).expect("inside");
                }
            }
            Event::External(level) => vcpu.set_external(*level),
            Event::SystemReset => vcpu.system_reset(),
            Event::Doorbell => {
                cpu.doorbell = true;
                cpu.request_event();
            }
            Event::TakeRam => {
                // The pass takes the marks when it starts.
                drop(RamPass::start(&cpu.ram, Start::Changes(Marks::Live)).expect("memory for the marks"));
                cpu.protect_writes();
            }
            Event::TakeTable => {
                cpu.hpt.take_dirty(0, usize::MAX, &mut Vec::new());
            }
            Event::Table { number, mapping, rights } => self.change_table(world, *number, *mapping, *rights),
            Event::Watchpoint { number, dawr, dawrx } => {
                cpu.set_dawr(*number, *dawr);
                cpu.set_dawrx(*number, *dawrx);
            }
            Event::Watch(ranges) => {
                let watch = |(owner, &(first, last, kinds, real)): (usize, &(u64, u64, u8, bool))| Watch {
                    owner: owner as u32,
                    first,
                    last,
                    kinds,
                    real,
                };
                self.partition.set_watches(ranges.iter().enumerate().map(watch).collect());
            }
            Event::ForgetCode => vcpu.engine.forget_code(),
            Event::Idle => vcpu.skip_to_deadline(),
            Event::Cede => vcpu.halted = true,
        }
    }

    fn change_table(&mut self, world: &World, number: u64, mapping: usize, rights: u64) {
        let page = &world.space.pages[mapping];
        if number == H_ENTER {
            let ptex = page.group(self.cpu().hpt.groups());
            // A second entry for the same page would match the same searches.
            if self.entries[mapping].is_none() {
                let r = page.r & (R_RPN | R_WIMG) | rights;
                self.entries[mapping] = self.hypercall(H_ENTER, &[0, ptex, page.v, r]).out().first().copied();
            }
        } else if let Some(ptex) = self.entries[mapping] {
            let args = if number == hpt::hcall::H_PROTECT { [rights, ptex, 0] } else { [0, ptex, 0] };
            self.hypercall(number, &args);
            if number == hpt::hcall::H_REMOVE {
                self.entries[mapping] = None;
            }
        }
    }

    /// What the hypervisor does about a hypercall. It depends on the instruction count only.
    pub fn hypercalled(&mut self, world: &World) {
        let mut random = Random::new(world.setup.seed ^ self.cpu().icount << 20);
        self.vcpu_mut().answer([random.below(3)]);
        let event = match random.below(8) {
            0 => Some(Event::Cede),
            1 => Some(Event::TakeRam),
            2 => Some(events::registers(world, &mut random)),
            _ => events::table(world, &mut random),
        };
        if let Some(event) = event {
            self.apply(world, &event);
        }
    }

    /// Runs to an instruction count or an exit before it.
    pub fn run(&mut self, until: u64, plant: Option<&Plant>) -> Exit {
        if let Some(plant) = plant
            && (self.cpu().icount + 1..=until).contains(&plant.at)
        {
            let exit = self.go(plant.at);
            if self.cpu().icount == plant.at {
                let cpu = &mut self.vcpu_mut().engine.cpu;
                let value = cpu.register(plant.register).expect("a register");
                cpu.set_register(plant.register, value ^ 1).expect("a register");
            }
            if exit != Exit::Limit {
                return exit;
            }
        }
        self.go(until)
    }

    fn go(&mut self, until: u64) -> Exit {
        if self.how != How::WithoutCaches {
            return self.run_all(until);
        }
        while self.cpu().icount < until {
            let engine = &mut self.vcpu_mut().engine;
            engine.forget_code();
            engine.cpu.flush_translations();
            let next = engine.cpu.icount + 1;
            let exit = self.run_all(next);
            if exit != Exit::Limit {
                return exit;
            }
        }
        Exit::Limit
    }

    fn run_all(&mut self, until: u64) -> Exit {
        loop {
            let Ok(mut exit) = self.partition.run(0, until, || Ok::<_, Infallible>(false));
            loop {
                let next = match exit {
                    Exit::Asks(Question::Mmio { address, size, write }) => {
                        let value = self.device(address.0, size, write);
                        self.partition.answer(0, value)
                    }
                    Exit::Asks(Question::Watched { owner, kind, ea, address, size, stored }) => {
                        let stored = stored.map_or(0, |bytes| u128::from_le_bytes(bytes) as u64);
                        self.hear(&[owner.into(), kind as u64, ea, address.0, size, stored]);
                        None
                    }
                    exit => return exit,
                };
                match next {
                    Some(next) => exit = next,
                    None => break,
                }
            }
        }
    }

    /// What the device answers depends on all that it has seen. Now and then it interrupts.
    fn device(&mut self, address: u64, size: u8, write: Option<u64>) -> u64 {
        let mix = self.hear(&[address, size.into(), write.map_or(1, |value| value << 1)]);
        if mix.is_multiple_of(8) {
            self.vcpu_mut().set_external(true);
        }
        Random::new(mix ^ 1).next()
    }

    /// Notes what was seen from outside, and when; returns the digest of all of it.
    fn hear(&mut self, values: &[u64]) -> u64 {
        let count = self.cpu().icount;
        let fold = |mix: u64, value: u64| Random::new(mix ^ value).next();
        let mix = values.iter().copied().chain([count]).fold(self.device.0, fold);
        self.device = (mix, self.device.1 + 1);
        mix
    }

    /// A digest of every access to the device and to what is watched, and their number.
    pub fn accesses(&self) -> (u64, u64) {
        self.device
    }

    /// The SLB.
    pub fn slb(&self) -> &[SlbEntry] {
        self.cpu().slb.entries()
    }

    /// The dirty entries of the hash table.
    pub fn dirty_entries(&self) -> Vec<DirtyEntry> {
        let mut all = Vec::new();
        self.cpu().hpt.for_each_dirty(0, |entry| {
            all.push(entry);
            true
        });
        all
    }
}
