//! Scenarios as data.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bluegreen_core::plan::{Criterion, Watch};
use bluegreen_core::{Color, GateDecision, Measure, Release, Split, Target};
use bluegreen_testkit::{Behavior, Fault, Incident, World, WorldBuilder};
use support::{ms, secs};
use tokio::time::sleep;

/// `calls` go wrong at the beginning, and the new release does later.
fn regression(calls: &str) -> WorldBuilder {
    let worse = Incident::Behaves { version: "v2".to_owned(), behavior: Behavior::failing(0.03) };
    let outage = Incident::Outage { calls: calls.to_owned(), fault: Fault::TimeoutWithoutEffect, lasting: secs(40) };
    World::builder().incident(secs(420), worse).incident(secs(2), outage)
}

#[test]
fn a_scenario_is_told_in_words() {
    assert_eq!(World::builder().to_string(), "blue serves v1 with 3 pods; users send 100 requests/s");
    assert_eq!(
        regression("").to_string(),
        "blue serves v1 with 3 pods; users send 100 requests/s; at +7 min: v2 answers 3 % of its requests badly; \
         at +2 s: every call goes wrong (timeout) for 40 s"
    );
}

#[test]
fn a_scenario_tells_everything_that_was_set() {
    let everything = World::builder()
        .name("shop")
        .serving(Color::Green, Release::version("v7"))
        .made_by_hand()
        .replicas(5)
        .route_objects(["Service/a", "Service/b"])
        .weights()
        .without_preview()
        .autoscaler(Color::Blue, 1, 9)
        .migrations(["add-column", "add-index"])
        .users(20)
        .keep_alive(0.25)
        .connections(4)
        .start_time(secs(90))
        .propagation(ms(250))
        .seed(3)
        .incident(secs(1), Incident::Behaves { version: "v7".to_owned(), behavior: Behavior::crashing_after(ms(1500)) })
        .incident(secs(1), Incident::Behaves { version: "v8".to_owned(), behavior: Behavior::never_ready() })
        .incident(secs(2), Incident::KillPods(Color::Green))
        .incident(secs(3), Incident::EditRoute(Split::only(Color::Blue)))
        .incident(secs(4), Incident::Decide(GateDecision::AskAgain(secs(60))))
        .incident(
            secs(5400),
            Incident::SignalReturns { name: "errors".to_owned(), measure: Measure::Counts { bad: 1, total: 2 } },
        );
    let told = everything.to_string();
    let parts: Vec<_> = told.split("; ").collect();
    assert_eq!(
        parts,
        [
            "green serves v7 with 5 pods, made by hand",
            "all is named shop",
            "the route is Service/a and Service/b",
            "the route splits by weight",
            "there is no preview",
            "an autoscaler keeps blue between 1 and 9 pods",
            "add-column, add-index to be run",
            "users send 20 requests/s",
            "25 % of them over open connections",
            "4 connections stay open to each pod",
            "pods start in 1 min 30 s",
            "the data plane follows the route in 250 ms",
            "the seed is 3",
            "at +1 s: v7 crashes 1.5 s after its pods are ready",
            "at +1 s: v8 never gets ready",
            "at +2 s: all pods of green die",
            "at +3 s: somebody routes to blue",
            "at +4 s: the gate says to ask again in 1 min",
            "at +1 h 30 min: signal errors says 1 of 2 are bad",
        ]
    );
    let empty = World::builder().nothing_deployed().to_string();
    assert!(empty.starts_with("the route leads to blue, where nothing was ever deployed; "), "{empty}");
}

#[tokio::test(start_paused = true)]
async fn incidents_happen_at_their_age_and_in_their_order() {
    let scale = |replicas| Incident::Scale { color: Color::Blue, replicas };
    let scenario =
        World::builder().incident(secs(10), scale(5)).incident(secs(10), scale(4)).incident(secs(0), scale(2));
    let world = scenario.clone().build();
    assert_eq!(world.color(Color::Blue).desired, 2);
    sleep(ms(9999)).await;
    assert_eq!(world.color(Color::Blue).desired, 2);
    sleep(ms(1)).await;
    assert_eq!(world.color(Color::Blue).desired, 4);
    assert_eq!(scenario.build().color(Color::Blue).desired, 2, "a scenario can be used again");
}

/// What happens when a release goes bad, after an outage in the beginning.
async fn trace(seed: u64) -> Vec<String> {
    let world = regression("router").seed(seed).build();
    let watch = Watch::half_hour().signal(world.signal("errors"), Criterion::error_rate(0.01, 100));
    let rollout = world.rollout(&Target::new("shop", "checkout")).watch(watch).build().unwrap();
    let outcome = rollout.run(Release::version("v2")).await.unwrap();
    assert!(outcome.is_rolled_back(), "{}", outcome.report());
    assert!((secs(420)..secs(520)).contains(&world.elapsed()), "{:?}", world.elapsed());
    assert_eq!(world.requests().lost, 0);
    world.trace()
}

#[tokio::test(start_paused = true)]
async fn a_seed_decides_everything_that_happens() {
    let first = trace(7).await;
    assert!(first.len() > 100, "{} lines", first.len());
    assert_eq!(first, trace(7).await);
    assert_ne!(first, trace(8).await);
}
