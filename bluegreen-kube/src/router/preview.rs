//! Services that always lead to one color, and how a Service is called from outside the API. Pure.

use bluegreen_core::{Address, BackendError, Color, Target};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::object::{object_name, selector};
use super::ports::{is_called, port_map, port_text, ports};
use super::selector::{ColorLabel, text};
use crate::client::annotations::{FIELD_MANAGER, MANAGED_BY, TARGET};

/// The name of the preview Service of `color` beside `service`.
pub(super) fn preview_name(service: &str, color: Color) -> String {
    format!("{service}-{color}")
}

/// The preview Service of `color`: as the live Service, but inside the cluster only and for one color.
pub(super) fn preview_service(label: &ColorLabel, target: &Target, live: &Service, color: Color) -> Service {
    let live_name = live.metadata.name.as_deref().unwrap_or_default();
    let live_spec = live.spec.clone().unwrap_or_default();
    Service {
        metadata: ObjectMeta {
            name: Some(preview_name(live_name, color)),
            namespace: live.metadata.namespace.clone(),
            labels: Some([(MANAGED_BY.to_owned(), FIELD_MANAGER.to_owned())].into()),
            annotations: Some([(TARGET.to_owned(), target.to_string())].into()),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(label.with_color(&selector(live), color)),
            ports: Some(ports(live).iter().map(without_node_port).collect()),
            ip_families: live_spec.ip_families,
            ip_family_policy: live_spec.ip_family_policy,
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// What keeps `found` from being used as the preview Service `wanted`; `None` if nothing does. What else it is doesn't
/// matter: who made it, its type, its other settings.
pub(super) fn preview_mismatch(wanted: &Service, found: &Service) -> Option<String> {
    let difference = if selector(wanted) != selector(found) {
        format!("its selector is {}, not {}", text(&selector(found)), text(&selector(wanted)))
    } else if port_map(wanted) != port_map(found) {
        format!("its ports are {}, not {}", port_text(found), port_text(wanted))
    } else {
        return None;
    };
    let ours =
        found.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|by| by == FIELD_MANAGER);
    let remedy = if ours {
        "it was made by an earlier rollout; delete it, and it is made anew"
    } else {
        "change it, or give the URLs of a preview of your own instead"
    };
    Some(format!("{difference}; {remedy}"))
}

/// As [`preview_mismatch`], as an error.
pub(super) fn check_preview(wanted: &Service, found: &Service) -> Result<(), BackendError> {
    preview_mismatch(wanted, found).map_or(Ok(()), |message| {
        let name = found.metadata.name.as_deref().unwrap_or_default();
        Err(BackendError::Unusable { object: object_name(name), message })
    })
}

/// Where a Service answers inside the cluster. `wanted` is the name or number of one of its ports; its first, if none.
pub(super) fn cluster_address(service: &Service, wanted: Option<&str>) -> Result<Address, BackendError> {
    let unusable = |message: String| BackendError::Unusable {
        object: object_name(service.metadata.name.as_deref().unwrap_or_default()),
        message,
    };
    let ip = service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()).filter(|ip| !ip.is_empty());
    let ip = match ip {
        None | Some("None") => {
            return Err(unusable("it has no address inside the cluster; set the URL it is called by".to_owned()));
        }
        Some(v6) if v6.contains(':') => format!("[{v6}]"),
        Some(v4) => v4.to_owned(),
    };
    let chosen = ports(service).iter().find(|port| wanted.is_none_or(|wanted| is_called(port, wanted)));
    let port = chosen.ok_or_else(|| match wanted {
        Some(wanted) => unusable(format!("it has no port {wanted}; it has {}", port_text(service))),
        None => unusable("it has no ports".to_owned()),
    })?;
    let scheme = if port.app_protocol.as_deref() == Some("https") { "https" } else { "http" };
    Ok(Address(format!("{scheme}://{ip}:{}", port.port)))
}

fn without_node_port(port: &ServicePort) -> ServicePort {
    ServicePort { node_port: None, ..port.clone() }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service(spec: Value) -> Service {
        serde_json::from_value(json!({"metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec})).unwrap()
    }

    fn live() -> Service {
        service(json!({
            "type": "LoadBalancer", "clusterIP": "10.96.0.17", "externalTrafficPolicy": "Local",
            "selector": {"app": "checkout", "color": "blue"}, "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [
                {"name": "http", "port": 80, "targetPort": "web", "nodePort": 30080, "protocol": "TCP"},
                {"name": "admin", "port": 8081, "protocol": "TCP"},
            ],
        }))
    }

    #[test]
    fn a_preview_is_the_live_service_for_one_color_inside_the_cluster() {
        let target = Target::new("shop", "checkout");
        let preview = preview_service(&ColorLabel::default(), &target, &live(), Color::Green);
        assert_eq!(
            serde_json::to_value(&preview).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {
                    "name": "checkout-green", "namespace": "shop",
                    "labels": {"app.kubernetes.io/managed-by": "bluegreen"},
                    "annotations": {"bluegreen.rs/target": "shop/checkout"},
                },
                "spec": {
                    "type": "ClusterIP", "selector": {"app": "checkout", "color": "green"},
                    "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
                    "ports": [
                        {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"},
                        {"name": "admin", "port": 8081, "protocol": "TCP"},
                    ],
                },
            })
        );
    }

    #[test]
    fn a_service_that_is_there_is_used_if_it_leads_to_the_same() {
        let wanted = preview_service(&ColorLabel::default(), &Target::new("shop", "checkout"), &live(), Color::Green);
        let (http, admin) = (
            json!({"name": "http", "port": 80, "targetPort": "web", "nodePort": 31000}),
            json!({"name": "admin", "port": 8081, "targetPort": 8081}),
        );
        let green = json!({"app": "checkout", "color": "green"});
        let cases = [
            (json!({"type": "NodePort", "selector": green, "ports": [admin, http]}), None),
            (
                json!({"selector": {"app": "checkout"}, "ports": [http, admin]}),
                Some("its selector is app=checkout, not"),
            ),
            (
                json!({"selector": green, "ports": [http]}),
                Some("its ports are http 80->web/TCP, not admin 8081->8081/TCP"),
            ),
        ];
        for (spec, expected) in cases {
            let mismatch = preview_mismatch(&wanted, &service(spec.clone()));
            match expected {
                None => assert_eq!(mismatch, None, "{spec}"),
                Some(words) => assert!(mismatch.clone().unwrap_or_default().starts_with(words), "{mismatch:?}"),
            }
        }
    }

    #[test]
    fn an_address_is_the_first_port_or_the_one_asked_for() {
        let cases = [
            (live(), None, Ok("http://10.96.0.17:80")),
            (live(), Some("admin"), Ok("http://10.96.0.17:8081")),
            (live(), Some("8081"), Ok("http://10.96.0.17:8081")),
            (live(), Some("grpc"), Err("no port grpc; it has admin 8081->8081/TCP, http 80->web/TCP")),
            (
                service(json!({"clusterIP": "fd00::1", "ports": [{"port": 443, "appProtocol": "https"}]})),
                None,
                Ok("https://[fd00::1]:443"),
            ),
            (service(json!({"clusterIP": "None", "ports": [{"port": 80}]})), None, Err("set the URL")),
            (service(json!({"clusterIP": "10.96.0.1"})), None, Err("no ports")),
        ];
        for (service, port, expected) in cases {
            let address = cluster_address(&service, port);
            match expected {
                Ok(text) => assert_eq!(address.unwrap().to_string(), text),
                Err(words) => assert!(address.as_ref().unwrap_err().to_string().contains(words), "{address:?}"),
            }
        }
    }
}
