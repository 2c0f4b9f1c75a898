//! What the server fills in.
//!
//! Only where users of this library can see it: the spec of workloads and their pods, of Services, Jobs and autoscalers.

mod job;
mod pods;
mod service;

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::meta;

/// Sets what the server gives an object after it has noted who wrote what, so that nobody owns it.
pub(crate) fn allocate(kind: &Kind, object: &mut Value, next_address: &mut dyn FnMut() -> String) {
    match kind.kind {
        "Service" => service::allocate(object, next_address),
        "Job" => job::allocate(object),
        _ => {}
    }
}

/// Keeps what the server gave an object and a write leaves out.
pub(crate) fn keep_allocated(kind: &Kind, live: &Value, object: &mut Value) {
    match kind.kind {
        "Service" => service::keep_allocated(live, object),
        "Job" => job::keep_allocated(live, object),
        _ => {}
    }
}

/// Brings an object into the form in which the server keeps it.
pub(crate) fn fill(kind: &Kind, object: &mut Value) {
    normalize("", object);
    match kind.kind {
        "Namespace" => {
            let name = meta::name(object).to_owned();
            let labels = meta::field(meta::field(object, "metadata"), "labels");
            put(labels, "kubernetes.io/metadata.name", json!(name));
            put(meta::field(object, "spec"), "finalizers", json!(["kubernetes"]));
        }
        "Secret" => {
            put(object, "type", json!("Opaque"));
            encode_strings(object);
        }
        "Service" => service::fill(object),
        "Pod" => {
            let spec = meta::field(object, "spec");
            put(spec, "enableServiceLinks", json!(true));
            pods::fill_spec(spec);
        }
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => workload(kind, meta::field(object, "spec")),
        "Job" => job::fill(meta::field(object, "spec")),
        "HorizontalPodAutoscaler" => autoscaler(meta::field(object, "spec")),
        "EndpointSlice" => endpoint_slice(object),
        _ => {}
    }
}

/// The status of a new object.
pub(crate) fn first_status(kind: &Kind) -> Option<Value> {
    Some(match kind.kind {
        "Namespace" => json!({"phase": "Active"}),
        "Service" | "Ingress" => json!({"loadBalancer": {}}),
        "Pod" => json!({"phase": "Pending", "qosClass": "BestEffort"}),
        "ReplicaSet" => json!({"replicas": 0}),
        "StatefulSet" => json!({"replicas": 0, "availableReplicas": 0}),
        "DaemonSet" => json!({
            "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0,
        }),
        "HorizontalPodAutoscaler" => json!({"desiredReplicas": 0}),
        "PodDisruptionBudget" => json!({
            "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
        }),
        _ if kind.is_custom() => return None,
        _ => json!({}),
    })
}

/// Sets a field that isn't there.
fn put(value: &mut Value, name: &str, default: Value) {
    meta::fields(value).entry(name).or_insert(default);
}

/// Maps that are left out when they are empty; an empty one of another name says something.
const MAPS: [&str; 9] =
    ["labels", "annotations", "matchLabels", "nodeSelector", "data", "binaryData", "stringData", "limits", "requests"];

/// Takes away what the server doesn't tell from nothing: nulls, empty lists, and empty maps of those names.
fn normalize(name: &str, value: &mut Value) {
    if name == "managedFields" {
        return; // `[{}]` asks for a new start
    }
    match value {
        Value::Object(fields) => {
            for (name, below) in fields.iter_mut() {
                normalize(name, below);
            }
            fields.retain(|name, below| !is_nothing(name, below));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| normalize("", item)),
        _ => {}
    }
}

fn is_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && MAPS.contains(&name),
        _ => false,
    }
}

fn workload(kind: &Kind, spec: &mut Value) {
    match kind.kind {
        "Deployment" => {
            put(spec, "replicas", json!(1));
            put(spec, "revisionHistoryLimit", json!(10));
            put(spec, "progressDeadlineSeconds", json!(600));
            let strategy = meta::field(spec, "strategy");
            put(strategy, "type", json!("RollingUpdate"));
            if strategy["type"] == "RollingUpdate" {
                let rolling = meta::field(strategy, "rollingUpdate");
                put(rolling, "maxUnavailable", json!("25%"));
                put(rolling, "maxSurge", json!("25%"));
            }
        }
        "StatefulSet" => {
            put(spec, "replicas", json!(1));
            put(spec, "revisionHistoryLimit", json!(10));
            put(spec, "podManagementPolicy", json!("OrderedReady"));
            put(spec, "persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
            put(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
        }
        "DaemonSet" => {
            put(spec, "revisionHistoryLimit", json!(10));
            let rolling = json!({"maxUnavailable": 1, "maxSurge": 0});
            put(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": rolling}));
        }
        _ => put(spec, "replicas", json!(1)),
    }
    pods::fill_spec(meta::field(meta::field(spec, "template"), "spec"));
}

fn autoscaler(spec: &mut Value) {
    put(spec, "minReplicas", json!(1));
    let target = json!({"type": "Utilization", "averageUtilization": 80});
    put(spec, "metrics", json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
}

fn endpoint_slice(object: &mut Value) {
    let list = |object: &mut Value, name: &str| match meta::fields(object).get_mut(name) {
        Some(Value::Array(items)) => std::mem::take(items),
        _ => Vec::new(),
    };
    let mut ports = list(object, "ports");
    for port in &mut ports {
        put(port, "name", json!(""));
        put(port, "protocol", json!("TCP"));
    }
    let mut endpoints = list(object, "endpoints");
    for endpoint in &mut endpoints {
        put(endpoint, "conditions", Value::Object(Map::new()));
    }
    // Unlike other lists, these are shown when they are empty.
    for (name, items) in [("ports", ports), ("endpoints", endpoints)] {
        let items = if items.is_empty() { Value::Null } else { items.into() };
        meta::fields(object).insert(name.to_owned(), items);
    }
}

/// What a Secret has in plain words is kept in its data.
fn encode_strings(object: &mut Value) {
    let Some(Value::Object(plain)) = meta::fields(object).remove("stringData") else { return };
    let data = meta::fields(meta::field(object, "data"));
    for (name, text) in plain {
        data.insert(name, json!(base64(text.as_str().unwrap_or_default().as_bytes())));
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) & 63;
            text.push(if place > chunk.len() { '=' } else { char::from(DIGITS[digit as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;

    fn filled(kind: &str, mut object: Value) -> Value {
        fill(kinds::by_name(kind).unwrap(), &mut object);
        object
    }

    #[test]
    fn a_deployment_is_filled_as_the_server_does_it() {
        let container = json!({"name": "c", "image": "app:1", "ports": [{"containerPort": 80}],
            "readinessProbe": {"httpGet": {"path": "/x", "port": 80}},
            "env": [{"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]});
        let pod = json!({"containers": [container], "volumes": [{"name": "v", "configMap": {"name": "z"}}]});
        let made = filled("Deployment", json!({"metadata": {"labels": {}}, "spec": {"template": {"spec": pod}}}));
        assert_eq!(
            made,
            json!({"metadata": {}, "spec": {
                "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
                "template": {"spec": {
                    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                    "securityContext": {}, "schedulerName": "default-scheduler",
                    "volumes": [{"name": "v", "configMap": {"name": "z", "defaultMode": 420}}],
                    "containers": [{
                        "name": "c", "image": "app:1", "resources": {}, "imagePullPolicy": "IfNotPresent",
                        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                        "readinessProbe": {"httpGet": {"path": "/x", "port": 80, "scheme": "HTTP"},
                            "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                        "env": [{"name": "B", "valueFrom": {"fieldRef":
                            {"apiVersion": "v1", "fieldPath": "metadata.name"}}}],
                    }],
                }},
            }})
        );
        assert_eq!(filled("Deployment", made.clone()), made);
    }

    #[test]
    fn the_words_of_a_secret_are_kept_as_data() {
        let made = filled("Secret", json!({"stringData": {"a": "b", "word": "Words!"}}));
        assert_eq!(made["data"], json!({"a": "Yg==", "word": "V29yZHMh"}));
    }
}
