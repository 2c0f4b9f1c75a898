//! What is explored: a plan, and the world in which it begins.

use std::time::Duration;

use bluegreen_core::plan::{Capacity, Guard, PlanSpec, PodLimits, RollBackSpec, WatchSpec, WriteBudget};
use bluegreen_core::{
    Autoscaler, Color, ColorObservation, Description, End, Holder, Kind, PerColor, Release, RolloutId, RouteMark,
    RouteObject, RouteState, Split, Stamp, Started, Target,
};

use crate::time::ticks;
use crate::world::{Measured, Migration, Server, Slot, World};

pub(crate) const OLD: Color = Color::Blue;
pub(crate) const NEW: Color = Color::Green;
const REPLICAS: u32 = 2;

/// A rollout that is about to begin.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) started: Started,
    pub(crate) world: World,
}

impl Setup {
    /// A release is to be brought to green; blue serves, and an earlier rollout left its marks.
    pub(crate) fn deploy(change: impl FnOnce(&mut PlanSpec)) -> Self {
        let mut plan = plan();
        change(&mut plan);
        let world = World {
            route: vec![object("Service/checkout", OLD)],
            colors: PerColor { blue: slot(OLD, "v1", REPLICAS), green: slot(NEW, "v0", 0) },
            in_flight: Vec::new(),
            migration: Migration::NotStarted,
            server: Server::Works,
            signal: Measured::Good,
            probe: Measured::Good,
            pods: Measured::Good,
            failing: Vec::new(),
            endless: Vec::new(),
            edits: 0,
            taken: false,
            versions: 100,
        };
        let started = Started {
            kind: Kind::Deploy,
            plan,
            release: Release::version("v2"),
            old: OLD,
            new: NEW,
            old_release: Some(Release::version("v1")),
            found: world.route.clone(),
            takes_over: None,
        };
        Self { started, world }
    }

    /// Green serves, blue was retired, and a person wants to go back to it.
    pub(crate) fn roll_back(change: impl FnOnce(&mut PlanSpec)) -> Self {
        let mut setup = Self::deploy(change);
        setup.world.route = vec![object("Service/checkout", NEW)];
        setup.world.colors = PerColor { blue: slot(OLD, "v1", 0), green: slot(NEW, "v2", REPLICAS) };
        setup.started.kind = Kind::RollBack("asked for".to_owned());
        setup.begin_there()
    }

    /// Nothing was ever rolled out here by this library: nothing carries a stamp.
    pub(crate) fn without_marks(mut self) -> Self {
        self.world.route.iter_mut().for_each(|object| object.mark = None);
        self.world.colors.blue.seen.stamp = None;
        self.world.colors.green.seen = ColorObservation::absent(NEW, "Deployment/green");
        self.begin_there()
    }

    /// The route names a color in which nothing runs.
    pub(crate) fn without_old_color(mut self) -> Self {
        self.world.colors.blue.seen = ColorObservation::absent(OLD, "Deployment/blue");
        self.started.old_release = None;
        self.without_marks()
    }

    /// The route is made of two objects.
    pub(crate) fn with_two_objects(mut self) -> Self {
        let serving = self.world.observe_route().active().unwrap_or(OLD);
        self.world.route.push(object("Service/checkout-grpc", serving));
        self.begin_there()
    }

    /// An autoscaler could shrink either color.
    pub(crate) fn with_autoscalers(mut self) -> Self {
        for color in Color::ALL {
            let slot = self.world.colors.get_mut(color);
            slot.minimum = Some(1);
            slot.seen.autoscaler = Some(Autoscaler { min: 1, max: 9 });
        }
        self
    }

    fn begin_there(mut self) -> Self {
        self.started.found = self.world.route.clone();
        self
    }

    /// How the rollout ends when nothing goes wrong.
    pub(crate) fn is_best(&self, end: &End) -> bool {
        match (&self.started.kind, end) {
            (Kind::Deploy, End::Promoted { proven }) => *proven == self.started.plan.watch.is_some(),
            (Kind::RollBack(_), End::RolledBack { .. }) => true,
            _ => false,
        }
    }
}

/// Only what every plan has, with short deadlines.
fn plan() -> PlanSpec {
    PlanSpec {
        capacity: Capacity::MatchActive,
        ready_deadline: ticks(2),
        converge_deadline: ticks(4),
        settle: ticks(1),
        drain: ticks(1),
        roll_back: RollBackSpec { deadline: ticks(8), take_down: true },
        call_deadline: ticks(1),
        writes: WriteBudget { attempts: 4, within: ticks(6) },
        ..PlanSpec::new(Target::new("shop", "checkout"))
    }
}

/// A watch of the pods and the guard, of four measurements each.
pub(crate) fn watch() -> WatchSpec {
    WatchSpec {
        duration: ticks(4),
        interval: ticks(1),
        probes: Vec::new(),
        signals: Vec::new(),
        pods: PodLimits::default(),
        guard: Guard::default(),
    }
}

pub(crate) fn described(kind: &str) -> Description {
    Description::new(kind)
}

/// Before this rollout, another one has ended.
fn earlier(seq: u64) -> Stamp {
    Stamp { epoch: 1, seq, holder: Holder::new(0) }
}

fn object(name: &str, serving: Color) -> RouteObject {
    let mark = RouteMark {
        stamp: earlier(1),
        split: Split::only(serving),
        rollout: RolloutId::from("earlier".to_owned()),
        origin: serving.other(),
        ended: true,
    };
    RouteObject {
        name: name.to_owned(),
        version: "1".to_owned(),
        state: RouteState::Routes(Split::only(serving)),
        exact: serde_json::Value::Null,
        mark: Some(mark),
        changed: None,
    }
}

fn slot(color: Color, version: &str, replicas: u32) -> Slot {
    let seen = ColorObservation {
        exists: true,
        version: "1".to_owned(),
        stamp: Some(earlier(2)),
        release: Some(Release::version(version)),
        desired: replicas,
        ready: replicas,
        ..ColorObservation::absent(color, format!("Deployment/{color}"))
    };
    Slot { seen, broken: false, touched: 0, minimum: None }
}

/// So long that every deadline of these plans has passed.
pub(crate) const LONG: Duration = ticks(12);
