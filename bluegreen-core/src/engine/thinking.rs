//! The order in which things are decided.

use std::time::Duration;

use jiff::Timestamp;

use super::decision::{Activity, Decision, Then};
use super::state::{Doubt, Intent, State};
use super::view::View;
use crate::backend::{RouteObject, RouteObservation, Split};
use crate::color::Color;
use crate::plan::PlanSpec;
use crate::record::{Check, End, Ending, Event, On, Write};
use crate::stage::Stage;

/// How long the first wait between two tries of a write is; each further one is twice as long, up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// One act of deciding. Each method answers `None` where it has nothing (more) to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thinking<'a> {
    pub(super) state: &'a State,
    pub(super) view: &'a View,
    pub(super) now: Timestamp,
}

impl<'a> Thinking<'a> {
    pub(super) fn next(self) -> Decision {
        if let Some(end) = &self.state.end {
            return decide(Stage::End, Then::Done(end.clone()));
        }
        if let Some(why) = &self.view.unreadable {
            return halt(
                &format!("the world can't be read: {why}"),
                "repair it; then roll back, or start a new rollout",
            );
        }
        self.irrevocable()
            .or_else(|| self.resolve_doubts())
            .or_else(|| self.acquire())
            .or_else(|| self.repair())
            .or_else(|| self.keep_hold())
            .or_else(|| self.turn())
            .unwrap_or_else(|| self.forward())
    }

    /// Something that was begun and must not be dropped half-way: a migration.
    fn irrevocable(self) -> Option<Decision> {
        let state = self.state;
        let begun = state.begun.contains_key(&Check::Migration);
        let over = state.has_passed(Check::Migration) || state.failures.contains(&Check::Migration);
        let resumed = state.inherited.contains(&Check::Migration);
        (begun && !over).then(|| self.run(Stage::Migrate, Activity::Migrate { resumed }, None))
    }

    /// R8: a write whose fate is unknown is read back before anything else is decided.
    fn resolve_doubts(self) -> Option<Decision> {
        let state = self.state;
        // A rollback asks nothing of the new color, not even to be readable.
        let rolls_back = matches!(state.ending, Some((Ending::RollBack { .. }, _))) && state.returned.is_none();
        let matters = |doubt: &&Doubt| !rolls_back || doubt.intent.write.on() != On::Color(self.new_color());
        state.doubts.values().filter(matters).find_map(|doubt| self.resolve(&doubt.intent))
    }

    fn resolve(self, intent: &Intent) -> Option<Decision> {
        let on = intent.write.on();
        let landed = match on {
            On::Route => {
                let Some(route) = self.view.fresh_route(self.now) else {
                    return Some(self.read(on));
                };
                let object = route.value.objects.iter().find(|object| object.name == intent.object);
                object.and_then(|object| object.mark.as_ref()).is_some_and(|mark| mark.stamp == intent.stamp)
            }
            On::Color(color) => {
                let Some(seen) = self.view.fresh(color, self.now) else {
                    return Some(self.read(on));
                };
                seen.value.stamp.as_ref() == Some(&intent.stamp)
            }
        };
        let complete = on != On::Route || self.completes(intent.write);
        let (write, object, stamp) = (intent.write, intent.object.clone(), intent.stamp.clone());
        landed.then(|| self.record(vec![Event::Wrote { write, object, stamp, complete }]))
    }

    /// Whether the route as it was read is what `write` was for.
    fn completes(self, write: Write) -> bool {
        match write {
            Write::Switch => self.is_at(Split::only(self.new_color())),
            Write::SwitchBack => self.is_at(Split::only(self.old_color())),
            Write::Shift(step) => self.step_split(step).is_some_and(|split| self.is_at(split)),
            _ => true,
        }
    }

    /// Another holder's stamp stops this rollout; a foreign edit halts it (R6, R7).
    fn keep_hold(self) -> Option<Decision> {
        if self.view.route_stirred {
            return Some(self.read(On::Route));
        }
        let route = self.route()?;
        for object in &route.objects {
            if let Some(mark) = object.mark.as_ref().filter(|mark| mark.stamp.holder != self.state.holder) {
                return Some(superseded(&format!("{} carries {mark}", object.name)));
            }
            if object.is_foreign() || object.mark.is_none() {
                return Some(halt(&foreign_edit(object), DECIDE));
            }
        }
        None
    }

    /// Whether to go back, and then how.
    fn turn(self) -> Option<Decision> {
        match &self.state.ending {
            Some((Ending::RollBack { reason, forced }, since)) => Some(self.roll_back(reason, *forced, *since)),
            Some((Ending::Abort { reason }, _)) => Some(self.abort(reason)),
            None => self.traffic_is_back().or_else(|| self.judge()).or_else(|| self.give_up_on_failure()),
        }
    }

    /// A process that could not write its journal has rolled back before this one came.
    fn traffic_is_back(self) -> Option<Decision> {
        let moved = self.state.switched.is_some() || !self.state.shifted.is_empty();
        let back = moved && self.is_at(Split::only(self.old_color()));
        let reason = || format!("traffic was found back on {}", self.old_color());
        back.then(|| self.record(vec![Event::Decided(Ending::RollBack { reason: reason(), forced: true })]))
    }

    /// A failed check ends the rollout.
    fn give_up_on_failure(self) -> Option<Decision> {
        let (check, summary) = self.state.failed.as_ref()?;
        Some(self.turn_back(&format!("{check}: {summary}")))
    }

    // ---- what all parts use ---------------------------------------------------------------------------------------

    pub(super) const fn plan(self) -> &'a PlanSpec {
        &self.state.started.plan
    }

    pub(super) const fn old_color(self) -> Color {
        self.state.started.old
    }

    pub(super) const fn new_color(self) -> Color {
        self.state.started.new
    }

    pub(super) fn route(self) -> Option<&'a RouteObservation> {
        self.view.route.as_ref().map(|route| &route.value)
    }

    pub(super) fn is_at(self, split: Split) -> bool {
        self.route().is_some_and(|route| route.split == Some(split))
    }

    pub(super) fn step_split(self, step: usize) -> Option<Split> {
        self.plan().canary.get(step).map(|step| Split::percent(self.new_color(), step.percent))
    }

    /// How many replicas the new color is to have.
    pub(super) fn capacity(self) -> u32 {
        self.state.capacity.unwrap_or(1)
    }

    /// Where the rollout stands, for decisions that aren't part of a stage.
    pub(super) fn stage(self) -> Stage {
        if self.state.failed.is_some() && self.state.switched.is_none() && !self.state.traffic_sent {
            return Stage::Abort;
        }
        match &self.state.ending {
            Some((Ending::Abort { .. }, _)) => Stage::Abort,
            Some((Ending::RollBack { .. }, _)) => Stage::RollBack,
            None if self.state.holding.raised.is_empty() => Stage::Raise,
            None if self.state.switched.is_none() => Stage::Switch,
            None if !self.state.has_passed(Check::Settled) => Stage::Converge,
            None => Stage::Watch,
        }
    }

    pub(super) fn read(self, on: On) -> Decision {
        decide(self.stage(), Then::Read(on))
    }

    pub(super) fn record(self, record: Vec<Event>) -> Decision {
        Decision { stage: self.stage(), record, then: Then::Again }
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    pub(super) fn run(self, stage: Stage, activity: Activity, until: Option<Timestamp>) -> Decision {
        decide(stage, Then::Run { activity, until })
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    pub(super) fn wait(self, stage: Stage, what: impl Into<String>, until: Option<Timestamp>) -> Decision {
        decide(stage, Then::Wait { what: what.into(), until })
    }

    /// A write, unless its budget is spent or it is too early to try again.
    pub(super) fn write(self, stage: Stage, write: Write) -> Decision {
        self.write_with(stage, write, None, 0, Vec::new())
    }

    pub(super) fn write_with(
        self,
        stage: Stage,
        write: Write,
        object: Option<String>,
        replicas: u32,
        record: Vec<Event>,
    ) -> Decision {
        match self.budget(write) {
            Budget::Free => Decision { stage, record, then: Then::Write { write, object, replicas } },
            Budget::NotBefore(at, error) => {
                self.wait(stage, format!("trying again to {write}, which failed: {error}"), Some(at))
            }
            Budget::Spent(error) => self.out_of_budget(write, &error),
        }
    }

    fn budget(self, write: Write) -> Budget {
        let Some(tries) = self.state.tries.as_ref().filter(|tries| tries.write == write) else {
            return Budget::Free;
        };
        let budget = &self.plan().writes;
        // A rollback, and everything that tidies up, is tried for as long as the rollback may take, and never less often.
        let spent = match &self.state.ending {
            Some((_, since)) => {
                tries.all >= budget.attempts && self.now > after(*since, self.plan().roll_back.deadline)
            }
            None => tries.counted >= budget.attempts || self.now > after(tries.since, budget.within),
        };
        if tries.hopeless || spent {
            return Budget::Spent(tries.error.clone());
        }
        let backoff = FIRST_BACKOFF.saturating_mul(1 << tries.all.saturating_sub(1).min(8)).min(MAX_BACKOFF);
        let at = after(tries.last, backoff);
        if self.now < at { Budget::NotBefore(at, tries.error.clone()) } else { Budget::Free }
    }

    fn out_of_budget(self, write: Write, error: &str) -> Decision {
        let reason = format!("could not {write}: {error}");
        if self.state.holding.raised.is_empty() && self.state.doubts.is_empty() && !self.state.is_recovered() {
            return end(End::Aborted { reason });
        }
        let tidies = self.state.watch.passed.is_some() || write == Write::Release;
        if tidies && self.state.ending.is_none() {
            // The new release has done well; that tidying up fails is nothing against it.
            return halt(&reason, "the new release serves; scale the old color down yourself");
        }
        if self.state.ending.is_some() || self.state.holding.raised.is_empty() {
            return halt(&reason, "remove the cause; then roll back, or start a new rollout");
        }
        self.turn_back(&reason)
    }

    /// Back to the old color, the way that fits where traffic is.
    pub(super) fn turn_back(self, reason: &str) -> Decision {
        let reason = reason.to_owned();
        let moved = self.state.switched.is_some() || !self.state.shifted.is_empty();
        let moved =
            moved || self.route().is_some_and(|route| self.state.traffic_sent && route.references(self.new_color()));
        if moved && self.state.way_back.as_ref().is_some_and(|way_back| !way_back.open) {
            let why = self.state.way_back.as_ref().map_or("", |way_back| &way_back.reason);
            return halt(
                &format!("{reason}; the way back is closed: {why}"),
                "repair the new release, or force a rollback",
            );
        }
        let ending = if moved { Ending::RollBack { reason, forced: false } } else { Ending::Abort { reason } };
        self.record(vec![Event::Decided(ending)])
    }

    /// The end after a proper course: autoscalers get back what they had first.
    pub(super) fn finish(self, stage: Stage, end: End) -> Decision {
        let over = |check| self.state.has_passed(check) || self.state.failures.contains(&check);
        let pinned = Color::ALL
            .into_iter()
            .find(|color| self.state.begun.contains_key(&Check::Pin(*color)) && !over(Check::Unpin(*color)));
        match pinned {
            Some(color) => self.run(stage, Activity::Pin { color, minimum: None }, None),
            None => self::end(end),
        }
    }
}

/// What a person does about a foreign edit.
pub(super) const DECIDE: &str = "decide which color is to serve; then start a new rollout, or roll back";

/// What somebody else did to an object of the route: what was expected, what was found, who wrote it.
pub(super) fn foreign_edit(object: &RouteObject) -> String {
    let by = object.changed.as_ref().map(|change| format!(" by {change}")).unwrap_or_default();
    match &object.mark {
        Some(mark) => format!("{} was changed{by}: expected {}, found {}", object.name, mark.split, object.state),
        None => format!("{} was replaced{by}: our stamp is gone, found {}", object.name, object.state),
    }
}

pub(super) fn halt(reason: &str, next: &str) -> Decision {
    end(End::Halted { reason: reason.to_owned(), next: next.to_owned() })
}

pub(super) fn superseded(by: &str) -> Decision {
    end(End::Superseded { by: by.to_owned() })
}

pub(super) fn end(end: End) -> Decision {
    Decision { stage: Stage::End, record: vec![Event::Ended(end)], then: Then::Again }
}

/// Whether a write may be tried now.
enum Budget {
    Free,
    NotBefore(Timestamp, String),
    Spent(String),
}

pub(super) const fn decide(stage: Stage, then: Then) -> Decision {
    Decision { stage, record: Vec::new(), then }
}

/// `duration` after `at`; the end of time where that is past it.
pub(super) fn after(at: Timestamp, duration: Duration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
