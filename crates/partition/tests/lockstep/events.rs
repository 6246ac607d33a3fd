//! What happens to a machine between two runs of its processor: devices, hypercalls, migrations, a debugger.

use crate::layout::{DATA, RAM};
use crate::shared::operands::{fpscr, vscr};
use crate::shared::random::{Flavour, Random, integer, vector};
use crate::space::rights;
use crate::word::{BASES, OFFSETS};
use crate::world::World;
use hpt::hcall::{H_CLEAR_MOD, H_CLEAR_REF, H_ENTER, H_PROTECT, H_REMOVE};
use ppc_core::watchpoint::{DAWRX_DR, DAWRX_DW, DAWRX_MRD_SHIFT, DAWRX_PNH, DAWRX_PRO, DAWRX_WT, DAWRX_WTI};

/// One event.
#[derive(Clone, Debug)]
pub enum Event {
    /// The program begins at a block, with another MSR; SLB and authority masks are as they were.
    Begin { pc: u64, msr: u64 },
    /// Registers get values that are worth computing with.
    Registers(Vec<(String, u128)>),
    /// Somebody writes to memory.
    Write(u64, Vec<u8>),
    /// Vectors, tables and programs are written again.
    Image,
    /// The external interrupt line.
    External(bool),
    /// A system reset is pending.
    SystemReset,
    /// A doorbell is pending.
    Doorbell,
    /// Dirty marks of RAM are taken.
    TakeRam,
    /// Dirty marks of the hash table are taken.
    TakeTable,
    /// A hypercall on the entry of one of the mappings.
    Table { number: u64, mapping: usize, rights: u64 },
    /// A hypercall sets the watchpoint: DAWR0 and DAWRX0.
    Watchpoint { number: usize, dawr: u64, dawrx: u64 },
    /// Somebody watches ranges: first and last byte, kinds, and whether the addresses are real.
    Watch(Vec<(u64, u64, u8, bool)>),
    /// Decoded code is dropped.
    ForgetCode,
    /// An idle processor's time jumps to its decrementer's.
    Idle,
    /// The processor waits for an interrupt.
    Cede,
}

/// The events before the run of one step.
pub fn before_step(world: &World, stuck: bool, random: &mut Random) -> Vec<Event> {
    let mut events = Vec::new();
    if stuck || random.once_in(10) {
        events.push(begin(world, random));
    }
    if random.once_in(12) {
        events.push(registers(world, random));
    }
    if random.once_in(24) {
        events.push(Event::Image);
    }
    if random.once_in(24) {
        let at = DATA.start + random.below(DATA.end - DATA.start - 64);
        let bytes = (0..random.below(64)).map(|_| random.next() as u8).collect();
        events.push(Event::Write(at, bytes));
    }
    if random.once_in(24) {
        let block = random.of(&world.blocks[0]);
        let word = random.of(&world.patches);
        let bytes = if world.setup.little { word.to_le_bytes() } else { word.to_be_bytes() };
        events.push(Event::Write(block + 4 * random.below(4), bytes.to_vec()));
    }
    // Problem state cannot turn it off: one that stays up would leave nothing but its handler.
    events.push(Event::External(random.once_in(16)));
    if random.once_in(40) {
        events.push(random.of(&[0u8, 1, 2, 3]).into());
    }
    if random.once_in(16) {
        events.push(Event::TakeRam);
    }
    if random.once_in(16) {
        events.push(Event::TakeTable);
    }
    if random.once_in(6) {
        events.extend(table(world, random));
    }
    if random.once_in(3) {
        events.push(watchpoint(world, random));
    }
    if random.once_in(12) {
        events.push(watch(world, random));
    }
    events
}

impl From<u8> for Event {
    /// One of the rare ones.
    fn from(n: u8) -> Self {
        match n {
            0 => Self::SystemReset,
            1 => Self::Doorbell,
            2 => Self::ForgetCode,
            _ => Self::Idle,
        }
    }
}

/// The program begins somewhere.
pub fn begin(world: &World, random: &mut Random) -> Event {
    let which = usize::from(random.once_in(6));
    let little = world.setup.little != (which == 1);
    Event::Begin { pc: random.of(&world.blocks[which]), msr: world.setup.msr(little, random) }
}

/// Values for the registers.
pub fn registers(world: &World, random: &mut Random) -> Event {
    let mut all = Vec::new();
    for n in 0..32 {
        let value = match n {
            n if BASES.contains(&n) => random.of(&world.addresses),
            n if OFFSETS.contains(&n) => random.below(32),
            _ => integer(random),
        };
        all.push((format!("r{n}"), value.into()));
    }
    for n in 0..64 {
        let flavour = random.of(&[
            Flavour::Bits,
            Flavour::Double,
            Flavour::Single,
            Flavour::Integer,
            Flavour::Half,
            Flavour::Bfloat16,
        ]);
        all.push((format!("vs{n}"), vector(random, flavour)));
    }
    all.push(("fpscr".to_owned(), fpscr(random).into()));
    all.push(("vscr".to_owned(), vscr(random).into()));
    all.push(("cr".to_owned(), (random.next() & 0xffff_ffff).into()));
    all.push(("xer".to_owned(), (random.next() & 0xe00c_007f).into()));
    all.push(("dec".to_owned(), random.below(2 * world.setup.decrementer).into()));
    // Facilities: system call vectored, TAR, DSCR.
    let fscr: u64 = if random.once_in(6) { 0 } else { 0x3104 };
    all.push(("fscr".to_owned(), fscr.into()));
    if random.once_in(2) {
        all.push(("dexcr".to_owned(), random.next().into()));
    }
    Event::Registers(all)
}

/// A watchpoint on data, by one of its names, or none: a handler of its interrupts must reach its tables.
pub fn watchpoint(world: &World, random: &mut Random) -> Event {
    let number = if world.setup.model.watchpoints > 1 { random.below(2) as usize } else { 0 };
    let dawr = random.of(&world.addresses);
    if !DATA.contains(&(dawr & (RAM - 1))) || random.once_in(3) {
        return Event::Watchpoint { number, dawr: 0, dawrx: 0 };
    }
    // A doubleword is seldom hit, a whole block more often.
    let (dawr, more) = random.of(&[(dawr, 0), (dawr, 1), (dawr, 7), (dawr & !511, 63), (dawr & !511, 63)]);
    let states = random.of(&[DAWRX_PNH | DAWRX_PRO, DAWRX_PNH | DAWRX_PRO, DAWRX_PNH, DAWRX_PRO]);
    let kinds = random.of(&[DAWRX_DR, DAWRX_DW, DAWRX_DR | DAWRX_DW]);
    let relocation = random.of(&[DAWRX_WTI, DAWRX_WTI, DAWRX_WT, 0]);
    Event::Watchpoint { number, dawr, dawrx: more << DAWRX_MRD_SHIFT | states | kinds | relocation }
}

/// What is watched: code and data, by effective and by real addresses, or nothing.
pub fn watch(world: &World, random: &mut Random) -> Event {
    let one = |random: &mut Random| {
        let real = random.once_in(2);
        let data = random.of(&world.addresses);
        let first = match random.below(4) {
            0 => random.of(&world.blocks[0]) + 4 * random.below(4),
            _ if real => data & (RAM - 1),
            _ => data,
        };
        let more = random.of(&[0, 3, 7, 63, 0x1fff]);
        (first, first.saturating_add(more), 1 + random.below(7) as u8, real)
    };
    let count = random.below(4);
    Event::Watch((0..count).map(|_| one(random)).collect())
}

/// A change of the hash table, if there is one in use.
pub fn table(world: &World, random: &mut Random) -> Option<Event> {
    let pages = world.space.pages.len() as u64;
    let number = random.of(&[H_REMOVE, H_ENTER, H_ENTER, H_PROTECT, H_CLEAR_REF, H_CLEAR_MOD]);
    (pages > 0).then(|| Event::Table {
        number,
        mapping: random.below(pages) as usize,
        rights: rights(random),
    })
}
