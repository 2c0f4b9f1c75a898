//! The fake cluster through the client that programs use. That it answers as a real server does is the matter of the suite in
//! `tests/api`; here it is about what a test wants from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]

mod access;
mod apply;
mod deletions;
mod faults;
mod objects;
mod patches;
mod subresources;
mod watches;

use bluegreen_testkit::FakeCluster;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::{Api, PostParams};
use kube::core::Status;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The objects of a kind in the namespace `shop`.
fn api<K>(cluster: &FakeCluster) -> Api<K>
where
    K: kube::Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    Api::default_namespaced(cluster.client("shop"))
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// What the server refused.
fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> Status {
    match result.unwrap_err() {
        kube::Error::Api(status) => *status,
        other => panic!("not an answer of the server: {other}"),
    }
}

fn config_map(name: &str, data: Value) -> ConfigMap {
    from(json!({"metadata": {"name": name}, "data": data}))
}

async fn create_map(cluster: &FakeCluster, name: &str, data: Value) -> ConfigMap {
    api(cluster).create(&PostParams::default(), &config_map(name, data)).await.unwrap()
}

async fn create_service(cluster: &FakeCluster) -> Service {
    let service = json!({"metadata": {"name": "checkout"}, "spec": {
        "selector": {"app": "checkout", "color": "blue"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}});
    api(cluster).create(&PostParams::default(), &from(service)).await.unwrap()
}

async fn create_deployment(cluster: &FakeCluster, name: &str) -> Deployment {
    let labels = json!({"app": name});
    let deployment = json!({"metadata": {"name": name}, "spec": {
        "replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "containers": [{"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]}]}}}});
    api(cluster).create(&PostParams::default(), &from(deployment)).await.unwrap()
}

/// A Pod that runs on a node.
async fn create_pod(cluster: &FakeCluster, name: &str) -> Pod {
    let pod = json!({"metadata": {"name": name, "labels": {"app": "checkout"}}, "spec": {
        "nodeName": "node", "containers": [{"name": "app", "image": "app:1"}]}});
    api(cluster).create(&PostParams::default(), &from(pod)).await.unwrap()
}
