//! Measuring a color of the world.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{BackendError, Bucket, Color, Description, ErrorSignal, Measure, Window};

use super::fault::Site;
use super::shared::Shared;
use super::state::State;
use super::time::elapsed;
use super::timeline::Answers;

/// The bounds of latency buckets, in milliseconds, as client libraries of Prometheus have them by default.
const BOUNDS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/// A signal of a [`World`](super::World): what the color's pods answered to users, as a metric, a log or an alert tells it.
///
/// It covers all pods of the color, and only the window that is asked for. Without answers there is no data. Says
/// something else while [`World::signal_returns`](super::World::signal_returns) is set for its name.
#[derive(Debug, Clone)]
pub struct WorldSignal {
    shared: Arc<Shared>,
    name: String,
    source: Source,
}

/// What a signal is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// Answers, and how many of them were bad.
    Metric,
    /// Lines: one for each answer and each restart; bad answers and restarts are errors.
    Log,
    /// How long answers took.
    Latency,
    /// 1 while more than this share of the answers is bad, and 0 otherwise.
    Alert(f64),
}

impl WorldSignal {
    pub(crate) const fn new(shared: Arc<Shared>, name: String, source: Source) -> Self {
        Self { shared, name, source }
    }
}

#[async_trait]
impl ErrorSignal for WorldSignal {
    fn describe(&self) -> Description {
        let signal = |kind: &str| Description::new(kind).with("name", &*self.name);
        match self.source {
            Source::Metric => signal("WorldSignal"),
            Source::Log => signal("WorldLog"),
            Source::Latency => signal("WorldLatency"),
            Source::Alert(share) => signal("WorldAlert").with("share", share),
        }
    }

    async fn sample(&self, color: Color, window: Window) -> Result<Measure, BackendError> {
        let site = Site::new("signal.sample", "sample", &*self.name);
        let (name, source) = (self.name.clone(), self.source);
        let sample = move |state: &mut State| {
            let said = state.measures.get(&name).cloned();
            Ok(said.unwrap_or_else(|| state.measure(source, color, window)))
        };
        self.shared.call(site, sample).await
    }
}

impl State {
    /// What the pods of `color` did in `window`, as far as it has passed. Lost requests reached none of them.
    fn measure(&self, source: Source, color: Color, window: Window) -> Measure {
        let (from, to) = (elapsed(window.from), elapsed(window.to).min(self.now));
        let Answers { good, bad, .. } = self.timeline.answers(color, from, to);
        let restarts = match source {
            Source::Log => self.timeline.restarts(color, from, to),
            Source::Metric | Source::Latency | Source::Alert(_) => 0,
        };
        let (bad, total) = (bad + restarts, good + bad + restarts);
        match source {
            _ if total == 0 => Measure::NoData { why: format!("no pod of {color} answered a request") },
            Source::Metric | Source::Log => Measure::Counts { bad, total },
            Source::Latency => Measure::Latency { buckets: self.buckets(total, color, from, to) },
            Source::Alert(share) => Measure::Gauge { value: f64::from(bad as f64 > share * total as f64) },
        }
    }

    /// How many of `total` answers took at most how long.
    fn buckets(&self, total: u64, color: Color, from: Duration, to: Duration) -> Vec<Bucket> {
        let bounded = BOUNDS.map(Duration::from_millis).into_iter().map(|bound| Bucket {
            at_most_seconds: bound.as_secs_f64(),
            count: self.timeline.answers_within(bound, color, from, to),
        });
        bounded.chain([Bucket { at_most_seconds: f64::INFINITY, count: total }]).collect()
    }
}
