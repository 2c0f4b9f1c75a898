//! Releases that turn bad once they have traffic.

use bluegreen_core::http::HttpProbe;
use bluegreen_core::plan::{RollBackSpec, Watch};
use bluegreen_core::{Color, Event, Outcome, RolloutBuilder, Verdict};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::DeleteParams;

use crate::app::App;
use crate::shop::{Needs, Shop, assert_no_loss, in_a_shop, millis, seconds, until};

/// A watch that lasts until the release is told to turn bad, and longer.
fn long_watch() -> Watch {
    Watch::lasting(seconds(60)).interval(millis(500))
}

/// Runs a rollout, and does something once its watch has begun.
async fn run_and_once_it_serves(shop: &Shop, rollout: RolloutBuilder, app: &App, deed: impl AsyncFnOnce()) -> Outcome {
    let handle = rollout.build().unwrap().start(shop.release(app)).await.unwrap();
    let bad = async {
        shop.trace.until(|event| matches!(event, Event::Sampled(_))).await;
        deed().await;
    };
    let (outcome, ()) = tokio::join!(handle.wait(), bad);
    outcome.unwrap()
}

/// Green turns bad by `mode` after the switch, and blue serves again.
async fn assert_rolled_back(case: &str, mode: &'static str, watch: Watch) {
    in_a_shop(case, Needs::Nothing, seconds(180), async |shop| {
        let (old, bad) = (App::v(1), App::v(2));
        shop.open(&old, 3).await;
        let before = shop.facts().await;
        let rollout = shop.rollout(&bad).watch(watch);
        let outcome = run_and_once_it_serves(&shop, rollout, &bad, async || shop.tell(Color::Green, mode).await).await;
        assert!(outcome.is_rolled_back(), "{}", outcome.report());
        shop.assert_served_by(&old, Color::Blue).await;
        let after = shop.facts().await;
        assert_eq!(after.replicas(), [3, 0]);
        assert_eq!(after.specs()[0], before.specs()[0], "blue was touched");
        let users = shop.users(100).await;
        tokio::time::sleep(seconds(1)).await;
        assert_no_loss(&users.stop().await);
    })
    .await;
}

#[tokio::test]
async fn a_release_that_crashes() {
    assert_rolled_back("crash", "exit", long_watch()).await;
}

#[tokio::test]
async fn a_release_that_answers_with_500s() {
    let probe = HttpProbe::get("/").successes(1).deadline(seconds(2));
    assert_rolled_back("fails", "fail", long_watch().probe(probe, 2)).await;
}

#[tokio::test]
async fn a_release_that_becomes_unready() {
    assert_rolled_back("unready", "unready", long_watch()).await;
}

#[tokio::test]
async fn an_old_color_that_is_gone_halts_and_leaves_the_new_one_as_it_is() {
    in_a_shop("old-gone", Needs::Nothing, seconds(180), async |shop| {
        let (old, bad) = (App::v(1), App::v(2));
        shop.open(&old, 1).await;
        let rollback = RollBackSpec { deadline: seconds(5), ..RollBackSpec::default() };
        let rollout = shop.rollout(&bad).watch(long_watch()).roll_back(rollback);
        let mut before = None;
        let outcome = run_and_once_it_serves(&shop, rollout, &bad, async || {
            shop.api::<Deployment>().delete("checkout-blue", &DeleteParams::default()).await.unwrap();
            until("blue to be gone", async || shop.facts().await.colors.blue.is_none()).await;
            before = Some(shop.facts().await);
            shop.tell(Color::Green, "unready").await;
        })
        .await;
        assert!(outcome.is_halted(), "{}", outcome.report());
        let report = outcome.report().to_string();
        assert!(report.contains("Deployment/checkout-blue") && report.contains("gone"), "{report}");
        assert_eq!(Some(shop.facts().await), before, "something was written");
        let verdict = |event: &Event| matches!(event, Event::Judged { verdict: Verdict::Fail, .. });
        assert_eq!(shop.trace.first_write_after(verdict), None);
    })
    .await;
}
