//! What the server refuses.
//!
//! Only where users of this library can see it: names, Services, and the selectors and sizes of workloads.

use serde_json::Value;

use super::error::{ApiError, Cause};
use super::kinds::Kind;
use super::meta;

/// Checks a new object.
pub(crate) fn new(kind: &Kind, object: &Value) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    causes.extend(bad_name(kind, meta::name(object)));
    causes.extend(content(kind, object));
    refuse(kind, object, &causes)
}

/// Checks what an object is changed to.
pub(crate) fn changed(kind: &Kind, live: &Value, object: &Value) -> Result<(), ApiError> {
    let mut causes = content(kind, object);
    causes.extend(immutable(kind, live, object));
    refuse(kind, object, &causes)
}

fn refuse(kind: &Kind, object: &Value, causes: &[Cause]) -> Result<(), ApiError> {
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(kind, meta::name(object), causes)) }
}

fn bad_name(kind: &Kind, name: &str) -> Option<Cause> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |part: &str| part.starts_with(outer) && part.ends_with(outer) && part.chars().all(inner);
    let (good, rule) = match kind.kind {
        "Service" => {
            (is_label(name) && name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_lowercase()), DNS_1035)
        }
        "Namespace" => (is_label(name) && name.len() <= 63, DNS_LABEL),
        // These may carry any path segment.
        "Role" | "RoleBinding" => (!name.contains(['/', '%']) && name != "." && name != "..", DNS_SUBDOMAIN),
        _ => (name.len() <= 253 && name.split('.').all(is_label), DNS_SUBDOMAIN),
    };
    (!good).then(|| Cause::invalid("metadata.name", &Value::from(name), rule))
}

const DNS_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
    character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
    '[a-z]([-a-z0-9]*[a-z0-9])?')";
const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
    and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

fn content(kind: &Kind, object: &Value) -> Vec<Cause> {
    match kind.kind {
        "Service" => service(object),
        "HorizontalPodAutoscaler" => autoscaler(object),
        "Pod" => containers(object, "/spec", "spec"),
        "Job" => containers(object, "/spec/template/spec", "spec.template.spec"),
        _ if kind.is_workload() => workload(object),
        _ => Vec::new(),
    }
}

fn service(object: &Value) -> Vec<Cause> {
    let ports = meta::list(object, "/spec/ports");
    let headless = meta::text(object, "/spec/clusterIP") == "None";
    if meta::text(object, "/spec/type") == "ExternalName" {
        return Vec::new();
    }
    if ports.is_empty() && !headless {
        return vec![Cause::required("spec.ports")];
    }
    let mut causes = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let field = |name: &str| format!("spec.ports[{index}].{name}");
        let number = port.get("port").and_then(Value::as_i64).unwrap_or_default();
        if ports.len() > 1 && meta::text(port, "/name").is_empty() {
            causes.push(Cause::required(field("name")));
        }
        if !(1..=65535).contains(&number) {
            let why = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(field("port"), &number.into(), why));
        }
    }
    causes
}

fn autoscaler(object: &Value) -> Vec<Cause> {
    let number = |pointer| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let (min, max) = (number("/spec/minReplicas"), number("/spec/maxReplicas"));
    let why = "must be greater than or equal to `minReplicas`";
    (max < min).then(|| Cause::invalid("spec.maxReplicas", &max.into(), why)).into_iter().collect()
}

fn workload(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(replicas) = object.pointer("/spec/replicas").filter(|replicas| replicas.as_i64().is_none_or(|n| n < 0))
    {
        causes.push(Cause::invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
    }
    let wanted = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let expressions = !meta::list(object, "/spec/selector/matchExpressions").is_empty();
    if object.pointer("/spec/selector").is_none() {
        causes.push(Cause::required("spec.selector"));
    }
    let labels = object.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
    let matches = wanted.is_some_and(|wanted| wanted.iter().all(|(name, value)| labels.get(name) == Some(value)));
    if !(matches || wanted.is_none() && expressions) {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels, why));
    }
    causes.extend(containers(object, "/spec/template/spec", "spec.template.spec"));
    causes
}

fn containers(object: &Value, pointer: &str, path: &str) -> Vec<Cause> {
    let containers = meta::list(object, &format!("{pointer}/containers"));
    if containers.is_empty() {
        return vec![Cause::required(format!("{path}.containers"))];
    }
    let mut causes = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let field = |name: &str| format!("{path}.containers[{index}].{name}");
        if meta::text(container, "/image").is_empty() {
            causes.push(Cause::required(field("image")));
        }
        for (at, port) in meta::list(container, "/ports").iter().enumerate() {
            let number = port.get("containerPort").cloned().unwrap_or_default();
            if !number.as_i64().is_some_and(|number| (1..=65535).contains(&number)) {
                let why = "must be between 1 and 65535, inclusive";
                causes.push(Cause::invalid(field(&format!("ports[{at}].containerPort")), &number, why));
            }
        }
        let name = meta::text(container, "/name");
        if name.is_empty() {
            causes.push(Cause::required(field("name")));
        } else if containers[..index].iter().any(|other| meta::text(other, "/name") == name) {
            causes.push(Cause::duplicate(field("name"), &name.into()));
        }
    }
    causes
}

const POD_UPDATE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// What of a Pod's spec stays as it was made.
fn fixed(pod: &Value) -> Value {
    let mut spec = pod["spec"].clone();
    for name in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        meta::fields(&mut spec).remove(name);
    }
    for list in ["/containers", "/initContainers"] {
        for container in spec.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            meta::fields(container).remove("image");
        }
    }
    spec
}

/// Fields that may not change once they are set.
fn immutable(kind: &Kind, live: &Value, object: &Value) -> Vec<Cause> {
    const WHY: &str = "field is immutable";
    let value = |object: &Value, pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    let changed = |pointer: &str| (value(live, pointer) != value(object, pointer)).then(|| value(object, pointer));
    match kind.kind {
        "Service" => changed("/spec/clusterIPs/0")
            .filter(|_| live.pointer("/spec/clusterIPs").is_some())
            .or_else(|| changed("/spec/clusterIP").filter(|_| live.pointer("/spec/clusterIP").is_some()))
            .map(|address| {
                let addresses = Value::from(vec![address]);
                Cause::invalid("spec.clusterIPs[0]", &addresses, "may not change once set")
            })
            .into_iter()
            .collect(),
        "Pod" if fixed(live) != fixed(object) => vec![Cause::forbidden("spec", POD_UPDATE)],
        "Job" => changed("/spec/template").map(|it| Cause::invalid("spec.template", &it, WHY)).into_iter().collect(),
        "ConfigMap" | "Secret" if value(live, "/immutable") == true => changed("/data")
            .map(|_| Cause::forbidden("data", "field is immutable when `immutable` is set"))
            .into_iter()
            .collect(),
        "RoleBinding" => {
            changed("/roleRef").map(|it| Cause::invalid("roleRef", &it, "cannot change roleRef")).into_iter().collect()
        }
        _ if kind.is_workload() => {
            changed("/spec/selector").map(|it| Cause::invalid("spec.selector", &it, WHY)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
