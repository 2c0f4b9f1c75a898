//! Server-side apply.

use bluegreen_testkit::FakeCluster;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{api, create_deployment, create_service, refusal};

fn map(data: Value) -> Patch<Value> {
    Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}))
}

fn service(spec: Value) -> Patch<Value> {
    Patch::Apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout"}, "spec": spec}))
}

#[tokio::test(start_paused = true)]
async fn apply_creates_shares_and_removes() {
    let cluster = FakeCluster::api_only();
    let maps = api::<ConfigMap>(&cluster);
    let (m, n) = (PatchParams::apply("m"), PatchParams::apply("n"));
    let made = maps.patch("a", &m, &map(json!({"a": "1", "b": "2"}))).await.unwrap();
    assert_eq!(json!(made.metadata.managed_fields)[0]["operation"], "Apply");
    let status = refusal(maps.patch("a", &n, &map(json!({"a": "9"}))).await);
    assert_eq!(status.message, "Apply failed with 1 conflict: conflict with \"m\": .data.a");
    assert_eq!(status.details.unwrap().causes[0].reason, "FieldManagerConflict");
    let shared = maps.patch("a", &n, &map(json!({"a": "1"}))).await.unwrap();
    // The same again is no write.
    let same = maps.patch("a", &n, &map(json!({"a": "1"}))).await.unwrap();
    assert_eq!(same.resource_version(), shared.resource_version());
    let left = maps.patch("a", &m, &map(json!({}))).await.unwrap();
    assert_eq!(json!(left.data), json!({"a": "1"}), "it is still applied by n");
    let forced = maps.patch("a", &m.clone().force(), &map(json!({"a": "7"}))).await.unwrap();
    assert_eq!(json!(forced.data), json!({"a": "7"}));
    let entries = json!(forced.metadata.managed_fields);
    assert_eq!(entries.as_array().unwrap().len(), 1, "{entries}");
}

#[tokio::test(start_paused = true)]
async fn the_selector_of_a_service_has_one_owner() {
    let cluster = FakeCluster::api_only();
    let made = create_service(&cluster).await;
    let services = api::<Service>(&cluster);
    let spec = json!({"selector": {"color": "green"}, "ports": [{"port": 80, "targetPort": 8080}]});
    let status = refusal(services.patch("checkout", &PatchParams::apply("m"), &service(spec.clone())).await);
    // As the real server says it, but for the manager.
    let manager = json!(made.metadata.managed_fields)[0]["manager"].clone();
    assert_eq!(
        status.message,
        format!(
            "Apply failed with 2 conflicts: conflicts with {manager} using v1:\n- .spec.selector\n- \
             .spec.ports[port=80,protocol=\"TCP\"].targetPort"
        )
    );
    let forced = services.patch("checkout", &PatchParams::apply("m").force(), &service(spec)).await.unwrap();
    assert_eq!(json!(forced.spec.as_ref().unwrap().selector), json!({"color": "green"}));
    assert_eq!(json!(forced.spec.as_ref().unwrap().ports)[0]["name"], "http");
    let dropped = services.patch("checkout", &PatchParams::apply("m"), &service(json!({"type": "ClusterIP"}))).await;
    let spec = dropped.unwrap().spec.unwrap();
    assert_eq!(spec.selector, None);
    assert_eq!(json!(spec.ports)[0]["targetPort"], 80, "the default comes back");
    assert_eq!(spec.cluster_ip, made.spec.unwrap().cluster_ip);
}

#[tokio::test(start_paused = true)]
async fn items_of_a_list_are_applied_and_dropped_one_by_one() {
    let cluster = FakeCluster::api_only();
    create_deployment(&cluster, "checkout").await;
    let deployments = api::<Deployment>(&cluster);
    let apply = |env: Value| {
        Patch::Apply(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout"},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "env": env}]}}}}))
    };
    let params = PatchParams::apply("tool");
    let env = |deployment: Deployment| {
        json!(deployment.spec.unwrap().template.spec.unwrap().containers[0].env.clone().unwrap_or_default())
    };
    let added = deployments.patch("checkout", &params, &apply(json!([{"name": "Z", "value": "1"}]))).await.unwrap();
    assert_eq!(added.metadata.generation, Some(2));
    assert_eq!(env(added), json!([{"name": "A", "value": "1"}, {"name": "Z", "value": "1"}]));
    let dropped = deployments.patch("checkout", &params, &apply(json!([]))).await.unwrap();
    assert_eq!(env(dropped), json!([{"name": "A", "value": "1"}]));
}
