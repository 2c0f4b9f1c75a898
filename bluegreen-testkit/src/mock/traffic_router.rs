//! The double of `TrafficRouter`.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bluegreen_core::{
    Address, BackendError, Color, Convergence, Description, Endpoint, Preflight, RouteObject, RouteObservation,
    RouteStep, RouteWrite, RouterCapabilities, Split, TrafficRouter, Via,
};
use futures_util::FutureExt;
use futures_util::stream::BoxStream;
use mockall::mock;

use super::over::{Double, Over, answer, pass};

mock! {
    /// A double of [`TrafficRouter`].
    #[derive(Debug)]
    pub TrafficRouter {}

    #[async_trait]
    impl TrafficRouter for TrafficRouter {
        fn describe(&self) -> Description;
        fn preflights(&self) -> Vec<Arc<dyn Preflight>>;
        fn capabilities(&self) -> RouterCapabilities;
        async fn observe(&self) -> Result<RouteObservation, BackendError>;
        fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>>;
        fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep>;
        async fn write<'s, 'a>(&'s self, write: RouteWrite<'a>) -> Result<RouteObject, BackendError>;
        async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError>;
        async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError>;
        async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError>;
    }
}

impl MockTrafficRouter {
    /// Puts the mock in front of `router`, which answers whatever no expectation is left for.
    pub fn over<B: TrafficRouter>(self, router: B) -> Over<Self, B> {
        Over::new(self, router)
    }
}

impl<B: TrafficRouter> Double<B> for MockTrafficRouter {
    fn defer_to(&mut self, backend: &Arc<B>) {
        let behind = Arc::clone(backend);
        self.expect_describe().returning(move || behind.describe());
        let behind = Arc::clone(backend);
        self.expect_preflights().returning(move || behind.preflights());
        let behind = Arc::clone(backend);
        self.expect_capabilities().returning(move || behind.capabilities());
        let behind = Arc::clone(backend);
        self.expect_watch().returning(move || behind.watch());
        let behind = Arc::clone(backend);
        self.expect_steps().returning(move |route, to| behind.steps(route, to));
        self.expect_observe().returning(|| Err(pass()));
        self.expect_write().returning(|_| Err(pass()));
        self.expect_converge().returning(|_, _| Err(pass()));
        self.expect_prepare_preview().returning(|_| Err(pass()));
        self.expect_address().returning(|_, _| Err(pass()));
    }

    fn verify(&mut self) {
        self.checkpoint();
    }
}

#[async_trait]
impl<B: TrafficRouter> TrafficRouter for Over<MockTrafficRouter, B> {
    fn describe(&self) -> Description {
        self.lock().describe()
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.lock().preflights()
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.lock().capabilities()
    }

    async fn observe(&self) -> Result<RouteObservation, BackendError> {
        answer!(self.observe())
    }

    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>> {
        self.lock().watch()
    }

    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep> {
        self.lock().steps(route, to)
    }

    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        answer!(self.write(write))
    }

    async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError> {
        answer!(self.converge(color, endpoints))
    }

    async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError> {
        answer!(self.prepare_preview(color))
    }

    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError> {
        answer!(self.address(via, color))
    }
}
