//! Objects for unit tests, as the API server shows them.

use std::sync::Arc;

use bluegreen_core::Target;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::settings::{ManifestSource, Settings};
use super::workload::Workload;

pub(super) fn settings() -> Settings {
    Settings::new(&Target::new("shop", "checkout"), ManifestSource::OtherColor)
}

/// A template that runs `image`.
pub(super) fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "checkout", "color": "green"}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

pub(super) fn deployment(image: &str, replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "checkout-green", "namespace": "shop", "uid": "deployment", "resourceVersion": "7", "generation": 3,
            "annotations": {
                "bluegreen.rs/stamp": "2.3/h",
                "bluegreen.rs/release": r#"{"version":"2","artifact":"checkout:2"}"#,
                "deployment.kubernetes.io/revision": "1",
            },
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "checkout", "color": "green"}},
            "template": template(image),
        },
        "status": {"observedGeneration": 2},
    })
}

/// A ReplicaSet whose pods run `image`: as many as are asked for, there, and available.
pub(super) fn replica_set(uid: &str, image: &str, sizes: [i32; 3]) -> Value {
    let [asked, there, available] = sizes;
    let mut template = template(image);
    template["metadata"]["labels"]["pod-template-hash"] = json!("abc");
    json!({
        "metadata": {
            "name": format!("checkout-green-{uid}"), "uid": uid, "generation": 2,
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout-green", "uid": "deployment", "controller": true,
            }],
        },
        "spec": {"replicas": asked, "selector": {}, "template": template},
        "status": {"observedGeneration": 2, "replicas": there, "availableReplicas": available},
    })
}

/// A pod that has been waiting since 04:00, with one container in `state`.
pub(super) fn pod(name: &str, set: &str, container: Value) -> Value {
    let mut status = json!({"name": "app", "ready": false, "restartCount": 0, "image": "", "imageID": "", "state": {}});
    merge(&mut status, container);
    let ready = if status["ready"] == json!(true) { "True" } else { "False" };
    json!({
        "metadata": {
            "name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2026-11-22T03:59:00Z",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "s", "uid": set, "controller": true}],
        },
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "phase": "Running", "podIP": "10.0.0.1",
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-22T03:59:00Z"},
                {"type": "ContainersReady", "status": ready, "lastTransitionTime": "2026-11-22T04:00:00Z",
                 "message": "containers with unready status: [app]"},
                {"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-22T04:00:00Z"},
            ],
            "containerStatuses": [status],
        },
    })
}

pub(super) fn ready_pod(name: &str, set: &str) -> Value {
    pod(name, set, json!({"ready": true, "started": true, "state": {"running": {}}}))
}

pub(super) fn waiting(reason: &str, message: &str) -> Value {
    json!({"state": {"waiting": {"reason": reason, "message": message}}})
}

/// Sets what `changes` has, level by level.
pub(super) fn merge(value: &mut Value, changes: Value) {
    match (value, changes) {
        (Value::Object(value), Value::Object(changes)) => {
            for (key, change) in changes {
                merge(value.entry(key).or_insert(Value::Null), change);
            }
        }
        (value, changes) => *value = changes,
    }
}

pub(super) fn workload(deployment: Value, sets: Vec<Value>, pods: Vec<Value>) -> Workload {
    let deployment: Deployment = serde_json::from_value(deployment).unwrap();
    let set = |set| Arc::new(serde_json::from_value::<ReplicaSet>(set).unwrap());
    let pod = |pod| Arc::new(serde_json::from_value::<Pod>(pod).unwrap());
    Workload {
        deployment: Some(Arc::new(deployment)),
        replica_sets: sets.into_iter().map(set).collect(),
        pods: pods.into_iter().map(pod).collect(),
    }
}
