//! The world of the model: objects that hold stamps, writes on their way to them, and nothing else.

use bluegreen_core::{
    Color, ColorObservation, Fence, PerColor, Release, RouteMark, RouteObject, RouteObservation, RouteState, Split,
    Stamp, Write,
};

/// Everything outside the rollout's process.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) route: Vec<RouteObject>,
    pub(crate) colors: PerColor<Slot>,
    pub(crate) in_flight: Vec<Sent>,
    pub(crate) migration: Migration,
    pub(crate) server: Server,
    pub(crate) signal: Measured,
    pub(crate) probe: Measured,
    pub(crate) pods: Measured,
    /// Checks that fail whenever they are run.
    pub(crate) failing: Vec<bluegreen_core::Check>,
    /// Checks that never come to an end.
    pub(crate) endless: Vec<bluegreen_core::Check>,
    /// How often somebody else wrote on the route.
    pub(crate) edits: u32,
    /// Whether another holder has raised.
    pub(crate) taken: bool,
    pub(crate) versions: u64,
}

/// A color as it is.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) seen: ColorObservation,
    /// Whether its pods never become ready any more.
    pub(crate) broken: bool,
    /// How often somebody else changed what it runs.
    pub(crate) touched: u32,
    /// The autoscaler's minimum as its owner set it.
    pub(crate) minimum: Option<u32>,
}

/// A write on its way.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) write: Write,
    pub(crate) object: String,
    pub(crate) stamp: Stamp,
    pub(crate) fence: Fence,
    pub(crate) change: Change,
    /// What its sender knew of others' changes.
    pub(crate) knew: Knowledge,
}

/// What a write expects, and what it sets.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Route { expect: Box<RouteObject>, to: RouteState, mark: RouteMark },
    Color { expect: Box<ColorObservation>, release: Release, replicas: u32 },
}

/// How many changes by others were made before the last look at each object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Knowledge {
    pub(crate) edits: u32,
    pub(crate) touched: PerColor<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Migration {
    NotStarted,
    Running,
    Succeeded,
    Failed,
}

/// What becomes of every write from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Works,
    /// Refuses all, and may accept them later.
    Refuses,
    /// Answers none, and performs none.
    Silent,
}

/// What a source of a watch says from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measured {
    Good,
    Bad,
    Silent,
}

/// The write found something else than it expected.
#[derive(Debug)]
pub(crate) struct Conflict;

impl World {
    pub(crate) fn observe_route(&self) -> RouteObservation {
        RouteObservation { split: split_of(&self.route), objects: self.route.clone() }
    }

    pub(crate) fn references(&self, color: Color) -> bool {
        self.observe_route().references(color)
    }

    pub(crate) fn color(&self, color: Color) -> &ColorObservation {
        &self.colors.get(color).seen
    }

    pub(crate) fn knowledge_of_touches(&self, color: Color) -> u32 {
        self.colors.get(color).touched
    }

    fn next_version(&mut self) -> String {
        self.versions += 1;
        self.versions.to_string()
    }

    /// Changes a color, as the system or a person would.
    pub(crate) fn change_color(&mut self, color: Color, change: impl FnOnce(&mut Slot)) {
        let version = self.next_version();
        let slot = self.colors.get_mut(color);
        change(slot);
        let seen = &mut slot.seen;
        seen.version = if seen.exists { version } else { String::new() };
        seen.settled = seen.ready == seen.desired;
        self.forget_dead_writes();
    }

    /// Changes an object of the route, as a person or another holder would.
    pub(crate) fn change_route(&mut self, object: usize, change: impl FnOnce(&mut RouteObject)) {
        let version = self.next_version();
        if let Some(object) = self.route.get_mut(object) {
            change(object);
            object.version = version;
        }
        self.forget_dead_writes();
    }

    /// Whether pods are on their way.
    pub(crate) fn is_coming_up(&self, color: Color) -> bool {
        let slot = self.colors.get(color);
        !slot.broken && slot.seen.ready < slot.seen.desired
    }

    /// A write arrives: what it tests decides whether it has an effect.
    pub(crate) fn land(&mut self, sent: &Sent) -> Result<(), Conflict> {
        if !self.accepts(sent) {
            return Err(Conflict);
        }
        match &sent.change {
            Change::Route { expect, to, mark } => {
                let index = self.route.iter().position(|object| object.name == expect.name).ok_or(Conflict)?;
                let (to, mark) = (to.clone(), mark.clone());
                self.change_route(index, |object| {
                    object.state = to;
                    object.mark = Some(mark);
                });
            }
            Change::Color { expect, release, replicas } => {
                let (write, stamp, replicas) = (sent.write, sent.stamp.clone(), *replicas);
                self.change_color(expect.color, |slot| {
                    let seen = &mut slot.seen;
                    seen.stamp = Some(stamp);
                    match write {
                        Write::Deploy(_) => {
                            let same = seen.exists && seen.release.as_ref() == Some(release);
                            seen.ready = if same { seen.ready.min(replicas) } else { 0 };
                            seen.exists = true;
                            seen.release = Some(release.clone());
                            seen.desired = replicas;
                        }
                        Write::Seal(_) => {}
                        _ => {
                            seen.desired = replicas;
                            seen.ready = seen.ready.min(replicas);
                        }
                    }
                });
            }
        }
        Ok(())
    }

    fn accepts(&self, sent: &Sent) -> bool {
        match &sent.change {
            Change::Route { expect, .. } => {
                let there = self.route.iter().find(|object| object.name == expect.name);
                there
                    .is_some_and(|there| there.state == expect.state && fence_holds_on_route(sent.fence, there, expect))
            }
            Change::Color { expect, .. } => fence_holds_on_color(sent.fence, self.color(expect.color), expect),
        }
    }

    /// What a write in flight tests never comes back once it is gone: such a write is as good as lost.
    fn forget_dead_writes(&mut self) {
        let (route, colors) = (&self.route, &self.colors);
        self.in_flight.retain(|sent| match &sent.change {
            Change::Route { expect, .. } => {
                let there = route.iter().find(|object| object.name == expect.name);
                there.is_some_and(|there| fence_holds_on_route(sent.fence, there, expect))
            }
            Change::Color { expect, .. } => fence_holds_on_color(sent.fence, &colors.get(expect.color).seen, expect),
        });
    }
}

fn fence_holds_on_route(fence: Fence, there: &RouteObject, expect: &RouteObject) -> bool {
    let stamp = |object: &RouteObject| object.mark.as_ref().map(|mark| mark.stamp.clone());
    match fence {
        Fence::Version => there.version == expect.version,
        Fence::Stamp => stamp(there) == stamp(expect),
    }
}

fn fence_holds_on_color(fence: Fence, there: &ColorObservation, expect: &ColorObservation) -> bool {
    match fence {
        Fence::Version => there.version == expect.version && there.exists == expect.exists,
        Fence::Stamp => there.stamp == expect.stamp,
    }
}

/// The split that all objects agree on.
pub(crate) fn split_of(objects: &[RouteObject]) -> Option<Split> {
    let mut splits = objects.iter().map(|object| match &object.state {
        RouteState::Routes(split) => Some(*split),
        RouteState::Foreign(_) | RouteState::Absent => None,
    });
    let first = splits.next()??;
    splits.all(|split| split == Some(first)).then_some(first)
}
