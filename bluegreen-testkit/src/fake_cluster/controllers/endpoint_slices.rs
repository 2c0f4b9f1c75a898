//! EndpointSlices: the Pods that a Service selects, and whether they are ready.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::meta;
use super::owned::{controlled_by, has_ended, is_ready, owner_reference, selects};
use super::round::Round;

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

pub(super) fn run(round: &Round) {
    for service in round.objects.list("Service", "") {
        let selector = service.pointer("/spec/selector").and_then(Value::as_object);
        if let Some(selector) = selector.filter(|selector| !selector.is_empty() && !meta::is_deleting(&service)) {
            sync(round, &service, selector);
        }
    }
}

/// What one slice is to hold.
#[derive(Debug, PartialEq)]
struct Content {
    endpoints: Value,
    ports: Value,
}

fn sync(round: &Round, service: &Value, selector: &Map<String, Value>) {
    let namespace = meta::text(service, "/metadata/namespace");
    let pods = round.objects.list("Pod", namespace);
    let all = round.objects.list("EndpointSlice", namespace);
    let selected = pods.iter().filter(|pod| selects(Some(selector), pod) && has_address(pod));
    let mut wanted = contents(service, selected);
    let slices: Vec<&Value> =
        controlled_by(&all, service).filter(|slice| slice["metadata"]["labels"][MANAGED_BY] == CONTROLLER).collect();
    // A slice that is right already stays as it is; the others are changed in place, so that endpoints are exchanged at once.
    let mut others = Vec::new();
    for slice in slices {
        let found = wanted.iter().position(|content| slice["ports"] == content.ports);
        match found {
            Some(at) => write(round, service, slice, &wanted.remove(at)),
            None => others.push(slice),
        }
    }
    let mut others = others.into_iter();
    for content in wanted {
        match others.next() {
            Some(slice) => write(round, service, slice, &content),
            None => make(round, service, &content),
        }
    }
    for slice in others {
        // It may be gone already.
        let _ = round.objects.delete("EndpointSlice", namespace, meta::name(slice));
    }
}

fn has_address(pod: &Value) -> bool {
    !meta::text(pod, "/status/podIP").is_empty() && !has_ended(pod)
}

/// One slice for each set of ports that the Pods have; an empty one if there are no Pods.
fn contents<'a>(service: &Value, pods: impl Iterator<Item = &'a Value>) -> Vec<Content> {
    let mut by_ports: BTreeMap<String, (Value, Vec<Value>)> = BTreeMap::new();
    for pod in pods {
        let ports = ports(service, pod);
        let (_, endpoints) = by_ports.entry(ports.to_string()).or_insert_with(|| (ports, Vec::new()));
        endpoints.push(endpoint(service, pod));
    }
    if by_ports.is_empty() {
        return vec![Content { endpoints: Value::Null, ports: Value::Null }];
    }
    by_ports.into_values().map(|(ports, endpoints)| Content { endpoints: json!(endpoints), ports }).collect()
}

/// The ports of a Service as this Pod has them; those that it doesn't have are left out.
fn ports(service: &Value, pod: &Value) -> Value {
    let found = meta::list(service, "/spec/ports").iter().filter_map(|port| {
        let number = match &port["targetPort"] {
            Value::String(name) => named_port(pod, name, meta::text(port, "/protocol"))?,
            number => number.clone(),
        };
        let mut found = json!({"name": meta::text(port, "/name"), "port": number, "protocol": port["protocol"]});
        meta::set(meta::fields(&mut found), "appProtocol", port.get("appProtocol").cloned());
        Some(found)
    });
    let found: Vec<Value> = found.collect();
    if found.is_empty() { Value::Null } else { json!(found) }
}

fn named_port(pod: &Value, name: &str, protocol: &str) -> Option<Value> {
    let mut ports = meta::list(pod, "/spec/containers").iter().flat_map(|container| meta::list(container, "/ports"));
    ports.find(|port| port["name"] == name && port["protocol"] == protocol).map(|port| port["containerPort"].clone())
}

fn endpoint(service: &Value, pod: &Value) -> Value {
    let (serving, terminating) = (is_ready(pod), meta::is_deleting(pod));
    let published = service.pointer("/spec/publishNotReadyAddresses") == Some(&json!(true));
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": published || (serving && !terminating), "serving": serving, "terminating": terminating,
        },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod", "namespace": meta::text(pod, "/metadata/namespace"), "name": meta::name(pod),
            "uid": meta::uid(pod),
        },
    })
}

fn labels(service: &Value) -> Value {
    let mut labels = service.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), json!(meta::name(service)));
    labels.insert(MANAGED_BY.to_owned(), json!(CONTROLLER));
    labels.into()
}

fn make(round: &Round, service: &Value, content: &Content) {
    let slice = json!({
        "metadata": {
            "generateName": format!("{}-", meta::name(service)), "labels": labels(service),
            "annotations": {TRIGGER_TIME: round.now_text()}, "ownerReferences": owner_reference(service),
        },
        "addressType": "IPv4", "endpoints": content.endpoints, "ports": content.ports,
    });
    // Its namespace may be on its way out.
    let _ = round.objects.create("EndpointSlice", meta::text(service, "/metadata/namespace"), slice);
}

fn write(round: &Round, service: &Value, slice: &Value, content: &Content) {
    let labels = labels(service);
    let found = Content { endpoints: slice["endpoints"].clone(), ports: slice["ports"].clone() };
    if found == *content && slice["metadata"]["labels"] == labels {
        return;
    }
    let (namespace, now) = (meta::text(service, "/metadata/namespace"), round.now_text());
    // It may be gone already.
    let _ = round.objects.update("EndpointSlice", namespace, meta::name(slice), |slice| {
        slice["metadata"]["labels"] = labels;
        slice["metadata"]["annotations"][TRIGGER_TIME] = json!(now);
        slice["endpoints"] = content.endpoints.clone();
        slice["ports"] = content.ports.clone();
    });
}
