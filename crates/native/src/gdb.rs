//! `GdbSession`: a debugger's session for Python.

use crate::error::{Error, Result};
use ::gdb::{Machine, Point, PointKind, Resume, Session, State, Stopped};
use pyo3::{conversion::FromPyObjectOwned, prelude::*, types::PyBytes, types::PyTuple};

/// What the session is with: an object with the methods of [`Machine`].
struct Target(Py<PyAny>);

impl Target {
    fn ask<T>(
        &self,
        method: &str,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
    ) -> PyResult<T>
    where
        T: for<'py> FromPyObjectOwned<'py>,
    {
        Python::attach(|py| {
            let answer = self.0.bind(py).call_method1(method, arguments(py)?)?;
            answer.extract::<T>().map_err(Into::into)
        })
    }
}

impl Machine for Target {
    type Error = PyErr;

    fn processors(&self) -> PyResult<usize> {
        self.ask("processors", |py| Ok(PyTuple::empty(py)))
    }

    fn register(&self, cpu: usize, name: &str) -> PyResult<Option<u128>> {
        self.ask("register", |py| (cpu, name).into_pyobject(py))
    }

    fn set_register(&self, cpu: usize, name: &str, value: u128) -> PyResult<bool> {
        self.ask("set_register", |py| (cpu, name, value).into_pyobject(py))
    }

    fn read(&self, cpu: usize, address: u64, len: usize) -> PyResult<Vec<u8>> {
        self.ask("read", |py| (cpu, address, len).into_pyobject(py))
    }

    fn write(&self, cpu: usize, address: u64, data: &[u8]) -> PyResult<bool> {
        self.ask("write", |py| (cpu, address, PyBytes::new(py, data)).into_pyobject(py))
    }

    fn insert(&self, Point { kind, address, len }: Point) -> PyResult<bool> {
        self.ask("insert", |py| (kind as u8, address, len).into_pyobject(py))
    }

    fn remove(&self, Point { kind, address, len }: Point) -> PyResult<bool> {
        self.ask("remove", |py| (kind as u8, address, len).into_pyobject(py))
    }

    fn resume(&self, how: Resume) -> PyResult<()> {
        let (how, cpu) = match how {
            Resume::Continue => ("continue", 0),
            Resume::Step(cpu) => ("step", cpu),
            Resume::Back => ("back", 0),
            Resume::StepBack => ("step-back", 0),
        };
        Python::attach(|py| self.0.bind(py).call_method1("resume", (how, cpu)).map(|_| ()))
    }

    fn monitor(&self, command: &str) -> PyResult<String> {
        self.ask("monitor", |py| (command,).into_pyobject(py))
    }

    fn describe(&self, cpu: usize) -> PyResult<String> {
        self.ask("describe", |py| (cpu,).into_pyobject(py))
    }

    fn goes_back(&self) -> bool {
        self.ask("goes_back", |py| Ok(PyTuple::empty(py))).unwrap_or(false)
    }
}

impl From<::gdb::Error<PyErr>> for Error {
    fn from(error: ::gdb::Error<PyErr>) -> Self {
        match error {
            ::gdb::Error::Machine(error) => Self::Python(error),
            ::gdb::Error::Protocol(_) => Self::Value(error.to_string()),
        }
    }
}

/// A debugger's session; see crate `gdb`.
#[pyclass(module = "pyspapr._native")]
pub struct GdbSession(Session<Target>);

#[pymethods]
impl GdbSession {
    #[new]
    #[pyo3(signature = (target, *, little_endian))]
    fn new(target: Py<PyAny>, little_endian: bool) -> Self {
        Self(Session::new(Target(target), little_endian))
    }

    /// The debugger has sent `data`; returns how many bytes of it were looked at. Raises ValueError for what is no packet.
    fn receive(&mut self, data: &[u8]) -> Result<usize> {
        Ok(self.0.receive(data)?)
    }

    /// The guest of a debugger that waits for that has stopped. `why` is "step", "break", "watch", "interrupt", "begin",
    /// "end" or "exited"; `kind` is the kind of point, and `address` the watched byte or the exit status.
    #[pyo3(signature = (why, cpu = 0, kind = 0, address = 0))]
    fn stopped(&mut self, why: &str, cpu: usize, kind: u8, address: u64) -> Result<()> {
        let point = match kind {
            0 => PointKind::Software,
            1 => PointKind::Hardware,
            2 => PointKind::Write,
            3 => PointKind::Read,
            _ => PointKind::Access,
        };
        let why = match why {
            "step" => Stopped::Step(cpu),
            "break" => Stopped::Break(cpu, point),
            "watch" => Stopped::Watch(cpu, point, address),
            "interrupt" => Stopped::Interrupt(cpu),
            "begin" => Stopped::Begin(cpu),
            "end" => Stopped::End(cpu),
            "exited" => Stopped::Exited(address as u8),
            _ => return Err(Error::Value(format!("a guest does not stop because of {why:?}"))),
        };
        Ok(self.0.stopped(why)?)
    }

    /// Bytes for the debugger since the last call.
    fn take_answers<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.take_answers())
    }

    /// "idle", "running", "interrupting", "detached", "killed" or "over".
    #[getter]
    fn state(&self) -> &'static str {
        match self.0.state() {
            State::Idle => "idle",
            State::Running => "running",
            State::Interrupting => "interrupting",
            State::Detached => "detached",
            State::Killed => "killed",
            State::Over => "over",
        }
    }

    /// The byte order in which the debugger gets registers.
    #[getter]
    fn little_endian(&self) -> bool {
        self.0.little_endian()
    }

    #[setter]
    fn set_little_endian(&mut self, value: bool) {
        self.0.set_little_endian(value);
    }
}
