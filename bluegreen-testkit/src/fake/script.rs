//! Answers one after the other.

use std::sync::{Arc, Mutex, PoisonError};

/// A list of answers, of which the last is given for ever, and a count of those that were given.
#[derive(Debug, Clone)]
pub(super) struct Script<T> {
    answers: Arc<[T]>,
    given: Arc<Mutex<u64>>,
}

impl<T: Clone> Script<T> {
    pub(super) fn new(answers: impl IntoIterator<Item = T>) -> Self {
        Self { answers: answers.into_iter().collect(), given: Arc::default() }
    }

    /// The next answer; `None` from an empty list.
    pub(super) fn next(&self) -> Option<T> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(*given).unwrap_or(usize::MAX);
        *given += 1;
        self.answers.get(index).or_else(|| self.answers.last()).cloned()
    }

    pub(super) fn given(&self) -> u64 {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
