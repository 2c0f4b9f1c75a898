//! The refusals of the API server, word for word.

use std::fmt;

use serde_json::{Value, json};

use super::kinds::Kind;

/// A refusal: what the real server would answer with.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

/// One reason why an object is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    reason: &'static str,
    message: String,
    field: String,
}

impl Cause {
    pub(crate) fn required(field: impl Into<String>) -> Self {
        Self { reason: "FieldValueRequired", message: "Required value".to_owned(), field: field.into() }
    }

    pub(crate) fn required_because(field: impl Into<String>, why: &str) -> Self {
        Self { reason: "FieldValueRequired", message: format!("Required value: {why}"), field: field.into() }
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self { reason: "FieldValueInvalid", message: format!("Invalid value: {value}: {why}"), field: field.into() }
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self { reason: "FieldValueDuplicate", message: format!("Duplicate value: {value}"), field: field.into() }
    }

    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {why}"), field: field.into() }
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, supported: &str) -> Self {
        let message = format!("Unsupported value: {value}: supported values: {supported}");
        Self { reason: "FieldValueNotSupported", message, field: field.into() }
    }

    fn to_value(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>, details: Option<Value>) -> Self {
        Self { code, reason, message: message.into(), details }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The reason in one word, such as `NotFound`; empty if the server gives none.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.reason
    }

    /// What the server says.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The body of the answer: a `Status`.
    #[must_use]
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, None)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message, None)
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::new(404, "NotFound", message, Some(details(kind.group, kind.plural, name)))
    }

    /// A kind that isn't served, within a group that is.
    pub(crate) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource", Some(json!({})))
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message, Some(json!({})))
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str, deleting: bool) -> Self {
        let prefix = if deleting { "object is being deleted: " } else { "" };
        let message = format!("{prefix}{} \"{name}\" already exists", kind.resource());
        Self::new(409, "AlreadyExists", message, Some(details(kind.group, kind.plural, name)))
    }

    /// The resourceVersion of a write is not the object's.
    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self::new(409, "Conflict", message, Some(details(kind.group, kind.plural, name)))
    }

    /// A precondition of a deletion, which names the kind and not the resource.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.qualified_kind());
        Self::new(409, "Conflict", message, Some(details(kind.group, kind.kind, name)))
    }

    /// Fields that others applied: the conflicts of each manager, as the server names it.
    pub(crate) fn apply_conflict(conflicts: &[(String, Vec<String>)]) -> Self {
        let count: usize = conflicts.iter().map(|(_, fields)| fields.len()).sum();
        let message = match conflicts {
            [(manager, fields)] if count == 1 => {
                format!("Apply failed with 1 conflict: conflict with {manager}: {}", fields.concat())
            }
            _ => {
                let each = conflicts
                    .iter()
                    .map(|(manager, fields)| format!("conflicts with {manager}:\n- {}", fields.join("\n- ")));
                format!("Apply failed with {count} conflicts: {}", each.collect::<Vec<_>>().join("\n"))
            }
        };
        let causes: Vec<Value> = conflicts
            .iter()
            .flat_map(|(manager, fields)| fields.iter().map(move |field| (manager, field)))
            .map(|(manager, field)| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field})
            })
            .collect();
        Self::new(409, "Conflict", message, Some(json!({"causes": causes})))
    }

    /// An object that breaks rules.
    pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_kind(kind.group, kind.kind, name, causes)
    }

    pub(crate) fn invalid_kind(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let words: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let words = if let [one] = words.as_slice() { one.clone() } else { format!("[{}]", words.join(", ")) };
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut details = details(group, kind, name);
        details["causes"] = causes.iter().map(Cause::to_value).collect();
        Self::new(422, "Invalid", format!("{qualified} \"{name}\" is invalid: {words}"), Some(details))
    }

    /// A JSON patch that can't be done: its `test` failed, or what it changes isn't there. The server says no more.
    pub(crate) fn patch_failed() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message, Some(json!({})))
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type", Some(json!({})))
    }

    pub(crate) fn forbidden(kind_group: &str, plural: &str, name: &str, why: &str) -> Self {
        let resource = if kind_group.is_empty() { plural.to_owned() } else { format!("{plural}.{kind_group}") };
        let object = if name.is_empty() { resource } else { format!("{resource} \"{name}\"") };
        let details = details(kind_group, plural, name);
        Self::new(403, "Forbidden", format!("{object} is forbidden: {why}"), Some(details))
    }

    pub(crate) fn namespace_terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut error = Self::forbidden(kind.group, kind.plural, name, &why);
        if let Some(details) = &mut error.details {
            details["causes"] = json!([{
                "reason": "NamespaceTerminating", "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            }]);
        }
        error
    }

    /// A watch or a list that asks for what was forgotten.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message, None)
    }

    pub(crate) fn too_large_version(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        Self::new(504, "Timeout", message, Some(json!({"causes": [cause], "retryAfterSeconds": 1})))
    }

    /// An answer that a test asked for.
    pub(crate) fn injected(code: u16, message: String) -> Self {
        let reason = match code {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            410 => "Expired",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        Self::new(code, reason, message, None)
    }
}

fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut details = json!({"kind": kind});
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    if !name.is_empty() {
        details["name"] = json!(name);
    }
    details
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API server answers {}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}
