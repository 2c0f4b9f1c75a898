//! What the users of a world get.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bluegreen_core::plan::{Placement, PodLimits, Watch};
use bluegreen_core::{Clock, Color, Drainer, PerColor, Release, RolloutBuilder, Split, Target};
use bluegreen_testkit::{Behavior, Ledger, World};
use support::{deploy, ms, scale, secs, switch};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_careful_switch_loses_nothing() {
    let world = World::builder().users(1000).build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    switch(&world, Color::Green, 2).await.unwrap();
    sleep(secs(8)).await;
    let ledger = world.requests();
    assert_eq!(ledger.answered, PerColor { blue: 2100, green: 7900 });
    assert_eq!((ledger.sent(), ledger.failed, ledger.lost, ledger.outage), (10_000, 0, 0, secs(0)));
}

#[tokio::test(start_paused = true)]
async fn a_color_that_is_scaled_down_before_traffic_left_loses_requests() {
    let world = World::builder().users(1000).build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    switch(&world, Color::Blue, 2).await.unwrap();
    switch(&world, Color::Green, 3).await.unwrap();
    scale(&world, Color::Blue, 0, 4).await.unwrap();
    sleep(secs(1)).await;
    let ledger = world.requests();
    assert_eq!((ledger.lost, ledger.outage), (100, ms(100)), "as long as the data plane still sent them to blue");
    assert_eq!(world.violations(), Vec::<String>::new(), "the route had moved on");
}

#[tokio::test(start_paused = true)]
async fn dead_pods_cost_requests_until_new_ones_are_ready() {
    let world = World::builder().users(100).build();
    sleep(secs(1)).await;
    world.kill_pods(Color::Blue);
    sleep(secs(9)).await;
    let ledger = world.requests();
    assert_eq!((ledger.answered.blue, ledger.lost, ledger.outage), (800, 200, secs(2)));
}

#[tokio::test(start_paused = true)]
async fn failing_pods_answer_badly_from_their_time_on() {
    let world = World::builder().users(100).build();
    world.behaves("v1", Behavior::failing(0.25).from(secs(60)));
    sleep(secs(60)).await;
    assert_eq!(world.requests().failed, 0);
    sleep(secs(100)).await;
    assert_eq!((world.requests().failed, world.requests().answered.blue), (2500, 13_500));
}

#[tokio::test(start_paused = true)]
async fn a_route_without_a_key_reaches_all_ready_pods() {
    let world = World::builder().users(100).build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    world.remove_key();
    sleep(ms(100)).await;
    world.scale(Color::Blue, 1);
    let before = world.requests().answered;
    sleep(secs(100)).await;
    let after = world.requests().answered;
    assert_eq!((after.blue - before.blue, after.green - before.green), (2500, 7500));
    world.delete(Color::Blue);
    sleep(secs(10)).await;
    assert_eq!(world.requests().lost, 0);
    world.edit_route(Split::only(Color::Blue));
    sleep(secs(10)).await;
    assert_eq!(world.requests().lost, 990);
}

#[tokio::test(start_paused = true)]
async fn hours_take_no_time_and_the_clock_follows() {
    let world = World::builder().build();
    world.behaves("v1", Behavior::crashing_after(secs(30)));
    sleep(secs(7200)).await;
    assert_eq!(world.clock().now().to_string(), "2026-01-01T02:00:00Z");
    assert_eq!(world.requests().sent(), 720_000);
    let restarts = world.color(Color::Blue).restarts;
    assert!((60..=90).contains(&restarts), "{restarts}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_told_by_the_time_they_were_sent() {
    let world = World::builder().users(100).build();
    sleep(secs(10)).await;
    world.kill_pods(Color::Blue);
    sleep(secs(10)).await;
    let before = world.requests_before(secs(10));
    assert_eq!((before.sent(), before.lost, before.outage), (1000, 0, secs(0)));
    let between = world.requests_between(secs(11), secs(13));
    assert_eq!((between.sent(), between.lost, between.outage), (200, 100, secs(1)));
    assert_eq!(world.requests_before(secs(3600)), world.requests(), "what is to come is not known");
    assert_eq!(world.requests_between(secs(13), secs(11)), Ledger::default());
}

/// Half of the requests go over ten connections to each pod; green was switched to a while ago.
async fn switched_with_open_connections() -> World {
    let world = World::builder().users(1000).connections(10).keep_alive(0.5).build();
    deploy(&world, Color::Green, "v2", 1).await.unwrap();
    sleep(secs(2)).await;
    switch(&world, Color::Green, 2).await.unwrap();
    sleep(ms(100)).await;
    world
}

/// What became of the requests of the next ten seconds.
async fn next_requests(world: &World) -> Ledger {
    let now = world.elapsed();
    sleep(secs(10)).await;
    world.requests_between(now, now + secs(10))
}

#[tokio::test(start_paused = true)]
async fn open_connections_stay_where_they_were_until_they_are_drained() {
    let world = switched_with_open_connections().await;
    assert_eq!(next_requests(&world).await.answered, PerColor { blue: 5000, green: 5000 });
    let blue: Vec<_> = world.color(Color::Blue).endpoints.into_iter().collect();
    world.drainer().begin(&blue).await.unwrap();
    assert_eq!(next_requests(&world).await.answered, PerColor { blue: 500, green: 9500 });
    scale(&world, Color::Blue, 0, 3).await.unwrap();
    assert_eq!(next_requests(&world).await.answered, PerColor { blue: 0, green: 10_000 });
    assert_eq!((world.requests().lost, world.requests().cut), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn pods_that_are_removed_without_draining_cost_a_request_for_each_connection() {
    let world = switched_with_open_connections().await;
    sleep(secs(60)).await;
    scale(&world, Color::Blue, 1, 3).await.unwrap();
    let ledger = next_requests(&world).await;
    assert_eq!((ledger.sent(), ledger.lost, ledger.cut), (10_000, 20, 20));
    // What was open to two of the three pods is open to green now.
    let third = ledger.answered.blue;
    assert!((1650..=1670).contains(&third), "{ledger:?}");
    scale(&world, Color::Blue, 0, 4).await.unwrap();
    let ledger = next_requests(&world).await;
    assert_eq!((ledger.lost, ledger.cut, ledger.answered), (10, 10, PerColor { blue: 0, green: 9990 }));
    assert_eq!(world.requests().outage, secs(0));
    assert!(world.story().concat().contains("20 open connections to blue are cut"));
}

#[tokio::test(start_paused = true)]
async fn pods_that_die_lose_their_connections_to_those_that_live() {
    let world = switched_with_open_connections().await;
    world.behaves("v1", Behavior::never_ready());
    let ledger = next_requests(&world).await;
    assert_eq!((ledger.lost, ledger.answered), (0, PerColor { blue: 0, green: 10_000 }));
    world.behaves("v1", Behavior::healthy());
    sleep(secs(2)).await;
    world.kill_pods(Color::Green);
    let ledger = next_requests(&world).await;
    // Thirty connections are cut, and for two seconds nobody is there to open new ones to.
    assert_eq!((ledger.lost, ledger.cut, ledger.outage), (2000, 30, secs(2)));
}

fn half_hour(world: &World) -> RolloutBuilder {
    world.rollout(&Target::new("shop", "checkout")).watch(Watch::half_hour().pods(PodLimits::default()))
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_drains_loses_no_open_connection() {
    for (version, is_promoted) in [("v2", true), ("bad", false)] {
        let world = World::builder().connections(10).keep_alive(0.8).build();
        world.behaves("bad", Behavior::crashing_after(secs(600)).starting_in(secs(1)));
        let rollout = half_hour(&world).drainer(world.drainer()).build().unwrap();
        let outcome = rollout.run(Release::version(version)).await.unwrap();
        assert_eq!(outcome.is_promoted(), is_promoted, "{}", outcome.report());
        sleep(secs(10)).await;
        assert_eq!((world.requests().cut, world.violations()), (0, Vec::new()), "{version}: {:?}", world.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_a_release_that_cannot_live_with_the_schema_costs_every_request() {
    let world = World::builder().migrations(["drop_email"]).build();
    let rollout = half_hour(&world).migrations(world.migrations(), Placement::BeforeDeploy).build().unwrap();
    let handle = rollout.start(Release::version("v2")).await.unwrap();
    sleep(secs(600)).await;
    // The check before the switch had missed it.
    world.old_release_breaks("v1 reads email");
    handle.roll_back("a person wants it").await.unwrap();
    let outcome = handle.wait().await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert_eq!(world.requests_before(secs(600)).failed, 0);
    let ledger = next_requests(&world).await;
    assert_eq!((ledger.failed, ledger.sent()), (1000, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_does_not_drain_cuts_what_stays_open() {
    let world = World::builder().connections(10).keep_alive(0.8).build();
    let outcome = half_hour(&world).build().unwrap().run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_promoted(), "{}", outcome.report());
    sleep(secs(10)).await;
    assert_eq!((world.requests().lost, world.requests().cut), (30, 30));
}
