//! `Vcpu`: one processor for Python, of a machine that may have several.

use crate::{
    error::{self, Error, Result},
    exit::{self, OUTPUT},
    fork::Presence,
    hpt::Hpt,
    memory,
    options::{Clock, Engine, Model},
    profile::profile,
    ram::Ram,
};
use partition::{Areas, Exit, Handler, Kick, Partition, Place, Question, Turn};
use ppc_core::{
    engine::Engine as Core,
    mmu::Access,
    msr, regs,
    slb::SlbEntry,
    state::Cpu,
    watch::{Stored, Watch},
};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyDict, PyTuple},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, TryLockError},
    time::{Duration, Instant},
};

/// Time between checks for Python's signals, so that Ctrl-C takes effect well within 50 ms.
const SIGNALS: Duration = Duration::from_millis(10);

/// Owner, kind, effective and real address, size, and what is about to be stored.
type Watched<S> = (u32, u8, u64, u64, u64, S);

/// Processors of a machine at most, and threads of a core.
pub const PROCESSORS: u32 = 64;
pub const THREADS: u32 = 8;

/// What processors are made of.
struct Group<'a> {
    ram: &'a Ram,
    hpt: &'a Hpt,
    model: Model,
    clock: Clock,
    strict: bool,
    seed: u64,
    engine: Engine,
}

impl Group<'_> {
    fn processors(&self, count: u32, threads: u32) -> Result<Inner> {
        memory::room(memory::PROCESSOR * count as usize)?;
        let ((ram, ram_presence), (hpt, hpt_presence)) = (self.ram.parts(), self.hpt.parts());
        let vcpu = |index: u32| {
            let mut cpu = Cpu::new(self.model.0, ram.clone(), hpt.clone());
            cpu.index = index;
            cpu.thread = [index % threads, threads];
            // Each its own random numbers.
            cpu.random_state = self.seed.wrapping_add(u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            cpu.clock = self.clock.into();
            let mut engine = Core::with_kind_among(cpu, self.engine.into(), count);
            engine.strict = self.strict;
            partition::Vcpu::new(engine)
        };
        Ok(Inner {
            partition: Partition::new((0..count).map(vcpu).collect()),
            presences: [ram_presence.clone(), hpt_presence.clone()],
            unimplemented: (0, 0),
            mmio: (0, 0, None),
            watched: (0, 0, 0, 0, 0, None),
        })
    }
}

struct Inner {
    partition: Partition,
    /// Of its RAM and of its hash table.
    presences: [Arc<Presence>; 2],
    /// Address and word of the latest EXIT_UNIMPLEMENTED.
    unimplemented: (u64, u64),
    /// Address, size and what is written of the latest EXIT_MMIO.
    mmio: (u64, u8, Option<u64>),
    /// The latest EXIT_WATCHED.
    watched: Watched<Stored>,
}

/// The state of a processor at some moment.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct VcpuState(Arc<partition::Frozen>);

/// One processor. `run` runs the whole machine and releases the GIL; `kick` may be called from any thread.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct Vcpu {
    inner: Arc<Mutex<Inner>>,
    index: usize,
    presence: Arc<Presence>,
    kick: Kick,
}

/// What is locked, seen from one of its processors.
struct Locked<'a> {
    inner: MutexGuard<'a, Inner>,
    index: usize,
}

impl Deref for Locked<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}

impl Locked<'_> {
    fn vcpu(&mut self) -> &mut partition::Vcpu {
        &mut self.inner.partition.vcpus[self.index]
    }

    fn cpu(&mut self) -> &mut Cpu {
        &mut self.vcpu().engine.cpu
    }
}

impl Vcpu {
    fn lock(&self) -> Result<Locked<'_>> {
        self.presence.check()?;
        let inner = match self.inner.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => return Err(error::BUSY),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        inner.presences.iter().try_for_each(|presence| presence.check())?;
        Ok(Locked { inner, index: self.index })
    }
}

impl Inner {
    /// The processors for Python.
    fn handles(self) -> Vec<Vcpu> {
        let (presence, kick) = (Presence::new(), self.partition.vcpus[0].kick().clone());
        let (count, inner) = (self.partition.vcpus.len(), Arc::new(Mutex::new(self)));
        let handle =
            |index| Vcpu { inner: inner.clone(), index, presence: presence.clone(), kick: kick.clone() };
        (0..count).map(handle).collect()
    }

    /// Keeps the details of an exit; returns its number.
    fn number(&mut self, exit: Exit) -> u32 {
        match exit {
            Exit::Unimplemented { cia, word } => self.unimplemented = (cia, word),
            Exit::Asks(Question::Mmio { address, size, write }) => self.mmio = (address.0, size, write),
            Exit::Asks(Question::Watched { owner, kind, ea, address, size, stored }) => {
                self.watched = (owner, kind as u8, ea, address.0, size, stored);
            }
            _ => {}
        }
        exit::number(&exit)
    }
}

#[pymethods]
impl Vcpu {
    #[new]
    #[pyo3(
        signature = (ram, hpt, model, *, index = 0, clock = Clock::Virtual, strict = false, seed = 0, engine = Engine::Jit),
        text_signature = "(ram, hpt, model, *, index=0, clock='virtual', strict=False, seed=0, engine='jit')",
    )]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments")]
    fn new(
        ram: &Ram,
        hpt: &Hpt,
        model: Model,
        index: u32,
        clock: Clock,
        strict: bool,
        seed: u64,
        engine: Engine,
    ) -> Result<Self> {
        let mut group = Group { ram, hpt, model, clock, strict, seed, engine }.processors(1, 1)?;
        group.partition.vcpus[0].engine.cpu.index = index;
        Ok(group.handles().swap_remove(0))
    }

    /// The `count` processors of one machine, in cores of `threads`, with numbers from 0. They have one clock, and take
    /// turns of exact numbers of instructions.
    #[staticmethod]
    #[pyo3(
        signature = (ram, hpt, model, count, *, threads = 1, clock = Clock::Virtual, strict = false, seed = 0, engine = Engine::Jit),
        text_signature = "(ram, hpt, model, count, *, threads=1, clock='virtual', strict=False, seed=0, engine='jit')",
    )]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments")]
    fn group(
        ram: &Ram,
        hpt: &Hpt,
        model: Model,
        count: u32,
        threads: u32,
        clock: Clock,
        strict: bool,
        seed: u64,
        engine: Engine,
    ) -> Result<Vec<Self>> {
        if !(1..=PROCESSORS).contains(&count) || !(1..=THREADS).contains(&threads) {
            return Err(Error::Config(format!(
                "{count} processors in cores of {threads} threads: wanted 1 to {PROCESSORS}, and 1 to {THREADS}"
            )));
        }
        Ok(Group { ram, hpt, model, clock, strict, seed, engine }.processors(count, threads)?.handles())
    }
    /// The state in which the first processor enters an operating system: 64-bit, big-endian, real mode, registers 0. All
    /// others are stopped.
    #[pyo3(signature = (*, pc, r3 = 0, r4 = 0, r5 = 0, r6 = 0, r7 = 0, msr = msr::SF | msr::ME))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, one a register")]
    fn reset(&self, pc: u64, r3: u64, r4: u64, r5: u64, r6: u64, r7: u64, msr: u64) -> Result<()> {
        let mut inner = self.lock()?;
        memory::room(memory::PROCESSOR)?;
        inner.partition.start_first(pc, [r3, r4, r5, r6, r7], msr);
        Ok(())
    }

    /// Starts this processor, which was stopped: as after `reset`, but with R3 and LPCR only.
    fn start(&self, pc: u64, r3: u64, lpcr: u64) -> Result<()> {
        let mut inner = self.lock()?;
        memory::room(memory::PROCESSOR)?;
        inner.partition.start(self.index, pc, [r3, 0, 0, 0, 0], msr::SF | msr::ME);
        let cpu = inner.cpu();
        cpu.lpcr = lpcr;
        cpu.context_changed();
        Ok(())
    }

    /// Runs the machine until something needs the caller, for processor `current`; returns one of the EXIT_ numbers.
    /// Instructions of all processors count.
    #[pyo3(signature = (max_instructions = None))]
    fn run(&self, py: Python<'_>, max_instructions: Option<u64>) -> Result<u32> {
        let mut inner = self.lock()?;
        let inner = &mut *inner;
        let _use = self.presence.enter()?;
        let [ram, hpt] = inner.presences.clone();
        let _uses = (ram.enter()?, hpt.enter()?);
        let end = max_instructions.map_or(u64::MAX, |n| inner.partition.instructions().saturating_add(n));
        let partition = &mut inner.partition;
        let exit = py.detach(|| {
            let mut looked = Instant::now();
            partition.run_all(end, || {
                if looked.elapsed() < SIGNALS {
                    return Ok(false);
                }
                Python::attach(|py| py.check_signals())?;
                looked = Instant::now();
                // The output may be interactive.
                Ok::<_, PyErr>(true)
            })
        })?;
        let waits = if partition.terminal.waits() { OUTPUT } else { 0 };
        Ok(inner.number(exit) | waits)
    }

    /// Lets output of the terminal's hypercalls wait here, for `take_output`. A hypercall that completes one of `endings`
    /// is left to the caller: each is a row of sets, and a set says in bit `b % 8` of byte `b / 8` whether it has byte `b`.
    /// `tail` is what was printed before. ValueError for a set that has not 32 bytes.
    fn open_terminal(&self, endings: Vec<Vec<Vec<u8>>>, tail: &[u8]) -> PyResult<()> {
        let sets = endings
            .into_iter()
            .map(|ending| ending.into_iter().map(<[u8; 32]>::try_from).collect())
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| PyValueError::new_err("a set of bytes has 32 bytes"))?;
        self.lock()?.partition.terminal.open(sets, tail);
        Ok(())
    }

    /// Leaves the terminal's hypercalls to the caller again.
    fn close_terminal(&self) -> Result<()> {
        self.lock()?.partition.terminal.close();
        Ok(())
    }

    /// There is no input until `kick` is called; the guest is answered without asking the caller.
    fn silence_terminal(&self) -> Result<()> {
        self.lock()?.partition.terminal.silence();
        Ok(())
    }

    /// Output of the guest that was not taken yet.
    fn take_output<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.lock()?.partition.terminal.take()))
    }

    /// Begins or ends a profile. The guest cannot tell.
    fn set_profiling(&self, on: bool) -> Result<()> {
        self.lock()?.vcpu().engine.set_profiling(on);
        Ok(())
    }

    /// What was counted since `set_profiling(True)`, by name; `samples` are pairs of an address and the instructions
    /// executed around it. `None` when nothing was to be counted.
    fn profile<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyDict>>> {
        let mut inner = self.lock()?;
        let Some(report) = inner.vcpu().engine.report() else { return Ok(None) };
        let name = |number| inner.partition.hypercalls.name(number);
        profile(py, report, name).map(Some).map_err(Into::into)
    }

    /// Makes `run` return soon, from any thread; if it is not running, its next call returns at once.
    fn kick(&self) {
        self.kick.kick();
    }

    /// What executes instructions: "interp" or "jit".
    #[getter]
    fn engine(&self) -> Result<&'static str> {
        Ok(Engine::from(self.lock()?.vcpu().engine.kind()).name())
    }

    /// Bytes of memory that decoded and compiled code take, and what either may take at most.
    #[getter]
    fn code_bytes(&self) -> Result<(usize, usize, usize)> {
        let mut inner = self.lock()?;
        let engine = &inner.vcpu().engine;
        let (decoded, compiled) = engine.code_bytes();
        Ok((decoded, compiled, engine.most_code_bytes()))
    }

    /// The number of the processor that has the turn: the one that `run` ended for.
    #[getter]
    fn current(&self) -> Result<usize> {
        Ok(self.lock()?.partition.turn().current)
    }

    /// The processor that has the turn, and its instruction count at which the turn ends.
    #[getter]
    fn turn(&self) -> Result<(usize, u64)> {
        let Turn { current, ends } = self.lock()?.partition.turn();
        Ok((current, ends))
    }

    #[setter]
    fn set_turn(&self, turn: (usize, u64)) -> Result<()> {
        let (current, ends) = turn;
        if self.lock()?.partition.set_turn(Turn { current, ends }) {
            Ok(())
        } else {
            Err(Error::Value(format!(
                "a turn of processor {current} until instruction {ends}: there is no such one"
            )))
        }
    }

    /// The turn is over; the next is that of processor `target`, if that does not wait.
    #[pyo3(signature = (target = None))]
    fn confer(&self, target: Option<usize>) -> Result<()> {
        self.lock()?.partition.confer(target);
        Ok(())
    }

    /// Instructions of all processors.
    #[getter]
    fn machine_instructions(&self) -> Result<u64> {
        Ok(self.lock()?.partition.instructions())
    }

    /// Nanoseconds of the machine's clock since the machine was made.
    #[getter]
    fn machine_nanos(&self) -> Result<u64> {
        Ok(self.lock()?.partition.nanos())
    }

    /// Nanoseconds of virtual time in which no processor executed anything.
    #[getter]
    fn machine_idle_nanos(&self) -> Result<u64> {
        Ok(self.lock()?.partition.idle_nanos())
    }

    #[getter]
    fn instructions(&self) -> Result<u64> {
        Ok(self.lock()?.cpu().icount)
    }

    #[getter]
    fn timebase(&self) -> Result<u64> {
        Ok(self.lock()?.cpu().timebase())
    }

    #[setter]
    fn set_timebase(&self, value: u64) -> Result<()> {
        self.lock()?.cpu().set_timebase(value);
        Ok(())
    }

    /// For a run that begins, and a guest that resumes after a pause: the host's time that passed meanwhile counts in
    /// TB and not in VTB. With virtual time none did. `launched` is whether the guest has run since its start.
    fn go_on(&self, launched: bool) -> Result<()> {
        self.lock()?.vcpu().go_on(launched);
        Ok(())
    }

    /// Nanoseconds of the host's time since the guest's clock was read last; 0 with virtual time.
    #[getter]
    fn clock_age(&self) -> Result<u64> {
        Ok(self.lock()?.vcpu().clock_age())
    }

    #[setter]
    fn set_clock_age(&self, nanos: u64) -> Result<()> {
        self.lock()?.vcpu().set_clock_age(nanos);
        Ok(())
    }

    /// "virtual" or "host".
    #[getter]
    fn clock(&self) -> Result<&'static str> {
        Ok(Clock::from(&self.lock()?.cpu().clock).name())
    }

    /// Nanoseconds of the processor's clock since it was made.
    #[getter]
    fn nanos(&self) -> Result<u64> {
        Ok(self.lock()?.cpu().nanos())
    }

    /// Nanoseconds until the decrementer of a processor that waits asks for an interrupt; 0 if one already does.
    #[getter]
    fn nanos_to_deadline(&self) -> Result<u64> {
        Ok(self.lock()?.partition.nanos_to_deadline())
    }

    /// From now on readings of the host's clock are written, or come from a log. False if the clock was read already.
    fn start_clock_log(&self, replay: bool) -> Result<bool> {
        Ok(self.lock()?.vcpu().start_clock_log(replay))
    }

    /// The clock is the host's again.
    fn end_clock_log(&self) -> Result<()> {
        self.lock()?.vcpu().end_clock_log();
        Ok(())
    }

    /// Readings that were written since the last call.
    fn take_clock_log<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.lock()?.vcpu().take_clock_log()))
    }

    /// Appends what `take_clock_log` gave to the log. False if it is damaged.
    fn feed_clock_log(&self, data: &[u8]) -> Result<bool> {
        Ok(self.lock()?.vcpu().feed_clock_log(data))
    }

    /// Instructions, entries of the clock log, and PC: the processor's position between two instructions.
    #[getter]
    fn place(&self) -> Result<(u64, u64, u64)> {
        let Place { instructions, entries, pc } = self.lock()?.vcpu().place();
        Ok((instructions, entries, pc))
    }

    /// How it differs from the recorded run, after EXIT_DIVERGED.
    #[getter]
    fn astray(&self) -> Result<String> {
        Ok(self.lock()?.vcpu().astray().to_owned())
    }

    /// Has `run` end with EXIT_PLACE there, once.
    fn stop_at(&self, instructions: u64, entries: u64, pc: u64) -> Result<()> {
        self.lock()?.vcpu().stop_at(Place { instructions, entries, pc });
        Ok(())
    }

    /// `run` does not end at the place of `stop_at`: it was answered in a hypercall.
    fn forget_place(&self) -> Result<()> {
        self.lock()?.vcpu().forget_place();
        Ok(())
    }

    /// Nanoseconds that virtual time may have skipped at most; `None` for no limit. Beyond it a processor that waits
    /// ends the run with EXIT_HALTED.
    fn set_idle_limit(&self, nanos: Option<u64>) -> Result<()> {
        self.lock()?.partition.idle_limit = nanos.unwrap_or(u64::MAX);
        Ok(())
    }

    /// Nanoseconds of virtual time at which `run` ends with EXIT_LIMIT; `None` for no limit. A processor that waits skips
    /// no further.
    fn set_time_limit(&self, nanos: Option<u64>) -> Result<()> {
        self.lock()?.partition.time_limit = nanos.unwrap_or(u64::MAX);
        Ok(())
    }

    /// Virtual time skips to the next deadline, whatever the limit says.
    fn skip_to_deadline(&self) -> Result<()> {
        self.lock()?.partition.skip_to_deadline();
        Ok(())
    }

    #[getter]
    fn halted(&self) -> Result<bool> {
        Ok(self.lock()?.vcpu().halted)
    }

    #[setter]
    fn set_halted(&self, value: bool) -> Result<()> {
        self.lock()?.vcpu().halted = value;
        Ok(())
    }

    /// Whether it waits to be started.
    #[getter]
    fn stopped(&self) -> Result<bool> {
        Ok(self.lock()?.vcpu().stopped)
    }

    #[setter]
    fn set_stopped(&self, value: bool) -> Result<()> {
        let mut inner = self.lock()?;
        if value && inner.partition.vcpus.len() == 1 {
            return Err(Error::Value(
                "a machine's only processor cannot be stopped: nobody could start it".into(),
            ));
        }
        inner.vcpu().stopped = value;
        Ok(())
    }

    /// What the processor has registered: the real addresses of its virtual processor area and of its dispatch trace log,
    /// and the log's length; 0: nothing.
    fn set_areas(&self, vpa: u64, log: u64, log_len: u64) -> Result<()> {
        self.lock()?.vcpu().areas = Areas { vpa, log, log_len };
        Ok(())
    }

    #[getter]
    fn external(&self) -> Result<bool> {
        Ok(self.lock()?.cpu().external)
    }

    #[setter]
    fn set_external(&self, level: bool) -> Result<()> {
        self.lock()?.vcpu().set_external(level);
        Ok(())
    }

    /// Makes a system reset interrupt pending.
    fn system_reset(&self) -> Result<()> {
        self.lock()?.vcpu().system_reset();
        Ok(())
    }

    #[getter]
    fn unimplemented(&self) -> Result<(u64, u64)> {
        Ok(self.lock()?.unimplemented)
    }

    /// Address, size and what is written, or None for a load, of the access that `run` ended at with EXIT_MMIO.
    #[getter]
    fn mmio(&self) -> Result<(u64, u8, Option<u64>)> {
        Ok(self.lock()?.mmio)
    }

    /// Completes the instruction that `run` ended at with EXIT_MMIO: `value` is what a load reads. Returns one of the EXIT_
    /// numbers if something else needs the caller, such as another access of the same instruction, or None.
    #[pyo3(signature = (value = 0))]
    fn complete_mmio(&self, value: u64) -> Result<Option<u32>> {
        let mut inner = self.lock()?;
        let exit = {
            let current = inner.partition.turn().current;
            inner.partition.answer(current, value)
        };
        Ok(exit.map(|exit| inner.number(exit)))
    }

    /// Accesses to these ranges of real addresses, address and length each, end runs with EXIT_MMIO from now on.
    fn set_windows(&self, ranges: Vec<(u64, u64)>) -> Result<()> {
        self.lock()?.partition.set_windows(&ranges).map_err(Error::config)
    }

    /// Sets what is watched from now on: owner, address, length, a sum of WATCH_ numbers, and whether the address is real,
    /// each. An access there ends a run with EXIT_WATCHED before it has any effect.
    fn set_watches(&self, ranges: Vec<(u32, u64, u128, u8, bool)>) -> Result<()> {
        let watch = |(owner, first, len, kinds, real): (u32, u64, u128, u8, bool)| {
            let last = len.checked_sub(1).and_then(|more| first.checked_add(more.try_into().ok()?));
            match last {
                Some(last) if (1..=7).contains(&kinds) => Ok(Watch { owner, first, last, kinds, real }),
                _ => Err(Error::config(format!(
                    "watched range of {len:#x} bytes at {first:#x}, kinds {kinds}: wanted 1 byte or more below 2^64, and a \
                     sum of WATCH_READ, WATCH_WRITE and WATCH_EXECUTE"
                ))),
            }
        };
        let watches = ranges.into_iter().map(watch).collect::<Result<_>>()?;
        self.lock()?.partition.set_watches(watches);
        Ok(())
    }

    /// Owner, kind, effective address, real address and size of what `run` ended before with EXIT_WATCHED; of a store also
    /// the bytes that it is about to put there, or None for zeros.
    #[getter]
    fn watched<'py>(&self, py: Python<'py>) -> Result<Watched<Option<Bound<'py, PyBytes>>>> {
        let (owner, kind, ea, address, size, stored) = self.lock()?.watched;
        let bytes = stored.map(|bytes| PyBytes::new(py, &bytes[..bytes.len().min(size as usize)]));
        Ok((owner, kind, ea, address, size, bytes))
    }

    /// R3 to R12: the number and nine arguments of the hypercall that `run` stopped at.
    fn hypercall<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyTuple>> {
        Ok(PyTuple::new(py, self.lock()?.vcpu().arguments())?)
    }

    /// Writes R3, R4, ...: the return code and the results.
    fn hypercall_return(&self, results: Vec<i128>) -> Result<()> {
        let mut inner = self.lock()?;
        if results.len() > 10 {
            return Err(Error::Value(format!("{} results, at most 10 fit R3 to R12", results.len())));
        }
        inner.vcpu().answer(results.into_iter().map(|value| value as u64));
        Ok(())
    }

    /// Repeats a hypercall without an answer: the processor is put before it, awake.
    fn hypercall_again(&self) -> Result<()> {
        self.lock()?.vcpu().call_again();
        Ok(())
    }

    /// Numbers of the hypercalls that are handled without Python.
    fn native_hypercalls(&self) -> Result<BTreeSet<u64>> {
        Ok(self.lock()?.partition.hypercalls.numbers().collect())
    }

    /// The names of the hypercalls that can be handled without Python, by number.
    fn hypercall_names(&self) -> Result<BTreeMap<u64, &'static str>> {
        let inner = self.lock()?;
        let rows = inner.partition.hypercalls.rows().iter();
        let table = rows.filter(|row| matches!(row.handler, Handler::Table(_)));
        Ok(table.map(|row| (row.number, row.name)).collect())
    }

    /// Makes a hypercall that can be handled without Python, except for the processor's registers: return code and
    /// results, or None if there is no such one.
    fn make_native_hypercall<'py>(
        &self,
        py: Python<'py>,
        number: u64,
        arguments: [u64; 9],
    ) -> Result<Option<Bound<'py, PyTuple>>> {
        let mut inner = self.lock()?;
        let Some(outcome) = inner.partition.hypercall_for_caller(0, number, &arguments) else {
            return Ok(None);
        };
        // Codes are negative, results are not.
        let results = outcome.out().iter().map(|&value| i128::from(value));
        let all: Vec<i128> = std::iter::once(i128::from(outcome.rc)).chain(results).collect();
        Ok(Some(PyTuple::new(py, all)?))
    }

    /// An idle processor's time, or the time that a hypercall takes: virtual time is so much later. False with the host's
    /// clock.
    fn skip_nanos(&self, nanos: u64) -> Result<bool> {
        let mut inner = self.lock()?;
        let cpu = inner.cpu();
        let virtual_time = matches!(cpu.clock, ppc_core::time::Clock::Virtual);
        if virtual_time {
            cpu.skip_to(cpu.nanos().saturating_add(nanos));
        }
        Ok(virtual_time)
    }

    /// Takes a machine check interrupt between two instructions, with this DAR, DSISR and these bits in SRR1.
    fn machine_check(&self, dar: u64, dsisr: u32, srr1: u64) -> Result<()> {
        self.lock()?.vcpu().machine_check(dar, dsisr, srr1);
        Ok(())
    }

    /// Lets Python handle a hypercall that is native by default, or gives it back.
    fn set_native_hypercall(&self, number: u64, enabled: bool) -> Result<()> {
        if self.lock()?.partition.hypercalls.set(number, enabled) {
            Ok(())
        } else {
            Err(Error::Key(format!("hypercall {number:#x} has no native handler")))
        }
    }

    fn get(&self, register: &str) -> Result<u128> {
        self.lock()?.cpu().register(register).ok_or_else(|| Error::Key(register.to_owned()))
    }

    fn set(&self, register: &str, value: u128) -> Result<()> {
        self.lock()?.cpu().set_register(register, value).ok_or_else(|| Error::Key(register.to_owned()))
    }

    /// The processor's state beside its registers, by name.
    fn internal_state(&self) -> Result<BTreeMap<&'static str, u128>> {
        let mut inner = self.lock()?;
        let cpu = inner.cpu();
        Ok(regs::INTERNAL.iter().filter_map(|n| Some((*n, cpu.internal(n)?))).collect())
    }

    /// Restores what `internal_state` gave.
    fn set_internal_state(&self, state: BTreeMap<String, u128>) -> Result<()> {
        let mut inner = self.lock()?;
        for (name, &value) in &state {
            let limit = Cpu::internal_limit(name);
            if value > limit {
                return Err(Error::Value(format!("{name} is {value:#x}, wanted at most {limit:#x}")));
            }
        }
        for (name, value) in state {
            inner.cpu().set_internal(&name, value).ok_or_else(|| Error::Key(name))?;
        }
        inner.vcpu().state_loaded();
        Ok(())
    }

    fn register_names(&self) -> Vec<String> {
        Cpu::register_names()
    }

    /// SLB entries: (ESID, VSID) doublewords.
    fn slb(&self) -> Result<Vec<(u64, u64)>> {
        Ok(self.lock()?.cpu().slb.entries().iter().map(|e| (e.esid, e.vsid)).collect())
    }

    /// Writes SLB entry `index`.
    fn set_slb(&self, index: usize, esid: u64, vsid: u64) -> Result<()> {
        self.lock()?.vcpu().set_slb(index, SlbEntry { esid, vsid });
        Ok(())
    }

    /// The real address of an effective one, without side effects; `None` if it is not mapped.
    #[pyo3(signature = (address, *, fetch = false))]
    fn translate(&self, address: u64, fetch: bool) -> Result<Option<u64>> {
        let access = if fetch { Access::Fetch } else { Access::Read };
        Ok(self.lock()?.cpu().peek_translation(address, access).map(|real| real.0))
    }

    /// Has translations come from another table from now on.
    fn set_hpt(&self, hpt: &Hpt) -> Result<()> {
        let mut inner = self.lock()?;
        let (table, presence) = hpt.parts();
        inner.vcpu().set_hpt(table.clone());
        inner.presences[1] = presence.clone();
        Ok(())
    }

    /// Drops every cached translation: after the hash table was changed from outside.
    fn flush_translations(&self) -> Result<()> {
        self.lock()?.cpu().flush_translations();
        Ok(())
    }

    /// The next store to every page marks it dirty again: after dirty marks of RAM were taken.
    fn protect_writes(&self) -> Result<()> {
        self.lock()?.cpu().protect_writes();
        Ok(())
    }

    /// The present state, to be taken over by [`Vcpu::thaw`] of any processor of this model.
    fn freeze(&self) -> Result<VcpuState> {
        memory::room(memory::PROCESSOR)?;
        Ok(VcpuState(Arc::new(self.lock()?.vcpu().freeze())))
    }

    /// Takes over a state. RAM, hash table, windows, watched ranges and the engine stay. ConfigError for a processor of
    /// another model.
    fn thaw(&self, state: &VcpuState) -> Result<()> {
        let mut inner = self.lock()?;
        let (mine, theirs) = (inner.cpu().model, state.0.model());
        if !std::ptr::eq(mine, theirs) {
            let (mine, theirs) = (mine.name, theirs.name);
            return Err(Error::config(format!(
                "the state is that of a {theirs}, and this processor is a {mine}"
            )));
        }
        inner.vcpu().thaw(&state.0);
        Ok(())
    }

    /// 32 bytes that depend on everything of this processor that a guest can observe.
    fn digest<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        memory::bytes(py, &self.lock()?.cpu().digest())
    }
}
