//! Open connections as a [`Drainer`].

use async_trait::async_trait;
use bluegreen_core::{BackendError, Color, Description, Drainer, Endpoint, OpenConnections, PerColor};

use crate::deployment::{Deployment, Pod};
use crate::object::Object;

/// Asks pods to close the connections that users keep open, and counts them.
#[derive(Debug)]
pub(crate) struct LocalDrainer {
    colors: PerColor<Object<Deployment>>,
}

impl LocalDrainer {
    pub(crate) fn new(colors: &PerColor<Object<Deployment>>) -> Self {
        Self { colors: colors.clone() }
    }

    /// The pods that are meant. One that is gone is left out: it has no connections, and needs to be told nothing.
    fn pods(&self, endpoints: &[Endpoint]) -> Vec<Pod> {
        let is_meant = |pod: &&Pod| endpoints.iter().any(|endpoint| endpoint.id == pod.endpoint.id);
        let colors = Color::ALL.iter().map(|color| self.colors.get(*color));
        colors
            .flat_map(|color| {
                color.read(|deployment| deployment.pods.iter().filter(is_meant).cloned().collect::<Vec<_>>())
            })
            .collect()
    }
}

#[async_trait]
impl Drainer for LocalDrainer {
    fn describe(&self) -> Description {
        Description::new("LocalDrainer")
    }

    async fn begin(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        self.pods(endpoints).iter().for_each(|pod| pod.app.drain(true));
        Ok(())
    }

    async fn cancel(&self, endpoints: &[Endpoint]) -> Result<(), BackendError> {
        self.pods(endpoints).iter().for_each(|pod| pod.app.drain(false));
        Ok(())
    }

    async fn open(&self, endpoints: &[Endpoint]) -> Result<OpenConnections, BackendError> {
        let count = self.pods(endpoints).iter().map(|pod| pod.app.connections()).sum();
        Ok(OpenConnections { count })
    }
}
