//! The patches that change an object; the fourth kind, apply, is in `fields`.

mod strategic;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, ReplaceOperation};
use serde_json::Value;

use super::error::ApiError;
use super::fields::Place;
use super::kinds::Kind;

/// How a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON Patch, RFC 6902.
    Json,
    /// JSON Merge Patch, RFC 7386.
    Merge,
    /// Kubernetes' own, which merges lists by key.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl Format {
    /// The format that a `Content-Type` names; custom resources have no strategic merge.
    pub(crate) fn of(content_type: &str, kind: &Kind) -> Result<Self, ApiError> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" if !kind.is_custom() => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            _ => Err(ApiError::unsupported_media_type()),
        }
    }
}

/// Applies a JSON Patch. One operation that fails fails it all.
pub(crate) fn json(object: &Value, patch: Value) -> Result<Value, ApiError> {
    if !patch.is_array() {
        let message =
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp";
        return Err(ApiError::bad_request(message));
    }
    let patch: json_patch::Patch = serde_json::from_value(patch).map_err(|_| ApiError::patch_failed())?;
    let mut patched = object.clone();
    for operation in patch.0 {
        if let Some(operation) = as_go_reads_it(&patched, operation) {
            json_patch::patch(&mut patched, &[operation]).map_err(|_| ApiError::patch_failed())?;
        }
    }
    Ok(patched)
}

/// The server's library is less strict than RFC 6902: to `replace` a field that isn't there adds it, and to `test` one for
/// null succeeds. None if nothing is left to do.
fn as_go_reads_it(object: &Value, operation: PatchOperation) -> Option<PatchOperation> {
    let is_missing_field = |path: &PointerBuf| {
        let (parent, _) = path.split_back()?;
        let parent = object.pointer(parent.as_str())?;
        Some(parent.is_object() && object.pointer(path.as_str()).is_none())
    };
    match operation {
        PatchOperation::Replace(ReplaceOperation { path, value }) if is_missing_field(&path) == Some(true) => {
            Some(PatchOperation::Add(AddOperation { path, value }))
        }
        PatchOperation::Test(test) if test.value.is_null() && is_missing_field(&test.path) == Some(true) => None,
        operation => Some(operation),
    }
}

/// Applies a merge patch: maps are merged, null takes a field away, everything else is replaced.
pub(crate) fn merge(object: &Value, patch: &Value) -> Value {
    let mut patched = object.clone();
    json_patch::merge(&mut patched, patch);
    patched
}

/// Applies a strategic merge patch: as a merge patch, but lists of objects that have a key are merged by it.
pub(crate) fn strategic(kind: &Kind, object: &Value, patch: &Value) -> Result<Value, ApiError> {
    strategic::merge(Place::root(kind), object, patch)
}
