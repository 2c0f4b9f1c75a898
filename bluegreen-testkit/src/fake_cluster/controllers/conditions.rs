//! Conditions in the status of an object.

use serde_json::{Value, json};

use super::super::meta;

/// What a condition is to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    pub(super) kind: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

pub(super) fn find<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    meta::list(object, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// The reason of a condition; empty if there is none.
pub(super) fn reason<'a>(object: &'a Value, kind: &str) -> &'a str {
    find(object, kind).map_or("", |condition| meta::text(condition, "/reason"))
}

/// Sets a condition of `object`. Its transition time stays as long as its status does. `updated` names a second time,
/// which some kinds have, that changes with every word.
pub(super) fn set(object: &mut Value, condition: Condition<'_>, now: &str, updated: Option<&str>) {
    let Condition { kind, status, reason, message } = condition;
    let old = find(object, kind);
    let same_status = old.filter(|old| old["status"] == status);
    let same_words =
        same_status.filter(|old| meta::text(old, "/reason") == reason && meta::text(old, "/message") == message);
    if same_words.is_some() {
        return;
    }
    let since = same_status.map_or(now, |old| meta::text(old, "/lastTransitionTime")).to_owned();
    let mut new = json!({"type": kind, "status": status, "lastTransitionTime": since});
    let fields = meta::fields(&mut new);
    for (name, text) in [("reason", reason), ("message", message)] {
        meta::set(fields, name, (!text.is_empty()).then(|| json!(text)));
    }
    if let Some(name) = updated {
        fields.insert(name.to_owned(), json!(now));
    }
    put(object, kind, Some(new));
}

/// Takes a condition away.
pub(super) fn remove(object: &mut Value, kind: &str) {
    put(object, kind, None);
}

/// Sets one of the times of a condition.
pub(super) fn touch(object: &mut Value, kind: &str, time: &str, now: &str) {
    let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    if let Some(condition) = conditions.into_iter().flatten().find(|condition| condition["type"] == kind) {
        condition[time] = json!(now);
    }
}

fn put(object: &mut Value, kind: &str, new: Option<Value>) {
    let mut conditions = meta::list(object, "/status/conditions").to_vec();
    let at = conditions.iter().position(|condition| condition["type"] == kind);
    match (at, new) {
        (Some(at), Some(new)) => conditions[at] = new,
        (Some(at), None) => drop(conditions.remove(at)),
        (None, Some(new)) => conditions.push(new),
        (None, None) => return,
    }
    let status = meta::fields(meta::field(object, "status"));
    meta::set(status, "conditions", (!conditions.is_empty()).then(|| conditions.into()));
}
