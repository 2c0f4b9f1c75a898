//! Who a Service sends new connections to, read from its EndpointSlices. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use bluegreen_core::Endpoint;
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint as SliceEndpoint, EndpointSlice};

/// What the slices of a Service have to show.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// As people look for it.
    pub(super) object: String,
    /// `IPv4`, `IPv6` or both.
    families: Vec<String>,
    /// The names of its ports; a single port may have the empty one.
    ports: Vec<String>,
}

impl Wanted {
    /// What is wanted of the slices of `service`.
    pub(super) fn of(object: String, service: &Service) -> Self {
        let (families, ports) = match &service.spec {
            Some(ServiceSpec { ip_families, ports, .. }) => (ip_families.clone(), ports.as_deref()),
            None => (None, None),
        };
        let ports = ports.unwrap_or_default().iter().map(|port| port.name.clone().unwrap_or_default()).collect();
        Self { object, families: families.unwrap_or_else(|| vec!["IPv4".to_owned()]), ports }
    }

    /// Why new connections don't go to exactly `endpoints` yet; `None` once they do.
    ///
    /// In every address family all `endpoints` are there and ready, on every port; and nothing else is there that is
    /// ready, or that still serves while it terminates, whoever made the slice. Endpoints of other pods that aren't
    /// ready get no connections and don't matter: a pod of this color that is still starting is one.
    pub(super) fn missing(&self, slices: &[Arc<EndpointSlice>], endpoints: &BTreeSet<Endpoint>) -> Option<String> {
        let wanted: BTreeSet<&str> = endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect();
        self.families
            .iter()
            .find_map(|family| {
                let of_family = || slices.iter().filter(|slice| slice.address_type == *family);
                of_family().find_map(|slice| self.wrong_in(slice, &wanted)).or_else(|| {
                    let ready: BTreeSet<&str> = of_family().flat_map(|slice| ready_uids(slice)).collect();
                    let absent = wanted.difference(&ready).count();
                    (absent > 0).then(|| {
                        format!(
                            "{absent} of {} endpoints are not ready in the {family} slices of {}",
                            wanted.len(),
                            self.object
                        )
                    })
                })
            })
            .or_else(|| self.unexpected_family(slices))
    }

    /// What must not be in a slice.
    fn wrong_in(&self, slice: &EndpointSlice, wanted: &BTreeSet<&str>) -> Option<String> {
        let name = slice.metadata.name.as_deref().unwrap_or_default();
        let foreign = slice
            .endpoints
            .iter()
            .find(|endpoint| takes_connections(endpoint) && !uid(endpoint).is_some_and(|uid| wanted.contains(uid)));
        if let Some(endpoint) = foreign {
            return Some(format!("{} still leads to {} (EndpointSlice/{name})", self.object, endpoint_name(endpoint)));
        }
        if !slice.endpoints.iter().any(is_ready) {
            return None;
        }
        let lost = self.ports.iter().find(|port| !has_port(slice, port))?;
        Some(format!("port {lost:?} of {} leads nowhere: EndpointSlice/{name} has no such port", self.object))
    }

    /// Slices of a family that the Service doesn't have are made by hand; they would get connections, too.
    fn unexpected_family(&self, slices: &[Arc<EndpointSlice>]) -> Option<String> {
        let other = slices.iter().find(|slice| {
            !self.families.contains(&slice.address_type) && slice.endpoints.iter().any(takes_connections)
        })?;
        let name = other.metadata.name.as_deref().unwrap_or_default();
        Some(format!("EndpointSlice/{name} of {} has unexpected {} addresses", self.object, other.address_type))
    }
}

/// Missing means ready, says the API.
fn is_ready(endpoint: &SliceEndpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
}

/// Ready, or serving: proxies fall back to endpoints that serve while they terminate.
fn takes_connections(endpoint: &SliceEndpoint) -> bool {
    let serving = endpoint.conditions.as_ref().and_then(|conditions| conditions.serving);
    is_ready(endpoint) || serving.unwrap_or(false)
}

fn uid(endpoint: &SliceEndpoint) -> Option<&str> {
    endpoint.target_ref.as_ref()?.uid.as_deref()
}

fn endpoint_name(endpoint: &SliceEndpoint) -> String {
    let named = endpoint
        .target_ref
        .as_ref()
        .and_then(|target| Some(format!("{}/{}", target.kind.as_deref().unwrap_or("object"), target.name.as_deref()?)));
    named.unwrap_or_else(|| format!("address {}, which no pod has", endpoint.addresses.join(", ")))
}

fn ready_uids(slice: &EndpointSlice) -> impl Iterator<Item = &str> {
    slice.endpoints.iter().filter(|endpoint| is_ready(endpoint)).filter_map(uid)
}

fn has_port(slice: &EndpointSlice, name: &str) -> bool {
    let ports = slice.ports.as_deref().unwrap_or_default();
    ports.iter().any(|port| port.name.as_deref().unwrap_or_default() == name && port.port.is_some())
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "so that `json!` can stand in a call")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn wanted(spec: Value) -> Wanted {
        Wanted::of("Service/a".into(), &serde_json::from_value(json!({"spec": spec})).unwrap())
    }

    fn endpoint(uid: &str, conditions: Value) -> Value {
        json!({"addresses": ["10.0.0.1"], "conditions": conditions,
            "targetRef": {"kind": "Pod", "name": format!("pod-{uid}"), "uid": uid}})
    }

    fn slice(family: &str, ports: Value, endpoints: Value) -> Arc<EndpointSlice> {
        let slice = json!({"metadata": {"name": "a-x"}, "addressType": family, "ports": ports, "endpoints": endpoints});
        Arc::new(serde_json::from_value(slice).unwrap())
    }

    fn pods(uids: &[&str]) -> BTreeSet<Endpoint> {
        let endpoint = |uid: &&str| Endpoint { id: (*uid).into(), name: format!("pod-{uid}"), address: None };
        uids.iter().map(endpoint).collect()
    }

    #[test]
    fn exactly_the_wanted_endpoints_have_to_be_ready() {
        let ready = json!({"ready": true, "serving": true, "terminating": false});
        let starting = json!({"ready": false, "serving": false, "terminating": false});
        let ending = json!({"ready": false, "serving": true, "terminating": true});
        let ended = json!({"ready": false, "serving": false, "terminating": true});
        let unsaid = json!({});
        let g = |conditions: &Value| endpoint("g", conditions.clone());
        let b = |conditions: &Value| endpoint("b", conditions.clone());
        let by_hand = json!({"addresses": ["192.0.2.1"]});
        // what is in the slice, what is missing if anything
        let cases = [
            ("all there", json!([g(&ready)]), None),
            ("not said to be ready is ready", json!([g(&unsaid)]), None),
            ("nothing there", json!([]), Some("1 of 1 endpoints are not ready in the IPv4 slices of Service/a")),
            ("not ready yet", json!([g(&starting)]), Some("1 of 1 endpoints are not ready")),
            ("going away", json!([g(&ending)]), Some("1 of 1 endpoints are not ready")),
            ("still the other one", json!([b(&ready)]), Some("Service/a still leads to Pod/pod-b (EndpointSlice/a-x)")),
            ("both", json!([g(&ready), b(&ready)]), Some("still leads to Pod/pod-b")),
            ("the other one not said to be ready", json!([g(&ready), b(&unsaid)]), Some("Pod/pod-b")),
            ("the other one serves while it ends", json!([g(&ready), b(&ending)]), Some("Pod/pod-b")),
            ("the other one has ended", json!([g(&ready), b(&ended)]), None),
            ("one more of ours is starting", json!([g(&ready), b(&starting)]), None),
            ("made by hand", json!([g(&ready), by_hand]), Some("address 192.0.2.1, which no pod has")),
        ];
        let wanted = wanted(json!({"ipFamilies": ["IPv4"], "ports": [{"name": "http", "port": 80}]}));
        for (what, endpoints, expected) in cases {
            let ports = json!([{"name": "http", "port": 8080}]);
            let missing = wanted.missing(&[slice("IPv4", ports, endpoints)], &pods(&["g"]));
            match expected {
                None => assert_eq!(missing, None, "{what}"),
                Some(words) => assert!(missing.clone().unwrap_or_default().contains(words), "{what}: {missing:?}"),
            }
        }
    }

    #[test]
    fn endpoints_may_be_spread_over_slices() {
        let wanted = wanted(json!({"ports": [{"port": 80}]}));
        let ports = json!([{"name": "", "port": 8080}]);
        let first = slice("IPv4", ports.clone(), json!([endpoint("g", json!({}))]));
        let second = slice("IPv4", ports, json!([endpoint("h", json!({}))]));
        assert!(wanted.missing(&[Arc::clone(&first)], &pods(&["g", "h"])).is_some());
        assert_eq!(wanted.missing(&[first, second], &pods(&["g", "h"])), None);
        assert!(wanted.missing(&[], &pods(&["g"])).is_some());
    }

    #[test]
    fn every_port_has_to_lead_somewhere() {
        let wanted = wanted(json!({"ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]}));
        let ready = json!([endpoint("g", json!({"ready": true}))]);
        for (ports, lost) in [
            (json!([{"name": "http", "port": 8080}, {"name": "admin", "port": 8081}]), false),
            (json!([{"name": "http", "port": 8080}]), true),
            (json!([{"name": "http", "port": 8080}, {"name": "admin"}]), true),
            (json!(null), true),
        ] {
            let missing = wanted.missing(&[slice("IPv4", ports.clone(), ready.clone())], &pods(&["g"]));
            assert_eq!(missing.is_some(), lost, "{ports}: {missing:?}");
        }
        // The placeholder of a Service without endpoints has no ports either, and harms nobody.
        let full = slice("IPv4", json!([{"name": "http", "port": 1}, {"name": "admin", "port": 2}]), ready);
        assert_eq!(wanted.missing(&[full, slice("IPv4", json!(null), json!([]))], &pods(&["g"])), None);
    }

    #[test]
    fn every_family_counts() {
        let wanted = wanted(json!({"ipFamilies": ["IPv4", "IPv6"], "ports": [{"port": 80}]}));
        let of = |family: &str| slice(family, json!([{"name": "", "port": 1}]), json!([endpoint("g", json!({}))]));
        assert!(wanted.missing(&[of("IPv4")], &pods(&["g"])).unwrap().contains("IPv6"));
        assert_eq!(wanted.missing(&[of("IPv4"), of("IPv6")], &pods(&["g"])), None);
        assert!(wanted.missing(&[of("IPv4"), of("IPv6"), of("FQDN")], &pods(&["g"])).unwrap().contains("FQDN"));
    }
}
