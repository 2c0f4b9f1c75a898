//! Backends with a mistake, each around the world's own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bluegreen_core::{
    Address, BackendError, Color, ColorObservation, Convergence, Deploy, Description, Diagnosis, Endpoint, Environment,
    EnvironmentCapabilities, ErrorSignal, HealthProbe, Journal, JournalError, Log, Measure, MigrationRun,
    MigrationRunner, MigrationStatus, OldReleaseReport, PendingMigrations, Preflight, ProbeReport, ProbeTarget, Record,
    Release, RolloutId, RouteObject, RouteObservation, RouteStep, RouteWrite, RouterCapabilities, Scale, Seal,
    Snapshot, Split, Target, TrafficRouter, Verdict, Via, Window,
};
use bluegreen_testkit::fake::ScriptedProbe;
use bluegreen_testkit::{WorldEnvironment, WorldJournal, WorldMigrations, WorldRouter, WorldSignal};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

/// What is wrong with a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouterBug {
    /// It writes whatever is there, instead of what was read.
    Unfenced,
    /// It tests the stamp, but not where traffic goes.
    Overwrites,
    /// It takes a write without an answer for one that wasn't done.
    NeverUnsure,
    /// It reads the route once, and goes on saying what it was like then, until it writes.
    ReadsOnce,
}

/// A router with a mistake.
#[derive(Debug)]
pub(crate) struct BadRouter {
    router: WorldRouter,
    bug: RouterBug,
    kept: Mutex<Option<RouteObservation>>,
}

impl BadRouter {
    pub(crate) const fn new(router: WorldRouter, bug: RouterBug) -> Self {
        Self { router, bug, kept: Mutex::new(None) }
    }

    /// The object as it is now.
    async fn found(&self, object: &RouteObject) -> Result<RouteObject, BackendError> {
        let found = self.router.observe().await?.objects.into_iter().find(|found| found.name == object.name);
        Ok(found.unwrap_or_else(|| object.clone()))
    }
}

#[async_trait]
impl TrafficRouter for BadRouter {
    fn describe(&self) -> Description {
        self.router.describe()
    }
    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.router.preflights()
    }
    fn capabilities(&self) -> RouterCapabilities {
        self.router.capabilities()
    }
    async fn observe(&self) -> Result<RouteObservation, BackendError> {
        let kept = self.kept.lock().unwrap().clone();
        if let Some(kept) = kept.filter(|_| self.bug == RouterBug::ReadsOnce) {
            return Ok(kept);
        }
        let read = self.router.observe().await?;
        *self.kept.lock().unwrap() = Some(read.clone());
        Ok(read)
    }
    fn watch(&self) -> BoxStream<'static, Result<RouteObservation, BackendError>> {
        if self.bug == RouterBug::ReadsOnce { futures_util::stream::pending().boxed() } else { self.router.watch() }
    }
    fn steps(&self, route: &RouteObservation, to: Split) -> Vec<RouteStep> {
        self.router.steps(route, to)
    }
    async fn write(&self, write: RouteWrite<'_>) -> Result<RouteObject, BackendError> {
        let mut object = write.object.clone();
        match self.bug {
            RouterBug::Unfenced => object = self.found(&object).await?,
            RouterBug::Overwrites => {
                let found = self.found(&object).await?;
                (object.state, object.exact) = (found.state, found.exact);
            }
            RouterBug::NeverUnsure | RouterBug::ReadsOnce => {}
        }
        let written = self.router.write(RouteWrite { object: &object, ..write }).await;
        *self.kept.lock().unwrap() = None;
        written.map_err(|error| match error {
            BackendError::TimedOut { action, object, .. } | BackendError::Unknown { action, object, .. }
                if self.bug == RouterBug::NeverUnsure =>
            {
                BackendError::Refused { action, object, message: "no answer".to_owned() }
            }
            error => error,
        })
    }
    async fn converge(&self, color: Color, at: &BTreeSet<Endpoint>) -> Result<Convergence, BackendError> {
        self.router.converge(color, at).await
    }
    async fn prepare_preview(&self, color: Color) -> Result<bool, BackendError> {
        self.router.prepare_preview(color).await
    }
    async fn address(&self, via: Via, color: Color) -> Result<Option<Address>, BackendError> {
        self.router.address(via, color).await
    }
}

/// Leaves the stamp that was there when it scales.
#[derive(Debug)]
pub(crate) struct ForgetsStamps(pub(crate) WorldEnvironment);

#[async_trait]
impl Environment for ForgetsStamps {
    fn describe(&self) -> Description {
        self.0.describe()
    }
    fn preflights(&self) -> Vec<Arc<dyn Preflight>> {
        self.0.preflights()
    }
    fn capabilities(&self) -> EnvironmentCapabilities {
        self.0.capabilities()
    }
    async fn observe(&self, color: Color) -> Result<ColorObservation, BackendError> {
        self.0.observe(color).await
    }
    fn watch(&self, color: Color) -> BoxStream<'static, Result<ColorObservation, BackendError>> {
        self.0.watch(color)
    }
    async fn deploy(&self, deploy: Deploy<'_>) -> Result<ColorObservation, BackendError> {
        self.0.deploy(deploy).await
    }
    async fn scale(&self, scale: Scale<'_>) -> Result<ColorObservation, BackendError> {
        let stamp = scale.expect.stamp.clone();
        self.0.scale(Scale { stamp: stamp.as_ref().unwrap_or(scale.stamp), ..scale }).await
    }
    async fn seal(&self, seal: Seal<'_>) -> Result<ColorObservation, BackendError> {
        self.0.seal(seal).await
    }
    async fn pin_capacity(&self, color: Color, minimum: Option<u32>) -> Result<bool, BackendError> {
        self.0.pin_capacity(color, minimum).await
    }
    async fn snapshot(&self, color: Color) -> Result<Snapshot, BackendError> {
        self.0.snapshot(color).await
    }
    async fn restore(&self, snapshot: &Snapshot) -> Result<(), BackendError> {
        self.0.restore(snapshot).await
    }
    async fn diagnose(&self, color: Color) -> Result<Diagnosis, BackendError> {
        self.0.diagnose(color).await
    }
}

/// Doesn't know its own runs, and names each anew.
#[derive(Debug)]
pub(crate) struct RunsAgain(pub(crate) WorldMigrations);

#[async_trait]
impl MigrationRunner for RunsAgain {
    fn describe(&self) -> Description {
        self.0.describe()
    }
    async fn pending(&self, _release: &Release) -> Result<PendingMigrations, BackendError> {
        Ok(PendingMigrations { set: "add-column".to_owned(), migrations: vec!["add-column".to_owned()] })
    }
    async fn run(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        // Named by the time as well, as a script would.
        let set = format!("{}+{:?}", run.set, tokio::time::Instant::now());
        self.0.run(&MigrationRun { set, ..run.clone() }).await
    }
    async fn status(&self, run: &MigrationRun) -> Result<MigrationStatus, BackendError> {
        let set = "nothing that ever ran".to_owned();
        self.0.status(&MigrationRun { set, ..run.clone() }).await
    }
    async fn old_release_works(&self, run: &MigrationRun) -> Result<OldReleaseReport, BackendError> {
        self.0.old_release_works(run).await
    }
}

/// Says that all is well where there is nothing to see.
#[derive(Debug)]
pub(crate) struct CallsSilencePass(pub(crate) WorldSignal);

#[async_trait]
impl ErrorSignal for CallsSilencePass {
    fn describe(&self) -> Description {
        self.0.describe()
    }
    async fn sample(&self, color: Color, window: Window) -> Result<Measure, BackendError> {
        match self.0.sample(color, window).await {
            Ok(Measure::NoData { .. }) | Err(_) => Ok(Measure::Counts { bad: 0, total: 100 }),
            measure => measure,
        }
    }
}

/// Takes a check that was stopped for one that passed.
#[derive(Debug)]
pub(crate) struct PassesWhatIsCancelled(pub(crate) ScriptedProbe);

#[async_trait]
impl HealthProbe for PassesWhatIsCancelled {
    fn describe(&self) -> Description {
        self.0.describe()
    }
    fn needs_address(&self) -> bool {
        self.0.needs_address()
    }
    async fn check(&self, target: &ProbeTarget) -> Result<ProbeReport, BackendError> {
        let mut report = self.0.check(target).await?;
        if report.verdict == Verdict::Cancelled {
            report.verdict = Verdict::Pass;
        }
        Ok(report)
    }
}

/// Says that everything was appended.
#[derive(Debug)]
pub(crate) struct IgnoresItsErrors(pub(crate) WorldJournal);

#[async_trait]
impl Journal for IgnoresItsErrors {
    async fn rollouts(&self, target: &Target) -> Result<Vec<RolloutId>, JournalError> {
        self.0.rollouts(target).await
    }
    async fn load(&self, target: &Target, rollout: &RolloutId) -> Result<Log, JournalError> {
        self.0.load(target, rollout).await
    }
    async fn append(&self, target: &Target, id: &RolloutId, at: u64, records: &[Record]) -> Result<(), JournalError> {
        let _ = self.0.append(target, id, at, records).await;
        Ok(())
    }
}
