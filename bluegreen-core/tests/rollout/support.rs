//! A small shop, and rollouts to it.

use std::time::Duration;

use bluegreen_core::plan::{PodLimits, Watch};
use bluegreen_core::{Event, Journal, Outcome, Record, Release, Rollout, RolloutBuilder, Target, Write};
use bluegreen_testkit::World;

pub(crate) fn target() -> Target {
    Target::new("shop", "checkout")
}

pub(crate) fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// The shortest plan that can retire: nothing but a watch.
pub(crate) fn plain(world: &World) -> RolloutBuilder {
    bare(world).watch(Watch::lasting(minutes(2)).pods(PodLimits::default()))
}

/// Only what every rollout has.
pub(crate) fn bare(world: &World) -> RolloutBuilder {
    Rollout::builder(&target())
        .environment(world.environment())
        .router(world.router())
        .journal(world.journal())
        .clock(world.clock())
        .entropy(world.entropy())
        .observer(world.observer())
}

pub(crate) async fn run(builder: RolloutBuilder, version: &str) -> Outcome {
    builder.build().unwrap().run(Release::version(version)).await.unwrap()
}

/// The records of the last rollout.
pub(crate) async fn records(world: &World) -> Vec<Record> {
    let journal = world.journal();
    let rollout = journal.rollouts(&target()).await.unwrap().pop().unwrap();
    journal.load(&target(), &rollout).await.unwrap().records
}

/// The writes that were sent, in order.
pub(crate) fn writes(records: &[Record]) -> Vec<Write> {
    let intents = records.iter().filter_map(|record| match &record.event {
        Event::Intent { write, .. } => Some(*write),
        _ => None,
    });
    intents.collect()
}
