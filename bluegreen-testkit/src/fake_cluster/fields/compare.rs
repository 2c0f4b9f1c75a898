//! What changed between two versions of an object, field by field.

use serde_json::{Map, Value, json};

use super::super::kinds::Kind;
use super::schema::{List, Place};
use super::set::FieldSet;

/// The fields that a write touched.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

impl Changes {
    /// What changed from `old` to `new`; with nothing before, from an empty object of the kind.
    pub(crate) fn between(kind: &Kind, old: Option<&Value>, new: &Value) -> Self {
        let empty = empty_object(kind);
        compare(Place::root(kind), Some(old.unwrap_or(&empty)), Some(new))
    }

    pub(crate) fn is_none(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// What was set, be it there before or not.
    pub(crate) fn set(&self) -> FieldSet {
        self.added.union(&self.modified)
    }

    /// Takes the fields away that nobody owns.
    pub(crate) fn without_system_fields(mut self) -> Self {
        for set in [&mut self.added, &mut self.modified, &mut self.removed] {
            remove_system_fields(set);
        }
        self
    }

    /// Takes a field away with all that is below it.
    pub(crate) fn without(mut self, branch: &str) -> Self {
        for set in [&mut self.added, &mut self.modified, &mut self.removed] {
            set.remove(&[branch]);
        }
        self
    }

    fn put(&mut self, branch: &str, below: Self) {
        self.added.put(branch.to_owned(), below.added);
        self.modified.put(branch.to_owned(), below.modified);
        self.removed.put(branch.to_owned(), below.removed);
    }

    fn insert_here(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(_)) => self.added.insert_here(),
            (Some(_), None) => self.removed.insert_here(),
            _ => self.modified.insert_here(),
        }
    }
}

/// Takes the fields away that belong to the server.
pub(crate) fn remove_system_fields(set: &mut FieldSet) {
    set.remove(&["f:apiVersion"]);
    set.remove(&["f:kind"]);
    for field in ["name", "namespace", "creationTimestamp", "uid", "generation", "managedFields", "resourceVersion"] {
        set.remove(&["f:metadata", &format!("f:{field}")]);
    }
}

/// The fields that are always there, so that a creation doesn't add them: Go writes structs even if they are empty.
fn empty_object(kind: &Kind) -> Value {
    if kind.is_custom() {
        return json!({"metadata": {}});
    }
    let template = json!({"metadata": {}, "spec": {"containers": []}});
    let spec =
        json!({"template": template, "strategy": {}, "updateStrategy": {}, "scaleTargetRef": {}, "containers": []});
    json!({"metadata": {}, "spec": spec, "status": {"loadBalancer": {}}})
}

fn compare(place: Place<'_>, old: Option<&Value>, new: Option<&Value>) -> Changes {
    let mut changes = Changes::default();
    if old == new {
        return changes;
    }
    match (branches(place, old), branches(place, new)) {
        (Some(before), Some(after)) => {
            for (name, branch) in &after {
                changes.put(name, compare(branch.place, before.get(name).map(|b| b.value), Some(branch.value)));
            }
            for (name, branch) in before.iter().filter(|(name, _)| after.get(name).is_none()) {
                changes.put(name, compare(branch.place, Some(branch.value), None));
            }
            if old.is_none() || new.is_none() {
                changes.insert_here(old, new);
            }
        }
        _ => changes.insert_here(old, new),
    }
    changes
}

/// A value inside another one.
pub(crate) struct Branch<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) value: &'a Value,
}

/// What is inside a value, by the names that `fieldsV1` uses.
pub(crate) struct Branches<'a>(Vec<(String, Branch<'a>)>);

impl<'a> Branches<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&Branch<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, branch)| branch)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Branch<'a>)> {
        self.0.iter().map(|(name, branch)| (name.as_str(), branch))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'s, 'a> IntoIterator for &'s Branches<'a> {
    type Item = (&'s str, &'s Branch<'a>);
    type IntoIter = std::iter::Map<
        std::slice::Iter<'s, (String, Branch<'a>)>,
        fn(&'s (String, Branch<'a>)) -> (&'s str, &'s Branch<'a>),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, branch)| (name.as_str(), branch))
    }
}

/// What is inside a value; `None` if it has one owner as a whole. Nothing is inside what isn't there.
pub(crate) fn branches<'a>(place: Place<'a>, value: Option<&'a Value>) -> Option<Branches<'a>> {
    let branches = match value {
        None => Vec::new(),
        Some(Value::Object(_)) if place.is_atomic_map() => return None,
        Some(Value::Object(fields)) => fields
            .iter()
            .map(|(name, value)| (format!("f:{name}"), Branch { place: place.field(name), value }))
            .collect(),
        Some(Value::Array(items)) => {
            let list = place.list();
            let named = items.iter().map(|value| Some((item_name(list, value)?, Branch { place, value })));
            named.collect::<Option<Vec<_>>>()?
        }
        Some(_) => return None,
    };
    Some(Branches(branches))
}

/// The name of a list's item in `fieldsV1`; none if the list is atomic, or the item has no key.
pub(crate) fn item_name(list: List, item: &Value) -> Option<String> {
    match list {
        List::Atomic => None,
        List::Set => Some(format!("v:{item}")),
        List::Map(keys) => {
            let key = keys.iter().map(|key| Some(((*key).to_owned(), key_value(key, item)?)));
            let key: Map<String, Value> = key.collect::<Option<_>>()?;
            Some(format!("k:{}", Value::Object(key)))
        }
    }
}

/// The value of a key; the protocol of a port has a default.
fn key_value(key: &str, item: &Value) -> Option<Value> {
    let default = || (key == "protocol").then(|| json!("TCP"));
    item.get(key).cloned().or_else(default)
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds;
    use super::*;

    #[test]
    fn a_creation_adds_everything_but_what_is_always_there() {
        let kind = kinds::by_name("Deployment").unwrap();
        let new = json!({
            "metadata": {"name": "d", "labels": {"app": "a"}},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "a"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
                "template": {"spec": {"containers": [
                    {"name": "c", "resources": {}, "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                ]}},
            },
        });
        let changes = Changes::between(kind, None, &new).without_system_fields();
        // As a real server answers to it.
        assert_eq!(
            changes.set().to_value(),
            json!({
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:replicas": {}, "f:selector": {},
                    "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}, "f:type": {}},
                    "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {
                        ".": {}, "f:name": {}, "f:resources": {},
                        "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}":
                            {".": {}, "f:containerPort": {}, "f:protocol": {}}},
                    }}}},
                },
            })
        );
    }

    #[test]
    fn an_atomic_map_changes_as_a_whole() {
        let kind = kinds::by_name("Service").unwrap();
        let service = |color: &str| json!({"spec": {"selector": {"app": "a", "color": color}, "type": "ClusterIP"}});
        let changes = Changes::between(kind, Some(&service("blue")), &service("green"));
        assert_eq!(changes.modified.paths(), [".spec.selector"]);
        assert!(changes.added.is_empty() && changes.removed.is_empty());
        assert!(Changes::between(kind, Some(&service("blue")), &service("blue")).is_none());
    }
}
