//! Many users, and many switches: nobody loses a request.

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::http::HttpDrain;
use bluegreen_core::plan::Watch;
use bluegreen_core::{Color, Event, RolloutBuilder};

use crate::app::{App, PORT};
use crate::load::Load;
use crate::shop::{Needs, Shop, assert_no_loss, in_a_shop, millis, seconds};
use crate::signals::Level;

/// So many switches, and so many rollbacks.
const TIMES: u32 = 10;

/// A rollout that stays, or that fails after about as long as its users need to arrive and to be told to leave blue.
fn rollout(shop: &Shop, app: &App, fails: bool, drain: Duration) -> RolloutBuilder {
    let (level, duration) = if fails { (Level(2.0), seconds(20)) } else { (Level(0.0), seconds(1)) };
    let criterion = Level::criterion().consecutive(12);
    shop.rollout(app).watch(Watch::lasting(duration).interval(millis(250)).signal(level, criterion)).drain(drain)
}

/// Ten releases that stay, each followed by one that is rolled back.
async fn switch_and_roll_back(shop: &Arc<Shop>, change: impl Fn(RolloutBuilder) -> RolloutBuilder, drain: Duration) {
    let mut color = Color::Blue;
    for round in 0..TIMES {
        let (good, bad) = (App::v(2 * round + 2), App::v(2 * round + 3));
        let outcome = shop.finish(change(rollout(shop, &good, false, drain)), &good).await;
        assert!(outcome.is_promoted(), "{}", outcome.report());
        color = color.other();
        let outcome = shop.finish(change(rollout(shop, &bad, true, drain)), &bad).await;
        assert!(outcome.is_rolled_back(), "{}", outcome.report());
        shop.assert_served_by(&good, color).await;
    }
}

#[tokio::test]
async fn a_thousand_requests_per_second_on_new_connections() {
    in_a_shop("load-new", Needs::Quiet, seconds(400), async |shop| {
        shop.open(&App::v(1), 3).await;
        let users = shop.users(1_000).await;
        // On a busy machine kube-proxy may need more than a second to follow, and nothing tells when it has.
        switch_and_roll_back(&shop, |rollout| rollout, seconds(3)).await;
        let users = users.stop().await;
        assert_no_loss(&users);
        assert_eq!(users.answered_by.len() as u32, 2 * TIMES + 1, "every release answered: {users:#?}");
        println!(
            "new connections: 0 of {} lost, {} own errors, slowest {:?}",
            users.sent, users.own_errors, users.slowest
        );
    })
    .await;
}

#[tokio::test]
async fn fifty_connections_kept_alive_and_told_to_leave() {
    in_a_shop("load-kept", Needs::Quiet, seconds(400), async |shop| {
        shop.open(&App::v(1), 3).await;
        let users = Load::keep_alive(shop.address().await, 50, 1_000).start().unwrap();
        switch_and_roll_back(&shop, |rollout| rollout.drainer(HttpDrain::new(PORT)), seconds(20)).await;
        let users = users.stop().await;
        assert_no_loss(&users);
        assert_eq!(users.closed_while_idle, 0, "a request could have been lost: {users:#?}");
        println!(
            "kept connections: 0 of {} lost, {} own errors, slowest {:?}",
            users.sent, users.own_errors, users.slowest
        );
    })
    .await;
}

/// Without a hook nobody closes the connections: they stay on the old color, which is up until its drain deadline.
#[tokio::test]
async fn connections_that_nobody_closes_stay_until_the_drain_deadline() {
    in_a_shop("load-stay", Needs::Nothing, seconds(120), async |shop| {
        let (old, new, drain) = (App::v(1), App::v(2), seconds(8));
        shop.open(&old, 3).await;
        let users = Load::keep_alive(shop.address().await, 50, 200).start().unwrap();
        let handle = rollout(&shop, &new, false, drain).build().unwrap().start(shop.release(&new)).await.unwrap();
        let meanwhile = async {
            let converged =
                |event: &Event| matches!(event, Event::Passed { check: bluegreen_core::Check::Converged, .. });
            let converged_at = shop.trace.until(converged).await;
            // The watch is over long before.
            tokio::time::sleep_until((converged_at + drain - seconds(1)).into()).await;
            (shop.facts().await, users.snapshot())
        };
        let (outcome, (facts, early)) = tokio::join!(handle.wait(), meanwhile);
        let outcome = outcome.unwrap();
        assert!(outcome.is_promoted(), "{}", outcome.report());
        assert_eq!(facts.replicas(), [3, 3], "blue was scaled down before its drain deadline");
        assert_eq!((early.failed(), early.answered_by.get(&new.version())), (0, None), "{early:#?}");
        assert_eq!(shop.facts().await.replicas(), [0, 3]);
        drop(users);
    })
    .await;
}
