//! A moment at which something can happen, and what follows from it.

use bluegreen_core::engine::{Activity, Decide, Decision, IllegalEvent, Then};
use bluegreen_core::{
    Color, Diagnosis, End, Event, Holder, Measure, On, Request, RolloutId, RouteMark, RouteState, Sample, Stage, Stamp,
    Verdict, Write,
};
use jiff::Timestamp;

use crate::history::History;
use crate::laws;
use crate::moves::{Ask, CheckFault, Crash, Downtime, Edit, Fate, Lasting, Move, Pods, ReadFault, Source};
use crate::process::Process;
use crate::setup::{LONG, Setup};
use crate::time::{TICK, round_up};
use crate::world::{Change, Measured, Migration, Server, World};

/// So many decisions in a row that ask for nothing are one too many.
const MOST_DECISIONS: u32 = 50;

/// The rollout, the world, and what the engine asks for now.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) now: Timestamp,
    pub(crate) process: Process,
    pub(crate) world: World,
    pub(crate) history: History,
    pub(crate) stage: Stage,
    pub(crate) then: Then,
    /// How many disturbances may still happen.
    pub(crate) left: u8,
}

/// Whoever else raises.
pub(crate) fn stranger() -> Holder {
    Holder::new(999)
}

/// A law is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

impl From<IllegalEvent> for Broken {
    fn from(error: IllegalEvent) -> Self {
        Self(format!("the state refuses a record: {error}"))
    }
}

/// What follows.
pub(crate) enum Next {
    Node(Box<Node>),
    /// The rollout is over; without an end if it left nothing in its journal.
    Over(Box<Node>, Option<End>),
}

impl Node {
    pub(crate) fn begin(setup: &Setup, engine: &dyn Decide, left: u8) -> Result<Self, Broken> {
        let now = Timestamp::UNIX_EPOCH;
        let world = setup.world.clone();
        let process = Process::begin(setup.started.clone(), &world, now)?;
        let mut history = History { processes: 1, ..History::default() };
        history.surveyed(&world);
        history.turned = process.is_rolling_back().then_some(left);
        history.moved = process.is_rolling_back();
        let mut node = Self { now, process, world, history, stage: Stage::Preflight, then: Then::Again, left };
        node.decide(engine)?;
        Ok(node)
    }

    /// What follows when `happens` does.
    pub(crate) fn after(&self, happens: Move, engine: &dyn Decide) -> Result<Next, Broken> {
        let mut node = self.clone();
        if !happens.is_free() {
            node.left = node.left.saturating_sub(1);
            node.history.costly |= !happens.is_harmless(self);
        }
        let over = node.perform(happens)?;
        if let Some(end) = over {
            return Ok(Next::Over(Box::new(node), end));
        }
        node.decide(engine)?;
        Ok(Next::Node(Box::new(node)))
    }

    /// Asks the engine until it wants something.
    fn decide(&mut self, engine: &dyn Decide) -> Result<(), Broken> {
        for _ in 0..MOST_DECISIONS {
            let Decision { stage, record, then } = engine.next(self.process.state(), &self.process.view, self.now);
            self.stage = stage;
            for event in record {
                self.fold(&event)?;
            }
            self.then = then;
            if self.then != Then::Again {
                return laws::of_decisions(self);
            }
        }
        Err(Broken(format!("it decides for ever, in {}", self.stage)))
    }

    pub(crate) fn fold(&mut self, event: &Event) -> Result<(), Broken> {
        laws::of_events(self, event)?;
        self.process.fold(self.now, self.stage, event.clone())?;
        self.history.took_in(event, self.process.state(), self.left);
        Ok(())
    }

    fn flush(&mut self) -> bool {
        let flushed = self.process.flush();
        self.note_saved();
        flushed
    }

    fn flush_if_due(&mut self) {
        self.process.flush_if_due(self.now);
        self.note_saved();
    }

    fn note_saved(&mut self) {
        if let Some(journal) = self.process.durable.clone() {
            self.history.saved(&journal);
        }
    }

    /// Whether a watch has something to tell.
    pub(crate) fn has_news(&self) -> bool {
        let colors = Color::ALL.into_iter().any(|color| self.process.is_stale(&self.world, color));
        colors || self.process.is_route_stale(&self.world)
    }

    fn perform(&mut self, happens: Move) -> Result<Option<Option<End>>, Broken> {
        match happens {
            Move::Goes => return self.go(),
            Move::Lands(index) => self.land(index)?,
            Move::Crash(crash, downtime) => return self.crash(crash, downtime),
            Move::Read(fault) => self.read(Some(fault)),
            Move::Write(fate) => self.write(fate)?,
            Move::Server(server) => {
                self.world.server = server;
                return self.go();
            }
            Move::WatchIsLate => {
                self.flush_if_due();
                self.pass_time(Some(self.now + TICK))?;
            }
            Move::Asked(ask) => self.asked(ask)?,
            Move::StaysPaused => {
                self.flush_if_due();
                self.now += LONG;
            }
            Move::Edited(object, edit) => self.edited(object, edit),
            Move::Taken { same_rollout } => self.taken(same_rollout),
            Move::Pods(color, pods) => self.pods(color, pods),
            Move::Check(fault) => self.check_goes_wrong(fault)?,
            Move::Measures(source, measured, lasting) => self.measures(source, measured, lasting)?,
            Move::JournalIsLost => {
                self.process.journal_lost = true;
                self.history.forgetful = true;
            }
        }
        Ok(None)
    }

    /// What was asked for is done.
    fn go(&mut self) -> Result<Option<Option<End>>, Broken> {
        match self.then.clone() {
            Then::Again => {}
            Then::Read(_) => self.read(None),
            Then::Write { .. } => {
                let fate = match self.world.server {
                    Server::Works => Fate::Arrives,
                    Server::Refuses => Fate::Refused,
                    Server::Silent => Fate::Lost,
                };
                self.write(fate)?;
            }
            Then::Run { .. } | Then::Wait { .. } => {
                self.flush_if_due();
                if !self.hear() {
                    self.pass_time(None)?;
                }
            }
            Then::Done(end) => {
                if !self.flush() {
                    // The program ends without having told the journal; somebody recovers the rollout.
                    self.process.journal_lost = false;
                    return self.recover(Downtime::None);
                }
                return Ok(Some(Some(end)));
            }
        }
        Ok(None)
    }

    // ---- waiting --------------------------------------------------------------------------------------------------

    /// Pods come up, and watches tell of it: one thing at a time, as the driver takes it in.
    fn hear(&mut self) -> bool {
        for color in [Color::Green, Color::Blue] {
            if self.world.is_coming_up(color) {
                self.world.change_color(color, |slot| slot.seen.ready = slot.seen.desired);
            }
            if self.process.is_stale(&self.world, color) {
                self.process.hear_color(&self.world, color, self.now);
                return true;
            }
        }
        let route = self.process.is_route_stale(&self.world);
        self.process.view.route_stirred |= route;
        route
    }

    /// Nothing is told: the activity ends, or time passes, at most until `latest`.
    fn pass_time(&mut self, latest: Option<Timestamp>) -> Result<(), Broken> {
        let (activity, until) = match self.then.clone() {
            Then::Run { activity, until } => (Some(activity), until),
            Then::Wait { until, .. } => (None, until),
            _ => return Ok(()),
        };
        if let Some(activity) = activity.filter(|activity| !self.world.endless.contains(&activity.check())) {
            return self.finish(&activity);
        }
        if self.process.state().paused && until.is_none() {
            return self.ask(Request::Resume);
        }
        if self.is_measured() {
            return self.tick();
        }
        let until = until.ok_or_else(|| Broken(format!("it waits for ever, in {}", self.stage)))?;
        self.now = round_up(latest.map_or(until, |latest| latest.min(until)));
        Ok(())
    }

    fn is_measured(&self) -> bool {
        let state = self.process.state();
        state.plan().watch.is_some() && state.is_sampling()
    }

    /// A tick passes. While everything is sampled, every source measures.
    fn tick(&mut self) -> Result<(), Broken> {
        self.now += TICK;
        let Some(watch) = self.process.state().plan().watch.clone() else {
            return Ok(());
        };
        let new = self.process.state().started.new;
        let ready =
            |color| Measure::Gauge { value: f64::from(self.process.view.heard(color).map_or(0, |seen| seen.ready)) };
        let mut measures = vec![
            ("pods", new, self.world.pods, ready(new), Measure::Gauge { value: 0.0 }),
            ("guard", new.other(), Measured::Good, ready(new.other()), Measure::Gauge { value: 0.0 }),
        ];
        let counts = |bad| Measure::Counts { bad, total: 100 };
        if !watch.probes.is_empty() {
            measures.push(("probe 1", new, self.world.probe, Measure::Counts { bad: 0, total: 1 }, counts(1)));
        }
        if !watch.signals.is_empty() {
            measures.push(("signal 1", new, self.world.signal, counts(0), counts(50)));
        }
        for (source, color, measured, good, bad) in measures {
            let measure = match measured {
                Measured::Good => good,
                Measured::Bad => bad,
                Measured::Silent => Measure::NoData { why: String::new() },
            };
            if self.process.state().is_sampling() {
                let (source, seconds) = (source.to_owned(), TICK.as_secs_f64());
                self.fold(&Event::Sampled(Sample { source, color, seconds, measure, summary: String::new() }))?;
            }
        }
        Ok(())
    }

    fn measures(&mut self, source: Source, measured: Measured, lasting: Lasting) -> Result<(), Broken> {
        self.flush_if_due();
        let mode = match source {
            Source::Pods => &mut self.world.pods,
            Source::Probe => &mut self.world.probe,
            Source::Signal => &mut self.world.signal,
        };
        let before = std::mem::replace(mode, measured);
        self.tick()?;
        if lasting == Lasting::Once {
            match source {
                Source::Pods => self.world.pods = before,
                Source::Probe => self.world.probe = before,
                Source::Signal => self.world.signal = before,
            }
        }
        Ok(())
    }

    // ---- activities -----------------------------------------------------------------------------------------------

    /// An activity comes to its end.
    fn finish(&mut self, activity: &Activity) -> Result<(), Broken> {
        let check = activity.check();
        if let Activity::Migrate { resumed } = activity {
            self.send_migration(*resumed)?;
            if *resumed && self.world.migration == Migration::NotStarted {
                let summary = "no trace of it".to_owned();
                return self.fold(&Event::Failed { check, verdict: Verdict::Inconclusive, summary });
            }
        }
        if self.world.failing.contains(&check) {
            if matches!(activity, Activity::Migrate { .. }) {
                self.world.migration = Migration::Failed;
            }
            return self.fold(&Event::Failed { check, verdict: Verdict::Fail, summary: "it failed".to_owned() });
        }
        self.take_effect(activity);
        self.fold(&match activity {
            Activity::Diagnose(color) => Event::Evidence { color: *color, diagnosis: Diagnosis::default() },
            _ => Event::Passed { check, summary: String::new() },
        })
    }

    /// What an activity changes outside.
    fn take_effect(&mut self, activity: &Activity) {
        match activity {
            Activity::Migrate { .. } => self.world.migration = Migration::Succeeded,
            Activity::Pin { color, minimum } => self.world.change_color(*color, |slot| {
                let restored = minimum.or(slot.minimum);
                if let (Some(autoscaler), Some(minimum)) = (&mut slot.seen.autoscaler, restored) {
                    autoscaler.min = minimum;
                }
            }),
            _ => {}
        }
    }

    /// The migration is sent, unless this would be a second time without asking for the first.
    fn send_migration(&mut self, resumed: bool) -> Result<(), Broken> {
        let process = self.history.processes;
        if !resumed && self.history.migration_sent_by.is_some_and(|by| by != process) {
            return Err(Broken("the migration is begun again as if for the first time".to_owned()));
        }
        self.history.migration_sent_by = Some(process);
        Ok(())
    }

    fn check_goes_wrong(&mut self, fault: CheckFault) -> Result<(), Broken> {
        let Then::Run { activity, until } = self.then.clone() else {
            return Ok(());
        };
        self.flush_if_due();
        match fault {
            CheckFault::Fails => {
                self.world.failing.push(activity.check());
                self.finish(&activity)
            }
            CheckFault::NeverEnds => {
                self.world.endless.push(activity.check());
                self.pass_time(None)
            }
            CheckFault::EndsLate => {
                if let Activity::Migrate { resumed: false } = activity {
                    self.send_migration(false)?;
                    self.world.migration = Migration::Running;
                }
                if self.is_measured() {
                    return self.tick();
                }
                // A person takes long, but not all the time there is.
                let late = if activity == Activity::Approve { until.map(|until| until - TICK * 3) } else { None };
                self.now = late.unwrap_or(self.now + TICK);
                Ok(())
            }
        }
    }

    // ---- reads and writes -----------------------------------------------------------------------------------------

    fn read(&mut self, fault: Option<ReadFault>) {
        let Then::Read(on) = self.then else {
            return;
        };
        self.process.catch_up(&self.world, self.now);
        let (serial, at) = (self.process.next_serial(), self.now);
        match fault {
            Some(ReadFault::Fails) => {
                self.flush_if_due();
                self.now += TICK;
                return;
            }
            Some(ReadFault::Hopeless) => {
                self.process.view.unreadable = Some("denied".to_owned());
                return;
            }
            Some(ReadFault::Slow) => self.now += TICK,
            None => {}
        }
        match on {
            On::Route => {
                self.process.saw_route(self.world.observe_route(), serial, at);
                self.process.view.route_stirred = false;
            }
            On::Color(color) => self.process.saw_color(self.world.color(color).clone(), serial, at),
        }
        self.history.read(on, &self.world);
    }

    fn write(&mut self, fate: Fate) -> Result<(), Broken> {
        let Then::Write { write, object, replicas } = self.then.clone() else {
            return Ok(());
        };
        let knew = self.history.knew.clone();
        let Some((sent, step)) = self.process.compose(write, object.as_deref(), replicas, knew) else {
            self.process.view.route_stirred |= write.on() == On::Route;
            return Ok(());
        };
        let (name, stamp) = (sent.object.clone(), sent.stamp.clone());
        self.fold(&Event::Intent { write, object: name.clone(), stamp: stamp.clone(), step })?;
        self.flush();
        let (serial, at) = (self.process.next_serial(), self.now);
        let error = String::new();
        let landed = match fate {
            Fate::Arrives | Fate::Unheard => {
                laws::of_landing(&self.world, &sent)?;
                self.world.land(&sent).is_ok()
            }
            _ => false,
        };
        self.history.moved |= landed && write.moves_traffic();
        let event = match fate {
            Fate::Arrives if landed => return self.confirmed(&sent.change, write, stamp, serial, at),
            Fate::Arrives | Fate::Refused | Fate::Hopeless => {
                let (conflict, retryable) = (fate == Fate::Arrives, fate == Fate::Refused);
                Event::Refused { write, object: name, stamp, error, conflict, retryable }
            }
            Fate::Lost | Fate::Unheard | Fate::InFlight => {
                if fate == Fate::InFlight {
                    self.world.in_flight.push(sent);
                }
                self.now += TICK;
                Event::Unsure { write, object: name, stamp, error }
            }
        };
        self.process.view.route_stirred |= write.on() == On::Route;
        self.history.failed_on(write.on());
        self.history.refused |= fate == Fate::Hopeless;
        self.fold(&event)
    }

    fn confirmed(
        &mut self,
        change: &Change,
        write: Write,
        stamp: Stamp,
        serial: u64,
        at: Timestamp,
    ) -> Result<(), Broken> {
        match change {
            Change::Route { expect, .. } => {
                let object = expect.name.clone();
                let left = self.world.route.iter().find(|left| left.name == object).cloned();
                let complete = left.is_some_and(|left| self.process.route_replied(write, left, serial, at));
                self.fold(&Event::Wrote { write, object, stamp, complete })
            }
            Change::Color { expect, .. } => {
                self.process.saw_color(self.world.color(expect.color).clone(), serial, at);
                self.history.read(write.on(), &self.world);
                self.fold(&Event::Wrote { write, object: expect.object.clone(), stamp, complete: true })
            }
        }
    }

    /// A write that nobody waits for any more arrives.
    pub(crate) fn land(&mut self, index: usize) -> Result<(), Broken> {
        let sent = self.world.in_flight.remove(index);
        laws::of_landing(&self.world, &sent)?;
        let landed = self.world.land(&sent).is_ok();
        self.history.moved |= landed && sent.write.moves_traffic();
        Ok(())
    }

    // ---- people and other systems ---------------------------------------------------------------------------------

    fn asked(&mut self, ask: Ask) -> Result<(), Broken> {
        self.flush_if_due();
        let reason = String::new();
        self.ask(match ask {
            Ask::Pause => Request::Pause,
            Ask::Approve => Request::Approve { reason },
            Ask::TurnBack => Request::Abort { reason },
            Ask::TurnBackByForce => Request::RollBack { reason, force: true },
        })
    }

    fn ask(&mut self, request: Request) -> Result<(), Broken> {
        self.fold(&Event::Asked { request, by: String::new() })?;
        if !self.process.is_rolling_back() {
            self.flush();
        }
        Ok(())
    }

    fn edited(&mut self, object: usize, edit: Edit) {
        self.world.edits += 1;
        self.world.change_route(object, |object| match edit {
            Edit::ToOtherColor => {
                if let RouteState::Routes(split) = object.state {
                    let (blue, green) = (split.green, split.blue);
                    object.state = RouteState::Routes(bluegreen_core::Split { blue, green });
                }
            }
            Edit::KeyRemoved => object.state = RouteState::Foreign("no key".to_owned()),
            Edit::MarkRemoved => object.mark = None,
        });
    }

    fn taken(&mut self, same_rollout: bool) {
        self.world.taken = true;
        let split = self.world.observe_route().split;
        let rollout =
            if same_rollout { self.process.state().rollout.clone() } else { RolloutId::from("another".to_owned()) };
        let origin = self.process.state().origin();
        for index in 0..self.world.route.len() {
            let (rollout, stamp) = (rollout.clone(), Stamp { epoch: 9, seq: 1, holder: stranger() });
            self.world.change_route(index, |object| {
                let split = split.unwrap_or(bluegreen_core::Split::only(origin));
                object.mark = Some(RouteMark { stamp, split, rollout, origin, ended: false });
            });
        }
    }

    fn pods(&mut self, color: Color, pods: Pods) {
        self.world.change_color(color, |slot| {
            let seen = &mut slot.seen;
            match pods {
                Pods::Die => {
                    slot.broken = true;
                    seen.ready = 0;
                }
                Pods::Flicker => seen.ready = 0,
                Pods::Restart => seen.restarts += 3,
                Pods::Shrink => {
                    seen.desired = 1;
                    seen.ready = 1;
                }
                Pods::Grow => {
                    slot.touched += 1;
                    seen.desired += 1;
                    seen.ready = seen.desired;
                }
                Pods::Redeployed => {
                    slot.touched += 1;
                    seen.release = None;
                }
                Pods::Deleted => {
                    slot.touched += 1;
                    (seen.exists, seen.desired, seen.ready) = (false, 0, 0);
                    (seen.stamp, seen.release) = (None, None);
                }
            }
        });
    }

    // ---- crashes --------------------------------------------------------------------------------------------------

    fn crash(&mut self, crash: Crash, downtime: Downtime) -> Result<Option<Option<End>>, Broken> {
        match crash {
            Crash::Unsaved => {}
            Crash::Saved => self.flush_if_due(),
            Crash::Done => {
                self.flush_if_due();
                if let Then::Run { activity, .. } = self.then.clone() {
                    if let Activity::Migrate { resumed } = activity {
                        self.send_migration(resumed)?;
                    }
                    self.take_effect(&activity);
                }
            }
            Crash::Unsent | Crash::Landed | Crash::InFlight => {
                let fate = match crash {
                    Crash::Landed => Fate::Unheard,
                    Crash::InFlight => Fate::InFlight,
                    _ => Fate::Lost,
                };
                let now = self.now;
                self.write(fate)?;
                self.now = now;
            }
        }
        self.recover(downtime)
    }

    /// Another process goes on with what is in the journal.
    fn recover(&mut self, downtime: Downtime) -> Result<Option<Option<End>>, Broken> {
        let Some(journal) = self.process.durable.clone() else {
            return Ok(Some(None));
        };
        if let Some(end) = &journal.end {
            return Ok(Some(Some(end.clone())));
        }
        if downtime == Downtime::PastAllDeadlines {
            self.now += LONG;
            self.hear();
        }
        self.history.processes += 1;
        let holder = Holder::new(self.history.processes);
        self.process = Process::recover(&journal, &self.world, self.now, &holder)?;
        self.history.surveyed(&self.world);
        Ok(None)
    }
}
