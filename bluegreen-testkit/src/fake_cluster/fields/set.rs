//! Sets of fields, as `managedFields` hold them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A set of fields of an object: a tree whose nodes may be members.
///
/// The names of its branches are those of `fieldsV1`: `f:spec`, `k:{"name":"app"}`, `v:"a"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    member: bool,
    below: BTreeMap<String, Self>,
}

impl FieldSet {
    /// The set of this field alone, seen from itself.
    pub(crate) fn leaf() -> Self {
        Self { member: true, below: BTreeMap::new() }
    }

    /// Reads a `fieldsV1`.
    pub(crate) fn parse(fields: &Value) -> Self {
        let branches = fields.as_object().into_iter().flatten().filter(|(name, _)| *name != ".");
        let below = branches.map(|(name, below)| (name.clone(), Self::parse_branch(below))).collect();
        Self { member: false, below }
    }

    fn parse_branch(fields: &Value) -> Self {
        let mut set = Self::parse(fields);
        set.member = set.below.is_empty() || fields.get(".").is_some();
        set
    }

    /// As a `fieldsV1`.
    pub(crate) fn to_value(&self) -> Value {
        let mut fields = Map::new();
        if self.member && !self.below.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        fields.extend(self.below.iter().map(|(name, below)| (name.clone(), below.to_value())));
        Value::Object(fields)
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }

    pub(crate) const fn is_member(&self) -> bool {
        self.member
    }

    pub(crate) fn get(&self, branch: &str) -> Option<&Self> {
        self.below.get(branch)
    }

    pub(crate) fn branches(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.below.iter().map(|(name, below)| (name.as_str(), below))
    }

    /// Adds `set` under a branch, unless it is empty.
    pub(crate) fn put(&mut self, branch: String, set: Self) {
        if !set.is_empty() {
            self.below.insert(branch, set);
        }
    }

    pub(crate) fn insert_here(&mut self) {
        self.member = true;
    }

    /// Takes a branch away.
    pub(crate) fn remove(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => {
                self.below.remove(*last);
            }
            [first, rest @ ..] => {
                if let Some(below) = self.below.get_mut(*first) {
                    below.remove(rest);
                    if below.is_empty() {
                        self.below.remove(*first);
                    }
                }
            }
        }
    }

    /// What is in one or the other.
    #[must_use]
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.member |= other.member;
        for (name, below) in &other.below {
            let merged = all.below.get(name).map_or_else(|| below.clone(), |mine| mine.union(below));
            all.below.insert(name.clone(), merged);
        }
        all
    }

    /// What is in both.
    #[must_use]
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut both = Self { member: self.member && other.member, below: BTreeMap::new() };
        for (name, below) in &self.below {
            if let Some(theirs) = other.below.get(name) {
                both.put(name.clone(), below.intersection(theirs));
            }
        }
        both
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut rest = Self { member: self.member && !other.member, below: BTreeMap::new() };
        for (name, below) in &self.below {
            let left = other.below.get(name).map_or_else(|| below.clone(), |theirs| below.difference(theirs));
            rest.put(name.clone(), left);
        }
        rest
    }

    /// The members as errors name them, as in `.spec.ports[port=80,protocol="TCP"].name`: those of a level before
    /// those below it.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, at: &str, paths: &mut Vec<String>) {
        let path_of = |name: &str| format!("{at}{}", in_words(name));
        paths.extend(self.below.iter().filter(|(_, below)| below.member).map(|(name, _)| path_of(name)));
        for (name, below) in &self.below {
            below.collect_paths(&path_of(name), paths);
        }
    }
}

/// One step of a path.
fn in_words(branch: &str) -> String {
    match branch.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", key)) => {
            let key = serde_json::from_str::<Map<String, Value>>(key).unwrap_or_default();
            let parts: Vec<String> = key.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", parts.join(","))
        }
        Some(("v", value)) => format!("[={value}]"),
        _ => branch.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_reads_and_writes_fields_v1() {
        let fields =
            json!({"f:data": {".": {}, "f:a": {}}, "f:spec": {"f:ports": {"k:{\"port\":80}": {".": {}, "f:x": {}}}}});
        let set = FieldSet::parse(&fields);
        assert_eq!(set.to_value(), fields);
        assert_eq!(set.paths(), [".data", ".data.a", ".spec.ports[port=80]", ".spec.ports[port=80].x"]);
        assert!(FieldSet::parse(&json!({})).is_empty());
    }

    #[test]
    fn sets_are_combined_member_by_member() {
        let a = FieldSet::parse(&json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}}));
        let b = FieldSet::parse(&json!({"f:data": {"f:b": {}, "f:c": {}}}));
        assert_eq!(a.union(&b).to_value(), json!({"f:data": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}}}));
        assert_eq!(a.intersection(&b).to_value(), json!({"f:data": {"f:b": {}}}));
        assert_eq!(a.difference(&b).to_value(), json!({"f:data": {".": {}, "f:a": {}}}));
        assert!(a.difference(&a).is_empty());
    }
}
