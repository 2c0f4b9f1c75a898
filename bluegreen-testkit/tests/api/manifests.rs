//! Objects that cases create.

use serde_json::{Value, json};

/// An image that does nothing for ever.
pub(crate) fn image() -> String {
    std::env::var("BLUEGREEN_TEST_PAUSE_IMAGE").unwrap_or_else(|_| "bluegreen.test/pause:1".to_owned())
}

pub(crate) fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// A Service `checkout` for one color, as a rollout's.
pub(crate) fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout"},
        "spec": {
            "selector": {"app": "checkout", "color": "blue"},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    })
}

/// A Deployment `web` of pods that do nothing and end at once.
pub(crate) fn deployment(replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec()},
        },
    })
}

/// A pod that does nothing and ends at once.
pub(crate) fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": pod_spec()})
}

fn pod_spec() -> Value {
    json!({
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "app", "image": image(), "imagePullPolicy": "Never"}],
    })
}

/// As [`pod`], never ready.
pub(crate) fn unready_pod(name: &str) -> Value {
    let mut pod = pod(name);
    pod["spec"]["containers"][0]["readinessProbe"] = json!({"tcpSocket": {"port": 1}, "periodSeconds": 1});
    pod
}

/// As [`pod`], but its container never starts.
pub(crate) fn crashing_pod(name: &str) -> Value {
    let mut pod = pod(name);
    pod["spec"]["containers"][0]["command"] = json!(["/missing"]);
    pod
}

/// A Job `migrate` that ends well.
///
/// Its program does nothing for ever; but it fails its liveness probe, and when it is asked to end for that, it ends well.
pub(crate) fn job() -> Value {
    let mut spec = pod_spec();
    spec["restartPolicy"] = json!("Never");
    spec["terminationGracePeriodSeconds"] = json!(2);
    spec["containers"][0]["livenessProbe"] =
        json!({"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1});
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"},
        "spec": {"backoffLimit": 0, "template": {"spec": spec}},
    })
}

/// A Job `migrate` that fails, as often as it may.
pub(crate) fn failing_job(retries: u32) -> Value {
    let mut job = job();
    job["spec"]["backoffLimit"] = json!(retries);
    let container = &mut job["spec"]["template"]["spec"]["containers"][0];
    container.as_object_mut().unwrap().remove("livenessProbe");
    container["command"] = json!(["/missing"]);
    job
}
