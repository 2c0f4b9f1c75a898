//! The three patches that aren't apply.

use bluegreen_testkit::FakeCluster;
use json_patch::Patch as JsonPatch;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{api, create_deployment, create_service, from, refusal};

fn by(manager: &str) -> PatchParams {
    PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() }
}

fn json_patch(operations: Value) -> Patch<Value> {
    Patch::Json(from::<JsonPatch>(operations))
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_tests_and_changes_in_one_write() {
    let cluster = FakeCluster::api_only();
    create_service(&cluster).await;
    let services = api::<Service>(&cluster);
    let switch = |from: &str, to: &str| {
        json_patch(json!([
            {"op": "test", "path": "/spec/selector", "value": {"app": "checkout", "color": from}},
            {"op": "replace", "path": "/spec/selector/color", "value": to},
        ]))
    };
    let switched = services.patch("checkout", &by("bluegreen"), &switch("blue", "green")).await.unwrap();
    assert_eq!(switched.spec.unwrap().selector.unwrap()["color"], "green");
    let entry = json!(switched.metadata.managed_fields)[0].clone();
    assert_eq!((&entry["manager"], &entry["fieldsV1"]), (&json!("bluegreen"), &json!({"f:spec": {"f:selector": {}}})));

    let status = refusal(services.patch("checkout", &by("bluegreen"), &switch("blue", "green")).await);
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    assert_eq!(status.message, "the server rejected our request due to an error in our request");
    assert!(status.details.unwrap().causes.is_empty());
    let missing = json_patch(json!([{"op": "add", "path": "/metadata/annotations/a", "value": "b"}]));
    assert_eq!(refusal(services.patch("checkout", &by("bluegreen"), &missing).await).code, 422);
    assert_eq!(refusal(services.patch("nothing", &by("bluegreen"), &missing).await).code, 404);
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_tests_the_version_it_names() {
    let cluster = FakeCluster::api_only();
    let made = create_service(&cluster).await;
    let services = api::<Service>(&cluster);
    let patch = |version: Option<String>| {
        Patch::Merge(json!({"metadata": {"resourceVersion": version, "annotations": {"a": "b"}},
            "spec": {"selector": {"app": null, "color": "green"}}}))
    };
    let changed = services.patch("checkout", &by("x"), &patch(made.resource_version())).await.unwrap();
    assert_eq!(json!(changed.spec.as_ref().unwrap().selector), json!({"color": "green"}));
    assert_eq!(changed.annotations()["a"], "b");
    assert_eq!(changed.spec.unwrap().cluster_ip, made.spec.as_ref().unwrap().cluster_ip);
    assert_eq!(refusal(services.patch("checkout", &by("x"), &patch(made.resource_version())).await).code, 409);
    // Nothing changes, so nothing is written.
    let again = services.patch("checkout", &by("y"), &patch(None)).await.unwrap();
    assert_eq!(again.metadata.resource_version, changed.metadata.resource_version);
    let address = Patch::Merge(json!({"spec": {"clusterIP": "10.0.0.77"}}));
    let status = refusal(services.patch("checkout", &by("x"), &address).await);
    assert!(status.message.ends_with("spec.clusterIPs[0]: Invalid value: [\"10.0.0.77\"]: may not change once set"));
}

#[tokio::test(start_paused = true)]
async fn a_strategic_patch_merges_containers_by_name() {
    let cluster = FakeCluster::api_only();
    create_deployment(&cluster, "checkout").await;
    let patch = Patch::Strategic(json!({"spec": {"template": {"spec": {"containers": [
        {"name": "app", "image": "app:2"}, {"name": "sidecar", "image": "side:1"}]}}}}));
    let changed = api::<Deployment>(&cluster).patch("checkout", &by("kubectl-set"), &patch).await.unwrap();
    let containers = json!(changed.spec.unwrap().template.spec.unwrap().containers);
    assert_eq!(containers[0]["image"], "app:2");
    assert_eq!(containers[0]["env"], json!([{"name": "A", "value": "1"}]));
    assert_eq!(containers[1]["imagePullPolicy"], "IfNotPresent");
    let entries = json!(changed.metadata.managed_fields);
    let kubectl = entries.as_array().unwrap().iter().find(|entry| entry["manager"] == "kubectl-set").unwrap();
    let fields = &kubectl["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"];
    assert_eq!(fields["k:{\"name\":\"app\"}"], json!({"f:image": {}}));
    assert!(fields["k:{\"name\":\"sidecar\"}"].get(".").is_some());
}
