//! Reading many objects: selectors, pages, and versions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::kinds::Kind;
use super::super::meta;
use super::super::store::{Key, State};
use super::call::Call;
use super::selector::Filter;

/// Answers a list.
pub(crate) fn list(state: &State, kind: &Kind, call: &Call) -> Result<Value, ApiError> {
    let filter = Filter::parse(kind, &call.query)?;
    let page = match call.query.get("continue") {
        Some(token) => Some(Page::parse(token)?),
        None => None,
    };
    let revision = revision(state, call, page.as_ref())?;
    let start = page.map(|page| page.after);
    let after_start =
        |key: &Key| start.as_ref().is_none_or(|(namespace, name)| (&key.namespace, &key.name) > (namespace, name));
    let mut found = state
        .list_at(kind, &call.namespace, revision)
        .into_iter()
        .filter(|(key, object)| after_start(key) && filter.matches(object));
    let limit = call.query.number("limit").filter(|limit| *limit > 0).and_then(|limit| usize::try_from(limit).ok());
    let items: Vec<(Key, Arc<Value>)> = found.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
    let rest = found.count();
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let Some((last, _)) = items.last().filter(|_| rest > 0) {
        metadata["continue"] = json!(Page::token(revision, last));
        if filter.is_empty() {
            metadata["remainingItemCount"] = json!(rest);
        }
    }
    Ok(body(kind, &metadata, items.iter().map(|(_, object)| object)))
}

/// The body of a list.
pub(crate) fn body<'a>(kind: &Kind, metadata: &Value, objects: impl Iterator<Item = &'a Arc<Value>>) -> Value {
    let items: Vec<Value> = objects.map(|object| item(kind, object)).collect();
    json!({
        "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": metadata, "items": items,
    })
}

/// An item of a list, which doesn't repeat its kind, unless it is a custom one.
fn item(kind: &Kind, object: &Arc<Value>) -> Value {
    let mut item = (**object).clone();
    if !kind.is_custom() {
        meta::fields(&mut item).retain(|name, _| name != "kind" && name != "apiVersion");
    }
    item
}

/// The version that is asked for.
fn revision(state: &State, call: &Call, page: Option<&Page>) -> Result<u64, ApiError> {
    let current = state.revision();
    let gone = |revision: u64| revision < state.forgotten();
    if let Some(page) = page {
        return if gone(page.revision) { Err(ApiError::expired(CONTINUE_TOO_OLD)) } else { Ok(page.revision) };
    }
    let wanted = match call.query.get("resourceVersion") {
        None => return Ok(current),
        Some(text) => parse_revision(text)
            .map_err(|why| ApiError::bad_request(format!("invalid resource version: {}", why.message())))?,
    };
    if wanted > current {
        return Err(ApiError::too_large_version(wanted, current));
    }
    match call.query.get("resourceVersionMatch") {
        Some("Exact") if gone(wanted) => {
            Err(ApiError::expired("The resourceVersion for the provided list is too old."))
        }
        Some("Exact") => Ok(wanted),
        _ => Ok(current),
    }
}

pub(crate) fn parse_revision(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| {
        let why = format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
        ApiError::internal(format!("resourceVersion: Invalid value: \"{text}\": {why}"))
    })
}

const CONTINUE_TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can \
    start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder \
    of the results. Continuing with the provided token results in an inconsistent list - objects that were created, \
    modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// Where a list goes on. Its token is opaque to clients.
struct Page {
    revision: u64,
    after: (String, String),
}

impl Page {
    fn parse(token: &str) -> Result<Self, ApiError> {
        let parse = || {
            let (revision, key) = token.split_once(':')?;
            let (namespace, name) = key.split_once('/')?;
            Some(Self { revision: revision.parse().ok()?, after: (namespace.to_owned(), name.to_owned()) })
        };
        parse().ok_or_else(|| ApiError::bad_request("invalid continue token: continue key is not valid"))
    }

    fn token(revision: u64, last: &Key) -> String {
        format!("{revision}:{}/{}", last.namespace, last.name)
    }
}
