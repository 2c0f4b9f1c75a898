//! The two colors of a target: what runs in them and how that is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackendError, Description, Fence, Preflight};
use crate::color::Color;
use crate::ids::Stamp;
use crate::release::Release;

/// Runs releases in two colors.
///
/// Implementers: all writes ([`deploy`](Self::deploy), [`scale`](Self::scale), [`seal`](Self::seal)) test the fence
/// they are given and leave the given stamp, both in the same atomic write as their effect. A write that finds another
/// state than expected changes nothing and returns [`BackendError::Conflict`].
#[async_trait]
pub trait Environment: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// What has to hold in the world before a rollout may use this backend. Every rollout runs these before it writes.
    fn preflights(&self) -> Vec<Arc<dyn Preflight>>;

    /// What this backend can do; constant over its life.
    fn capabilities(&self) -> EnvironmentCapabilities;

    /// Reads a color from the system itself, never from a cache: decisions are based on this. Changes nothing; may be
    /// called at any time, and again.
    ///
    /// A color in which nothing was ever deployed is not an error: see [`ColorObservation::absent`].
    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError>;

    /// Follows a color: first its present state, then each change as soon as it is seen, without end. A broken watch is
    /// reported as an error item and resumed by the backend; after that nothing may be told until something changes, so a
    /// reader that wants to know reads. What arrives may be late, merged or repeated; it says when to look and what is
    /// going on. Dropping the stream ends the watch.
    ///
    /// A backend without watches builds this from [`observe`](Self::observe) with [`polling`](crate::polling).
    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>>;

    /// Brings `release` to a color with `replicas`, in one write that also leaves the stamp; creates the color where it
    /// isn't there yet. Returns what the write left, and doesn't wait for readiness.
    ///
    /// Idempotent for each (color, release): deploying what is there changes nothing but stamp and replicas. A mark of the
    /// time after which the color may be removed is taken away. Refuses a color whose objects it doesn't own
    /// ([`BackendError::Unusable`]) unless it was told to adopt them.
    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError>;

    /// Sets the number of replicas, zero included, in one write that also leaves the stamp and the time after which the
    /// color may be removed. Returns what the write left, and doesn't wait for it to be true.
    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError>;

    /// Changes nothing but the stamp, so that no older write can land on this color any more.
    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError>;

    /// Keeps the color's autoscaler, if it has one, from going below `minimum`; `None` gives back what it was set to
    /// before. Returns whether anything had to be written. A second call with the same argument writes nothing.
    async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError>;

    /// Copies every object of a color that a rollout may change, without what only the server sets.
    async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError>;

    /// Puts a snapshot's objects back as they were, but for the stamp: the one that is there stays, as an old one would let
    /// old writes land. A second call changes nothing more.
    async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError>;

    /// Says why a color isn't healthy, with evidence, most likely cause first. Reads only; best effort: what can't be
    /// read is said in the diagnosis.
    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError>;
}

/// What an [`Environment`] can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnvironmentCapabilities {
    /// [`Environment::snapshot`] and [`Environment::restore`] work.
    pub snapshot: bool,
    /// [`Environment::pin_capacity`] works.
    pub autoscaler: bool,
}

impl EnvironmentCapabilities {
    /// Nothing but deploying and scaling.
    #[must_use]
    pub const fn none() -> Self {
        Self { snapshot: false, autoscaler: false }
    }

    /// Says whether snapshots work.
    #[must_use]
    pub const fn with_snapshot(mut self, snapshot: bool) -> Self {
        self.snapshot = snapshot;
        self
    }

    /// Says whether autoscalers are known and can be pinned.
    #[must_use]
    pub const fn with_autoscaler(mut self, autoscaler: bool) -> Self {
        self.autoscaler = autoscaler;
        self
    }
}

/// What was seen of one color.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColorObservation {
    /// Which color.
    pub color: Color,
    /// The object that carries stamp and replicas, as people would look for it: `Deployment/checkout-green`.
    pub object: String,
    /// Whether the object exists.
    pub exists: bool,
    /// An opaque version of the object; changes with every change of it. Empty where it doesn't exist.
    pub version: String,
    /// The stamp that our last write left.
    pub stamp: Option<Stamp>,
    /// The release that the object asks for, if it was deployed by this library and not changed since.
    pub release: Option<Release>,
    /// How many replicas are asked for.
    pub desired: u32,
    /// How many replicas of the release that is asked for are ready.
    pub ready: u32,
    /// Whether the system has acted on the object as it is now: nothing of an earlier release or size is left, and as many
    /// replicas as are asked for count as available.
    pub settled: bool,
    /// Who could answer requests, by identity: the ready replicas of the release that is asked for.
    pub endpoints: BTreeSet<Endpoint>,
    /// What runs for the release that is asked for, ready or not: what may hold open connections.
    pub members: BTreeSet<Endpoint>,
    /// Restarts of containers, summed over the replicas that exist now.
    pub restarts: u32,
    /// What keeps the color from becoming ready.
    pub obstacles: Vec<Obstacle>,
    /// The autoscaler that also sets the replicas.
    pub autoscaler: Option<Autoscaler>,
}

impl ColorObservation {
    /// A color in which nothing was ever deployed.
    pub fn absent(color: Color, object: impl Into<String>) -> Self {
        Self {
            color,
            object: object.into(),
            exists: false,
            version: String::new(),
            stamp: None,
            release: None,
            desired: 0,
            ready: 0,
            settled: true,
            endpoints: BTreeSet::new(),
            members: BTreeSet::new(),
            restarts: 0,
            obstacles: Vec::new(),
            autoscaler: None,
        }
    }

    /// Whether at least `replicas` of `release` are ready, and nothing else is left of the color.
    #[must_use]
    pub fn is_ready(&self, release: &Release, replicas: u32) -> bool {
        self.release.as_ref() == Some(release) && self.settled && self.ready >= replicas.max(1)
    }

    /// Whether replicas are asked for.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.exists && self.desired > 0
    }
}

/// One thing that answers requests, by an identity that is never used again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The identity, as in the uid of a pod.
    pub id: String,
    /// What people call it, as in the name of a pod.
    pub name: String,
    /// Its network address, where it has one: `10.244.0.7`, without a port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The autoscaler of a color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscaler {
    /// It never goes below this.
    pub min: u32,
    /// It never goes above this.
    pub max: u32,
}

/// Something that keeps a color from becoming ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What kind of thing.
    pub kind: ObstacleKind,
    /// Where it was seen: `Pod/checkout-green-7d4b9-x2x8p`.
    pub object: String,
    /// The system's own words.
    pub message: String,
    /// Since when it has been there.
    pub since: Timestamp,
    /// How long it may be there before the color counts as never becoming ready; `None`: it may go away by itself.
    pub grace: Option<Duration>,
}

impl Obstacle {
    /// When waiting any longer is pointless.
    #[must_use]
    pub fn hopeless_at(&self) -> Option<Timestamp> {
        self.grace.map(|grace| self.since.saturating_add(grace).unwrap_or(Timestamp::MAX))
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.object, self.kind)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// What kind of thing keeps a color from becoming ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ObstacleKind {
    /// The artifact can't be fetched.
    ImagePull,
    /// The configuration that it refers to is missing or wrong.
    Configuration,
    /// It starts and ends, again and again.
    CrashLoop,
    /// The system refuses to create replicas: quota, admission.
    Refused,
    /// There is no room to run it.
    Unschedulable,
    /// It runs but doesn't say that it is ready.
    NotReady,
    /// Anything else.
    Other,
}

/// A deployment of a release to a color.
#[derive(Debug, Clone, Copy)]
pub struct Deploy<'a> {
    /// The color as it was read; what the write expects.
    pub expect: &'a ColorObservation,
    /// What of it the write tests. A color that doesn't exist is created, and a conflict if it does by then.
    pub fence: Fence,
    /// The stamp to leave.
    pub stamp: &'a Stamp,
    /// What to deploy.
    pub release: &'a Release,
    /// How many replicas; at least 1.
    pub replicas: u32,
}

/// A change of the number of replicas.
#[derive(Debug, Clone, Copy)]
pub struct Scale<'a> {
    /// The color as it was read; what the write expects.
    pub expect: &'a ColorObservation,
    /// What of it the write tests.
    pub fence: Fence,
    /// The stamp to leave.
    pub stamp: &'a Stamp,
    /// How many replicas.
    pub replicas: u32,
    /// The time after which the color may be removed; `None` takes such a mark away.
    pub cleanup_after: Option<Timestamp>,
}

/// A write that changes nothing but the stamp.
#[derive(Debug, Clone, Copy)]
pub struct Seal<'a> {
    /// The color as it was read; what the write expects.
    pub expect: &'a ColorObservation,
    /// What of it the write tests.
    pub fence: Fence,
    /// The stamp to leave.
    pub stamp: &'a Stamp,
}

/// Objects of one color as they were, readable and restorable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which color.
    pub color: Color,
    /// The objects.
    pub objects: Vec<SnapshotObject>,
}

/// One object of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotObject {
    /// As people would look for it: `Deployment/checkout-green`.
    pub name: String,
    /// The object itself, without what only the server sets.
    pub content: serde_json::Value,
}

/// Why a color isn't healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Plain sentences, the most likely cause first.
    pub causes: Vec<String>,
    /// What they rest on, by where it was found: log lines, events, conditions. Bounded by the backend.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, String>,
}
