//! What happens to a world, as data.

use std::fmt;
use std::time::Duration;

use bluegreen_core::{Color, GateDecision, Measure, Release, RouteState, Split};

use super::behavior::Behavior;
use super::fault::Fault;
use super::state::State;
use super::time::span;
use super::trace::Note;

/// Who edits of the route are by.
const EDITOR: &str = "kubectl-edit";

/// Something that happens to a [`World`](super::World) without a rollout's doing: at once
/// ([`World::happens`](super::World::happens)), at a time ([`World::happens_at`](super::World::happens_at)), or at a call
/// ([`World::happens_at_call`](super::World::happens_at_call)).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Incident {
    /// The pods of all releases with this version behave like this from now on: those that are there, as if they had
    /// become ready now, and those to come.
    Behaves {
        /// The version.
        version: String,
        /// How.
        behavior: Behavior,
    },
    /// All pods of a color die; new ones take their places and start.
    KillPods(Color),
    /// Somebody else routes to this split, in every object of the route. Our marks stay.
    EditRoute(Split),
    /// Somebody else takes away what tells the colors apart: every object now matches both. Our marks stay.
    RemoveKey,
    /// Somebody else replaces every object of the route by its manifest, which routes to this color. Our marks are gone.
    ReplaceRoute(Color),
    /// Somebody else scales a color, as an autoscaler would. Our stamp stays.
    Scale {
        /// The color.
        color: Color,
        /// To how many replicas.
        replicas: u32,
    },
    /// Somebody else deploys a release to a color. Our stamp stays, but which release it is can't be observed any more.
    Redeploy {
        /// The color.
        color: Color,
        /// The release.
        release: Release,
        /// With how many replicas.
        replicas: u32,
    },
    /// Somebody else deletes a color with all its pods.
    Delete(Color),
    /// All calls whose name begins like this go wrong for a while; the empty text hits every call.
    Outage {
        /// The beginning of the names: `router`, `environment.deploy`, or nothing.
        calls: String,
        /// What goes wrong with them.
        fault: Fault,
        /// For how long.
        lasting: Duration,
    },
    /// The signal of this name says this from now on, whatever the pods do.
    SignalReturns {
        /// The name.
        name: String,
        /// What it says.
        measure: Measure,
    },
    /// The gate says this from now on.
    Decide(GateDecision),
}

impl State {
    /// Lets an incident happen now. Notes whether users might feel it at once.
    pub(crate) fn happen(&mut self, incident: Incident) {
        self.trace.note(self.now, Note::Happened(incident.to_string()));
        match incident {
            Incident::Behaves { version, behavior } => self.behave(version, behavior),
            Incident::KillPods(color) => {
                self.remove_pods(color, 0);
                self.reconcile(color);
            }
            Incident::EditRoute(split) => self.overwrite_route(&RouteState::Routes(split), true),
            Incident::RemoveKey => {
                let what = "its selector has no color: it matches both colors";
                self.overwrite_route(&RouteState::Foreign(what.to_owned()), true);
            }
            Incident::ReplaceRoute(color) => {
                self.overwrite_route(&RouteState::Routes(Split::only(color)), false);
            }
            Incident::Scale { color, replicas } => {
                if let Some(deployment) = &mut self.slots.get_mut(color).deployment {
                    deployment.desired = replicas;
                    self.reconcile(color);
                }
            }
            Incident::Redeploy { color, release, replicas } => {
                self.set_color(color, release, replicas);
                self.made_by_hand(color);
            }
            Incident::Delete(color) => {
                self.remove_pods(color, 0);
                self.slots.get_mut(color).deployment = None;
            }
            Incident::Outage { calls, fault, lasting } => {
                let until = self.now.saturating_add(lasting);
                self.faults.fail_until(calls, fault, until);
            }
            Incident::SignalReturns { name, measure } => {
                self.measures.insert(name, measure);
            }
            Incident::Decide(decision) => self.decision = decision,
        }
    }

    fn overwrite_route(&mut self, to: &RouteState, keep_marks: bool) {
        let serves = |color: &Color| {
            !matches!(to, RouteState::Routes(split) if split.weight(*color) > 0)
                || self.slot(*color).ready(self.now) > 0
        };
        self.misrouted |= !Color::ALL.iter().all(serves);
        self.edited = Some(self.faults.count());
        for object in self.observe_route().objects {
            let mark = object.mark.filter(|_| keep_marks);
            self.set_route(&object.name, to.clone(), EDITOR, mark);
        }
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behaves { version, behavior } => write!(f, "{version} {behavior}"),
            Self::KillPods(color) => write!(f, "all pods of {color} die"),
            Self::EditRoute(split) => write!(f, "somebody routes to {split}"),
            Self::RemoveKey => f.write_str("somebody takes the color out of the route's selector"),
            Self::ReplaceRoute(color) => {
                write!(f, "somebody replaces the route by its manifest, which routes to {color}")
            }
            Self::Scale { color, replicas } => write!(f, "somebody scales {color} to {replicas}"),
            Self::Redeploy { color, release, replicas } => {
                write!(f, "somebody deploys {release} to {color} with {replicas} replicas")
            }
            Self::Delete(color) => write!(f, "somebody deletes {color}"),
            Self::Outage { calls, fault, lasting } if calls.is_empty() => {
                write!(f, "every call goes wrong ({fault}) for {}", span(*lasting))
            }
            Self::Outage { calls, fault, lasting } => {
                write!(f, "every call of {calls} goes wrong ({fault}) for {}", span(*lasting))
            }
            Self::SignalReturns { name, measure } => write!(f, "signal {name} says {}", said(measure)),
            Self::Decide(GateDecision::Go { by, reason }) => write!(f, "{by} approves: {reason}"),
            Self::Decide(GateDecision::No { by, reason }) => write!(f, "{by} refuses: {reason}"),
            Self::Decide(GateDecision::AskAgain(after)) => write!(f, "the gate says to ask again in {}", span(*after)),
        }
    }
}

fn said(measure: &Measure) -> String {
    match measure {
        Measure::Counts { bad, total } => format!("{bad} of {total} are bad"),
        Measure::Gauge { value } => value.to_string(),
        Measure::Latency { buckets } => format!("a latency in {} buckets", buckets.len()),
        Measure::NoData { why } => format!("that there is no data: {why}"),
    }
}
