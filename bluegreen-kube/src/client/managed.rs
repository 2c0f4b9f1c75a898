//! Reading `managedFields`: who wrote what.

use bluegreen_core::Change;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};

/// The managers that hold the field at `path` (`["spec", "selector"]`) or anything below it, in the order in which they
/// last wrote; an entry of an unknown time comes first.
pub(crate) fn managers_of<'a>(metadata: &'a ObjectMeta, path: &[&str]) -> Vec<&'a ManagedFieldsEntry> {
    let entries = metadata.managed_fields.as_deref().unwrap_or_default();
    let mut holders: Vec<_> = entries.iter().filter(|entry| holds(entry, path)).collect();
    holders.sort_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    holders
}

/// Who wrote the field at `path` last, as far as the API server knows.
pub(crate) fn last_change(metadata: &ObjectMeta, path: &[&str]) -> Option<Change> {
    let entry = managers_of(metadata, path).pop()?;
    let by = entry.manager.clone().unwrap_or_else(|| "an unnamed manager".to_owned());
    Some(Change { by, at: entry.time.as_ref().map(|time| time.0) })
}

fn holds(entry: &ManagedFieldsEntry, path: &[&str]) -> bool {
    let Some(fields) = &entry.fields_v1 else { return false };
    let field = path.iter().try_fold(&fields.0, |at, name| at.get(format!("f:{name}")));
    entry.subresource.as_deref().unwrap_or_default().is_empty() && field.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_of_those_who_hold_a_field_changed_it() {
        let selector = json!({"f:spec": {"f:selector": {}}});
        let metadata: ObjectMeta = serde_json::from_value(json!({"managedFields": [
            {"manager": "kubectl-edit", "time": "2026-11-22T04:05:07Z", "fieldsV1": selector},
            {"manager": "helm", "time": "2026-11-22T04:05:06Z", "fieldsV1": selector},
            {"manager": "later", "time": "2026-11-22T04:05:09Z", "fieldsV1": {"f:spec": {"f:ports": {}}}},
            {"manager": "status", "subresource": "status", "time": "2026-11-22T04:05:09Z", "fieldsV1": selector},
            {"manager": "empty", "time": "2026-11-22T04:05:09Z"},
        ]}))
        .unwrap();
        let managers: Vec<_> =
            managers_of(&metadata, &["spec", "selector"]).iter().filter_map(|entry| entry.manager.as_deref()).collect();
        assert_eq!(managers, ["helm", "kubectl-edit"]);
        let change = last_change(&metadata, &["spec", "selector"]).unwrap();
        assert_eq!(change.to_string(), "kubectl-edit at 2026-11-22T04:05:07Z");
        assert_eq!(last_change(&metadata, &["spec", "type"]), None);
        assert_eq!(last_change(&ObjectMeta::default(), &["spec"]), None);
    }
}
