//! The loop: ask the engine, do what it says, take in what happens.

use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use tracing::Instrument;

use super::requests::{Asked, RequestError};
use super::sampling::{Look, Sampled};
use super::{Driver, RunError};
use crate::backend::{BackendError, ColorObservation, Measure, RouteObservation, chain};
use crate::color::Color;
use crate::engine::{Decision, Reading, Then};
use crate::record::{End, Ending, Event, JournalError, Request, Update};
use crate::stage::Stage;

/// So many decisions in a row without anything happening in between are a bug, and end the rollout's task.
const MOST_IDLE_DECISIONS: u32 = 10_000;

/// So many events of each watch are taken in at once at most, so that a busy watch can't hold a decision up.
const MOST_CAUGHT_UP: u32 = 64;

/// A rollback waits so long for the journal, and asks it again after a pause.
const JOURNAL_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);
const JOURNAL_PAUSE: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

/// Waits are at most this long, as the wall clock may jump.
const LONGEST_SLEEP: std::time::Duration = std::time::Duration::from_secs(30);

impl Driver {
    /// Performs the rollout to its end.
    pub(crate) async fn run(mut self) -> Result<End, RunError> {
        let span = tracing::info_span!(
            "bluegreen.rollout",
            rollout = %self.state.rollout,
            target = %self.state.started.plan.target,
            release = %self.state.started.release,
        );
        self.perform().instrument(span).await
    }

    async fn perform(&mut self) -> Result<End, RunError> {
        let mut idle = 0;
        loop {
            let decision = self.backends.decider.next(&self.state, &self.view, self.now());
            let Decision { stage, record, then } = decision;
            idle = if matches!(then, Then::Wait { .. } | Then::Run { .. }) { 0 } else { idle + 1 };
            if idle > MOST_IDLE_DECISIONS {
                return Err(RunError::Stuck { stage });
            }
            for event in record {
                self.fold(stage, event)?;
            }
            let span = tracing::info_span!("bluegreen.stage", stage = stage.as_str());
            if let Some(end) = self.perform_one(stage, then).instrument(span).await? {
                return Ok(end);
            }
        }
    }

    async fn perform_one(&mut self, stage: Stage, then: Then) -> Result<Option<End>, RunError> {
        self.sampler.keep(&self.state, &self.backends, &self.deaf);
        match then {
            Then::Again => {}
            Then::Read(on) => self.read(stage, on).await?,
            Then::Write { write, object, replicas } => self.write(stage, write, object, replicas).await?,
            Then::Run { activity, until } => {
                self.flush_if_due().await?;
                self.start(stage, activity, until);
                self.wait(stage, until).await?;
            }
            Then::Wait { what, until } => {
                self.activity = None;
                self.flush_if_due().await?;
                self.say_waiting(stage, &what, until);
                self.wait(stage, until).await?;
            }
            Then::Done(end) => {
                self.activity = None;
                self.flush().await?;
                self.publish(Stage::End, None);
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Makes what is known durable, and then tells it.
    pub(super) async fn flush(&mut self) -> Result<(), RunError> {
        for record in self.ledger.flush().await? {
            self.tell(&Update::Recorded(Box::new(record)));
        }
        Ok(())
    }

    /// Before anything is waited for, what happened is made durable and told.
    async fn flush_if_due(&mut self) -> Result<(), RunError> {
        if !self.ledger.is_due(self.now()) {
            return Ok(());
        }
        self.flush_or_go_on().await
    }

    /// Makes what is known durable. A forward step waits for the journal; a rollback is protected by its fence, and goes on
    /// without a journal that doesn't work (law 6), though not against another process that writes to it.
    pub(super) async fn flush_or_go_on(&mut self) -> Result<(), RunError> {
        if !self.is_rolling_back() {
            return self.flush().await;
        }
        let now = self.now();
        if self.mute.is_some_and(|since| now.duration_since(since) < JOURNAL_PAUSE) {
            return Ok(());
        }
        let error = match tokio::time::timeout(JOURNAL_PATIENCE, self.flush()).await {
            Ok(Err(RunError::Journal(error))) if !is_taken(&error) => chain(&error),
            Ok(result) => return result,
            Err(_) => format!("no answer within {JOURNAL_PATIENCE:?}"),
        };
        tracing::error!(error, "the journal can't be written; the rollback goes on without it");
        self.mute = Some(now);
        Ok(())
    }

    /// Waits until something happens, at most until `until`, and takes it in.
    pub(super) async fn wait(&mut self, stage: Stage, until: Option<Timestamp>) -> Result<(), RunError> {
        self.flush_if_due().await?;
        let now = self.now();
        let sleep = until.map_or(LONGEST_SLEEP, |until| {
            std::time::Duration::try_from(until.duration_since(now)).unwrap_or_default().min(LONGEST_SLEEP)
        });
        // The wall clock may be a hair behind tokio's; a millisecond more keeps the loop from asking too early.
        let sleep = sleep + std::time::Duration::from_millis(u64::from(!sleep.is_zero()));
        let happening = self.happens(sleep).await;
        self.view.waited = self.next_serial();
        match happening {
            Happening::Time => Ok(()),
            Happening::Done(events) => {
                self.activity = None;
                events.into_iter().try_for_each(|event| self.fold(stage, event))
            }
            Happening::Color(color, seen) => {
                self.take_in_color(color, seen);
                Ok(())
            }
            Happening::Route(seen) => {
                self.take_in_route(seen);
                Ok(())
            }
            Happening::Asked(asked) => self.ask(stage, asked).await,
            Happening::Sampled(sampled) => self.take_in_sample(stage, sampled),
        }
    }

    async fn happens(&mut self, sleep: std::time::Duration) -> Happening {
        let activity = &mut self.activity;
        let activity = async {
            match activity {
                Some((_, running)) => running.await,
                None => std::future::pending().await,
            }
        };
        // In this order: what a person asks and what watches tell comes before what was being done.
        tokio::select! {
            biased;
            Some(asked) = self.requests.recv() => Happening::Asked(asked),
            Some(seen) = self.colors.green.next() => Happening::Color(Color::Green, seen),
            Some(seen) = self.colors.blue.next() => Happening::Color(Color::Blue, seen),
            Some(seen) = self.route.next() => Happening::Route(seen),
            sampled = self.sampler.next() => Happening::Sampled(sampled),
            events = activity => Happening::Done(events),
            () = tokio::time::sleep(sleep) => Happening::Time,
        }
    }

    /// Takes in what watches have told meanwhile, without waiting.
    pub(super) fn catch_up(&mut self) {
        for _ in 0..MOST_CAUGHT_UP {
            let mut heard = false;
            for color in Color::ALL {
                if let Some(Some(seen)) = self.follow(color).next().now_or_never() {
                    self.take_in_color(color, seen);
                    heard = true;
                }
            }
            if let Some(Some(seen)) = self.route.next().now_or_never() {
                self.take_in_route(seen);
                heard = true;
            }
            if !heard {
                break;
            }
        }
    }

    fn take_in_color(&mut self, color: Color, seen: Result<ColorObservation, BackendError>) {
        self.deaf.set(color, seen.is_err());
        match seen {
            Ok(value) => {
                let heard = self.view.heard(color) == Some(&value);
                if !heard {
                    let (serial, at) = (self.next_serial(), self.now());
                    *self.view.heard.get_mut(color) = Some(Reading { value, serial, at });
                }
            }
            Err(error) => tracing::debug!(%color, error = chain(&error), "a watch broke and is resumed"),
        }
    }

    fn take_in_route(&mut self, seen: Result<RouteObservation, BackendError>) {
        match seen {
            Ok(value) => {
                let known = self.view.route.as_ref().is_some_and(|route| route.value == value);
                self.view.route_stirred |= !known;
            }
            Err(error) => tracing::debug!(error = chain(&error), "the watch of the route broke and is resumed"),
        }
    }

    fn take_in_sample(&mut self, stage: Stage, sampled: Sampled) -> Result<(), RunError> {
        let Sampled { mut sample, look } = sampled;
        match look {
            Look::Elsewhere => {}
            Look::Read(seen) => self.take_in_color(seen.color, Ok(*seen)),
            // What a watch told holds until it tells something else, or breaks.
            Look::Watch => {
                let heard = self.view.heard(sample.color).filter(|_| !self.deaf.is(sample.color));
                sample.measure = heard.map_or_else(
                    || Measure::NoData { why: "the watch is broken".to_owned() },
                    |seen| Measure::Gauge { value: f64::from(seen.ready) },
                );
            }
        }
        self.fold(stage, Event::Sampled(sample))
    }

    async fn ask(&mut self, stage: Stage, asked: Asked) -> Result<(), RunError> {
        let answer = self.may_ask(&asked.request);
        if answer.is_ok() {
            self.fold(stage, Event::Asked { request: asked.request, by: asked.by })?;
            // Once it is in the journal it will not be forgotten; a rollback doesn't wait for that.
            if !self.is_rolling_back() {
                self.flush().await?;
            }
        }
        let _ = asked.answer.send(answer);
        Ok(())
    }

    fn may_ask(&self, request: &Request) -> Result<(), RequestError> {
        let turns = matches!(request, Request::Abort { .. } | Request::RollBack { .. });
        if let (true, Some((ending, _))) = (turns, &self.state.ending) {
            return Err(RequestError::TurnsBack { reason: ending.reason().to_owned() });
        }
        let forced = matches!(request, Request::RollBack { force: true, .. });
        match &self.state.way_back {
            Some(way_back) if turns && !forced && !way_back.open && self.state.traffic_sent => {
                Err(RequestError::WayBackClosed { reason: way_back.reason.clone() })
            }
            _ => Ok(()),
        }
    }

    const fn is_rolling_back(&self) -> bool {
        matches!(self.state.ending, Some((Ending::RollBack { .. }, _)))
    }
}

/// Whether another process is at the journal.
const fn is_taken(error: &JournalError) -> bool {
    matches!(error, JournalError::Locked { .. } | JournalError::Moved { .. })
}

enum Happening {
    Time,
    Done(Vec<Event>),
    Color(Color, Result<ColorObservation, BackendError>),
    Route(Result<RouteObservation, BackendError>),
    Asked(Asked),
    Sampled(Sampled),
}
