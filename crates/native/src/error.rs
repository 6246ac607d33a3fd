//! One door for errors: whatever fails here is an [`Error`], and every [`Error`] becomes an exception.

use pyo3::{
    exceptions::{PyIndexError, PyKeyError, PyMemoryError, PyValueError},
    import_exception,
    prelude::*,
};
use std::{
    fmt::Display,
    io::{self, ErrorKind},
};
use track::PassError;

mod exceptions {
    use super::import_exception;

    import_exception!(pyspapr.errors, GuestAddressError);
    import_exception!(pyspapr.errors, ConfigError);
    import_exception!(pyspapr.errors, StateError);
    import_exception!(pyspapr.errors, StreamError);
}

/// Why something failed.
pub enum Error {
    /// An access outside guest RAM, which has `size` bytes.
    Outside { address: u64, length: u64, size: u64 },
    /// An invalid argument of something that is to be built.
    Config(String),
    /// Another invalid argument.
    Value(String),
    /// No such thing, by name.
    Key(String),
    /// No such thing, by number.
    Index(String),
    /// Not allowed now.
    State(&'static str),
    /// A chunk of a stream is wrong.
    Stream(track::StreamError),
    /// The host has not so many bytes of memory.
    Memory(usize),
    /// An error of the host's kernel.
    Host(io::Error),
    /// An exception of Python.
    Python(PyErr),
}

/// What nearly every function here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The processor is running in another thread.
pub const BUSY: Error = Error::State("the processor is running in another thread");
/// A child of `fork` does not have what another thread was using.
pub const IN_USE: Error = Error::State(
    "another thread was using the machine when this process was forked: it exists in the parent only",
);
/// A child of `fork` does not have RAM that it would have shared.
pub const NOT_COPIED: Error = Error::State(
    "the host had no memory to copy the machine's RAM when this process was forked: it exists in the parent only",
);

impl Error {
    /// An invalid argument of something that is to be built.
    pub fn config(message: impl Display) -> Self {
        Self::Config(message.to_string())
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Outside { address, length, size } => exceptions::GuestAddressError::new_err((
                format!("{length} bytes at {address:#x} are outside the guest's {size:#x} bytes of RAM"),
                address,
                length,
            )),
            Error::Config(message) => exceptions::ConfigError::new_err(message),
            Error::Value(message) => PyValueError::new_err(message),
            Error::Key(message) => PyKeyError::new_err(message),
            Error::Index(message) => PyIndexError::new_err(message),
            Error::State(message) => exceptions::StateError::new_err(message),
            Error::Stream(e) => exceptions::StreamError::new_err((
                e.to_string(),
                e.section(),
                e.offset(),
                e.wanted(),
                e.got(),
            )),
            Error::Memory(bytes) => {
                PyMemoryError::new_err(format!("the host has not {bytes} bytes of memory left"))
            }
            // Refused by ourselves, not by the host.
            Error::Host(e) if e.kind() == ErrorKind::InvalidInput && e.raw_os_error().is_none() => {
                PyValueError::new_err(e.to_string())
            }
            Error::Host(e) => e.into(),
            Error::Python(e) => e,
        }
    }
}

impl From<PyErr> for Error {
    fn from(e: PyErr) -> Self {
        Self::Python(e)
    }
}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Self::Host(e)
    }
}

impl From<track::StreamError> for Error {
    fn from(e: track::StreamError) -> Self {
        Self::Stream(e)
    }
}

impl From<PassError> for Error {
    fn from(e: PassError) -> Self {
        match e {
            PassError::Memory(e) => Self::Host(e.source),
            other => Self::config(other),
        }
    }
}

impl From<hpt::HptError> for Error {
    fn from(e: hpt::HptError) -> Self {
        match e {
            hpt::HptError::Ptex { .. } => Self::Index(e.to_string()),
            other => Self::config(other),
        }
    }
}
