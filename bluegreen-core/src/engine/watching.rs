//! Observing the new release, and what follows from its verdict.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::decision::{Activity, Decision, Then};
use super::thinking::{Thinking, after, halt};
use super::verdict;
use crate::backend::{Endpoint, Verdict};
use crate::color::Color;
use crate::plan::{PodLimits, WatchSpec};
use crate::record::{Check, End, Event, Write};
use crate::stage::Stage;

/// A watch passes only if every source has seen this share of it.
const LEAST_SEEN: f64 = 0.95;

impl Thinking<'_> {
    /// What fails at once: pods, and sources that have failed often enough.
    pub(super) fn judge(self) -> Option<Decision> {
        let state = self.state;
        if !state.is_sampling() {
            return None;
        }
        let limits = self.plan().watch.as_ref().map_or_else(PodLimits::default, |watch| watch.pods);
        let restarts = state.way_back.as_ref().map_or(0, |way_back| way_back.restarts);
        let new = self.view.heard(self.new_color());
        let pods = new.and_then(|new| verdict::pods_fail(limits, new, self.capacity(), restarts));
        let source = || state.watch.sources.values().find_map(|source| source.failing.clone());
        let Some(reason) = pods.or_else(source) else {
            return self.guard();
        };

        let ready = |color| self.view.heard(color).map_or(0, |seen| seen.ready);
        if ready(self.old_color()) == 0 && ready(self.new_color()) == 0 {
            let reason = format!("{reason}; and no replica of {} is ready either", self.old_color());
            return Some(halt(&reason, "bring either color up; then roll back, or start a new rollout"));
        }
        let judged = Event::Judged { verdict: Verdict::Fail, reason: reason.clone() };
        let mut decision = self.turn_back(&reason);
        decision.record.insert(0, judged);
        Some(decision)
    }

    /// Whether the old color can still take over is an event whenever it changes.
    fn guard(self) -> Option<Decision> {
        let watch = self.plan().watch.as_ref()?;
        let way_back = self.state.way_back.as_ref().filter(|way_back| way_back.open)?;
        let old = self.view.heard(self.old_color())?;
        let least = (way_back.serving * watch.guard.min_ready_percent).div_ceil(100).max(1);
        let holds = old.ready >= least;
        if holds != self.state.watch.guard_lost.is_some() {
            return None;
        }
        let summary =
            format!("{} of the {} replicas of {} that served are ready", old.ready, way_back.serving, old.color);
        Some(self.record(vec![Event::Guard { holds, summary }]))
    }

    /// Waits for the end of the watch, draining the old color meanwhile.
    pub(super) fn watch(self) -> Option<Decision> {
        let (spec, state) = (self.plan().watch.as_ref()?, self.state);
        if state.watch.passed.is_some() {
            return None;
        }
        let begin = state.passed.get(&Check::Settled).copied().unwrap_or(self.now);
        let end = after(begin, spec.duration);
        let end = state.watch.confirming.map_or(end, |(_, until)| until);
        if self.now < end {
            let drain = self.draining(self.old_color(), Some(end));
            return Some(drain.unwrap_or_else(|| self.wait(Stage::Watch, self.watched(), Some(end))));
        }
        Some(self.conclude(spec))
    }

    fn watched(self) -> String {
        let sources = &self.state.watch.sources;
        let samples: u64 = sources.values().map(|source| source.samples).sum();
        let bad: u32 = sources.values().map(|source| source.bad).sum();
        let guard =
            self.state.watch.guard_lost.as_ref().map(|lost| format!("; guard lost: {lost}")).unwrap_or_default();
        format!("the watch to end: {samples} samples, {bad} bad{guard}")
    }

    /// The watch's time is over.
    fn conclude(self, spec: &WatchSpec) -> Decision {
        if let Some(lost) = &self.state.watch.guard_lost {
            return halt(
                &format!("the watch is over, but the old color can't take over: {lost}"),
                "the new release serves; bring the old color up to be able to roll back, or scale it down yourself",
            );
        }
        let missing = self.missing(spec);
        if missing.is_empty() {
            let reason = format!("nothing failed in {:?}", spec.duration);
            return self.record(vec![Event::Judged { verdict: Verdict::Pass, reason }]);
        }
        let reason = missing.join("; ");
        if self.state.watch.confirming.is_some() {
            return halt(
                &format!("the watch saw too little: {reason}"),
                "the new release serves; roll back, or repair what measures and scale the old color down yourself",
            );
        }
        let window = (spec.duration / 10).max(spec.interval * 4);
        self.record(vec![Event::Confirming { until: after(self.now, window), reason }])
    }

    /// The sources that saw too little, in words.
    fn missing(self, spec: &WatchSpec) -> Vec<String> {
        let confirming = self.state.watch.confirming;
        // A source begins to see at its first tick and speaks for the time before it; the last tick may fall past the end.
        let slack = spec.interval * 2;
        let whole = confirming.map_or(spec.duration, |(from, until)| length(from, until));
        let needed = whole.mul_f64(LEAST_SEEN).min(whole.saturating_sub(slack));
        let seen =
            |name: &str| {
                let source = self.state.watch.sources.get(name);
                source.map_or(SignedDuration::ZERO, |source| {
                    if confirming.is_some() { source.seen_confirming } else { source.seen }
                })
            };
        let names = spec.sources().map(|source| source.to_string());
        names
            .filter_map(|name| {
                let seen = seen(&name);
                let short = seen < SignedDuration::try_from(needed).unwrap_or(SignedDuration::MAX);
                short.then(|| format!("{name} has seen {:.0} s of {:.0} s", seen.as_secs_f64(), whole.as_secs_f64()))
            })
            .collect()
    }

    /// Waits until connections have left a color that no longer serves, or their time is up.
    pub(super) fn draining(self, color: Color, until: Option<Timestamp>) -> Option<Decision> {
        if self.state.has_passed(Check::Drained(color)) {
            return None;
        }
        let stage = if color == self.old_color() { Stage::Drain } else { Stage::RollBack };
        if let Some(begin) = self.begin_drain(stage, color) {
            return Some(begin);
        }
        let (since, moved) = if color == self.old_color() {
            (Check::Converged, self.state.switched)
        } else {
            (Check::Returned, self.state.returned)
        };
        let converged = self.state.passed.get(&since).copied().or(moved).unwrap_or(self.now);
        // Who was told late, by a program that goes on for another, has the whole time from then on.
        let told = self.state.passed.get(&Check::DrainBegun(color)).copied().unwrap_or(converged);
        let deadline = after(converged.max(told), self.plan().drain);
        if self.now >= deadline {
            let summary = format!("connections had {:?} to leave", self.plan().drain);
            let passed = Event::Passed { check: Check::Drained(color), summary };
            return Some(Decision { stage, record: vec![passed], then: Then::Again });
        }
        let until = until.map_or(deadline, |until| until.min(deadline));
        if self.plan().drainer.is_none() {
            let stage = if until < deadline { Stage::Watch } else { stage };
            return Some(self.wait(stage, format!("open connections to leave {color}"), Some(until)));
        }
        let endpoints = self.members(color);
        Some(self.run(stage, Activity::Drain { color, endpoints }, Some(until)))
    }

    /// Asks a color that gets no new connections to finish those that it has, once.
    pub(super) fn begin_drain(self, stage: Stage, color: Color) -> Option<Decision> {
        self.plan().drainer.as_ref()?;
        self.check(stage, Activity::BeginDrain { color, endpoints: self.members(color) })
    }

    /// What runs in a color, ready or not.
    fn members(self, color: Color) -> BTreeSet<Endpoint> {
        self.view.heard(color).map(|seen| seen.members.clone()).unwrap_or_default()
    }

    pub(super) fn drain_old(self) -> Option<Decision> {
        self.draining(self.old_color(), None)
    }

    /// Scales the old color down; it stays restorable. Only a passed watch comes here: nothing else is proof.
    pub(super) fn retire(self) -> Option<Decision> {
        self.state.watch.passed?;
        self.take_down(Stage::Retire, self.old_color(), Write::Retire(self.old_color())).err()
    }

    /// Everything is done.
    pub(super) fn promote(self) -> Decision {
        let proven = self.state.watch.passed.is_some();
        let told = self.state.wrote.contains_key("retire") && !self.was_down_already(self.old_color());
        if let Some(release) = self.release_route(Stage::Retire, told) {
            return release;
        }
        self.finish(Stage::Retire, End::Promoted { proven })
    }

    /// Marks the route as released where the colors don't tell that the rollout has ended.
    pub(super) fn release_route(self, stage: Stage, told: bool) -> Option<Decision> {
        if told {
            return None;
        }
        let unmarked = |object: &&crate::backend::RouteObject| object.mark.as_ref().is_some_and(|mark| !mark.ended);
        let object = self.route()?.objects.iter().find(unmarked)?;
        Some(self.write_with(stage, Write::Release, Some(object.name.clone()), 0, Vec::new()))
    }

    /// Whether a color was at zero before we came to scale it down, so that it doesn't carry our stamp.
    pub(super) fn was_down_already(self, color: Color) -> bool {
        let ours = |seen: &crate::backend::ColorObservation| {
            seen.stamp.as_ref().is_some_and(|stamp| stamp.holder == self.state.holder) && seen.desired == 0
        };
        !self.view.colors.get(color).as_ref().is_some_and(|seen| ours(&seen.value))
    }
}

fn length(from: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(from)).unwrap_or_default()
}
