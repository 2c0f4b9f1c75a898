//! The three failures after a switch that other tools get wrong (peers' measured figures): the old color serves again,
//! and the write that sends traffic back is the first one after the verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bluegreen_core::plan::Watch;
use bluegreen_core::{Color, Event, Outcome, Verdict};
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::app::{App, from};
use crate::load::Load;
use crate::shop::{Needs, Shop, assert_no_loss, in_a_shop, seconds};

/// How the new release fails.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// All pods stay up, and turn unready.
    Unready,
    /// All pods are gone, and none comes back.
    Gone,
    /// All pods crash together, again and again, and come back in between.
    CrashLoop,
}

/// How long before the crash the pods of a crash loop work: longer than it takes to switch.
const CRASHES_AFTER: &str = "exit-after:8s";

/// How often everything but the pods is looked at: longer than a crash and the restart after it.
const INTERVAL: Duration = seconds(10);

fn times() -> usize {
    std::env::var("BLUEGREEN_TEST_SOAK").ok().and_then(|times| times.parse().ok()).unwrap_or(3)
}

async fn soak(case: &str, failure: Failure) {
    let times = times();
    in_a_shop(case, Needs::Nothing, seconds(60) * u32::try_from(times).unwrap() + seconds(60), async |shop| {
        let old = App::v(1);
        shop.open(&old, 3).await;
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        for round in 0..times {
            let took = fail_once(&shop, &old, failure, u32::try_from(round).unwrap() + 2).await;
            sent.push(took.sent);
            answered.push(took.answered);
        }
        println!(
            "{failure:?}: blue served again {times} of {times} times; from the verdict to the write {}; to the first old \
             answer {} (goal: 200 ms)",
            figures(sent),
            figures(answered)
        );
    })
    .await;
}

/// How long a rollback took, from the verdict.
struct Took {
    /// Until the write left that sends traffic back.
    sent: Duration,
    /// Until the old release answered.
    answered: Duration,
}

fn figures(mut all: Vec<Duration>) -> String {
    all.sort();
    let (median, longest) = (all[all.len() / 2], all[all.len() - 1]);
    format!("median {median:.1?}, longest {longest:.1?}")
}

/// Rolls out a release that fails.
async fn fail_once(shop: &Arc<Shop>, old: &App, failure: Failure, number: u32) -> Took {
    let app = match failure {
        Failure::CrashLoop => App::v(number).starting_as(CRASHES_AFTER),
        _ => App::v(number),
    };
    shop.trace.clear();
    let watch = Watch::lasting(seconds(120)).interval(INTERVAL);
    let handle = shop.rollout(&app).watch(watch).build().unwrap().start(shop.release(&app)).await.unwrap();
    let address = shop.address().await;
    let fail_and_measure = async {
        shop.trace.until(|event| matches!(event, Event::Passed { check: bluegreen_core::Check::Settled, .. })).await;
        fail(shop, failure).await;
        let verdict = shop.trace.until(is_failing_verdict).await;
        // From here on only the old release may answer; the new one has no ready pod left.
        let started = Instant::now();
        let users = Load::new_connections(address, 200).start().unwrap();
        (verdict, started, users)
    };
    let (outcome, (verdict, started, users)) = tokio::join!(handle.wait(), fail_and_measure);
    let (outcome, users): (Outcome, _) = (outcome.unwrap(), users.stop().await);
    assert!(outcome.is_rolled_back(), "{failure:?}: {}", outcome.report());
    let (sent, first) = shop.trace.first_write_after(is_failing_verdict).unwrap();
    assert_eq!(first, "PATCH services/checkout", "{failure:?}: the first write after the verdict");

    bring_back(shop, failure).await;
    shop.assert_served_by(old, Color::Blue).await;
    assert_eq!(shop.facts().await.replicas(), [3, 0], "{failure:?}");
    let after = shop.users(200).await;
    tokio::time::sleep(seconds(1)).await;
    assert_no_loss(&after.stop().await);
    let answered = users.first_answer_by(&old.version()).unwrap_or_else(|| panic!("never served again: {users:#?}"));
    Took { sent: sent - verdict, answered: started + answered - verdict }
}

fn is_failing_verdict(event: &Event) -> bool {
    matches!(event, Event::Judged { verdict: Verdict::Fail, .. })
}

async fn fail(shop: &Shop, failure: Failure) {
    match failure {
        Failure::Unready => shop.tell(Color::Green, "unready").await,
        Failure::Gone => {
            // No room for other pods than blue's.
            let quota = json!({"metadata": {"name": "no-more"}, "spec": {"hard": {"pods": "3"}}});
            shop.api::<ResourceQuota>().create(&PostParams::default(), &from(quota)).await.unwrap();
            for pod in shop.pods(Color::Green).await {
                let name = pod.metadata.name.unwrap();
                shop.api::<Pod>().delete(&name, &DeleteParams::default().grace_period(0)).await.unwrap();
            }
        }
        // They do by themselves.
        Failure::CrashLoop => {}
    }
}

async fn bring_back(shop: &Shop, failure: Failure) {
    if matches!(failure, Failure::Gone) {
        shop.api::<ResourceQuota>().delete("no-more", &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn all_pods_turn_unready() {
    soak("soak-unready", Failure::Unready).await;
}

#[tokio::test]
async fn all_pods_are_gone_for_good() {
    soak("soak-gone", Failure::Gone).await;
}

#[tokio::test]
async fn all_pods_crash_between_two_samples() {
    soak("soak-crash", Failure::CrashLoop).await;
}
