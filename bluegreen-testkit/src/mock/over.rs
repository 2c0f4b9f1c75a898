//! A mock in front of a backend.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bluegreen_core::{BackendError, JournalError};

/// A mock that answers what it has expectations for, in front of a backend that answers everything else.
///
/// Made by the `over` of a mock. Clones share the mock: give one to the rollout, and keep one for
/// [`checkpoint`](Self::checkpoint).
pub struct Over<M, B> {
    mock: Arc<Mutex<M>>,
    pub(super) backend: Arc<B>,
}

impl<M, B> Over<M, B>
where
    M: Double<B>,
{
    pub(super) fn new(mut mock: M, backend: B) -> Self {
        let backend = Arc::new(backend);
        mock.defer_to(&backend);
        Self { mock: Arc::new(Mutex::new(mock)), backend }
    }

    /// Panics unless every expectation was met and no call to the mock has panicked. Expectations end here; from now on
    /// the backend answers everything.
    ///
    /// Call it at the end of a test. A mock verifies itself when it is dropped, but a rollout may drop it in a task, where
    /// a panic fails no test.
    pub fn checkpoint(&self) {
        assert!(!self.mock.is_poisoned(), "a call to this mock has panicked; its message was printed then");
        let mut mock = self.lock();
        mock.verify();
        mock.defer_to(&self.backend);
    }

    /// What the mock says to a call; `None` if the backend is to be asked.
    ///
    /// The futures of mocks are done when they are first polled, so that the lock is never held across an await.
    pub(super) fn ask<T, E: Passes>(&self, call: impl FnOnce(&M) -> Option<Result<T, E>>) -> Option<Result<T, E>> {
        let said = call(&self.lock());
        said.filter(|said| !said.as_ref().is_err_and(Passes::is_pass))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, M> {
        self.mock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M, B> Clone for Over<M, B> {
    fn clone(&self) -> Self {
        Self { mock: Arc::clone(&self.mock), backend: Arc::clone(&self.backend) }
    }
}

impl<M, B: fmt::Debug> fmt::Debug for Over<M, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Over").field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// What [`Over`] needs of a mock.
pub trait Double<B>: Sized {
    /// Appends an expectation for every method that lets `backend` answer. It is met by any number of calls, none included.
    fn defer_to(&mut self, backend: &Arc<B>);

    /// Panics unless every expectation was met, and forgets them all.
    fn verify(&mut self);
}

/// An error that can carry [`pass`].
pub trait Passes: From<Pass> {
    /// Whether it does.
    fn is_pass(&self) -> bool;
}

/// The error that [`pass`] makes others of.
#[derive(Debug)]
pub struct Pass;

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mock passed the call on, but there is nothing behind it; use its method `over`")
    }
}

impl Error for Pass {}

/// Returned by an expectation as `Err(pass())`, lets the backend behind the mock answer this call.
///
/// So a call can be counted, put in a [`Sequence`](mockall::Sequence) or looked at, and still be done.
#[must_use]
pub fn pass<E: Passes>() -> E {
    Pass.into()
}

impl From<Pass> for BackendError {
    fn from(pass: Pass) -> Self {
        Self::Unavailable { action: "pass".to_owned(), object: "a call".to_owned(), source: Box::new(pass) }
    }
}

impl Passes for BackendError {
    fn is_pass(&self) -> bool {
        matches!(self, Self::Unavailable { source, .. } if source.is::<Pass>())
    }
}

impl From<Pass> for JournalError {
    fn from(pass: Pass) -> Self {
        Self::Io { journal: "a mock".to_owned(), action: "asked", source: Box::new(pass) }
    }
}

impl Passes for JournalError {
    fn is_pass(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.is::<Pass>())
    }
}

/// Lets the mock of an [`Over`] answer an async method, or else its backend.
macro_rules! answer {
    ($over:ident.$method:ident($($argument:expr),*)) => {
        match $over.ask(|mock| mock.$method($($argument),*).now_or_never()) {
            Some(said) => said,
            None => $over.backend.$method($($argument),*).await,
        }
    };
}

pub(super) use answer;
