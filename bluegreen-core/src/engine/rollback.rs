//! Returning traffic to the old color.
//!
//! Asks for the old color to be ready, and nothing else: not the new color's health, not a pause, not an approval.

use jiff::Timestamp;

use super::decision::{Activity, Decision, Then};
use super::thinking::{Thinking, after, halt};
use crate::backend::{ColorObservation, Split, Verdict};
use crate::record::{Check, End, Event, Kind, On, Write};
use crate::stage::Stage;

const STAGE: Stage = Stage::RollBack;

impl Thinking<'_> {
    pub(super) fn roll_back(self, reason: &str, forced: bool, since: Timestamp) -> Decision {
        let closed = self.state.way_back.as_ref().filter(|way_back| !way_back.open && !forced);
        if let Some(way_back) = closed {
            return halt(
                &format!("{reason}; the way back is closed: {}", way_back.reason),
                "repair the new release, or force a rollback",
            );
        }
        if !self.is_at(Split::only(self.old_color())) {
            return self.return_traffic(reason, since);
        }
        if let Some(object) = self.doubtful_route_object() {
            // It is there only once no older write can take it away again.
            return self.write_with(STAGE, Write::SealRoute, Some(object), 0, Vec::new());
        }
        if self.state.returned.is_none() {
            let found = Event::Found { write: Write::SwitchBack };
            return Decision { stage: STAGE, record: vec![found], then: Then::Again };
        }
        self.tidy(reason)
    }

    fn return_traffic(self, reason: &str, since: Timestamp) -> Decision {
        let old = self.old_color();
        let deadline = after(since, self.plan().roll_back.deadline);
        let Some(seen) = self.view.fresh(old, self.now) else {
            return self.read(On::Color(old));
        };
        let seen = &seen.value;
        if let Some(why) = self.cannot_serve(seen) {
            return halt(
                &format!("{reason}; and {why}: {} was left as it is", self.new_color()),
                "deploy a good release to the old color by hand, or repair the new one",
            );
        }
        let shrunk = seen.desired < self.needed() && !self.is_enough(seen) && self.now < deadline;
        if !seen.is_up() || shrunk {
            return self.write_with(STAGE, Write::ScaleUp(old), None, self.needed(), Vec::new());
        }
        if !self.is_enough(seen) {
            let what = format!("{} of {} replicas of {old} ready", seen.ready, self.needed());
            if self.now < deadline {
                return self.wait(STAGE, what, Some(deadline));
            }
            return halt(
                &format!(
                    "{reason}; but {what} after {:?}: {} was left as it is",
                    self.plan().roll_back.deadline,
                    self.new_color()
                ),
                "bring either color up; then roll back, or start a new rollout",
            );
        }
        if !self.state.holding.sealed.get(old) {
            return self.write(STAGE, Write::Seal(old));
        }
        self.write(STAGE, Write::SwitchBack)
    }

    /// Why the old color can't serve whatever is waited for.
    fn cannot_serve(self, seen: &ColorObservation) -> Option<String> {
        if !seen.exists {
            return Some(format!("{}, the old color, is gone", seen.object));
        }
        let other = seen.release != self.state.started.old_release;
        other.then(|| format!("{}, the old color, holds another release now", seen.object))
    }

    /// How many replicas the old color is to have: what it served with, or what serves now.
    fn needed(self) -> u32 {
        let served = self.state.way_back.as_ref().map(|way_back| way_back.serving).filter(|serving| *serving > 0);
        let serves = || self.view.heard(self.new_color()).map_or(1, |new| new.desired);
        served.unwrap_or_else(serves).max(1)
    }

    /// As many ready replicas as it served with; or more than the color that failed has left.
    fn is_enough(self, seen: &ColorObservation) -> bool {
        let left = self.view.heard(self.new_color()).map_or(0, |new| new.ready);
        seen.ready >= self.needed() || seen.ready > left
    }

    /// Traffic is back: prove it, keep evidence, and scale down what failed.
    fn tidy(self, reason: &str) -> Decision {
        let state = self.state;
        // Whoever has a connection open is told at once: the old color to keep it, the new one to let it go.
        let begun = state.has_passed(Check::DrainBegun(self.old_color()));
        if begun && !state.has_passed(Check::DrainCancelled) {
            return self.run(STAGE, Activity::CancelDrain(self.old_color()), None);
        }
        if let Some(decision) = self.begin_drain(STAGE, self.new_color()).or_else(|| self.prove_return()) {
            return decision;
        }
        if state.started.kind == Kind::Deploy && !state.has_passed(Check::Evidence) {
            return self.run(STAGE, Activity::Diagnose(self.new_color()), None);
        }
        let takes_down = state.has_passed(Check::Returned) && self.plan().roll_back.take_down;
        // An autoscaler that is given back may shrink it at once.
        let drains = takes_down || state.has_passed(Check::Pin(self.new_color()));
        if let Some(decision) = self.draining(self.new_color(), None).filter(|_| drains) {
            return decision;
        }
        if takes_down && let Err(decision) = self.take_down(STAGE, self.new_color(), Write::TakeDown(self.new_color()))
        {
            return decision;
        }
        let told = state.wrote.contains_key("take_down") && !self.was_down_already(self.new_color());
        if let Some(release) = self.release_route(STAGE, told) {
            return release;
        }
        self.finish(STAGE, End::RolledBack { reason: reason.to_owned() })
    }

    /// Proof that traffic returned. Without it nothing is scaled down, but the rollback stands.
    fn prove_return(self) -> Option<Decision> {
        let state = self.state;
        let unproven = state.failures.contains(&Check::Returned);
        if unproven || state.has_passed(Check::Returned) && self.now >= self.settled_back() {
            return None;
        }
        if state.has_passed(Check::Returned) {
            return Some(self.wait(STAGE, "data planes to settle", Some(self.settled_back())));
        }
        let deadline = after(state.returned.unwrap_or(self.now), self.plan().converge_deadline);
        let color = self.old_color();
        if self.now < deadline {
            let endpoints = self.view.heard(color).map(|old| old.endpoints.clone()).unwrap_or_default();
            return Some(self.run(
                STAGE,
                Activity::Converge { proves: Check::Returned, color, endpoints },
                Some(deadline),
            ));
        }
        let summary = format!("traffic has not provably returned within {:?}", self.plan().converge_deadline);
        let failed = Event::Failed { check: Check::Returned, verdict: Verdict::Inconclusive, summary };
        Some(Decision { stage: STAGE, record: vec![failed], then: Then::Again })
    }

    fn settled_back(self) -> Timestamp {
        let returned = self.state.passed.get(&Check::Returned).copied().unwrap_or(self.now);
        after(returned, self.plan().settle)
    }
}
