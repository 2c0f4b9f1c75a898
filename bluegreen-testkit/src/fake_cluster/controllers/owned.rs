//! Reading objects: owners, numbers, labels, and the states of Pods.

use serde_json::{Map, Value, json};

use super::super::meta;

/// The number at a JSON pointer; 0 if there is none.
pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The objects that this one controls.
pub(super) fn controlled_by<'a>(objects: &'a [Value], owner: &Value) -> impl Iterator<Item = &'a Value> {
    let uid = meta::uid(owner).to_owned();
    objects.iter().filter(move |object| {
        let mut owners = meta::list(object, "/metadata/ownerReferences").iter();
        owners.any(|owner| owner["controller"] == true && owner["uid"] == uid.as_str())
    })
}

/// The entry that makes `owner` the controller of an object.
pub(super) fn owner_reference(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta::name(owner), "uid": meta::uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    }])
}

/// Whether the labels of `object` have all of `wanted`; without any wanted, no.
pub(super) fn selects(wanted: Option<&Map<String, Value>>, object: &Value) -> bool {
    let labels = object.pointer("/metadata/labels");
    wanted.is_some_and(|wanted| {
        !wanted.is_empty()
            && wanted.iter().all(|(name, value)| labels.and_then(|labels| labels.get(name)) == Some(value))
    })
}

/// Whether a Pod has ended for good.
pub(super) fn has_ended(pod: &Value) -> bool {
    matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a Pod counts for what made it: it hasn't ended and isn't about to.
pub(super) fn is_active(pod: &Value) -> bool {
    !has_ended(pod) && !meta::is_deleting(pod)
}

pub(super) fn is_ready(pod: &Value) -> bool {
    ready_since(pod).is_some()
}

/// Since when a Pod is ready, as it says.
pub(super) fn ready_since(pod: &Value) -> Option<&str> {
    let ready = super::conditions::find(pod, "Ready")?;
    (ready["status"] == "True").then(|| ready["lastTransitionTime"].as_str())?
}
