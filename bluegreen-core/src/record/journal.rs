//! Keeping the record of rollouts.

use std::fmt;

use async_trait::async_trait;

use super::event::Record;
use crate::backend::Source;
use crate::ids::RolloutId;
use crate::target::Target;

/// The append-only record of rollouts.
///
/// Implementers: nothing that was appended is ever changed or lost, and what can't be read is an error, never an empty
/// journal. Records of one rollout have positions from 0.
#[async_trait]
pub trait Journal: fmt::Debug + Send + Sync + 'static {
    /// The rollouts of `target` that are recorded, oldest first. Reads only.
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError>;

    /// Everything that is recorded of a rollout, in order. Reads only, and needs no lock: a rollout in another process may
    /// go on meanwhile.
    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError>;

    /// Appends `records` after exactly `position` others, all or none, durable before it returns.
    ///
    /// Compare-and-set: if there are not exactly `position` records, nothing is appended and the error is
    /// [`JournalError::Moved`]. After any other error it is unknown whether the records were appended, and the caller must
    /// not append again before it has loaded.
    async fn append(
        &self,
        target: &Target,
        rollout: &RolloutId,
        position: u64,
        records: &[Record],
    ) -> Result<(), JournalError>;
}

/// What [`Journal::load`] found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// The records in order.
    pub records: Vec<Record>,
    /// What was wrong with the journal but lost nothing that was ever confirmed: a torn last line.
    pub notes: Vec<String>,
}

/// A journal can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Someone else appended meanwhile. Nothing was appended.
    #[error("{journal} has {found} records where {expected} were expected: another process goes on with this rollout")]
    Moved {
        /// The journal.
        journal: String,
        /// The position that was expected.
        expected: u64,
        /// The position that was found.
        found: u64,
    },
    /// Another process has it open for writing. Nothing was appended.
    #[error("{journal} is locked by another process; wait for it to end, or stop it")]
    Locked {
        /// The journal.
        journal: String,
    },
    /// A record in it can't be understood. Nothing is changed; a person has to look.
    #[error("{journal} is damaged at line {line}: {message}; nothing was changed, look at it or move it away")]
    Damaged {
        /// The journal.
        journal: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// It was written by a newer version of this library. Nothing is changed.
    #[error("{journal} has records of version {found}, this program reads up to {supported}; use a newer program")]
    Newer {
        /// The journal.
        journal: String,
        /// The version found.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// It is about something else. Nothing is changed.
    #[error("{journal} belongs to {found}, not to {expected}")]
    Foreign {
        /// The journal.
        journal: String,
        /// What was asked for.
        expected: String,
        /// What it is about.
        found: String,
    },
    /// There is no such rollout in it.
    #[error("{journal} has no rollout {rollout}")]
    Missing {
        /// The journal.
        journal: String,
        /// The rollout that was asked for.
        rollout: RolloutId,
    },
    /// Reading or writing failed. After an append it is unknown whether the records are there.
    #[error("{journal} could not be {action}")]
    Io {
        /// The journal.
        journal: String,
        /// What was tried, as a participle.
        action: &'static str,
        /// Why.
        #[source]
        source: Source,
    },
}
