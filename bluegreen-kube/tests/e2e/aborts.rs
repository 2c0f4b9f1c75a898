//! Releases that never get traffic: the color that serves is not touched, and users notice nothing.

use bluegreen_core::http::HttpProbe;
use bluegreen_core::{Color, RolloutBuilder};

use crate::app::App;
use crate::shop::{Needs, Shop, assert_no_loss, in_a_shop, millis, seconds};

/// A rollout of `bad` ends aborted, for a reason that says `why`.
async fn assert_aborted(
    case: &str,
    bad: App,
    why: &'static [&'static str],
    change: impl FnOnce(&Shop, RolloutBuilder) -> RolloutBuilder,
) {
    in_a_shop(case, Needs::Nothing, seconds(180), async |shop| {
        let good = App::v(1);
        shop.open(&good, 2).await;
        let before = shop.facts().await;
        let pods: Vec<_> = shop.pods(Color::Blue).await.into_iter().map(|pod| pod.metadata.uid).collect();
        let users = shop.users(50).await;
        let rollout = change(&shop, shop.rollout(&bad));
        let outcome = shop.finish(rollout, &bad).await;
        let users = users.stop().await;
        assert!(outcome.is_aborted(), "{}", outcome.report());
        let report = outcome.report().to_string();
        for word in why {
            assert!(report.contains(word), "no {word:?} in:\n{report}");
        }
        assert_no_loss(&users);
        assert_eq!(users.answered_by.keys().collect::<Vec<_>>(), ["v1"]);
        shop.assert_served_by(&good, Color::Blue).await;
        let after = shop.facts().await;
        assert_eq!(after.specs()[0], before.specs()[0], "blue was touched");
        assert_eq!(after.replicas(), [2, 0], "green is to be scaled down");
        let still: Vec<_> = shop.pods(Color::Blue).await.into_iter().map(|pod| pod.metadata.uid).collect();
        assert_eq!(still, pods);
    })
    .await;
}

#[tokio::test]
async fn an_image_that_does_not_exist() {
    let bad = App::v(2).image("bluegreen.test/nothing:v2");
    assert_aborted("broken-image", bad, &["bluegreen.test/nothing:v2"], |_, rollout| rollout).await;
}

#[tokio::test]
async fn a_crash_loop() {
    let bad = App::v(2).starting_as("exit-after:100ms").ready_path("/nothing");
    assert_aborted("crash-loop", bad, &["CrashLoop"], |_, rollout| rollout).await;
}

#[tokio::test]
async fn pods_that_never_become_ready() {
    let bad = App::v(2).starting_as("unready");
    assert_aborted("never-ready", bad, &["0 of 2"], |_, rollout| rollout.ready_within(seconds(8))).await;
}

#[tokio::test]
async fn a_probe_that_is_answered_badly() {
    let bad = App::v(2).starting_as("fail");
    assert_aborted("bad-probe", bad, &["500", "told to fail"], |shop, rollout| {
        let probe = HttpProbe::get("/").successes(2).every(millis(200)).deadline(seconds(5));
        rollout.router(shop.router().preview()).smoke(probe)
    })
    .await;
}
