//! What a person asks of a rollout while it runs.

use tokio::sync::oneshot;

use crate::record::Request;

/// A request on its way to the driver.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) by: String,
    /// Answered when the request is in the journal.
    pub(crate) answer: oneshot::Sender<Result<(), RequestError>>,
}

/// A request wasn't taken. Nothing came of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The rollout has ended, or its task was dropped.
    #[error("the rollout has ended; to return to the other color now, roll back as a rollout of its own")]
    Ended,
    /// Rolling back isn't possible any more.
    #[error("the way back is closed: {reason}; ask for it by force if it has to be")]
    WayBackClosed {
        /// Why.
        reason: String,
    },
    /// It turns back already.
    #[error("the rollout turns back already: {reason}")]
    TurnsBack {
        /// Why.
        reason: String,
    },
}
