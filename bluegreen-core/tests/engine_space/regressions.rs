//! What the search found, told once more as it happened.

use bluegreen_core::Color::{Blue, Green};
use bluegreen_core::engine::Engine;
use bluegreen_core::plan::{CanaryStep, Placement};

use crate::laws;
use crate::moves::{Ask, CheckFault, Crash, Downtime, Fate, Move, Pods};
use crate::node::{Broken, Next, Node};
use crate::search::name;
use crate::setup::{Setup, watch};
use crate::stages::migration;
use crate::time::ticks;
use crate::world::Server;

/// Runs a rollout in which each of these happens, in order, when the engine asks for something with these words, and
/// checks how it ends.
fn ends(setup: &Setup, script: &[(&str, Move)], expected: &str) {
    let mut script = script.iter().peekable();
    let mut node = Node::begin(setup, &Engine, 9).unwrap();
    for _ in 0..300 {
        let wanted = node.tell(Move::Goes);
        let happens = script.next_if(|(words, _)| wanted.contains(words)).map_or(Move::Goes, |(_, happens)| *happens);
        assert!(node.moves().contains(&happens), "{happens} can't happen at {wanted}");
        match node.after(happens, &Engine) {
            Ok(Next::Node(next)) => node = *next,
            Ok(Next::Over(node, end)) => {
                let end = end.unwrap();
                assert_eq!(name(&end), expected, "{end}");
                assert_eq!(laws::of_ends(&node, setup, &end), Ok(()));
                assert_eq!(script.next(), None, "not everything happened");
                return;
            }
            Err(Broken(law)) => panic!("{law}, at {wanted}"),
        }
    }
    panic!("it never ends");
}

fn plain() -> Setup {
    Setup::deploy(|_| {})
}

fn watched() -> Setup {
    Setup::deploy(|plan| plan.watch = Some(watch()))
}

fn canary() -> Setup {
    Setup::deploy(|plan| plan.canary = [10, 50].map(|percent| CanaryStep { percent, hold: ticks(1) }).to_vec())
}

const FAILS: Move = Move::Check(CheckFault::Fails);
const NEVER_ENDS: Move = Move::Check(CheckFault::NeverEnds);
const TURN_BACK: Move = Move::Asked(Ask::TurnBack);

#[test]
fn an_autoscaler_that_cannot_be_given_back_does_not_undo_a_proven_rollout() {
    ends(&watched().with_autoscalers(), &[("blue's autoscaler to be given back", FAILS)], "promoted, proven");
}

#[test]
fn an_autoscaler_that_cannot_be_given_back_does_not_keep_an_abort_from_ending() {
    let script =
        [("green's autoscaler to keep", Move::Pods(Green, Pods::Die)), ("green's autoscaler to be given back", FAILS)];
    ends(&watched().with_autoscalers(), &script, "aborted");
}

#[test]
fn a_pin_is_given_back_though_its_program_died_before_it_could_say_so() {
    let script = [("green's autoscaler to keep", Move::Crash(Crash::Done, Downtime::None))];
    ends(&watched().with_autoscalers(), &script, "promoted, proven");
}

#[test]
fn a_retire_that_lands_during_a_rollback_is_undone_and_not_taken_for_an_edit() {
    let script = [
        ("retire blue", Move::Write(Fate::InFlight)),
        ("trying again to retire blue", TURN_BACK),
        ("seal blue", Move::Lands(0)),
    ];
    ends(&watched(), &script, "rolled back");
}

#[test]
fn a_proven_release_stays_when_the_old_color_cannot_be_retired() {
    ends(&watched(), &[("retire blue", Move::Write(Fate::Hopeless))], "halted");
}

#[test]
fn a_release_stays_when_the_route_cannot_be_marked_as_released() {
    ends(&plain(), &[("mark the route as released", Move::Write(Fate::Hopeless))], "halted");
}

#[test]
fn a_new_color_that_has_to_grow_after_a_canary_gets_the_time_to_do_so() {
    ends(&canary(), &[("blue:50,green:50 to be held", Move::Pods(Blue, Pods::Grow))], "promoted");
}

#[test]
fn a_scale_up_that_died_with_its_program_is_made_again_during_a_canary() {
    let script = [
        ("blue:90,green:10 to be held", Move::Pods(Blue, Pods::Grow)),
        ("scale green up", Move::Crash(Crash::Unsent, Downtime::None)),
    ];
    ends(&canary(), &script, "promoted");
}

#[test]
fn a_scale_up_that_was_refused_for_a_moment_is_tried_again() {
    let script = [("0 of 2 replicas", Move::Pods(Blue, Pods::Grow)), ("scale green up", Move::Write(Fate::Refused))];
    ends(&plain(), &script, "promoted");
}

#[test]
fn a_new_color_that_is_unready_for_a_moment_after_a_long_canary_is_awaited() {
    let script = [
        ("0 of 2 replicas", Move::Asked(Ask::Pause)),
        ("paused by a person", Move::StaysPaused),
        ("read green", Move::Pods(Green, Pods::Flicker)),
    ];
    ends(&plain(), &script, "promoted");
}

#[test]
fn a_new_color_that_is_unready_when_a_program_recovers_late_is_awaited() {
    let script = [
        ("0 of 2 replicas", Move::Asked(Ask::Pause)),
        ("paused by a person", Move::StaysPaused),
        ("paused by a person", Move::Pods(Green, Pods::Flicker)),
        ("paused by a person", Move::Crash(Crash::Saved, Downtime::None)),
    ];
    ends(&plain(), &script, "promoted");
}

#[test]
fn a_crash_before_the_migration_was_begun_does_not_end_the_rollout() {
    let setup = Setup::deploy(|plan| plan.migration = migration(Placement::BeforeDeploy));
    ends(&setup, &[("raise the stamp", Move::Crash(Crash::Unsent, Downtime::None))], "promoted");
}

#[test]
fn an_old_color_that_was_shrunk_is_brought_back_to_its_size_by_a_rollback() {
    let script = [("arrived on green", Move::Pods(Blue, Pods::Shrink)), ("arrived on green", TURN_BACK)];
    ends(&plain(), &script, "rolled back");
}

#[test]
fn a_rollback_ends_though_neither_way_could_be_proven_to_converge() {
    ends(&plain(), &[("arrived on green", NEVER_ENDS), ("arrived on blue", NEVER_ENDS)], "rolled back");
}

#[test]
fn a_rollback_does_not_read_the_new_color_first() {
    let script = [
        ("shift traffic (canary step 1)", Move::Crash(Crash::Landed, Downtime::None)),
        ("seal green", Move::Server(Server::Silent)),
    ];
    ends(&canary(), &script, "halted");
}

#[test]
fn a_switch_of_one_object_that_lands_during_the_rollback_of_the_other_is_undone() {
    let script = [
        ("switch traffic", Move::Goes),
        ("switch traffic", Move::Write(Fate::InFlight)),
        ("seal the route", Move::Write(Fate::Hopeless)),
        ("seal the route", Move::Lands(0)),
    ];
    ends(&plain().with_two_objects(), &script, "rolled back");
}

#[test]
fn a_rollback_does_not_try_for_ever_when_every_write_is_refused() {
    let script = [("arrived on green", TURN_BACK), ("switch traffic back", Move::Server(Server::Refuses))];
    ends(&plain(), &script, "halted");
}

#[test]
fn a_recovery_raises_one_object_of_the_route_after_the_other() {
    let script = [("raise the stamp", Move::Crash(Crash::Unsent, Downtime::None))];
    ends(&plain().with_two_objects(), &script, "promoted");
}

#[test]
fn a_rollback_without_a_journal_is_found_as_one_by_the_next_program() {
    let setup = Setup::deploy(|plan| {
        plan.roll_back.take_down = false;
        plan.watch = Some(watch());
    });
    ends(&setup, &[("the watch to end", TURN_BACK), ("read blue", Move::JournalIsLost)], "rolled back");
}
