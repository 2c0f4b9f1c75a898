//! Following a set of objects.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::BackendError;
use futures_util::stream::{BoxStream, StreamExt};
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::classify;

/// How long the API server serves one watch before it is renewed, and with it, how late a connection that died in
/// silence is noticed.
pub(super) const WATCH_SECONDS: u32 = 60;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a watch must hold before the pauses start over.
const QUIET: Duration = Duration::from_secs(30);

/// Follows the objects that `config` selects: yields all of them, ordered by name, once they have been listed and again
/// after each change, without end. What breaks is an error item, and the watch is resumed after a pause that grows from
/// 100 ms to 5 s. `what` names the objects in errors: `Pods of checkout-green`.
///
/// After a break it goes on from the last change that was seen, or lists anew; no change of the set is lost, though
/// several may come as one. While it is broken, what was yielded last may be out of date: the error item says so.
pub(crate) fn watch_objects<K>(
    api: Api<K>,
    config: watcher::Config,
    what: impl Into<String>,
) -> BoxStream<'static, Result<Vec<Arc<K>>, BackendError>>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Default,
{
    let what = what.into();
    let events = watcher(api, config.timeout(WATCH_SECONDS)).backoff(Pauses::new());
    events
        .scan(Held::default(), move |held, event| {
            let item = match event {
                Ok(event) => held.apply(event).then(|| Ok(held.objects())),
                Err(error) => Some(Err(watch_error(&what, error))),
            };
            std::future::ready(Some(item))
        })
        .filter_map(std::future::ready)
        .boxed()
}

/// What is there, and what is being listed to replace it.
struct Held<K> {
    current: BTreeMap<String, Arc<K>>,
    listing: Option<BTreeMap<String, Arc<K>>>,
}

impl<K> Default for Held<K> {
    fn default() -> Self {
        Self { current: BTreeMap::new(), listing: None }
    }
}

impl<K: Resource> Held<K> {
    /// Takes an event in; says whether the set is complete and may be shown.
    fn apply(&mut self, event: Event<K>) -> bool {
        match event {
            Event::Init => self.listing = Some(BTreeMap::new()),
            Event::InitApply(object) => {
                self.listing.get_or_insert_default().insert(object.name_any(), Arc::new(object));
            }
            Event::InitDone => self.current = self.listing.take().unwrap_or_default(),
            Event::Apply(object) => {
                self.current.insert(object.name_any(), Arc::new(object));
            }
            Event::Delete(object) => {
                self.current.remove(&object.name_any());
            }
        }
        self.listing.is_none()
    }

    fn objects(&self) -> Vec<Arc<K>> {
        self.current.values().cloned().collect()
    }
}

fn watch_error(what: &str, error: watcher::Error) -> BackendError {
    match error {
        watcher::Error::InitialListFailed(error) => classify("list", what, error, false),
        watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
            classify("watch", what, error, false)
        }
        watcher::Error::WatchError(status) => classify("watch", what, kube::Error::Api(status), false),
        error @ watcher::Error::NoResourceVersion => {
            BackendError::Unusable { object: what.into(), message: error.to_string() }
        }
    }
}

/// The pauses between attempts: each is twice the last one, until nothing broke for [`QUIET`].
#[derive(Debug)]
struct Pauses {
    next: Duration,
    last: Option<Instant>,
}

impl Pauses {
    const fn new() -> Self {
        Self { next: FIRST_PAUSE, last: None }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) > QUIET) {
            self.next = FIRST_PAUSE;
        }
        self.last = Some(now);
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

impl Backoff for Pauses {
    /// Does nothing: the watcher also says that all is well before each attempt to list, which then fails.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    fn pod(name: &str) -> Pod {
        Pod { metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() }, ..Pod::default() }
    }

    fn names(held: &Held<Pod>) -> Vec<String> {
        held.objects().iter().map(|pod| pod.name_any()).collect()
    }

    #[test]
    fn a_set_is_shown_only_when_it_is_complete() {
        let mut held = Held::default();
        assert!(!held.apply(Event::Init));
        assert!(!held.apply(Event::InitApply(pod("b"))));
        assert!(!held.apply(Event::InitApply(pod("a"))));
        assert!(held.apply(Event::InitDone));
        assert_eq!(names(&held), ["a", "b"]);
        assert!(held.apply(Event::Delete(pod("a"))));
        assert!(held.apply(Event::Apply(pod("c"))));
        assert_eq!(names(&held), ["b", "c"]);

        // A broken watch lists again: what went away meanwhile is gone, and nothing is shown half-way.
        assert!(!held.apply(Event::Init));
        assert!(!held.apply(Event::InitApply(pod("c"))));
        assert_eq!(names(&held), ["b", "c"]);
        assert!(held.apply(Event::InitDone));
        assert_eq!(names(&held), ["c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_their_limit_and_start_over_after_a_quiet_time() {
        let mut pauses = Pauses::new();
        let millis: Vec<_> = pauses.by_ref().take(8).map(|pause| pause.as_millis()).collect();
        assert_eq!(millis, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        pauses.reset();
        assert_eq!(pauses.next(), Some(LONGEST_PAUSE));
        tokio::time::advance(QUIET + FIRST_PAUSE).await;
        assert_eq!(pauses.next(), Some(FIRST_PAUSE));
    }
}
