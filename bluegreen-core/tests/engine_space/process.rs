//! The driver of the model: what it journals and sees, exactly as the real one, but without tasks and time.

use std::rc::Rc;

use bluegreen_core::engine::{IllegalEvent, Reading, State, View};
use bluegreen_core::{
    Color, ColorObservation, Ending, Event, Fence, Holder, PerColor, RECORD_VERSION, Record, RolloutId, RouteMark,
    RouteObject, RouteObservation, RouteState, RouteStep, Split, Stage, Stamp, Started, Write,
};
use jiff::{SignedDuration, Timestamp};

use crate::world::{Change, Knowledge, Sent, World, split_of};

/// Samples alone are kept this long before they are made durable, as the real driver does.
const SAMPLES_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// One process that performs the rollout.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    state: Option<State>,
    /// What the journal holds; `None` before the first append.
    pub(crate) durable: Option<Rc<State>>,
    /// Whether something else than samples isn't durable yet.
    unsaved: bool,
    /// Since when samples aren't durable yet.
    unsaved_samples: Option<Timestamp>,
    /// Whether no append succeeds any more.
    pub(crate) journal_lost: bool,
    pub(crate) view: View,
    serial: u64,
    epoch: Option<u64>,
}

impl Process {
    /// A process that begins the rollout.
    pub(crate) fn begin(started: Started, world: &World, now: Timestamp) -> Result<Self, IllegalEvent> {
        Self::with(None, world, now, &first_holder(), Event::Started(Box::new(started)))
    }

    /// A process that goes on with what the journal tells.
    pub(crate) fn recover(
        journal: &State,
        world: &World,
        now: Timestamp,
        holder: &Holder,
    ) -> Result<Self, IllegalEvent> {
        let recovered = Event::Recovered { found: world.route.clone() };
        let mut process = Self::with(Some(journal.clone()), world, now, holder, recovered)?;
        process.durable = Some(Rc::new(journal.clone()));
        Ok(process)
    }

    fn with(
        before: Option<State>,
        world: &World,
        now: Timestamp,
        holder: &Holder,
        event: Event,
    ) -> Result<Self, IllegalEvent> {
        let state = State::after(before, &record(now, holder, Stage::Raise, event))?;
        Ok(Self {
            state: Some(state),
            durable: None,
            unsaved: true,
            unsaved_samples: None,
            journal_lost: false,
            view: surveyed(world, now),
            serial: 1,
            epoch: None,
        })
    }

    pub(crate) fn state(&self) -> &State {
        self.state.as_ref().expect("only an event that can't follow leaves no state, and ends the search")
    }

    pub(crate) fn is_rolling_back(&self) -> bool {
        matches!(self.state().ending, Some((Ending::RollBack { .. }, _)))
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Takes an event into the state. What is read from now on is later than it.
    pub(crate) fn fold(&mut self, now: Timestamp, stage: Stage, event: Event) -> Result<(), IllegalEvent> {
        let sampled = matches!(event, Event::Sampled(_));
        let holder = self.state().holder.clone();
        self.state = Some(State::after(self.state.take(), &record(now, &holder, stage, event))?);
        if sampled {
            self.unsaved_samples.get_or_insert(now);
        } else {
            self.unsaved = true;
            self.view.barrier = self.next_serial();
        }
        Ok(())
    }

    /// What was read so far may be outdated.
    pub(crate) fn waits(&mut self) {
        self.view.waited = self.next_serial();
    }

    // ---- the journal ----------------------------------------------------------------------------------------------

    pub(crate) fn has_unsaved(&self) -> bool {
        self.unsaved || self.unsaved_samples.is_some()
    }

    /// Makes everything durable. Returns whether that succeeded.
    pub(crate) fn flush(&mut self) -> bool {
        if self.journal_lost {
            return !self.has_unsaved();
        }
        if self.has_unsaved() {
            self.durable = Some(Rc::new(self.state().clone()));
            self.unsaved = false;
            self.unsaved_samples = None;
        }
        true
    }

    pub(crate) fn flush_if_due(&mut self, now: Timestamp) {
        let aged = self.unsaved_samples.is_some_and(|since| now.duration_since(since) >= SAMPLES_WAIT);
        if self.unsaved || aged {
            self.flush();
        }
    }

    // ---- what it sees ---------------------------------------------------------------------------------------------

    pub(crate) fn saw_color(&mut self, value: ColorObservation, serial: u64, at: Timestamp) {
        let (color, reading) = (value.color, Reading { value, serial, at });
        *self.view.heard.get_mut(color) = Some(reading.clone());
        *self.view.colors.get_mut(color) = Some(reading);
    }

    pub(crate) fn saw_route(&mut self, value: RouteObservation, serial: u64, at: Timestamp) {
        self.view.route = Some(Reading { value, serial, at });
    }

    /// Whether a watch has something to tell of a color.
    pub(crate) fn is_stale(&self, world: &World, color: Color) -> bool {
        self.view.heard(color) != Some(world.color(color))
    }

    /// Whether a watch has something to tell of the route.
    pub(crate) fn is_route_stale(&self, world: &World) -> bool {
        let known = self.view.route.as_ref().is_some_and(|route| route.value.objects == world.route);
        !known && !self.view.route_stirred
    }

    pub(crate) fn hear_color(&mut self, world: &World, color: Color, now: Timestamp) {
        let (value, serial) = (world.color(color).clone(), self.next_serial());
        *self.view.heard.get_mut(color) = Some(Reading { value, serial, at: now });
    }

    /// Takes in what watches have told, as is done before every read.
    pub(crate) fn catch_up(&mut self, world: &World, now: Timestamp) {
        for color in Color::ALL {
            if self.is_stale(world, color) {
                self.hear_color(world, color, now);
            }
        }
        self.view.route_stirred |= self.is_route_stale(world);
    }

    // ---- writes ---------------------------------------------------------------------------------------------------

    /// A write as it is sent; `None` where there is nothing to send.
    pub(crate) fn compose(
        &mut self,
        write: Write,
        object: Option<&str>,
        replicas: u32,
        knew: Knowledge,
    ) -> Option<(Sent, Option<RouteStep>)> {
        match write.on() {
            bluegreen_core::On::Route => self.compose_route(write, object, knew),
            bluegreen_core::On::Color(color) => {
                let expect = self.view.colors.get(color).as_ref().map(|reading| reading.value.clone())?;
                let fence = if expect.stamp.is_some() { Fence::Stamp } else { Fence::Version };
                let (stamp, name) = (self.next_stamp(), expect.object.clone());
                let release = self.state().started.release.clone();
                let change = Change::Color { expect: Box::new(expect), release, replicas };
                Some((Sent { write, object: name, stamp, fence, change, knew }, None))
            }
        }
    }

    fn compose_route(
        &mut self,
        write: Write,
        object: Option<&str>,
        knew: Knowledge,
    ) -> Option<(Sent, Option<RouteStep>)> {
        let step = self.route_step(write, object)?;
        let stamp = self.next_stamp();
        let route = &self.view.route.as_ref()?.value;
        let expect = route.objects.iter().find(|object| object.name == step.object)?.clone();
        let written = match &step.to {
            RouteState::Routes(split) => Some(*split),
            RouteState::Foreign(_) | RouteState::Absent => None,
        };
        let mark = RouteMark {
            stamp: stamp.clone(),
            split: written.or(route.split).unwrap_or(Split::only(self.state().started.old)),
            rollout: self.state().rollout.clone(),
            origin: self.state().origin(),
            ended: write == Write::Release,
        };
        let fence = if write == Write::Raise || expect.mark.is_none() { Fence::Version } else { Fence::Stamp };
        let change = Change::Route { expect: Box::new(expect), to: step.to.clone(), mark };
        Some((Sent { write, object: step.object.clone(), stamp, fence, change, knew }, Some(step)))
    }

    /// The object that a write is for, and from where to where it takes it.
    fn route_step(&self, write: Write, object: Option<&str>) -> Option<RouteStep> {
        let route = &self.view.route.as_ref()?.value;
        let step = |object: &RouteObject, to: RouteState| RouteStep {
            object: object.name.clone(),
            from: object.state.clone(),
            to,
        };
        if let Some(name) = object {
            let object = route.objects.iter().find(|object| object.name == name)?;
            return Some(step(object, object.state.clone()));
        }
        let to = RouteState::Routes(self.split_for(write)?);
        let undone = |object: &&RouteObject| !matches!(object.state, RouteState::Foreign(_)) && object.state != to;
        route.objects.iter().find(undone).map(|object| step(object, to.clone()))
    }

    fn split_for(&self, write: Write) -> Option<Split> {
        let started = &self.state().started;
        match write {
            Write::Switch => Some(Split::only(started.new)),
            Write::SwitchBack => Some(Split::only(started.old)),
            Write::Shift(step) => started.plan.canary.get(step).map(|step| Split::percent(started.new, step.percent)),
            _ => None,
        }
    }

    /// The reply to a write on the route. Returns whether the change that it belongs to is complete.
    pub(crate) fn route_replied(&mut self, write: Write, left: RouteObject, serial: u64, at: Timestamp) -> bool {
        let Some(mut route) = self.view.route.as_ref().map(|route| route.value.clone()) else {
            return false;
        };
        if let Some(object) = route.objects.iter_mut().find(|object| object.name == left.name) {
            *object = left;
        }
        route.split = split_of(&route.objects);
        let complete = self.split_for(write).is_none_or(|split| route.split == Some(split));
        self.saw_route(route, serial, at);
        complete
    }

    /// A stamp that was never there before.
    fn next_stamp(&mut self) -> Stamp {
        let view = &self.view;
        let epoch = *self.epoch.get_or_insert_with(|| {
            let route = view.route.iter().flat_map(|route| &route.value.objects);
            let marks = route.filter_map(|object| object.mark.as_ref()).map(|mark| mark.stamp.epoch);
            let colors = Color::ALL.into_iter().filter_map(|color| view.heard(color)?.stamp.as_ref());
            marks.chain(colors.map(|stamp| stamp.epoch)).max().unwrap_or(0) + 1
        });
        Stamp { epoch, seq: self.state().seq + 1, holder: self.state().holder.clone() }
    }
}

/// Who begins the rollout.
pub(crate) fn first_holder() -> Holder {
    Holder::new(1)
}

/// What a process begins with: the route read first, then the colors.
fn surveyed(world: &World, at: Timestamp) -> View {
    let color = |color| Some(Reading { value: world.color(color).clone(), serial: 2, at });
    View {
        route: Some(Reading { value: world.observe_route(), serial: 1, at }),
        colors: PerColor::from_fn(color),
        heard: PerColor::from_fn(color),
        ..View::default()
    }
}

fn record(at: Timestamp, holder: &Holder, stage: Stage, event: Event) -> Record {
    let rollout = RolloutId::from("this".to_owned());
    Record { v: RECORD_VERSION, at, rollout, holder: holder.clone(), member: None, stage, event }
}
