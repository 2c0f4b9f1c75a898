//! The events of which a journal is made.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::outcome::{End, Ending};
use super::write::Write;
use crate::backend::{Diagnosis, Measure, RouteObject, RouteStep, Snapshot, Verdict};
use crate::color::Color;
use crate::ids::{Holder, RolloutId, Stamp};
use crate::plan::PlanSpec;
use crate::release::Release;
use crate::stage::Stage;

/// The version of the journal's format that this library writes. It reads this one and older ones.
pub const RECORD_VERSION: u32 = 1;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the format.
    pub v: u32,
    /// When, by the wall clock of who wrote it.
    pub at: Timestamp,
    /// Of which rollout.
    pub rollout: RolloutId,
    /// Who wrote it.
    pub holder: Holder,
    /// The member of a group that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// In which stage.
    pub stage: Stage,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened in a rollout. The state of a rollout is a fold of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// The rollout was started. Always the first.
    Started(Box<Started>),
    /// Another process goes on with the rollout.
    Recovered {
        /// What it found on the route.
        found: Vec<RouteObject>,
    },
    /// How many replicas the new color is to have.
    Capacity {
        /// The number.
        replicas: u32,
    },
    /// Whether a rollback will be possible after the switch, decided before it.
    WayBack {
        /// Whether it is.
        open: bool,
        /// Why, or why not.
        reason: String,
        /// How many replicas of the old color were ready: what guard and rollback go by.
        serving: u32,
        /// How often the new color's containers had restarted before it got traffic.
        restarts: u32,
    },
    /// A write is about to be sent.
    Intent {
        /// Which.
        write: Write,
        /// On which object.
        object: String,
        /// The stamp it will leave.
        stamp: Stamp,
        /// For an object of a route: from where to where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<RouteStep>,
    },
    /// A write was confirmed, by its reply or by reading back.
    Wrote {
        /// Which.
        write: Write,
        /// On which object.
        object: String,
        /// The stamp it left.
        stamp: Stamp,
        /// Whether this was the last object that the change needed.
        complete: bool,
    },
    /// What a write would have done was there already; nothing was sent.
    Found {
        /// Which.
        write: Write,
    },
    /// A write failed and certainly changed nothing.
    Refused {
        /// Which.
        write: Write,
        /// On which object.
        object: String,
        /// The stamp it would have left.
        stamp: Stamp,
        /// Why.
        error: String,
        /// Whether the object was not as expected.
        conflict: bool,
        /// Whether the same write may succeed later.
        retryable: bool,
    },
    /// A write got no answer: it may have landed, or may land later.
    Unsure {
        /// Which.
        write: Write,
        /// On which object.
        object: String,
        /// The stamp it leaves if it lands.
        stamp: Stamp,
        /// Why.
        error: String,
    },
    /// Something that must not be begun twice, or whose deadline counts from here, is about to begin.
    Begun {
        /// Which check it is for.
        check: Check,
    },
    /// A check passed.
    Passed {
        /// Which.
        check: Check,
        /// What was seen.
        summary: String,
    },
    /// A check didn't pass.
    Failed {
        /// Which.
        check: Check,
        /// What it came to.
        verdict: Verdict,
        /// What was seen.
        summary: String,
    },
    /// Something was measured during a watch or a canary step.
    Sampled(Sample),
    /// The old color can no longer take over, or can again.
    Guard {
        /// Whether it can.
        holds: bool,
        /// What was seen.
        summary: String,
    },
    /// The watch has too many gaps; a confirmation window was opened.
    Confirming {
        /// When it ends.
        until: Timestamp,
        /// What was missing.
        reason: String,
    },
    /// The watch came to a verdict.
    Judged {
        /// Which.
        verdict: Verdict,
        /// Why.
        reason: String,
    },
    /// Somebody asked for something.
    Asked {
        /// For what.
        request: Request,
        /// Who.
        by: String,
    },
    /// It was decided not to go on.
    Decided(Ending),
    /// What was found out about a color that failed.
    Evidence {
        /// Which color.
        color: Color,
        /// What.
        diagnosis: Diagnosis,
    },
    /// Objects of a color were copied before anything was changed.
    Kept {
        /// The copy.
        snapshot: Snapshot,
    },
    /// The rollout has ended. Always the last.
    Ended(End),
}

/// How a rollout began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// What kind of rollout.
    pub kind: Kind,
    /// The whole plan; a recovery under another plan is refused.
    pub plan: PlanSpec,
    /// What is to be served.
    pub release: Release,
    /// The color to go back to.
    pub old: Color,
    /// The color to go to.
    pub new: Color,
    /// The release in the old color, where it is known.
    pub old_release: Option<Release>,
    /// What was found on the route.
    pub found: Vec<RouteObject>,
    /// The rollout that was taken over, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_over: Option<RolloutId>,
}

/// What a rollout sets out to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bring a release to users.
    Deploy,
    /// Return users to the color that doesn't serve, and why.
    RollBack(String),
}

/// Something that has to be found good before a rollout goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// All preflights.
    Preflight,
    /// The copy of what may be changed.
    Backup,
    /// The migration.
    Migration,
    /// The old release on the new schema.
    OldRelease,
    /// The pin of a color's autoscaler, or its giving back.
    Pin(Color),
    /// Giving a color's autoscaler back what it had.
    Unpin(Color),
    /// The new color's readiness.
    Ready,
    /// The preview path.
    Preview,
    /// A smoke probe, counted from 0.
    Smoke(usize),
    /// A warm-up probe, counted from 0.
    WarmUp(usize),
    /// A canary step, counted from 0.
    Canary(usize),
    /// The approval.
    Approval,
    /// A final probe of the new color, counted from 0.
    FinalNew(usize),
    /// A final probe of the old color, counted from 0.
    FinalOld(usize),
    /// Proof that traffic arrived.
    Converged,
    /// The wait for data planes that can't be observed.
    Settled,
    /// A color was asked to finish its open connections.
    DrainBegun(Color),
    /// Open connections have left the color that no longer serves.
    Drained(Color),
    /// The color that serves again was told so.
    DrainCancelled,
    /// Proof that traffic returned.
    Returned,
    /// Evidence about the color that failed.
    Evidence,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preflight => f.write_str("preflight"),
            Self::Backup => f.write_str("backup"),
            Self::Migration => f.write_str("migration"),
            Self::OldRelease => f.write_str("old release on the new schema"),
            Self::Pin(color) => write!(f, "autoscaler of {color} pinned"),
            Self::Unpin(color) => write!(f, "autoscaler of {color} given back"),
            Self::Ready => f.write_str("ready"),
            Self::Preview => f.write_str("preview path"),
            Self::Smoke(index) => write!(f, "smoke probe {}", index + 1),
            Self::WarmUp(index) => write!(f, "warm-up {}", index + 1),
            Self::Canary(index) => write!(f, "canary step {}", index + 1),
            Self::Approval => f.write_str("approval"),
            Self::FinalNew(index) => write!(f, "final probe {} of the new color", index + 1),
            Self::FinalOld(index) => write!(f, "final probe {} of the old color", index + 1),
            Self::Converged => f.write_str("convergence"),
            Self::Settled => f.write_str("settled"),
            Self::DrainBegun(color) => write!(f, "{color} asked to drain"),
            Self::Drained(color) => write!(f, "{color} drained"),
            Self::DrainCancelled => f.write_str("drain taken back"),
            Self::Returned => f.write_str("convergence of the rollback"),
            Self::Evidence => f.write_str("evidence"),
        }
    }
}

/// One measurement during a watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What measured: `pods`, `probe 1`, or the name of a signal.
    pub source: String,
    /// The color it is about.
    pub color: Color,
    /// How long a stretch of time it speaks for, in seconds.
    pub seconds: f64,
    /// What was measured.
    pub measure: Measure,
    /// In words, where there is more to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

/// What can be asked of a running rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "request")]
pub enum Request {
    /// Take no forward step until resumed. Sampling, guard, rollback and deadlines go on.
    Pause,
    /// End a pause.
    Resume,
    /// Approve, where the plan asks for an approval.
    Approve {
        /// Why.
        reason: String,
    },
    /// End before traffic moves; once it has moved, the same as a rollback.
    Abort {
        /// Why.
        reason: String,
    },
    /// Return traffic to the old color; before traffic has moved, the same as an abort.
    RollBack {
        /// Why.
        reason: String,
        /// Even where the way back is closed.
        #[serde(default)]
        force: bool,
    },
}
