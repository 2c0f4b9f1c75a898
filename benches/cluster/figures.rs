//! A distribution, for people.

use std::fmt;
use std::time::Duration;

/// Durations, as they come.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Duration>);

impl Figures {
    pub(crate) fn push(&mut self, duration: Option<Duration>) {
        self.0.extend(duration);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
            sorted.get(index).map_or(f64::NAN, |duration| duration.as_secs_f64() * 1000.0)
        };
        write!(
            f,
            "median {:5.1} ms  p90 {:5.1}  p99 {:5.1}  max {:5.1}  ({} runs)",
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0),
            sorted.len()
        )
    }
}
