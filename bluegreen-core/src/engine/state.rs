//! What happened, folded.

mod apply;

pub(super) use self::apply::name;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::backend::{RouteObject, RouteStep};
use crate::color::{Color, PerColor};
use crate::ids::{Holder, RolloutId, Stamp};
use crate::plan::PlanSpec;
use crate::record::{Check, End, Ending, Kind, Record, Started, Write};

use super::verdict::SourceState;

/// The state of a rollout: everything that its journal says, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Which rollout.
    pub rollout: RolloutId,
    /// How it began.
    pub started: Started,
    /// Who performs it now.
    pub holder: Holder,
    /// Who performed it before, and is not to write any more.
    pub predecessors: BTreeSet<Holder>,
    /// What this process holds.
    pub holding: Holding,
    /// The objects of the route that any process of this rollout has raised.
    pub raised: BTreeSet<String>,
    /// How many replicas the new color is to have.
    pub capacity: Option<u32>,
    /// Since when it is to have so many.
    pub capacity_since: Option<Timestamp>,
    /// What was decided about a rollback before traffic moved.
    pub way_back: Option<WayBack>,
    /// The write that is under way.
    pub intent: Option<Intent>,
    /// Writes whose fate is unknown, by object.
    pub doubts: BTreeMap<String, Doubt>,
    /// How often the last kind of write was tried in vain.
    pub tries: Option<Tries>,
    /// What was begun, and when.
    pub begun: BTreeMap<Check, Timestamp>,
    /// What another process began.
    pub inherited: BTreeSet<Check>,
    /// What passed, and when.
    pub passed: BTreeMap<Check, Timestamp>,
    /// What failed, first, and speaks against the new release.
    pub failed: Option<(Check, String)>,
    /// Everything that failed.
    pub failures: BTreeSet<Check>,
    /// When each kind of write was last confirmed as complete.
    pub wrote: BTreeMap<&'static str, Timestamp>,
    /// How often the release was deployed.
    pub deploys: u32,
    /// When each canary step was complete.
    pub shifted: BTreeMap<usize, Timestamp>,
    /// Whether a write that moves traffic was ever sent and not certainly refused.
    pub traffic_sent: bool,
    /// When all traffic was on the new color.
    pub switched: Option<Timestamp>,
    /// When all traffic was back on the old color.
    pub returned: Option<Timestamp>,
    /// The watch.
    pub watch: WatchState,
    /// Whether a person paused it.
    pub paused: bool,
    /// Whether a person approved it.
    pub approved: Option<String>,
    /// Where it is heading when it doesn't go forward, and since when.
    pub ending: Option<(Ending, Timestamp)>,
    /// How it ended.
    pub end: Option<End>,
    /// The highest sequence number used by this holder.
    pub seq: u64,
}

/// What the present process holds. A recovery starts anew.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Holding {
    /// The route as it was when this process began.
    pub found: Vec<RouteObject>,
    /// The objects of the route that carry a stamp of this process.
    pub raised: BTreeSet<String>,
    /// Whether the color that serves was sealed before the raise that is to come.
    pub sealed_first: bool,
    /// The colors on which no older write can land any more (R5).
    pub sealed: PerColor<bool>,
}

/// A write that is under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Which.
    pub write: Write,
    /// On which object.
    pub object: String,
    /// The stamp it leaves.
    pub stamp: Stamp,
    /// From where to where.
    pub step: Option<RouteStep>,
}

/// A write whose fate is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt {
    /// The write.
    pub intent: Intent,
}

/// How often a kind of write was tried in vain.
#[derive(Debug, Clone, PartialEq)]
pub struct Tries {
    /// Which.
    pub write: Write,
    /// How often, not counting tries that never reached the server.
    pub counted: u32,
    /// How often in all.
    pub all: u32,
    /// Since when.
    pub since: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// Why last.
    pub error: String,
    /// Whether trying again is pointless.
    pub hopeless: bool,
}

/// What was decided about a rollback before traffic moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// Whether it is possible.
    pub open: bool,
    /// Why, or why not.
    pub reason: String,
    /// How many replicas of the old color were ready.
    pub serving: u32,
    /// How often the new color's containers had restarted.
    pub restarts: u32,
}

/// What a watch has seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WatchState {
    /// By source.
    pub sources: BTreeMap<String, SourceState>,
    /// Whether the old color can take over, as last seen.
    pub guard_lost: Option<String>,
    /// The confirmation window.
    pub confirming: Option<(Timestamp, Timestamp)>,
    /// The verdict, if there is one.
    pub passed: Option<Timestamp>,
}

/// An event can't follow what happened before it: the journal is not that of one rollout, or was tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} can't follow here: {why}")]
pub struct IllegalEvent {
    /// The event, in short.
    pub event: String,
    /// Why it can't follow.
    pub why: String,
}

impl State {
    /// The state after `records`; `None` of none.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Option<Self>, IllegalEvent> {
        records.into_iter().try_fold(None, |state, record| Self::after(state, record).map(Some))
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &PlanSpec {
        &self.started.plan
    }

    /// Whether another process began it.
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        !self.predecessors.is_empty()
    }

    /// The color that served when the rollout began.
    #[must_use]
    pub const fn origin(&self) -> Color {
        match self.started.kind {
            Kind::Deploy => self.started.old,
            Kind::RollBack(_) => self.started.new,
        }
    }

    /// Whether all `objects` of the route carry this process's stamp.
    #[must_use]
    pub fn holds(&self, objects: &[RouteObject]) -> bool {
        objects.iter().all(|object| self.holding.raised.contains(&object.name))
    }

    /// Whether everything is sampled now: production traffic is on the new color, and nothing is decided yet.
    #[must_use]
    pub fn is_sampling(&self) -> bool {
        let traffic = self.switched.is_some() || !self.shifted.is_empty();
        traffic && self.ending.is_none() && self.end.is_none() && self.watch.passed.is_none()
    }

    pub(super) fn has_passed(&self, check: Check) -> bool {
        self.passed.contains_key(&check)
    }
}
