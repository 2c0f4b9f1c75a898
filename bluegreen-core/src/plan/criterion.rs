//! What a measurement must be like.

use serde::{Deserialize, Serialize};

use crate::backend::{Measure, Verdict};

/// When the measurements of a signal count as failing: a threshold, and how often it may be exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// What one measurement must be like.
    pub threshold: Threshold,
    /// This many bad measurements in a row fail. At least 1.
    pub consecutive: u32,
    /// This many bad measurements in all fail, in a row or not.
    pub total: Option<u32>,
    /// What a measurement without data counts as.
    pub no_data: NoData,
}

impl Criterion {
    /// At most `share` (0 to 1) of what was counted may be bad, once at least `of_at_least` were counted.
    #[must_use]
    pub const fn error_rate(share: f64, of_at_least: u64) -> Self {
        Self::new(Threshold::ErrorRate { share, of_at_least })
    }

    /// The level may be at most `value`.
    #[must_use]
    pub const fn at_most(value: f64) -> Self {
        Self::new(Threshold::AtMost { value })
    }

    /// At most `share` (0 to 1) may take longer than `seconds`; `Criterion::slower_than(5.0, 0.01)` is "p99 under 5 s".
    #[must_use]
    pub const fn slower_than(seconds: f64, share: f64) -> Self {
        Self::new(Threshold::SlowerThan { seconds, share })
    }

    const fn new(threshold: Threshold) -> Self {
        Self { threshold, consecutive: 1, total: None, no_data: NoData::Fail { after: 3 } }
    }

    /// Sets how many bad measurements in a row fail.
    #[must_use]
    pub const fn consecutive(mut self, consecutive: u32) -> Self {
        self.consecutive = consecutive;
        self
    }

    /// Sets how many bad measurements in all fail.
    #[must_use]
    pub const fn total(mut self, total: u32) -> Self {
        self.total = Some(total);
        self
    }

    /// Sets what a measurement without data counts as.
    #[must_use]
    pub const fn no_data(mut self, no_data: NoData) -> Self {
        self.no_data = no_data;
        self
    }

    /// What one measurement counts as. A measurement of another kind than the threshold's has no data for it.
    #[must_use]
    pub fn judge(&self, measure: &Measure) -> Verdict {
        let bad = match (self.threshold, measure) {
            (Threshold::ErrorRate { of_at_least, .. }, Measure::Counts { total, .. }) if *total < of_at_least => {
                return Verdict::Inconclusive;
            }
            (Threshold::ErrorRate { .. }, Measure::Counts { total: 0, .. }) => return Verdict::Inconclusive,
            (Threshold::ErrorRate { share, .. }, Measure::Counts { bad, total }) => *bad as f64 > share * *total as f64,
            (Threshold::AtMost { value: limit }, Measure::Gauge { value }) if value.is_finite() => *value > limit,
            (Threshold::SlowerThan { seconds, share }, Measure::Latency { buckets }) => {
                let Some(all) = buckets.last().map(|bucket| bucket.count).filter(|count| *count > 0) else {
                    return Verdict::Inconclusive;
                };
                let fast = buckets.iter().filter(|bucket| bucket.at_most_seconds <= seconds).map(|bucket| bucket.count);
                let slow = all.saturating_sub(fast.max().unwrap_or(0));
                slow as f64 > share * all as f64
            }
            _ => return Verdict::Inconclusive,
        };
        if bad { Verdict::Fail } else { Verdict::Pass }
    }

    /// Whether no measurement could ever fail it. Such a criterion is an error in a plan.
    pub(crate) fn never_fails(&self) -> bool {
        let threshold = match self.threshold {
            Threshold::ErrorRate { share, .. } | Threshold::SlowerThan { share, .. } => share.is_nan() || share >= 1.0,
            Threshold::AtMost { value } => value.is_nan() || value == f64::INFINITY,
        };
        threshold || self.consecutive == 0 || self.total == Some(0)
    }
}

/// What one measurement must be like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Counts: at most this share bad.
    ErrorRate {
        /// From 0 to 1.
        share: f64,
        /// With fewer than this, there is nothing to say.
        of_at_least: u64,
    },
    /// Gauge: at most this.
    AtMost {
        /// In the signal's own unit.
        value: f64,
    },
    /// Latency: at most this share slower than this. Judged at the largest bucket bound that isn't above `seconds`.
    SlowerThan {
        /// The bound.
        seconds: f64,
        /// From 0 to 1.
        share: f64,
    },
}

/// What a measurement without data counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// This many in a row fail.
    Fail {
        /// How many. At least 1.
        after: u32,
    },
    /// Nothing; but a watch passes only if it has seen at least 95 % of its time.
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Bucket;

    #[test]
    fn thresholds_are_exclusive_and_silence_is_not_health() {
        let counts = |bad, total| Measure::Counts { bad, total };
        let rate = Criterion::error_rate(0.01, 50);
        assert_eq!(rate.judge(&counts(1, 100)), Verdict::Pass);
        assert_eq!(rate.judge(&counts(2, 100)), Verdict::Fail);
        assert_eq!(rate.judge(&counts(40, 49)), Verdict::Inconclusive);
        assert_eq!(Criterion::error_rate(0.0, 0).judge(&counts(0, 0)), Verdict::Inconclusive);
        assert_eq!(rate.judge(&Measure::NoData { why: "down".into() }), Verdict::Inconclusive);
        assert_eq!(Criterion::at_most(70.0).judge(&Measure::Gauge { value: f64::NAN }), Verdict::Inconclusive);
        assert_eq!(Criterion::at_most(70.0).judge(&counts(0, 10)), Verdict::Inconclusive);
    }

    #[test]
    fn latency_is_judged_by_counts() {
        let buckets = |fast, all| Measure::Latency {
            buckets: vec![
                Bucket { at_most_seconds: 5.0, count: fast },
                Bucket { at_most_seconds: f64::INFINITY, count: all },
            ],
        };
        let p99 = Criterion::slower_than(5.0, 0.01);
        assert_eq!(p99.judge(&buckets(99, 100)), Verdict::Pass);
        assert_eq!(p99.judge(&buckets(98, 100)), Verdict::Fail);
        assert_eq!(p99.judge(&buckets(0, 0)), Verdict::Inconclusive);
    }

    #[test]
    fn criteria_that_cannot_fail_are_known() {
        assert!(Criterion::error_rate(1.0, 0).never_fails());
        assert!(Criterion::at_most(f64::INFINITY).never_fails());
        assert!(Criterion::at_most(1.0).consecutive(0).never_fails());
        assert!(!Criterion::slower_than(5.0, 0.01).never_fails());
    }
}
