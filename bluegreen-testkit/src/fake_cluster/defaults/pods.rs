//! Defaults of pods and pod templates.

use serde_json::{Value, json};

use super::super::meta;
use super::put;

/// Fills the spec of a pod.
pub(crate) fn fill_spec(spec: &mut Value) {
    put(spec, "restartPolicy", json!("Always"));
    put(spec, "terminationGracePeriodSeconds", json!(30));
    put(spec, "dnsPolicy", json!("ClusterFirst"));
    put(spec, "securityContext", json!({}));
    put(spec, "schedulerName", json!("default-scheduler"));
    for list in ["containers", "initContainers"] {
        items(spec, list).for_each(fill_container);
    }
    items(spec, "volumes").for_each(fill_volume);
}

fn items<'a>(value: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

fn fill_container(container: &mut Value) {
    put(container, "resources", json!({}));
    put(container, "terminationMessagePath", json!("/dev/termination-log"));
    put(container, "terminationMessagePolicy", json!("File"));
    let policy = if is_latest(meta::text(container, "/image")) { "Always" } else { "IfNotPresent" };
    put(container, "imagePullPolicy", json!(policy));
    for port in items(container, "ports") {
        put(port, "protocol", json!("TCP"));
    }
    for name in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name) {
            fill_probe(probe);
        }
    }
    for variable in items(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            put(field, "apiVersion", json!("v1"));
        }
    }
}

fn fill_probe(probe: &mut Value) {
    put(probe, "timeoutSeconds", json!(1));
    put(probe, "periodSeconds", json!(10));
    put(probe, "successThreshold", json!(1));
    put(probe, "failureThreshold", json!(3));
    if let Some(get) = probe.get_mut("httpGet") {
        put(get, "path", json!("/"));
        put(get, "scheme", json!("HTTP"));
    }
}

fn fill_volume(volume: &mut Value) {
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        if let Some(source) = volume.get_mut(source) {
            put(source, "defaultMode", json!(420));
        }
    }
}

/// Whether an image has the tag `latest`, by name or by not having any.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        for (image, latest) in
            [("x", true), ("x:latest", true), ("host:5000/x", true), ("x:1", false), ("host:5000/x@sha256:0", false)]
        {
            assert_eq!(is_latest(image), latest, "{image}");
        }
    }
}
