//! Everything there is in a world, and how time changes it.

use std::collections::BTreeMap;
use std::time::Duration;

use bluegreen_core::{Color, GateDecision, Measure, PerColor, RouteObservation, RouteState, Update};

use super::behavior::Behavior;
use super::fault::{Fault, Faults, Site};
use super::incident::Incident;
use super::journal::APPEND;
use super::laws::Laws;
use super::route::Routed;
use super::schema::Schema;
use super::slot::Slot;
use super::timeline::{Condition, Flow, Timeline};
use super::trace::{Note, Trace};

/// What doesn't change over the life of a world.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) start_time: Duration,
    pub(crate) propagation: Duration,
    pub(crate) weights: bool,
    pub(crate) preview: bool,
    /// Connections that users keep open to every pod that serves them.
    pub(crate) connections: u64,
    /// How many of [`WHOLE`](super::connections::WHOLE) requests go over connections that were opened before.
    pub(crate) keep_alive: u64,
}

/// A call's effect that waits for a later call stops waiting after this time.
const LATEST: Duration = Duration::from_secs(600);

/// Something that is still to come.
struct Late {
    /// When, at the latest.
    at: Duration,
    /// Before the call with this number, if that is earlier.
    call: Option<u64>,
    effect: Box<dyn FnOnce(&mut State) + Send>,
}

/// Everything there is. All changes by time are applied by [`State::advance`], which every access begins with.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) now: Duration,
    pub(crate) slots: PerColor<Slot>,
    pub(crate) route: Vec<Routed>,
    /// The preview paths that were made.
    pub(crate) previews: PerColor<bool>,
    pub(crate) timeline: Timeline,
    pub(crate) faults: Faults,
    pub(crate) violations: Vec<String>,
    pub(crate) schema: Schema,
    pub(crate) decision: GateDecision,
    pub(crate) preflight_failure: Option<String>,
    /// What signals say instead of what the pods do, by name.
    pub(crate) measures: BTreeMap<String, Measure>,
    /// How often each probe asked.
    pub(crate) probes: BTreeMap<String, u64>,
    pub(crate) updates: Vec<Update>,
    pub(crate) laws: Laws,
    pub(crate) trace: Trace,
    /// What is to happen right after a call.
    pub(crate) at_calls: BTreeMap<u64, Vec<Incident>>,
    /// How many programs there have been.
    pub(crate) programs: u32,
    /// Whether an append was torn.
    pub(crate) torn: bool,
    /// The call whose effect happens now.
    pub(crate) sender: Option<u64>,
    /// The last call before somebody else changed the route, and whether they routed to a color that can't serve.
    pub(crate) edited: Option<u64>,
    pub(crate) misrouted: bool,
    pub(crate) behaviors: BTreeMap<String, Behavior>,
    late: Vec<Late>,
    /// How many versions, and how many pods, there have ever been; no identity is used twice.
    versions: u64,
    pub(crate) pods: u64,
}

impl State {
    pub(crate) fn new(settings: Settings, slots: PerColor<Slot>, route: Vec<Routed>, users: u64) -> Self {
        Self {
            settings,
            now: Duration::ZERO,
            slots,
            route,
            previews: PerColor::default(),
            timeline: Timeline::new(users),
            faults: Faults::default(),
            violations: Vec::new(),
            schema: Schema::default(),
            decision: GateDecision::AskAgain(Duration::from_secs(1)),
            preflight_failure: None,
            measures: BTreeMap::new(),
            probes: BTreeMap::new(),
            updates: Vec::new(),
            laws: Laws::default(),
            trace: Trace::default(),
            at_calls: BTreeMap::new(),
            programs: 0,
            torn: false,
            sender: None,
            edited: None,
            misrouted: false,
            behaviors: BTreeMap::new(),
            late: Vec::new(),
            versions: 1,
            pods: 0,
        }
    }

    // --- time

    /// Lets everything happen that is due until `to`, in order. Returns whether anything was.
    pub(crate) fn advance(&mut self, to: Duration) -> bool {
        let mut happened = false;
        while let Some(at) = self.next_event().filter(|at| *at <= to) {
            self.now = at;
            self.land(self.faults.count());
            self.note();
            happened = true;
        }
        self.now = self.now.max(to);
        happened
    }

    /// When something happens next by itself; always later than now.
    pub(crate) fn next_event(&self) -> Option<Duration> {
        let pods = Color::ALL.into_iter().filter_map(|color| self.slot(color).next_event(self.now));
        let route = self.route.iter().filter_map(Routed::next_event);
        let late = self.late.iter().map(|late| late.at);
        let shrinks = Color::ALL.into_iter().filter_map(|color| Some(self.slot(color).shrinks()?.0));
        let shrinks = shrinks.filter(|at| *at > self.now);
        pods.chain(route).chain(late).chain(shrinks).chain(self.schema.next_event(self.now)).min()
    }

    /// Lets a write land `after` this time, whatever becomes of its sender.
    pub(crate) fn schedule(&mut self, after: Duration, effect: impl FnOnce(&mut Self) + Send + 'static) {
        let at = self.now.saturating_add(after.max(Duration::from_millis(1)));
        self.late.push(Late { at, call: None, effect: Box::new(effect) });
    }

    /// Lets a write land right before a call.
    pub(crate) fn schedule_call(&mut self, call: u64, effect: impl FnOnce(&mut Self) + Send + 'static) {
        let at = self.now.saturating_add(LATEST);
        self.late.push(Late { at, call: Some(call), effect: Box::new(effect) });
    }

    /// Lets something happen when the world is this old, or now if it is older.
    pub(crate) fn plan_incident(&mut self, age: Duration, incident: Incident) {
        if age <= self.now {
            self.happen(incident);
        } else {
            self.late.push(Late {
                at: age,
                call: None,
                effect: Box::new(move |state: &mut Self| state.happen(incident)),
            });
        }
    }

    // --- calls

    /// Counts a call that begins, and says what goes wrong with it. What waited for it lands before it.
    pub(crate) fn begin(&mut self, site: &Site, program: u32) -> (u64, Option<Fault>) {
        let (number, fault) = self.faults.begin(site.name, program, self.now);
        self.land(number);
        let (name, object, stamp) = (site.name, site.object.clone(), site.stamp.clone());
        self.trace.note(self.now, Note::Called { number, program, name, object, stamp, fault });
        self.check_sending(site);
        if let Some(fault) = fault.filter(|_| site.name == APPEND) {
            self.torn |= fault == Fault::Torn;
            if !matches!(fault, Fault::Error | Fault::ErrorAfterEffect | Fault::Repeated) {
                self.laws.unanswered(&site.object);
            }
        }
        (number, fault)
    }

    /// Lets happen what was to happen at a call.
    pub(crate) fn passed(&mut self, number: u64) {
        for incident in self.at_calls.remove(&number).unwrap_or_default() {
            self.happen(incident);
        }
    }

    /// Applies what reaches the world now, and what was to land before the call with this number.
    fn land(&mut self, call: u64) {
        for object in &mut self.route {
            object.propagate(self.now);
        }
        let is_due = |late: &Late| late.at <= self.now || late.call.is_some_and(|number| number <= call);
        let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late).into_iter().partition(is_due);
        self.late = rest;
        for late in due {
            (late.effect)(self);
        }
    }

    /// Notes what follows from the present state: what could answer requests, who served, and that objects whose pods
    /// changed have a new version. To be called after every change.
    pub(crate) fn note(&mut self) {
        for object in &mut self.route {
            object.propagate(self.now);
        }
        self.reconnect();
        let (flow, traffic) = (self.flow(), self.traffic());
        for color in Color::ALL {
            self.slots.get_mut(color).note_traffic(traffic.reaches(color), self.now);
        }
        self.autoscale();
        self.timeline.note(
            self.now,
            Condition {
                traffic,
                ready: PerColor::from_fn(|color| self.slot(color).ready(self.now) > 0),
                failing: PerColor::from_fn(|color| self.failing(color)),
                restarts: PerColor::from_fn(|color| self.slot(color).status(self.now).restarts),
                latencies: PerColor::from_fn(|color| self.slot(color).latencies(self.now)),
            },
        );
        for color in Color::ALL {
            let now = self.now;
            let status = self.slot(color).status(now);
            let Some(deployment) = &mut self.slots.get_mut(color).deployment else {
                continue;
            };
            // What changes from now on was like this until now.
            if deployment.status.ready > 0 || status.ready > 0 {
                deployment.last_ready = Some(now);
            }
            if deployment.status != status {
                deployment.status = status;
                self.versions += 1;
                deployment.version = self.versions;
            }
            if flow.reaches(color) {
                for pod in deployment.pods.iter_mut().filter(|pod| pod.phase(now).ready.is_some()) {
                    pod.served = true;
                }
            }
        }
    }

    /// Takes back everything that is still to go wrong, and lets all releases work well.
    pub(crate) fn calm(&mut self) {
        self.faults.clear();
        self.at_calls.clear();
        self.measures.clear();
        for version in std::mem::take(&mut self.behaviors).into_keys() {
            self.behave(version, Behavior::healthy());
        }
    }

    pub(crate) const fn slot(&self, color: Color) -> &Slot {
        self.slots.get(color)
    }

    /// The share of requests that a color answers badly: all of them, once its release can't work on the schema.
    pub(crate) fn failing(&self, color: Color) -> f64 {
        let slot = self.slot(color);
        let broken = |release| self.schema.breaks(release, self.now);
        match &slot.deployment {
            Some(deployment) if broken(&deployment.release) => 1.0,
            _ => slot.failing(self.now),
        }
    }

    // --- route

    pub(crate) fn next_version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    /// Where the data planes of all objects, taken together, send new connections.
    pub(crate) fn flow(&self) -> Flow {
        let ready = PerColor::from_fn(|color| self.slot(color).ready(self.now));
        let flows = self.route.iter().map(|object| object.flow(&ready));
        flows.fold(Flow::default(), |sum, flow| Flow {
            blue: sum.blue + flow.blue,
            green: sum.green + flow.green,
            nowhere: sum.nowhere + flow.nowhere,
        })
    }

    pub(crate) fn observe_route(&self) -> RouteObservation {
        let objects: Vec<_> = self.route.iter().map(Routed::observe).collect();
        let mut splits = objects.iter().map(|object| match object.state {
            RouteState::Routes(split) => Some(split),
            RouteState::Foreign(_) | RouteState::Absent => None,
        });
        let first = splits.next().flatten();
        RouteObservation { split: first.filter(|_| splits.all(|split| split == first)), objects }
    }

    /// Notes that one of our writes broke a law.
    pub(crate) fn violated(&mut self, law: u32, what: &str) {
        let what = format!("law {law} at {:?}: {what}", self.now);
        self.trace.note(self.now, Note::Broke(what.clone()));
        self.violations.push(what);
    }
}
