//! Calls that go wrong.

mod support;

use bluegreen_core::{BackendError, Color, Effect, Environment, Fence, Release, TrafficRouter};
use bluegreen_testkit::{Fault, World};
use support::{deploy, deploy_over, seal, secs, switch};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn calls_are_numbered_and_named() {
    let world = World::builder().build();
    world.environment().observe(Color::Blue).await.unwrap();
    sleep(secs(1)).await;
    world.router().observe().await.unwrap();
    let calls: Vec<_> = world.calls().into_iter().map(|call| (call.number, call.name, call.at)).collect();
    assert_eq!(calls, [(1, "environment.observe", secs(0)), (2, "router.observe", secs(1))]);
}

#[tokio::test(start_paused = true)]
async fn each_fault_says_what_it_did_and_did_what_it_says() {
    for (fault, effect, landed) in [
        (Fault::Error, Effect::No, false),
        (Fault::ErrorAfterEffect, Effect::Unknown, true),
        (Fault::TimeoutWithoutEffect, Effect::Unknown, false),
        (Fault::TimeoutWithEffect, Effect::Unknown, true),
        (Fault::LateEffect(secs(30)), Effect::Unknown, false),
    ] {
        let world = World::builder().build();
        world.fail_next("environment.deploy", fault);
        let error = deploy(&world, Color::Green, "v2", 1).await.unwrap_err();
        assert_eq!(error.effect(), effect, "{fault:?}");
        assert_eq!(matches!(error, BackendError::TimedOut { .. }), world.elapsed() == secs(1), "{fault:?}");
        assert_eq!(world.color(Color::Green).exists, landed, "{fault:?}");
        assert!(deploy(&world, Color::Green, "v2", 2).await.is_ok(), "only one call: {fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_never_returns_and_a_slow_one_does() {
    let world = World::builder().build();
    world.fail_call(1, Fault::Hang);
    world.fail_call(2, Fault::Slow(secs(5)));
    assert!(timeout(secs(3600), deploy(&world, Color::Green, "v2", 1)).await.is_err());
    let begun = world.elapsed();
    deploy(&world, Color::Green, "v2", 2).await.unwrap();
    assert_eq!(world.elapsed() - begun, secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_that_is_dropped_changes_nothing() {
    let world = World::builder().build();
    world.fail_next("environment.deploy", Fault::Slow(secs(5)));
    assert!(timeout(secs(1), deploy(&world, Color::Green, "v2", 1)).await.is_err());
    sleep(secs(60)).await;
    assert!(!world.color(Color::Green).exists);
}

#[tokio::test(start_paused = true)]
async fn a_late_write_lands_unless_it_was_sealed_out() {
    for sealed in [false, true] {
        let world = World::builder().build();
        let green = deploy(&world, Color::Green, "v2", 1).await.unwrap();
        world.fail_next("environment.deploy", Fault::LateEffect(secs(30)));
        assert!(deploy_over(&world, &green, Fence::Stamp, "v3", 2).await.is_err());
        if sealed {
            seal(&world, &world.color(Color::Green), 3).await.unwrap();
        }
        sleep(secs(28)).await;
        assert_eq!(world.color(Color::Green).release, Some(Release::version("v2")));
        sleep(secs(1)).await;
        let expected = Release::version(if sealed { "v2" } else { "v3" });
        assert_eq!(world.color(Color::Green).release, Some(expected), "sealed: {sealed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_write_is_judged_and_counted_at_its_own_time() {
    let world = World::builder().users(100).build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    world.fail_next("router.write", Fault::LateEffect(secs(10)));
    assert!(switch(&world, Color::Green, 2).await.is_err());
    world.delete(Color::Green);
    sleep(secs(60)).await;
    // Nobody looked since: the switch landed at 12 s all the same, and took effect 100 ms later.
    assert_eq!(world.requests().answered.blue, 1210);
    let broken = "law 1 at 12s: Service/checkout was written from blue to green, but green has no ready pod";
    assert!(world.violations().iter().any(|violation| violation == broken), "{:?}", world.violations());
}

#[tokio::test(start_paused = true)]
async fn reads_go_wrong_too() {
    let world = World::builder().build();
    world.fail_next("router.observe", Fault::Error);
    world.fail_next("router.observe", Fault::TimeoutWithoutEffect);
    let router = world.router();
    assert!(matches!(router.observe().await, Err(BackendError::Unavailable { .. })));
    assert!(matches!(router.observe().await, Err(BackendError::TimedOut { .. })));
    assert!(router.observe().await.is_ok());
}
