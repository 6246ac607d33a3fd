//! `Vcpu`: one processor for Python.

use crate::{
    error,
    fork::Presence,
    hpt::Hpt,
    hypercall::{self, Native},
    memory,
    ram::Ram,
    terminal::{self, Terminal},
};
use ppc_core::{
    engine::{Engine, EngineKind},
    exit::Exit,
    host_clock::HostClock,
    mmu::Access,
    model, msr,
    profile::{TIERS, Tier, Way},
    regs,
    slb::SlbEntry,
    state::Cpu,
    time::Clock,
};
use pyo3::{
    exceptions::{PyKeyError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyTuple},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, TryLockError,
        atomic::{AtomicBool, Ordering::*},
    },
    time::{Duration, Instant},
};

pub const EXIT_LIMIT: u32 = 0;
pub const EXIT_HYPERCALL: u32 = 1;
pub const EXIT_HALTED: u32 = 2;
pub const EXIT_KICKED: u32 = 3;
pub const EXIT_UNIMPLEMENTED: u32 = 4;
pub const EXIT_HUNG: u32 = 5;
pub const EXIT_OUTPUT: u32 = 6;
pub const EXIT_PLACE: u32 = 7;
pub const EXIT_TAPE: u32 = 8;
pub const EXIT_DIVERGED: u32 = 9;
/// Beside each of them: output waits in `take_output`.
pub const OUTPUT: u32 = 0x100;

/// Instructions between looks at the kick flag, at most: the dearest ones (software floating point) take up to a
/// microsecond on either engine, and a kick is answered within 50 ms of them.
const SLICE: u64 = 25_000;
/// Bytes of a recording that are kept before Python takes them.
const RECORDING: usize = 1 << 20;
/// Time between looks at Python's signals, so that Ctrl-C is answered well within 50 ms.
const SIGNALS: Duration = Duration::from_millis(10);
/// R3 of a hypercall from problem state (PAPR, "Hypervisor Call Return Codes"): H_PRIVILEGE.
const H_PRIVILEGE: i64 = -3;

/// Between two instructions: the count of instructions, entries of the clock's tape, and the address of the next one. At
/// one count there may be several, since interrupts and readings of the clock are no instructions.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    instructions: u64,
    entries: u64,
    pc: u64,
}

struct Inner {
    engine: Engine,
    /// Of its RAM and of its hash table.
    presences: [Arc<Presence>; 2],
    halted: bool,
    native: Native,
    terminal: Terminal,
    unimplemented: (u64, u64),
    /// Nanoseconds that virtual time may have skipped at most.
    idle_limit: u64,
    /// Where a replay has something to do between two instructions.
    place: Option<Place>,
    /// Why a replay is not what was recorded.
    astray: String,
    /// Where the `sc` is that Python has been told of and has not answered.
    unanswered: Option<u64>,
}

/// One processor. `run` releases the GIL; `kick` may be called from any thread.
#[pyclass(frozen, module = "pyspapr._native")]
pub struct Vcpu {
    inner: Mutex<Inner>,
    presence: Arc<Presence>,
    kicked: Arc<AtomicBool>,
}

impl Vcpu {
    fn lock(&self) -> PyResult<MutexGuard<'_, Inner>> {
        self.presence.check()?;
        let inner = match self.inner.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => return Err(error::busy()),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        inner.presences.iter().try_for_each(|presence| presence.check())?;
        Ok(inner)
    }
}

impl Inner {
    fn replaying(&self) -> bool {
        matches!(&self.engine.cpu.clock, Clock::Host(host) if host.replaying())
    }

    fn here(&self) -> Place {
        let cpu = &self.engine.cpu;
        let entries = match &cpu.clock {
            Clock::Virtual => 0,
            Clock::Host(host) => host.entries(),
        };
        Place { instructions: cpu.icount, entries, pc: cpu.cia }
    }

    /// Between two slices of a run that is recorded or replayed: how far the next may go, or why none may.
    fn tape(&mut self, end: u64) -> Result<u64, u32> {
        let here = self.here();
        let Clock::Host(host) = &self.engine.cpu.clock else { return self.until_place(here, end) };
        if host.written() >= RECORDING {
            return Err(EXIT_TAPE);
        }
        if !host.replaying() {
            return Ok(end);
        }
        if let Some(count) = host.missed() {
            self.astray = format!("it asks for the time at instruction {count}");
            return Err(EXIT_DIVERGED);
        }
        if let Some(count) = host.due_at()
            && count < here.instructions
        {
            self.astray = format!("it did not ask for the time at instruction {count}");
            return Err(EXIT_DIVERGED);
        }
        if host.due_at().is_none() && self.place.is_none() {
            return Err(EXIT_TAPE);
        }
        let end = if self.place.is_none() { end.min(host.ends_at()) } else { end };
        self.until_place(here, end)
    }

    fn until_place(&mut self, here: Place, end: u64) -> Result<u64, u32> {
        let Some(place) = self.place else { return Ok(end) };
        if here == place {
            self.place = None;
            return Err(EXIT_PLACE);
        }
        if here.instructions > place.instructions {
            self.astray = format!("it was not at {:#x} after instruction {}", place.pc, place.instructions);
            return Err(EXIT_DIVERGED);
        }
        Ok(end.min(place.instructions))
    }

    /// Runs until something needs Python. `None`: only the slice is over.
    fn slice(&mut self, end: u64) -> Option<u32> {
        if self.halted {
            let cpu = &mut self.engine.cpu;
            if !cpu.wakeup_pending() {
                match (&cpu.clock, cpu.decrementer_deadline()) {
                    (Clock::Virtual, Some(nanos)) => {
                        let skipped = cpu.idle_nanos.saturating_add(nanos.saturating_sub(cpu.nanos()));
                        if skipped <= self.idle_limit {
                            cpu.skip_to(nanos);
                        }
                    }
                    _ => cpu.read_clock_again(),
                }
                if !cpu.wakeup_pending() {
                    return Some(EXIT_HALTED);
                }
            }
            self.halted = false;
        }
        let until = end.min(self.engine.cpu.icount.saturating_add(SLICE));
        match self.engine.run_a_while(until) {
            Exit::Limit if self.engine.cpu.icount >= end => Some(EXIT_LIMIT),
            Exit::Limit => None,
            Exit::Hung => Some(EXIT_HUNG),
            Exit::Unimplemented { cia, word } => {
                self.unimplemented = (cia, word);
                Some(EXIT_UNIMPLEMENTED)
            }
            Exit::Hypercall { sc } => {
                let cpu = &mut self.engine.cpu;
                if cpu.msr & msr::PR != 0 {
                    cpu.gpr[3] = H_PRIVILEGE as u64;
                    if let Some(profile) = &mut self.engine.profile {
                        profile.left(Way::ProblemHypercall);
                    }
                    return None;
                }
                let number = cpu.gpr[3];
                self.engine.switch(Tier::Hypercalls);
                let cpu = &mut self.engine.cpu;
                let native = self.terminal.handle(cpu) || self.native.handle(cpu);
                if let Some(profile) = &mut self.engine.profile {
                    profile.hypercall(number, native);
                }
                if native {
                    return None;
                }
                // Who answers for the terminal depends on the host, and the tape must not.
                if terminal::name(number).is_none() {
                    self.engine.cpu.read_clock();
                }
                self.unanswered = Some(sc);
                Some(EXIT_HYPERCALL)
            }
        }
    }
}

#[pymethods]
impl Vcpu {
    #[new]
    #[pyo3(signature = (ram, hpt, model, *, index = 0, clock = "virtual", strict = false, seed = 0, engine = "jit"))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments")]
    fn new(
        ram: &Ram,
        hpt: &Hpt,
        model: &str,
        index: u32,
        clock: &str,
        strict: bool,
        seed: u64,
        engine: &str,
    ) -> PyResult<Self> {
        let Some(known) = model::by_name(model) else {
            let names: Vec<_> = model::MODELS.iter().map(|m| m.name).collect();
            return Err(error::config(format!("unknown CPU model {model:?}; known: {}", names.join(", "))));
        };
        memory::room(memory::PROCESSOR)?;
        let mut cpu = Cpu::new(known, ram.parts().0.clone(), hpt.parts().0.clone());
        cpu.index = index;
        cpu.random_state = seed;
        cpu.clock = match clock {
            "virtual" => Clock::Virtual,
            "host" => Clock::Host(HostClock::default()),
            other => return Err(error::config(format!("unknown clock {other:?}; known: virtual, host"))),
        };
        let kind = match engine {
            "interp" => EngineKind::Interp,
            "jit" => EngineKind::Jit,
            other => return Err(error::config(format!("unknown engine {other:?}; known: interp, jit"))),
        };
        let mut engine = Engine::with_kind(cpu, kind);
        engine.strict = strict;
        let inner = Inner {
            engine,
            presences: [ram.parts().1.clone(), hpt.parts().1.clone()],
            halted: false,
            native: Native::default(),
            terminal: Terminal::default(),
            unimplemented: (0, 0),
            idle_limit: u64::MAX,
            place: None,
            astray: String::new(),
            unanswered: None,
        };
        Ok(Self { inner: Mutex::new(inner), presence: Presence::new(), kicked: Arc::default() })
    }

    /// The state in which a processor enters an operating system: 64-bit, big-endian, real mode, registers 0.
    #[pyo3(signature = (*, pc, r3 = 0, r4 = 0, r5 = 0, r6 = 0, r7 = 0, msr = msr::SF | msr::ME))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, one a register")]
    fn reset(&self, pc: u64, r3: u64, r4: u64, r5: u64, r6: u64, r7: u64, msr: u64) -> PyResult<()> {
        let mut inner = self.lock()?;
        memory::room(memory::PROCESSOR)?;
        let old = &mut inner.engine.cpu;
        let mut cpu = Cpu::new(old.model, old.ram.clone(), old.hpt.clone());
        cpu.index = old.index;
        cpu.clock = std::mem::replace(&mut old.clock, Clock::Virtual);
        cpu.random_state = old.random_state;
        cpu.icount = old.icount;
        cpu.idle_nanos = old.idle_nanos;
        cpu.tb_offset = old.tb_offset;
        cpu.cia = pc & !3;
        cpu.gpr[3..8].copy_from_slice(&[r3, r4, r5, r6, r7]);
        cpu.set_decrementer(i64::from(i32::MAX));
        cpu.set_msr(msr);
        inner.engine.set_cpu(cpu);
        inner.halted = false;
        inner.unanswered = None;
        Ok(())
    }

    /// Runs until something needs the caller; returns one of the EXIT_ numbers.
    #[pyo3(signature = (max_instructions = None))]
    fn run(&self, py: Python<'_>, max_instructions: Option<u64>) -> PyResult<u32> {
        let mut inner = self.lock()?;
        let inner = &mut *inner;
        let _use = self.presence.enter()?;
        let [ram, hpt] = inner.presences.clone();
        let _uses = (ram.enter()?, hpt.enter()?);
        let code = py.detach(|| {
            let end = max_instructions.map_or(u64::MAX, |n| inner.engine.cpu.icount.saturating_add(n));
            let mut looked = Instant::now();
            loop {
                if self.kicked.swap(false, AcqRel) {
                    return Ok(EXIT_KICKED);
                }
                let until = match inner.tape(end) {
                    Ok(until) => until,
                    Err(exit) => return Ok(exit),
                };
                let before = (until < end).then(|| inner.here());
                match inner.slice(until) {
                    Some(EXIT_LIMIT) if until < end => {}
                    Some(EXIT_HALTED) if inner.replaying() => {}
                    Some(exit) => return Ok(exit),
                    None => {}
                }
                if before == Some(inner.here()) {
                    inner.astray =
                        format!("it is at {:#x}, where nothing is to be done", inner.engine.cpu.cia);
                    return Ok(EXIT_DIVERGED);
                }
                if looked.elapsed() >= SIGNALS {
                    Python::attach(|py| py.check_signals())?;
                    looked = Instant::now();
                    // Somebody may be watching.
                    if inner.terminal.waits() {
                        return Ok(EXIT_OUTPUT);
                    }
                }
            }
        });
        if let Some(profile) = &mut inner.engine.profile {
            match code {
                Ok(EXIT_HALTED) => profile.exit("processor that waits"),
                Ok(EXIT_KICKED) => profile.exit("kick"),
                _ => {}
            }
            profile.switch(Tier::Outside);
        }
        if matches!(code, Ok(EXIT_KICKED)) {
            inner.terminal.heard();
        }
        let waits = if inner.terminal.waits() { OUTPUT } else { 0 };
        code.map(|code| code | waits)
    }

    /// Lets output of the terminal's hypercalls wait here, for `take_output`. The hypercall that completes `wanted`, if
    /// that is not empty, is left to the caller; `tail` is what was printed before.
    fn open_terminal(&self, wanted: &[u8], tail: &[u8]) -> PyResult<()> {
        self.lock()?.terminal.open(wanted, tail);
        Ok(())
    }

    /// Leaves the terminal's hypercalls to the caller again.
    fn close_terminal(&self) -> PyResult<()> {
        self.lock()?.terminal.close();
        Ok(())
    }

    /// There is no input until `kick` is called; the guest is told so without asking the caller.
    fn silence_terminal(&self) -> PyResult<()> {
        self.lock()?.terminal.silence();
        Ok(())
    }

    /// What the guest printed and nobody has taken yet.
    fn take_output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.lock()?.terminal.take()))
    }

    /// Begins a profile, or ends it. The guest cannot tell.
    fn set_profiling(&self, on: bool) -> PyResult<()> {
        self.lock()?.engine.set_profiling(on);
        Ok(())
    }

    /// What was counted since `set_profiling(True)`, by name; `samples` are pairs of an address and the instructions
    /// executed around it. `None` when nothing was to be counted.
    fn profile<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(report) = self.lock()?.engine.report() else { return Ok(None) };
        let exits = PyDict::new(py);
        for (name, count) in &report.exits {
            exits.set_item(name, count)?;
        }
        for (number, count) in &report.native_hypercalls {
            exits.set_item(format!("hypercall {}, native", hypercall::name(*number)), count)?;
        }
        let tiers = PyDict::new(py);
        let seconds = PyDict::new(py);
        for (name, count) in TIERS.iter().zip(report.instructions) {
            tiers.set_item(name, count)?;
        }
        for (name, time) in TIERS.iter().zip(report.times) {
            seconds.set_item(name, time.as_secs_f64())?;
        }
        let all = PyDict::new(py);
        all.set_item("samples", report.samples.into_iter().collect::<Vec<_>>())?;
        all.set_item("tiers", tiers)?;
        all.set_item("seconds", seconds)?;
        all.set_item("exits", exits)?;
        all.set_item("hypercalls", report.hypercalls)?;
        Ok(Some(all))
    }

    /// Makes `run` return soon, from any thread; if it is not running, its next call returns at once.
    fn kick(&self) {
        self.kicked.store(true, Release);
    }

    /// What executes instructions: "interp" or "jit".
    #[getter]
    fn engine(&self) -> PyResult<&'static str> {
        Ok(match self.lock()?.engine.kind() {
            EngineKind::Interp => "interp",
            EngineKind::Jit => "jit",
        })
    }

    /// Bytes of memory that decoded and compiled code take, and what either may take at most.
    #[getter]
    fn code_bytes(&self) -> PyResult<(usize, usize, usize)> {
        let engine = &self.lock()?.engine;
        let (decoded, compiled) = engine.code_bytes();
        Ok((decoded, compiled, engine.most_code_bytes()))
    }

    #[getter]
    fn instructions(&self) -> PyResult<u64> {
        Ok(self.lock()?.engine.cpu.icount)
    }

    #[getter]
    fn timebase(&self) -> PyResult<u64> {
        Ok(self.lock()?.engine.cpu.timebase())
    }

    #[setter]
    fn set_timebase(&self, value: u64) -> PyResult<()> {
        self.lock()?.engine.cpu.set_timebase(value);
        Ok(())
    }

    /// For a run that begins, and a guest that goes on after a pause: the host's time that passed meanwhile counts in
    /// TB and not in VTB. With virtual time none did. `launched` is whether the guest has run since its start.
    fn go_on(&self, launched: bool) -> PyResult<()> {
        let mut inner = self.lock()?;
        let cpu = &mut inner.engine.cpu;
        if launched {
            cpu.go_on();
        } else {
            cpu.read_clock_again();
        }
        Ok(())
    }

    /// Nanoseconds of the host's time since the guest's clock was read last; 0 with virtual time.
    #[getter]
    fn clock_age(&self) -> PyResult<u64> {
        Ok(match &self.lock()?.engine.cpu.clock {
            Clock::Virtual => 0,
            Clock::Host(host) => host.now().saturating_sub(host.nanos()),
        })
    }

    #[setter]
    fn set_clock_age(&self, nanos: u64) -> PyResult<()> {
        if let Clock::Host(host) = &mut self.lock()?.engine.cpu.clock {
            host.set_age(nanos);
        }
        Ok(())
    }

    /// "virtual" or "host".
    #[getter]
    fn clock(&self) -> PyResult<&'static str> {
        Ok(match self.lock()?.engine.cpu.clock {
            Clock::Virtual => "virtual",
            Clock::Host(_) => "host",
        })
    }

    /// Nanoseconds of the processor's clock since it was made.
    #[getter]
    fn nanos(&self) -> PyResult<u64> {
        Ok(self.lock()?.engine.cpu.nanos())
    }

    /// Nanoseconds until the decrementer asks for an interrupt; 0 if it already does.
    #[getter]
    fn nanos_to_deadline(&self) -> PyResult<u64> {
        let inner = self.lock()?;
        let cpu = &inner.engine.cpu;
        let now = match &cpu.clock {
            Clock::Virtual => cpu.nanos(),
            Clock::Host(host) => host.now(),
        };
        Ok(cpu.decrementer_deadline().map_or(0, |at| at.saturating_sub(now)))
    }

    /// From now on readings of the host's clock are written, or come from a tape. False if the clock was read already.
    fn start_tape(&self, replay: bool) -> PyResult<bool> {
        let cpu = &mut self.lock()?.engine.cpu;
        Ok(match &mut cpu.clock {
            Clock::Virtual => true,
            Clock::Host(host) if replay => host.replay(cpu.icount),
            Clock::Host(host) => host.record(cpu.icount),
        })
    }

    /// The clock is the host's again.
    fn end_tape(&self) -> PyResult<()> {
        let mut inner = self.lock()?;
        inner.place = None;
        if let Clock::Host(host) = &mut inner.engine.cpu.clock {
            host.end();
        }
        Ok(())
    }

    /// Readings that were written since this was asked last.
    fn take_tape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = match &mut self.lock()?.engine.cpu.clock {
            Clock::Virtual => Vec::new(),
            Clock::Host(host) => host.take(),
        };
        Ok(PyBytes::new(py, &bytes))
    }

    /// Puts what `take_tape` gave on the tape. False if it is damaged.
    fn feed_tape(&self, data: &[u8]) -> PyResult<bool> {
        Ok(match &mut self.lock()?.engine.cpu.clock {
            Clock::Virtual => data.is_empty(),
            Clock::Host(host) => host.feed(data),
        })
    }

    /// Instructions, entries of the clock's tape, and PC: where between two instructions the processor stands.
    #[getter]
    fn place(&self) -> PyResult<(u64, u64, u64)> {
        let Place { instructions, entries, pc } = self.lock()?.here();
        Ok((instructions, entries, pc))
    }

    /// What it does that the recorded one did not, after EXIT_DIVERGED.
    #[getter]
    fn astray(&self) -> PyResult<String> {
        Ok(self.lock()?.astray.clone())
    }

    /// Has `run` end with EXIT_PLACE there, once.
    fn stop_at(&self, instructions: u64, entries: u64, pc: u64) -> PyResult<()> {
        let mut inner = self.lock()?;
        inner.place = Some(Place { instructions, entries, pc });
        Ok(())
    }

    /// `run` does not end at the place of `stop_at`: it was answered in a hypercall.
    fn forget_place(&self) -> PyResult<()> {
        self.lock()?.place = None;
        Ok(())
    }

    /// Nanoseconds that virtual time may have skipped at most; `None` for no limit. Beyond it a processor that waits
    /// ends the run with EXIT_HALTED.
    fn set_idle_limit(&self, nanos: Option<u64>) -> PyResult<()> {
        self.lock()?.idle_limit = nanos.unwrap_or(u64::MAX);
        Ok(())
    }

    /// Virtual time skips to the next deadline, whatever the limit says.
    fn skip_to_deadline(&self) -> PyResult<()> {
        let cpu = &mut self.lock()?.engine.cpu;
        if let Some(nanos) = cpu.decrementer_deadline() {
            cpu.skip_to(nanos);
        }
        Ok(())
    }

    #[getter]
    fn halted(&self) -> PyResult<bool> {
        Ok(self.lock()?.halted)
    }

    #[setter]
    fn set_halted(&self, value: bool) -> PyResult<()> {
        self.lock()?.halted = value;
        Ok(())
    }

    #[getter]
    fn external(&self) -> PyResult<bool> {
        Ok(self.lock()?.engine.cpu.external)
    }

    #[setter]
    fn set_external(&self, level: bool) -> PyResult<()> {
        let mut inner = self.lock()?;
        inner.engine.cpu.external = level;
        inner.engine.cpu.request_event();
        Ok(())
    }

    /// Makes a system reset interrupt pending.
    fn system_reset(&self) -> PyResult<()> {
        let mut inner = self.lock()?;
        inner.engine.cpu.system_reset = true;
        inner.engine.cpu.request_event();
        Ok(())
    }

    #[getter]
    fn unimplemented(&self) -> PyResult<(u64, u64)> {
        Ok(self.lock()?.unimplemented)
    }

    /// R3 to R12: the number and nine arguments of the hypercall that `run` stopped at.
    fn hypercall<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.lock()?.engine.cpu.gpr[3..13])
    }

    /// Writes R3, R4, ...: the return code and the results.
    fn hypercall_return(&self, results: Vec<i128>) -> PyResult<()> {
        let mut inner = self.lock()?;
        if results.len() > 10 {
            return Err(PyValueError::new_err(format!(
                "{} results, at most 10 fit R3 to R12",
                results.len()
            )));
        }
        for (gpr, value) in inner.engine.cpu.gpr[3..].iter_mut().zip(results) {
            *gpr = value as u64;
        }
        inner.unanswered = None;
        Ok(())
    }

    /// Has a hypercall that got no answer made again: the processor stands before it, awake.
    fn hypercall_again(&self) -> PyResult<()> {
        let mut inner = self.lock()?;
        if let Some(address) = inner.unanswered.take() {
            inner.engine.cpu.cia = address;
            inner.halted = false;
        }
        Ok(())
    }

    /// Numbers of the hypercalls that are handled without Python.
    fn native_hypercalls(&self) -> PyResult<BTreeSet<u64>> {
        Ok(self.lock()?.native.numbers())
    }

    /// Lets Python handle a hypercall that is native by default, or gives it back.
    fn set_native_hypercall(&self, number: u64, enabled: bool) -> PyResult<()> {
        if self.lock()?.native.set(number, enabled) {
            Ok(())
        } else {
            Err(PyKeyError::new_err(format!("hypercall {number:#x} has no native handler")))
        }
    }

    fn get(&self, register: &str) -> PyResult<u128> {
        let inner = self.lock()?;
        inner.engine.cpu.register(register).ok_or_else(|| PyKeyError::new_err(register.to_owned()))
    }

    fn set(&self, register: &str, value: u128) -> PyResult<()> {
        let mut inner = self.lock()?;
        inner.engine.cpu.set_register(register, value).ok_or_else(|| PyKeyError::new_err(register.to_owned()))
    }

    /// What the processor remembers beside its registers, by name.
    fn internal_state(&self) -> PyResult<BTreeMap<&'static str, u128>> {
        let inner = self.lock()?;
        Ok(regs::INTERNAL.iter().filter_map(|n| Some((*n, inner.engine.cpu.internal(n)?))).collect())
    }

    /// Restores what `internal_state` gave.
    fn set_internal_state(&self, state: BTreeMap<String, u128>) -> PyResult<()> {
        let mut inner = self.lock()?;
        for (name, &value) in &state {
            let limit = Cpu::internal_limit(name);
            if value > limit {
                return Err(PyValueError::new_err(format!(
                    "{name} is {value:#x}, wanted at most {limit:#x}"
                )));
            }
        }
        for (name, value) in state {
            inner.engine.cpu.set_internal(&name, value).ok_or_else(|| PyKeyError::new_err(name))?;
        }
        let count = inner.engine.cpu.icount;
        if let Some(profile) = &mut inner.engine.profile {
            profile.restart_at(count);
        }
        Ok(())
    }

    fn register_names(&self) -> Vec<String> {
        Cpu::register_names()
    }

    /// SLB entries: (ESID, VSID) doublewords.
    fn slb(&self) -> PyResult<Vec<(u64, u64)>> {
        Ok(self.lock()?.engine.cpu.slb.entries().iter().map(|e| (e.esid, e.vsid)).collect())
    }

    /// Writes SLB entry `index`.
    fn set_slb(&self, index: usize, esid: u64, vsid: u64) -> PyResult<()> {
        let mut inner = self.lock()?;
        inner.engine.cpu.slb.set(index, SlbEntry { esid, vsid });
        inner.engine.cpu.flush_translations();
        Ok(())
    }

    /// The real address of an effective one, without side effects; `None` if it is not mapped.
    #[pyo3(signature = (address, *, fetch = false))]
    fn translate(&self, address: u64, fetch: bool) -> PyResult<Option<u64>> {
        let access = if fetch { Access::Fetch } else { Access::Read };
        Ok(self.lock()?.engine.cpu.peek_translation(address, access))
    }

    /// Has translations come from another table from now on.
    fn set_hpt(&self, hpt: &Hpt) -> PyResult<()> {
        let mut inner = self.lock()?;
        let (table, presence) = hpt.parts();
        inner.engine.cpu.hpt = table.clone();
        inner.presences[1] = presence.clone();
        inner.engine.cpu.flush_translations();
        Ok(())
    }

    /// Drops every cached translation: after the hash table was changed from outside.
    fn flush_translations(&self) -> PyResult<()> {
        self.lock()?.engine.cpu.flush_translations();
        Ok(())
    }

    /// The next store to every page marks it dirty again: after dirty marks of RAM were taken.
    fn protect_writes(&self) -> PyResult<()> {
        self.lock()?.engine.cpu.protect_writes();
        Ok(())
    }

    /// 32 bytes that depend on everything of this processor that a guest can observe.
    fn digest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        memory::bytes(py, &self.lock()?.engine.cpu.digest())
    }
}
