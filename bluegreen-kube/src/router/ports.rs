//! The ports of Services and where they lead in pods. Pure.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::{Container, PodSpec, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The ports of a Service.
pub(super) fn ports(service: &Service) -> &[ServicePort] {
    service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default()
}

/// Where a port of a Service leads in a pod: what it says, or its own number.
fn target_port(port: &ServicePort) -> IntOrString {
    port.target_port.clone().unwrap_or(IntOrString::Int(port.port))
}

/// `http 80->8080/TCP`.
pub(super) fn describe_port(port: &ServicePort) -> String {
    let target = match target_port(port) {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name,
    };
    let name = port.name.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
    format!("{name}{}->{target}/{}", port.port, port.protocol.as_deref().unwrap_or("TCP"))
}

/// All ports, each as [`describe_port`] says it, in an order of their own.
pub(super) fn port_map(service: &Service) -> Vec<String> {
    let mut map: Vec<_> = ports(service).iter().map(describe_port).collect();
    map.sort();
    map
}

/// All ports of a Service in words.
pub(super) fn port_text(service: &Service) -> String {
    port_map(service).join(", ")
}

/// Whether `wanted` is the name or the number of a port.
pub(super) fn is_called(port: &ServicePort, wanted: &str) -> bool {
    port.name.as_deref() == Some(wanted) || port.port.to_string() == wanted
}

/// Whether a port of a Service leads nowhere in a pod: a name has to be there, and a number too, unless the pod doesn't
/// say at all which it listens on.
pub(super) fn leads_nowhere(port: &ServicePort, pod: &PodSpec) -> bool {
    let mut declared = containers(pod).flat_map(|container| container.ports.iter().flatten()).peekable();
    match target_port(port) {
        IntOrString::String(name) => !declared.any(|port| port.name.as_ref() == Some(&name)),
        IntOrString::Int(number) => declared.peek().is_some() && !declared.any(|port| port.container_port == number),
    }
}

/// Containers that run as long as the pod does: sidecars are init containers that are restarted.
fn containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    let init = pod.init_containers.iter().flatten();
    let sidecars = init.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    pod.containers.iter().chain(sidecars)
}

/// All ports of a pod in words: `web:8080, 9090`.
pub(super) fn pod_ports(pod: &PodSpec) -> String {
    let mut text = String::new();
    for port in containers(pod).flat_map(|container| container.ports.iter().flatten()) {
        let separator = if text.is_empty() { "" } else { ", " };
        let name = port.name.as_deref().map(|name| format!("{name}:")).unwrap_or_default();
        let _ = write!(text, "{separator}{name}{}", port.container_port);
    }
    if text.is_empty() { "no ports declared".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service(ports: &Value) -> Service {
        serde_json::from_value(json!({"spec": {"ports": ports}})).unwrap()
    }

    #[test]
    fn ports_are_compared_by_where_they_lead() {
        let (given, filled) = (
            json!([{"name": "b", "port": 2}, {"name": "a", "port": 1, "targetPort": "web"}]),
            json!([{"name": "a", "port": 1, "targetPort": "web", "protocol": "TCP", "nodePort": 30001},
                   {"name": "b", "port": 2, "targetPort": 2, "protocol": "TCP"}]),
        );
        assert_eq!(port_map(&service(&given)), port_map(&service(&filled)));
        assert_eq!(port_text(&service(&given)), "a 1->web/TCP, b 2->2/TCP");
        assert_eq!(port_text(&service(&json!([{"port": 53, "protocol": "UDP"}]))), "53->53/UDP");
    }

    #[test]
    fn a_port_leads_somewhere_if_a_container_that_stays_has_it() {
        let pod = |ports: Value| -> PodSpec {
            serde_json::from_value(json!({
                "containers": [{"name": "app", "ports": ports}],
                "initContainers": [
                    {"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 15000}]},
                    {"name": "setup", "ports": [{"name": "never", "containerPort": 1}]},
                ],
            }))
            .unwrap()
        };
        let web = json!([{"name": "web", "containerPort": 8080}]);
        let cases = [
            (json!({"port": 80, "targetPort": "web"}), false),
            (json!({"port": 80, "targetPort": "mesh"}), false),
            (json!({"port": 80, "targetPort": "never"}), true),
            (json!({"port": 80, "targetPort": 8080}), false),
            (json!({"port": 80, "targetPort": 15000}), false),
            (json!({"port": 80, "targetPort": 9090}), true),
            (json!({"port": 8080}), false),
            (json!({"port": 80}), true),
        ];
        for (port, nowhere) in cases {
            let text = port.to_string();
            let port: ServicePort = serde_json::from_value(port).unwrap();
            assert_eq!(leads_nowhere(&port, &pod(web.clone())), nowhere, "{text}");
        }
        assert_eq!(pod_ports(&pod(web)), "web:8080, mesh:15000");
        let silent: PodSpec = serde_json::from_value(json!({"containers": [{"name": "app"}]})).unwrap();
        let number: ServicePort = serde_json::from_value(json!({"port": 8080})).unwrap();
        assert!(!leads_nowhere(&number, &silent), "pods needn't say what they listen on");
        assert_eq!(pod_ports(&silent), "no ports declared");
    }
}
