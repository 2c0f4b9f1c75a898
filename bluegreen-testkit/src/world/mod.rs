//! A deterministic world in memory, with all the backends that a rollout needs.

mod autoscaler;
mod behavior;
mod builder;
mod clock;
mod color;
mod connections;
mod drainer;
mod environment;
mod fault;
mod follow;
mod gate;
mod incident;
mod journal;
mod laws;
mod migration_runner;
mod observer;
mod person;
mod pod;
mod probe;
mod route;
mod router;
mod schema;
mod shared;
mod signal;
mod slot;
mod snapshot;
mod state;
mod time;
mod timeline;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{
    Color, ColorObservation, GateDecision, Measure, MemoryJournal, MigrationRun, Rollout, RolloutBuilder,
    RouteObservation, Target, Update,
};
use jiff::Timestamp;

pub use self::behavior::Behavior;
#[cfg(feature = "kube")]
pub(crate) use self::behavior::Fate;
pub use self::builder::WorldBuilder;
pub use self::clock::{WorldClock, WorldEntropy};
pub use self::drainer::WorldDrainer;
pub use self::environment::WorldEnvironment;
pub use self::fault::{Call, Fault, ParseFaultError};
pub use self::gate::{WorldGate, WorldPreflight};
pub use self::incident::Incident;
pub use self::journal::WorldJournal;
pub use self::migration_runner::WorldMigrations;
pub use self::observer::WorldObserver;
pub use self::probe::WorldProbe;
pub use self::router::WorldRouter;
use self::shared::Shared;
use self::signal::Source;
pub use self::signal::WorldSignal;
pub use self::timeline::Ledger;

/// Two colors, a route, a schema and users, in memory.
///
/// Everything in it happens by tokio's clock. With the clock paused (`#[tokio::test(start_paused = true)]`) hours pass in
/// milliseconds, and the same calls at the same times always give the same world. Clones are the same world.
///
/// Three kinds of methods: those that hand out backends for a rollout, those that let something happen to the world
/// ([`behaves`](Self::behaves), [`edit_route`](Self::edit_route), [`fail_call`](Self::fail_call) …), and those that tell
/// what happened ([`requests`](Self::requests), [`violations`](Self::violations), [`calls`](Self::calls) …). The latter
/// are not backend calls: they have no number and never fail.
#[derive(Debug, Clone)]
pub struct World {
    shared: Arc<Shared>,
    entropy: WorldEntropy,
    journal: MemoryJournal,
}

/// Backends for a rollout.
impl World {
    const fn new(shared: Arc<Shared>, entropy: WorldEntropy, journal: MemoryJournal) -> Self {
        Self { shared, entropy, journal }
    }

    /// A rollout to `target` with this world's colors, route, journal, clock and randomness; all else is the test's.
    pub fn rollout(&self, target: &Target) -> RolloutBuilder {
        Rollout::builder(target)
            .environment(self.environment())
            .router(self.router())
            .journal(self.journal())
            .clock(self.clock())
            .entropy(self.entropy())
    }

    /// The two colors.
    #[must_use]
    pub fn environment(&self) -> WorldEnvironment {
        WorldEnvironment::new(Arc::clone(&self.shared))
    }

    /// The route.
    #[must_use]
    pub fn router(&self) -> WorldRouter {
        WorldRouter::new(Arc::clone(&self.shared))
    }

    /// A probe.
    #[must_use]
    pub fn probe(&self, name: impl Into<String>) -> WorldProbe {
        WorldProbe::new(Arc::clone(&self.shared), name.into())
    }

    /// A metric: counts the answers of a color's pods to users, and how many of them were bad.
    #[must_use]
    pub fn signal(&self, name: impl Into<String>) -> WorldSignal {
        WorldSignal::new(Arc::clone(&self.shared), name.into(), Source::Metric)
    }

    /// A log: counts the lines of a color's pods, one for each answer and each restart, and how many of them tell of a
    /// bad answer or a restart.
    #[must_use]
    pub fn logs(&self, name: impl Into<String>) -> WorldSignal {
        WorldSignal::new(Arc::clone(&self.shared), name.into(), Source::Log)
    }

    /// A histogram: how long a color's pods took for their answers to users.
    #[must_use]
    pub fn latency(&self, name: impl Into<String>) -> WorldSignal {
        WorldSignal::new(Arc::clone(&self.shared), name.into(), Source::Latency)
    }

    /// An alert: 1 while more than `share` (0 to 1) of a color's answers are bad, 0 otherwise.
    #[must_use]
    pub fn alert(&self, name: impl Into<String>, share: f64) -> WorldSignal {
        WorldSignal::new(Arc::clone(&self.shared), name.into(), Source::Alert(share))
    }

    /// The schema.
    #[must_use]
    pub fn migrations(&self) -> WorldMigrations {
        WorldMigrations::new(Arc::clone(&self.shared))
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> WorldGate {
        WorldGate::new(Arc::clone(&self.shared))
    }

    /// The precondition.
    #[must_use]
    pub fn preflight(&self) -> WorldPreflight {
        WorldPreflight::new(Arc::clone(&self.shared))
    }

    /// The open connections.
    #[must_use]
    pub fn drainer(&self) -> WorldDrainer {
        WorldDrainer::new(Arc::clone(&self.shared))
    }

    /// An observer that keeps what it is told.
    #[must_use]
    pub fn observer(&self) -> WorldObserver {
        WorldObserver::new(Arc::clone(&self.shared))
    }

    /// The journal; always the same one, so that a second rollout can go on with the first.
    #[must_use]
    pub fn journal(&self) -> WorldJournal {
        WorldJournal::new(Arc::clone(&self.shared), self.journal.clone())
    }

    /// The same world as another program sees it: all backends of the answer are that program's. A
    /// [`Fault`] that kills a program kills only the one whose call it hits.
    #[must_use]
    pub fn another_program(&self) -> Self {
        let shared = Arc::new(self.shared.another_program());
        Self { shared, entropy: self.entropy.clone(), journal: self.journal.clone() }
    }

    /// Waits until this program has died of a [`Fault`]. Nothing tells its rollout, which hangs: drop its handle.
    pub async fn died(&self) {
        self.shared.died().await;
    }

    /// Waits until the call with this number was made.
    pub(crate) async fn reached(&self, call: u64) {
        self.shared.until(|state| (state.faults.count() >= call).then_some(())).await;
    }

    /// Whether somebody ever routed to a color that had no ready pod.
    pub(crate) fn was_misrouted(&self) -> bool {
        self.shared.look(|state| state.misrouted)
    }

    /// Takes back everything that is still to go wrong, and lets all releases work well.
    pub(crate) fn calm(&self) {
        self.shared.change(state::State::calm);
    }

    /// The wall clock.
    #[must_use]
    pub fn clock(&self) -> WorldClock {
        WorldClock::new(self.shared.start())
    }

    /// The randomness; always the same sequence, so that no two who draw from it get the same number.
    #[must_use]
    pub fn entropy(&self) -> WorldEntropy {
        self.entropy.clone()
    }
}

/// What happens to the world.
impl World {
    /// Sets how the pods of all releases with this version behave: those that are there, as if they had become ready
    /// now, and those to come.
    pub fn behaves(&self, version: impl Into<String>, behavior: Behavior) {
        self.happens(Incident::Behaves { version: version.into(), behavior });
    }

    /// Sets what the gate says from now on.
    pub fn decide(&self, decision: GateDecision) {
        self.happens(Incident::Decide(decision));
    }

    /// Lets the precondition fail from now on.
    pub fn preflight_fails(&self, message: impl Into<String>) {
        self.shared.change(|state| state.preflight_failure = Some(message.into()));
    }

    /// Sets what the signal of this name says from now on, whatever the pods do.
    pub fn signal_returns(&self, name: impl Into<String>, measure: Measure) {
        self.happens(Incident::SignalReturns { name: name.into(), measure });
    }

    /// Lets every migration that is begun from now on fail.
    pub fn migrations_fail(&self, reason: impl Into<String>) {
        self.shared.change(|state| state.schema.failure = Some(reason.into()));
    }

    /// Lets the old release not work on the new schema: what served when a migration was begun answers every request badly
    /// once the migration is through.
    pub fn old_release_breaks(&self, evidence: impl Into<String>) {
        self.shared.change(|state| state.schema.incompatible = Some(evidence.into()));
    }

    /// Lets the call with this number go wrong; the first call is 1. A number that has passed changes nothing.
    pub fn fail_call(&self, number: u64, fault: Fault) {
        self.shared.change(|state| state.faults.fail_call(number, fault));
    }

    /// Lets the next call with this name go wrong, as in `router.write`. Faults for the same name are met one after the
    /// other.
    pub fn fail_next(&self, name: impl Into<String>, fault: Fault) {
        self.shared.change(|state| state.faults.fail_next(name.into(), fault));
    }
}

/// What happened.
impl World {
    /// The time since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.elapsed()
    }

    /// What became of the users' requests until now.
    #[must_use]
    pub fn requests(&self) -> Ledger {
        self.shared.look(|state| state.timeline.ledger(Duration::ZERO, state.now))
    }

    /// What became of those requests that users sent before the world was this old.
    #[must_use]
    pub fn requests_before(&self, age: Duration) -> Ledger {
        self.requests_between(Duration::ZERO, age)
    }

    /// What became of those requests that users sent `from` one age of the world `to` another, end excluded.
    #[must_use]
    pub fn requests_between(&self, from: Duration, to: Duration) -> Ledger {
        self.shared.look(|state| state.timeline.ledger(from, to.min(state.now)))
    }

    /// A color as it is.
    #[must_use]
    pub fn color(&self, color: Color) -> ColorObservation {
        self.shared.look(|state| state.slot(color).observe(state.now))
    }

    /// The route as it is.
    #[must_use]
    pub fn route(&self) -> RouteObservation {
        self.shared.look(state::State::observe_route)
    }

    /// The time after which `color` may be removed, as the last write to it said.
    #[must_use]
    pub fn cleanup_after(&self, color: Color) -> Option<Timestamp> {
        self.shared.look(|state| state.slot(color).deployment.as_ref()?.cleanup_after)
    }

    /// The backend calls that were made, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.look(|state| state.faults.calls().to_vec())
    }

    /// The laws of `bluegreen` that writes broke, with when and how; empty if all is well.
    ///
    /// Checked is, for every write that lands: traffic is only pointed at a color that has a ready pod and holds the release
    /// that the rollout means (law 1); no color is changed or made smaller while the route references it (2); every write
    /// leaves a new stamp, only the holder moves traffic, never over a foreign edit, and never to a color that it hasn't
    /// sealed (3); every write was journaled as an intent before, and no migration runs twice (4); nothing is scaled down without proof (9); nothing is
    /// written after the end (10). What a rollout means is read from [`journal`](Self::journal); of a rollout with another
    /// journal, only the laws that can do without are checked.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.look(|state| state.violations.clone())
    }

    /// Everything that happened, a line each. The same world with the same rollout gives the same lines.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.shared.look(|state| state.trace.lines().collect())
    }

    /// What is worth telling of the [`trace`](Self::trace): writes, the journal, and everything that went wrong.
    #[must_use]
    pub fn story(&self) -> Vec<String> {
        self.shared.look(|state| state.trace.story().collect())
    }

    /// The migrations that were run, in order.
    #[must_use]
    pub fn migration_runs(&self) -> Vec<MigrationRun> {
        self.shared.look(|state| state.schema.runs().cloned().collect())
    }

    /// What [`observer`](Self::observer) was told, in order.
    #[must_use]
    pub fn updates(&self) -> Vec<Update> {
        self.shared.look(|state| state.updates.clone())
    }
}
