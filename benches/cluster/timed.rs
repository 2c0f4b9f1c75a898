//! An environment that notes when it tells something new, and a note of when patches leave.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Description, Diagnosis, Environment, EnvironmentCapabilities,
    Preflight, Scale, Seal, Snapshot,
};
use bluegreen_kube::DeploymentEnvironment;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

/// When something was told, and when patches of the Service left.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopwatch(Arc<Mutex<Times>>);

#[derive(Debug, Default)]
struct Times {
    /// When a color was first told to be as ready as it is now.
    ready: [Option<(u32, Instant)>; 2],
    /// When a color was first told to have nothing ready, after it had.
    unready: [Option<Instant>; 2],
    deployed: Option<Color>,
    patches: Vec<Instant>,
}

impl Stopwatch {
    fn times<T>(&self, act: impl FnOnce(&mut Times) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn told(&self, seen: &ColorObservation) {
        let (index, now) = (seen.color as usize, Instant::now());
        self.times(|times| {
            let before = times.ready[index].map(|(ready, _)| ready);
            if seen.settled && before != Some(seen.ready) {
                times.ready[index] = Some((seen.ready, now));
            }
            // Less than half ready is what fails the watch.
            if seen.ready * 2 < seen.desired && before.is_some_and(|before| before > seen.ready) {
                times.unready[index].get_or_insert(now);
            }
        });
    }

    pub(crate) fn write(&self, method: &str, path: &str) {
        let now = Instant::now();
        if method == "PATCH" && path.contains("/services/") {
            self.times(|times| times.patches.push(now));
        }
    }

    /// From the last event before the switch to its patch: the second of the Service, after the raise.
    pub(crate) fn switch(&self) -> Option<Duration> {
        self.times(|times| {
            let (_, ready) = times.ready[times.deployed? as usize]?;
            times.patches.get(1)?.checked_duration_since(ready)
        })
    }

    /// From the event that fails the watch to the next patch.
    pub(crate) fn switch_back(&self) -> Option<Duration> {
        self.times(|times| {
            let unready = times.unready[times.deployed? as usize]?;
            times.patches.get(2)?.checked_duration_since(unready)
        })
    }
}

/// An environment that tells its stopwatch what its watches tell.
pub(crate) struct Timed {
    inner: DeploymentEnvironment,
    stopwatch: Stopwatch,
}

impl Timed {
    pub(crate) fn new(inner: DeploymentEnvironment, stopwatch: Stopwatch) -> Self {
        Self { inner, stopwatch }
    }
}

impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl Environment for Timed {
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
        let stopwatch = self.stopwatch.clone();
        let watch = self.inner.watch(color);
        watch.inspect(move |seen| seen.iter().for_each(|seen| stopwatch.told(seen))).boxed()
    }

    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        self.stopwatch.times(|times| times.deployed = Some(deploy.expect.color));
        self.inner.deploy(deploy).await
    }

    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
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
