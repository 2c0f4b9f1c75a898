//! The named phases of a rollout.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A named phase of a rollout, in the order in which a rollout goes through them.
///
/// Raise, deploy, ready, switch and converge are always there; the others only when the plan has something for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Preconditions are checked; nothing is written.
    Preflight,
    /// The route is stamped: this rollout is now its holder.
    Raise,
    /// Everything that may be changed is copied.
    Backup,
    /// The schema is extended.
    Migrate,
    /// The release that serves is tried on the extended schema.
    OldRelease,
    /// The release is brought to the standby color.
    Deploy,
    /// The standby color is awaited.
    Ready,
    /// The standby color is tested through its preview path.
    Smoke,
    /// The standby color is warmed up, or put under load.
    WarmUp,
    /// A part of the traffic is shifted, in steps.
    Canary,
    /// A decision is awaited.
    Approve,
    /// Both colors are checked once more.
    FinalHealth,
    /// All traffic is switched.
    Switch,
    /// Proof that traffic arrived is awaited, and data planes settle.
    Converge,
    /// The new release is observed.
    Watch,
    /// Open connections leave the old color.
    Drain,
    /// The old color is scaled down and kept restorable.
    Retire,
    /// The rollout ends before traffic moved.
    Abort,
    /// Traffic returns to the old color.
    RollBack,
    /// The rollout has ended.
    End,
}

impl Stage {
    /// The name as it stands in journals and spans: `final_health`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Raise => "raise",
            Self::Backup => "backup",
            Self::Migrate => "migrate",
            Self::OldRelease => "old_release",
            Self::Deploy => "deploy",
            Self::Ready => "ready",
            Self::Smoke => "smoke",
            Self::WarmUp => "warm_up",
            Self::Canary => "canary",
            Self::Approve => "approve",
            Self::FinalHealth => "final_health",
            Self::Switch => "switch",
            Self::Converge => "converge",
            Self::Watch => "watch",
            Self::Drain => "drain",
            Self::Retire => "retire",
            Self::Abort => "abort",
            Self::RollBack => "roll_back",
            Self::End => "end",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
