//! Whose fields a Deployment's are, as its `managedFields` say. All of it is pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::client::annotations::FIELD_MANAGER;

/// Who else's fields a Deployment has in its spec, as `manager (field)`.
///
/// The number of replicas doesn't count: autoscalers and people set it, and a deployment sets it anew anyway. Neither
/// does the time of a restart, which only made the pods anew.
pub(super) fn foreign_owners(live: &Value) -> BTreeSet<String> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter(|entry| is_foreign(entry))
        .filter_map(|entry| {
            let manager = entry.get("manager").and_then(Value::as_str).unwrap_or("unknown");
            let fields = entry.pointer("/fieldsV1/f:spec")?.as_object()?;
            first_field(fields, "spec").map(|field| format!("{manager} ({field})"))
        })
        .collect()
}

/// `managedFields` after an adoption: the spec is nobody else's any more.
pub(super) fn without_foreign_owners(live: &mut Value) {
    let Some(entries) = live.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) else {
        return;
    };
    for entry in entries.iter_mut().filter(|entry| is_foreign(entry)) {
        if let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut) {
            fields.remove("f:spec");
        }
    }
    entries.retain(|entry| entry.get("fieldsV1").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty()));
}

/// Whether an entry of `managedFields` is about the object itself and not ours.
fn is_foreign(entry: &Value) -> bool {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    text("subresource").is_empty() && text("manager") != FIELD_MANAGER
}

/// The first field that someone owns, as a path: `spec.template.spec.containers[app].image`.
fn first_field(fields: &Map<String, Value>, path: &str) -> Option<String> {
    fields
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "." | "f:replicas") && !key.ends_with("/restartedAt"))
        .find_map(|(key, below)| {
            let path = match key.split_once(':') {
                Some(("f", name)) => format!("{path}.{name}"),
                Some(("k", item)) => format!("{path}[{}]", item_name(item)),
                _ => path.to_owned(),
            };
            match below.as_object() {
                Some(below) if !below.is_empty() => first_field(below, &path),
                _ => Some(path),
            }
        })
}

/// The name in the key of a list item: `{"name":"app"}`.
fn item_name(key: &str) -> String {
    let name = serde_json::from_str::<Value>(key).ok().and_then(|key| Some(key.get("name")?.as_str()?.to_owned()));
    name.unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn others_own_what_they_wrote_into_the_spec() {
        let entry = |manager: &str, subresource: &str, fields: Value| json!({"manager": manager, "subresource": subresource, "operation": "Update", "fieldsV1": fields});
        let image =
            json!({"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:image": {}}}}}});
        let restarted =
            json!({"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}});
        let mut live = json!({"metadata": {"managedFields": [
            entry("bluegreen", "", json!({"f:spec": image})),
            entry("kube-controller-manager", "status", json!({"f:status": {}, "f:metadata": {}})),
            entry("kube-controller-manager", "scale", json!({"f:spec": {"f:replicas": {}}})),
            entry("kubectl-scale", "", json!({"f:spec": {"f:replicas": {}}})),
            entry("kubectl-rollout", "", json!({"f:spec": restarted})),
            entry("kubectl-annotate", "", json!({"f:metadata": {"f:annotations": {}}})),
        ]}});
        assert!(foreign_owners(&live).is_empty(), "{:?}", foreign_owners(&live));
        let entries = live["metadata"]["managedFields"].as_array_mut().unwrap();
        entries.push(entry("kubectl-set", "", json!({"f:spec": image})));
        entries.push(entry("argocd-controller", "", json!({"f:metadata": {}, "f:spec": {"f:paused": {}}})));
        let owners: Vec<_> = foreign_owners(&live).into_iter().collect();
        assert_eq!(
            owners,
            ["argocd-controller (spec.paused)", "kubectl-set (spec.template.spec.containers[app].image)"]
        );
        without_foreign_owners(&mut live);
        assert!(foreign_owners(&live).is_empty());
        let managers: Vec<_> =
            live["metadata"]["managedFields"].as_array().unwrap().iter().map(|e| &e["manager"]).collect();
        let kept = [
            "bluegreen",
            "kube-controller-manager",
            "kube-controller-manager",
            "kubectl-annotate",
            "argocd-controller",
        ];
        assert_eq!(managers, kept);
    }
}
