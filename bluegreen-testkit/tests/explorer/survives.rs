//! What every rollout survives.

use std::time::Duration;

use bluegreen_core::{Color, End, GateDecision, RolloutBuilder};
use bluegreen_testkit::{Behavior, Explorer, World, WorldBuilder};

use crate::plans::{full, plain};

fn explore<R: Fn(&World) -> RolloutBuilder + Sync>(name: &str, explorer: &Explorer<R>) {
    let coverage = explorer.explore().unwrap_or_else(|violation| panic!("{violation}"));
    println!("{name}: {coverage}");
}

#[test]
fn a_good_release_survives_everything() {
    explore("required stages only", &Explorer::new(World::builder(), plain).expect(|end| {
        !matches!(end, End::Superseded { .. })
    }));
}

/// A world with everything that the optional stages need.
fn whole_world() -> WorldBuilder {
    World::builder().weights().connections(5).migrations(["add-column"]).autoscaler(Color::Blue, 2, 9).autoscaler(
        Color::Green,
        1,
        9,
    )
}

fn approve(world: &World) {
    world.decide(GateDecision::Go { by: "the test".to_owned(), reason: "all is well".to_owned() });
}

#[test]
fn a_rollout_with_every_stage_survives_everything() {
    explore("every stage", &Explorer::new(whole_world(), full).begin(approve));
}

#[test]
fn a_release_that_goes_bad_never_stays() {
    let explorer = Explorer::new(World::builder(), plain)
        .begin(|world| world.behaves("v2", Behavior::crashing_after(Duration::from_secs(30))))
        .expect(|end| !matches!(end, End::Promoted { .. }));
    explore("a release that crashes", &explorer);
}

#[test]
fn a_release_with_errors_never_stays() {
    let explorer = Explorer::new(whole_world(), full)
        .begin(|world| {
            approve(world);
            world.behaves("v2", Behavior::failing(0.5).from(Duration::from_secs(50)));
        })
        .expect(|end| !matches!(end, End::Promoted { .. }))
        .pairs(1000);
    explore("a release with errors", &explorer);
}
