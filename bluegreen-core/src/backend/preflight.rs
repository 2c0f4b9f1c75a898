//! Checking preconditions before anything is touched.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{BackendError, Description};
use crate::color::Color;
use crate::release::Release;
use crate::target::Target;

/// Checks one precondition. All preflights of a plan are run, and all failures reported together.
#[async_trait]
pub trait Preflight: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// Checks, and changes nothing. May be called again, and dropped. An error counts as a failure.
    async fn check(&self, context: &PreflightContext) -> Result<Finding, BackendError>;
}

/// What a preflight checks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreflightContext {
    /// Where to.
    pub target: Target,
    /// What.
    pub release: Release,
    /// The color that serves.
    pub active: Color,
    /// The color that would be deployed to.
    pub standby: Color,
}

/// What a preflight found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// All is well.
    Passed {
        /// What was seen.
        message: String,
    },
    /// The rollout can go on, but a person should know.
    Warning {
        /// What was seen and what to do.
        message: String,
    },
    /// The rollout must not start.
    Failed {
        /// What was seen and what to do.
        message: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed { message } => write!(f, "passed: {message}"),
            Self::Warning { message } => write!(f, "warning: {message}"),
            Self::Failed { message } => write!(f, "failed: {message}"),
        }
    }
}
