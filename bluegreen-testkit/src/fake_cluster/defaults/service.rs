//! Defaults of Services, and the addresses that the server gives them.

use serde_json::{Value, json};

use super::super::meta;
use super::put;

/// What the server sets after it has noted who wrote what: nobody owns it.
const ALLOCATED: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

pub(crate) fn fill(object: &mut Value) {
    let spec = meta::field(object, "spec");
    put(spec, "type", json!("ClusterIP"));
    put(spec, "sessionAffinity", json!("None"));
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        put(port, "protocol", json!("TCP"));
        let target = port.get("port").cloned().unwrap_or_default();
        put(port, "targetPort", target);
    }
    if spec["type"] == "ExternalName" {
        return;
    }
    put(spec, "internalTrafficPolicy", json!("Cluster"));
    if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        put(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if spec.get("selector").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
        meta::fields(spec).remove("selector");
    }
}

/// Gives a Service an address, unless it has one or wants none.
pub(super) fn allocate(object: &mut Value, next_address: &mut dyn FnMut() -> String) {
    let spec = meta::field(object, "spec");
    if spec["type"] == "ExternalName" {
        return;
    }
    if spec.get("clusterIP").is_none() {
        put(spec, "clusterIP", json!(next_address()));
    }
    let address = spec["clusterIP"].clone();
    put(spec, "clusterIPs", json!([address]));
    let headless = address == "None" && spec.get("selector").is_none();
    put(spec, "ipFamilies", if headless { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) });
    put(spec, "ipFamilyPolicy", json!(if headless { "RequireDualStack" } else { "SingleStack" }));
}

/// Keeps the address of a Service that a write leaves out.
pub(super) fn keep_allocated(live: &Value, object: &mut Value) {
    if object.pointer("/spec/type") == Some(&json!("ExternalName")) {
        return;
    }
    for field in ALLOCATED {
        if let Some(value) = live.get("spec").and_then(|spec| spec.get(field)) {
            put(meta::field(object, "spec"), field, value.clone());
        }
    }
}
