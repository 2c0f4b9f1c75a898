//! Pointing production traffic at the new color (rules R3 and R5), and proof that it arrived.

use super::decision::{Activity, Decision, Then};
use super::thinking::{Thinking, after};
use crate::backend::{Split, Verdict};
use crate::plan::Capacity;
use crate::record::{Check, Event, On, Write};
use crate::stage::Stage;

impl Thinking<'_> {
    /// The canary steps, each shifted, held and judged.
    pub(super) fn canary(self) -> Option<Decision> {
        (0..self.plan().canary.len()).find_map(|step| self.canary_step(step))
    }

    fn canary_step(self, step: usize) -> Option<Decision> {
        if self.state.has_passed(Check::Canary(step)) {
            return None;
        }
        let (spec, split) = (self.plan().canary.get(step)?, self.step_split(step)?);
        let Some(shifted) = self.state.shifted.get(&step) else {
            return Some(self.route_to_new(Stage::Canary, Write::Shift(step), split));
        };
        let until = after(*shifted, spec.hold);
        if self.now < until {
            return Some(self.wait(Stage::Canary, format!("{split} to be held"), Some(until)));
        }
        let summary = format!("{split} held for {:?}", spec.hold);
        let passed = Event::Passed { check: Check::Canary(step), summary };
        Some(Decision { stage: Stage::Canary, record: vec![passed], then: Then::Again })
    }

    pub(super) fn switch(self) -> Option<Decision> {
        Some(self.route_to_new(Stage::Switch, Write::Switch, Split::only(self.new_color())))
    }

    /// R5: seal the new color, then read it; only if it is ready *now*, route to it.
    fn route_to_new(self, stage: Stage, write: Write, split: Split) -> Decision {
        let new = self.new_color();
        if self.is_at(split) {
            // It landed before this process took over.
            return Decision { stage, record: vec![Event::Found { write }], then: Then::Again };
        }
        if let Some(object) = self.doubtful_route_object() {
            return self.write_with(stage, Write::SealRoute, Some(object), 0, Vec::new());
        }
        if let Some(pin) = self.view.heard(self.old_color()).and_then(|old| self.pin(stage, old)) {
            return pin;
        }
        if !self.state.holding.sealed.get(new) {
            if self.view.fresh(new, self.now).is_none() {
                return self.read(On::Color(new));
            }
            return self.write(stage, Write::Seal(new));
        }
        let Some(seen) = self.view.fresh(new, self.now) else {
            return self.read(On::Color(new));
        };
        if !seen.value.is_ready(&self.state.started.release, self.capacity()) {
            return self.await_readiness_again(stage);
        }
        if let Some(decision) = self.grow(stage) {
            return decision;
        }
        let record = if self.state.way_back.is_none() { vec![self.way_back(seen.value.restarts)] } else { Vec::new() };
        self.write_with(stage, write, None, 0, record)
    }

    /// It was ready when it was tested, and isn't any more.
    fn await_readiness_again(self, stage: Stage) -> Decision {
        let new = self.new_color();
        let Some(unready) = self.state.begun.get(&Check::Ready).copied() else {
            let begun = Event::Begun { check: Check::Ready };
            return Decision { stage, record: vec![begun], then: Then::Again };
        };
        let deadline = self.ready_by(unready);
        let seen = self.view.heard(new).map_or_else(String::new, |new| {
            let obstacles: Vec<_> = new.obstacles.iter().map(ToString::to_string).collect();
            format!("{} of {} replicas ready {}", new.ready, self.capacity(), obstacles.join("; "))
        });
        if self.now >= deadline {
            let summary = format!("{new} was ready and is no longer: {seen}");
            let failed = Event::Failed { check: Check::Ready, verdict: Verdict::Fail, summary };
            return Decision { stage, record: vec![failed], then: Then::Again };
        }
        if let Some(decision) = self.enlarge(stage) {
            return decision;
        }
        self.wait(stage, format!("{new} to be ready again: {seen}"), Some(deadline))
    }

    /// The active color may have been scaled up since the deployment.
    fn grow(self, stage: Stage) -> Option<Decision> {
        let serving = self.view.heard(self.old_color())?.ready;
        if self.plan().capacity != Capacity::MatchActive || serving <= self.capacity() {
            return None;
        }
        let record = vec![Event::Capacity { replicas: serving }];
        Some(self.write_with(stage, Write::ScaleUp(self.new_color()), None, serving, record))
    }

    /// Whether a rollback will be possible is decided before traffic moves.
    fn way_back(self, restarts: u32) -> Event {
        let serving = self.view.heard(self.old_color()).map_or(0, |old| old.ready);
        let (open, reason) = if serving == 0 {
            (false, format!("no replica of {} was ready before traffic moved", self.old_color()))
        } else {
            (true, format!("{serving} replicas of {} were ready before traffic moved", self.old_color()))
        };
        Event::WayBack { open, reason, serving, restarts }
    }

    /// Proof that traffic arrived, and then the wait for what can't be observed.
    pub(super) fn converge(self) -> Option<Decision> {
        let state = self.state;
        if state.has_passed(Check::Settled) {
            return None;
        }
        let Some(converged) = state.passed.get(&Check::Converged) else {
            let switched = state.switched.unwrap_or(self.now);
            let deadline = after(switched, self.plan().converge_deadline);
            if self.now >= deadline {
                let summary = format!("traffic has not provably arrived within {:?}", self.plan().converge_deadline);
                let failed = Event::Failed { check: Check::Converged, verdict: Verdict::Fail, summary };
                return Some(Decision { stage: Stage::Converge, record: vec![failed], then: Then::Again });
            }
            let color = self.new_color();
            let endpoints = self.view.heard(color).map(|new| new.endpoints.clone()).unwrap_or_default();
            return Some(self.run(
                Stage::Converge,
                Activity::Converge { proves: Check::Converged, color, endpoints },
                Some(deadline),
            ));
        };
        let settled = after(*converged, self.plan().settle);
        if self.now < settled {
            return Some(self.wait(Stage::Converge, "data planes to settle", Some(settled)));
        }
        let summary = format!("waited {:?} after convergence", self.plan().settle);
        let passed = Event::Passed { check: Check::Settled, summary };
        Some(Decision { stage: Stage::Converge, record: vec![passed], then: Then::Again })
    }
}
