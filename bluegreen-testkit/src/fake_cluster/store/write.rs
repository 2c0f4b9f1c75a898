//! Creating and changing objects: what every write goes through.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::defaults;
use super::super::error::{ApiError, Cause};
use super::super::fields::{Manager, Managers, Operation};
use super::super::kinds::{self, Generation, Kind};
use super::super::meta;
use super::super::time;
use super::super::validate;
use super::{Counters, Key, State};

/// Which part of an object a write is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subresource {
    /// The object itself, but for its status.
    Main,
    Status,
    Scale,
}

impl Subresource {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
            Self::Scale => "scale",
        }
    }
}

/// Who writes, and whether it is only tried.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) manager: String,
    pub(crate) dry_run: bool,
}

impl Writer {
    pub(crate) fn new(manager: &str) -> Self {
        Self { manager: manager.to_owned(), dry_run: false }
    }

    fn update(&self, subresource: Subresource) -> Manager {
        Manager {
            name: self.manager.clone(),
            operation: Operation::Update,
            subresource: subresource.as_str().to_owned(),
        }
    }

    fn apply(&self, subresource: Subresource) -> Manager {
        Manager { operation: Operation::Apply, ..self.update(subresource) }
    }
}

/// An object that is to be written, and who owns its fields then.
struct Draft {
    object: Value,
    managers: Managers,
}

impl State {
    /// Makes an object.
    pub(crate) fn create(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        object: Value,
        writer: &Writer,
    ) -> Result<Arc<Value>, ApiError> {
        self.tried(writer, |state| {
            let mut draft = Draft { object, managers: Managers::default() };
            state.prepare_new(kind, namespace, &mut draft.object)?;
            let time = time::text(state.now());
            draft.managers.update(kind, &writer.update(Subresource::Main), None, &draft.object, Some(&time));
            state.insert(kind, namespace, draft, writer)
        })
    }

    /// Applies an object: makes it if it isn't there. Says whether it was made.
    pub(crate) fn apply(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        applied: &Value,
        force: bool,
        subresource: Subresource,
        writer: &Writer,
    ) -> Result<(Arc<Value>, bool), ApiError> {
        let name = meta::name(applied).to_owned();
        let mut applied = applied.clone();
        if kind.status {
            let unwanted = if subresource == Subresource::Status { "spec" } else { "status" };
            meta::fields(&mut applied).remove(unwanted);
        }
        let (manager, time) = (writer.apply(subresource), time::text(self.now()));
        let Some(live) = self.get(kind, namespace, &name).cloned() else {
            if subresource != Subresource::Main {
                return Err(ApiError::not_found(kind, &name));
            }
            let made = self.tried(writer, |state| {
                let mut managers = Managers::default();
                let mut object = managers.apply(kind, &manager, None, &applied, force, &time)?;
                state.prepare_new(kind, namespace, &mut object)?;
                state.insert(kind, namespace, Draft { object, managers }, writer)
            })?;
            return Ok((made, true));
        };
        let mut managers = Managers::of(&live);
        let mut object = managers.apply(kind, &manager, Some(&live), &applied, force, &time)?;
        prepare_changed(kind, subresource, &live, &mut object)?;
        let stored = self.tried(writer, |state| state.replace(kind, &live, Draft { object, managers }, writer))?;
        Ok((stored, false))
    }

    /// Changes an object to what `change` makes of it.
    pub(crate) fn update(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        subresource: Subresource,
        writer: &Writer,
        change: impl FnOnce(&Value) -> Result<Value, ApiError>,
    ) -> Result<Arc<Value>, ApiError> {
        let live = Arc::clone(self.find(kind, namespace, name)?);
        let mut object = change(&live)?;
        prepare_changed(kind, subresource, &live, &mut object)?;
        let mut managers = if subresource == Subresource::Main { Managers::of(&object) } else { Managers::of(&live) };
        if managers == Managers::default() && !is_reset(&object) {
            managers = Managers::of(&live);
        }
        let time = (subresource != Subresource::Scale).then(|| time::text(self.now()));
        managers.update(kind, &writer.update(subresource), Some(&live), &object, time.as_deref());
        self.tried(writer, |state| state.replace(kind, &live, Draft { object, managers }, writer))
    }

    /// Puts a Pod on a node. Unlike a change of its spec by anyone else this is allowed, and no new generation.
    pub(crate) fn bind(&mut self, namespace: &str, name: &str, node: &str) -> Result<(), ApiError> {
        let kind = kinds::by_name("Pod").ok_or_else(ApiError::no_such_resource)?;
        let mut pod = (**self.find(kind, namespace, name)?).clone();
        meta::fields(meta::field(&mut pod, "spec")).insert("nodeName".to_owned(), json!(node));
        self.put(Key::new(kind, namespace, name), pod);
        Ok(())
    }

    /// Does `write`; if it is only tried, takes back what it used up.
    fn tried<T>(
        &mut self,
        writer: &Writer,
        write: impl FnOnce(&mut Self) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let counters = self.counters;
        let result = write(self);
        if writer.dry_run || result.is_err() {
            self.counters = counters;
        }
        result
    }

    /// Fills in what the server gives a new object.
    fn prepare_new(&mut self, kind: &Kind, namespace: &str, object: &mut Value) -> Result<(), ApiError> {
        if !meta::resource_version(object).is_empty() {
            return Err(ApiError::internal("resourceVersion should not be set on objects to be created"));
        }
        self.check_name(kind, object)?;
        self.check_namespace(kind, namespace, object)?;
        let (uid, now) = (self.counters.next_uid(), time::text(self.now()));
        meta::fields(object).insert("apiVersion".to_owned(), json!(kind.api_version()));
        meta::fields(object).insert("kind".to_owned(), json!(kind.kind));
        let metadata = meta::metadata(object);
        for name in ["managedFields", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            metadata.remove(name);
        }
        metadata.insert("uid".to_owned(), json!(uid));
        metadata.insert("creationTimestamp".to_owned(), json!(now));
        meta::set(metadata, "namespace", kind.namespaced.then(|| json!(namespace)));
        meta::set(metadata, "generation", (kind.generation != Generation::None).then(|| json!(1)));
        defaults::fill(kind, object);
        if kind.status {
            meta::set(meta::fields(object), "status", defaults::first_status(kind));
        }
        Ok(())
    }

    fn check_name(&mut self, kind: &Kind, object: &mut Value) -> Result<(), ApiError> {
        if !meta::name(object).is_empty() {
            return Ok(());
        }
        let prefix = meta::text(object, "/metadata/generateName").to_owned();
        if prefix.is_empty() {
            let cause = Cause::required_because("metadata.name", "name or generateName is required");
            return Err(ApiError::invalid(kind, "", &[cause]));
        }
        let name = format!("{prefix}{}", self.counters.next_suffix());
        meta::metadata(object).insert("name".to_owned(), json!(name));
        Ok(())
    }

    fn check_namespace(&self, kind: &Kind, namespace: &str, object: &Value) -> Result<(), ApiError> {
        let Some(namespaces) = kinds::by_name("Namespace").filter(|_| kind.namespaced) else { return Ok(()) };
        let found = self.find(namespaces, "", namespace)?;
        if meta::is_deleting(found) {
            return Err(ApiError::namespace_terminating(kind, meta::name(object), namespace));
        }
        Ok(())
    }

    fn insert(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        draft: Draft,
        writer: &Writer,
    ) -> Result<Arc<Value>, ApiError> {
        let Draft { mut object, managers } = draft;
        validate::new(kind, &object)?;
        defaults::allocate(kind, &mut object, &mut || self.counters.next_address());
        managers.write_to(&mut object);
        let key = Key::new(kind, namespace, meta::name(&object));
        if let Some(there) = self.objects.get(&key) {
            return Err(ApiError::already_exists(kind, &key.name, meta::is_deleting(there)));
        }
        if writer.dry_run {
            return Ok(Arc::new(object));
        }
        Ok(self.put(key, object))
    }

    fn replace(
        &mut self,
        kind: &'static Kind,
        live: &Arc<Value>,
        draft: Draft,
        writer: &Writer,
    ) -> Result<Arc<Value>, ApiError> {
        let Draft { mut object, managers } = draft;
        let name = meta::name(live).to_owned();
        validate::changed(kind, live, &object)?;
        defaults::allocate(kind, &mut object, &mut || self.counters.next_address());
        managers.write_to(&mut object);
        if object == **live {
            return Ok(Arc::clone(live));
        }
        if writer.dry_run {
            return Ok(Arc::new(object));
        }
        let key = Key::new(kind, meta::text(live, "/metadata/namespace"), &name);
        if meta::is_deleting(&object) && meta::list(&object, "/metadata/finalizers").is_empty() && !is_graceful(&object)
        {
            return Ok(self.remove(kind, &key, object));
        }
        Ok(self.put(key, object))
    }
}

/// A Pod that still has time to end: only its node removes it.
fn is_graceful(object: &Value) -> bool {
    object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_u64).unwrap_or_default() > 0
}

/// Whether the writer asks for `managedFields` to start over: a list of one empty entry.
fn is_reset(object: &Value) -> bool {
    matches!(meta::list(object, "/metadata/managedFields"), [entry] if entry.as_object().is_some_and(serde_json::Map::is_empty))
}

/// Checks what a write expects, and keeps what it may not change.
fn prepare_changed(kind: &Kind, subresource: Subresource, live: &Value, object: &mut Value) -> Result<(), ApiError> {
    let name = meta::name(live);
    check_expected(kind, name, live, object)?;
    let live_fields = |field: &str| live.get(field).cloned();
    match subresource {
        Subresource::Main if kind.status => meta::set(meta::fields(object), "status", live_fields("status")),
        Subresource::Main | Subresource::Scale => {}
        Subresource::Status => {
            let mut kept = live.clone();
            meta::set(meta::fields(&mut kept), "status", object.get("status").cloned());
            meta::set(meta::fields(&mut kept), "metadata", object.get("metadata").cloned());
            if kind.kind == "Deployment" {
                let labels = live.pointer("/metadata/labels").cloned();
                meta::set(meta::metadata(&mut kept), "labels", labels);
            }
            *object = kept;
        }
    }
    for field in ["apiVersion", "kind"] {
        meta::set(meta::fields(object), field, live_fields(field));
    }
    let system = [
        "uid",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "generateName",
    ];
    for field in system {
        let value = live.get("metadata").and_then(|metadata| metadata.get(field)).cloned();
        meta::set(meta::metadata(object), field, value);
    }
    defaults::fill(kind, object);
    defaults::keep_allocated(kind, live, object);
    // The controller of Deployments leaves annotations with the status; they are not what was asked for.
    if subresource != Subresource::Status && grows(kind, live, object) {
        let generation = live.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
        meta::metadata(object).insert("generation".to_owned(), json!(generation + 1));
    }
    Ok(())
}

fn check_expected(kind: &Kind, name: &str, live: &Value, object: &Value) -> Result<(), ApiError> {
    let version = meta::resource_version(object);
    if version.is_empty() && kind.kind == "Lease" {
        let cause = Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
        return Err(ApiError::invalid_kind(kind.group, kind.plural, name, &[cause]));
    }
    if !version.is_empty() && version != meta::resource_version(live) {
        return Err(ApiError::modified(kind, name));
    }
    let uid = meta::uid(object);
    if !uid.is_empty() && uid != meta::uid(live) {
        let object_key = [kind.plural, meta::text(live, "/metadata/namespace"), name].join("/").replace("//", "/");
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{object_key}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            meta::uid(live)
        );
        return Err(ApiError::conflict(kind, name, &why));
    }
    check_finalizers(kind, name, live, object)
}

/// What is being deleted gets no more finalizers.
fn check_finalizers(kind: &Kind, name: &str, live: &Value, object: &Value) -> Result<(), ApiError> {
    let (held, wanted) = (meta::list(live, "/metadata/finalizers"), meta::list(object, "/metadata/finalizers"));
    let more: Vec<&Value> = wanted.iter().filter(|finalizer| !held.contains(finalizer)).collect();
    if !meta::is_deleting(live) || more.is_empty() {
        return Ok(());
    }
    let why = format!("no new finalizers can be added if the object is being deleted, found new finalizers {more:?}");
    Err(ApiError::invalid(kind, name, &[Cause::forbidden("metadata.finalizers", &why)]))
}

/// Whether a change counts as a new generation.
fn grows(kind: &Kind, live: &Value, object: &Value) -> bool {
    let differs = |pointer: &str| live.pointer(pointer) != object.pointer(pointer);
    let content = |object: &Value| {
        let mut content = object.clone();
        meta::fields(&mut content).retain(|name, _| name != "metadata" && name != "status");
        content
    };
    match kind.generation {
        Generation::None => false,
        Generation::Spec => differs("/spec"),
        Generation::SpecAndAnnotations => differs("/spec") || differs("/metadata/annotations"),
        Generation::Content if kind.is_custom() => content(live) != content(object),
        Generation::Content => content(live) != content(object) || differs("/metadata/labels"),
    }
}

/// The letters of generated names, as the server uses them: no vowels, no lookalikes.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl Counters {
    fn next_uid(&mut self) -> String {
        self.uids += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.uids)
    }

    /// Five letters.
    fn next_suffix(&mut self) -> String {
        self.names += 1;
        let mut rest = self.names;
        let mut suffix = [LETTERS[0]; 5];
        for letter in suffix.iter_mut().rev() {
            *letter = LETTERS[(rest % 27) as usize];
            rest /= 27;
        }
        suffix.iter().map(|letter| char::from(*letter)).collect()
    }

    fn next_address(&mut self) -> String {
        self.addresses += 1;
        let [_, b, c, d] = self.addresses.to_be_bytes();
        format!("10.{}.{c}.{d}", 96 + b)
    }
}
