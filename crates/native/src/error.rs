//! One door for errors: every Rust error becomes an exception here.

use pyo3::{import_exception, prelude::*};

import_exception!(pyspapr.errors, GuestAddressError);
import_exception!(pyspapr.errors, ConfigError);
import_exception!(pyspapr.errors, StateError);
import_exception!(pyspapr.errors, StreamError);

/// An access outside guest RAM.
pub fn outside(address: u64, length: u64, size: u64) -> PyErr {
    let message = format!("{length} bytes at {address:#x} are outside the guest's {size:#x} bytes of RAM");
    GuestAddressError::new_err((message, address, length))
}

/// A parameter of a constructor that cannot be.
pub fn config(message: impl std::fmt::Display) -> PyErr {
    ConfigError::new_err(message.to_string())
}

/// A chunk of a stream that cannot be believed.
pub fn stream(e: track::StreamError) -> PyErr {
    StreamError::new_err((e.to_string(), e.section(), e.offset(), e.wanted(), e.got()))
}

/// A pass that cannot begin.
pub fn pass(e: track::PassError) -> PyErr {
    match e {
        track::PassError::Memory(e) => e.source.into(),
        other => config(other),
    }
}

/// The processor is running in another thread.
pub fn busy() -> PyErr {
    StateError::new_err("the processor is running in another thread")
}

/// What a child of `fork` does not have; `used` if another thread was at work on it.
#[cold]
pub fn lost(used: bool) -> PyErr {
    StateError::new_err(if used {
        "another thread was using the machine when this process was forked: it exists in the parent only"
    } else {
        "the host had no memory to copy the machine's RAM when this process was forked: it exists in the parent only"
    })
}
