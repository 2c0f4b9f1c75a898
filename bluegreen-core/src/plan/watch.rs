//! Observing a new release after the switch.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::criterion::Criterion;
use crate::backend::{Description, ErrorSignal, HealthProbe};

/// What is observed after a switch, for how long, and what fails.
///
/// Pods of the new color are always observed, and judged at once when a watch of them shows that they are unready,
/// crashed or gone. Everything else is sampled every [`interval`](Self::interval).
#[derive(Debug, Clone)]
#[must_use]
pub struct Watch {
    pub(crate) spec: WatchSpec,
    pub(crate) probes: Vec<Arc<dyn HealthProbe>>,
    pub(crate) signals: Vec<Arc<dyn ErrorSignal>>,
}

impl Watch {
    /// Observes for `duration`, from the moment at which data planes have settled.
    pub fn lasting(duration: Duration) -> Self {
        Self { spec: WatchSpec::new(duration), probes: Vec::new(), signals: Vec::new() }
    }

    /// Half an hour.
    pub fn half_hour() -> Self {
        Self::lasting(Duration::from_secs(30 * 60))
    }

    /// Two hours.
    pub fn two_hours() -> Self {
        Self::lasting(Duration::from_secs(2 * 3600))
    }

    /// How often everything is sampled; 5 s unless set.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.spec.interval = interval;
        self
    }

    /// Probes the production route. This many failures in a row fail the watch.
    pub fn probe(mut self, probe: impl HealthProbe, consecutive: u32) -> Self {
        self.spec.probes.push(ProbeSpec { probe: probe.describe(), consecutive });
        self.probes.push(Arc::new(probe));
        self
    }

    /// Samples a signal of the new color and judges it by `criterion`.
    pub fn signal(mut self, signal: impl ErrorSignal, criterion: Criterion) -> Self {
        self.spec.signals.push(SignalSpec { signal: signal.describe(), criterion });
        self.signals.push(Arc::new(signal));
        self
    }

    /// What the pods of the new color may do.
    pub fn pods(mut self, limits: PodLimits) -> Self {
        self.spec.pods = limits;
        self
    }

    /// What the old color must keep while the new one is observed.
    pub fn guard(mut self, guard: Guard) -> Self {
        self.spec.guard = guard;
        self
    }
}

/// A [`Watch`] as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchSpec {
    /// How long, from when data planes have settled.
    pub duration: Duration,
    /// How often everything is sampled.
    pub interval: Duration,
    /// Probes through the production route.
    pub probes: Vec<ProbeSpec>,
    /// Signals of the new color.
    pub signals: Vec<SignalSpec>,
    /// What the pods of the new color may do.
    pub pods: PodLimits,
    /// What the old color must keep.
    pub guard: Guard,
}

impl WatchSpec {
    fn new(duration: Duration) -> Self {
        Self {
            duration,
            interval: Duration::from_secs(5),
            probes: Vec::new(),
            signals: Vec::new(),
            pods: PodLimits::default(),
            guard: Guard::default(),
        }
    }
}

/// A probe of a watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeSpec {
    /// What it is.
    pub probe: Description,
    /// This many failures in a row fail the watch.
    pub consecutive: u32,
}

/// A signal of a watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalSpec {
    /// What it is.
    pub signal: Description,
    /// What it must be like.
    pub criterion: Criterion,
}

/// What the pods of the new color may do after the switch. Judged at once, on each event of the watch of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodLimits {
    /// The new color fails when less than this share of its replicas is ready, in percent from 1 to 100. Default 50: one
    /// of two may be unready for a moment, the only one may not.
    pub min_ready_percent: u32,
    /// The new color fails when its containers have restarted more often than this since the switch. Default 2.
    pub max_restarts: u32,
}

impl Default for PodLimits {
    fn default() -> Self {
        Self { min_ready_percent: 50, max_restarts: 2 }
    }
}

impl PodLimits {
    /// The fewest ready replicas of `replicas` that don't fail.
    #[must_use]
    pub const fn min_ready(&self, replicas: u32) -> u32 {
        (replicas * self.min_ready_percent).div_ceil(100)
    }
}

/// What the old color must keep while the new one is observed, so that it can take over.
///
/// Losing it is an event of its own. It doesn't end the watch, as the new color may be well; but no rollout is promoted
/// while the guard doesn't hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The least share of the replicas it served with that must be ready, in percent from 1 to 100. Default 100.
    pub min_ready_percent: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Self { min_ready_percent: 100 }
    }
}
