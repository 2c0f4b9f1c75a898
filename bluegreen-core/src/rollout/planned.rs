//! What a rollout would do.

use std::fmt;

use serde::Serialize;

use super::survey::Survey;
use crate::backend::{Description, RouteMark};
use crate::color::Color;
use crate::plan::{Capacity, PlanSpec};
use crate::release::Release;
use crate::span::span;
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
        let stages = spec.stages().into_iter().map(|stage| PlannedStage {
            stage,
            does: words.does(stage),
            needs: words.needs(stage),
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
    fn does(&self, stage: Stage) -> String {
        let Self { spec, old, new, .. } = self;
        match stage {
            Stage::Preflight => kinds(&spec.preflights),
            Stage::Raise => format!("stamp {}", self.objects()),
            Stage::Backup => "copy what may be changed into the journal".to_owned(),
            Stage::Migrate => "run what is pending".to_owned(),
            Stage::OldRelease => format!("try the release in {old} on the new schema"),
            Stage::Deploy => self.deployment(),
            Stage::Ready => format!("wait for {new}, at most {}", span(spec.ready_deadline)),
            Stage::Smoke => listed(&spec.smoke),
            Stage::WarmUp => listed(&spec.warm_up),
            Stage::Canary => {
                let steps = spec.canary.iter().map(|step| format!("{} % for {}", step.percent, span(step.hold)));
                steps.collect::<Vec<_>>().join(", ")
            }
            Stage::Approve => spec
                .approval
                .as_ref()
                .map_or_else(String::new, |approval| format!("ask {} for {}", approval.gate, span(approval.expires))),
            Stage::FinalHealth => format!("both colors: {}", listed(&spec.final_health)),
            Stage::Switch => format!("{}: {old} → {new}", self.objects()),
            Stage::Converge => {
                let (deadline, settle) = (span(spec.converge_deadline), span(spec.settle));
                format!(
                    "await proof that traffic arrived, at most {deadline}; then let data planes settle for {settle}"
                )
            }
            Stage::Watch => self.watch(),
            Stage::Drain => format!("let connections leave {old}, at most {}", span(spec.drain)),
            Stage::Retire => format!("scale {old} to zero, restorable for {}", span(spec.retention)),
            Stage::Abort | Stage::RollBack | Stage::End => String::new(),
        }
    }

    fn needs(&self, stage: Stage) -> String {
        let Self { old, new, .. } = self;
        match stage {
            Stage::Preflight => "all to pass; otherwise nothing is written".to_owned(),
            Stage::Raise => "no other rollout to hold it".to_owned(),
            Stage::Migrate => "it to succeed; otherwise abort".to_owned(),
            Stage::OldRelease => "it to work; otherwise abort".to_owned(),
            Stage::Deploy => format!("no route to name {new}"),
            Stage::Ready => format!("{}; otherwise abort", self.capacity()),
            Stage::Smoke | Stage::WarmUp | Stage::FinalHealth => "all to pass; otherwise abort".to_owned(),
            Stage::Canary => format!("nothing to fail; otherwise roll back to {old}"),
            Stage::Approve => "a yes; otherwise abort".to_owned(),
            Stage::Switch => format!("{new} to be ready now, and nobody else to have changed the route"),
            Stage::Converge => format!("proof; otherwise roll back to {old}"),
            Stage::Watch => format!("nothing to fail; otherwise roll back to {old}"),
            Stage::Retire => "the watch to have passed".to_owned(),
            Stage::Backup | Stage::Drain | Stage::Abort | Stage::RollBack | Stage::End => String::new(),
        }
    }

    fn objects(&self) -> String {
        let objects: Vec<_> = self.survey.route.objects.iter().map(|object| object.name.as_str()).collect();
        objects.join(", ")
    }

    fn deployment(&self) -> String {
        let there = self.survey.colors.get(self.new);
        if there.release.as_ref() == Some(self.release) && there.is_up() {
            format!("keep {} in {}, where it is already", self.release, there.object)
        } else {
            format!("bring {} to {}", self.release, there.object)
        }
    }

    fn watch(&self) -> String {
        self.spec.watch.as_ref().map_or_else(String::new, |watch| {
            let (probes, signals) = (watch.probes.len(), watch.signals.len());
            let (duration, interval) = (span(watch.duration), span(watch.interval));
            format!("{duration}: pods, probes ({probes}) and signals ({signals}), every {interval}")
        })
    }

    fn capacity(&self) -> String {
        match self.spec.capacity {
            Capacity::Exactly(replicas) => format!("{replicas} ready"),
            Capacity::MatchActive => {
                let ready = self.survey.colors.get(self.old).ready.max(1);
                format!("{ready} ready, as many as in {}", self.old)
            }
        }
    }
}

fn listed(descriptions: &[Description]) -> String {
    descriptions.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn kinds(descriptions: &[Description]) -> String {
    descriptions.iter().map(|description| description.kind.as_str()).collect::<Vec<_>>().join(", ")
}
