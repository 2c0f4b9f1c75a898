//! What the cluster holds: objects, and the history of their changes.

mod delete;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::error::ApiError;
use super::kinds::Kind;
use super::logs::Logs;
use super::meta;
use super::time::Clock;

pub(crate) use self::delete::{DeleteOptions, Propagation};
pub(crate) use self::write::{Subresource, Writer};

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: &'static str,
    /// Empty for kinds without namespaces.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: &Kind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.namespaced { namespace } else { "" };
        Self { kind: kind.kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) at: Instant,
    pub(crate) key: Key,
    /// As it was before; none if it was made.
    pub(crate) before: Option<Arc<Value>>,
    /// As it is now; none if it was removed.
    pub(crate) after: Option<Arc<Value>>,
}

/// The numbers from which names are made: the same calls make the same objects.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    uids: u64,
    names: u64,
    addresses: u32,
}

/// Everything that the cluster holds.
#[derive(Debug)]
pub(crate) struct State {
    clock: Clock,
    objects: BTreeMap<Key, Arc<Value>>,
    revision: u64,
    history: Vec<Change>,
    /// What happened up to this revision is forgotten.
    forgotten: u64,
    counters: Counters,
    pub(crate) logs: Logs,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            clock: Clock::start(),
            objects: BTreeMap::new(),
            revision: 1,
            history: Vec::new(),
            forgotten: 0,
            counters: Counters::default(),
            logs: Logs::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// When the cluster began.
    pub(crate) const fn started(&self) -> Instant {
        self.clock.started()
    }

    /// The number of the last change.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Up to where the history is forgotten.
    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Forgets all changes so far: who asks for them has to list again.
    pub(crate) fn forget_history(&mut self) {
        self.forgotten = self.revision;
        self.history.clear();
    }

    pub(crate) fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&Key::new(kind, namespace, name))
    }

    pub(crate) fn find(&self, kind: &Kind, namespace: &str, name: &str) -> Result<&Arc<Value>, ApiError> {
        self.get(kind, namespace, name).ok_or_else(|| ApiError::not_found(kind, name))
    }

    /// The objects of a kind, by namespace and name; those of all namespaces if none is given.
    pub(crate) fn list<'a>(
        &'a self,
        kind: &'a Kind,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let first = Key::new(kind, namespace, "");
        let of_kind = self.objects.range(first..).take_while(|(key, _)| key.kind == kind.kind);
        of_kind.take_while(move |(key, _)| namespace.is_empty() || !kind.namespaced || key.namespace == namespace)
    }

    /// What changed after a revision.
    pub(crate) fn changes_since(&self, revision: u64) -> &[Change] {
        let start = self.history.partition_point(|change| change.revision <= revision);
        &self.history[start..]
    }

    /// The objects of a kind as they were at a revision that isn't forgotten.
    pub(crate) fn list_at(&self, kind: &Kind, namespace: &str, revision: u64) -> BTreeMap<Key, Arc<Value>> {
        let mut objects: BTreeMap<_, _> =
            self.list(kind, namespace).map(|(key, object)| (key.clone(), Arc::clone(object))).collect();
        let within = |key: &Key| key.kind == kind.kind && (namespace.is_empty() || key.namespace == namespace);
        for change in self.changes_since(revision).iter().rev().filter(|change| within(&change.key)) {
            match &change.before {
                Some(before) => objects.insert(change.key.clone(), Arc::clone(before)),
                None => objects.remove(&change.key),
            };
        }
        objects
    }

    /// Stores an object as the next revision.
    fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        let revision = (self.revision + 1).to_string();
        meta::metadata(&mut object).insert("resourceVersion".to_owned(), json!(revision));
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        self.record(key, before, Some(Arc::clone(&object)));
        object
    }

    /// Takes an object out as the next revision.
    fn erase(&mut self, key: &Key) {
        let before = self.objects.remove(key);
        self.record(key.clone(), before, None);
    }

    fn record(&mut self, key: Key, before: Option<Arc<Value>>, after: Option<Arc<Value>>) {
        self.revision += 1;
        self.history.push(Change { revision: self.revision, at: Instant::now(), key, before, after });
    }
}
