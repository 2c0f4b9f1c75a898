//! Doing what the engine decides: the only place with effects, tasks and time.
//!
//! One task performs one rollout, and one write at a time. It journals the intent of every write before it sends it, puts
//! a deadline on every call, and takes a call without an answer for one whose effect is unknown.

mod activity;
mod backends;
mod call;
mod ledger;
mod reads;
mod requests;
mod run;
mod sampling;
mod writes;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use tokio::sync::watch;

pub(crate) use self::backends::Backends;
pub(crate) use self::call::{call, persist};
pub(crate) use self::ledger::Ledger;
pub(crate) use self::requests::Asked;
pub use self::requests::RequestError;
use self::sampling::{Deaf, Sampler};
use crate::backend::{BackendError, ColorObservation, RouteObservation};
use crate::color::{Color, PerColor};
use crate::engine::{Activity, State, View};
use crate::error::RunError;
use crate::ids::Holder;
use crate::record::{Ending, Event, Update, Waiting};
use crate::stage::Stage;

/// A watch as the driver keeps it.
type Followed<T> = BoxStream<'static, Result<T, BackendError>>;

/// Performs one rollout.
pub(crate) struct Driver {
    backends: Arc<Backends>,
    ledger: Ledger,
    state: State,
    view: View,
    holder: Holder,
    /// The epoch of this holding; set before its first write.
    epoch: Option<u64>,
    /// The serial number of the last read, write or event.
    serial: u64,
    activity: Option<(Activity, BoxFuture<'static, Vec<Event>>)>,
    sampler: Sampler,
    colors: PerColor<Followed<ColorObservation>>,
    route: Followed<RouteObservation>,
    /// Which colors were last heard of by their watch breaking.
    deaf: Deaf,
    requests: tokio::sync::mpsc::Receiver<Asked>,
    status: watch::Sender<Status>,
    /// Since when the world can't be reached.
    unreachable: Option<(Timestamp, u32)>,
    /// Since when the journal can't be written, while a rollback goes on without it.
    mute: Option<Timestamp>,
}

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The stage it is in.
    pub stage: Stage,
    /// What it waits for.
    pub waiting: Option<Waiting>,
    /// When all traffic was on the new color.
    pub switched: Option<Timestamp>,
    /// Whether a person paused it.
    pub paused: bool,
    /// Where it is heading, when it doesn't go forward.
    pub ending: Option<Ending>,
}

impl Status {
    pub(crate) fn new(state: &State, stage: Stage, waiting: Option<Waiting>) -> Self {
        let ending = state.ending.as_ref().map(|(ending, _)| ending.clone());
        Self { stage, waiting, switched: state.switched, paused: state.paused, ending }
    }
}

impl Driver {
    pub(crate) fn new(
        backends: Arc<Backends>,
        ledger: Ledger,
        state: State,
        view: View,
        requests: tokio::sync::mpsc::Receiver<Asked>,
        status: watch::Sender<Status>,
    ) -> Self {
        let serial = view.route.as_ref().map_or(0, |route| route.serial);
        Self {
            holder: state.holder.clone(),
            epoch: None,
            serial,
            activity: None,
            sampler: Sampler::default(),
            colors: PerColor::from_fn(|color| backends.environment.watch(color)),
            route: backends.router.watch(),
            unreachable: None,
            mute: None,
            deaf: Deaf::default(),
            backends,
            ledger,
            state,
            view,
            requests,
            status,
        }
    }

    fn now(&self) -> Timestamp {
        self.backends.clock.now()
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Takes an event into the state, and keeps it for the next append. What is read from now on is later than it.
    fn fold(&mut self, stage: Stage, event: Event) -> Result<(), RunError> {
        let sampled = matches!(event, Event::Sampled(_));
        let record = self.ledger.record(self.now(), &self.holder, stage, event);
        let illegal = |source| RunError::Illegal { rollout: record.rollout.clone(), source };
        self.state.apply(&record).map_err(illegal)?;
        self.ledger.push(record);
        if !sampled {
            self.view.barrier = self.next_serial();
        }
        Ok(())
    }

    fn tell(&self, update: &Update) {
        for observer in &self.backends.observers {
            observer.notify(update);
        }
    }

    /// What is waited for, told when it changes.
    fn say_waiting(&self, stage: Stage, what: &str, until: Option<Timestamp>) {
        let waiting = Waiting { stage, what: what.to_owned(), until };
        let changed = self.status.borrow().waiting.as_ref() != Some(&waiting);
        if changed {
            self.tell(&Update::Waiting(waiting.clone()));
        }
        self.publish(stage, Some(waiting));
    }

    fn publish(&self, stage: Stage, waiting: Option<Waiting>) {
        self.status.send_replace(Status::new(&self.state, stage, waiting));
    }

    fn follow(&mut self, color: Color) -> &mut Followed<ColorObservation> {
        self.colors.get_mut(color)
    }
}
