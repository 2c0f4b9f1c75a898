//! Reading the API server's refusals: what they mean for the effect of a write.

use std::error::Error as StdError;

use bluegreen_core::BackendError;
use hyper_util::client::legacy::Error as TransportError;
use kube::core::Status;

use super::count::NoAnswer;

/// What `error` means for a request to `action` (`read`, `patch`) `object` (`Service/checkout`). `write` says whether
/// the request would have changed something: only then is it of interest what can't be known.
pub(crate) fn classify(action: &str, object: &str, error: kube::Error, write: bool) -> BackendError {
    let (action, object) = (action.to_owned(), object.to_owned());
    match error {
        kube::Error::Api(status) => answered(action, object, &status, write),
        kube::Error::BuildRequest(error) => BackendError::Refused { action, object, message: error.to_string() },
        // Credentials are fetched before anything is sent.
        error @ kube::Error::Auth(_) => BackendError::Unavailable { action, object, source: Box::new(error) },
        kube::Error::Service(error) => match error.downcast::<NoAnswer>() {
            Ok(no_answer) => BackendError::TimedOut { action, object, after: no_answer.after },
            Err(error) => broke_off(action, object, kube::Error::Service(error), write),
        },
        kube::Error::SerdeError(error) if !write => {
            BackendError::Unusable { object, message: format!("the answer of the API server can't be read: {error}") }
        }
        error => broke_off(action, object, error, write),
    }
}

/// The request had no complete answer.
fn broke_off(action: String, object: String, error: kube::Error, write: bool) -> BackendError {
    let source = Box::new(error);
    if write && !never_sent(source.as_ref()) {
        BackendError::Unknown { action, object, source }
    } else {
        BackendError::Unavailable { action, object, source }
    }
}

/// Whether it failed before there was a connection to send on.
fn never_sent(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .any(|error| error.downcast_ref::<TransportError>().is_some_and(TransportError::is_connect))
}

/// The API server, or something before it, said no.
fn answered(action: String, object: String, status: &Status, write: bool) -> BackendError {
    let message = words(status);
    match status.code {
        404 => BackendError::NotFound { object, hint: format!("check its name and namespace ({message})") },
        401 => BackendError::Denied { action, object, message },
        403 if is_missing_permission(&status.message) => BackendError::Denied { action, object, message },
        409 => conflict(object, message),
        422 if !has_causes(status) => conflict(object, message),
        400..=407 | 411..=428 => BackendError::Refused { action, object, message },
        // Turned away at the door.
        429 => BackendError::Unavailable { action, object, source: Answer::boxed(status) },
        // Admission comes before anything is stored.
        500 if status.message.contains("failed calling webhook") => {
            BackendError::Unavailable { action, object, source: Answer::boxed(status) }
        }
        // Most of these are sent before anything is done, but none of them says so.
        _ if write => BackendError::Unknown { action, object, source: Answer::boxed(status) },
        _ => BackendError::Unavailable { action, object, source: Answer::boxed(status) },
    }
}

fn conflict(object: String, found: String) -> BackendError {
    BackendError::Conflict { object, expected: "the state that was read before".into(), found }
}

/// Quotas and webhooks also answer with 403; only the authorizer names the user and the verb.
fn is_missing_permission(message: &str) -> bool {
    message.contains("User \"") && message.contains(" cannot ")
}

/// A failed `test` of a JSON patch is answered without any detail; an invalid object names its fields.
fn has_causes(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.causes.is_empty())
}

fn words(status: &Status) -> String {
    match (status.message.trim(), status.reason.as_str()) {
        ("", "") => format!("the API server answered {} without a word", status.code),
        ("", reason) => reason.to_owned(),
        (message, _) => message.to_owned(),
    }
}

/// An answer of the API server that is the cause of something else.
#[derive(Debug, thiserror::Error)]
#[error("the API server answered {code}: {message}")]
struct Answer {
    code: u16,
    message: String,
}

impl Answer {
    fn boxed(status: &Status) -> Box<Self> {
        Box::new(Self { code: status.code, message: words(status) })
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]
mod tests {
    use super::*;
    use bluegreen_core::{Effect, chain};
    use serde_json::{Value, json};

    fn name(error: &BackendError) -> &'static str {
        match error {
            BackendError::Conflict { .. } => "conflict",
            BackendError::NotFound { .. } => "not found",
            BackendError::Denied { .. } => "denied",
            BackendError::Refused { .. } => "refused",
            BackendError::Unavailable { .. } => "unavailable",
            BackendError::Unknown { .. } => "unknown",
            BackendError::TimedOut { .. } => "timed out",
            BackendError::Unusable { .. } => "unusable",
            _ => "other",
        }
    }

    fn answer(code: u16, reason: &str, message: &str, causes: Value) -> kube::Error {
        let status = json!({"status": "Failure", "code": code, "reason": reason, "message": message,
            "details": {"causes": causes}});
        kube::Error::Api(Box::new(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn answers_are_read_for_what_they_say_about_the_effect() {
        let rbac = r#"services "a" is forbidden: User "u" cannot patch resource "services" in API group """#;
        let opaque = "the server rejected our request due to an error in our request";
        let field = json!([{"reason": "FieldValueInvalid", "message": "must be ..", "field": "spec.ports"}]);
        let none = json!([]);
        // code, reason, message, causes, when writing, when reading
        let cases = [
            (400, "BadRequest", "bad", &none, "refused", "refused"),
            (401, "Unauthorized", "Unauthorized", &none, "denied", "denied"),
            (403, "Forbidden", rbac, &none, "denied", "denied"),
            (403, "Forbidden", r#"pods "a" is forbidden: exceeded quota: q"#, &none, "refused", "refused"),
            (403, "", r#"admission webhook "w" denied the request: no"#, &none, "refused", "refused"),
            (404, "NotFound", r#"services "a" not found"#, &none, "not found", "not found"),
            (409, "Conflict", "the object has been modified", &none, "conflict", "conflict"),
            (409, "AlreadyExists", "already exists", &none, "conflict", "conflict"),
            (410, "Expired", "too old resource version", &none, "unknown", "unavailable"),
            (415, "UnsupportedMediaType", "no", &none, "refused", "refused"),
            (422, "Invalid", opaque, &none, "conflict", "conflict"),
            (422, "Invalid", "spec.ports: Invalid value", &field, "refused", "refused"),
            (429, "TooManyRequests", "slow down", &none, "unavailable", "unavailable"),
            (500, "InternalError", "failed calling webhook \"w\": refused", &none, "unavailable", "unavailable"),
            (500, "InternalError", "etcdserver: request timed out", &none, "unknown", "unavailable"),
            (503, "ServiceUnavailable", "shutting down", &none, "unknown", "unavailable"),
            (504, "Timeout", "context deadline exceeded", &none, "unknown", "unavailable"),
        ];
        for (code, reason, message, causes, writing, reading) in cases {
            for (write, expected) in [(true, writing), (false, reading)] {
                let error = classify("patch", "Service/a", answer(code, reason, message, causes.clone()), write);
                assert_eq!(name(&error), expected, "{code} {reason}, write: {write}");
                let text = chain(&error);
                assert_eq!(text.matches(message).count(), 1, "{text}");
                assert!(text.contains("Service/a"), "{text}");
            }
        }
    }

    #[test]
    fn an_answer_without_words_is_still_told() {
        let error = classify("read", "Service/a", answer(502, "", "", json!([])), false);
        assert!(chain(&error).contains("answered 502"), "{}", chain(&error));
    }

    #[test]
    fn silence_and_broken_answers_leave_a_write_unknown() {
        let silent = || kube::Error::Service(Box::new(NoAnswer { after: std::time::Duration::from_secs(10) }));
        let reset = || kube::Error::Service(Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        let garbled = || kube::Error::SerdeError(serde_json::from_str::<Value>("{").unwrap_err());
        type Case = (fn() -> kube::Error, &'static str, &'static str);
        let cases: [Case; 3] =
            [(silent, "timed out", "timed out"), (reset, "unknown", "unavailable"), (garbled, "unknown", "unusable")];
        for (error, writing, reading) in cases {
            let written = classify("patch", "Service/a", error(), true);
            assert_eq!((name(&written), written.effect()), (writing, Effect::Unknown));
            assert_eq!(name(&classify("read", "Service/a", error(), false)), reading);
        }
    }

    #[tokio::test]
    async fn a_write_that_never_had_a_connection_had_no_effect() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let config = kube::Config::new(format!("http://{address}").parse().unwrap());
        let cluster = super::super::Cluster::from_config(config).unwrap();
        let services = cluster.api::<k8s_openapi::api::core::v1::Service>("shop");
        let params = kube::api::DeleteParams::default();
        let error =
            cluster.write("delete", "Service/checkout", services.delete("checkout", &params)).await.unwrap_err();
        assert_eq!((name(&error), error.effect()), ("unavailable", Effect::No), "{}", chain(&error));
        assert_eq!(cluster.requests().writes, 1);
    }
}
