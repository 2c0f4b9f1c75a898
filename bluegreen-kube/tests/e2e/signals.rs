//! Signals whose verdict a case chooses.

use async_trait::async_trait;
use bluegreen_core::plan::Criterion;
use bluegreen_core::{BackendError, Color, Description, ErrorSignal, Measure, Window};

/// A signal that is always the same: a release that works is made to fail its watch, so that a rollback can be looked at
/// without the losses that a bad release brings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level(pub(crate) f64);

impl Level {
    /// What a [`Level`] of more than 1 fails.
    pub(crate) const fn criterion() -> Criterion {
        Criterion::at_most(1.0)
    }
}

#[async_trait]
impl ErrorSignal for Level {
    fn describe(&self) -> Description {
        Description::new("Level").with("value", self.0)
    }

    async fn sample(&self, _: Color, _: Window) -> Result<Measure, BackendError> {
        Ok(Measure::Gauge { value: self.0 })
    }
}
