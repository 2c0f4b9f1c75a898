//! One fault at every call, one after the other.

use std::time::Duration;

use bluegreen_core::{Color, Outcome, Release};
use bluegreen_testkit::{Behavior, Fault, Incident, World};

use crate::support::{minutes, plain, run};

/// A world in which one rollout has gone well, so that everything carries stamps.
async fn used_world() -> World {
    let world = World::builder().start_time(Duration::from_millis(500)).build();
    let outcome = run(plain(&world), "v2").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    world
}

/// What has to hold whatever went wrong.
fn check(world: &World, outcome: &Outcome, what: &str) {
    let report = outcome.report();
    assert_eq!(world.violations(), Vec::<String>::new(), "{what}\n{report}");
    let active = world.route().active().unwrap_or_else(|| panic!("{what}: no single color serves\n{report}"));
    assert!(world.color(active).ready > 0, "{what}: {active} serves and has nothing ready\n{report}");
    assert_eq!(world.requests().lost, 0, "{what}\n{report}");
    match outcome {
        Outcome::Promoted(_) => assert_eq!(active, Color::Blue, "{what}\n{report}"),
        Outcome::Aborted(_) | Outcome::RolledBack(_) => assert_eq!(active, Color::Green, "{what}\n{report}"),
        other => panic!("{what}: {}\n{report}", other.report()),
    }
}

/// Runs a rollout again and again, with `fault` at each of its calls in turn.
async fn sweep(behavior: Behavior, fault: Fault) -> u64 {
    let mut calls = 0;
    for index in 1.. {
        let world = used_world().await;
        world.behaves("v3", behavior);
        let first = world.calls().len() as u64;
        world.fail_call(first + index, fault);
        let outcome = run(plain(&world), "v3").await;
        let made = world.calls().len() as u64 - first;
        let name = world.calls().get((first + index - 1) as usize).map(|call| call.name.to_string());
        let what = format!("{fault:?} at call {index} of {made} ({})", name.unwrap_or_default());
        check(&world, &outcome, &what);
        calls = calls.max(made);
        // The watch looks at the world again and again; its first looks stand for all.
        if index >= made.min(40) {
            break;
        }
    }
    calls
}

const FAULTS: [Fault; 7] = [
    Fault::Error,
    Fault::ErrorAfterEffect,
    Fault::TimeoutWithoutEffect,
    Fault::TimeoutWithEffect,
    Fault::LateEffect(Duration::from_secs(5)),
    Fault::LateEffect(Duration::from_secs(100)),
    Fault::Slow(Duration::from_secs(3)),
];

#[tokio::test(start_paused = true)]
async fn a_good_release_survives_any_single_fault() {
    for fault in FAULTS {
        assert!(sweep(Behavior::healthy(), fault).await > 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_is_given_up() {
    sweep(Behavior::healthy(), Fault::Hang).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_goes_bad_is_left_behind_under_any_single_fault() {
    for fault in FAULTS {
        sweep(Behavior::failing(1.0).from(minutes(9)), fault).await;
        sweep(Behavior::crashing_after(Duration::ZERO), fault).await;
    }
}

/// A fault while traffic returns costs what it lasts, and no more than that: requests are lost, so they don't count here.
#[tokio::test(start_paused = true)]
async fn a_rollback_comes_through_any_single_fault() {
    for fault in FAULTS {
        for index in 1..25 {
            let world = used_world().await;
            world.behaves("v3", Behavior::unready_after(minutes(1)));
            let first = world.calls().len() as u64;
            world.fail_call(first + index, fault);
            let outcome = run(plain(&world), "v3").await;
            let what = format!("{fault:?} at call {index}: {}", outcome.report());
            assert!(outcome.is_rolled_back() || outcome.is_aborted(), "{what}");
            assert_eq!(world.violations(), Vec::<String>::new(), "{what}");
            assert_eq!(world.route().active(), Some(Color::Green), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_programs_at_once_one_wins() {
    let world = used_world().await;
    let (one, other) = (plain(&world).build().unwrap(), plain(&world).build().unwrap());
    let (one, other) = tokio::join!(one.start(Release::version("v3")), other.start(Release::version("v4")));
    let wait = async |handle: Result<bluegreen_core::Handle, bluegreen_core::RunError>| match handle {
        Ok(handle) => handle.wait().await,
        Err(error) => Err(error),
    };
    let (one, other) = tokio::join!(wait(one), wait(other));
    let won = |outcome: &Result<Outcome, _>| outcome.as_ref().is_ok_and(Outcome::is_promoted);
    assert!(won(&one) != won(&other), "{one:?}\n{other:?}");
    assert_eq!((world.requests().lost, world.violations()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_world_in_which_every_call_takes_long_is_only_slow() {
    let slow = |world: &World| {
        let fault = Fault::Slow(Duration::from_secs(8));
        world.happens(Incident::Outage { calls: String::new(), fault, lasting: minutes(600) });
    };
    let world = used_world().await;
    slow(&world);
    let outcome = run(plain(&world), "v3").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());

    world.behaves("v4", Behavior::unready_after(minutes(2)));
    let outcome = run(plain(&world), "v4").await;
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!(world.violations(), Vec::<String>::new());
}
