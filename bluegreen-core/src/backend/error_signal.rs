//! Measuring how a color does.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackendError, Description};
use crate::color::Color;

/// Measures one thing about one color over a window of time.
///
/// Implementers: a sample covers *all* instances of the color. Having seen nothing is [`Measure::NoData`] and why, never
/// zero; a source that is down is [`Measure::NoData`] or an error, and both are treated alike.
#[async_trait]
pub trait ErrorSignal: fmt::Debug + Send + Sync + 'static {
    /// What this is and how it is set; part of the plan.
    fn describe(&self) -> Description;

    /// Measures `color` over `window`. Changes nothing; may be called again for the same window, and dropped.
    async fn sample(&self, color: Color, window: Window) -> Result<Measure, BackendError>;
}

/// A stretch of time, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// What was measured. Counts, not ratios: only counts can be added up and judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// How many of how many were bad.
    Counts {
        /// The bad ones.
        bad: u64,
        /// All.
        total: u64,
    },
    /// A level.
    Gauge {
        /// In the signal's own unit.
        value: f64,
    },
    /// How many took at most how long; cumulative, bounds rising.
    Latency {
        /// The buckets.
        buckets: Vec<Bucket>,
    },
    /// Nothing was seen, and why.
    NoData {
        /// Why.
        why: String,
    },
}

/// How many took at most a given time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The upper bound, in seconds, included; infinite in the last one. Written as text, as JSON has no infinity.
    #[serde(with = "bound")]
    pub at_most_seconds: f64,
    /// How many.
    pub count: u64,
}

/// A bound as text: `0.5`, `inf`.
mod bound {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bound: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(bound)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
