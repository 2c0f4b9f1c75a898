//! What a server answers to one request.

use serde_json::{Value, json};

/// An answer as it came: code and body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    /// What isn't JSON is kept as text.
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that must be a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.code), "{} {:#}", self.code, self.body);
        self.body
    }

    /// As [`ok`](Self::ok), with exactly this code.
    #[track_caller]
    pub(crate) fn ok_with(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{:#}", self.body);
        self.body
    }

    /// A refusal must be a `Status` of this code and reason, and say this. Returns its details.
    #[track_caller]
    pub(crate) fn refused(self, code: u16, reason: &str, message: &str) -> Value {
        let expected = json!([code, "v1", "Status", "Failure", code, reason, message]);
        let body = &self.body;
        let found = json!([
            self.code,
            body["apiVersion"],
            body["kind"],
            body["status"],
            body["code"],
            body["reason"],
            body["message"]
        ]);
        assert_eq!(found, expected, "{:#}", body["details"]);
        body["details"].clone()
    }
}

/// The resourceVersion of an object or a list.
#[track_caller]
pub(crate) fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_else(|| panic!("no resourceVersion: {object:#}"))
        .to_owned()
}

/// The uid of an object.
#[track_caller]
pub(crate) fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_else(|| panic!("no uid: {object:#}")).to_owned()
}

/// The name of an object.
#[track_caller]
pub(crate) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_else(|| panic!("no name: {object:#}")).to_owned()
}

/// The items of a list.
#[track_caller]
pub(crate) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().unwrap_or_else(|| panic!("not a list: {list:#}"))
}

/// The names of the items of a list, sorted.
#[track_caller]
pub(crate) fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<_> = items(list).iter().map(name).collect();
    names.sort();
    names
}

/// One condition of an object's status; null if there is none.
pub(crate) fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().find(|condition| condition["type"] == kind).cloned().unwrap_or_default()
}

/// Status and reason of a condition, as in `True NewReplicaSetAvailable`.
pub(crate) fn condition_text(object: &Value, kind: &str) -> String {
    let condition = condition(object, kind);
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("status"), text("reason")).trim().to_owned()
}
