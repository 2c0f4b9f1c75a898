//! The kinds of objects that the fake API server knows: one table.

/// What makes the generation of an object grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// The kind has none.
    None,
    /// A change of `spec`.
    Spec,
    /// A change of `spec` or of an annotation: Deployments.
    SpecAndAnnotations,
    /// A change of anything but metadata and status; of EndpointSlices, also of their labels.
    Content,
}

/// One kind of objects.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The API group, empty for the core.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) namespaced: bool,
    /// Whether there is a `status` subresource.
    pub(crate) status: bool,
    /// Whether there is a `scale` subresource.
    pub(crate) scale: bool,
    pub(crate) generation: Generation,
}

impl Kind {
    /// `apps/v1`, or `v1` for the core.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// As errors name the resource: `deployments.apps`.
    pub(crate) fn resource(&self) -> String {
        qualified(self.plural, self.group)
    }

    /// As errors name the kind: `Deployment.apps`.
    pub(crate) fn qualified_kind(&self) -> String {
        qualified(self.kind, self.group)
    }

    /// Whether it is defined by a custom resource definition on a real server.
    pub(crate) fn is_custom(&self) -> bool {
        self.group == GATEWAY
    }

    /// Whether it is made of pods: it has `spec.selector` and `spec.template`.
    pub(crate) fn is_workload(&self) -> bool {
        self.group == "apps"
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// The kind with this name, such as `Deployment`.
pub(crate) fn by_name(kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.kind == kind)
}

/// The kind that is served at a path.
pub(crate) fn by_resource(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.group == group && known.version == version && known.plural == plural)
}

/// Whether anything is served for a group.
pub(crate) fn serves(group: &str) -> bool {
    KINDS.iter().any(|known| known.group == group)
}

const GATEWAY: &str = "gateway.networking.k8s.io";

/// A namespaced kind with a `status` subresource.
const fn with_status(
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    generation: Generation,
) -> Kind {
    Kind { group, version, plural, kind, namespaced: true, status: true, scale: false, generation }
}

/// A namespaced kind without subresources.
const fn plain(group: &'static str, version: &'static str, plural: &'static str, kind: &'static str) -> Kind {
    Kind { status: false, ..with_status(group, version, plural, kind, Generation::None) }
}

static KINDS: &[Kind] = {
    use Generation::{Content, None, Spec, SpecAndAnnotations};
    &[
        Kind { namespaced: false, ..with_status("", "v1", "namespaces", "Namespace", None) },
        plain("", "v1", "configmaps", "ConfigMap"),
        plain("", "v1", "endpoints", "Endpoints"),
        plain("", "v1", "events", "Event"),
        with_status("", "v1", "pods", "Pod", Spec),
        with_status("", "v1", "resourcequotas", "ResourceQuota", None),
        plain("", "v1", "secrets", "Secret"),
        plain("", "v1", "serviceaccounts", "ServiceAccount"),
        with_status("", "v1", "services", "Service", None),
        with_status("apps", "v1", "daemonsets", "DaemonSet", Spec),
        Kind { scale: true, ..with_status("apps", "v1", "deployments", "Deployment", SpecAndAnnotations) },
        Kind { scale: true, ..with_status("apps", "v1", "replicasets", "ReplicaSet", Spec) },
        Kind { scale: true, ..with_status("apps", "v1", "statefulsets", "StatefulSet", Spec) },
        with_status("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", None),
        with_status("batch", "v1", "jobs", "Job", Spec),
        plain("coordination.k8s.io", "v1", "leases", "Lease"),
        Kind { generation: Content, ..plain("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice") },
        with_status(GATEWAY, "v1", "gateways", "Gateway", Content),
        with_status(GATEWAY, "v1", "grpcroutes", "GRPCRoute", Content),
        with_status(GATEWAY, "v1", "httproutes", "HTTPRoute", Content),
        Kind { generation: Content, ..plain(GATEWAY, "v1", "referencegrants", "ReferenceGrant") },
        with_status("networking.k8s.io", "v1", "ingresses", "Ingress", Spec),
        with_status("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", Spec),
        plain("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
        plain("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_name_and_by_its_path() {
        for kind in KINDS {
            assert!(std::ptr::eq(by_name(kind.kind).unwrap(), kind), "{} is there twice", kind.kind);
            assert!(std::ptr::eq(by_resource(kind.group, kind.version, kind.plural).unwrap(), kind));
        }
        assert_eq!(by_name("Deployment").unwrap().resource(), "deployments.apps");
        assert_eq!(by_name("Service").unwrap().api_version(), "v1");
        assert!(by_resource("apps", "v1beta1", "deployments").is_none());
    }
}
