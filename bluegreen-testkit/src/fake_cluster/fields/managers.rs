//! The entries of `managedFields`, and what a write makes of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::kinds::Kind;
use super::applied::{fields_of, merge, prune};
use super::compare::{Changes, remove_system_fields};
use super::schema::Place;
use super::set::FieldSet;

/// How a manager came to its fields. Applied entries come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who writes, and how. Two writes of the same manager share an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Manager {
    pub(crate) operation: Operation,
    pub(crate) name: String,
    /// `status` or `scale`, or empty for the object itself.
    pub(crate) subresource: String,
}

impl Manager {
    /// As a conflict names it.
    fn in_words(&self, api_version: &str) -> String {
        let mut words = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            words += &format!(" with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            words += &format!(" using {api_version}");
        }
        words
    }
}

/// What a manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    fields: FieldSet,
    api_version: String,
    /// When it last took fields; writes of the scale don't say.
    time: Option<String>,
}

/// All entries of an object's `managedFields`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Managers(BTreeMap<Manager, Owned>);

impl Managers {
    /// Reads them from an object's metadata.
    pub(crate) fn of(object: &Value) -> Self {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        Self(entries.into_iter().flatten().map(parse).collect())
    }

    /// Writes them into an object's metadata.
    pub(crate) fn write_to(&self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if self.0.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by(order);
        let entries = entries.into_iter().map(|(manager, owned)| to_value(manager, owned)).collect();
        metadata.insert("managedFields".to_owned(), entries);
    }

    /// Records what `manager` changed from `old` to `new`. `time` is none for a scale.
    pub(crate) fn update(
        &mut self,
        kind: &Kind,
        manager: &Manager,
        old: Option<&Value>,
        new: &Value,
        time: Option<&str>,
    ) {
        let changes = Changes::between(kind, old, new).without_system_fields();
        let changes = if kind.status && manager.subresource.is_empty() { changes.without("f:status") } else { changes };
        self.give_up(manager, &changes);
        let set = changes.set();
        if let Some(mine) = self.0.get_mut(manager) {
            mine.fields = mine.fields.difference(&changes.removed);
        }
        if !set.is_empty() {
            let before = self.0.get(manager).map(|mine| mine.fields.clone()).unwrap_or_default();
            let owned =
                Owned { fields: before.union(&set), api_version: kind.api_version(), time: time.map(str::to_owned) };
            self.0.insert(manager.clone(), owned);
        }
        self.0.retain(|_, owned| !owned.fields.is_empty());
    }

    /// Merges `applied` into `live`, takes away what the manager applied before and nobody owns now, and gives it what it
    /// names. Refuses to change the fields of others, unless it is forced.
    pub(crate) fn apply(
        &mut self,
        kind: &Kind,
        manager: &Manager,
        live: Option<&Value>,
        applied: &Value,
        force: bool,
        time: &str,
    ) -> Result<Value, ApiError> {
        if let Some(live) = live.filter(|_| self.0.is_empty()) {
            // Someone has cleared the list. What is there must still belong to somebody, or it could be taken by anyone.
            let before = Manager {
                name: "before-first-apply".to_owned(),
                operation: Operation::Update,
                subresource: String::new(),
            };
            self.update(kind, &before, None, live, Some(time));
        }
        let mut fields = fields_of(Place::root(kind), applied);
        remove_system_fields(&mut fields);
        let (last, last_time) = self.0.remove(manager).map(|owned| (owned.fields, owned.time)).unwrap_or_default();
        let owned = Owned { fields, api_version: kind.api_version(), time: last_time };
        self.0.insert(manager.clone(), owned);
        let mut merged = merge(Place::root(kind), live, applied);
        let managed = self.0.values().fold(FieldSet::default(), |all, owned| all.union(&owned.fields));
        prune(Place::root(kind), &mut merged, &last, &managed);
        let changes = Changes::between(kind, live, &merged).without_system_fields();
        if !force {
            self.refuse_conflicts(manager, &changes)?;
        }
        self.give_up(manager, &changes);
        self.0.retain(|_, owned| !owned.fields.is_empty());
        // Who only joins the owners of what is there already has not written anything.
        if let Some(mine) = self.0.get_mut(manager).filter(|_| !changes.is_none()) {
            mine.time = Some(time.to_owned());
        }
        Ok(merged)
    }

    /// Takes what was changed away from all others.
    fn give_up(&mut self, manager: &Manager, changes: &Changes) {
        let touched = changes.set().union(&changes.removed);
        for (_, owned) in self.0.iter_mut().filter(|(other, _)| *other != manager) {
            owned.fields = owned.fields.difference(&touched);
        }
    }

    fn refuse_conflicts(&self, manager: &Manager, changes: &Changes) -> Result<(), ApiError> {
        let set = changes.set();
        let conflicts: Vec<(String, Vec<String>)> = self
            .0
            .iter()
            .filter(|(other, _)| *other != manager)
            .map(|(other, owned)| (other.in_words(&owned.api_version), owned.fields.intersection(&set).paths()))
            .filter(|(_, fields)| !fields.is_empty())
            .collect();
        if conflicts.is_empty() { Ok(()) } else { Err(ApiError::apply_conflict(&conflicts)) }
    }
}

/// The server's order: what was applied first, then by time and name.
fn order((a, x): &(&Manager, &Owned), (b, y): &(&Manager, &Owned)) -> Ordering {
    (a.operation, &x.time, &a.name, &x.api_version, &a.subresource).cmp(&(
        b.operation,
        &y.time,
        &b.name,
        &y.api_version,
        &b.subresource,
    ))
}

fn parse(entry: &Value) -> (Manager, Owned) {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let operation = if text("operation") == "Apply" { Operation::Apply } else { Operation::Update };
    let owned = Owned {
        fields: FieldSet::parse(&entry["fieldsV1"]),
        api_version: text("apiVersion"),
        time: entry.get("time").and_then(Value::as_str).map(str::to_owned),
    };
    (Manager { operation, name: text("manager"), subresource: text("subresource") }, owned)
}

fn to_value(manager: &Manager, owned: &Owned) -> Value {
    let mut entry = json!({
        "manager": manager.name, "operation": manager.operation.as_str(), "apiVersion": owned.api_version,
        "fieldsType": "FieldsV1", "fieldsV1": owned.fields.to_value(),
    });
    if let Some(time) = &owned.time {
        entry["time"] = json!(time);
    }
    if !manager.subresource.is_empty() {
        entry["subresource"] = json!(manager.subresource);
    }
    entry
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]
mod tests {
    use super::super::super::kinds;
    use super::*;

    const TIME: &str = "2026-01-01T00:00:00Z";

    fn kind() -> &'static Kind {
        kinds::by_name("ConfigMap").unwrap()
    }

    fn manager(name: &str, operation: Operation) -> Manager {
        Manager { name: name.to_owned(), operation, subresource: String::new() }
    }

    fn map(data: Value) -> Value {
        json!({"metadata": {"name": "a"}, "data": data})
    }

    fn owned(managers: &Managers, name: &str) -> Value {
        let mut object = map(json!({}));
        managers.write_to(&mut object);
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        entries.iter().find(|entry| entry["manager"] == name).map_or(Value::Null, |entry| entry["fieldsV1"].clone())
    }

    #[test]
    fn a_change_moves_the_field_to_who_changed_it() {
        let mut managers = Managers::default();
        let (probe, me) = (manager("probe", Operation::Update), manager("me", Operation::Update));
        let old = map(json!({"k": "v"}));
        managers.update(kind(), &probe, None, &old, Some(TIME));
        assert_eq!(owned(&managers, "probe"), json!({"f:data": {".": {}, "f:k": {}}}));
        let new = map(json!({"k": "w"}));
        managers.update(kind(), &me, Some(&old), &new, Some(TIME));
        assert_eq!(owned(&managers, "probe"), json!({"f:data": {}}));
        assert_eq!(owned(&managers, "me"), json!({"f:data": {"f:k": {}}}));
        managers.update(kind(), &probe, Some(&new), &json!({"metadata": {"name": "a"}}), Some(TIME));
        assert_eq!(managers, Managers::default());
    }

    #[test]
    fn two_who_apply_the_same_own_it_together_and_differ_only_by_force() {
        let mut managers = Managers::default();
        let (m, n) = (manager("m", Operation::Apply), manager("n", Operation::Apply));
        let live = managers.apply(kind(), &m, None, &map(json!({"a": "b"})), false, TIME).unwrap();
        let error = managers.clone().apply(kind(), &n, Some(&live), &map(json!({"a": "c"})), false, TIME).unwrap_err();
        assert!(error.to_string().ends_with(r#"Apply failed with 1 conflict: conflict with "m": .data.a"#), "{error}");
        let live = managers.apply(kind(), &n, Some(&live), &map(json!({"a": "b", "d": "e"})), false, TIME).unwrap();
        assert_eq!(owned(&managers, "m"), json!({"f:data": {"f:a": {}}}));
        // One of two owners drops it: it stays. The last one drops it: it goes.
        let live = managers.apply(kind(), &m, Some(&live), &json!({"metadata": {}}), false, TIME).unwrap();
        assert_eq!(live["data"], json!({"a": "b", "d": "e"}));
        let live = managers.apply(kind(), &n, Some(&live), &map(json!({"d": "e"})), false, TIME).unwrap();
        assert_eq!(live["data"], json!({"d": "e"}));
        let live = managers.apply(kind(), &m, Some(&live), &map(json!({"d": "f"})), true, TIME).unwrap();
        assert_eq!(live["data"], json!({"d": "f"}));
        assert_eq!(owned(&managers, "n"), Value::Null);
    }
}
