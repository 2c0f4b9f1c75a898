//! What deleting takes along, and what holds it back.

use bluegreen_testkit::FakeCluster;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use crate::{api, config_map, create_deployment, create_map, create_pod, from, refusal};

#[tokio::test(start_paused = true)]
async fn a_deletion_tests_what_it_expects() {
    let cluster = FakeCluster::api_only();
    let made = create_map(&cluster, "a", json!({})).await;
    let maps = api::<ConfigMap>(&cluster);
    let only = |uid: &str| {
        DeleteParams::default().preconditions(Preconditions { uid: Some(uid.to_owned()), resource_version: None })
    };
    let status = refusal(maps.delete("a", &only("other")).await.map(|_| ()));
    assert_eq!(status.code, 409);
    assert!(status.message.contains("the UID in the precondition (other) does not match"), "{}", status.message);
    assert!(maps.delete("a", &DeleteParams { dry_run: true, ..DeleteParams::default() }).await.unwrap().is_right());
    let gone = maps.delete("a", &only(&made.uid().unwrap())).await.unwrap().right().unwrap();
    assert!(gone.is_success());
    assert_eq!(gone.details.unwrap().uid, made.uid().unwrap());
    assert_eq!(refusal(maps.delete("a", &DeleteParams::default()).await.map(|_| ())).code, 404);
}

#[tokio::test(start_paused = true)]
async fn finalizers_hold_an_object_back() {
    let cluster = FakeCluster::api_only();
    let maps = api::<ConfigMap>(&cluster);
    let held = json!({"metadata": {"name": "a", "finalizers": ["x.y/z"]}});
    maps.create(&PostParams::default(), &from(held)).await.unwrap();
    let deleting = maps.delete("a", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert!(deleting.metadata.deletion_timestamp.is_some());
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    maps.patch("a", &PatchParams::default(), &patch).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pod_on_a_node_takes_its_time() {
    let cluster = FakeCluster::api_only();
    create_pod(&cluster, "one").await;
    let pods = api::<Pod>(&cluster);
    let ending = pods.delete("one", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(ending.metadata.deletion_grace_period_seconds, Some(30));
    assert_eq!(json!(ending.metadata.deletion_timestamp), "2026-01-01T00:00:30Z");
    assert!(pods.get_opt("one").await.unwrap().is_some());
    cluster.objects("kubelet").remove("Pod", "shop", "one").unwrap();
    assert!(pods.get_opt("one").await.unwrap().is_none());

    create_pod(&cluster, "two").await;
    pods.delete("two", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert!(pods.get_opt("two").await.unwrap().is_none());
}

/// A ReplicaSet that belongs to a Deployment.
async fn create_child(cluster: &FakeCluster, owner: &Deployment) {
    let child = json!({"metadata": {"name": "child", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner.name_any(), "uid": owner.uid(),
                "blockOwnerDeletion": true}]},
        "spec": owner.spec.as_ref().map(|spec| json!({"selector": spec.selector, "template": spec.template}))});
    api::<ReplicaSet>(cluster).create(&PostParams::default(), &from(child)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_an_object_owns_goes_with_it_unless_it_is_orphaned() {
    let cluster = FakeCluster::api_only();
    let (deployments, sets) = (api::<Deployment>(&cluster), api::<ReplicaSet>(&cluster));
    for params in [DeleteParams::background(), DeleteParams::foreground()] {
        let owner = create_deployment(&cluster, "checkout").await;
        create_child(&cluster, &owner).await;
        deployments.delete("checkout", &params).await.unwrap();
        assert!(deployments.get_opt("checkout").await.unwrap().is_none());
        assert!(sets.get_opt("child").await.unwrap().is_none());
    }
    let owner = create_deployment(&cluster, "checkout").await;
    create_child(&cluster, &owner).await;
    deployments.delete("checkout", &DeleteParams::orphan()).await.unwrap();
    assert_eq!(sets.get("child").await.unwrap().owner_references(), []);
}

#[tokio::test(start_paused = true)]
async fn a_foreground_deletion_waits_for_what_is_owned() {
    let cluster = FakeCluster::api_only();
    let (deployments, sets) = (api::<Deployment>(&cluster), api::<ReplicaSet>(&cluster));
    let owner = create_deployment(&cluster, "checkout").await;
    create_child(&cluster, &owner).await;
    let hold = |finalizers: serde_json::Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    sets.patch("child", &PatchParams::default(), &hold(json!(["x.y/z"]))).await.unwrap();
    let waiting = deployments.delete("checkout", &DeleteParams::foreground()).await.unwrap().left().unwrap();
    assert_eq!(waiting.finalizers(), ["foregroundDeletion"]);
    assert!(sets.get("child").await.unwrap().metadata.deletion_timestamp.is_some());
    sets.patch("child", &PatchParams::default(), &hold(json!(null))).await.unwrap();
    assert!(deployments.get_opt("checkout").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_when_its_last_object_has_gone() {
    let cluster = FakeCluster::api_only();
    create_map(&cluster, "a", json!({})).await;
    create_pod(&cluster, "one").await;
    let namespaces = Api::<Namespace>::all(cluster.client("shop"));
    let ending = namespaces.delete("shop", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(ending.status.unwrap().phase.unwrap(), "Terminating");
    assert!(api::<ConfigMap>(&cluster).list(&ListParams::default()).await.unwrap().items.is_empty());
    let status = refusal(api::<ConfigMap>(&cluster).create(&PostParams::default(), &config_map("b", json!({}))).await);
    assert!(status.message.ends_with("namespace shop because it is being terminated"), "{}", status.message);
    cluster.objects("kubelet").remove("Pod", "shop", "one").unwrap();
    assert!(namespaces.get_opt("shop").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_as_selected() {
    let cluster = FakeCluster::api_only();
    for name in ["a", "b"] {
        create_map(&cluster, name, json!({})).await;
    }
    let maps = api::<ConfigMap>(&cluster);
    let params = ListParams::default().fields("metadata.name=a");
    let deleted = maps.delete_collection(&DeleteParams::default(), &params).await.unwrap().left().unwrap();
    assert_eq!(deleted.items.len(), 1);
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items[0].name_any(), "b");
}
