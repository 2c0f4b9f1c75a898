//! What can go wrong with a call to a backend, and the numbers by which calls are known.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bluegreen_core::BackendError;

/// How long a call that times out takes to say so.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

/// What goes wrong with one call to a backend of a [`World`](super::World).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and certainly changes nothing: [`BackendError::Unavailable`].
    Error,
    /// It is done, but the answer is lost: [`BackendError::Unknown`].
    ErrorAfterEffect,
    /// It isn't done, and nobody says so: [`BackendError::TimedOut`] after a second.
    TimeoutWithoutEffect,
    /// It is done, and nobody says so: [`BackendError::TimedOut`] after a second.
    TimeoutWithEffect,
    /// [`BackendError::TimedOut`] after a second; what was asked for reaches the world this long after the call, with all
    /// its tests, even if its sender is gone by then.
    LateEffect(Duration),
    /// It never returns and changes nothing.
    Hang,
    /// It takes this long, and is only then done.
    Slow(Duration),
}

/// One call that was made to a backend of a [`World`](super::World).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its number; the first call is 1.
    pub number: u64,
    /// Its name: the backend and the method, as in `router.write`.
    pub name: &'static str,
    /// When it began, by the time since the world began.
    pub at: Duration,
}

/// A call as it is about to be made.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    /// What is asked, as a verb.
    pub(crate) action: &'static str,
    pub(crate) object: String,
}

impl Site {
    pub(crate) fn new(name: &'static str, action: &'static str, object: impl Into<String>) -> Self {
        Self { name, action, object: object.into() }
    }

    pub(crate) fn unavailable(self) -> BackendError {
        BackendError::Unavailable {
            action: self.action.to_owned(),
            object: self.object,
            source: "the test made this call fail".into(),
        }
    }

    pub(crate) fn unknown(self) -> BackendError {
        BackendError::Unknown {
            action: self.action.to_owned(),
            object: self.object,
            source: "the test took the answer away".into(),
        }
    }

    pub(crate) fn timed_out(self) -> BackendError {
        BackendError::TimedOut { action: self.action.to_owned(), object: self.object, after: TIMEOUT }
    }
}

/// The calls that were made, and the faults that wait for one.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    calls: Vec<Call>,
    by_number: BTreeMap<u64, Fault>,
    by_name: BTreeMap<String, VecDeque<Fault>>,
}

impl Faults {
    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(crate) fn fail_call(&mut self, number: u64, fault: Fault) {
        self.by_number.insert(number, fault);
    }

    pub(crate) fn fail_next(&mut self, name: String, fault: Fault) {
        self.by_name.entry(name).or_default().push_back(fault);
    }

    /// Counts a call that begins, and says what goes wrong with it. A fault by number leaves one by name for later.
    pub(crate) fn begin(&mut self, name: &'static str, now: Duration) -> Option<Fault> {
        let number = self.calls.len() as u64 + 1;
        self.calls.push(Call { number, name, at: now });
        self.by_number.remove(&number).or_else(|| self.by_name.get_mut(name)?.pop_front())
    }
}
