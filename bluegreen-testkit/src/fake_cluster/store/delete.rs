//! Deleting objects, and what goes with them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::kinds::{self, Kind};
use super::super::meta;
use super::super::time;
use super::{Key, State};

/// What becomes of the objects that the deleted one owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// How an object is to be deleted.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    /// Only the object with this uid, if given.
    pub(crate) uid: Option<String>,
    /// Only at this version, if given.
    pub(crate) resource_version: Option<String>,
    pub(crate) propagation: Propagation,
    /// How long a Pod has to end; its own period if not given.
    pub(crate) grace: Option<u64>,
    pub(crate) dry_run: bool,
}

const FOREGROUND: &str = "foregroundDeletion";

impl State {
    /// Deletes an object. Returns it as it is now, and whether it is gone already.
    pub(crate) fn delete(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<(Arc<Value>, bool), ApiError> {
        let live = Arc::clone(self.find(kind, namespace, name)?);
        check_preconditions(kind, name, &live, options)?;
        let grace = grace(kind, &live, options);
        let waits = grace > 0 || kind.kind == "Namespace" || !meta::list(&live, "/metadata/finalizers").is_empty();
        let waits = waits || (options.propagation == Propagation::Foreground && self.has_dependents(&live));
        if options.dry_run {
            return Ok((live, !waits));
        }
        let key = Key::new(kind, namespace, name);
        if options.propagation == Propagation::Orphan {
            self.orphan(meta::uid(&live));
        }
        if !waits {
            let mut object = (*live).clone();
            if kind.kind == "Pod" {
                self.mark(&mut object, 0);
            }
            return Ok((self.remove(kind, &key, object), true));
        }
        Ok((self.start_deletion(kind, &key, &live, grace, options), false))
    }

    /// Marks an object as being deleted, and begins with what goes before it.
    fn start_deletion(
        &mut self,
        kind: &'static Kind,
        key: &Key,
        live: &Arc<Value>,
        grace: u64,
        options: &DeleteOptions,
    ) -> Arc<Value> {
        let mut object = (**live).clone();
        let shorter =
            |now: u64| object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_u64) > Some(now);
        if !meta::is_deleting(live) || shorter(grace) {
            self.mark(&mut object, grace);
        }
        if options.propagation == Propagation::Foreground {
            let finalizers = meta::list(&object, "/metadata/finalizers");
            if !finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
                let all: Value = finalizers.iter().cloned().chain([json!(FOREGROUND)]).collect();
                meta::metadata(&mut object).insert("finalizers".to_owned(), all);
            }
        }
        if kind.kind == "Namespace" {
            meta::metadata(&mut object).remove("deletionGracePeriodSeconds");
            meta::fields(meta::field(&mut object, "status")).insert("phase".to_owned(), json!("Terminating"));
        }
        let marked = if object == **live { Arc::clone(live) } else { self.put(key.clone(), object) };
        if options.propagation == Propagation::Foreground {
            self.delete_dependents(meta::uid(live), Propagation::Foreground);
            self.finish_owners();
        }
        if kind.kind == "Namespace" {
            self.empty_namespace(&key.name);
        }
        marked
    }

    /// Sets the time by which an object has to be gone.
    fn mark(&self, object: &mut Value, grace: u64) {
        let until = self.now().saturating_add(Duration::from_secs(grace)).unwrap_or(Timestamp::MAX);
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
        let first = !meta::is_deleting(object);
        let metadata = meta::metadata(object);
        metadata.insert("deletionTimestamp".to_owned(), json!(time::text(until)));
        metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(grace));
        if let Some(generation) = generation.filter(|_| first) {
            metadata.insert("generation".to_owned(), json!(generation + 1));
        }
    }

    /// Removes an object that nothing holds back any more. Returns it as it was last.
    pub(crate) fn remove(&mut self, kind: &'static Kind, key: &Key, last: Value) -> Arc<Value> {
        self.erase(key);
        self.logs.forget(key);
        if kind.kind != "Namespace" {
            self.delete_dependents(meta::uid(&last), Propagation::Background);
            self.finish_owners();
            self.finish_namespace(&key.namespace);
        }
        Arc::new(last)
    }

    /// The objects that name this one as an owner.
    fn dependents(&self, uid: &str) -> Vec<Key> {
        let owned = |object: &Value| owners(object).any(|owner| owner == uid);
        self.objects.iter().filter(|(_, object)| owned(object)).map(|(key, _)| key.clone()).collect()
    }

    fn has_dependents(&self, object: &Value) -> bool {
        !self.dependents(meta::uid(object)).is_empty()
    }

    fn exists(&self, uid: &str) -> bool {
        self.objects.values().any(|object| meta::uid(object) == uid)
    }

    /// Deletes what an object owns; what has another owner loses only this one.
    fn delete_dependents(&mut self, uid: &str, propagation: Propagation) {
        for key in self.dependents(uid) {
            let (Some(object), Some(kind)) = (self.objects.get(&key).cloned(), kinds::by_name(key.kind)) else {
                continue;
            };
            if owners(&object).any(|owner| owner != uid && self.exists(owner)) {
                self.disown(&key, &object, uid);
                continue;
            }
            let options = DeleteOptions { propagation, ..DeleteOptions::default() };
            // It was there a moment ago, under the same lock.
            let _ = self.delete(kind, &key.namespace, &key.name, &options);
        }
    }

    fn orphan(&mut self, uid: &str) {
        for key in self.dependents(uid) {
            if let Some(object) = self.objects.get(&key).cloned() {
                self.disown(&key, &object, uid);
            }
        }
    }

    fn disown(&mut self, key: &Key, object: &Value, uid: &str) {
        let mut object = object.clone();
        let rest: Vec<Value> = meta::list(&object, "/metadata/ownerReferences")
            .iter()
            .filter(|owner| owner["uid"] != uid)
            .cloned()
            .collect();
        meta::set(meta::metadata(&mut object), "ownerReferences", (!rest.is_empty()).then(|| rest.into()));
        self.put(key.clone(), object);
    }

    /// Removes the objects that waited for the last of what they own.
    fn finish_owners(&mut self) {
        let waiting: Vec<Key> = self
            .objects
            .iter()
            .filter(|(_, object)| meta::list(object, "/metadata/finalizers").iter().any(|name| name == FOREGROUND))
            .filter(|(_, object)| !self.has_dependents(object))
            .map(|(key, _)| key.clone())
            .collect();
        for key in waiting {
            let (Some(object), Some(kind)) = (self.objects.get(&key).cloned(), kinds::by_name(key.kind)) else {
                continue;
            };
            let mut object = (*object).clone();
            let rest: Vec<Value> = meta::list(&object, "/metadata/finalizers")
                .iter()
                .filter(|name| *name != FOREGROUND)
                .cloned()
                .collect();
            let done = rest.is_empty();
            meta::set(meta::metadata(&mut object), "finalizers", (!done).then(|| rest.into()));
            if done {
                self.remove(kind, &key, object);
            } else {
                self.put(key, object);
            }
        }
    }

    /// Deletes everything in a namespace, and the namespace once it is empty.
    fn empty_namespace(&mut self, namespace: &str) {
        let inside: Vec<Key> = self.objects.keys().filter(|key| key.namespace == namespace).cloned().collect();
        for key in inside {
            if let Some(kind) = kinds::by_name(key.kind) {
                // What it owns may have taken it along.
                let _ = self.delete(kind, &key.namespace, &key.name, &DeleteOptions::default());
            }
        }
        self.finish_namespace(namespace);
    }

    fn finish_namespace(&mut self, namespace: &str) {
        let Some(kind) = kinds::by_name("Namespace") else { return };
        let key = Key::new(kind, "", namespace);
        let Some(object) = self.objects.get(&key).cloned() else { return };
        if meta::is_deleting(&object) && !self.objects.keys().any(|key| key.namespace == namespace) {
            self.remove(kind, &key, (*object).clone());
        }
    }
}

fn owners(object: &Value) -> impl Iterator<Item = &str> {
    meta::list(object, "/metadata/ownerReferences").iter().filter_map(|owner| owner["uid"].as_str())
}

fn check_preconditions(kind: &Kind, name: &str, live: &Value, options: &DeleteOptions) -> Result<(), ApiError> {
    let (uid, version) = (meta::uid(live), meta::resource_version(live));
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been \
             deleted and then recreated"
        );
        return Err(ApiError::precondition(kind, name, &why));
    }
    if let Some(wanted) = options.resource_version.as_deref().filter(|wanted| *wanted != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). \
             The object might have been modified"
        );
        return Err(ApiError::precondition(kind, name, &why));
    }
    Ok(())
}

/// How many seconds an object has to end: Pods on a node that still run have some.
fn grace(kind: &Kind, live: &Value, options: &DeleteOptions) -> u64 {
    let ended = matches!(meta::text(live, "/status/phase"), "Succeeded" | "Failed");
    if kind.kind != "Pod" || meta::text(live, "/spec/nodeName").is_empty() || ended {
        return 0;
    }
    let period = live.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_u64);
    options.grace.or(period).unwrap_or(30)
}
