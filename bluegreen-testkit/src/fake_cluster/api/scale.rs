//! The `scale` subresource: the size of a workload and nothing else.

use serde_json::{Value, json};

use super::super::error::{ApiError, Cause};
use super::super::meta;
use super::selector;

/// The scale of a workload.
pub(crate) fn of(object: &Value) -> Value {
    let count = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata[field] = object["metadata"][field].clone();
    }
    let replicas = count("/spec/replicas");
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        // Go leaves a zero out.
        "spec": if replicas == 0 { json!({}) } else { json!({"replicas": replicas}) },
        "status": {
            "replicas": count("/status/replicas"),
            "selector": selector::to_text(object.pointer("/spec/selector").unwrap_or(&Value::Null)),
        },
    })
}

/// A workload with the size that a scale asks for.
pub(crate) fn into(object: &Value, scale: &Value) -> Result<Value, ApiError> {
    let replicas = scale.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(0));
    if replicas.as_i64().is_none_or(|replicas| replicas < 0) {
        let cause = Cause::invalid("spec.replicas", &replicas, "must be greater than or equal to 0");
        return Err(ApiError::invalid_kind("autoscaling", "Scale", meta::name(object), &[cause]));
    }
    let mut scaled = object.clone();
    meta::fields(meta::field(&mut scaled, "spec")).insert("replicas".to_owned(), replicas);
    for field in ["resourceVersion", "uid"] {
        if let Some(expected) = scale.get("metadata").and_then(|metadata| metadata.get(field)) {
            meta::metadata(&mut scaled).insert(field.to_owned(), expected.clone());
        }
    }
    Ok(scaled)
}
