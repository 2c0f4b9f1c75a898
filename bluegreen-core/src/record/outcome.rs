//! How a rollout ends.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a rollout is heading when it doesn't go forward any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ending")]
pub enum Ending {
    /// It ends before traffic moved; the standby color is scaled down.
    Abort {
        /// Why.
        reason: String,
    },
    /// Traffic returns to the old color.
    RollBack {
        /// Why.
        reason: String,
        /// Asked for by a person even though the way back is closed.
        #[serde(default)]
        forced: bool,
    },
}

impl Ending {
    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Abort { reason } | Self::RollBack { reason, .. } => reason,
        }
    }
}

/// What a rollout ended in. A rollout ends exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum End {
    /// The new release serves.
    Promoted {
        /// Whether a watch has proven it. Without proof nothing was retired.
        proven: bool,
    },
    /// The release served already; nothing was written.
    AlreadyActive,
    /// It ended before traffic moved; the old release serves as before.
    Aborted {
        /// Why.
        reason: String,
    },
    /// Traffic is back on the old release.
    RolledBack {
        /// Why.
        reason: String,
    },
    /// It stopped where it was, writing nothing more; a person has to decide.
    Halted {
        /// Why.
        reason: String,
        /// What to do.
        next: String,
    },
    /// Another holder took the route; it stopped, writing nothing more.
    Superseded {
        /// What was found on the route.
        by: String,
    },
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promoted { proven: true } => f.write_str("promoted, proven by its watch"),
            Self::Promoted { proven: false } => f.write_str("promoted, not watched"),
            Self::AlreadyActive => f.write_str("already active; nothing was written"),
            Self::Aborted { reason } => write!(f, "aborted: {reason}"),
            Self::RolledBack { reason } => write!(f, "rolled back: {reason}"),
            Self::Halted { reason, next } => write!(f, "halted: {reason}; {next}"),
            Self::Superseded { by } => write!(f, "superseded by {by}"),
        }
    }
}
