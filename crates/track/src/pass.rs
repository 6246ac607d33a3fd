//! Passes: what a save or a migration sends, a chunk at a time, while the guest may run.
//!
//! Must hold: a unit that changes after a pass has sent it is marked again, and so belongs to a later pass.

use crate::error::PassError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A set of marks. The two do not disturb each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// What changed since a live pass took it.
    Live,
    /// Changes since the base, which the last pass of this kind sent.
    Base,
}

/// The contents of a pass, and which marks it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Everything. No mark is taken.
    Untracked,
    /// Everything, and takes these marks: the next pass of [`Start::Changes`] sends what changed since.
    Full(Marks),
    /// Units with one of these marks, which it takes.
    Changes(Marks),
}

impl Start {
    /// The marks that the pass takes.
    pub fn marks(self) -> Option<Marks> {
        match self {
            Self::Untracked => None,
            Self::Full(marks) | Self::Changes(marks) => Some(marks),
        }
    }

    /// Whether everything is sent, marked or not.
    pub fn is_full(self) -> bool {
        !matches!(self, Self::Changes(_))
    }
}

/// Something whose changes are marked.
pub trait Tracked: Send + Sync {
    /// The progress of a pass, and the marks to restore if it fails.
    type Walk: Send;
    /// Some units on their way.
    type Chunk;

    /// Whether changes since a base are known.
    fn has_base(&self) -> bool;

    /// Begins a pass. For the changes since a base there is one.
    ///
    /// # Errors
    /// [`PassError::Memory`].
    fn begin(&self, start: Start) -> Result<Self::Walk, PassError>;

    /// The next chunk of about `max_bytes` at most, but with one unit at least; `None` when the pass is over.
    fn next(&self, start: Start, walk: &mut Self::Walk, max_bytes: usize) -> Option<Self::Chunk>;

    /// Units expected to come.
    fn remaining(&self, walk: &Self::Walk) -> u64;

    /// Marks again everything that the pass took, sent or not, and ends it.
    fn put_back(&self, start: Start, walk: &mut Self::Walk);
}

/// One pass. Threads may take chunks from it side by side.
pub struct Pass<T: Tracked> {
    of: Arc<T>,
    start: Start,
    walk: Mutex<T::Walk>,
}

impl<T: Tracked> Pass<T> {
    /// Begins a pass. One pass at a time for each set of marks makes sense.
    ///
    /// # Errors
    /// [`PassError::NoBase`] for the changes since a base that does not exist; [`PassError::Memory`].
    pub fn start(of: &Arc<T>, start: Start) -> Result<Self, PassError> {
        if start == Start::Changes(Marks::Base) && !of.has_base() {
            return Err(PassError::NoBase);
        }
        let walk = Mutex::new(of.begin(start)?);
        Ok(Self { of: of.clone(), start, walk })
    }

    fn walk(&self) -> MutexGuard<'_, T::Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunk of about `max_bytes` at most, but with one unit at least; `None` when the pass is over.
    pub fn next(&self, max_bytes: usize) -> Option<T::Chunk> {
        self.of.next(self.start, &mut self.walk(), max_bytes)
    }

    /// Units expected to come.
    pub fn remaining(&self) -> u64 {
        self.of.remaining(&self.walk())
    }

    /// The pass has failed: everything it took, sent or not, is marked again, and it is over.
    pub fn put_back(&self) {
        self.of.put_back(self.start, &mut self.walk());
    }
}
