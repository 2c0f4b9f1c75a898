//! One environment, and what a harness can do to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bluegreen_core::{
    BackendError, Color, ColorObservation, Deploy, Environment, EnvironmentCapabilities, Fence, Holder, Release, Scale,
    Seal, Stamp,
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::conformance::Failure;
use crate::conformance::check::{MOMENT, ensure, until};
use crate::conformance::lever::Lever;

/// The color that cases use where one is enough.
pub(super) const COLOR: Color = Color::Green;

/// How many replicas cases deploy.
pub(super) const REPLICAS: u32 = 2;

/// An environment with both colors absent, and what its harness can do to it. What isn't offered isn't checked.
#[derive(Debug)]
pub struct Subject {
    pub(super) environment: Arc<dyn Environment>,
    pub(super) releases: [Release; 2],
    pub(super) other: Option<Arc<dyn Environment>>,
    pub(super) never_ready: Option<Release>,
    pub(super) loses_pods: Option<Lever<Color>>,
    pub(super) edits: Option<Lever<Color>>,
    pub(super) adopts: bool,
    pub(super) deletes: Option<Lever<Color>>,
    pub(super) cleanup_after: Option<Lever<Color, Option<Timestamp>>>,
    pub(super) autoscaled: Option<Color>,
    patience: Duration,
    stamps: AtomicU64,
}

/// For harnesses.
impl Subject {
    /// An environment, and two releases that get ready in it.
    pub fn new(environment: impl Environment, releases: [Release; 2]) -> Self {
        Self {
            environment: Arc::new(environment),
            releases,
            other: None,
            never_ready: None,
            loses_pods: None,
            edits: None,
            adopts: false,
            deletes: None,
            cleanup_after: None,
            autoscaled: None,
            patience: Duration::from_secs(60),
            stamps: AtomicU64::new(0),
        }
    }

    /// Offers a second backend for the same two colors, as another process would have one.
    #[must_use]
    pub fn other(mut self, other: impl Environment) -> Self {
        self.other = Some(Arc::new(other));
        self
    }

    /// Offers a release that is accepted but never gets ready.
    #[must_use]
    pub fn never_ready(mut self, release: Release) -> Self {
        self.never_ready = Some(release);
        self
    }

    /// Offers to lose everything that runs in a color; the system replaces it by itself.
    #[must_use]
    pub fn loses_pods<F>(mut self, lose: impl Fn(Color) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.loses_pods = Some(Lever::new(lose));
        self
    }

    /// Offers to put another release into a color that was deployed, past this backend, as a person would. Our stamp stays.
    #[must_use]
    pub fn edits<F>(mut self, edit: impl Fn(Color) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.edits = Some(Lever::new(edit));
        self
    }

    /// Says that the backend was told to take over colors that others made or changed.
    #[must_use]
    pub const fn adopts(mut self) -> Self {
        self.adopts = true;
        self
    }

    /// Offers to delete a color past this backend, as a person would.
    #[must_use]
    pub fn deletes<F>(mut self, delete: impl Fn(Color) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.deletes = Some(Lever::new(delete));
        self
    }

    /// Offers to read the time after which a color may be removed.
    #[must_use]
    pub fn cleanup_after<F>(mut self, read: impl Fn(Color) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<Timestamp>, Failure>> + Send + 'static,
    {
        self.cleanup_after = Some(Lever::new(read));
        self
    }

    /// Says that `color`, and no other, has an autoscaler, with a minimum of 1 and a maximum of at least 4.
    #[must_use]
    pub const fn autoscaled(mut self, color: Color) -> Self {
        self.autoscaled = Some(color);
        self
    }

    /// How long a case waits for anything, as for replicas to get ready; a minute by default.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// A write, without what it expects and leaves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Write<'a> {
    Deploy(&'a Release, u32),
    Scale(u32, Option<Timestamp>),
    Seal,
}

/// For cases.
impl Subject {
    pub(super) fn can(&self) -> EnvironmentCapabilities {
        self.environment.capabilities()
    }

    pub(super) const fn patience_of_cases(&self) -> Duration {
        self.patience
    }

    /// The backend of the other process, or the only one there is.
    pub(super) fn another(&self) -> &dyn Environment {
        self.other.as_deref().unwrap_or(&*self.environment)
    }

    /// A stamp that nobody has used.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp { epoch: 1, seq: self.stamps.fetch_add(1, Ordering::Relaxed) + 1, holder: Holder::new(0xc0) }
    }

    pub(super) async fn observe(&self, color: Color) -> Result<ColorObservation, Failure> {
        Ok(self.environment.observe(color).await?)
    }

    /// Sends a write with a stamp of its own.
    pub(super) async fn write(
        &self,
        expect: &ColorObservation,
        fence: Fence,
        write: Write<'_>,
    ) -> Result<ColorObservation, BackendError> {
        send(&*self.environment, expect, fence, &self.stamp(), write).await
    }

    /// Deploys to a color that is absent, and waits until it is ready.
    pub(super) async fn deployed(&self, color: Color, release: &Release) -> Result<ColorObservation, Failure> {
        let absent = self.observe(color).await?;
        self.write(&absent, Fence::Version, Write::Deploy(release, REPLICAS)).await?;
        self.ready(color, release, REPLICAS).await
    }

    /// A color once nothing about it has changed for a moment: a server may still count what has just become ready.
    pub(super) async fn quiet(&self, color: Color) -> Result<ColorObservation, Failure> {
        let end = Instant::now() + self.patience;
        let mut before = self.observe(color).await?;
        loop {
            sleep(MOMENT).await;
            let seen = self.observe(color).await?;
            if seen == before {
                return Ok(seen);
            }
            ensure!(Instant::now() < end, "{color} doesn't stay as it is for a moment; what was seen last: {seen:#?}");
            before = seen;
        }
    }

    pub(super) async fn ready(
        &self,
        color: Color,
        release: &Release,
        replicas: u32,
    ) -> Result<ColorObservation, Failure> {
        let what = format!("{color} has {replicas} ready replicas of {release}");
        let exact = |seen: &ColorObservation| seen.is_ready(release, replicas) && seen.ready == replicas;
        until(what, self.patience, || self.observe(color), exact).await
    }
}

/// Sends a write with a given stamp through a given backend.
pub(super) async fn send(
    environment: &dyn Environment,
    expect: &ColorObservation,
    fence: Fence,
    stamp: &Stamp,
    write: Write<'_>,
) -> Result<ColorObservation, BackendError> {
    match write {
        Write::Deploy(release, replicas) => {
            environment.deploy(Deploy { expect, fence, stamp, release, replicas }).await
        }
        Write::Scale(replicas, cleanup_after) => {
            environment.scale(Scale { expect, fence, stamp, replicas, cleanup_after }).await
        }
        Write::Seal => environment.seal(Seal { expect, fence, stamp }).await,
    }
}
