//! What can go wrong between a rollout and a backend.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The cause of a [`BackendError`], as the library underneath reported it.
pub type Source = Box<dyn Error + Send + Sync>;

/// Whether a call that failed changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing was changed, and this attempt can't change anything later.
    No,
    /// It may have happened, or may happen later. Read before deciding.
    Unknown,
}

/// A backend call failed. Every variant names the object, what was wanted of it, and what came back.
///
/// For reads [`BackendError::effect`] has no meaning; for writes it decides what happens next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The object isn't what the write expected. Nothing was changed.
    #[error("{object} is not as expected: expected {expected}, found {found}")]
    Conflict {
        /// The object that was to be written.
        object: String,
        /// What the write tested for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The object doesn't exist. Nothing was changed.
    #[error("{object} does not exist; {hint}")]
    NotFound {
        /// The object that was looked for.
        object: String,
        /// What the caller can do about it.
        hint: String,
    },
    /// The identity in use may not do this. Nothing was changed; a retry won't help until someone grants it.
    #[error("not allowed to {action} {object}: {message}")]
    Denied {
        /// The verb.
        action: String,
        /// The object.
        object: String,
        /// The server's words.
        message: String,
    },
    /// The request was understood and refused: invalid, over quota, denied by a webhook. Nothing was changed.
    #[error("refused to {action} {object}: {message}")]
    Refused {
        /// The verb.
        action: String,
        /// The object.
        object: String,
        /// The server's words.
        message: String,
    },
    /// The request certainly didn't reach its end: nothing was changed, and trying again may help.
    #[error("could not {action} {object}: not reachable or overloaded")]
    Unavailable {
        /// The verb.
        action: String,
        /// The object.
        object: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// The request broke off: it may have happened, or may still happen.
    #[error("no answer when asked to {action} {object}; whether it happened is unknown")]
    Unknown {
        /// The verb.
        action: String,
        /// The object.
        object: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// The call was given up at its deadline: it may have happened, or may still happen.
    #[error(
        "gave up after {after:?} waiting to {action} {object}; if that changes anything, whether it happened is unknown"
    )]
    TimedOut {
        /// The verb.
        action: String,
        /// The object.
        object: String,
        /// How long was waited.
        after: Duration,
    },
    /// What is there, or what came back, can't be worked with.
    #[error("{object} can't be used: {message}")]
    Unusable {
        /// The object.
        object: String,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// The backend can't do this at all; its capabilities say so.
    #[error("{backend} can't {action}")]
    Unsupported {
        /// The verb.
        action: String,
        /// The kind of backend.
        backend: String,
    },
}

impl BackendError {
    /// Whether the write that failed changed anything.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        match self {
            Self::Unknown { .. } | Self::TimedOut { .. } => Effect::Unknown,
            _ => Effect::No,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything. For a write this is not permission to
    /// send it again: read first.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unknown { .. } | Self::TimedOut { .. })
    }
}

/// The message of `error` and of everything behind it, each once, joined by `: `.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let message = source.to_string();
        if !text.contains(&message) {
            let _ = write!(text, ": {message}");
        }
        next = source.source();
    }
    text
}
