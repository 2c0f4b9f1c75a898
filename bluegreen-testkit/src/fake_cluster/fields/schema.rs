//! How lists and maps are merged: what the OpenAPI schema of Kubernetes v1.35 says, by the names of the fields.
//!
//! A list is atomic unless it is named here, and so is everything in it; a map is granular unless it is named here.

use super::super::kinds::Kind;

/// What a list is to managers of fields and to a strategic merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// It is replaced as a whole.
    Atomic,
    /// Its items are values that are there once.
    Set,
    /// Its items are objects that are known by these fields.
    Map(&'static [&'static str]),
}

/// Where in an object a value is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    kind: &'a Kind,
    /// The field around it; the list's for the items of a list.
    parent: &'a str,
    field: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) const fn root(kind: &'a Kind) -> Self {
        Self { kind, parent: "", field: "" }
    }

    /// A field of the object here.
    pub(crate) const fn field(self, field: &'a str) -> Self {
        Self { kind: self.kind, parent: self.field, field }
    }

    /// What the list here is.
    pub(crate) fn list(self) -> List {
        const NAME: List = List::Map(&["name"]);
        const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
        match (self.parent, self.field) {
            ("metadata", "finalizers") => List::Set,
            ("metadata", "ownerReferences") => List::Map(&["uid"]),
            ("spec", "ports") if self.kind.kind == "Service" => List::Map(&["port", "protocol"]),
            (parent, "ports") if CONTAINERS.contains(&parent) => List::Map(&["containerPort", "protocol"]),
            ("spec", "imagePullSecrets" | "volumes" | "schedulingGates" | "resourceClaims" | "listeners") => NAME,
            ("", "secrets") => NAME,
            (_, "env") => NAME,
            (_, field) if CONTAINERS.contains(&field) => NAME,
            (_, "volumeMounts") => List::Map(&["mountPath"]),
            (_, "volumeDevices") => List::Map(&["devicePath"]),
            (_, "hostAliases") => List::Map(&["ip"]),
            ("status", "podIPs") => List::Map(&["ip"]),
            (_, "topologySpreadConstraints") => List::Map(&["topologyKey", "whenUnsatisfiable"]),
            ("status", "conditions") if self.kind.kind != "Job" => List::Map(&["type"]),
            _ => List::Atomic,
        }
    }

    /// Whether the list here holds each value once.
    pub(crate) fn is_set(self) -> bool {
        self.list() == List::Set
    }

    /// The key by which a strategic merge patch matches the items of the list here.
    pub(crate) fn merge_key(self) -> Option<&'static str> {
        match (self.list(), self.parent, self.field) {
            (List::Map(keys), _, _) => keys.first().copied(),
            (_, "status", "conditions") => Some("type"),
            _ => None,
        }
    }

    /// Whether the map or object here has one owner as a whole.
    pub(crate) fn is_atomic_map(self) -> bool {
        match (self.parent, self.field) {
            ("spec", "selector") => true,
            (_, "labelSelector" | "namespaceSelector" | "nodeSelector" | "scopeSelector") => true,
            (_, "configMapKeyRef" | "secretKeyRef" | "fieldRef" | "resourceFieldRef" | "secretRef") => true,
            (_, "involvedObject" | "related" | "targetRef" | "roleRef") => true,
            ("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution") => true,
            ("service", "port") => self.kind.kind == "Ingress",
            ("defaultBackend", "resource") => true,
            _ => false,
        }
    }
}
