//! Status, scale and log.

use std::time::Duration;

use bluegreen_testkit::FakeCluster;
use futures_util::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{LogParams, Patch, PatchParams};
use serde_json::json;

use crate::{api, create_deployment, create_pod, refusal};

#[tokio::test(start_paused = true)]
async fn status_and_spec_are_written_apart() {
    let cluster = FakeCluster::api_only();
    create_deployment(&cluster, "checkout").await;
    let deployments = api::<Deployment>(&cluster);
    let patch = Patch::Merge(json!({"spec": {"replicas": 9}, "status": {"replicas": 7}}));
    let params = PatchParams::default();
    let changed = deployments.patch_status("checkout", &params, &patch).await.unwrap();
    assert_eq!(changed.spec.as_ref().unwrap().replicas, Some(2));
    assert_eq!((changed.status.unwrap().replicas, changed.metadata.generation), (Some(7), Some(1)));
    let patch = Patch::Merge(json!({"spec": {"replicas": 9}, "status": {"replicas": 1}}));
    let changed = deployments.patch("checkout", &params, &patch).await.unwrap();
    assert_eq!((changed.spec.unwrap().replicas, changed.status.unwrap().replicas), (Some(9), Some(7)));
}

#[tokio::test(start_paused = true)]
async fn the_scale_is_the_size_of_a_deployment() {
    let cluster = FakeCluster::api_only();
    create_deployment(&cluster, "checkout").await;
    let deployments = api::<Deployment>(&cluster);
    let scale = deployments.get_scale("checkout").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(2));
    assert_eq!(scale.status.unwrap().selector.unwrap(), "app=checkout");
    let patch = |replicas: i32| Patch::Merge(json!({"spec": {"replicas": replicas}}));
    let params = PatchParams::default();
    deployments.patch_scale("checkout", &params, &patch(5)).await.unwrap();
    let scaled = deployments.get("checkout").await.unwrap();
    assert_eq!((scaled.spec.unwrap().replicas, scaled.metadata.generation), (Some(5), Some(2)));
    let entries = json!(scaled.metadata.managed_fields);
    let entry = entries.as_array().unwrap().iter().find(|entry| entry["subresource"] == "scale").unwrap();
    assert_eq!(entry["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    let status = refusal(deployments.patch_scale("checkout", &params, &patch(-1)).await);
    assert!(status.message.starts_with("Scale.autoscaling \"checkout\" is invalid: spec.replicas: Invalid value: -1"));
    assert_eq!(refusal(deployments.get_scale("nothing").await).message, "deployments.apps \"nothing\" not found");
}

#[tokio::test(start_paused = true)]
async fn a_pod_has_the_log_that_was_written_for_it() {
    let cluster = FakeCluster::api_only();
    create_pod(&cluster, "one").await;
    let pods = api::<Pod>(&cluster);
    let params = LogParams::default;
    let status = refusal(pods.logs("one", &params()).await);
    let waiting = "container \"app\" in pod \"one\" is waiting to start: ContainerCreating";
    assert_eq!((status.code, status.message.as_str()), (400, waiting));
    let objects = cluster.objects("kubelet");
    for line in ["first", "second", "third"] {
        objects.log("shop", "one", "app", line);
    }
    assert_eq!(pods.logs("one", &params()).await.unwrap(), "first\nsecond\nthird\n");
    let tail = LogParams { tail_lines: Some(1), ..params() };
    assert_eq!(pods.logs("one", &tail).await.unwrap(), "third\n");
    let previous = LogParams { previous: true, ..params() };
    assert_eq!(refusal(pods.logs("one", &previous).await).code, 400);
    objects.restart_log("shop", "one", "app");
    assert_eq!(pods.logs("one", &previous).await.unwrap(), "first\nsecond\nthird\n");
    let other = LogParams { container: Some("other".to_owned()), ..params() };
    assert_eq!(refusal(pods.logs("one", &other).await).message, "container other is not valid for pod one");
}

#[tokio::test(start_paused = true)]
async fn a_followed_log_goes_on_until_the_pod_ends() {
    let cluster = FakeCluster::api_only();
    create_pod(&cluster, "one").await;
    let objects = cluster.objects("kubelet");
    objects.log("shop", "one", "app", "first");
    let follow = LogParams { follow: true, ..LogParams::default() };
    let stream = api::<Pod>(&cluster).log_stream("one", &follow).await.unwrap();
    let read = tokio::spawn(stream.lines().try_collect::<Vec<String>>());
    tokio::time::sleep(Duration::from_secs(1)).await;
    objects.log("shop", "one", "app", "second");
    objects.update_status("Pod", "shop", "one", |pod| pod["status"]["phase"] = json!("Succeeded")).unwrap();
    assert_eq!(read.await.unwrap().unwrap(), ["first", "second"]);
}
