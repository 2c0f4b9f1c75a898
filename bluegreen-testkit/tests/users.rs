//! What the users of a world get.

mod support;

use bluegreen_core::{Clock, Color, PerColor, Split};
use bluegreen_testkit::{Behavior, World};
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
    switch(&world, Color::Green, 2).await.unwrap();
    scale(&world, Color::Blue, 0, 3).await.unwrap();
    sleep(secs(1)).await;
    let ledger = world.requests();
    assert_eq!((ledger.lost, ledger.outage), (100, ms(100)), "as long as the data plane still sent them to blue");
    assert!(world.violations().is_empty(), "the route had moved on");
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
