//! A deterministic world in memory, with all the backends that a rollout needs.

mod behavior;
mod builder;
mod clock;
mod drainer;
mod environment;
mod fault;
mod follow;
mod gate;
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

use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::{
    Color, ColorObservation, GateDecision, Measure, MemoryJournal, MigrationRun, RouteObservation, Update,
};
use jiff::Timestamp;

pub use self::behavior::Behavior;
#[cfg(feature = "kube")]
pub(crate) use self::behavior::Fate;
pub use self::builder::WorldBuilder;
pub use self::clock::{WorldClock, WorldEntropy};
pub use self::drainer::WorldDrainer;
pub use self::environment::WorldEnvironment;
pub use self::fault::{Call, Fault};
pub use self::gate::{WorldGate, WorldPreflight};
pub use self::migration_runner::WorldMigrations;
pub use self::observer::WorldObserver;
pub use self::probe::WorldProbe;
pub use self::router::WorldRouter;
use self::shared::Shared;
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

    /// A signal.
    #[must_use]
    pub fn signal(&self, name: impl Into<String>) -> WorldSignal {
        WorldSignal::new(Arc::clone(&self.shared), name.into())
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
    pub fn journal(&self) -> MemoryJournal {
        self.journal.clone()
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
        self.shared.change(|state| state.behave(version.into(), behavior));
    }

    /// Sets what the gate says from now on.
    pub fn decide(&self, decision: GateDecision) {
        self.shared.change(|state| state.decision = decision);
    }

    /// Lets the precondition fail from now on.
    pub fn preflight_fails(&self, message: impl Into<String>) {
        self.shared.change(|state| state.preflight_failure = Some(message.into()));
    }

    /// Sets what the signal of this name says from now on, whatever the pods do.
    pub fn signal_returns(&self, name: impl Into<String>, measure: Measure) {
        self.shared.change(|state| state.measures.insert(name.into(), measure));
    }

    /// Lets every migration that is begun from now on fail.
    pub fn migrations_fail(&self, reason: impl Into<String>) {
        self.shared.change(|state| state.schema.failure = Some(reason.into()));
    }

    /// Lets the old release not work on the new schema.
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
        self.shared.look(|state| state.timeline.ledger(state.now))
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

    /// The laws that backend writes broke, with when and how; empty if all is well. What is checked is that traffic was
    /// only pointed at colors with a ready pod (law 1), and that no color was changed or made smaller while the route
    /// referenced it (law 2).
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.look(|state| state.violations.clone())
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
