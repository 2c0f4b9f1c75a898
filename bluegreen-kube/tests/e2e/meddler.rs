//! Backends that let something happen at a chosen moment of a rollout.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bluegreen_core::{
    Address, BackendError, Color, ColorObservation, Convergence, Deploy, Description, Diagnosis, Drainer, Endpoint,
    Environment, EnvironmentCapabilities, Finding, Gate, GateContext, GateDecision, HealthProbe, OpenConnections,
    Preflight, PreflightContext, ProbeReport, ProbeTarget, RouteObject, RouteObservation, RouteStep, RouteWrite,
    RouterCapabilities, Scale, Seal, Snapshot, Split, TrafficRouter, Verdict, Via,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// A moment in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// While preflights run.
    Preflight,
    /// Right before the deployment is sent.
    Deploy,
    /// After it was confirmed.
    Ready,
    /// While the new color is probed.
    Smoke,
    /// While a decision is awaited.
    Approve,
    /// While both colors are probed once more.
    FinalHealth,
    /// Right before the switch is sent.
    Switch,
    /// Right before convergence is looked for.
    Converge,
    /// While the new color is watched.
    Watch,
    /// When open connections are told to leave.
    Drain,
    /// Right before the old color is scaled down.
    Retire,
}

impl Moment {
    pub(crate) const BEFORE_THE_SWITCH: [Self; 7] =
        [Self::Preflight, Self::Deploy, Self::Ready, Self::Smoke, Self::Approve, Self::FinalHealth, Self::Switch];
    pub(crate) const AFTER_THE_SWITCH: [Self; 4] = [Self::Converge, Self::Watch, Self::Drain, Self::Retire];
}

type Deed = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Does something, once, at a moment. Wraps backends, and is every other one that a plan may have. Clones are one.
#[derive(Clone)]
pub(crate) struct Meddler {
    moment: Moment,
    deed: Deed,
    done: Arc<AtomicBool>,
}

/// A backend with a meddler in front.
#[derive(Debug)]
pub(crate) struct Meddled<T> {
    inner: T,
    meddler: Meddler,
}

impl Meddler {
    pub(crate) fn new(moment: Moment, deed: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self { moment, deed: Arc::new(deed), done: Arc::default() }
    }

    pub(crate) fn around<T>(&self, inner: T) -> Meddled<T> {
        Meddled { inner, meddler: self.clone() }
    }

    /// Whether the moment came.
    pub(crate) fn came(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }

    async fn at(&self, moment: Moment) {
        if moment == self.moment && !self.done.swap(true, Ordering::SeqCst) {
            // In a task of its own: what begins here is not to be broken off when the rollout drops its call.
            let _ = tokio::spawn((self.deed)()).await;
        }
    }
}

impl fmt::Debug for Meddler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddler").field("moment", &self.moment).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Environment> Environment for Meddled<T> {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.inner.preflights()
    }

    fn capabilities(&self) -> EnvironmentCapabilities {
        self.inner.capabilities()
    }

    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError> {
        self.inner.observe(color).await
    }

    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>> {
        self.inner.watch(color)
    }

    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        self.meddler.at(Moment::Deploy).await;
        let deployed = self.inner.deploy(deploy).await?;
        self.meddler.at(Moment::Ready).await;
        Ok(deployed)
    }

    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        if scale.replicas == 0 {
            self.meddler.at(Moment::Retire).await;
        }
        self.inner.scale(scale).await
    }

    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        self.inner.seal(seal).await
    }

    async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        self.inner.pin_capacity(color, minimum).await
    }

    async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError> {
        self.inner.snapshot(color).await
    }

    async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError> {
        self.inner.restore(snapshot).await
    }

    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError> {
        self.inner.diagnose(color).await
    }
}

#[async_trait]
impl<T: TrafficRouter> TrafficRouter for Meddled<T> {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.inner.preflights()
    }

    fn capabilities(&self) -> RouterCapabilities {
        self.inner.capabilities()
    }

    async fn observe(&self) -> Result<RouteObservation, BackendError> {
        self.inner.observe().await
    }

    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>> {
        self.inner.watch()
    }

    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep> {
        self.inner.steps(route, to)
    }

    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        if *write.to != write.object.state {
            self.meddler.at(Moment::Switch).await;
        }
        self.inner.write(write).await
    }

    async fn converge(&self, color: Color, endpoints: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError> {
        self.meddler.at(Moment::Converge).await;
        self.inner.converge(color, endpoints).await
    }

    async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError> {
        self.inner.prepare_preview(color).await
    }

    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError> {
        self.inner.address(via, color).await
    }
}

#[async_trait]
impl Preflight for Meddler {
    fn describe(&self) -> Description {
        Description::new("Meddler")
    }

    async fn check(&self, _: &PreflightContext) -> Result<Finding, BackendError> {
        self.at(Moment::Preflight).await;
        Ok(Finding::Passed { message: "meddled".to_owned() })
    }
}

#[async_trait]
impl Gate for Meddler {
    fn describe(&self) -> Description {
        Description::new("Meddler")
    }

    async fn decide(&self, _: &GateContext) -> Result<GateDecision, BackendError> {
        self.at(Moment::Approve).await;
        Ok(GateDecision::Go { by: "meddler".to_owned(), reason: "why not".to_owned() })
    }
}

#[async_trait]
impl Drainer for Meddler {
    fn describe(&self) -> Description {
        Description::new("Meddler")
    }

    async fn begin(&self, _: &[Endpoint]) -> Result<(), BackendError> {
        self.at(Moment::Drain).await;
        Ok(())
    }

    async fn cancel(&self, _: &[Endpoint]) -> Result<(), BackendError> {
        Ok(())
    }

    async fn open(&self, _: &[Endpoint]) -> Result<OpenConnections, BackendError> {
        Ok(OpenConnections { count: 0 })
    }
}

/// A probe that always passes; its moment depends on the stage that it is used in.
#[derive(Debug)]
pub(crate) struct MeddlingProbe {
    pub(crate) meddler: Meddler,
    pub(crate) moment: Moment,
}

#[async_trait]
impl HealthProbe for MeddlingProbe {
    fn describe(&self) -> Description {
        Description::new("MeddlingProbe")
    }

    fn needs_address(&self) -> bool {
        false
    }

    async fn check(&self, _: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        self.meddler.at(self.moment).await;
        Ok(ProbeReport { verdict: Verdict::Pass, summary: "always passes".to_owned(), tries: 1 })
    }
}
