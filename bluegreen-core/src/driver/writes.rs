//! Writing: intent, effect, outcome.

use jiff::Timestamp;

use super::{Driver, RunError, call};
use crate::backend::{
    BackendError, ColorObservation, Deploy, Effect, Environment, Fence, RouteMark, RouteObject, RouteObservation,
    RouteState, RouteStep, RouteWrite, Scale, Seal, Split, chain,
};
use crate::color::Color;
use crate::engine::Reading;
use crate::ids::Stamp;
use crate::record::{Event, On, Update, Write};
use crate::release::Release;
use crate::stage::Stage;

impl Driver {
    /// Performs one write. What comes of it is in the state afterwards.
    pub(super) async fn write(
        &mut self,
        stage: Stage,
        write: Write,
        object: Option<String>,
        replicas: u32,
    ) -> Result<(), RunError> {
        match write.on() {
            On::Route => self.write_route(stage, write, object).await,
            On::Color(color) => self.write_color(stage, write, color, replicas).await,
        }
    }

    async fn write_route(&mut self, stage: Stage, write: Write, object: Option<String>) -> Result<(), RunError> {
        let Some(step) = self.route_step(write, object) else {
            // The router sees nothing that it could do; what the route is like now decides.
            self.view.route_stirred = true;
            return Ok(());
        };
        let Some(route) = self.view.route.clone() else {
            return Ok(());
        };
        let Some(expect) = route.value.objects.iter().find(|object| object.name == step.object) else {
            return Ok(());
        };
        let stamp = self.next_stamp();
        let mark = RouteMark {
            stamp: stamp.clone(),
            split: split_of(&step.to).or(route.value.split).unwrap_or(Split::only(self.state.started.old)),
            rollout: self.state.rollout.clone(),
            origin: self.state.origin(),
            ended: write == Write::Release,
        };
        let fence = if write == Write::Raise || expect.mark.is_none() { Fence::Version } else { Fence::Stamp };
        let event =
            Event::Intent { write, object: step.object.clone(), stamp: stamp.clone(), step: Some(step.clone()) };
        self.intend(stage, event).await?;

        let (serial, at) = (self.next_serial(), self.now());
        let deadline = self.state.plan().call_deadline;
        let sent = RouteWrite { object: expect, fence, to: &step.to, mark: &mark };
        let written = call(deadline, &write.to_string(), &step.object, self.backends.router.write(sent)).await;
        match written {
            Ok(left) => {
                let value = self.with_object(&route.value, left);
                let complete = self.is_complete(write, &value);
                self.view.route = Some(Reading { value, serial, at });
                self.fold(stage, Event::Wrote { write, object: step.object, stamp, complete })
            }
            Err(error) => self.write_failed(stage, write, step.object, stamp, &error),
        }
    }

    /// The object that a write is for, and from where to where it takes it.
    fn route_step(&self, write: Write, object: Option<String>) -> Option<RouteStep> {
        let route = &self.view.route.as_ref()?.value;
        if let Some(name) = object {
            let object = route.objects.iter().find(|object| object.name == name)?;
            return Some(RouteStep { object: name, from: object.state.clone(), to: object.state.clone() });
        }
        self.backends.router.steps(route, self.split_for(write)?).into_iter().next()
    }

    fn split_for(&self, write: Write) -> Option<Split> {
        let started = &self.state.started;
        match write {
            Write::Switch => Some(Split::only(started.new)),
            Write::SwitchBack => Some(Split::only(started.old)),
            Write::Shift(step) => started.plan.canary.get(step).map(|step| Split::percent(started.new, step.percent)),
            _ => None,
        }
    }

    /// The route with one object as a write left it; the router says what that comes to.
    fn with_object(&self, route: &RouteObservation, left: RouteObject) -> RouteObservation {
        let mut route = route.clone();
        if let Some(object) = route.objects.iter_mut().find(|object| object.name == left.name) {
            *object = left;
        }
        let canary = self.state.plan().canary.iter().map(|step| Split::percent(self.state.started.new, step.percent));
        let foreign = route.objects.iter().any(|object| matches!(object.state, RouteState::Foreign(_)));
        let mut splits = Color::ALL.into_iter().map(Split::only).chain(canary);
        route.split = splits.find(|split| !foreign && self.backends.router.steps(&route, *split).is_empty());
        route
    }

    fn is_complete(&self, write: Write, route: &RouteObservation) -> bool {
        self.split_for(write).is_none_or(|split| route.split == Some(split))
    }

    async fn write_color(&mut self, stage: Stage, write: Write, color: Color, replicas: u32) -> Result<(), RunError> {
        let Some(expect) = self.view.colors.get(color).as_ref().map(|reading| reading.value.clone()) else {
            return Ok(());
        };
        let stamp = self.next_stamp();
        let event = Event::Intent { write, object: expect.object.clone(), stamp: stamp.clone(), step: None };
        self.intend(stage, event).await?;

        let (serial, at) = (self.next_serial(), self.now());
        let deadline = self.state.plan().call_deadline;
        let until = at.saturating_add(self.state.plan().retention).ok();
        let release = &self.state.started.release;
        let sent = send_color(&*self.backends.environment, write, &expect, &stamp, release, replicas, until);
        match call(deadline, &write.to_string(), &expect.object, sent).await {
            Ok(value) => {
                let reading = Reading { value, serial, at };
                *self.view.heard.get_mut(color) = Some(reading.clone());
                *self.view.colors.get_mut(color) = Some(reading);
                self.fold(stage, Event::Wrote { write, object: expect.object, stamp, complete: true })
            }
            Err(error) => self.write_failed(stage, write, expect.object, stamp, &error),
        }
    }

    /// Journals an intent.
    async fn intend(&mut self, stage: Stage, intent: Event) -> Result<(), RunError> {
        self.fold(stage, intent)?;
        self.publish(stage, None);
        self.flush_or_go_on().await
    }

    fn write_failed(
        &mut self,
        stage: Stage,
        write: Write,
        object: String,
        stamp: Stamp,
        error: &BackendError,
    ) -> Result<(), RunError> {
        let attempt = self.state.tries.as_ref().filter(|tries| tries.write == write).map_or(0, |tries| tries.all) + 1;
        let text = chain(error);
        let event = match error.effect() {
            Effect::Unknown => Event::Unsure { write, object, stamp, error: text.clone() },
            Effect::No => {
                let conflict = matches!(error, BackendError::Conflict { .. });
                Event::Refused { write, object, stamp, error: text.clone(), conflict, retryable: error.is_retryable() }
            }
        };
        self.tell(&Update::Retrying { at: self.now(), what: write.to_string(), attempt, error: text });
        // What is there now has to be read before anything is decided by it.
        self.view.route_stirred |= write.on() == On::Route;
        self.fold(stage, event)
    }

    /// A stamp that was never there before: every attempt has its own (R1).
    fn next_stamp(&mut self) -> Stamp {
        let epoch = *self.epoch.get_or_insert_with(|| {
            let route = self.view.route.iter().flat_map(|route| &route.value.objects);
            let marks = route.filter_map(|object| object.mark.as_ref()).map(|mark| mark.stamp.epoch);
            let colors = Color::ALL.into_iter().filter_map(|color| self.view.heard(color)?.stamp.as_ref());
            marks.chain(colors.map(|stamp| stamp.epoch)).max().unwrap_or(0) + 1
        });
        Stamp { epoch, seq: self.state.seq + 1, holder: self.holder.clone() }
    }
}

fn split_of(state: &RouteState) -> Option<Split> {
    match state {
        RouteState::Routes(split) => Some(*split),
        RouteState::Foreign(_) | RouteState::Absent => None,
    }
}

/// Sends a write on a color. What takes capacity away leaves the time after which the color may be removed.
async fn send_color(
    environment: &dyn Environment,
    write: Write,
    expect: &ColorObservation,
    stamp: &Stamp,
    release: &Release,
    replicas: u32,
    cleanup_after: Option<Timestamp>,
) -> Result<ColorObservation, BackendError> {
    let fence = if expect.stamp.is_some() { Fence::Stamp } else { Fence::Version };
    match write {
        Write::Deploy(_) => environment.deploy(Deploy { expect, fence, stamp, release, replicas }).await,
        Write::Seal(_) => environment.seal(Seal { expect, fence, stamp }).await,
        Write::ScaleUp(_) => environment.scale(Scale { expect, fence, stamp, replicas, cleanup_after: None }).await,
        Write::Retire(_) | Write::TakeDown(_) => {
            environment.scale(Scale { expect, fence, stamp, replicas: 0, cleanup_after }).await
        }
        Write::Raise | Write::SealRoute | Write::Shift(_) | Write::Switch | Write::SwitchBack | Write::Release => {
            Err(BackendError::Unsupported { action: write.to_string(), backend: "an environment".to_owned() })
        }
    }
}
