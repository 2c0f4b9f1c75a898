//! Writes of existing objects that test what they expect.

use bluegreen_core::{BackendError, Fence};
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, TestOperation};
use kube::api::Patch;
use serde_json::{Map, Value, json};

use super::annotations::STAMP;

/// One atomic write of one existing object: what it tests, and what it sets.
///
/// With [`Fence::Stamp`] it is a JSON patch that tests the stamp annotation, and what else is asked for. With
/// [`Fence::Version`] it is a merge patch that carries the resourceVersion that was read: that tests the whole object
/// at once, and, unlike a JSON patch, it makes the map of annotations where there is none.
#[derive(Debug)]
pub(crate) enum FencedPatch {
    /// Built up for [`Fence::Stamp`].
    Stamp(Vec<PatchOperation>),
    /// Built up for [`Fence::Version`].
    Version(Value),
}

impl FencedPatch {
    /// Tests `fence` on `object`: the resourceVersion `version`, or the text `stamp` of its stamp annotation.
    pub(crate) fn new(object: &str, fence: Fence, version: &str, stamp: Option<String>) -> Result<Self, BackendError> {
        let unusable = |message: &str| BackendError::Unusable { object: object.into(), message: message.into() };
        match fence {
            Fence::Version if version.is_empty() => Err(unusable("it was read without a resourceVersion to test")),
            Fence::Version => Ok(Self::Version(json!({"metadata": {"resourceVersion": version}}))),
            Fence::Stamp => {
                let stamp = stamp.ok_or_else(|| unusable("it carries no stamp to test; test its version instead"))?;
                Ok(Self::Stamp(vec![test(&["metadata", "annotations", STAMP], stamp.into())]))
            }
        }
    }

    /// Also tests the value at `path`. A test of the version has tested it already, if both come from the same read.
    pub(crate) fn test(mut self, path: &[&str], value: Value) -> Self {
        if let Self::Stamp(operations) = &mut self {
            operations.push(test(path, value));
        }
        self
    }

    /// Sets the value at `path`, whose parent must be there. A map must name every key that is there already: a merge
    /// patch keeps those that aren't named.
    pub(crate) fn set(mut self, path: &[&str], value: Value) -> Self {
        match &mut self {
            Self::Stamp(operations) => operations.push(add(path, value)),
            Self::Version(merge) => put(merge, path, value),
        }
        self
    }

    /// Sets an annotation.
    pub(crate) fn annotate(self, name: &str, text: impl Into<String>) -> Self {
        self.set(&["metadata", "annotations", name], Value::String(text.into()))
    }

    /// Takes an annotation away, whether it is there or not.
    pub(crate) fn remove_annotation(mut self, name: &str) -> Self {
        let path = ["metadata", "annotations", name];
        match &mut self {
            // A JSON patch that removes what isn't there fails, so it is put there first.
            Self::Stamp(operations) => {
                operations.push(add(&path, Value::String(String::new())));
                operations.push(PatchOperation::Remove(RemoveOperation { path: pointer(&path) }));
            }
            Self::Version(merge) => put(merge, &path, Value::Null),
        }
        self
    }

    /// As the client wants it.
    pub(crate) fn build(self) -> Patch<Value> {
        match self {
            Self::Stamp(operations) => Patch::Json(json_patch::Patch(operations)),
            Self::Version(merge) => Patch::Merge(merge),
        }
    }
}

fn test(path: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation { path: pointer(path), value })
}

/// `add` replaces what is there; `replace` fails where nothing is.
fn add(path: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path: pointer(path), value })
}

/// A JSON pointer; `/` and `~` in names are escaped.
fn pointer(path: &[&str]) -> PointerBuf {
    PointerBuf::from_tokens(path.iter().copied())
}

/// Sets the value at `path` of a merge patch, whose every level is a map.
fn put(patch: &mut Value, path: &[&str], value: Value) {
    let mut at = patch;
    for name in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[*name];
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(patch: FencedPatch) -> Value {
        match patch.build() {
            Patch::Json(patch) => serde_json::to_value(patch).unwrap(),
            Patch::Merge(value) => value,
            other => panic!("{other:?}"),
        }
    }

    fn write(fence: Fence) -> Value {
        let patch = FencedPatch::new("Deployment/a", fence, "17", Some("1.2/h".into())).unwrap();
        body(
            patch
                .test(&["spec", "replicas"], json!(3))
                .set(&["spec", "replicas"], json!(0))
                .annotate(STAMP, "1.3/h")
                .remove_annotation("a~b/c"),
        )
    }

    #[test]
    fn a_stamp_is_tested_by_a_json_patch() {
        assert_eq!(
            write(Fence::Stamp),
            json!([
                {"op": "test", "path": "/metadata/annotations/bluegreen.rs~1stamp", "value": "1.2/h"},
                {"op": "test", "path": "/spec/replicas", "value": 3},
                {"op": "add", "path": "/spec/replicas", "value": 0},
                {"op": "add", "path": "/metadata/annotations/bluegreen.rs~1stamp", "value": "1.3/h"},
                {"op": "add", "path": "/metadata/annotations/a~0b~1c", "value": ""},
                {"op": "remove", "path": "/metadata/annotations/a~0b~1c"},
            ])
        );
    }

    #[test]
    fn a_version_is_tested_by_a_merge_patch() {
        assert_eq!(
            write(Fence::Version),
            json!({
                "metadata": {"resourceVersion": "17", "annotations": {STAMP: "1.3/h", "a~b/c": null}},
                "spec": {"replicas": 0},
            })
        );
    }

    #[test]
    fn a_write_that_would_test_nothing_is_refused() {
        assert!(FencedPatch::new("Deployment/a", Fence::Version, "", Some("1.2/h".into())).is_err());
        assert!(FencedPatch::new("Deployment/a", Fence::Stamp, "17", None).is_err());
    }
}
