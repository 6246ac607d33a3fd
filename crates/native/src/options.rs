//! Choices that Python makes by name: each name is here once.

use crate::error::{Error, Result};
use ppc_core::{engine::EngineKind, host_clock::HostClock, model, time};
use pyo3::prelude::*;

/// The value called as `name` says. Raises TypeError if it is not a string.
fn named<T: Copy>(
    name: Borrowed<'_, '_, PyAny>,
    values: impl IntoIterator<Item = (&'static str, T)>,
    unknown: impl FnOnce(&str) -> Error,
) -> Result<T> {
    let name: String = name.extract()?;
    let known = values.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, value)| value).ok_or_else(|| unknown(&name))
}

/// An enum whose variants have a name in Python, and the error for other names.
macro_rules! choice {
    ($(#[$doc:meta])* $kind:ident { $($variant:ident = $name:literal),* } $what:literal or $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $kind { $($variant),* }

        impl $kind {
            /// What Python calls it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl FromPyObject<'_, '_> for $kind {
            type Error = Error;

            fn extract(name: Borrowed<'_, '_, PyAny>) -> Result<Self> {
                let unknown = |name: &str| {
                    let known = [$($name),*].join(", ");
                    $error(format!(concat!("unknown ", $what, " {:?}; known: {}"), name, known))
                };
                named(name, [$(($name, Self::$variant)),*], unknown)
            }
        }
    };
}

choice! {
    /// The source of a processor's time.
    Clock { Virtual = "virtual", Host = "host" } "clock" or Error::Config
}

choice! {
    /// What executes instructions.
    Engine { Interp = "interp", Jit = "jit" } "engine" or Error::Config
}

choice! {
    /// How RAM's data are compressed.
    Compression { Zstd = "zstd", Lz4 = "lz4" } "compression" or (|message| Error::Value(message + ", None"))
}

impl From<Clock> for time::Clock {
    fn from(clock: Clock) -> Self {
        match clock {
            Clock::Virtual => Self::Virtual,
            Clock::Host => Self::Host(HostClock::default()),
        }
    }
}

impl From<&time::Clock> for Clock {
    fn from(clock: &time::Clock) -> Self {
        match clock {
            time::Clock::Virtual => Self::Virtual,
            time::Clock::Host(_) => Self::Host,
        }
    }
}

impl From<Engine> for EngineKind {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Interp => Self::Interp,
            Engine::Jit => Self::Jit,
        }
    }
}

impl From<EngineKind> for Engine {
    fn from(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Interp => Self::Interp,
            EngineKind::Jit => Self::Jit,
        }
    }
}

/// A processor model.
pub struct Model(pub &'static model::Model);

impl FromPyObject<'_, '_> for Model {
    type Error = Error;

    fn extract(name: Borrowed<'_, '_, PyAny>) -> Result<Self> {
        let known = || model::MODELS.iter().map(|model| (model.name, *model));
        let unknown = |name: &str| {
            let names: Vec<_> = known().map(|(name, _)| name).collect();
            Error::config(format!("unknown CPU model {name:?}; known: {}", names.join(", ")))
        };
        named(name, known(), unknown).map(Self)
    }
}
