//! What happens when nothing, or one thing, goes wrong.

use bluegreen_core::plan::{Criterion, Expiry, Placement, Watch};
use bluegreen_core::{Color, End, Event, GateDecision, Measure, Release, Split, Write};
use bluegreen_testkit::{Behavior, World};
use std::time::Duration;

use crate::support::{bare, minutes, plain, records, run, writes};

#[tokio::test(start_paused = true)]
async fn a_good_release_is_promoted_and_the_old_one_retired() {
    let world = World::builder().build();
    let outcome = run(plain(&world), "v2").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert_eq!(world.route().active(), Some(Color::Green));
    assert_eq!(world.color(Color::Green).ready, 3);
    assert_eq!(world.color(Color::Blue).desired, 0);
    assert!(world.cleanup_after(Color::Blue).is_some());
    assert_eq!(world.requests().lost, 0);
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn colors_alternate_and_the_second_rollout_needs_four_writes() {
    let world = World::builder().build();
    let _ = run(plain(&world), "v2").await;
    let first = writes(&records(&world).await);
    assert_eq!(first.first(), Some(&Write::Seal(Color::Blue)), "nothing carries a stamp yet");

    let outcome = run(plain(&world), "v3").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert_eq!(world.route().active(), Some(Color::Blue));
    let expected = [Write::Raise, Write::Deploy(Color::Blue), Write::Switch, Write::Retire(Color::Green)];
    assert_eq!(writes(&records(&world).await), expected);
}

#[tokio::test(start_paused = true)]
async fn the_same_release_again_is_no_work() {
    let world = World::builder().serving(Color::Blue, Release::version("v1")).build();
    let outcome = run(plain(&world), "v1").await;
    assert!(outcome.is_success() && !outcome.is_promoted());
    assert!(world.calls().iter().all(|call| !call.name.contains("write") && !call.name.contains("deploy")));
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_nothing_is_retired() {
    let world = World::builder().build();
    let outcome = run(bare(&world), "v2").await;
    assert_eq!(outcome.report().end, Some(End::Promoted { proven: false }));
    assert_eq!(world.color(Color::Blue).desired, 3);
    // That it has ended is told by the route: the next one may start.
    let next = run(bare(&world), "v3").await;
    assert!(next.is_promoted(), "{}", next.report());
}

#[tokio::test(start_paused = true)]
async fn a_release_that_never_gets_ready_is_aborted() {
    for behavior in [Behavior::never_ready(), Behavior::image_missing(), Behavior::crashing_after(Duration::ZERO)] {
        let world = World::builder().build();
        world.behaves("v2", behavior);
        let outcome = run(plain(&world), "v2").await;
        assert!(outcome.is_aborted(), "{}", outcome.report());
        assert_eq!(world.route().active(), Some(Color::Blue));
        assert_eq!(world.color(Color::Green).desired, 0);
        assert_eq!((world.requests().lost, world.violations()), (0, Vec::new()));
        assert!(!outcome.report().evidence.is_empty(), "an abort says why");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_after_the_switch_is_rolled_back() {
    for behavior in [Behavior::unready_after(minutes(1)), Behavior::crashing_after(minutes(1))] {
        let world = World::builder().build();
        let _ = run(plain(&world), "v2").await;
        world.behaves("v3", behavior);
        let outcome = run(plain(&world), "v3").await;
        assert!(outcome.is_rolled_back(), "{}", outcome.report());
        assert_eq!(world.route().active(), Some(Color::Green));
        assert_eq!(world.color(Color::Blue).desired, 0);
        assert_eq!(world.violations(), Vec::<String>::new());
        let expected =
            [Write::Raise, Write::Deploy(Color::Blue), Write::Switch, Write::SwitchBack, Write::TakeDown(Color::Blue)];
        assert_eq!(writes(&records(&world).await), expected, "five writes, and none between verdict and switch back");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_after_an_hour_roll_back_within_a_sample() {
    let world = World::builder().build();
    world.behaves("v2", Behavior::failing(0.03).from(minutes(60)));
    let watch = Watch::two_hours().signal(world.signal("errors"), Criterion::error_rate(0.01, 100));
    let outcome = run(bare(&world).watch(watch), "v2").await;
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert!(world.elapsed() < minutes(63), "{:?}", world.elapsed());
    assert_eq!(world.requests().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn a_signal_without_data_is_not_health() {
    let world = World::builder().build();
    world.signal_returns("errors", Measure::NoData { why: "the server is down".into() });
    let watch = Watch::half_hour().signal(world.signal("errors"), Criterion::error_rate(0.01, 1));
    let outcome = run(bare(&world).watch(watch), "v2").await;
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
}

#[tokio::test(start_paused = true)]
async fn all_stages_run_in_their_order() {
    let world = World::builder().weights().migrations(["1_add_column"]).build();
    world.decide(GateDecision::Go { by: "ops".into(), reason: "looks good".into() });
    let builder = plain(&world)
        .preflight(world.preflight())
        .backup()
        .migrations(world.migrations(), Placement::BeforeDeploy)
        .smoke(world.probe("smoke"))
        .warm_up(world.probe("warm-up"))
        .canary(5, minutes(1))
        .canary(50, minutes(1))
        .approval(world.gate(), minutes(10), Expiry::Abort)
        .final_health(world.probe("final"))
        .drainer(world.drainer());
    let outcome = run(builder, "v2").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    let mut stages: Vec<_> = records(&world).await.iter().map(|record| record.stage.as_str()).collect();
    stages.dedup();
    insta::assert_snapshot!(stages.join(" "));
    assert_eq!(world.migration_runs().len(), 1);
    assert_eq!((world.requests().lost, world.violations()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_goes_back_to_the_old_color() {
    let world = World::builder().weights().build();
    world.behaves("v2", Behavior::unready_after(Duration::from_secs(30)));
    let outcome = run(plain(&world).canary(10, minutes(5)), "v2").await;
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!(world.route().split, Some(Split::only(Color::Blue)));
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn several_objects_switch_as_one() {
    let world = World::builder().route_objects(["Service/a", "Service/b"]).build();
    let outcome = run(plain(&world), "v2").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    let switches = writes(&records(&world).await).iter().filter(|write| **write == Write::Switch).count();
    assert_eq!(switches, 2);
    assert_eq!(world.route().active(), Some(Color::Green));
}

#[tokio::test(start_paused = true)]
async fn the_first_deploy_of_all_has_no_way_back() {
    let world = World::builder().nothing_deployed().build();
    let outcome = run(plain(&world), "v1").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert_eq!(world.route().active(), Some(Color::Green));
    let closed = records(&world).await.iter().any(|record| matches!(record.event, Event::WayBack { open: false, .. }));
    assert!(closed);
}

#[tokio::test(start_paused = true)]
async fn nobody_decides_in_time() {
    let world = World::builder().build();
    world.decide(GateDecision::AskAgain(Duration::from_secs(10)));
    let outcome = run(plain(&world).approval(world.gate(), minutes(5), Expiry::Abort), "v2").await;
    assert!(outcome.is_aborted(), "{}", outcome.report());
    assert_eq!(world.color(Color::Green).desired, 0);
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_is_pinned_and_given_back() {
    let world = World::builder().autoscaler(Color::Green, 1, 10).autoscaler(Color::Blue, 1, 10).build();
    let outcome = run(plain(&world), "v2").await;
    assert!(outcome.is_promoted(), "{}", outcome.report());
    for color in Color::ALL {
        assert_eq!(world.color(color).autoscaler.map(|autoscaler| autoscaler.min), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn plan_and_status_read_well() {
    let world = World::builder().build();
    let rollout = plain(&world).preflight(world.preflight()).smoke(world.probe("smoke")).build().unwrap();
    insta::assert_snapshot!("plan", rollout.plan(&Release::version("v2")).await.unwrap());
    let _ = run(plain(&world), "v2").await;
    insta::assert_snapshot!("status", rollout.status().await.unwrap());
    let again = run(plain(&world), "v2").await;
    insta::assert_snapshot!("already_active", again.report());
}
