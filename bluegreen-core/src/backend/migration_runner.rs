//! Changing the database that both colors use.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{BackendError, Description};
use crate::ids::RolloutId;
use crate::release::Release;

/// Runs the schema migrations of a release.
///
/// Implementers: a run is identified by ([`RolloutId`], set, phase) and must never be performed twice, not even if
/// [`run`](Self::run) is called twice, timed out, or its caller died: give it a name made of its identity in a ledger of
/// its own. A run that was begun is never killed.
#[async_trait]
pub trait MigrationRunner: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// What has to be run before `release` can serve. Changes nothing.
    async fn pending(&self, release: &Release) -> Result<PendingMigrations, BackendError>;

    /// Starts a run, or finds the run with this identity, and returns when it has ended. Dropping the future doesn't stop
    /// the run. An error means that its state is unknown: ask [`status`](Self::status).
    async fn run(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError>;

    /// How a run is doing. [`MigrationStatus::NotStarted`] must be certain: no run with this identity exists or can still
    /// begin.
    async fn status(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError>;

    /// Whether the release that serves now can start and work on the schema as it is after the run.
    async fn old_release_works(&self, run: &MigrationRun) -> Result<OldReleaseReport, BackendError>;
}

/// Which half of an expand-and-contract change is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationPhase {
    /// Adds what the new release needs; the old one goes on working. Before the switch.
    Expand,
    /// Removes what only the old release needed. Only with proof that the new one stays.
    Contract,
}

/// Migrations that are still to be run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMigrations {
    /// A name for exactly this list; the same list has the same name. Empty where nothing is pending.
    pub set: String,
    /// The migrations in order.
    pub migrations: Vec<String>,
}

/// The identity of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MigrationRun {
    /// For which rollout.
    pub rollout: RolloutId,
    /// For which release.
    pub release: Release,
    /// The release that serves while it runs, where it is known.
    pub serving: Option<Release>,
    /// Which list, as [`PendingMigrations::set`] named it.
    pub set: String,
    /// Which half.
    pub phase: MigrationPhase,
}

/// How a run is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum MigrationStatus {
    /// There is no such run.
    NotStarted,
    /// It was begun and has not ended.
    Running,
    /// It ended well.
    Succeeded {
        /// The end of its log.
        log: String,
    },
    /// It ended badly. The schema may be half-way.
    Failed {
        /// Why, in one sentence.
        reason: String,
        /// The end of its log.
        log: String,
    },
}

/// Whether the old release works on the new schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldReleaseReport {
    /// Whether it does.
    pub works: bool,
    /// What that rests on.
    pub evidence: String,
}
