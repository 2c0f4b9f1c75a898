//! What every rollout survives.
//!
//! `BLUEGREEN_EXPLORE` is how many times as many pairs and triples are tried as usual; `just explore` sets it, and shows
//! what was tried.

use std::time::Duration;

use bluegreen_core::{End, GateDecision, RolloutBuilder};
use bluegreen_testkit::{Behavior, Explorer, World};

use crate::plans::{full, full_world, impatient, long, plain};

type Rollouts = fn(&World) -> RolloutBuilder;

fn explore(name: &str, explorer: Explorer<Rollouts>, pairs: usize, triples: usize) {
    let depth = std::env::var("BLUEGREEN_EXPLORE").map_or(1, |depth| depth.parse().unwrap());
    let explored = explorer.pairs(depth * pairs).triples(depth * triples).explore();
    let coverage = explored.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{name}: {coverage}");
    assert!(coverage.singles > 500, "so few mishaps are not everything");
}

fn approve(world: &World) {
    world.decide(GateDecision::Go { by: "the test".to_owned(), reason: "all is well".to_owned() });
}

const fn is_not_promoted(end: &End) -> bool {
    !matches!(end, End::Promoted { .. })
}

#[test]
fn a_good_release_survives_everything() {
    explore("required stages only", Explorer::new(World::builder(), plain), 2000, 200);
}

#[test]
fn a_rollout_with_every_stage_survives_everything() {
    explore("every stage", Explorer::new(full_world(), full as Rollouts).begin(approve), 1000, 200);
}

#[test]
fn a_release_that_goes_bad_never_stays() {
    let crashes = |world: &World| world.behaves("v2", Behavior::crashing_after(Duration::from_secs(30)));
    let explorer = Explorer::new(World::builder(), plain as Rollouts).begin(crashes).expect(is_not_promoted);
    explore("a release that crashes", explorer, 2000, 200);
}

#[test]
fn a_release_with_errors_never_stays() {
    let fails = |world: &World| {
        approve(world);
        world.behaves("v2", Behavior::failing(0.5).from(Duration::from_secs(50)));
    };
    let explorer = Explorer::new(full_world(), full as Rollouts).begin(fails).expect(is_not_promoted);
    explore("a release with errors", explorer, 500, 200);
}

/// The plans around which bugs are planted: without the bug, nothing is found.
#[test]
fn a_rollout_that_tries_each_write_once_survives_everything() {
    explore("each write once", Explorer::new(World::builder(), impatient), 200, 0);
}

#[test]
fn a_longer_watch_survives_everything() {
    explore("a watch of ten minutes", Explorer::new(World::builder(), long), 0, 0);
}
