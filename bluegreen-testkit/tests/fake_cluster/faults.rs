//! Faults between client and server.

use std::time::Duration;

use bluegreen_testkit::{ApiFault, FakeCluster};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{api, create_map, refusal};

async fn value(cluster: &FakeCluster) -> Value {
    json!(api::<ConfigMap>(cluster).get("a").await.unwrap().data)["k"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_fault_says_whether_the_write_had_an_effect() {
    let minute = Duration::from_secs(60);
    for (fault, answered, effect) in [
        (ApiFault::refuse(503, "shutting down"), true, "1"),
        (ApiFault::lose(), true, "1"),
        (ApiFault::lose_answer(), true, "2"),
        (ApiFault::hang(), false, "1"),
        (ApiFault::hang_answer(), false, "2"),
    ] {
        let cluster = FakeCluster::api_only();
        create_map(&cluster, "a", json!({"k": "1"})).await;
        let words = fault.to_string();
        cluster.fail(fault.on("PATCH", "/configmaps/a"));
        let maps = api::<ConfigMap>(&cluster);
        let (params, patch) = (PatchParams::default(), Patch::Merge(json!({"data": {"k": "2"}})));
        let outcome = timeout(minute, maps.patch("a", &params, &patch)).await;
        assert_eq!(outcome.is_ok(), answered, "{words}");
        assert!(outcome.is_err() || outcome.unwrap().is_err(), "{words}");
        assert_eq!(value(&cluster).await, effect, "{words}");
        maps.patch("a", &params, &patch).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_lands_after_its_client_gave_up() {
    let cluster = FakeCluster::api_only();
    create_map(&cluster, "a", json!({"k": "1"})).await;
    cluster.fail(ApiFault::land_late(Duration::from_secs(30)).on("PATCH", ""));
    let maps = api::<ConfigMap>(&cluster);
    let (params, patch) = (PatchParams::default(), Patch::Merge(json!({"data": {"k": "2"}})));
    assert!(timeout(Duration::from_secs(10), maps.patch("a", &params, &patch)).await.is_err());
    tokio::time::sleep(Duration::from_secs(19)).await;
    assert_eq!(value(&cluster).await, "1");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(value(&cluster).await, "2");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_status_of_the_server() {
    let cluster = FakeCluster::api_only();
    cluster.fail(ApiFault::refuse(429, "slow down").times(2));
    for _ in 0..2 {
        let status = refusal(api::<ConfigMap>(&cluster).list(&ListParams::default()).await);
        assert_eq!(
            (status.code, status.reason.as_str(), status.message.as_str()),
            (429, "TooManyRequests", "slow down")
        );
    }
    assert!(api::<ConfigMap>(&cluster).list(&ListParams::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn requests_take_as_long_as_told_and_are_counted() {
    let cluster = FakeCluster::api_only();
    cluster.set_latency(Duration::from_millis(250));
    let began = Instant::now();
    create_map(&cluster, "a", json!({"k": "1"})).await;
    assert_eq!(value(&cluster).await, "1");
    assert_eq!(began.elapsed(), Duration::from_millis(500));
    let requests: Vec<String> = cluster.requests().iter().map(ToString::to_string).collect();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].starts_with("POST /api/v1/namespaces/shop/configmaps"), "{requests:?}");
    assert!(requests[1].ends_with("/configmaps/a"), "{requests:?}");
}
