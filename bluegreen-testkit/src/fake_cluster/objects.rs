//! The objects of a cluster without a client: for controllers and tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::ApiError;
use super::kinds::{self, Kind};
use super::logs::Source;
use super::store::{DeleteOptions, Key, State, Subresource, Writer};

/// The state of a cluster, and who is told of its changes.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new() -> Arc<Self> {
        let state = State::new();
        let (changed, _) = watch::channel(state.revision());
        Arc::new(Self { state: Mutex::new(state), changed })
    }

    /// Does something with the state, at once, and tells those who wait if it changed.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = act(&mut state);
        self.changed.send_if_modified(|revision| std::mem::replace(revision, state.revision()) != state.revision());
        result
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// When the cluster began.
    pub(crate) fn started(&self) -> Instant {
        self.lock().started()
    }

    /// Wakes those who wait, though no object changed.
    pub(crate) fn wake(&self) {
        self.changed.send_modify(|_| {});
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The objects of a [`FakeCluster`](super::FakeCluster), read and written directly, under the rules of the API: versions,
/// generations, defaults, validation, finalizers and watches hold for these writes too.
///
/// Every method is done at once; none waits. Objects are JSON, kinds are named as in `Deployment`, and the namespace of
/// kinds without one is empty. For what a controller does, not for what a user does: there is no access control here, and
/// no fault that was asked for hits it.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<Store>,
    manager: Arc<str>,
}

impl Objects {
    pub(crate) fn new(store: Arc<Store>, manager: &str) -> Self {
        Self { store, manager: manager.into() }
    }

    /// What time it is in the cluster.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store.with(|state| state.now())
    }

    /// One object, if it is there.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let kind = kinds::by_name(kind)?;
        self.store.with(|state| state.get(kind, namespace, name).map(|object| (**object).clone()))
    }

    /// The objects of a kind, ordered by namespace and name; those of all namespaces if `namespace` is empty.
    #[must_use]
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let Some(kind) = kinds::by_name(kind) else { return Vec::new() };
        self.store.with(|state| state.list(kind, namespace).map(|(_, object)| (**object).clone()).collect())
    }

    /// Makes an object, whose name is in its metadata. Its status starts empty, as with any creation.
    pub fn create(&self, kind: &str, namespace: &str, object: Value) -> Result<Value, ApiError> {
        let kind = known(kind)?;
        self.store.with(|state| state.create(kind, namespace, object, &self.writer())).map(owned)
    }

    /// Changes an object, but for its status. A change that changes nothing is no event. `change` gets the latest version,
    /// and must not use the cluster itself, which waits for it.
    pub fn update(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, ApiError> {
        self.change(kind, namespace, name, Subresource::Main, change)
    }

    /// Changes the status of an object and nothing else; `change` sees the whole object. Otherwise as
    /// [`update`](Self::update).
    pub fn update_status(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, ApiError> {
        self.change(kind, namespace, name, Subresource::Status, change)
    }

    /// Deletes an object as a user does: what it owns is deleted too, finalizers hold it back, and a Pod on a node gets its
    /// time to end; [`remove`](Self::remove) ends that.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<(), ApiError> {
        self.delete_with(kind, namespace, name, &DeleteOptions::default())
    }

    /// Removes a Pod that has ended, as its node does: without waiting any more. Finalizers still hold it back.
    pub fn remove(&self, kind: &str, namespace: &str, name: &str) -> Result<(), ApiError> {
        self.delete_with(kind, namespace, name, &DeleteOptions { grace: Some(0), ..DeleteOptions::default() })
    }

    /// Puts a Pod on a node, as a scheduler does.
    pub fn bind(&self, namespace: &str, pod: &str, node: &str) -> Result<(), ApiError> {
        self.store.with(|state| state.bind(namespace, pod, node))
    }

    /// The number of the last change, and of each one to come. Wait with
    /// [`changed`](watch::Receiver::changed), then look at everything again: several changes may be one notice.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.store.subscribe()
    }

    /// A container writes a line, which `pods/log` shows.
    pub fn log(&self, namespace: &str, pod: &str, container: &str, line: &str) {
        let Some(kind) = kinds::by_name("Pod") else { return };
        let pod = Key::new(kind, namespace, pod);
        let source = Source { pod, container: container.to_owned(), previous: false };
        self.store.with(|state| state.logs.write(source, line));
        self.store.wake();
    }

    /// A container starts anew: what it wrote is from now on what `previous` shows.
    pub fn restart_log(&self, namespace: &str, pod: &str, container: &str) {
        let Some(kind) = kinds::by_name("Pod") else { return };
        self.store.with(|state| state.logs.restart(&Key::new(kind, namespace, pod), container));
        self.store.wake();
    }

    fn change(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        subresource: Subresource,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, ApiError> {
        let kind = known(kind)?;
        let changed = |live: &Value| {
            let mut object = live.clone();
            change(&mut object);
            Ok(object)
        };
        self.store.with(|state| state.update(kind, namespace, name, subresource, &self.writer(), changed)).map(owned)
    }

    fn delete_with(&self, kind: &str, namespace: &str, name: &str, options: &DeleteOptions) -> Result<(), ApiError> {
        let kind = known(kind)?;
        self.store.with(|state| state.delete(kind, namespace, name, options)).map(drop)
    }

    fn writer(&self) -> Writer {
        Writer::new(&self.manager)
    }
}

fn known(kind: &str) -> Result<&'static Kind, ApiError> {
    kinds::by_name(kind).ok_or_else(ApiError::no_such_resource)
}

fn owned(object: Arc<Value>) -> Value {
    Arc::unwrap_or_clone(object)
}
