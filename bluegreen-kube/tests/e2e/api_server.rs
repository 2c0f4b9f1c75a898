//! The API server is killed in the middle of a rollout, and comes back.

use std::process::Stdio;

use bluegreen_core::Color;
use futures_util::FutureExt;
use tokio::process::Command;

use crate::app::App;
use crate::meddler::{Meddler, MeddlingProbe, Moment};
use crate::shop::{Needs, assert_no_loss, in_a_shop, millis, seconds, variable};

const CRASH: &str = "BLUEGREEN_TEST_CRASH";
const UP: &str = "BLUEGREEN_TEST_UP";

async fn shell(command: &str) {
    let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().await.unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn an_api_server_that_crashes_and_comes_back() {
    let case = "api-server";
    let (Some(crash), Some(up)) = (variable(case, CRASH), variable(case, UP)) else { return };
    in_a_shop(case, Needs::Quiet, seconds(400), async |shop| {
        shop.open(&App::v(1), 1).await;
        let users = shop.users(100).await;
        let mut color = Color::Blue;
        for (number, moment) in (2..).zip([Moment::Ready, Moment::Switch, Moment::Watch, Moment::Retire]) {
            eprintln!("the API server crashes at {moment:?}");
            let (crash, up) = (format!("{crash} kube-apiserver"), up.clone());
            let meddler = Meddler::new(moment, move || {
                let (crash, up) = (crash.clone(), up.clone());
                async move {
                    shell(&crash).await;
                    // Nobody waits for that: it comes back while the rollout tries to go on.
                    tokio::spawn(async move { shell(&up).await });
                }
                .boxed()
            });
            let app = App::v(number);
            let watch = bluegreen_core::plan::Watch::lasting(seconds(3))
                .interval(millis(500))
                .probe(MeddlingProbe { meddler: meddler.clone(), moment: Moment::Watch }, 2);
            let (environment, router) = (meddler.around(shop.environment(&app)), meddler.around(shop.router()));
            let rollout = shop.rollout_with(environment, router, shop.journal("journals")).watch(watch);
            let outcome = shop.finish(rollout, &app).await;
            assert!(meddler.came() && outcome.is_promoted(), "{moment:?}: {}", outcome.report());
            color = color.other();
            shop.assert_served_by(&app, color).await;
        }
        assert_no_loss(&users.stop().await);
    })
    .await;
}
