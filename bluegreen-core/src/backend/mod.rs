//! What a rollout asks of the world: one trait a file, and the few types they share.
//!
//! Every trait is object-safe, has no default bodies, and may be called from any task. What holds for all methods:
//!
//! - **Bounded.** The driver puts a deadline on every call and drops the future when it passes. Dropping a future at any
//!   await point must leave the world as it is or as the call wanted it, never half-way.
//! - **Honest errors.** [`BackendError::effect`] tells whether a failed write happened. A backend that can't tell says
//!   [`Effect::Unknown`]; the driver then reads before it decides.
//! - **No retries.** A backend sends each write once. Every attempt carries a stamp of its own, so a hidden retry would
//!   be a write that nobody accounted for.

mod drainer;
mod environment;
mod error;
mod error_signal;
mod gate;
mod health_probe;
mod migration_runner;
mod preflight;
mod split;
mod traffic_router;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::drainer::{Drainer, OpenConnections};
pub use self::environment::{
    Autoscaler, ColorObservation, Deploy, Diagnosis, Endpoint, Environment, EnvironmentCapabilities, Obstacle,
    ObstacleKind, Scale, Seal, Snapshot, SnapshotObject,
};
pub use self::error::{BackendError, Effect, Source, chain};
pub use self::error_signal::{Bucket, ErrorSignal, Measure, Window};
pub use self::gate::{Gate, GateContext, GateDecision};
pub use self::health_probe::{HealthProbe, ProbeReport, ProbeTarget};
pub use self::migration_runner::{
    MigrationPhase, MigrationRun, MigrationRunner, MigrationStatus, OldReleaseReport, PendingMigrations,
};
pub use self::preflight::{Finding, Preflight, PreflightContext};
pub use self::split::{ParseSplitError, Split};
pub use self::traffic_router::{
    Address, Change, Convergence, ParseMarkError, Proof, RouteMark, RouteObject, RouteObservation, RouteState,
    RouteStep, RouteWrite, RouterCapabilities, TrafficRouter, Via,
};

/// How a backend describes itself in a plan: what it is and every setting that changes what it would do.
///
/// Descriptions are journaled and compared on recovery, so they must be the same for the same settings, and must not
/// hold secrets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The kind of backend, as in `ServiceRouter`.
    pub kind: String,
    /// Its settings by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, serde_json::Value>,
}

impl Description {
    /// A description without settings.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), settings: BTreeMap::new() }
    }

    /// Adds a setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        for (index, (name, value)) in self.settings.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}

/// What a write tests before it changes an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fence {
    /// The whole object as it was read: any change since, by anybody, makes the write a conflict. Used where the object
    /// carries no stamp yet, and by every raise.
    Version,
    /// The stamp that was read, by equality; changes of other fields don't matter.
    Stamp,
}

/// What a check came to.
///
/// Only [`Verdict::Pass`] lets a rollout go on. Missing data is [`Verdict::Inconclusive`], a check that was stopped is
/// [`Verdict::Cancelled`], and neither counts as passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Observed, and good.
    Pass,
    /// Observed, and bad.
    Fail,
    /// Not enough was observed to tell.
    Inconclusive,
    /// Stopped before it could tell.
    Cancelled,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Cancelled => "cancelled",
        })
    }
}
