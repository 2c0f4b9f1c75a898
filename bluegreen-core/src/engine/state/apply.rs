//! One event more.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Doubt, Holding, IllegalEvent, Intent, State, Tries, WatchState, WayBack};
use crate::backend::{RouteState, Verdict};
use crate::color::Color;
use crate::engine::verdict;
use crate::record::{Check, End, Ending, Event, Kind, On, Record, Request, Sample, Started, Write};

impl State {
    /// The state after one record more. A record that can't follow is an error, and the journal that holds it is not to be
    /// trusted.
    pub fn after(state: Option<Self>, record: &Record) -> Result<Self, IllegalEvent> {
        match (state, &record.event) {
            (None, Event::Started(started)) => Ok(Self::begin(record, started)),
            (None, event) => illegal(event, "a rollout begins with `started`"),
            (Some(mut state), _) => state.apply(record).map(|()| state),
        }
    }

    fn begin(record: &Record, started: &Started) -> Self {
        let (switched, ending) = match &started.kind {
            Kind::Deploy => (None, None),
            Kind::RollBack(reason) => {
                let ending = Ending::RollBack { reason: reason.clone(), forced: true };
                (Some(record.at), Some((ending, record.at)))
            }
        };
        Self {
            rollout: record.rollout.clone(),
            holder: record.holder.clone(),
            predecessors: BTreeSet::new(),
            holding: Holding { found: started.found.clone(), ..Holding::default() },
            raised: BTreeSet::new(),
            capacity: None,
            capacity_since: None,
            way_back: None,
            intent: None,
            doubts: Default::default(),
            tries: None,
            begun: Default::default(),
            inherited: Default::default(),
            passed: Default::default(),
            failed: None,
            failures: Default::default(),
            wrote: Default::default(),
            deploys: 0,
            shifted: Default::default(),
            traffic_sent: switched.is_some(),
            switched,
            returned: None,
            watch: WatchState::default(),
            paused: false,
            approved: None,
            ending,
            end: None,
            seq: 0,
            started: started.clone(),
        }
    }

    /// Takes in one record more. After an error the state is not to be used any more.
    pub(crate) fn apply(&mut self, record: &Record) -> Result<(), IllegalEvent> {
        let (event, at) = (&record.event, record.at);
        if record.rollout != self.rollout {
            return illegal(event, "it belongs to another rollout");
        }
        if self.end.is_some() {
            return illegal(event, "the rollout has ended");
        }
        if record.holder != self.holder && !matches!(event, Event::Recovered { .. }) {
            return illegal(event, "it was written by a process that didn't say it goes on");
        }
        match event {
            Event::Started(_) => return illegal(event, "the rollout has begun already"),
            Event::Recovered { found } => self.recover(record, found.clone()),
            Event::Capacity { replicas } => {
                if self.capacity != Some(*replicas) {
                    self.capacity_since = Some(at);
                }
                self.capacity = Some(*replicas);
            }
            Event::WayBack { open, reason, serving, restarts } => {
                let (reason, serving, restarts) = (reason.clone(), *serving, *restarts);
                self.way_back = Some(WayBack { open: *open, reason, serving, restarts });
            }
            Event::Intent { write, object, stamp, step } => {
                if self.intent.is_some() {
                    return illegal(event, "another write is under way");
                }
                if *write == Write::Retire(self.started.old) && self.watch.passed.is_none() {
                    return illegal(event, "the old color is retired only when a watch has passed");
                }
                self.intend(Intent { write: *write, object: object.clone(), stamp: stamp.clone(), step: step.clone() });
            }
            Event::Wrote { write, object, stamp, complete } => {
                let intent = self.take_intent(event, object, stamp)?;
                self.confirm(*write, &intent, *complete, at);
            }
            Event::Found { write } => self.complete(*write, at),
            Event::Refused { write, object, stamp, error, conflict, retryable } => {
                self.take_intent(event, object, stamp)?;
                let counted = *conflict || !*retryable;
                self.tried(*write, at, error, counted, !*conflict && !*retryable);
                self.holding.sealed_first &= *write != Write::Raise;
            }
            Event::Unsure { write, object, stamp, error } => {
                let intent = self.take_intent(event, object, stamp)?;
                self.doubts.insert(object.clone(), Doubt { intent });
                self.tried(*write, at, error, true, false);
                self.holding.sealed_first &= *write != Write::Raise;
            }
            Event::Begun { check } => {
                self.begun.entry(*check).or_insert(at);
            }
            Event::Passed { check, .. } => {
                if *check == Check::Ready {
                    self.begun.remove(check);
                }
                self.passed.insert(*check, at);
            }
            Event::Failed { check, summary, .. } => {
                self.failures.insert(*check);
                // These end a rollout that has been decided on; that they fail decides nothing.
                if !matches!(check, Check::Unpin(_) | Check::Returned) {
                    self.failed.get_or_insert((*check, summary.clone()));
                }
            }
            Event::Sampled(sample) => self.sampled(sample, at),
            Event::Guard { holds, summary } => self.watch.guard_lost = (!holds).then(|| summary.clone()),
            Event::Confirming { until, .. } => self.watch.confirming = Some((at, *until)),
            Event::Judged { verdict, .. } => {
                if self.switched.is_none() && self.shifted.is_empty() {
                    return illegal(event, "no traffic is on the new color");
                }
                if *verdict == Verdict::Pass {
                    self.watch.passed = Some(at);
                }
            }
            Event::Asked { request, .. } => self.asked(request, at),
            Event::Decided(ending) => {
                if matches!(ending, Ending::Abort { .. }) && self.switched.is_some() {
                    return illegal(event, "traffic is on the new color");
                }
                self.ending = Some((ending.clone(), at));
            }
            Event::Kept { .. } => {}
            Event::Evidence { .. } => {
                self.passed.insert(Check::Evidence, at);
            }
            Event::Ended(end) => {
                if matches!(end, End::Promoted { .. }) && (self.switched.is_none() || self.ending.is_some()) {
                    return illegal(event, "the new release doesn't serve");
                }
                self.end = Some(end.clone());
            }
        }
        Ok(())
    }

    /// What another process held is gone; what it began is in doubt until this one holds the route.
    fn recover(&mut self, record: &Record, found: Vec<crate::backend::RouteObject>) {
        self.predecessors.insert(std::mem::replace(&mut self.holder, record.holder.clone()));
        self.holding = Holding { found, ..Holding::default() };
        self.intent = None;
        self.doubts.clear();
        self.tries = None;
        self.seq = 0;
        self.inherited.extend(self.begun.keys());
        // What was ready then may not be there any more, and gets its time to become ready again.
        if self.passed.remove(&Check::Ready).is_some() {
            self.begun.insert(Check::Ready, record.at);
        }
    }

    fn intend(&mut self, intent: Intent) {
        self.seq = self.seq.max(intent.stamp.seq);
        self.traffic_sent |= intent.write.moves_traffic();
        if let (true, On::Color(color)) = (intent.write.hurts(), intent.write.on()) {
            *self.holding.sealed.get_mut(color) = false;
        }
        self.intent = Some(intent);
    }

    /// The write that an outcome is about: the one under way, or one whose fate was unknown.
    fn take_intent(&mut self, event: &Event, object: &str, stamp: &crate::ids::Stamp) -> Result<Intent, IllegalEvent> {
        if let Some(intent) = self.intent.take_if(|intent| intent.stamp == *stamp && intent.object == object) {
            return Ok(intent);
        }
        match self.doubts.remove(object) {
            Some(doubt) if doubt.intent.stamp == *stamp => Ok(doubt.intent),
            _ => illegal(event, "no such write is under way"),
        }
    }

    fn confirm(&mut self, write: Write, intent: &Intent, complete: bool, at: Timestamp) {
        self.doubts.remove(&intent.object);
        match write {
            Write::Raise => {
                self.holding.raised.insert(intent.object.clone());
                self.raised.insert(intent.object.clone());
                if let Some(RouteState::Routes(split)) = intent.step.as_ref().map(|step| &step.to)
                    && let Some(serving) = split.sole()
                {
                    *self.holding.sealed.get_mut(serving) = true;
                }
            }
            Write::Seal(color) => {
                let holds = !self.holding.raised.is_empty();
                *self.holding.sealed.get_mut(color) |= holds;
                self.holding.sealed_first |= !holds;
            }
            Write::Deploy(color) | Write::ScaleUp(color) => *self.holding.sealed.get_mut(color) = true,
            _ => {}
        }
        if complete {
            self.complete(write, at);
        }
    }

    /// What a write was for is done.
    fn complete(&mut self, write: Write, at: Timestamp) {
        self.tries = None;
        self.wrote.insert(name(write), at);
        match write {
            Write::Deploy(_) => {
                self.deploys += 1;
                self.passed.remove(&Check::Ready);
                self.begun.remove(&Check::Ready);
            }
            Write::Shift(step) => {
                self.begun.remove(&Check::Ready);
                self.shifted.insert(step, at);
            }
            Write::Switch => self.switched = Some(at),
            Write::SwitchBack => self.returned = Some(at),
            _ => {}
        }
    }

    fn tried(&mut self, write: Write, at: Timestamp, error: &str, counted: bool, hopeless: bool) {
        let mut tries = self.tries.take().filter(|tries| tries.write == write).unwrap_or(Tries {
            write,
            counted: 0,
            all: 0,
            since: at,
            last: at,
            error: String::new(),
            hopeless: false,
        });
        tries.counted += u32::from(counted);
        tries.all += 1;
        tries.last = at;
        error.clone_into(&mut tries.error);
        tries.hopeless |= hopeless;
        self.tries = Some(tries);
    }

    fn sampled(&mut self, sample: &Sample, at: Timestamp) {
        let (verdict, limits) = verdict::judge(&self.started.plan, sample);
        let in_watch = self.passed.contains_key(&Check::Settled);
        let confirming = self.watch.confirming.is_some_and(|(from, _)| at > from);
        let source = self.watch.sources.entry(sample.source.clone()).or_default();
        let seconds = SignedDuration::try_from_secs_f64(sample.seconds.max(0.0)).unwrap_or_default();
        source.samples += 1;
        source.last = Some(at);
        if verdict == Verdict::Inconclusive {
            source.silent_in_a_row += 1;
        } else {
            source.silent_in_a_row = 0;
            source.seen += if in_watch { seconds } else { SignedDuration::ZERO };
            source.seen_confirming += if confirming { seconds } else { SignedDuration::ZERO };
        }
        match verdict {
            Verdict::Fail => {
                source.bad += 1;
                source.bad_in_a_row += 1;
            }
            Verdict::Pass => source.bad_in_a_row = 0,
            Verdict::Inconclusive | Verdict::Cancelled => {}
        }
        source.failing = limits.failing(source, sample);
    }

    fn asked(&mut self, request: &Request, at: Timestamp) {
        match request {
            Request::Pause => self.paused = true,
            Request::Resume => self.paused = false,
            Request::Approve { reason } => self.approved = Some(reason.clone()),
            Request::Abort { reason } => self.turn_back(reason, false, at),
            Request::RollBack { reason, force } => self.turn_back(reason, *force, at),
        }
    }

    /// Abort and rollback are one request: which of them it is depends on whether traffic has moved.
    fn turn_back(&mut self, reason: &str, forced: bool, at: Timestamp) {
        if self.ending.is_some() {
            return;
        }
        let reason = reason.to_owned();
        let moved = self.switched.is_some() || !self.shifted.is_empty();
        let ending = if moved { Ending::RollBack { reason, forced } } else { Ending::Abort { reason } };
        self.ending = Some((ending, at));
    }
}

/// A stable name for a kind of write, whatever its color or step.
pub(crate) const fn name(write: Write) -> &'static str {
    match write {
        Write::Raise => "raise",
        Write::SealRoute => "seal_route",
        Write::Shift(_) => "shift",
        Write::Switch => "switch",
        Write::SwitchBack => "switch_back",
        Write::Release => "release",
        Write::Deploy(_) => "deploy",
        Write::ScaleUp(Color::Blue) => "scale_up_blue",
        Write::ScaleUp(Color::Green) => "scale_up_green",
        Write::Seal(_) => "seal",
        Write::Retire(_) => "retire",
        Write::TakeDown(_) => "take_down",
    }
}

fn illegal<T>(event: &Event, why: &str) -> Result<T, IllegalEvent> {
    let event = serde_json::to_value(event).ok();
    let event =
        event.as_ref().and_then(|value| value.get("event")).and_then(serde_json::Value::as_str).unwrap_or("event");
    Err(IllegalEvent { event: event.to_owned(), why: why.to_owned() })
}
