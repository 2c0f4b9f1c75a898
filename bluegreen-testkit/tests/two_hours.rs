//! Rollouts of hours, as the users of the testkit would test theirs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use bluegreen_core::plan::{Criterion, Expiry, Watch};
use bluegreen_core::{Color, Environment, Release, Rollout, RolloutBuilder, Target};
use bluegreen_testkit::fake::ManualGate;
use bluegreen_testkit::{Behavior, World};

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// The rollout that is tested: two hours of watching, at most one bad answer in a hundred.
fn checkout_rollout(world: &World) -> RolloutBuilder {
    Rollout::builder(&Target::new("shop", "checkout"))
        .environment(world.environment())
        .router(world.router())
        .journal(world.journal())
        .clock(world.clock())
        .entropy(world.entropy())
        .smoke(world.probe("health"))
        .watch(Watch::two_hours().signal(world.signal("errors"), Criterion::error_rate(0.01, 100)))
}

#[tokio::test(start_paused = true)]
async fn errors_after_an_hour_roll_back_and_cost_nobody_a_request() {
    let world = World::builder().users(100).build();
    world.behaves("v2", Behavior::failing(0.03).from(minutes(60)));
    let rollout = checkout_rollout(&world).build().unwrap();

    let outcome = rollout.run(Release::version("v2")).await.unwrap();

    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!(world.route().active(), Some(Color::Blue));
    assert!((minutes(60)..minutes(62)).contains(&world.elapsed()), "{:?}", world.elapsed());
    assert_eq!(world.requests().lost, 0);
    assert!(world.requests().failed < 50, "{:?}", world.requests());
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_release_that_stays_good_is_promoted_after_two_hours() {
    let world = World::builder().users(100).build();
    let outcome = checkout_rollout(&world).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
    assert!((minutes(120)..minutes(123)).contains(&world.elapsed()), "{:?}", world.elapsed());
    assert_eq!((world.requests().failed, world.requests().lost), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn pods_that_crash_after_the_switch_are_left_at_once() {
    let world = World::builder().users(100).build();
    world.behaves("v2", Behavior::crashing_after(minutes(20)));
    let outcome = checkout_rollout(&world).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert!(world.elapsed() < minutes(22), "{:?}", world.elapsed());
    // All pods died in the same moment: nothing answers until traffic is back on blue, and that is quick.
    assert!(world.requests().outage < Duration::from_secs(2), "{:?}", world.requests());
}

#[tokio::test(start_paused = true)]
async fn a_few_errors_more_are_caught_when_they_keep_coming() {
    let world = World::builder().users(100).build();
    world.behaves("v2", Behavior::failing(0.008).from(minutes(60)));
    // Half a percent is expected of this service: ten bad samples in all are too many, though one is nothing.
    let criterion = Criterion::error_rate(0.005, 100).consecutive(1000).total(10);
    let watch = Watch::two_hours().signal(world.signal("errors"), criterion);
    let outcome = checkout_rollout(&world).watch(watch).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert!((minutes(60)..minutes(62)).contains(&world.elapsed()), "{:?}", world.elapsed());
    assert_eq!(world.requests().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_nobody_gives_expires() {
    let world = World::builder().users(100).build();
    let rollout = checkout_rollout(&world).approval(ManualGate::new(), minutes(90), Expiry::Abort).build().unwrap();
    let outcome = rollout.run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_aborted(), "{}", outcome.report());
    assert!((minutes(90)..minutes(91)).contains(&world.elapsed()), "{:?}", world.elapsed());
    assert_eq!((world.route().active(), world.color(Color::Green).desired), (Some(Color::Blue), 0));
    assert_eq!(world.requests().lost, 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_color_that_is_idle_for_two_hours_is_not_shrunk() {
    let world = World::builder().autoscaler(Color::Blue, 1, 10).build();
    world.behaves("v2", Behavior::failing(0.5).from(minutes(119)));
    let outcome = checkout_rollout(&world).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    let blue = world.color(Color::Blue);
    assert_eq!((blue.ready, blue.autoscaler.unwrap().min), (3, 1), "it kept its pods, and got its minimum back");
    assert!(!world.story().concat().contains("the autoscaler shrinks blue"), "{:?}", world.story());
    assert_eq!((world.requests().lost, world.violations()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promoted_over_an_old_color_that_was_shrunk() {
    let world = World::builder().autoscaler(Color::Blue, 1, 10).build();
    let rollout = checkout_rollout(&world).build().unwrap();
    let handle = rollout.start(Release::version("v2")).await.unwrap();
    tokio::time::sleep(minutes(30)).await;
    // Somebody takes the pin away. The color has been idle for long enough to be shrunk at once.
    world.environment().pin_capacity(Color::Blue, None).await.unwrap();
    let outcome = handle.wait().await.unwrap();
    assert_eq!(world.color(Color::Blue).ready, 1);
    assert!(outcome.is_halted(), "{}", outcome.report());
    assert!(outcome.report().to_string().contains("1 of the 3 replicas of blue that served are ready"));
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_release_that_gets_slow_is_left_before_anybody_gets_an_error() {
    let world = World::builder().build();
    world.behaves("v2", Behavior::slow(Duration::from_secs(2)).from(minutes(7)));
    let watch = Watch::two_hours().signal(world.latency("p99"), Criterion::slower_than(0.5, 0.01));
    let outcome = checkout_rollout(&world).watch(watch).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert!((minutes(7)..minutes(9)).contains(&world.elapsed()), "{:?}", world.elapsed());
    assert_eq!((world.requests().failed, world.requests().lost), (0, 0));
}
