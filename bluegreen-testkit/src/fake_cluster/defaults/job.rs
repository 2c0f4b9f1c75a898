//! Defaults of Jobs, and the labels by which a Job knows its pods.

use serde_json::{Value, json};

use super::super::meta;
use super::{pods, put};

pub(super) fn fill(spec: &mut Value) {
    for (field, default) in [
        ("parallelism", json!(1)),
        ("completions", json!(1)),
        ("backoffLimit", json!(6)),
        ("completionMode", json!("NonIndexed")),
        ("manualSelector", json!(false)),
        ("podReplacementPolicy", json!("TerminatingOrFailed")),
        ("suspend", json!(false)),
    ] {
        put(spec, field, default);
    }
    pods::fill_spec(meta::field(meta::field(spec, "template"), "spec"));
}

/// Lets a new Job select its own pods and no others.
pub(super) fn allocate(object: &mut Value) {
    if object.pointer("/spec/selector").is_some() {
        return;
    }
    let (name, uid) = (meta::name(object).to_owned(), meta::uid(object).to_owned());
    let has_labels = object.pointer("/metadata/labels").is_some();
    let spec = meta::field(object, "spec");
    put(spec, "selector", json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
    label(meta::field(spec, "template"), &name, &uid);
    if !has_labels {
        label(object, &name, &uid);
    }
}

fn label(object: &mut Value, name: &str, uid: &str) {
    let labels = meta::field(meta::field(object, "metadata"), "labels");
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
        ("controller-uid", uid),
        ("job-name", name),
    ] {
        put(labels, label, json!(value));
    }
}

/// Keeps the selector and the labels of the pods.
pub(super) fn keep_allocated(live: &Value, object: &mut Value) {
    let spec = meta::field(object, "spec");
    if let Some(selector) = live.pointer("/spec/selector") {
        put(spec, "selector", selector.clone());
    }
    if let Some(Value::Object(labels)) = live.pointer("/spec/template/metadata/labels") {
        let kept = meta::field(meta::field(meta::field(spec, "template"), "metadata"), "labels");
        for (label, value) in labels {
            put(kept, label, value.clone());
        }
    }
}
