//! What every rollout survives.

use std::time::Duration;

use bluegreen_core::{End, GateDecision, RolloutBuilder};
use bluegreen_testkit::{Behavior, Explorer, World};

use crate::plans::{full, full_world, impatient, long, plain};

fn explore<R: Fn(&World) -> RolloutBuilder + Sync>(name: &str, explorer: &Explorer<R>) {
    let coverage = explorer.explore().unwrap_or_else(|violation| panic!("{violation}"));
    println!("{name}: {coverage}");
}

#[test]
fn a_good_release_survives_everything() {
    explore(
        "required stages only",
        &Explorer::new(World::builder(), plain).expect(|end| !matches!(end, End::Superseded { .. })),
    );
}

fn approve(world: &World) {
    world.decide(GateDecision::Go { by: "the test".to_owned(), reason: "all is well".to_owned() });
}

type Rollouts = fn(&World) -> RolloutBuilder;
pub(crate) fn whole() -> Explorer<Rollouts> {
    Explorer::new(full_world(), full as Rollouts).begin(approve).pairs(1000)
}
pub(crate) fn crash() -> Explorer<Rollouts> {
    Explorer::new(World::builder(), plain as Rollouts)
        .begin(|world| world.behaves("v2", Behavior::crashing_after(Duration::from_secs(30))))
        .expect(|end| !matches!(end, End::Promoted { .. }))
}
pub(crate) fn bad() -> Explorer<Rollouts> {
    Explorer::new(full_world(), full as Rollouts)
        .begin(|world| {
            approve(world);
            world.behaves("v2", Behavior::failing(0.5).from(Duration::from_secs(50)));
        })
        .expect(|end| !matches!(end, End::Promoted { .. }))
        .pairs(500)
}

#[test]
fn a_rollout_with_every_stage_survives_everything() {
    explore("every stage", &whole());
}

#[test]
fn a_release_that_goes_bad_never_stays() {
    explore("a release that crashes", &crash());
}

#[test]
fn a_release_with_errors_never_stays() {
    explore("a release with errors", &bad());
}

/// The plans around which bugs are planted: without the bug, nothing is found.
#[test]
fn a_rollout_that_tries_each_write_once_survives_everything() {
    explore("each write once", &Explorer::new(World::builder(), impatient as Rollouts).pairs(200).triples(0));
}

#[test]
fn a_longer_watch_survives_everything() {
    explore("a watch of ten minutes", &Explorer::new(World::builder(), long as Rollouts).pairs(0).triples(0));
}
