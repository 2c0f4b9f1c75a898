//! Requests that change something.

use std::sync::Arc;

use http::{StatusCode, header};
use serde_json::{Value, json};

use super::super::error::{ApiError, Cause};
use super::super::kinds::Kind;
use super::super::meta;
use super::super::patch::{self, Format};
use super::super::store::{DeleteOptions, Key, Propagation, State, Subresource, Writer};
use super::answer::{self, Answer};
use super::call::{Call, Verb};
use super::selector::Filter;
use super::{Request, body, list, scale};

/// Does what a request asks for.
pub(super) fn write(state: &mut State, kind: &'static Kind, request: &Request<'_>) -> Result<Answer, ApiError> {
    let writer = writer(request)?;
    let call = &request.call;
    let subresource = match call.subresource.as_str() {
        "status" => Subresource::Status,
        "scale" => Subresource::Scale,
        _ => Subresource::Main,
    };
    match call.verb {
        Verb::Create => {
            let object = body::object(request.body, kind, call)?;
            let made = state.create(kind, &call.namespace, object, &writer)?;
            Ok(answer::object(StatusCode::CREATED, &made))
        }
        Verb::Update => replace(state, kind, subresource, request, &writer),
        Verb::Patch => change(state, kind, subresource, request, &writer),
        Verb::DeleteCollection => delete_all(state, kind, request, &writer),
        _ => delete(state, kind, request, &writer),
    }
}

fn writer(request: &Request<'_>) -> Result<Writer, ApiError> {
    let dry_run: Vec<&str> = request.call.query.all("dryRun").collect();
    if dry_run.iter().any(|value| *value != "All") {
        let options = match request.call.verb {
            Verb::Create => "CreateOptions",
            Verb::Update => "UpdateOptions",
            Verb::Patch => "PatchOptions",
            _ => "DeleteOptions",
        };
        let cause = Cause::unsupported("dryRun", &json!(dry_run), "\"All\"");
        return Err(ApiError::invalid_kind("meta.k8s.io", options, "", &[cause]));
    }
    Ok(Writer { manager: request.manager(), dry_run: !dry_run.is_empty() })
}

fn replace(
    state: &mut State,
    kind: &'static Kind,
    subresource: Subresource,
    request: &Request<'_>,
    writer: &Writer,
) -> Result<Answer, ApiError> {
    let call = &request.call;
    let stored = if subresource == Subresource::Scale {
        let new = body::json(request.body, "Scale")?;
        body::check_place(&new, call)?;
        let scaled = |live: &Value| scale::into(live, &new);
        state.update(kind, &call.namespace, &call.name, subresource, writer, scaled)?
    } else {
        let object = body::object(request.body, kind, call)?;
        // Of all kinds, only a Lease is made by a PUT.
        if kind.kind == "Lease" && state.get(kind, &call.namespace, &call.name).is_none() {
            let made = state.create(kind, &call.namespace, object, writer)?;
            return Ok(answer::object(StatusCode::CREATED, &made));
        }
        state.update(kind, &call.namespace, &call.name, subresource, writer, |_| Ok(object))?
    };
    Ok(written(subresource, StatusCode::OK, &stored))
}

fn change(
    state: &mut State,
    kind: &'static Kind,
    subresource: Subresource,
    request: &Request<'_>,
    writer: &Writer,
) -> Result<Answer, ApiError> {
    let format = Format::of(request.header(header::CONTENT_TYPE), kind)?;
    if format == Format::Apply && subresource != Subresource::Scale {
        return apply(state, kind, subresource, request, writer);
    }
    if request.call.query.get("force").is_some() {
        let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
        return Err(ApiError::invalid_kind("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    let call = &request.call;
    let patch = body::json(request.body, kind.kind)?;
    let patched = |object: &Value| match format {
        Format::Json => patch::json(object, patch),
        Format::Strategic if subresource != Subresource::Scale => patch::strategic(kind, object, &patch),
        _ => Ok(patch::merge(object, &patch)),
    };
    let change = |live: &Value| {
        if subresource == Subresource::Scale {
            return scale::into(live, &patched(&scale::of(live))?);
        }
        let object = patched(live)?;
        body::check_place(&object, call)?;
        if let Some(uid) = object.pointer("/metadata/uid").filter(|uid| *uid != meta::uid(live)) {
            let cause = Cause::invalid("metadata.uid", uid, "field is immutable");
            // The server says it twice.
            return Err(ApiError::invalid(kind, &call.name, &[cause.clone(), cause]));
        }
        Ok(object)
    };
    let stored = state.update(kind, &call.namespace, &call.name, subresource, writer, change)?;
    Ok(written(subresource, StatusCode::OK, &stored))
}

fn apply(
    state: &mut State,
    kind: &'static Kind,
    subresource: Subresource,
    request: &Request<'_>,
    writer: &Writer,
) -> Result<Answer, ApiError> {
    let call = &request.call;
    if call.query.get("fieldManager").is_none() {
        let cause = Cause::required_because("fieldManager", "is required for apply patch");
        return Err(ApiError::invalid_kind("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    let applied = body::json(request.body, kind.kind)?;
    if applied.pointer("/metadata/managedFields").is_some() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let text = |name: &str| applied.get(name).and_then(Value::as_str).unwrap_or_default();
    if (text("apiVersion"), text("kind")) != (kind.api_version().as_str(), kind.kind) {
        let (group, version) = text("apiVersion").rsplit_once('/').unwrap_or(("", text("apiVersion")));
        let message = format!("invalid object type: {group}/{version}, Kind={}", text("kind"));
        return Err(ApiError::bad_request(message));
    }
    body::check_place(&applied, call)?;
    if state.get(kind, &call.namespace, &call.name).is_none() {
        request.user.check(state, &Call { verb: Verb::Create, ..call.clone() })?;
    }
    let force = call.query.is_true("force");
    let (stored, made) = state.apply(kind, &call.namespace, &applied, force, subresource, writer)?;
    Ok(written(subresource, if made { StatusCode::CREATED } else { StatusCode::OK }, &stored))
}

fn written(subresource: Subresource, code: StatusCode, object: &Value) -> Answer {
    if subresource == Subresource::Scale {
        answer::object(code, &scale::of(object))
    } else {
        answer::object(code, object)
    }
}

fn delete(state: &mut State, kind: &'static Kind, request: &Request<'_>, writer: &Writer) -> Result<Answer, ApiError> {
    let call = &request.call;
    let options = delete_options(request, writer)?;
    let (object, gone) = state.delete(kind, &call.namespace, &call.name, &options)?;
    if !gone || tells_deleted(kind) {
        return Ok(answer::object(StatusCode::OK, &object));
    }
    let mut details = json!({"name": call.name, "kind": kind.plural, "uid": meta::uid(&object)});
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Ok(answer::object(StatusCode::OK, &status))
}

/// The kinds of which the answer to a deletion is the object.
fn tells_deleted(kind: &Kind) -> bool {
    matches!(kind.kind, "Pod" | "Service" | "ServiceAccount" | "ResourceQuota")
}

fn delete_all(
    state: &mut State,
    kind: &'static Kind,
    request: &Request<'_>,
    writer: &Writer,
) -> Result<Answer, ApiError> {
    let call = &request.call;
    let filter = Filter::parse(kind, &call.query)?;
    let options = delete_options(request, writer)?;
    let found = state.list(kind, &call.namespace).filter(|(_, object)| filter.matches(object));
    let found: Vec<(Key, Arc<Value>)> = found.map(|(key, object)| (key.clone(), Arc::clone(object))).collect();
    for (key, _) in &found {
        match state.delete(kind, &key.namespace, &key.name, &options) {
            // What it belonged to may have taken it along.
            Err(error) if error.code() != 404 => return Err(error),
            _ => {}
        }
    }
    let metadata = json!({"resourceVersion": state.revision().to_string()});
    let items = found.iter().map(|(_, object)| object);
    Ok(answer::object(StatusCode::OK, &list::body(kind, &metadata, items)))
}

/// How to delete: as the body says, else as the query does.
fn delete_options(request: &Request<'_>, writer: &Writer) -> Result<DeleteOptions, ApiError> {
    let body = if request.body.is_empty() { json!({}) } else { body::json(request.body, "DeleteOptions")? };
    let query = &request.call.query;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let policy = text("/propagationPolicy").or_else(|| query.get("propagationPolicy").map(str::to_owned));
    Ok(DeleteOptions {
        uid: text("/preconditions/uid"),
        resource_version: text("/preconditions/resourceVersion"),
        propagation: match policy.as_deref() {
            Some("Foreground") => Propagation::Foreground,
            Some("Orphan") => Propagation::Orphan,
            _ => Propagation::Background,
        },
        grace: body.get("gracePeriodSeconds").and_then(Value::as_u64).or_else(|| query.number("gracePeriodSeconds")),
        dry_run: writer.dry_run || meta::list(&body, "/dryRun").iter().any(|value| value == "All"),
    })
}
