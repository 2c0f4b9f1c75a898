//! Connections that stay open.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, Drainer, Endpoint, OpenConnections};

use super::fault::Site;
use super::shared::Shared;
use super::state::State;

/// The open connections of a [`World`](super::World).
///
/// Every pod that ever served users keeps the connections that
/// [`WorldBuilder::connections`](super::WorldBuilder::connections) set, until a second after it was asked to finish them,
/// or until it is gone.
#[derive(Debug, Clone)]
pub struct WorldDrainer {
    shared: Arc<Shared>,
}

impl WorldDrainer {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn mark(&self, site: Site, endpoints: &[Endpoint], draining: bool) -> Result<(), BackendError> {
        let asked = identities(endpoints);
        let mark = move |state: &mut State| {
            let now = state.now;
            for pod in state.pods_mut().filter(|pod| asked.contains(&pod.endpoint.id)) {
                pod.draining = draining.then(|| pod.draining.unwrap_or(now));
            }
            Ok(())
        };
        self.shared.call(site, mark).await
    }
}

#[async_trait]
impl Drainer for WorldDrainer {
    fn describe(&self) -> Description {
        Description::new("WorldDrainer")
    }

    async fn begin(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        let site = Site::new("drainer.begin", "drain", "the connections");
        self.mark(site, endpoints, true).await
    }

    async fn cancel(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        let site = Site::new("drainer.cancel", "stop draining", "the connections");
        self.mark(site, endpoints, false).await
    }

    async fn open(&self, endpoints: &[Endpoint]) -> Result<OpenConnections, BackendError> {
        let site = Site::new("drainer.open", "count", "the connections");
        let asked = identities(endpoints);
        self.shared.call(site, move |state| state.open_connections(&asked)).await
    }
}

fn identities(endpoints: &[Endpoint]) -> BTreeSet<String> {
    endpoints.iter().map(|endpoint| endpoint.id.clone()).collect()
}

impl State {
    /// What is open on the pods that were asked for. A pod that is gone has nothing open; one that isn't ready can't tell.
    fn open_connections(&self, asked: &BTreeSet<String>) -> Result<OpenConnections, BackendError> {
        let mut count = 0;
        for color in Color::ALL {
            let pods = self.slot(color).phases(self.now);
            for (pod, phase) in pods.filter(|(pod, _)| asked.contains(&pod.endpoint.id)) {
                if phase.ready.is_none() {
                    return Err(BackendError::Unavailable {
                        action: "count the connections of".to_owned(),
                        object: format!("Pod/{}", pod.endpoint.name),
                        source: "the pod is not ready".into(),
                    });
                }
                if pod.served && !pod.is_drained(self.now) {
                    count += self.settings.connections;
                }
            }
        }
        Ok(OpenConnections { count })
    }
}
