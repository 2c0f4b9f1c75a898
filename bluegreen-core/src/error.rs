//! Why a rollout could not be performed to an end.

use std::time::Duration;

use crate::backend::BackendError;
use crate::engine::IllegalEvent;
use crate::ids::RolloutId;
use crate::plan::PlanError;
use crate::record::JournalError;
use crate::stage::Stage;

/// A rollout didn't start, or its program can't go on with it.
///
/// This is never how a rollout *ends*: it ends in an [`Outcome`](crate::Outcome). After any of these the world serves as it
/// did; a rollout that had begun is in its journal and can be recovered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The plan can't be carried out. Nothing was touched.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Another rollout holds the route and hasn't ended. Nothing was touched.
    #[error(
        "the route is held by rollout {by}{}; recover it, wait for it to end, or take it over",
        since.map(|since| format!(", begun at {since}")).unwrap_or_default()
    )]
    Held {
        /// Which.
        by: RolloutId,
        /// Since when.
        since: Option<jiff::Timestamp>,
    },
    /// The journal has a rollout of this target that hasn't ended. Nothing was touched.
    #[error("rollout {rollout} of {target} hasn't ended; recover it first")]
    Open {
        /// The target.
        target: String,
        /// Which.
        rollout: RolloutId,
    },
    /// There is nothing to recover. Nothing was touched.
    #[error("no rollout of {target} is open; there is nothing to recover")]
    NothingOpen {
        /// The target.
        target: String,
    },
    /// The rollout was begun under another plan. Nothing was touched.
    #[error(
        "rollout {rollout} was begun under another plan, and can only be recovered under that one:{}",
        list(differences)
    )]
    PlanDiffers {
        /// Which.
        rollout: RolloutId,
        /// The fields that differ, with both values.
        differences: Vec<String>,
    },
    /// The route doesn't name exactly one color. Nothing was touched.
    #[error("which color serves can't be told: {found}; make the route name exactly one")]
    Ambiguous {
        /// What was found.
        found: String,
    },
    /// There is nothing to go back to. Nothing was touched.
    #[error("there is nothing to roll back to: {found}")]
    NothingToRollBackTo {
        /// What was found.
        found: String,
    },
    /// The world could not be read before the rollout began. Nothing was touched.
    #[error("could not look at the world before starting")]
    Backend(#[source] BackendError),
    /// The journal can't be read or written. A rollout that had begun stops where it is, and can be recovered.
    #[error("the journal can't be used")]
    Journal(#[from] JournalError),
    /// The journal's events don't follow from each other. Nothing was touched.
    #[error("the journal of rollout {rollout} can't be replayed; look at it, or move it away")]
    Illegal {
        /// Which.
        rollout: RolloutId,
        /// Why.
        #[source]
        source: IllegalEvent,
    },
    /// The world could not be reached for longer than the plan has patience. Everything is as it was; recover later.
    #[error("the world could not be reached for {patience:?}: {error}; recover when it can be")]
    Unreachable {
        /// How long.
        patience: Duration,
        /// Why.
        error: String,
    },
    /// The engine decides again and again without anything happening: a bug in this library. Recover with a fixed one.
    #[error("no progress in stage {stage}: this is a bug in bluegreen, please report it")]
    Stuck {
        /// In which stage.
        stage: Stage,
    },
    /// The task that performed the rollout is gone: it was dropped, or it panicked. Recover the rollout.
    #[error("the task that performed the rollout is gone; recover the rollout")]
    Gone,
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}
