//! What a rollout would do.

use std::fmt;

use serde::Serialize;

use super::survey::Survey;
use crate::backend::RouteMark;
use crate::color::Color;
use crate::plan::{Capacity, PlanSpec};
use crate::release::Release;
use crate::stage::Stage;
use crate::target::Target;

/// What a rollout would do, as far as the world now tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// Where to.
    pub target: Target,
    /// What.
    pub release: Release,
    /// The color that serves.
    pub active: Color,
    /// Whether `release` serves already, so that nothing would be done.
    pub already_active: bool,
    /// The rollout that holds the route and hasn't ended, so that this one would not start.
    pub held_by: Option<RouteMark>,
    /// The stages, in order.
    pub stages: Vec<PlannedStage>,
}

/// What one stage would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStage {
    /// Which.
    pub stage: Stage,
    /// What it would do.
    pub does: String,
    /// What it needs, and what comes of it where that isn't given.
    pub needs: String,
}

impl Planned {
    pub(super) fn new(
        spec: &PlanSpec,
        survey: &Survey,
        release: &Release,
        active: Color,
        holder: Option<&RouteMark>,
    ) -> Self {
        let serves = survey.colors.get(active).release.as_ref() == Some(release);
        let words = Words { spec, survey, release, old: active, new: active.other() };
        let stages = spec.stages().into_iter().map(|stage| {
            let (does, needs) = words.stage(stage);
            PlannedStage { stage, does, needs }
        });
        Self {
            target: spec.target.clone(),
            release: release.clone(),
            active,
            already_active: serves && holder.is_none(),
            held_by: holder.cloned(),
            stages: stages.collect(),
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} would go from {} to {}", self.target, self.release, self.active, self.active.other())?;
        if self.already_active {
            writeln!(f, "  it serves already: nothing would be done")?;
        }
        if let Some(mark) = &self.held_by {
            writeln!(f, "  it would not start: the route is held by rollout {}", mark.rollout)?;
        }
        for stage in &self.stages {
            writeln!(f, "  {:<12} {}", stage.stage, stage.does)?;
            if !stage.needs.is_empty() {
                writeln!(f, "  {:<12}   needs {}", "", stage.needs)?;
            }
        }
        Ok(())
    }
}

struct Words<'a> {
    spec: &'a PlanSpec,
    survey: &'a Survey,
    release: &'a Release,
    old: Color,
    new: Color,
}

impl Words<'_> {
    fn stage(&self, stage: Stage) -> (String, String) {
        let Self { spec, survey, release, old, new } = self;
        let objects: Vec<_> = survey.route.objects.iter().map(|object| object.name.as_str()).collect();
        let objects = objects.join(", ");
        let probes = |list: &[crate::backend::Description]| {
            let list: Vec<_> = list.iter().map(ToString::to_string).collect();
            list.join("; ")
        };
        let (does, needs) = match stage {
            Stage::Preflight => (probes(&spec.preflights), "all to pass; otherwise nothing is written".to_owned()),
            Stage::Raise => (format!("stamp {objects}"), "no other rollout to hold it".to_owned()),
            Stage::Backup => ("copy what may be changed into the journal".to_owned(), String::new()),
            Stage::Migrate => ("run what is pending".to_owned(), "success; otherwise abort".to_owned()),
            Stage::OldRelease => {
                (format!("try the release in {old} on the new schema"), "it to work; otherwise abort".to_owned())
            }
            Stage::Deploy => {
                let there = survey.colors.get(*new);
                let what = if there.release.as_ref() == Some(*release) && there.is_up() {
                    format!("keep {release} in {}, where it is already", there.object)
                } else {
                    format!("bring {release} to {} with {}", there.object, self.capacity())
                };
                (what, format!("no route to name {new}"))
            }
            Stage::Ready => (
                format!("wait for {new}, at most {:?}", spec.ready_deadline),
                format!("{} ready; otherwise abort", self.capacity()),
            ),
            Stage::Smoke => (probes(&spec.smoke), "all to pass; otherwise abort".to_owned()),
            Stage::WarmUp => (probes(&spec.warm_up), "all to pass; otherwise abort".to_owned()),
            Stage::Canary => {
                let steps = spec.canary.iter().map(|step| format!("{} % for {:?}", step.percent, step.hold));
                (steps.collect::<Vec<_>>().join(", "), "nothing to fail; otherwise roll back".to_owned())
            }
            Stage::Approve => {
                let approval = spec.approval.as_ref();
                let gate = approval.map(|approval| format!("ask {} for {:?}", approval.gate, approval.expires));
                (gate.unwrap_or_default(), "a yes; otherwise abort".to_owned())
            }
            Stage::FinalHealth => {
                (format!("both colors: {}", probes(&spec.final_health)), "all to pass; otherwise abort".to_owned())
            }
            Stage::Switch => (
                format!("{objects}: {old} -> {new}, one write each"),
                format!("{new} to be ready now, and nobody else to have changed the route"),
            ),
            Stage::Converge => (
                format!(
                    "wait for proof that traffic arrived, at most {:?}, then {:?}",
                    spec.converge_deadline, spec.settle
                ),
                "proof; otherwise roll back".to_owned(),
            ),
            Stage::Watch => {
                let watch = spec.watch.as_ref();
                let does = watch.map(|watch| {
                    let (probes, signals) = (watch.probes.len(), watch.signals.len());
                    format!(
                        "{:?}: pods, {probes} probes, {signals} signals, every {:?}",
                        watch.duration, watch.interval
                    )
                });
                (does.unwrap_or_default(), format!("nothing to fail; otherwise roll back to {old}"))
            }
            Stage::Drain => (format!("let connections leave {old}, at most {:?}", spec.drain), String::new()),
            Stage::Retire => (
                format!("scale {old} to zero, restorable for {:?}", spec.retention),
                "the watch to have passed".to_owned(),
            ),
            Stage::Abort | Stage::RollBack | Stage::End => (String::new(), String::new()),
        };
        (does, needs)
    }

    fn capacity(&self) -> String {
        match self.spec.capacity {
            Capacity::Exactly(replicas) => format!("{replicas} replicas"),
            Capacity::MatchActive => {
                let ready = self.survey.colors.get(self.old).ready.max(1);
                format!("{ready} replicas, as many as are ready in {}", self.old)
            }
        }
    }
}
