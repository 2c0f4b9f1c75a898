//! Server-side apply: merging what is applied into what is there, and taking away what is applied no more.

use serde_json::{Map, Value};

use super::compare::{branches, item_name};
use super::schema::{List, Place};
use super::set::FieldSet;

/// The fields that an applied object names.
pub(crate) fn fields_of(place: Place<'_>, applied: &Value) -> FieldSet {
    let Some(branches) = branches(place, Some(applied)).filter(|branches| !branches.is_empty()) else {
        return FieldSet::leaf();
    };
    let mut set = FieldSet::default();
    for (name, branch) in &branches {
        let mut below = fields_of(branch.place, branch.value);
        if !name.starts_with("f:") {
            below.insert_here(); // an item of a list is owned together with its key
        }
        set.put(name.to_owned(), below);
    }
    set
}

/// What is there, with what is applied over it.
pub(crate) fn merge(place: Place<'_>, live: Option<&Value>, applied: &Value) -> Value {
    match (live, applied) {
        (Some(Value::Object(live)), Value::Object(applied)) if !place.is_atomic_map() => {
            let mut merged = live.clone();
            for (name, value) in applied {
                merged.insert(name.clone(), merge(place.field(name), live.get(name), value));
            }
            Value::Object(merged)
        }
        (Some(Value::Array(live)), Value::Array(applied)) if place.list() != List::Atomic => {
            Value::Array(merge_items(place, live, applied))
        }
        _ => applied.clone(),
    }
}

fn merge_items(place: Place<'_>, live: &[Value], applied: &[Value]) -> Vec<Value> {
    let list = place.list();
    let mut merged = live.to_vec();
    for item in applied {
        let name = item_name(list, item);
        match merged.iter_mut().find(|known| item_name(list, known) == name) {
            Some(known) => *known = merge(place, Some(known), item),
            None => merged.push(item.clone()),
        }
    }
    merged
}

/// Takes away what a manager applied before (`last`) and nobody owns any more (`managed` is what anybody owns).
pub(crate) fn prune(place: Place<'_>, object: &mut Value, last: &FieldSet, managed: &FieldSet) {
    match object {
        Value::Object(fields) if !place.is_atomic_map() => prune_fields(place, fields, last, managed),
        Value::Array(items) => prune_items(place, items, last, managed),
        _ => {}
    }
}

fn prune_fields(place: Place<'_>, fields: &mut Map<String, Value>, last: &FieldSet, managed: &FieldSet) {
    let nobody = FieldSet::default();
    for (branch, last) in last.branches() {
        let Some(name) = branch.strip_prefix("f:") else { continue };
        // The server's own metadata has no owner either.
        let managed = managed.get(branch).or_else(|| (name == "metadata").then_some(&nobody));
        match managed {
            None => {
                fields.remove(name);
            }
            Some(managed) => {
                if let Some(below) = fields.get_mut(name) {
                    prune(place.field(name), below, last, managed);
                }
            }
        }
    }
}

fn prune_items(place: Place<'_>, items: &mut Vec<Value>, last: &FieldSet, managed: &FieldSet) {
    let list = place.list();
    let nobody = FieldSet::default();
    items.retain_mut(|item| {
        let Some(name) = item_name(list, item) else { return true };
        let Some(last) = last.get(&name) else { return true };
        let managed = managed.get(&name).unwrap_or(&nobody);
        if last.is_member() && !managed.is_member() {
            return false;
        }
        prune(place, item, last, managed);
        true
    });
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds;
    use super::*;
    use serde_json::json;

    fn place() -> Place<'static> {
        Place::root(kinds::by_name("Service").unwrap())
    }

    #[test]
    fn an_applied_object_owns_the_items_it_names() {
        let applied = json!({"spec": {"ports": [{"port": 80, "targetPort": 1}], "selector": {"a": "b"}}});
        assert_eq!(
            fields_of(place(), &applied).to_value(),
            json!({"f:spec": {"f:selector": {}, "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}":
                {".": {}, "f:port": {}, "f:targetPort": {}}}}})
        );
    }

    #[test]
    fn lists_with_keys_are_merged_by_them_and_atomic_ones_replaced() {
        let live = json!({"spec": {"selector": {"a": "b", "c": "d"}, "ports": [
            {"port": 80, "protocol": "TCP", "name": "http"}, {"port": 81, "protocol": "TCP"}]}});
        let applied = json!({"spec": {"selector": {"a": "x"}, "ports": [{"port": 80, "targetPort": 1}, {"port": 82}]}});
        assert_eq!(
            merge(place(), Some(&live), &applied),
            json!({"spec": {"selector": {"a": "x"}, "ports": [
                {"port": 80, "protocol": "TCP", "name": "http", "targetPort": 1},
                {"port": 81, "protocol": "TCP"}, {"port": 82}]}})
        );
    }

    #[test]
    fn what_nobody_owns_any_more_is_taken_away() {
        let last = fields_of(
            place(),
            &json!({"metadata": {"labels": {"x": "1"}},
            "spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81}], "selector": {"a": "b"}}}),
        );
        let managed = fields_of(place(), &json!({"spec": {"ports": [{"port": 80}]}}));
        let mut object = json!({"metadata": {"labels": {"x": "1"}}, "spec": {"clusterIP": "10.0.0.1",
            "ports": [{"port": 80, "name": "a", "protocol": "TCP"}, {"port": 81}], "selector": {"a": "b"}}});
        prune(place(), &mut object, &last, &managed);
        // The labels are gone with the last of them.
        let spec = json!({"clusterIP": "10.0.0.1", "ports": [{"port": 80, "protocol": "TCP"}]});
        assert_eq!(object, json!({"metadata": {}, "spec": spec}));
    }
}
