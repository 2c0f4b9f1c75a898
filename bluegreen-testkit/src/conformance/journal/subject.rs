//! One journal, and what a harness can do to it.

use std::sync::Arc;

use bluegreen_core::{Journal, JournalError, Log, Record, RolloutId, Target};

use super::records::{rollout, target};
use crate::conformance::Failure;
use crate::conformance::lever::Lever;

/// A journal with nothing in it, and what its harness can do to it. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    open: Lever<(), Arc<dyn Journal>>,
    pub(super) tears: Option<Lever<(Target, RolloutId)>>,
    pub(super) damages: Option<Lever<(Target, RolloutId)>>,
}

/// For harnesses.
impl Subject {
    /// A journal that `open` opens: each time as another process would, while the ones before may still be open, or after
    /// they were dropped. What is in memory only may hand out clones.
    pub fn new<J, F>(open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        J: Journal,
        F: Future<Output = Result<J, Failure>> + Send + 'static,
    {
        let open = move |()| {
            let open = open();
            async move { Ok(Arc::new(open.await?) as Arc<dyn Journal>) }
        };
        Self { open: Lever::new(open), tears: None, damages: None }
    }

    /// Offers to take away a part of what the last append wrote, as a crash in the middle of it would have. No journal is
    /// open meanwhile.
    #[must_use]
    pub fn tears<F>(mut self, tear: impl Fn(Target, RolloutId) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.tears = Some(Lever::new(move |(target, rollout)| tear(target, rollout)));
        self
    }

    /// Offers to make the first record unreadable. No journal is open meanwhile.
    #[must_use]
    pub fn damages<F>(mut self, damage: impl Fn(Target, RolloutId) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.damages = Some(Lever::new(move |(target, rollout)| damage(target, rollout)));
        self
    }
}

/// For cases.
impl Subject {
    /// Opens the journal as another process would.
    pub(super) async fn open(&self) -> Result<Arc<dyn Journal>, Failure> {
        self.open.pull(()).await
    }
}

/// Appends to the rollout that cases use.
pub(super) async fn append(journal: &dyn Journal, position: u64, records: &[Record]) -> Result<(), JournalError> {
    journal.append(&target(), &rollout(), position, records).await
}

/// Loads the rollout that cases use.
pub(super) async fn load(journal: &dyn Journal) -> Result<Log, JournalError> {
    journal.load(&target(), &rollout()).await
}
