//! Waiting until new connections go to given endpoints and nowhere else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{BackendError, Color, Convergence, Endpoint, Proof};
use futures_util::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::runtime::watcher;

use super::slices::Wanted;
use crate::client::watch_objects;

/// How long the slices have to stay as wanted. Nothing in a slice says which selector it was made for, so slices that
/// are right already, as in a quick switch back, could still be about to change.
const STABLE: Duration = Duration::from_millis(200);

/// How many endpoints are named in the evidence.
const NAMED: usize = 10;

type Slices = Result<Vec<Arc<EndpointSlice>>, BackendError>;

/// Returns once the slices of all `services` have led to exactly `endpoints` for [`STABLE`]; they are watched, and
/// every change is looked at. A broken watch is waited out; one that is not allowed is an error.
pub(super) async fn converge(
    slices: &Api<EndpointSlice>,
    services: &[(String, Service)],
    color: Color,
    endpoints: &BTreeSet<Endpoint>,
) -> Result<Convergence, BackendError> {
    let mut routes: Vec<Route> = services.iter().map(|(object, service)| Route::new(object, service)).collect();
    let mut changes = stream::select_all(services.iter().enumerate().map(|(index, (object, service))| {
        watch_slices(slices, service, object).map(move |change| (index, change)).boxed()
    }));
    loop {
        let waits = routes.iter().find_map(|route| route.missing(endpoints));
        if let Some(reason) = &waits {
            tracing::debug!(%color, %reason, "not converged");
        }
        let change = tokio::select! {
            change = changes.next() => change,
            // Only polled while all is as wanted; each change starts it anew.
            () = tokio::time::sleep(STABLE), if waits.is_none() => return Ok(proven(&routes, color, endpoints)),
        };
        match change {
            Some((index, Ok(current))) => {
                if let Some(route) = routes.get_mut(index) {
                    route.slices = Some(current);
                }
            }
            Some((_, Err(error))) if error.is_retryable() => tracing::debug!(%error, "the watch is resumed"),
            Some((_, Err(error))) => return Err(error),
            None => return Err(ended(services)),
        }
    }
}

/// One Service of the group, and its slices as last seen.
struct Route {
    wanted: Wanted,
    slices: Option<Vec<Arc<EndpointSlice>>>,
}

impl Route {
    fn new(object: &str, service: &Service) -> Self {
        Self { wanted: Wanted::of(object.to_owned(), service), slices: None }
    }

    fn missing(&self, endpoints: &BTreeSet<Endpoint>) -> Option<String> {
        match &self.slices {
            Some(slices) => self.wanted.missing(slices, endpoints),
            None => Some(format!("the slices of {} have not been listed yet", self.wanted.object)),
        }
    }
}

fn watch_slices(slices: &Api<EndpointSlice>, service: &Service, object: &str) -> BoxStream<'static, Slices> {
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let config = watcher::Config::default().labels(&format!("kubernetes.io/service-name={name}"));
    watch_objects(slices.clone(), config, format!("EndpointSlices of {object}"))
}

fn proven(routes: &[Route], color: Color, endpoints: &BTreeSet<Endpoint>) -> Convergence {
    let count = endpoints.len();
    let services: Vec<_> = routes.iter().map(|route| route.wanted.object.as_str()).collect();
    let mut named: Vec<_> =
        endpoints.iter().take(NAMED).map(|endpoint| format!("{} ({})", endpoint.name, endpoint.id)).collect();
    if count > NAMED {
        named.push(format!("{} more", count - NAMED));
    }
    let evidence = format!(
        "{count} of {count} ready endpoints of {} are pods of {color}: {}",
        services.join(", "),
        named.join(", ")
    );
    Convergence { endpoints: count, proof: Proof::Endpoints, evidence }
}

/// Watches don't end by themselves; a group without Services has none.
fn ended(services: &[(String, Service)]) -> BackendError {
    let objects: Vec<_> = services.iter().map(|(object, _)| object.as_str()).collect();
    BackendError::Unusable {
        object: format!("EndpointSlices of {}", objects.join(", ")),
        message: "the watch ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_names_services_and_endpoints_but_not_hundreds() {
        let routes = ["Service/a", "Service/b"].map(|name| Route::new(name, &Service::default()));
        let endpoint =
            |index| Endpoint { id: format!("uid-{index:02}"), name: format!("pod-{index:02}"), address: None };
        let proof = proven(&routes, Color::Green, &(0..2).map(endpoint).collect());
        assert_eq!(
            proof.evidence,
            "2 of 2 ready endpoints of Service/a, Service/b are pods of green: pod-00 (uid-00), pod-01 (uid-01)"
        );
        let proof = proven(&routes, Color::Green, &(0..12).map(endpoint).collect());
        assert_eq!(proof.endpoints, 12);
        assert!(proof.evidence.ends_with("pod-09 (uid-09), 2 more"), "{}", proof.evidence);
    }
}
