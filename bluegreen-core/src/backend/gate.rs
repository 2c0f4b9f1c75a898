//! Asking for permission.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::{BackendError, Description};
use crate::ids::RolloutId;
use crate::release::Release;
use crate::target::Target;

/// Decides whether a rollout may go on.
#[async_trait]
pub trait Gate: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// Decides, or says when to ask again. Returns at once; may be called any number of times, and dropped. An error is
    /// "ask again", never "go".
    async fn decide(&self, context: &GateContext) -> Result<GateDecision, BackendError>;
}

/// What a gate decides about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateContext {
    /// The rollout.
    pub rollout: RolloutId,
    /// Where to.
    pub target: Target,
    /// What.
    pub release: Release,
}

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateDecision {
    /// Go on.
    Go {
        /// Who decided.
        by: String,
        /// Why.
        reason: String,
    },
    /// Don't.
    No {
        /// Who decided.
        by: String,
        /// Why.
        reason: String,
    },
    /// Not decided yet.
    AskAgain(Duration),
}
