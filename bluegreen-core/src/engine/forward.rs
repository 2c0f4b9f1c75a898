//! The stages up to the switch, in order.

use jiff::Timestamp;

use super::decision::{Activity, Decision, ProbeStage, Then};
use super::thinking::{Thinking, after, halt};
use crate::backend::{ColorObservation, Verdict};
use crate::plan::{ApprovalSpec, Capacity, Expiry};
use crate::record::{Check, Event, On, Write};
use crate::stage::Stage;

impl Thinking<'_> {
    /// The next thing on the way to the new release.
    pub(super) fn forward(self) -> Decision {
        let stages = self.plan().stages();
        let decision = stages.into_iter().find_map(|stage| self.in_stage(stage)).unwrap_or_else(|| self.promote());
        self.unless_paused(decision)
    }

    fn in_stage(self, stage: Stage) -> Option<Decision> {
        if self.state.switched.is_some() {
            return match stage {
                Stage::Converge => self.converge(),
                Stage::Watch => self.watch(),
                Stage::Drain => self.drain_old(),
                Stage::Retire => self.retire(),
                _ => None,
            };
        }
        match stage {
            Stage::Backup => self.check(stage, Activity::Backup),
            Stage::Migrate => self.migrate(),
            Stage::OldRelease => self.check(stage, Activity::OldRelease),
            Stage::Deploy => self.deploy(),
            Stage::Ready => self.ready(),
            Stage::Smoke => self
                .check(stage, Activity::PreparePreview(self.new_color()))
                .or_else(|| self.probes(stage, ProbeStage::Smoke, self.plan().smoke.len())),
            Stage::WarmUp => self
                .check(stage, Activity::PreparePreview(self.new_color()))
                .or_else(|| self.probes(stage, ProbeStage::WarmUp, self.plan().warm_up.len())),
            Stage::Canary => self.canary(),
            Stage::Approve => self.plan().approval.as_ref().and_then(|approval| self.approve(approval)),
            Stage::FinalHealth => self
                .check(stage, Activity::PreparePreview(self.new_color()))
                .or_else(|| self.probes(stage, ProbeStage::FinalNew, self.plan().final_health.len()))
                .or_else(|| self.probes(stage, ProbeStage::FinalOld, self.plan().final_health.len())),
            Stage::Switch => self.switch(),
            _ => None,
        }
    }

    /// A pause stops forward steps; what only waits, proves or watches goes on.
    fn unless_paused(self, decision: Decision) -> Decision {
        let stops = match &decision.then {
            Then::Write { .. } => true,
            Then::Run { activity, .. } => !matches!(
                activity,
                Activity::Converge { .. }
                    | Activity::BeginDrain { .. }
                    | Activity::Drain { .. }
                    | Activity::Migrate { .. }
            ),
            _ => false,
        };
        if self.state.paused && stops {
            return self.wait(decision.stage, "paused by a person; resume to go on", None);
        }
        decision
    }

    /// Runs `activity` unless what it decides has passed.
    pub(super) fn check(self, stage: Stage, activity: Activity) -> Option<Decision> {
        (!self.state.has_passed(activity.check())).then(|| self.run(stage, activity, None))
    }

    fn probes(self, stage: Stage, list: ProbeStage, count: usize) -> Option<Decision> {
        (0..count).find_map(|index| self.check(stage, Activity::Probe { stage: list, index }))
    }

    fn migrate(self) -> Option<Decision> {
        if self.state.has_passed(Check::Migration) {
            return None;
        }
        let begun = Event::Begun { check: Check::Migration };
        Some(Decision { stage: Stage::Migrate, record: vec![begun], then: Then::Again })
    }

    /// Brings the release to the standby color, unless it is there.
    fn deploy(self) -> Option<Decision> {
        // A color that gets traffic is never deployed to; it can only be scaled up.
        let gets_traffic = !self.state.shifted.is_empty();
        if gets_traffic || self.state.passed.contains_key(&Check::Ready) || self.is_deployed() {
            return None;
        }
        if self.state.deploys >= self.plan().writes.attempts {
            return Some(halt(
                &format!("{} was changed by someone each time it was deployed", self.new_color()),
                "see who changes it, then start again",
            ));
        }
        let replicas = match (self.state.capacity, self.plan().capacity) {
            (Some(replicas), _) | (None, Capacity::Exactly(replicas)) => replicas,
            (None, Capacity::MatchActive) => match self.view.fresh(self.old_color(), self.now) {
                Some(old) => old.value.ready.max(1),
                None => return Some(self.read(On::Color(self.old_color()))),
            },
        };
        if let Err(decision) = self.may_hurt(Stage::Deploy, self.new_color()) {
            return Some(decision);
        }
        let capacity = Event::Capacity { replicas };
        if self.view.heard(self.new_color()).is_some_and(|new| self.is_release(new) && new.desired >= replicas) {
            let found = Event::Found { write: Write::Deploy(self.new_color()) };
            return Some(Decision { stage: Stage::Deploy, record: vec![capacity, found], then: Then::Again });
        }
        Some(self.write_with(Stage::Deploy, Write::Deploy(self.new_color()), None, replicas, vec![capacity]))
    }

    fn is_deployed(self) -> bool {
        let wrote = self.state.wrote.contains_key("deploy");
        // Until something else is heard of the color, the deployment counts as being there.
        let there = |new: &ColorObservation| self.is_release(new) && new.desired >= self.capacity();
        wrote && self.view.heard(self.new_color()).is_none_or(there)
    }

    pub(super) fn is_release(self, seen: &ColorObservation) -> bool {
        seen.release.as_ref() == Some(&self.state.started.release)
    }

    /// Waits until the standby color is ready, and no longer than that can happen.
    fn ready(self) -> Option<Decision> {
        if self.state.has_passed(Check::Ready) {
            return None;
        }
        let deployed = self.state.wrote.get("deploy").copied().unwrap_or(self.now);
        let since = self.state.begun.get(&Check::Ready).map_or(deployed, |begun| deployed.max(*begun));
        let deadline = self.ready_by(since);
        let Some(new) = self.view.heard(self.new_color()) else {
            return Some(self.wait(Stage::Ready, format!("{} to be heard of", self.new_color()), Some(deadline)));
        };
        if let Some(pin) = self.pin(Stage::Ready, new) {
            return Some(pin);
        }
        let seen = format!("{} of {} replicas of {} ready", new.ready, self.capacity(), new.object);
        if new.is_ready(&self.state.started.release, self.capacity()) {
            let passed = Event::Passed { check: Check::Ready, summary: seen };
            return Some(Decision { stage: Stage::Ready, record: vec![passed], then: Then::Again });
        }
        let hopeless = new.obstacles.iter().filter(|obstacle| obstacle.hopeless_at().is_some_and(|at| at <= self.now));
        if let Some(obstacle) = hopeless.min_by_key(|obstacle| obstacle.since) {
            return Some(not_ready(&format!("{seen}, and it can't become ready: {obstacle}")));
        }
        let obstacles: Vec<_> = new.obstacles.iter().map(ToString::to_string).collect();
        let seen = if obstacles.is_empty() { seen } else { format!("{seen}; {}", obstacles.join("; ")) };
        if self.now >= deadline {
            return Some(not_ready(&format!("{seen}, after {:?}", self.plan().ready_deadline)));
        }
        if let Some(decision) = self.enlarge(Stage::Ready) {
            return Some(decision);
        }
        let next = new.obstacles.iter().filter_map(crate::backend::Obstacle::hopeless_at).min();
        Some(self.wait(Stage::Ready, seen, Some(next.map_or(deadline, |next| next.min(deadline)))))
    }

    /// When the new color has to be ready that isn't since `from`, or since it is to have more replicas.
    pub(super) fn ready_by(self, from: Timestamp) -> Timestamp {
        let from = self.state.capacity_since.map_or(from, |since| since.max(from));
        after(from, self.plan().ready_deadline)
    }

    /// Scales the new color up where it has fewer replicas than it is to have: a scale-up was lost, or somebody shrank it.
    pub(super) fn enlarge(self, stage: Stage) -> Option<Decision> {
        let new = self.new_color();
        let small = |seen: &ColorObservation| self.is_release(seen) && seen.is_up() && seen.desired < self.capacity();
        self.view.heard(new).filter(|seen| small(seen))?;
        if self.view.fresh(new, self.now).is_none() {
            return Some(self.read(On::Color(new)));
        }
        Some(self.write_with(stage, Write::ScaleUp(new), None, self.capacity(), Vec::new()))
    }

    /// Keeps an autoscaler from shrinking a color below what has to serve.
    pub(super) fn pin(self, stage: Stage, seen: &ColorObservation) -> Option<Decision> {
        let minimum = if seen.color == self.new_color() { self.capacity() } else { seen.ready };
        let shrinks = seen.autoscaler.is_some_and(|autoscaler| autoscaler.min < minimum);
        let activity = Activity::Pin { color: seen.color, minimum: Some(minimum) };
        let check = activity.check();
        if shrinks && !self.state.begun.contains_key(&check) {
            // Journaled first, so that whoever recovers this rollout gives back what was pinned.
            return Some(Decision { stage, record: vec![Event::Begun { check }], then: Then::Again });
        }
        if shrinks { self.check(stage, activity) } else { None }
    }

    fn approve(self, approval: &ApprovalSpec) -> Option<Decision> {
        if self.state.has_passed(Check::Approval) {
            return None;
        }
        let passed = |summary: String| {
            let passed = Event::Passed { check: Check::Approval, summary };
            Some(Decision { stage: Stage::Approve, record: vec![passed], then: Then::Again })
        };
        if let Some(reason) = &self.state.approved {
            return passed(format!("approved by a person: {reason}"));
        }
        let Some(begun) = self.state.begun.get(&Check::Approval) else {
            let begun = Event::Begun { check: Check::Approval };
            return Some(Decision { stage: Stage::Approve, record: vec![begun], then: Then::Again });
        };
        let deadline = after(*begun, approval.expires);
        if self.now < deadline {
            return Some(self.run(Stage::Approve, Activity::Approve, Some(deadline)));
        }
        let expired = format!("nobody decided within {:?}", approval.expires);
        match approval.on_expiry {
            Expiry::Proceed => passed(format!("{expired}; the plan says to go on")),
            Expiry::Abort => {
                let failed = Event::Failed { check: Check::Approval, verdict: Verdict::Inconclusive, summary: expired };
                Some(Decision { stage: Stage::Approve, record: vec![failed], then: Then::Again })
            }
        }
    }
}

fn not_ready(summary: &str) -> Decision {
    let failed = Event::Failed { check: Check::Ready, verdict: Verdict::Fail, summary: summary.to_owned() };
    Decision { stage: Stage::Ready, record: vec![failed], then: Then::Again }
}
