//! The `log` subresource of pods.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::Value;
use tokio::sync::watch;
use tower::BoxError;

use super::super::error::ApiError;
use super::super::kinds::Kind;
use super::super::logs::Source;
use super::super::meta;
use super::super::objects::Store;
use super::super::store::{Key, State};
use super::call::Call;

/// Which output is asked for, and what it says so far.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) source: Source,
    pub(crate) text: String,
    /// How much of the whole output the text ends at.
    end: usize,
}

/// Reads what a container has written, if it ever started.
pub(crate) fn read(state: &State, kind: &Kind, call: &Call) -> Result<Output, ApiError> {
    let pod = state.find(kind, &call.namespace, &call.name)?;
    let container = container(pod, call)?;
    let key = Key::new(kind, &call.namespace, &call.name);
    let source = Source { pod: key, container, previous: call.query.is_true("previous") };
    let whole = match state.logs.read(&source) {
        Some(text) => text,
        None => nothing(pod, &source)?,
    };
    let text = limited(whole, call);
    Ok(Output { text, end: whole.len(), source })
}

/// The container that is asked for, which may be left out if there is only one.
fn container(pod: &Value, call: &Call) -> Result<String, ApiError> {
    let names = ["containers", "initContainers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| meta::list(pod, &format!("/spec/{list}")))
        .map(|container| meta::text(container, "/name"));
    let names: Vec<&str> = names.collect();
    let pod = meta::name(pod);
    match (call.query.get("container"), names.as_slice()) {
        (Some(wanted), _) if names.contains(&wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => Err(ApiError::bad_request(format!("container {wanted} is not valid for pod {pod}"))),
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => {
            let choice = names.join(" ");
            let message = format!("a container name must be specified for pod {pod}, choose one of: [{choice}]");
            Err(ApiError::bad_request(message))
        }
    }
}

/// What is answered for a container that has written nothing: it may not have started.
fn nothing(pod: &Value, source: &Source) -> Result<&'static str, ApiError> {
    let (name, container) = (meta::name(pod), &source.container);
    if source.previous {
        let message = format!("previous terminated container {container:?} in pod {name:?} not found");
        return Err(ApiError::bad_request(message));
    }
    if meta::text(pod, "/spec/nodeName").is_empty() {
        return Ok("");
    }
    let statuses = meta::list(pod, "/status/containerStatuses").iter();
    let status =
        statuses.chain(meta::list(pod, "/status/initContainerStatuses")).find(|status| status["name"] == *container);
    let waiting = match status {
        None => Some("ContainerCreating"),
        Some(status) => status.pointer("/state/waiting").map(|_| match meta::text(status, "/state/waiting/reason") {
            "ErrImagePull" | "ImagePullBackOff" => "trying and failing to pull image",
            reason => reason,
        }),
    };
    match waiting {
        None => Ok(""),
        Some(why) => {
            let message = format!("container {container:?} in pod {name:?} is waiting to start: {why}");
            Err(ApiError::bad_request(message))
        }
    }
}

/// The last lines, and no more than so many bytes of them.
fn limited(text: &str, call: &Call) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let count = call.query.number("tailLines").and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let mut tail = lines[lines.len().saturating_sub(count)..].concat();
    if let Some(limit) = call.query.number("limitBytes").and_then(|limit| usize::try_from(limit).ok()) {
        let end = (0..=limit.min(tail.len())).rev().find(|end| tail.is_char_boundary(*end));
        tail.truncate(end.unwrap_or_default());
    }
    tail
}

/// What a container writes from now on, until it ends.
struct Following {
    store: Arc<Store>,
    changed: watch::Receiver<u64>,
    source: Source,
    /// What was read before, to be told first.
    first: Option<String>,
    told: usize,
}

/// Tells what was read, and goes on until the container ends.
pub(crate) fn follow(store: Arc<Store>, output: Output) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    let changed = store.subscribe();
    let Output { source, text, end } = output;
    let following = Following { store, changed, source, first: Some(text), told: end };
    unfold(following, |mut following| async move {
        let chunk = following.next().await?;
        Some((Ok(Bytes::from(chunk)), following))
    })
}

impl Following {
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Some(first);
        }
        loop {
            let store = Arc::clone(&self.store);
            let (new, ended) = store.with(|state| self.look(state));
            if let Some(new) = new {
                return Some(new);
            }
            if ended || self.changed.changed().await.is_err() {
                return None;
            }
        }
    }

    /// What is new, and whether nothing more will come.
    fn look(&mut self, state: &State) -> (Option<String>, bool) {
        let text = state.logs.read(&self.source).unwrap_or_default();
        let new = text.get(self.told..).filter(|new| !new.is_empty()).map(str::to_owned);
        if new.is_some() {
            self.told = text.len();
        }
        let kind = super::super::kinds::by_name("Pod");
        let pod = kind.and_then(|kind| state.get(kind, &self.source.pod.namespace, &self.source.pod.name));
        let restarted = text.len() < self.told;
        let ended = pod.is_none_or(|pod| matches!(meta::text(pod, "/status/phase"), "Succeeded" | "Failed"));
        (new, ended || restarted || self.source.previous)
    }
}
