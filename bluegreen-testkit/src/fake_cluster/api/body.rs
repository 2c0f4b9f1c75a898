//! The bodies of requests.

use bytes::Bytes;
use serde_json::Value;

use super::super::error::ApiError;
use super::super::kinds::Kind;
use super::super::meta;
use super::call::Call;

/// Reads JSON that should be an object of `kind`.
pub(crate) fn json(body: &Bytes, kind: &str) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = String::from_utf8_lossy(body);
        let message = format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: \
             {error} ({text})"
        );
        ApiError::bad_request(message)
    })
}

/// Reads an object that is to be made or to replace another one.
pub(crate) fn object(body: &Bytes, kind: &Kind, call: &Call) -> Result<Value, ApiError> {
    let object = json(body, kind.kind)?;
    let given = object.get("kind").and_then(Value::as_str).filter(|given| *given != kind.kind);
    if let Some(given) = given {
        let version = kind.api_version();
        let message = format!("{given} in version \"{version}\" cannot be handled as a {}", kind.kind);
        return Err(ApiError::bad_request(message));
    }
    check_place(&object, call)?;
    Ok(object)
}

/// Whether an object belongs where the path says.
pub(crate) fn check_place(object: &Value, call: &Call) -> Result<(), ApiError> {
    let namespace = meta::text(object, "/metadata/namespace");
    if !namespace.is_empty() && namespace != call.namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::bad_request(message));
    }
    let (name, wanted) = (meta::name(object), &call.name);
    if !wanted.is_empty() && name != wanted {
        let message = if name.is_empty() {
            format!("the name of the object ({wanted} based on URL) was undeterminable: name must be provided")
        } else {
            format!("the name of the object ({name}) does not match the name on the URL ({wanted})")
        };
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}
