//! Watches: what happens to the objects of a kind, one JSON line each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::BoxError;

use super::super::error::{ApiError, Cause};
use super::super::kinds::Kind;
use super::super::meta;
use super::super::store::{Change, State};
use super::Server;
use super::call::Call;
use super::list::parse_revision;
use super::selector::Filter;

/// How long a watch lasts unless its client says so.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);

/// How often a quiet watch says how far it is.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How long before its end a watch says so for the last time.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// A watch that goes on.
struct Watching {
    server: Arc<Server>,
    changed: watch::Receiver<u64>,
    cut: watch::Receiver<()>,
    kind: &'static Kind,
    namespace: String,
    filter: Filter,
    path: String,
    /// What happened up to here was told.
    told: u64,
    lines: VecDeque<String>,
    bookmarks: bool,
    next_bookmark: Instant,
    until: Instant,
    ended: bool,
}

/// Begins a watch.
pub(crate) fn start(
    server: &Arc<Server>,
    state: &State,
    kind: &'static Kind,
    call: &Call,
    path: &str,
) -> Result<impl Stream<Item = Result<Bytes, BoxError>> + Send + use<>, ApiError> {
    let now = Instant::now();
    let until = now + call.query.number("timeoutSeconds").map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let cut = server.cut.subscribe();
    let mut watching = Watching {
        changed: server.store.subscribe(),
        cut,
        server: Arc::clone(server),
        kind,
        namespace: call.namespace.clone(),
        filter: named(Filter::parse(kind, &call.query)?, call),
        path: path.to_owned(),
        told: state.revision(),
        lines: VecDeque::new(),
        bookmarks: call.query.is_true("allowWatchBookmarks"),
        next_bookmark: next_bookmark(now, until),
        until,
        ended: false,
    };
    watching.begin(state, call)?;
    Ok(unfold(watching, |mut watching| async move {
        let line = watching.next().await?;
        Some((line.map(Bytes::from), watching))
    }))
}

/// When a watch that ends at `until` says next how far it is.
fn next_bookmark(now: Instant, until: Instant) -> Instant {
    let last = until - LAST_BOOKMARK;
    if now < last { (now + BOOKMARK_EVERY).min(last) } else { until }
}

/// A watch of one object by its name.
fn named(filter: Filter, call: &Call) -> Filter {
    if call.name.is_empty() { filter } else { filter.with_name(&call.name) }
}

impl Watching {
    /// What is told first: what is there, or what has happened since the version that the client has.
    fn begin(&mut self, state: &State, call: &Call) -> Result<(), ApiError> {
        let version = call.query.get("resourceVersion").map(parse_revision).transpose()?.filter(|version| *version > 0);
        let initial = call.query.get("sendInitialEvents");
        if initial.is_some() && call.query.get("resourceVersionMatch") != Some("NotOlderThan") {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            let cause = Cause::forbidden("resourceVersionMatch", why);
            return Err(ApiError::invalid_kind("meta.k8s.io", "ListOptions", "", &[cause]));
        }
        let all = match (initial, version) {
            (Some(wanted), _) => matches!(wanted, "true" | "1"),
            (None, version) => version.is_none(),
        };
        if all {
            let there = state.list(self.kind, &self.namespace).filter(|(_, object)| self.filter.matches(object));
            self.lines.extend(there.map(|(_, object)| event("ADDED", object)));
            if initial.is_some() {
                self.lines.push_back(self.bookmark(true));
            }
        } else if let Some(version) = version {
            self.told = version;
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Result<String, BoxError>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(Ok(line));
            }
            if self.ended {
                return None;
            }
            let shown_at = self.look();
            if !self.lines.is_empty() {
                continue;
            }
            let bookmark = if self.bookmarks { self.next_bookmark } else { self.until };
            let wake = shown_at.unwrap_or(self.until).min(bookmark).min(self.until);
            tokio::select! {
                biased;
                _ = self.cut.changed() => {
                    self.ended = true;
                    return Some(Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()));
                }
                changed = self.changed.changed() => self.ended = changed.is_err(),
                () = tokio::time::sleep_until(wake) => self.wake(),
            }
        }
    }

    /// The time for a bookmark, or for the end.
    fn wake(&mut self) {
        let now = Instant::now();
        if now >= self.until {
            self.ended = true;
        } else if self.bookmarks && now >= self.next_bookmark {
            let bookmark = self.bookmark(false);
            self.lines.push_back(bookmark);
            self.next_bookmark = next_bookmark(now, self.until);
        }
    }

    /// Takes up what has happened. If something may not be told yet: when it may.
    fn look(&mut self) -> Option<Instant> {
        let server = Arc::clone(&self.server);
        let delay = server.faults().watch_delay(&self.path);
        server.store.with(|state| {
            if self.told < state.forgotten() {
                let message = format!("too old resource version: {} ({})", self.told, state.forgotten());
                self.lines.push_back(event("ERROR", &ApiError::expired(message).status()));
                self.ended = true;
                return None;
            }
            for change in state.changes_since(self.told) {
                let shown_at = change.at + delay;
                if shown_at > Instant::now() {
                    return Some(shown_at);
                }
                self.told = change.revision;
                if change.key.kind == self.kind.kind
                    && (self.namespace.is_empty() || change.key.namespace == self.namespace)
                {
                    self.lines.extend(tell(&self.filter, change));
                }
            }
            None
        })
    }

    fn bookmark(&self, initial: bool) -> String {
        let mut metadata = json!({"resourceVersion": self.told.to_string()});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({"kind": self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": metadata});
        event("BOOKMARK", &object)
    }
}

/// What a change is to those who see only some objects: one that stops to match is gone, for them.
fn tell(filter: &Filter, change: &Change) -> Option<String> {
    let matching = |object: &Option<Arc<Value>>| object.clone().filter(|object| filter.matches(object));
    match (matching(&change.before), matching(&change.after)) {
        (None, None) => None,
        (None, Some(after)) => Some(event("ADDED", &after)),
        (Some(_), Some(after)) => Some(event("MODIFIED", &after)),
        (Some(before), None) => {
            let mut gone = (*before).clone();
            meta::metadata(&mut gone).insert("resourceVersion".to_owned(), json!(change.revision.to_string()));
            Some(event("DELETED", &gone))
        }
    }
}

fn event(what: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": what, "object": object}))
}
