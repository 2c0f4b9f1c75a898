//! Finding what is wrong with a plan before anything is touched.

use std::fmt;
use std::time::Duration;

use super::spec::{Capacity, PlanSpec};
use super::watch::WatchSpec;
use crate::backend::{EnvironmentCapabilities, RouterCapabilities};

/// A plan can't be carried out. All reasons are there at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan has {} problem(s):{}", problems.len(), list(problems))]
pub struct PlanError {
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as in `watch.duration`.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  - {problem}")).collect()
}

/// What the backends of a plan can do, as far as a plan depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Abilities {
    pub(crate) environment: EnvironmentCapabilities,
    pub(crate) router: RouterCapabilities,
    /// Whether a probe of the new color before the switch needs an address.
    pub(crate) needs_preview: bool,
    /// Whether a probe through the production route needs an address.
    pub(crate) needs_production: bool,
}

/// Everything that is wrong with `spec` for backends with these abilities.
pub(crate) fn validate(spec: &PlanSpec, abilities: Abilities) -> Vec<Problem> {
    let mut problems = Problems(Vec::new());
    problems.require(!spec.target.name.is_empty(), "target.name", "is empty");
    problems.require(!spec.target.namespace.is_empty(), "target.namespace", "is empty");
    problems.require(
        spec.capacity != Capacity::Exactly(0),
        "capacity",
        "zero replicas can't serve; use at least 1, or Capacity::MatchActive",
    );
    for (field, duration) in [
        ("ready_deadline", spec.ready_deadline),
        ("converge_deadline", spec.converge_deadline),
        ("probe_deadline", spec.probe_deadline),
        ("call_deadline", spec.call_deadline),
        ("roll_back.deadline", spec.roll_back.deadline),
        ("writes.within", spec.writes.within),
        ("patience", spec.patience),
    ] {
        problems.require(duration > Duration::ZERO, field, "must be longer than zero");
    }
    problems.require(spec.writes.attempts > 0, "writes.attempts", "must be at least 1");
    canary(spec, abilities, &mut problems);
    if let Some(watch) = &spec.watch {
        self::watch(watch, &mut problems);
    }
    problems.require(
        !spec.backup || abilities.environment.snapshot,
        "backup",
        format!("{} can't copy its objects; leave the backup out", spec.environment.kind),
    );
    problems.require(
        !abilities.needs_preview || abilities.router.preview_address,
        "smoke, warm_up, final_health",
        format!(
            "a probe needs an address, but {} has no preview path: ask for one, or give the probe a full URL",
            spec.router.kind
        ),
    );
    problems.require(
        !abilities.needs_production || abilities.router.production_address,
        "watch.probes",
        format!(
            "a probe needs an address, but {} knows none: give it one, or give the probe a full URL",
            spec.router.kind
        ),
    );
    problems.0
}

fn canary(spec: &PlanSpec, abilities: Abilities, problems: &mut Problems) {
    problems.require(
        spec.canary.is_empty() || abilities.router.weights,
        "canary",
        format!(
            "{} can only switch everything at once: leave the steps out, or use a router with weights",
            spec.router.kind
        ),
    );
    let mut last = 0;
    for (index, step) in spec.canary.iter().enumerate() {
        let field = format!("canary[{index}].percent");
        problems.require((1..=99).contains(&step.percent), &field, format!("{} is not between 1 and 99", step.percent));
        problems.require(step.percent > last, &field, format!("{} is not above the step before, {last}", step.percent));
        last = step.percent;
    }
}

fn watch(spec: &WatchSpec, problems: &mut Problems) {
    problems.require(
        spec.duration > Duration::ZERO,
        "watch.duration",
        "a watch of zero proves nothing; leave it out instead",
    );
    problems.require(spec.interval > Duration::ZERO, "watch.interval", "must be longer than zero");
    problems.require(
        spec.interval <= spec.duration,
        "watch.interval",
        format!("{:?} is longer than the whole watch, {:?}", spec.interval, spec.duration),
    );
    for (field, percent) in [
        ("watch.pods.min_ready_percent", spec.pods.min_ready_percent),
        ("watch.guard.min_ready_percent", spec.guard.min_ready_percent),
    ] {
        problems.require((1..=100).contains(&percent), field, format!("{percent} is not between 1 and 100"));
    }
    for (index, probe) in spec.probes.iter().enumerate() {
        problems.require(probe.consecutive > 0, &format!("watch.probes[{index}].consecutive"), "must be at least 1");
    }
    for (index, signal) in spec.signals.iter().enumerate() {
        problems.require(
            !signal.criterion.never_fails(),
            &format!("watch.signals[{index}].criterion"),
            format!("no measurement of {} can ever fail it", signal.signal),
        );
    }
}

struct Problems(Vec<Problem>);

impl Problems {
    fn require(&mut self, holds: bool, field: &str, message: impl Into<String>) {
        if !holds {
            self.0.push(Problem { field: field.to_owned(), message: message.into() });
        }
    }
}
