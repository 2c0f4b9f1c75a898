//! What a rollout works with.

use std::sync::Arc;

use crate::backend::{Drainer, Environment, ErrorSignal, Gate, HealthProbe, MigrationRunner, Preflight, TrafficRouter};
use crate::clock::{Clock, Entropy};
use crate::engine::Decide;
use crate::record::{Journal, Observer};

/// The backends of a rollout; its plan describes them.
#[derive(Debug, Clone)]
pub(crate) struct Backends {
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) router: Arc<dyn TrafficRouter>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) preflights: Vec<Arc<dyn Preflight>>,
    pub(crate) migrations: Option<Arc<dyn MigrationRunner>>,
    pub(crate) smoke: Vec<Arc<dyn HealthProbe>>,
    pub(crate) warm_up: Vec<Arc<dyn HealthProbe>>,
    pub(crate) final_health: Vec<Arc<dyn HealthProbe>>,
    pub(crate) gate: Option<Arc<dyn Gate>>,
    pub(crate) drainer: Option<Arc<dyn Drainer>>,
    pub(crate) probes: Vec<Arc<dyn HealthProbe>>,
    pub(crate) signals: Vec<Arc<dyn ErrorSignal>>,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) decider: Arc<dyn Decide>,
}

impl Backends {
    /// The same backends, with one observer more.
    pub(crate) fn with_observer(&self, observer: Arc<dyn Observer>) -> Self {
        let mut backends = self.clone();
        backends.observers.push(observer);
        backends
    }
}
