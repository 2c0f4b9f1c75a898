//! What is wrong is found before anything is touched, and all of it is said at once.

use bluegreen_core::http::HttpProbe;
use bluegreen_core::plan::{Capacity, Watch};
use bluegreen_core::{PerColor, Rollout, RolloutBuilder, chain};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::app::{App, from};
use crate::shop::{Needs, Shop, in_a_shop, seconds};

/// The rollout is refused, for reasons that say all `words`, and nothing was written.
async fn assert_refused(shop: &Shop, what: &str, rollout: RolloutBuilder, words: &[&str]) {
    shop.trace.clear();
    let before = shop.facts().await;
    let reason = match rollout.build() {
        Err(error) => error.to_string(),
        Ok(rollout) => match rollout.run(shop.release(&App::v(2))).await {
            Err(error) => chain(&error),
            Ok(outcome) if outcome.is_aborted() => outcome.report().to_string(),
            Ok(outcome) => panic!("{what}: {}", outcome.report()),
        },
    };
    for word in words {
        assert!(reason.contains(word), "{what}: no {word:?} in:\n{reason}");
    }
    assert_eq!(shop.trace.writes(), Vec::<String>::new(), "{what}: {reason}");
    assert_eq!(shop.facts().await, before, "{what}: {reason}");
    eprintln!("{what}:\n{reason}\n");
}

async fn make_service(shop: &Shop, name: &str, selector: Value, target_port: Value) {
    let service = json!({"metadata": {"name": name}, "spec": {
        "selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": target_port}]}});
    shop.api::<Service>().create(&PostParams::default(), &from(service)).await.unwrap();
}

#[tokio::test]
async fn plans_that_make_no_sense() {
    in_a_shop("bad-plan", Needs::Nothing, seconds(120), async |shop| {
        let app = App::v(2);
        let missing = Rollout::builder(&shop.target);
        assert_refused(&shop, "no backends", missing, &["environment", "router", "journal", "3 problem"]).await;
        let nonsense = shop
            .rollout(&app)
            .capacity(Capacity::Exactly(0))
            .watch(Watch::lasting(seconds(0)))
            .smoke(HttpProbe::get("/health"));
        let words = ["4 problem", "capacity: zero replicas", "watch.duration", "watch.interval", "smoke", "preview"];
        assert_refused(&shop, "nonsense", nonsense, &words).await;
    })
    .await;
}

#[tokio::test]
async fn services_that_cannot_be_switched() {
    in_a_shop("bad-service", Needs::Nothing, seconds(180), async |shop| {
        let app = App::v(2);
        let rollout = |router| shop.rollout_with(shop.environment(&app), router, shop.journal("journals"));

        let words = ["Service/checkout does not exist", "kind: Service", "selector: {app: checkout, color: blue}"];
        assert_refused(&shop, "no Service", shop.rollout(&app), &words).await;

        shop.open(&App::v(1), 1).await;
        make_service(&shop, "both", json!({"app": "checkout"}), json!("http")).await;
        assert_refused(&shop, "both colors", rollout(shop.router().service("both")), &["Service/both", "color"]).await;

        make_service(&shop, "no-port", json!({"app": "checkout", "color": "blue"}), json!("metrics")).await;
        let words = ["Service/no-port", "metrics"];
        assert_refused(&shop, "no such port", rollout(shop.router().service("no-port")), &words).await;

        make_service(&shop, "other", json!({"app": "checkout", "color": "green"}), json!("http")).await;
        let both = shop.router().service("checkout").service("other");
        let words = ["Service/checkout", "blue", "Service/other", "green"];
        assert_refused(&shop, "the standby color is referenced", rollout(both), &words).await;
    })
    .await;
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    in_a_shop("bad-all", Needs::Nothing, seconds(120), async |shop| {
        shop.open(&App::v(1), 1).await;
        let ports = json!({"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "metrics"}]}});
        let params = PatchParams::default();
        shop.api::<Service>().patch("checkout", &params, &Patch::Strategic(ports)).await.unwrap();
        let same = || PerColor { blue: "blue".to_owned(), green: "blue".to_owned() };
        let environment = shop.environment(&App::v(2)).label("color", same());
        let rollout = shop.rollout_with(environment, shop.router().label("color", same()), shop.journal("journals"));
        let words = ["\"blue\" for both colors", "Service/checkout", "metrics"];
        assert_refused(&shop, "all of it", rollout, &words).await;
    })
    .await;
}
