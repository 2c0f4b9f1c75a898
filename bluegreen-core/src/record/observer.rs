//! Telling others what goes on.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::event::Record;
use crate::stage::Stage;

/// Receives what goes on in a rollout.
///
/// An observer can't slow a rollout down or fail it: [`notify`](Self::notify) must return at once, and hand anything slow
/// to a task or channel of its own.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Called for every update, in order. What was journaled is told after it is durable.
    fn notify(&self, update: &Update);
}

/// Something that goes on in a rollout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "update")]
#[non_exhaustive]
pub enum Update {
    /// Something happened and is in the journal.
    Recorded(Box<Record>),
    /// Something else is waited for than before.
    Waiting(Waiting),
    /// A call failed and is tried again.
    Retrying {
        /// When.
        at: Timestamp,
        /// What.
        what: String,
        /// How often it has failed.
        attempt: u32,
        /// Why.
        error: String,
    },
}

/// What a rollout waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// In which stage.
    pub stage: Stage,
    /// For what, and what was seen last.
    pub what: String,
    /// Until when at the latest.
    pub until: Option<Timestamp>,
}
