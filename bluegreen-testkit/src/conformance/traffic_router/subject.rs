//! One route, and what a harness can do to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bluegreen_core::{
    BackendError, Color, Endpoint, Fence, Holder, RolloutId, RouteMark, RouteObject, RouteObservation, RouteState,
    RouteWrite, RouterCapabilities, Split, Stamp, TrafficRouter,
};

use crate::conformance::check::ensure;
use crate::conformance::lever::Lever;
use crate::conformance::{Checked, Failure};

/// A route that sends everything to blue, and what its harness can do to it. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    pub(super) router: Arc<dyn TrafficRouter>,
    endpoints: Lever<Color, BTreeSet<Endpoint>>,
    pub(super) other: Option<Arc<dyn TrafficRouter>>,
    pub(super) objects: usize,
    pub(super) edits: Option<Lever<Color>>,
    pub(super) obscures: Option<Lever<()>>,
    pub(super) removes: Option<Lever<()>>,
    pub(super) replaces_pods: Option<Lever<Color>>,
    pub(super) answers: Option<Lever<(), BTreeSet<Color>>>,
    patience: Duration,
    stamps: AtomicU64,
}

/// For harnesses.
impl Subject {
    /// A route, and a way to find out which endpoints of a color are ready now, once they are all ready.
    pub fn new<F>(router: impl TrafficRouter, endpoints: impl Fn(Color) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<BTreeSet<Endpoint>, Failure>> + Send + 'static,
    {
        Self {
            router: Arc::new(router),
            endpoints: Lever::new(endpoints),
            other: None,
            objects: 1,
            edits: None,
            obscures: None,
            removes: None,
            replaces_pods: None,
            answers: None,
            patience: Duration::from_secs(60),
            stamps: AtomicU64::new(0),
        }
    }

    /// Offers a second backend for the same route, as another process would have one.
    #[must_use]
    pub fn other(mut self, other: impl TrafficRouter) -> Self {
        self.other = Some(Arc::new(other));
        self
    }

    /// Says how many objects the route is made of; one by default.
    #[must_use]
    pub const fn objects(mut self, objects: usize) -> Self {
        self.objects = objects;
        self
    }

    /// Offers to route everything to a color past this backend, as a person would. Our marks stay.
    #[must_use]
    pub fn edits<F>(mut self, edit: impl Fn(Color) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.edits = Some(Lever::new(edit));
        self
    }

    /// Offers to make the first object route as this library never would, as in a selector that matches both colors. Our
    /// mark stays.
    #[must_use]
    pub fn obscures<F>(mut self, obscure: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.obscures = Some(Lever::new(move |()| obscure()));
        self
    }

    /// Offers to delete the objects of the route.
    #[must_use]
    pub fn removes<F>(mut self, remove: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.removes = Some(Lever::new(move |()| remove()));
        self
    }

    /// Offers to let everything that runs in a color be replaced.
    #[must_use]
    pub fn replaces_pods<F>(mut self, replace: impl Fn(Color) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.replaces_pods = Some(Lever::new(replace));
        self
    }

    /// Offers to send requests over new connections, enough to reach everyone who gets any, and to tell who answered.
    #[must_use]
    pub fn answers<F>(mut self, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<BTreeSet<Color>, Failure>> + Send + 'static,
    {
        self.answers = Some(Lever::new(move |()| ask()));
        self
    }

    /// How long a case waits for anything, as for the data plane to follow; a minute by default.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// For cases.
impl Subject {
    pub(super) fn can(&self) -> RouterCapabilities {
        self.router.capabilities()
    }

    pub(super) const fn patience_of_cases(&self) -> Duration {
        self.patience
    }

    /// The backend of the other process, or the only one there is.
    pub(super) fn another(&self) -> &dyn TrafficRouter {
        self.other.as_deref().unwrap_or(&*self.router)
    }

    /// A mark with a stamp that nobody has used, for a write that sets `split`.
    pub(super) fn mark(&self, split: Split) -> RouteMark {
        let seq = self.stamps.fetch_add(1, Ordering::Relaxed) + 1;
        RouteMark {
            stamp: Stamp { epoch: 1, seq, holder: Holder::new(0xc0) },
            split,
            rollout: RolloutId::from("20261122t040506-1a2b3c4d".to_owned()),
            origin: Color::Blue,
            ended: false,
        }
    }

    pub(super) async fn endpoints(&self, color: Color) -> Result<BTreeSet<Endpoint>, Failure> {
        let endpoints = self.endpoints.pull(color).await?;
        ensure!(endpoints.len() >= 2, "the harness has to have at least two ready endpoints in {color}: {endpoints:?}");
        Ok(endpoints)
    }

    pub(super) async fn route(&self) -> Result<RouteObservation, Failure> {
        Ok(self.router.observe().await?)
    }

    /// The first object of the route.
    pub(super) async fn object(&self) -> Result<RouteObject, Failure> {
        let first = self.route().await?.objects.into_iter().next();
        first.ok_or_else(|| Failure::new("a route has at least one object"))
    }

    /// Writes one object with a stamp of its own: tests the stamp that was read, or the version where there was none.
    pub(super) async fn write(&self, object: &RouteObject, to: Split) -> Result<RouteObject, BackendError> {
        let fence = if object.mark.is_some() { Fence::Stamp } else { Fence::Version };
        send(&*self.router, object, fence, to, &self.mark(to)).await
    }

    /// Raises on all objects.
    pub(super) async fn raise(&self) -> Result<RouteObservation, Failure> {
        for object in &self.route().await?.objects {
            let RouteState::Routes(split) = object.state else {
                return Err(Failure::new(format!("{} routes to {}", object.name, object.state)));
            };
            self.write(object, split).await?;
        }
        self.route().await
    }

    /// Brings the whole route to `to`, step by step.
    pub(super) async fn shift(&self, to: Split) -> Checked {
        let route = self.route().await?;
        for step in self.router.steps(&route, to) {
            let Some(object) = route.objects.iter().find(|object| object.name == step.object) else {
                return Err(Failure::new(format!("a step names {}, which is no object of the route", step.object)));
            };
            self.write(object, to).await?;
        }
        Ok(())
    }
}

/// Sends a write with a given mark through a given backend.
pub(super) async fn send(
    router: &dyn TrafficRouter,
    object: &RouteObject,
    fence: Fence,
    to: Split,
    mark: &RouteMark,
) -> Result<RouteObject, BackendError> {
    router.write(RouteWrite { object, fence, to: &RouteState::Routes(to), mark }).await
}
