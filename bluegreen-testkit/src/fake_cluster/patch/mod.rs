//! The patches that change an object; the fourth kind, apply, is in `fields`.

mod strategic;

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
    json_patch::patch(&mut patched, &patch).map_err(|_| ApiError::patch_failed())?;
    Ok(patched)
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
