//! The rollouts that are explored.

use std::time::Duration;

use bluegreen_core::plan::{Criterion, Expiry, Placement, PodLimits, Watch, WriteBudget};
use bluegreen_core::{Color, RolloutBuilder, Target};
use bluegreen_testkit::{World, WorldBuilder};

pub(crate) const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

pub(crate) fn target() -> Target {
    Target::new("shop", "checkout")
}

/// A watch of one minute, which is all that it takes to retire.
pub(crate) fn plain(world: &World) -> RolloutBuilder {
    world
        .rollout(&target())
        .watch(Watch::lasting(minutes(1)).interval(Duration::from_secs(10)).pods(PodLimits::default()))
}

/// Each write is tried once.
pub(crate) fn impatient(world: &World) -> RolloutBuilder {
    plain(world).writes(WriteBudget { attempts: 1, ..WriteBudget::default() })
}

/// A watch of ten minutes.
pub(crate) fn long(world: &World) -> RolloutBuilder {
    plain(world).watch(Watch::lasting(minutes(10)).interval(Duration::from_secs(20)).pods(PodLimits::default()))
}

/// Every stage there is.
pub(crate) fn full(world: &World) -> RolloutBuilder {
    let signal = Criterion::error_rate(0.05, 20);
    let watch = Watch::lasting(minutes(1))
        .interval(Duration::from_secs(10))
        .pods(PodLimits::default())
        .probe(world.probe("live"), 3)
        .signal(world.signal("errors"), signal);
    world
        .rollout(&target())
        .preflight(world.preflight())
        .backup()
        .migrations(world.migrations(), Placement::BeforeDeploy)
        .smoke(world.probe("smoke"))
        .warm_up(world.probe("warm-up"))
        .canary(10, Duration::from_secs(20))
        .approval(world.gate(), minutes(10), Expiry::Abort)
        .final_health(world.probe("final"))
        .drainer(world.drainer())
        .watch(watch)
}

/// A world with everything that the optional stages need.
pub(crate) fn full_world() -> WorldBuilder {
    let world = World::builder().weights().connections(5).keep_alive(0.5).migrations(["add-column"]);
    world.autoscaler(Color::Blue, 2, 9).autoscaler(Color::Green, 1, 9)
}
