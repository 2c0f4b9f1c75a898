//! What measurements come to.

use jiff::{SignedDuration, Timestamp};

use crate::backend::{ColorObservation, Measure, Verdict};
use crate::plan::{NoData, PlanSpec, PodLimits, SourceName, WatchSpec};
use crate::record::Sample;

/// What one source of a watch has seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceState {
    /// Bad measurements in a row.
    pub bad_in_a_row: u32,
    /// Bad measurements in all.
    pub bad: u32,
    /// Measurements without data in a row.
    pub silent_in_a_row: u32,
    /// Measurements in all.
    pub samples: u64,
    /// How much of the watch it has seen.
    pub seen: SignedDuration,
    /// How much of the confirmation window it has seen.
    pub seen_confirming: SignedDuration,
    /// When it measured last.
    pub last: Option<Timestamp>,
    /// Why it fails.
    pub failing: Option<String>,
}

/// How often a source may be bad or silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    consecutive: u32,
    total: Option<u32>,
    silent: Option<u32>,
}

impl Limits {
    /// Pods and guard are judged as they are now, not by how often they were bad; a sample only shows that they were seen.
    const SEEN: Self = Self { consecutive: u32::MAX, total: None, silent: None };

    fn of(watch: &WatchSpec, source: SourceName) -> Self {
        match source {
            SourceName::Pods | SourceName::Guard => Self::SEEN,
            SourceName::Probe(index) => {
                let consecutive = watch.probes.get(index).map_or(1, |probe| probe.consecutive);
                Self { consecutive, ..Self::SEEN }
            }
            SourceName::Signal(index) => watch.signals.get(index).map_or(Self::SEEN, |signal| {
                let silent = match signal.criterion.no_data {
                    NoData::Fail { after } => Some(after.max(1)),
                    NoData::Wait => None,
                };
                Self { consecutive: signal.criterion.consecutive, total: signal.criterion.total, silent }
            }),
        }
    }

    /// Why the source fails, if it does.
    pub(crate) fn failing(self, source: &SourceState, sample: &Sample) -> Option<String> {
        let what = if sample.summary.is_empty() { describe(&sample.measure) } else { sample.summary.clone() };
        let name = &sample.source;
        if source.bad_in_a_row >= self.consecutive {
            return Some(format!("{name} failed {} times in a row: {what}", source.bad_in_a_row));
        }
        if self.total.is_some_and(|total| source.bad >= total) {
            return Some(format!("{name} failed {} times in all: {what}", source.bad));
        }
        if self.silent.is_some_and(|silent| source.silent_in_a_row >= silent) {
            return Some(format!("{name} has no data for {} measurements in a row: {what}", source.silent_in_a_row));
        }
        None
    }
}

/// What one sample counts as, and how many like it its source may have.
pub(crate) fn judge(plan: &PlanSpec, sample: &Sample) -> (Verdict, Limits) {
    let (Some(watch), Ok(source)) = (&plan.watch, sample.source.parse::<SourceName>()) else {
        return (Verdict::Inconclusive, Limits::SEEN);
    };
    (watch.judge(source, &sample.measure), Limits::of(watch, source))
}

/// Why the pods of the new color fail, if they do.
pub(crate) fn pods_fail(limits: PodLimits, seen: &ColorObservation, capacity: u32, restarts: u32) -> Option<String> {
    let least = limits.min_ready(capacity).max(1);
    if seen.ready < least {
        let why = seen.obstacles.first().map(|obstacle| format!(" ({obstacle})")).unwrap_or_default();
        let ready = seen.ready;
        return Some(format!(
            "{ready} of {capacity} replicas of {} are ready, at least {least} must be{why}",
            seen.color
        ));
    }
    let since = seen.restarts.saturating_sub(restarts);
    (since > limits.max_restarts).then(|| {
        format!(
            "containers of {} restarted {since} times since the switch, at most {} are allowed",
            seen.color, limits.max_restarts
        )
    })
}

fn describe(measure: &Measure) -> String {
    match measure {
        Measure::Counts { bad, total } => format!("{bad} of {total} bad"),
        Measure::Gauge { value } => format!("at {value}"),
        Measure::Latency { buckets } => {
            let counts: Vec<_> =
                buckets.iter().map(|b| format!("{} within {} s", b.count, b.at_most_seconds)).collect();
            counts.join(", ")
        }
        Measure::NoData { why } => format!("no data: {why}"),
    }
}
