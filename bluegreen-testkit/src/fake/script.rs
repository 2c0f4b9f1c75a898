//! Answers one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A list of answers, of which the last is given for ever, and a count of those that were given.
#[derive(Debug, Clone)]
pub(super) struct Script<T> {
    answers: Arc<[T]>,
    given: Arc<AtomicU64>,
}

impl<T: Clone> Script<T> {
    pub(super) fn new(answers: impl IntoIterator<Item = T>) -> Self {
        Self { answers: answers.into_iter().collect(), given: Arc::default() }
    }

    /// The next answer; `None` from an empty list.
    pub(super) fn next(&self) -> Option<T> {
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        let next = usize::try_from(given).ok().and_then(|index| self.answers.get(index));
        next.or_else(|| self.answers.last()).cloned()
    }

    pub(super) fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }
}
