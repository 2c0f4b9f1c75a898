//! What was found in the core, each by the script that found it.

use bluegreen_core::{GateDecision, RolloutBuilder};
use bluegreen_testkit::{Explorer, World};

use crate::plans::{full, full_world, plain};

type Rollouts = fn(&World) -> RolloutBuilder;

fn plain_survives(script: &str) {
    let explorer = Explorer::new(World::builder(), plain as Rollouts);
    explorer.replay(script).unwrap_or_else(|violation| panic!("{violation}"));
}

fn every_stage_survives(script: &str) {
    let approve = |world: &World| {
        world.decide(GateDecision::Go { by: "the test".to_owned(), reason: "all is well".to_owned() });
    };
    let explorer = Explorer::new(full_world(), full as Rollouts).begin(approve);
    explorer.replay(script).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn a_late_raise_of_a_dead_program_does_not_end_the_one_that_goes_on() {
    plain_survives("7:crash-late:2calls");
}

#[test]
fn a_route_that_was_replaced_is_not_taken_for_one_that_was_never_touched() {
    plain_survives("34:replace-route-by-blue 38:crash-after-effect/two-programs");
}

#[test]
fn no_call_that_hangs_holds_a_rollout_up() {
    for call in [16, 17, 18, 20, 27, 30] {
        every_stage_survives(&format!("{call}:hang"));
    }
}

#[test]
fn a_retirement_that_lands_late_does_not_hurt_what_somebody_routed_to() {
    every_stage_survives("110:replace-route-by-blue 111:late:2calls");
}

#[test]
fn connections_are_drained_in_spite_of_a_pause_and_of_a_late_recovery() {
    every_stage_survives("55:ask-pause");
    every_stage_survives("68:crash-after-effect/late");
}
